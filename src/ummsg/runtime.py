"""The composition root: builds what a command asks for, when it asks, and nothing else.

The only module that knows every floor. Commands reach it as `ctx.obj`; tests pass their own environment, clock,
prompter or transport.
"""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ummsg.cli.asking import Prompter
    from ummsg.cli.times import Times
    from ummsg.config import Settings
    from ummsg.mail.defaults import Defaults
    from ummsg.mail.dns_records import DnsRecords
    from ummsg.mail.transports.base import Transport
    from ummsg.services.bounces import Bounces
    from ummsg.services.broadcast_control import BroadcastControl
    from ummsg.services.broadcasts import Broadcasts
    from ummsg.services.deliverability import Deliverability
    from ummsg.services.directory import Directory
    from ummsg.services.doctor import Doctor
    from ummsg.services.email_bundles import EmailBundles
    from ummsg.services.email_defaults import EmailDefaults
    from ummsg.services.emails import Emails
    from ummsg.services.event_kinds import EventKinds
    from ummsg.services.events import Events
    from ummsg.services.network import Network
    from ummsg.services.network_sync import NetworkSync
    from ummsg.services.notices import Notices
    from ummsg.services.outbox import Outbox
    from ummsg.services.plans import Plans
    from ummsg.services.publishing import Publishing
    from ummsg.services.reasons import Reasons
    from ummsg.services.standings import Standings
    from ummsg.services.suppressions import Suppressions
    from ummsg.services.tokens import Tokens
    from ummsg.store.engine import Store
    from ummsg.web.server import Server


def system_clock() -> datetime:
    return datetime.now(UTC)


def system_chance() -> float:
    import random

    return random.random()


