"""ummsg serve: notices, unsubscribing and events over HTTP."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, single_command

if TYPE_CHECKING:
    from ummsg.config import Settings

app = single_command()

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@app.command()
def serve(
    ctx: Context,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")] = 8080,
) -> None:
    """Serve notices for dashboards, the page behind List-Unsubscribe, and webhooks, until Ctrl-C.

    Only this machine can connect unless --host says otherwise; put a web server with HTTPS in front of it.
    """
    server = ctx.obj.server
    address = server.listen(host, port)
    views.talk(f"Serving {address}; Ctrl-C ends it.", "bold")
    if host not in _LOOPBACK:
        views.talk("Tokens travel unencrypted here: let others connect by HTTPS, to a web server in front of this.")
    views.warnings(_unready(ctx.obj.settings))
    views.next_step("ummsg tokens create customer --customer anna@example.com", "To look at what a customer sees")
    server.run()
    views.talk("Stopped.")


def _unready(settings: "Settings") -> Iterator[str]:
    """What would come to light only when somebody asks, and was not told again."""
    if not settings["FROM"]:
        yield "UMMSG_FROM is not set: events with an email are refused, and their sender may not send them again."
    unsubscribing = settings["UNSUBSCRIBE_URL"].strip()
    if unsubscribing and not unsubscribing.rstrip("/").endswith("/u"):
        yield "UMMSG_UNSUBSCRIBE_URL does not end with /u, which is where unsubscribing is answered here."
