"""Firing events by whole command lines: what is stored, queued, sent and said."""

import json
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.program import Program
from tests.smtp_server import SmtpServer
from tests.system_emails import PAYMENT, Box, box, change, install
from ummsg.domain.email import EmailText

__all__ = ["box"]


def payload(program: Program, **changes: Any) -> Path:
    return program.write("payload.json", json.dumps(PAYMENT | changes))


def fire(program: Program, *options: object, **changes: Any) -> Any:
    return program("events", "fire", "payment_received", "--payload", payload(program, **changes), *options)


def send(program: Program) -> Any:
    return program("outbox", "run")


def log(program: Program, *options: object) -> list[dict[str, Any]]:
    result = program("events", "log", "--format", "json", *options)
    assert result.code == 0, result.err
    found: list[dict[str, Any]] = json.loads(result.out)
    return found


# Who gets what


def test_an_event_becomes_a_mail_to_its_customer_and_one_to_each_admin(network: Program, box: Box) -> None:
    install(network)
    install(network, "sale", "{{ customer_name }} paid {{ payment_total }}.", target="admin")

    fired = fire(network)
    sent = send(network)

    assert (fired.code, sent.code) == (0, 0), fired.err + sent.err
    assert box.recipients == ["anna@example.com", "ada@example.org", "bea@example.org"]
    assert [str(message["To"]) for message in box] == [
        "Anna Björk <anna@example.com>",
        "Ada <ada@example.org>",
        "bea@example.org",
    ]
    assert box.subjects == ["Example Network - We got €29.00"] * 3
    assert box.text(0).startswith("Thank you, Anna Björk: €29.00.")
    assert box.text(1).startswith("Anna Björk paid €29.00.")


def test_nobody_reads_anybody_elses_address(network: Program, box: Box) -> None:
    install(network)
    install(network, "sale", target="admin")

    fire(network)
    send(network)

    everyone = {"anna@example.com", "ada@example.org", "bea@example.org"}
    for recipient, message in zip(box.recipients, box, strict=True):
        assert not any(other.encode() in bytes(message) for other in everyone - {recipient})


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({"customer_id": "2"}, "bo@example.com"),
        ({"customer_id": 2, "customer_user_email": "bo.new@example.com"}, "bo.new@example.com"),
        ({"customer_id": 4711, "customer_user_email": "new@example.com", "customer_name": "New"}, "new@example.com"),
    ],
    ids=["by number", "the event knows a newer address", "the directory does not know them yet"],
)
def test_the_customer_is_found(network: Program, box: Box, changes: dict[str, Any], address: str) -> None:
    install(network, content="Hello {{ customer_name }}.")

    fire(network, **changes)
    send(network)

    assert box.recipients == [address]


def test_a_customer_is_found_by_their_membership(network: Program, box: Box) -> None:
    install(network, event="subsite_post_created", subject="A post", content="Hello {{ customer_name }}.")
    memberships = network.write("m.csv", "id,customer,product,status\n900,2,1,active\n")
    assert network("memberships", "import", memberships).code == 0
    fields = ["post_id=1", "post_title=Hi", "site_id=3", "site_url=https://x.example", "membership_id=900"]

    result = network(
        "events", "fire", "subsite_post_created", *(word for field in fields for word in ("--payload", field))
    )
    send(network)

    assert result.code == 0, result.err
    assert box.recipients == ["bo@example.com"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"customer_id": 4711}, "customer_id '4711' is nobody in the directory"),
        ({"customer_id": 1, "customer_user_email": "bo@example.com"}, "is Bo Ek <bo@example.com>'s"),
    ],
    ids=["nobody", "somebody else's address"],
)
def test_without_a_recipient_the_email_fails_and_the_others_go(
    network: Program, box: Box, changes: dict[str, Any], reason: str
) -> None:
    install(network, content="Paid: {{ payment_total }}")
    install(network, "sale", "Paid: {{ payment_total }}", target="admin")

    fired = fire(network, **changes)
    send(network)

    assert fired.code == 3
    assert reason in fired.err
    assert box.recipients == ["ada@example.org", "bea@example.org"]
    (entry,) = log(network)
    assert (entry["outcome"], entry["failed"], entry["sent"]) == ("failed", 1, 2)
    assert reason in entry["note"]


