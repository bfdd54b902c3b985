"""Settings: flags, then environment, then `.env` in the working directory, then defaults.

`SETTINGS` below is the one list of them; `init` writes `.env` from it, `config show` and docs/settings.md print it.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

from ummsg.errors import InvalidInput, NotConfigured
from ummsg.passwords import password
from ummsg.vocabulary import EmailStyle
from ummsg.zones import zone_named

PREFIX = "UMMSG_"


@dataclass(frozen=True)
class Setting:
    """One variable: its name without the prefix, what it is for, and what stands when it is not set."""

    name: str
    help: str
    default: str = ""
    example: str = ""
    secret: bool = False

    @property
    def variable(self) -> str:
        return PREFIX + self.name


SETTINGS = (
    Setting("DATABASE_URL", "Where the directory and the ledger are kept", example="sqlite:////srv/ummsg/ummsg.db"),
    Setting(
        "MAIL_URL",
        "Where mail goes; until set, into a maildir folder",
        example="smtp://user@mail.example.com:587",
    ),
    Setting("MAIL_PASSWORD", "The mail server's password", secret=True),
    Setting("MAIL_PASSWORD_FILE", "A file that holds the password"),
    Setting("MAIL_PASSWORD_COMMAND", "A command that prints the password", example="pass show mail/ummsg", secret=True),
    Setting("MAIL_CONNECTIONS", "How many connections to the mail server at once, at most", default="10"),
    Setting(
        "PAUSE_AT_ERROR_RATE",
        "A broadcast is paused when more of its last 200 recipients failed, from 1% to 99%; or off",
        default="20%",
    ),
    Setting("FROM", "The sender of broadcasts", example="Example Network <hello@example.com>"),
    Setting("REPLY_TO", "Where answers go, if not to the sender"),
    Setting("ADMIN_EMAILS", "The network's admins, separated by commas"),
    Setting("NETWORK_NAME", "The network's name, in layouts and as network_name", example="Example Network"),
    Setting("NETWORK_URL", "The network's address, as network_url", example="https://example.com"),
    Setting(
        "NETWORK_PASSWORD", "The application password for the network, if `network connect` keeps none", secret=True
    ),
    Setting("NETWORK_PASSWORD_FILE", "A file that holds that password"),
    Setting(
        "NETWORK_PASSWORD_COMMAND", "A command that prints that password", example="pass show network", secret=True
    ),
    Setting("NETWORK_API_KEY", "The key of Ultimate Multisite's API, for `emails import --from` an address"),
    Setting("NETWORK_API_SECRET", "Its secret", secret=True),
    Setting("NETWORK_API_SECRET_FILE", "A file that holds that secret"),
    Setting("NETWORK_API_SECRET_COMMAND", "A command that prints that secret", example="pass show api", secret=True),
    Setting("LOCALE", "The network's language: of its admins, and of customers whose own is not known", default="en"),
    Setting(
        "TIMEZONE",
        "The network's time zone: of times that name none, and of customers whose own is not known",
        example="Europe/Stockholm",
    ),
    Setting("EMAIL_STYLE", "html or plain: the style of system emails that have none of their own", default="html"),
    Setting("SUBJECT_PREFIX", "no: leave the network's name before the subjects of system emails out", default="yes"),
    Setting("TEMPLATE_PATH", "Folders with more default emails and events, separated by colons"),
    Setting("RATE_LIMIT", "How much mail may go out in any second, minute, hour or day", example="50/s,5000/h,40000/d"),
    Setting("DOMAIN_LIMITS", "The same for recipients' domains", example="gmail.com=20/s,1000/h,outlook.com=10/s"),
    Setting("SECRET_KEY", "Signs tokens; made by init, kept beside the database", secret=True),
    Setting(
        "UNSUBSCRIBE_URL",
        "Where a click on Unsubscribe goes (HTTPS); a signed token is appended",
        example="https://example.com/u",
    ),
    Setting("UNSUBSCRIBE_MAILTO", "The address that takes unsubscribing by email", example="unsubscribe@example.com"),
    Setting(
        "BOUNCE_ADDRESS",
        "Where bounces go; each message gets a tagged form of it as its envelope sender",
        example="bounces@example.com",
    ),
    Setting("BOUNCE_PASSWORD", "The password of the mailbox that bounces are in (imaps)", secret=True),
    Setting("BOUNCE_PASSWORD_FILE", "A file that holds that password"),
    Setting(
        "BOUNCE_PASSWORD_COMMAND", "A command that prints that password", example="pass show mail/bounces", secret=True
    ),
    Setting(
        "AUTO_SUPPRESS", "yes: suppress an address that does not exist at once, instead of proposing it", default="no"
    ),
    Setting("DKIM_SELECTOR", "The selector that the mail server signs with; for the doctor", example="mail"),
    Setting("LAYOUT_HIDE_LOGO", "yes: neither logo nor network name above the card", default="no"),
    Setting("LAYOUT_LOGO_URL", "A picture to show instead of the network name"),
    Setting("LAYOUT_BACKGROUND_COLOUR", "Behind the card", default="#f9f9f9"),
    Setting("LAYOUT_CONTENT_COLOUR", "The card's text", default="#333333"),
    Setting("LAYOUT_CONTENT_ALIGNMENT", "left, center or right", default="left"),
    Setting("LAYOUT_CONTENT_FONT", "A CSS font list", default="Helvetica, Arial, sans-serif"),
    Setting("LAYOUT_FOOTER_TEXT", "A line below the card"),
    Setting("LAYOUT_FOOTER_COLOUR", "The footer's text", default="#6b6b6b"),
    Setting("LAYOUT_FOOTER_ALIGNMENT", "left, center or right", default="center"),
    Setting("LAYOUT_FOOTER_FONT", "A CSS font list", default="Helvetica, Arial, sans-serif"),
    Setting("LAYOUT_SHOW_ADDRESS", "no: leave the company address out", default="yes"),
    Setting(
        "COMPANY_ADDRESS",
        "The company's postal address, in the footer",
        example="Example AB, Storgatan 1, Lund",
    ),
)


@dataclass(frozen=True)
class MailUrl:
    """A transport's address, without the password.

    `smtp://user@host:587`, `smtps://host:465`, `smtp://host:25?tls=none`, `maildir:PATH`, `console:`, `memory:`,
    `sendmail:/usr/sbin/sendmail`.
    """

    scheme: str
    user: str = ""
    host: str = ""
    port: int | None = None
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, url: str) -> "MailUrl":
        """Raises NotConfigured, without repeating any of a URL that may hold a password."""
        if _may_hold_a_password(url):
            raise NotConfigured(
                "UMMSG_MAIL_URL seems to hold a password, which would be shown wherever the URL is",
                hint="write smtp://user@host:587, and the password into UMMSG_MAIL_PASSWORD,"
                " UMMSG_MAIL_PASSWORD_FILE or UMMSG_MAIL_PASSWORD_COMMAND",
            )
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _not_a_mail_url() from None
        if not parts.scheme or port == 0 or any(c.isspace() or not c.isprintable() for c in url):
            raise _not_a_mail_url()
        return cls(
            scheme=parts.scheme,
            user=unquote(parts.username or ""),
            host=parts.hostname or "",
            port=port,
            path=unquote(parts.path),
            options=dict(parse_qsl(parts.query)),
        )

    def __str__(self) -> str:
        if not self.host:
            return f"{self.scheme}:{self.path}"
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{user}{host}{f':{self.port}' if self.port else ''}"


_LOCAL_SCHEMES = ("maildir", "sendmail", "console", "memory")


def _may_hold_a_password(url: str) -> bool:
    """Whether something stands before an @ that is more than a user's name, however badly the URL is written."""
    scheme, _, rest = url.partition(":")
    user, at, _ = rest.rpartition("@")
    return scheme not in _LOCAL_SCHEMES and bool(at) and (":" in user or not rest.startswith("//"))


