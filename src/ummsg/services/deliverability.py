"""The doctor's look at the DNS: whether receivers can tell that mail is really from the sender's domain."""

from collections.abc import Callable, Iterator

from ummsg.config import Settings
from ummsg.domain import sender_policy
from ummsg.errors import NotConfigured, UmmsgError
from ummsg.mail.dns_records import DnsRecords, NoAnswer
from ummsg.mail.message import parse_sender
from ummsg.mail.return_path import ReturnPath
from ummsg.mail.transports.base import one_line
from ummsg.mail.unsubscribe import Unsubscribing
from ummsg.services.finding import Finding, Health

_POLICIES = ("none", "quarantine", "reject")


class Deliverability:
    def __init__(self, settings: Settings, dns: DnsRecords) -> None:
        self._settings = settings
        self._dns = dns

    def examine(self) -> Iterator[Finding]:
        """Every check, as it is done. Where the DNS does not answer, the finding says that nothing is known."""
        yield self._checked("SPF", self._check_spf)
        yield self._checked("DKIM", self._check_dkim)
        yield self._checked("DMARC", self._check_dmarc)
        yield self._checked("MX", self._check_mx)
        yield self._checked("bounces", self._check_bounces)
        yield self._checked("one-click", self._check_unsubscribing)

    def _checked(self, name: str, check: Callable[[], tuple[Health, str, str]]) -> Finding:
        try:
            health, what, hint = check()
        except NoAnswer as error:
            hint = "the same command where the DNS can be reached"
            return Finding(name, Health.UNKNOWN, f"the DNS did not answer, so nothing is known: {error}", hint)
        except UmmsgError as error:
            return Finding(name, Health.MISSING, ": ".join([error.what, *error.details]), error.hint)
        return Finding(name, health, what, hint)

    @property
    def _sender_domain(self) -> str:
        """Of From: what DKIM signs for and DMARC is about."""
        if not self._settings["FROM"]:
            raise NotConfigured(
                "nobody is set as the sender", hint='UMMSG_FROM="Your Network <hello@example.com>" in .env'
            )
        return parse_sender(self._settings["FROM"])[1].rpartition("@")[2]

    @property
    def _envelope_domain(self) -> str:
        """Of the envelope sender: what SPF is about, and where bounces go."""
        bounces = ReturnPath.from_settings(self._settings).address
        return bounces.rpartition("@")[2] or self._sender_domain

    def _check_spf(self) -> tuple[Health, str, str]:
        domain = self._envelope_domain
        records = sender_policy.spf_records(self._dns.texts(domain))
        publish = f'publish a TXT record at {domain}: "v=spf1 include:YOUR-MAIL-PROVIDER -all"'
        if not records:
            return Health.MISSING, f"{domain} does not say which servers may send its mail", publish
        if len(records) > 1:
            return (
                Health.MISSING,
                f"{domain} has {len(records)} SPF records, and receivers then heed none",
                "join them into one, and remove the others",
            )
        return self._judge_spf(domain, records[0])

    def _judge_spf(self, domain: str, record: str) -> tuple[Health, str, str]:
        lookups, end, shown = sender_policy.spf_lookups(record), sender_policy.spf_end(record), one_line(record, 200)
        if lookups > sender_policy.MOST_LOOKUPS:
            what = f"the SPF record of {domain} takes {lookups} look-ups; with more than 10 it counts as broken"
            return Health.MISSING, f"{what}: {shown}", "take out includes of services that send no mail of yours"
        if end in ("", "?", "+"):
            what = f"the SPF record of {domain} lets every server send its mail: {shown}"
            return Health.WARNING, what, "let it end in -all, or ~all while you are trying"
        if not sender_policy.aligned(domain, self._sender_domain):
            what = f"{domain}: {shown}; that is not {self._sender_domain}, so that DMARC rests on DKIM alone"
            return Health.WARNING, what, f"a bounce address at {self._sender_domain}, or at a domain below it"
        return Health.GOOD, f"{domain} says which servers may send its mail: {shown}", ""

    def _check_dkim(self) -> tuple[Health, str, str]:
        selector = self._settings["DKIM_SELECTOR"].strip()
        if not selector:
            what = "the selector that the mail server signs with is not set, so that its key cannot be looked up"
            return Health.WARNING, what, "UMMSG_DKIM_SELECTOR in .env; it is s= in the DKIM-Signature of a sent message"
        place = f"{selector}._domainkey.{self._sender_domain}"
        keys = [found for text in self._dns.texts(place) if "p" in (found := sender_policy.tags(text))]
        if not keys:
            what = f"there is no key at {place}: receivers cannot verify a signature made with it"
            return Health.MISSING, what, "publish the TXT record that your mail server or provider shows for DKIM"
        return self._judge_key(place, keys[0])

    def _judge_key(self, place: str, key: dict[str, str]) -> tuple[Health, str, str]:
        size = sender_policy.key_bytes(key["p"])
        anew = "make a new key of 2048 bits, and publish it under a new selector"
        if not key["p"]:
            return Health.MISSING, f"the key at {place} is revoked (p= is empty)", anew
        if not size:
            return Health.MISSING, f"what stands at {place} is no key", "publish it again, without its line breaks"
        if key.get("k", "rsa").lower() == "rsa" and size < sender_policy.RSA_1024:
            return Health.MISSING, f"the key at {place} has less than 1024 bits, which receivers do not accept", anew
        if key.get("k", "rsa").lower() == "rsa" and size < sender_policy.RSA_2048:
            return Health.WARNING, f"the key at {place} has less than 2048 bits", anew
        if "y" in key.get("t", "").lower().split(":"):
            what = f"the key at {place} says that it is a trial (t=y), and may be ignored"
            return Health.WARNING, what, "take t=y out of the record"
        return Health.GOOD, f"there is a key at {place}", ""

    def _check_dmarc(self) -> tuple[Health, str, str]:
        domain = self._sender_domain
        for place in sender_policy.dmarc_places(domain):
            if records := sender_policy.dmarc_records(self._dns.texts(f"_dmarc.{place}")):
                return self._judge_dmarc(f"_dmarc.{place}", records)
        return (
            Health.MISSING,
            f"{domain} does not say what becomes of mail that only claims to be from it; large providers ask for that",
            f'publish a TXT record at _dmarc.{domain}: "v=DMARC1; p=none; rua=mailto:dmarc@{domain}"',
        )

    def _judge_dmarc(self, place: str, records: list[str]) -> tuple[Health, str, str]:
        found, shown = sender_policy.tags(records[0]), one_line(records[0], 200)
        policy = found.get("p", "").lower()
        if len(records) > 1:
            what = f"{place} has {len(records)} DMARC records, and receivers then heed none"
            return Health.MISSING, what, "leave one of them"
        if policy not in _POLICIES:
            what = f"the DMARC record at {place} has no policy: {shown}"
            return Health.MISSING, what, "write p=none, p=quarantine or p=reject into it"
        if policy == "none":
            what = f"{place} only watches: mail that fails is delivered all the same: {shown}"
            return Health.GOOD, what, "p=quarantine, once the reports show that all of your mail passes"
        return Health.GOOD, f"{place} says what becomes of mail that only claims to be from there: {shown}", ""

    def _check_mx(self) -> tuple[Health, str, str]:
        domain = self._envelope_domain
        hosts = self._dns.mail_hosts(domain)
        if any(host == "." for _, host in hosts):
            what = f"{domain} says that it takes no mail: bounces cannot come back, and many refuse mail from it"
            return Health.MISSING, what, f"an MX record for {domain}, or another UMMSG_BOUNCE_ADDRESS"
        if hosts:
            names = ", ".join(host.rstrip(".") for _, host in hosts[:3])
            return Health.GOOD, f"mail to {domain}, bounces too, goes to {one_line(names, 200)}", ""
        publish = f"publish an MX record for {domain}"
        if self._dns.has_address(domain):
            return Health.WARNING, f"{domain} has no MX record; mail to it goes to the host of that name", publish
        return Health.MISSING, f"{domain} cannot take mail: bounces cannot come back", publish

    def _check_bounces(self) -> tuple[Health, str, str]:
        if not ReturnPath.from_settings(self._settings).address:
            what = "UMMSG_BOUNCE_ADDRESS is not set: what comes back can only be told apart by its Message-ID"
            return Health.WARNING, what, "UMMSG_BOUNCE_ADDRESS=bounces@… in .env, and ummsg bounces process from cron"
        return Health.GOOD, "each message has an address of its own to come back to", ""

    def _check_unsubscribing(self) -> tuple[Health, str, str]:
        found = Unsubscribing.from_settings(self._settings)
        if not found.url:
            what = "broadcasts cannot be unsubscribed from by a click, which Gmail and Yahoo ask of bulk mail"
            return Health.WARNING, what, "UMMSG_UNSUBSCRIBE_URL=https://… in .env"
        return Health.GOOD, "broadcasts can be unsubscribed from by a click", ""