def test_a_message_that_cannot_be_made_fails_alone(network: Program, box: Box) -> None:
    install(network, "a", "By {{ payment_invoice_url }}")
    install(network, "b", "Paid: {{ payment_total }}")

    fired = fire(network)
    send(network)

    assert fired.code == 3
    assert "payment_invoice_url" in fired.err
    assert box.text(0).startswith("Paid: €29.00")
    assert len(box.recipients) == 1


def test_admins_who_are_not_set_are_a_failure_of_that_email(network: Program, box: Box) -> None:
    install(network, "sale", target="admin")
    del network.environ["UMMSG_ADMIN_EMAILS"]

    fired = fire(network)

    assert fired.code == 3
    assert "UMMSG_ADMIN_EMAILS is not set" in fired.err


def test_admins_who_want_copies_get_their_own_message(network: Program, box: Box) -> None:
    install(network, copy_to_admins=True)

    fire(network)
    send(network)

    assert box.recipients == ["anna@example.com", "ada@example.org", "bea@example.org"]
    assert all(box.text(index).startswith("Thank you, Anna Björk") for index in range(3))
    assert "anna@example.com" not in str(list(box)[1]["To"])


def test_an_admin_who_is_the_customer_gets_one_message(network: Program, box: Box) -> None:
    network.environ["UMMSG_ADMIN_EMAILS"] = "ANNA@example.com"
    install(network, copy_to_admins=True)

    fire(network)
    send(network)

    assert box.recipients == ["anna@example.com"]


def test_a_suppressed_address_is_left_out_when_fired_and_when_due(network: Program, box: Box) -> None:
    install(network)
    install(network, "later", after=timedelta(days=3))
    network("suppressions", "add", "bo@example.com", "--reason", "asked")

    fired = fire(network, customer_id=2)
    fire(network)
    send(network)
    network("suppressions", "add", "anna@example.com", "--reason", "asked too")
    network.now += timedelta(days=3)
    send(network)

    assert "2 to suppressed addresses" in fired.err
    assert box.recipients == ["anna@example.com"]
    newest, oldest = log(network)
    assert (oldest["suppressed"], oldest["sent"]) == (2, 0)
    assert (newest["suppressed"], newest["sent"]) == (1, 1)


# What it says


def test_values_are_escaped_for_where_they_land(network: Program, box: Box) -> None:
    install(network, content="Hello **{{ customer_name }}**")

    fire(network, customer_name="<b>Eve</b>\r\nBcc: all@example.com")
    send(network)

    (message,) = box
    html = message.get_body(("html",))
    assert html is not None
    assert "&lt;b&gt;Eve&lt;/b&gt;" in html.get_content()
    assert message["Bcc"] is None


def test_the_customers_language_chooses_then_the_networks_then_english(network: Program, box: Box) -> None:
    texts = {"en": EmailText("English", "English text"), "sv": EmailText("Svenska", "Svensk text")}
    install(network, texts=texts)
    rows = "id,email,name,locale\n1,anna@example.com,Anna,sv_SE\n2,bo@example.com,Bo,de_DE\n"
    network("customers", "import", network.write("c.csv", rows))

    fire(network)
    fire(network, customer_id=2)
    send(network)
    network.environ["UMMSG_LOCALE"] = "sv"
    fire(network, customer_id=2)
    send(network)

    assert [subject.rpartition(" ")[2] for subject in box.subjects] == ["Svenska", "English", "Svenska"]


def test_the_networks_name_before_the_subject_can_be_switched_off(network: Program, box: Box) -> None:
    install(network)
    network.environ["UMMSG_SUBJECT_PREFIX"] = "no"

    fire(network)
    send(network)

    assert box.subjects == ["We got €29.00"]


@pytest.mark.parametrize(("style", "setting"), [("plain", "html"), ("default", "plain")])
def test_the_plain_style_has_no_html(network: Program, box: Box, style: str, setting: str) -> None:
    install(network, style=style)
    network.environ["UMMSG_EMAIL_STYLE"] = setting

    fire(network)
    send(network)

    (message,) = box
    assert message.get_content_type() == "text/plain"
    assert box.text().startswith("Thank you, Anna Björk")


