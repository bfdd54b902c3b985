"""ummsg tokens: what opens the served feed."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, CustomerOption, Fields, Format, Yes, noun
from ummsg.vocabulary import LARGEST, ListFormat, TokenKind

if TYPE_CHECKING:
    from ummsg.domain.token import Token
    from ummsg.runtime import Runtime

app = noun("What opens the served feed: tokens for servers, customers and senders of events.")

TokenId = Annotated[int, typer.Argument(metavar="ID", min=1, max=LARGEST, help="A token's id.")]

_USES = {
    TokenKind.NETWORK: "Send it as Authorization: Bearer, from your server alone: it opens every customer's notices.",
    TokenKind.CUSTOMER: "Give it to that customer's browser; to see what they see, open /dashboard?token=TOKEN.",
    TokenKind.WEBHOOK: "Let the network send an event to /v1/events/SLUG/TOKEN.",
    TokenKind.SIGNATURE: "Let the sender sign with it (Standard Webhooks), and send an event to /v1/events/SLUG.",
}


@app.command()
def create(
    ctx: Context,
    kind: Annotated[TokenKind, typer.Argument(metavar="KIND", help="network, customer, webhook or signature.")],
    customer: CustomerOption = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="For how long: 12h, 30d.  [default: customers 1d]"),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What it is for; shown by tokens list.")] = "",
) -> None:
    """Make a token, and print it, this once.

    network: a server of yours asks for the notices of any customer. customer: one customer's browser asks for their
    own. webhook and signature: a sender of events.
    """
    from ummsg.domain.duration import parse_duration

    ummsg = ctx.obj
    lasts = parse_duration(expires) if expires is not None else None
    found = ummsg.directory.customer(customer) if customer is not None else None
    token, text = ummsg.tokens.create(kind, customer=found, lasts=lasts, note=note)
    print(text)
    until = f", until {views.local_time(token.expires_at)}" if token.expires_at else ""
    views.talk(f"Token {token.id}{until}. It is not shown again. {_USES[kind]}")


@app.command("list")
def list_tokens(ctx: Context, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """List what each token is for, and whether it is live.

    Not the tokens themselves: they are not kept.
    """
    columns = ["id", "kind", "customer", "note", "created_at", "expires_at", "state"]
    views.listing((_row(ctx.obj, *found) for found in ctx.obj.tokens.all()), format, fields, columns=columns)


@app.command()
def revoke(ctx: Context, token_id: TokenId, yes: Yes = False) -> None:
    """Let a token open nothing any more, from now on."""
    ummsg = ctx.obj
    token = ummsg.tokens.get(token_id)
    of = f" ({token.note})" if token.note else ""
    ummsg.prompter.confirm_destructive(f"Revoke token {token_id}, a {token.kind}'s{of}?", yes=yes)
    revoked = ummsg.tokens.revoke(token_id)
    views.talk(f"Token {token_id} opens nothing any more." if revoked else f"Token {token_id} was revoked before.")


def _row(ummsg: "Runtime", token: "Token", address: str) -> dict[str, Any]:
    return {
        "id": token.id,
        "kind": token.kind.value,
        "customer": address or None,
        "note": token.note,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "state": token.state(ummsg.clock()).value,
    }
