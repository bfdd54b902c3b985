"""Looking whether everything that sending needs is there, and saying what to do about what is not."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches

from ummsg.config import PREFIX, SETTINGS, Settings
from ummsg.errors import InvalidInput, UmmsgError
from ummsg.mail.message import parse_sender
from ummsg.mail.shipped import templates_folder
from ummsg.mail.templates import compile_email
from ummsg.mail.transports.base import open_transport
from ummsg.services.finding import Finding, Health
from ummsg.services.letters import admins
from ummsg.services.throttle import limits_of
from ummsg.store.engine import Store, open_store
from ummsg.vocabulary import ContentFormat

RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock that is right shows a time before this version was made."""


class Doctor:
    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock

    def examine(self, environ: Mapping[str, str]) -> Iterator[Finding]:
        """Every check, as it is done; nothing is sent and nothing is changed."""
        yield self._guarded("settings", lambda: self._check_settings(environ))
        yield self._guarded("database", self._check_database)
        yield self._guarded("secret key", self._check_secret_key)
        yield self._guarded("sender", self._check_sender)
        yield self._guarded("templates", self._check_templates)
        yield self._guarded("clock", self._check_clock)
        yield self._guarded("mail", self._check_transport)

    def _guarded(self, name: str, check: Callable[[], Finding]) -> Finding:
        try:
            return check()
        except UmmsgError as error:
            return Finding(name, Health.MISSING, ": ".join([error.what, *error.details]), error.hint)

    def _check_settings(self, environ: Mapping[str, str]) -> Finding:
        self._settings.layout()
        _ = self._settings.auto_suppress
        _ = self._settings.timezone
        limits_of(self._settings)
        known = [setting.variable for setting in SETTINGS]
        for variable in environ:
            if variable.startswith(PREFIX) and variable not in known:
                close = get_close_matches(variable, known, n=1)
                hint = f"did you mean {close[0]}?" if close else "ummsg config show lists them"
                return Finding("settings", Health.WARNING, f"{variable} is set, and is no setting of ummsg", hint)
        if not self._settings["NETWORK_NAME"]:
            what = "UMMSG_NETWORK_NAME is not set: nothing stands above the messages"
            return Finding("settings", Health.WARNING, what, 'UMMSG_NETWORK_NAME="Your Network" in .env')
        found = sum(source != "default" for source in self._settings.sources.values())
        return Finding("settings", Health.GOOD, f"{found} set, the others at their defaults")

    def _check_database(self) -> Finding:
        store = open_store(self._settings.database_url)
        try:
            with store.rehearse() as tx:
                customers = tx.customers.number()
            return Finding("database", Health.GOOD, f"{store.path}, schema {_schema(store)}, {customers:,} customers")
        finally:
            store.close()

    def _check_secret_key(self) -> Finding:
        path = self._settings.secret_key_path
        if self._settings["SECRET_KEY"]:
            return Finding("secret key", Health.GOOD, "from UMMSG_SECRET_KEY")
        if not path.exists():
            return Finding("secret key", Health.MISSING, f"there is none at {path}", "ummsg init")
        if path.stat().st_mode & 0o077:
            return Finding("secret key", Health.WARNING, f"others can read {path}", f"chmod 600 {path}")
        return Finding("secret key", Health.GOOD, str(path))

    def _check_sender(self) -> Finding:
        if not self._settings["FROM"]:
            hint = 'UMMSG_FROM="Your Network <hello@example.com>" in .env'
            return Finding("sender", Health.MISSING, "nobody is set as the sender", hint)
        try:
            name, address = parse_sender(self._settings["FROM"])
        except InvalidInput as error:
            return Finding("sender", Health.MISSING, f"UMMSG_FROM: {error.what}", error.hint)
        admins(self._settings)
        return Finding("sender", Health.GOOD, f"{name} <{address}>" if name else address)

    def _check_templates(self) -> Finding:
        folder = templates_folder()
        compile_email("Hello", "A trial.", ContentFormat.MARKDOWN, self._settings.layout(), ())
        return Finding("templates", Health.GOOD, f"the base layout in {folder} renders")

    def _check_clock(self) -> Finding:
        now = self._clock()
        if now < RELEASED:
            hint = "set the clock, for example with: timedatectl set-ntp true"
            return Finding("clock", Health.MISSING, f"it says {now:%Y-%m-%d %H:%M} UTC, which is over", hint)
        return Finding("clock", Health.GOOD, f"{now:%Y-%m-%d %H:%M} UTC")

    def _check_transport(self) -> Finding:
        transport = open_transport(self._settings.mail_url, self._settings.mail_password)
        with transport.connect():
            pass
        if self._settings.sources["MAIL_URL"] == "default":
            hint = "UMMSG_MAIL_URL=smtp://user@mail.example.com:587 in .env, to send for real"
            return Finding("mail", Health.WARNING, f"into {transport.description}: nothing leaves this machine", hint)
        return Finding("mail", Health.GOOD, transport.description)


def _schema(store: Store) -> str:
    return store.schema() or "unknown"