def test_an_edit_after_the_event_is_what_is_sent(network: Program, box: Box) -> None:
    install(network, after=timedelta(days=1))
    fire(network)

    change(network, "receipt", texts={"en": EmailText("Edited", "Edited too.")})
    network.now += timedelta(days=1)
    send(network)

    assert box.subjects == ["Example Network - Edited"]


# When it goes


def test_a_delayed_email_waits_for_its_time_in_the_outbox(network: Program, box: Box) -> None:
    install(network, after=timedelta(hours=2, minutes=30))
    fire(network)

    early = send(network)
    network.now += timedelta(hours=2, minutes=29)
    send(network)
    waiting = list(box)
    network.now += timedelta(minutes=1)
    due = send(network)

    assert (early.code, due.code) == (0, 0)
    assert waiting == []
    assert box.recipients == ["anna@example.com"]


def test_what_waits_is_dropped_with_a_note_when_its_email_is_switched_off(network: Program, box: Box) -> None:
    install(network, after=timedelta(days=1))
    fire(network)

    change(network, "receipt", active=False)
    network.now += timedelta(days=1)
    result = send(network)

    assert (result.code, box.recipients) == (0, [])
    (entry,) = log(network)
    assert (entry["outcome"], entry["cancelled"]) == ("cancelled", 1)
    (delivery,) = network.rows("SELECT status, reply FROM deliveries")
    assert delivery == ("cancelled", "the email is switched off")


def test_what_is_too_late_is_dropped_with_a_note(network: Program, box: Box) -> None:
    install(network, after=timedelta(days=1))
    fire(network, "--not-after", "2026-11-24T00:00:00Z")

    network.now += timedelta(days=1)
    send(network)

    assert box.recipients == []
    assert network.rows("SELECT status, reply FROM deliveries") == [("cancelled", "too late: --not-after has passed")]


def test_system_emails_go_before_broadcasts(network: Program, box: Box) -> None:
    install(network)
    new = ("broadcast", "new", "--type", "email", "--everyone", "--subject", "News", "--content", "News.", "--queue")
    assert network(*new, "--yes").code == 0
    fire(network)

    assert send(network).code == 0

    assert box.subjects[0] == "Example Network - We got €29.00"
    assert box.subjects[1:] == ["News"] * 5


def test_a_broadcast_is_not_to_blame_for_a_system_email(network: Program, smtp_server: SmtpServer) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    smtp_server.script("RCPT", "550 5.1.1 no such user", recipient="bo@example.com")
    install(network)
    fire(network, customer_id=2)
    new = ("broadcast", "new", "--type", "email", "--customer", "1", "--subject", "News", "--content", "News.", "--yes")

    assert network(*new).code == 0


def test_a_sender_of_its_own_that_is_refused_stops_nobody_else(network: Program, smtp_server: SmtpServer) -> None:
    network.environ |= {"UMMSG_MAIL_URL": smtp_server.url, "UMMSG_MAIL_CONNECTIONS": "1"}
    smtp_server.script("MAIL", "553 5.7.1 not yours", message=1)
    install(network, "a", sender="Billing <billing@elsewhere.example>")
    install(network, "b")
    fire(network)

    result = send(network)

    assert result.code == 3
    assert [received.mail_from for received in smtp_server.messages] == ["hello@example.com"]
    assert network.rows("SELECT status FROM deliveries ORDER BY id") == [("failed",), ("sent",)]


def test_without_a_sender_nothing_is_stored(network: Program, box: Box) -> None:
    install(network)
    del network.environ["UMMSG_FROM"]
    before = network.dump()

    result = fire(network)

    assert result.code == 4
    assert network.dump() == before


def test_a_sender_who_is_missing_costs_nothing_that_was_sent(network: Program, box: Box) -> None:
    install(network, "a", sender="Billing <billing@example.com>")
    install(network, "b")
    fire(network)
    sender = network.environ.pop("UMMSG_FROM")

    refused = send(network)
    states = network.rows("SELECT status FROM deliveries ORDER BY id")
    network.environ["UMMSG_FROM"] = sender
    send(network)

    assert refused.code == 4
    assert states == [("sent",), ("queued",)]
    assert len(box.recipients) == 2