def _not_a_mail_url() -> NotConfigured:
    return NotConfigured(
        "UMMSG_MAIL_URL is not a mail URL",
        hint="write smtp://user@host:587, smtps://host:465, maildir:FOLDER or console:",
    )


_COLOUR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?|[a-zA-Z]{3,30}")
_FONT = re.compile(r"[\w\s,'\-]{1,200}")
_ALIGNMENT = re.compile(r"left|center|right")
_LOCALE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*")
_CONNECTIONS = re.compile(r"100|[1-9][0-9]?")
_ERROR_RATE = re.compile(r"[1-9][0-9]? ?%|off")
_STYLE = re.compile(r"html|plain")
_SWITCH = {
    "yes": True,
    "true": True,
    "1": True,
    "on": True,
    "no": False,
    "false": False,
    "0": False,
    "off": False,
}


@dataclass(frozen=True)
class LayoutOptions:
    """The base layout's options; every value is checked, since it lands inside CSS."""

    language: str = "und"
    """Of the message, as HTML tells it (BCP 47)."""
    network_name: str = ""
    network_url: str = ""
    hide_logo: bool = False
    logo_url: str = ""
    background_colour: str = "#f9f9f9"
    content_colour: str = "#333333"
    content_alignment: str = "left"
    content_font: str = "Helvetica, Arial, sans-serif"
    footer_text: str = ""
    footer_colour: str = "#6b6b6b"
    footer_alignment: str = "center"
    footer_font: str = "Helvetica, Arial, sans-serif"
    company_address: str = ""
    """Empty too when LAYOUT_SHOW_ADDRESS is no."""