class Runtime:
    """Everything a command can need, built on first use."""

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        directory: Path | None = None,
        clock: Callable[[], datetime] = system_clock,
        chance: Callable[[], float] = system_chance,
    ) -> None:
        self.environ = os.environ if environ is None else environ
        self.working_directory = directory or Path.cwd()
        self.clock = clock
        self.chance = chance

    @cached_property
    def settings(self) -> "Settings":
        from ummsg.config import Settings

        return Settings.load(self.environ, self.working_directory)

    @cached_property
    def times(self) -> "Times":
        from ummsg.cli.times import Times

        return Times(self.clock, self.settings.timezone)

    @cached_property
    def prompter(self) -> "Prompter":
        from ummsg.cli.prompter import TerminalPrompter

        return TerminalPrompter()

    @cached_property
    def store(self) -> "Store":
        """The open database; an older one is upgraded first if the operator, asked on a terminal, agrees."""
        from ummsg.store.engine import DatabaseOlder, open_store

        url = self.settings.database_url
        try:
            return open_store(url)
        except DatabaseOlder as older:
            if not (self.prompter.interactive and self.prompter.confirm(f"{older.what}. Upgrade it now?")):
                raise
        from ummsg.store.migrations import upgrade

        upgrade(url)
        store = open_store(url)
        self._email_defaults(store).install_essential()
        return store

    @cached_property
    def transport(self) -> "Transport":
        from ummsg.mail.transports.base import open_transport

        return open_transport(self.settings.mail_url, self.settings.mail_password)

    @cached_property
    def directory(self) -> "Directory":
        from ummsg.services.directory import Directory

        return Directory(self.store, self.clock)

    @cached_property
    def suppressions(self) -> "Suppressions":
        from ummsg.services.suppressions import Suppressions

        return Suppressions(self.store, self.clock)

    @cached_property
    def bounces(self) -> "Bounces":
        from ummsg.services.bounces import Bounces

        return Bounces(self.store, self.settings, self.clock)

    @cached_property
    def broadcasts(self) -> "Broadcasts":
        from ummsg.services.broadcasts import Broadcasts

        return Broadcasts(self.store, self.settings, self.clock)

    @cached_property
    def plans(self) -> "Plans":
        from ummsg.services.plans import Plans

        return Plans(self.store, self.settings, self.clock)

    @cached_property
    def broadcast_control(self) -> "BroadcastControl":
        from ummsg.services.broadcast_control import BroadcastControl

        return BroadcastControl(self.store, self.clock)

    @cached_property
    def reasons(self) -> "Reasons":
        from ummsg.services.reasons import Reasons

        return Reasons(self.store, self.clock)

    @cached_property
    def outbox(self) -> "Outbox":
        from ummsg.services.outbox import Outbox

        later = (lambda: self.event_kinds, lambda: self.transport)
        return Outbox(self.store, self.settings, *later, self.clock, self.chance)

    @cached_property
    def standings(self) -> "Standings":
        from ummsg.services.standings import Standings

        return Standings(self.store, self.outbox, self.clock)

    @cached_property
    def event_kinds(self) -> "EventKinds":
        from ummsg.services.event_kinds import load_event_kinds

        return load_event_kinds(self.settings.template_path)

    @cached_property
    def defaults(self) -> "Defaults":
        from ummsg.mail.defaults import load_defaults

        return load_defaults(self.settings.template_path)

    @cached_property
    def emails(self) -> "Emails":
        from ummsg.services.emails import Emails

        return Emails(self.store, self.settings, self.event_kinds, self.clock)

    @cached_property
    def email_defaults(self) -> "EmailDefaults":
        return self._email_defaults(self.store)

    def _email_defaults(self, store: "Store") -> "EmailDefaults":
        from ummsg.services.email_defaults import EmailDefaults

        return EmailDefaults(store, self.settings, self.defaults, self.event_kinds, self.clock)

    @cached_property
    def email_bundles(self) -> "EmailBundles":
        from ummsg.services.email_bundles import EmailBundles

        return EmailBundles(self.store, self.settings, self.defaults, self.event_kinds, self.clock)

    @cached_property
    def events(self) -> "Events":
        from ummsg.services.events import Events

        return Events(self.store, self.settings, self.event_kinds, self.clock)

    @cached_property
    def notices(self) -> "Notices":
        from ummsg.services.notices import Notices

        return Notices(self.store, self.clock)

    @cached_property
    def tokens(self) -> "Tokens":
        from ummsg.services.tokens import Tokens

        return Tokens(self.store, self.settings, self.clock)

    @cached_property
    def server(self) -> "Server":
        """Raises NotConfigured where what it needs is not installed."""
        try:
            from ummsg.web.application import Served, application
            from ummsg.web.server import Server
        except ModuleNotFoundError as error:
            from ummsg.errors import NotConfigured

            raise NotConfigured(
                f"ummsg serve needs {error.name}, which is not installed", hint="pip install 'ummsg[serve]'"
            ) from None
        from ummsg.services.feed import Feed
        from ummsg.services.unsubscriptions import Unsubscriptions
        from ummsg.services.webhooks import Webhooks
        from ummsg.store.feed import FeedReader

        served = Served(
            Feed(FeedReader(self.store.path), self.clock),
            self.notices,
            self.directory,
            self.tokens,
            Unsubscriptions(self.store, self.settings, self.clock),
            Webhooks(self.store, self.settings, self.events, self.clock),
        )
        return Server(application(served))

    @cached_property
    def network(self) -> "Network":
        from ummsg.services.network import Network

        return Network(self.store, self.settings, self.clock)

    @cached_property
    def network_sync(self) -> "NetworkSync":
        from ummsg.services.network_sync import NetworkSync

        return NetworkSync(self.store, self.network, self.publishing, self.clock)

    @cached_property
    def publishing(self) -> "Publishing":
        from ummsg.services.publishing import Publishing

        return Publishing(self.store, self.network, self.clock, self.chance)

    @cached_property
    def doctor(self) -> "Doctor":
        from ummsg.services.doctor import Doctor

        return Doctor(self.settings, self.clock)

    @cached_property
    def dns(self) -> "DnsRecords":
        from ummsg.mail.dns_records import DnsRecords

        return DnsRecords()

    @cached_property
    def deliverability(self) -> "Deliverability":
        from ummsg.services.deliverability import Deliverability

        return Deliverability(self.settings, self.dns)

    def close(self) -> None:
        if "store" in self.__dict__:
            self.store.close()