def test_a_broadcast_that_cannot_be_made_costs_nothing_that_was_sent(network: Program, box: Box) -> None:
    install(network, "a", sender="Billing <billing@example.com>")
    new = (
        "broadcast",
        "new",
        "--type",
        "email",
        "--customer",
        "2",
        "--subject",
        "News",
        "--content",
        "News.",
        "--queue",
    )
    assert network(*new, "--yes").code == 0
    fire(network)
    del network.environ["UMMSG_FROM"]

    refused = send(network)

    assert refused.code == 4
    assert box.recipients == ["anna@example.com"]
    assert network.rows("SELECT status FROM deliveries WHERE event_id IS NOT NULL") == [("sent",)]
    assert network.rows("SELECT status FROM deliveries WHERE event_id IS NULL") == [("queued",)]


# Once


def test_the_same_event_twice_is_stored_once(network: Program, box: Box) -> None:
    install(network)

    first, second = fire(network, "--dedupe-key", "evt_1"), fire(network, "--dedupe-key", "evt_1")
    send(network)

    assert (first.code, second.code) == (0, 0)
    assert "was fired before, as event 1" in second.err
    assert box.recipients == ["anna@example.com"]


def test_a_stream_of_events_is_fired_in_one_run_and_can_be_repeated(network: Program, box: Box) -> None:
    install(network)
    lines = "\n".join(json.dumps(PAYMENT | {"customer_id": number}) for number in (1, 2, 3)) + "\n\n"
    command = ("events", "fire", "payment_received", "--payload", "-", "--jsonl", "--dedupe-key", "night")

    first = network(*command, stdin=lines)
    second = network(*command, stdin=lines + json.dumps(PAYMENT | {"customer_id": 4}))
    send(network)

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert "3 events stored; 3 emails queued" in first.err
    assert "3 had been fired before" in second.err
    assert box.recipients == [f"{name}@example.com" for name in ("anna", "bo", "cleo", "dan")]


def test_a_stream_with_a_bad_line_stores_nothing(network: Program, box: Box) -> None:
    install(network)
    before = network.dump()
    lines = [json.dumps(PAYMENT), json.dumps(PAYMENT | {"payment_id": "seven"}), json.dumps(PAYMENT)]

    result = network("events", "fire", "payment_received", "--payload", "-", "--jsonl", stdin="\n".join(lines))

    assert result.code == 2
    assert "line 2: payment_id: is 'seven', which is no integer" in result.err
    assert network.dump() == before


# After a fix


def test_what_failed_is_replayed_and_what_was_sent_is_not(network: Program, smtp_server: SmtpServer) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    network.environ["UMMSG_ADMIN_EMAILS"] = "ada@example.org"
    install(network)
    install(network, "sale", target="admin")
    smtp_server.script("RCPT", "550 5.1.1 no such user", recipient="anna@example.com", times=1)
    fire(network)
    assert send(network).code == 3

    replayed = network("events", "replay", 1)
    again = send(network)

    assert (replayed.code, again.code) == (0, 0), replayed.err
    assert [received.rcpt_to for received in smtp_server.messages] == [["ada@example.org"], ["anna@example.com"]]
    assert network("events", "replay", 1).err.startswith("Nothing of event 1 failed")


def test_a_replay_finds_the_customer_who_has_come_meanwhile(network: Program, box: Box) -> None:
    install(network)
    fire(network, customer_id=77)
    network("customers", "import", network.write("late.csv", "id,email,name\n77,late@example.com,Late\n"))

    replayed = network("events", "replay", 1)
    send(network)

    assert replayed.code == 0, replayed.err
    assert box.recipients == ["late@example.com"]
    assert network.rows("SELECT count(*) FROM deliveries") == [(1,)]


def test_a_replay_that_fails_again_says_why(network: Program, box: Box) -> None:
    install(network)
    fire(network, customer_id=77)

    replayed = network("events", "replay", 1)

    assert replayed.code == 3
    assert "is nobody in the directory" in replayed.err
    assert log(network)[0]["failed"] == 1