@dataclass(frozen=True)
class Settings:
    """The settings as found; `sources` says for each where it came from (environment, .env, default)."""

    values: Mapping[str, str]
    sources: Mapping[str, str]
    data_dir: Path

    @classmethod
    def load(cls, environ: Mapping[str, str], directory: Path) -> "Settings":
        """Raises NotConfigured for a `.env` that cannot be read as one."""
        from_file = _read_dotenv(directory / ".env")
        values, sources = {}, {}
        for setting in SETTINGS:
            for source, found in (("environment", environ), (".env", from_file)):
                if found.get(setting.variable):
                    values[setting.name], sources[setting.name] = str(found[setting.variable]), source
                    break
            else:
                values[setting.name], sources[setting.name] = setting.default, "default"
        return cls(values=values, sources=sources, data_dir=_data_dir())

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    @property
    def database_url(self) -> str:
        return self["DATABASE_URL"] or f"sqlite:///{self.data_dir / 'ummsg.db'}"

    @property
    def mail_url(self) -> MailUrl:
        if not self["MAIL_URL"]:
            return MailUrl(scheme="maildir", path=str(self.data_dir / "maildir"))
        return MailUrl.parse(self["MAIL_URL"])

    @property
    def secret_key_path(self) -> Path:
        """Beside the database, so that whoever backs one up has the other."""
        path = self.database_url.removeprefix("sqlite:///").split("?")[0]
        return Path(path).absolute().with_suffix(".key")

    def secret_key(self) -> bytes:
        """What tokens are signed with. Raises NotConfigured if there is none."""
        if self["SECRET_KEY"]:
            return self["SECRET_KEY"].encode()
        path = self.secret_key_path
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            raise NotConfigured(
                "There is no secret key to sign with", details=[f"{path}: {error.strerror}"], hint="ummsg init"
            ) from None
        if not key:
            raise NotConfigured(f"The secret key {path} is empty", hint=f"rm {path}, and: ummsg init")
        return key

    def mail_password(self) -> str | None:
        """The mail server's. Raises NotConfigured if it cannot be had."""
        return password(self.values, "MAIL_PASSWORD")

    def bounce_password(self) -> str | None:
        """That of the mailbox that bounces are in. Raises as `mail_password` does."""
        return password(self.values, "BOUNCE_PASSWORD")

    def network_password(self) -> str | None:
        """The application password for the network, from the settings, or else as it is kept beside the database.

        Raises as `mail_password` does.
        """
        if (from_settings := password(self.values, "NETWORK_PASSWORD")) is not None:
            return from_settings
        try:
            return self.network_password_path.read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise NotConfigured(
                "The network's password cannot be read", details=[f"{self.network_password_path}: {error}"]
            ) from None

    def network_api_secret(self) -> str | None:
        """That of Ultimate Multisite's API. Raises as `mail_password` does."""
        return password(self.values, "NETWORK_API_SECRET")

    def password_is_set(self, name: str) -> bool:
        """In the settings, in whatever way."""
        return any(self.values[variable] for variable in (name, f"{name}_FILE", f"{name}_COMMAND"))

    @property
    def network_password_path(self) -> Path:
        """Beside the database, and not in it: a copy of the database opens nobody's network."""
        return self.secret_key_path.with_suffix(".network-password")

    @property
    def auto_suppress(self) -> bool:
        """Whether an address that does not exist is suppressed without asking."""
        return self._switch("AUTO_SUPPRESS")

    @property
    def mail_connections(self) -> int:
        """Raises NotConfigured for what is no number from 1 to 100."""
        return int(self._matching("MAIL_CONNECTIONS", _CONNECTIONS, "a number from 1 to 100"))

    @property
    def pause_at_error_rate(self) -> float | None:
        """The part of a broadcast's recipients that may fail; None for any. Raises NotConfigured for anything else."""
        value = self._matching("PAUSE_AT_ERROR_RATE", _ERROR_RATE, "a percentage from 1% to 99%, or off")
        return None if value == "off" else int(value.rstrip("% ")) / 100

    @property
    def locale(self) -> str:
        """Raises NotConfigured for what is no language."""
        return self._matching("LOCALE", _LOCALE, "a language such as en, sv or pt_BR")

    @property
    def timezone(self) -> ZoneInfo | None:
        """The network's. Raises NotConfigured for a zone that does not exist."""
        if not self["TIMEZONE"]:
            return None
        try:
            return zone_named(self["TIMEZONE"])
        except InvalidInput as error:
            raise NotConfigured(
                f"UMMSG_TIMEZONE: {error.what}", hint=f"UMMSG_TIMEZONE={error.hint or 'Europe/Stockholm'}"
            ) from None

    @property
    def email_style(self) -> EmailStyle:
        """What the style `default` means. Raises NotConfigured for another word."""
        return EmailStyle(self._matching("EMAIL_STYLE", _STYLE, "html or plain"))

    @property
    def subject_prefix(self) -> bool:
        """Whether the network's name stands before the subjects of system emails."""
        return self._switch("SUBJECT_PREFIX")

    @property
    def template_path(self) -> list[Path]:
        """Raises NotConfigured for a folder that is not there."""
        folders = [Path(name) for name in self["TEMPLATE_PATH"].split(os.pathsep) if name]
        for folder in folders:
            if not folder.is_dir():
                raise NotConfigured(f"UMMSG_TEMPLATE_PATH: {folder} is no folder", hint=f"mkdir {folder}, or unset it")
        return folders

    def layout(self) -> LayoutOptions:
        """Raises NotConfigured for a value that is not what its setting takes."""
        return LayoutOptions(
            network_name=self["NETWORK_NAME"],
            network_url=self["NETWORK_URL"],
            hide_logo=self._switch("LAYOUT_HIDE_LOGO"),
            logo_url=self["LAYOUT_LOGO_URL"],
            background_colour=self._matching("LAYOUT_BACKGROUND_COLOUR", _COLOUR, "a colour such as #f9f9f9"),
            content_colour=self._matching("LAYOUT_CONTENT_COLOUR", _COLOUR, "a colour such as #333333"),
            content_alignment=self._matching("LAYOUT_CONTENT_ALIGNMENT", _ALIGNMENT, "left, center or right"),
            content_font=self._matching("LAYOUT_CONTENT_FONT", _FONT, "font names separated by commas"),
            footer_text=self["LAYOUT_FOOTER_TEXT"],
            footer_colour=self._matching("LAYOUT_FOOTER_COLOUR", _COLOUR, "a colour such as #6b6b6b"),
            footer_alignment=self._matching("LAYOUT_FOOTER_ALIGNMENT", _ALIGNMENT, "left, center or right"),
            footer_font=self._matching("LAYOUT_FOOTER_FONT", _FONT, "font names separated by commas"),
            company_address=self["COMPANY_ADDRESS"] if self._switch("LAYOUT_SHOW_ADDRESS") else "",
        )

    def _matching(self, name: str, pattern: re.Pattern[str], wanted: str) -> str:
        if not pattern.fullmatch(self[name]):
            raise NotConfigured(f"{PREFIX}{name} is {self[name]!r}", hint=f"{PREFIX}{name} takes {wanted}")
        return self[name]

    def _switch(self, name: str) -> bool:
        try:
            return _SWITCH[self[name].strip().lower()]
        except KeyError:
            raise NotConfigured(f"{PREFIX}{name} is {self[name]!r}", hint=f"{PREFIX}{name} takes yes or no") from None


def _read_dotenv(path: Path) -> Mapping[str, str | None]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        return dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(f"{path} cannot be read", details=[str(error)]) from None


def _data_dir() -> Path:
    from platformdirs import user_data_path

    return user_data_path("ummsg", appauthor=False)
