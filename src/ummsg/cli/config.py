"""ummsg config: the settings as ummsg sees them."""

from ummsg.cli import views
from ummsg.cli.options import Context, Fields, Format, noun
from ummsg.vocabulary import ListFormat

app = noun("Show the settings and where each comes from.")


@app.callback()
def config() -> None:
    """Show the settings and where each comes from."""


@app.command()
def show(ctx: Context, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """Show every setting, its value and its source; secrets are never shown."""
    from ummsg.config import SETTINGS

    settings = ctx.obj.settings
    in_effect = {"DATABASE_URL": _without_login(settings.database_url), "MAIL_URL": str(settings.mail_url)}
    rows = (
        {
            "name": setting.variable,
            "value": _shown(setting.secret, in_effect.get(setting.name, settings[setting.name])),
            "source": settings.sources[setting.name],
            "help": setting.help,
        }
        for setting in SETTINGS
    )
    views.listing(rows, format, fields, columns=["name", "value", "source"], key="name")


def _without_login(database_url: str) -> str:
    """A SQLite URL has none; what another one holds before its @ is nobody's business."""
    return database_url if database_url.startswith("sqlite:") else "(not SQLite, not shown)"


def _shown(secret: bool, value: str) -> str:
    return "(set, not shown)" if secret and value else value