def test_the_log_shows_what_fired_since_when_and_what_failed(network: Program, box: Box) -> None:
    fire(network)
    install(network)
    network.now += timedelta(hours=1)
    fire(network)
    network.now += timedelta(hours=1)
    fire(network, customer_id=77)
    send(network)

    assert [entry["outcome"] for entry in log(network)] == ["failed", "sent", "no email"]
    assert [entry["id"] for entry in log(network, "--failed")] == [3]
    assert [entry["id"] for entry in log(network, "--since", "2026-11-23T13:00:00Z")] == [3, 2]
    assert [entry["id"] for entry in log(network, "--limit", 1)] == [3]
    assert log(network)[2]["fired_at"] == "2026-11-23T12:00:00Z"
    assert datetime.fromisoformat(log(network)[0]["fired_at"]).tzinfo is not None


# Bad input


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1, 2]", "must be one JSON object, and is a list"),
        ('{"customer_id": 1', "is not JSON"),
        ('{"customer_id": 1, "customer_id": 2}', "'customer_id' is there twice"),
        ('{"customer_id": NaN}', "NaN is no value of JSON"),
        ("[" * 100_000, "nests too deeply"),
        ("\xff", "is not JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        ("", "is not JSON"),
        (json.dumps({"customer_id": {"id": 1}}), "holds an object; a payload is flat"),
        ("{}", "is required"),
        (json.dumps(PAYMENT | {"payment_id": True}), "which is no integer"),
        ('{"customer_id": "' + "x" * 2_000_000 + '"}', "has more than 1,024 KiB; that is not an event"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_payload_is_refused(network: Program, content: str | bytes, said: str) -> None:
    before = network.dump()

    result = network("events", "fire", "payment_received", "--payload", "-", stdin=content)

    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert network.dump() == before


def test_everything_that_is_wrong_with_a_payload_is_said_at_once(network: Program) -> None:
    result = network(
        "events", "fire", "payment_received", "--payload", "customer_user_email=nobody", "--payload", "customer_id=x"
    )

    assert result.code == 2
    for field in ("payment_id: is required", "customer_user_email: is 'nobody'", "customer_id: is 'x'"):
        assert field in result.err
    assert "ummsg events show payment_received" in result.err


def test_an_unknown_event_names_the_closest(network: Program) -> None:
    result = network("events", "fire", "payment_recieved", "--payload", "customer_id=1")

    assert result.code == 2
    assert "payment_received" in result.err


def test_fields_that_are_not_known_are_kept(network: Program, box: Box) -> None:
    fire(network, wu_version="2.4.13", tags=None)

    assert log(network)[0]["payload"]["wu_version"] == "2.4.13"


def test_events_are_listed_and_shown_with_their_emails(network: Program) -> None:
    install(network)

    listed = network("events", "list", "--format", "ids")
    shown = network("events", "show", "payment_received", "--format", "json")

    assert "payment_received" in listed.out.split()
    event = json.loads(shown.out)
    assert event["emails"] == [{"slug": "receipt", "target": "customer", "title": "The receipt", "active": True}]
    assert any(field["name"] == "payment_total" and field["required"] for field in event["fields"])


# What a stranger found


def test_replay_is_for_those_who_failed_and_nobody_else(network: Program, box: Box) -> None:
    install(network, copy_to_admins=True)
    fire(network)
    send(network)
    fail_delivery(network, network.rows("SELECT id FROM deliveries WHERE email = 'ada@example.org'")[0][0])
    renamed = "id,email,name\n1,anna.new@example.com,Anna\n"
    assert network("customers", "import", network.write("new.csv", renamed)).code == 0

    replayed = network("events", "replay", "1")
    send(network)

    assert "1 email queued again" in replayed.err
    assert box.recipients == ["anna@example.com", "ada@example.org", "bea@example.org", "ada@example.org"]


def test_a_customer_whose_message_failed_is_tried_at_their_new_address(network: Program, box: Box) -> None:
    install(network)
    fire(network)
    fail_delivery(network, network.rows("SELECT id FROM deliveries")[0][0])
    renamed = "id,email,name\n1,anna.new@example.com,Anna\n"
    assert network("customers", "import", network.write("new.csv", renamed)).code == 0

    network("events", "replay", "1")
    send(network)

    assert box.recipients == ["anna.new@example.com"]


def test_a_number_in_an_event_is_the_networks_and_never_ours(ummsg: Program) -> None:
    ummsg.environ["UMMSG_MAIL_URL"] = "memory:box"
    install(ummsg, content="Hello {{ customer_name }}.")
    ummsg("customers", "import", ummsg.write("c.csv", "email,name\nfirst@example.com,First\n"))

    fired = fire(ummsg, customer_id=1)

    assert fired.code == 3
    assert "customer_id '1' is nobody in the directory" in fired.err


def test_an_unknown_customer_does_not_become_the_owner_of_the_membership(network: Program, box: Box) -> None:
    install(network, event="membership_expired", subject="Over", content="Hello {{ customer_name }}.")
    memberships = network.write("m.csv", "id,customer,product,status\n900,2,1,active\n")
    assert network("memberships", "import", memberships).code == 0

    result = network(
        *("events", "fire", "membership_expired", "--payload", "customer_id=999"),
        *("--payload", "customer_name=Carl", "--payload", "membership_id=900"),
    )

    assert result.code == 3
    assert box.recipients == []


@pytest.mark.parametrize("blank", ["   ", "\u200b", "\ufeff", "\t\n"])
def test_a_value_that_nobody_can_read_is_none(network: Program, blank: str) -> None:
    install(network)
    before = network.dump()

    result = fire(network, payment_total=blank)

    assert result.code == 2
    assert "payment_total: is required" in result.err
    assert network.dump() == before


def test_one_key_for_two_payloads_is_refused(network: Program) -> None:
    install(network)
    fire(network, "--dedupe-key", "K")
    before = network.dump()

    result = fire(network, "--dedupe-key", "K", customer_id=2)

    assert result.code == 2
    assert "'K' was used for event 1" in result.err
    assert network.dump() == before


def test_what_waits_is_dropped_when_its_email_follows_another_event(network: Program, box: Box) -> None:
    install(network, after=timedelta(days=1), content="Thank you.")
    fire(network)

    change(network, "receipt", event="site_published")
    network.now += timedelta(days=1)
    send(network)

    assert box.recipients == []
    (entry,) = log(network)
    assert entry["note"] == "the email follows site_published now"


def test_what_was_dropped_says_why_in_the_log(network: Program, box: Box) -> None:
    install(network, after=timedelta(days=1))
    fire(network)
    disabled = network("emails", "disable", "receipt")
    network.now += timedelta(days=1)
    send(network)

    assert "1 waiting will be dropped" in disabled.err
    assert log(network)[0]["note"] == "the email is switched off"


def test_what_is_in_doubt_is_told_and_sent_again_only_on_demand(network: Program, box: Box) -> None:
    install(network)
    fire(network)
    run_sql(network, "UPDATE deliveries SET status = 'sending', claim_token = 'gone', lease_until = '2000-01-01'")

    found = send(network)
    left_alone = network("events", "replay", "1")
    asked = network("events", "replay", "1", "--unknown")
    forced = network("events", "replay", "1", "--unknown", "--yes")
    send(network)

    assert found.code == 3
    assert "nobody knows whether it arrived" in found.err
    assert "--unknown" in left_alone.err
    assert asked.code == 2
    assert forced.code == 0
    assert box.recipients == ["anna@example.com"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("events", "replay", "99999999999999999999999"),
        ("events", "log", "--limit", "99999999999999999999999"),
        ("events", "log", "--since", "0001-01-01"),
        ("broadcast", "show", "99999999999999999999999"),
    ],
)
def test_a_number_or_a_time_that_nothing_holds_is_bad_input(network: Program, arguments: tuple[str, ...]) -> None:
    result = network(*arguments)

    assert result.code == 2
    assert "did not expect" not in result.err


def fail_delivery(program: Program, delivery_id: int) -> None:
    run_sql(program, f"UPDATE deliveries SET status = 'failed', reply = '550 no' WHERE id = {delivery_id}")


def run_sql(program: Program, statement: str) -> None:
    connection = sqlite3.connect(program.folder / "ummsg.db")
    with connection:
        connection.execute(statement)
    connection.close()
