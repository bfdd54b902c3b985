"""The whole cycle of system emails: by flags, in processes of their own, against a real mail server."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from tests.program import Program
from tests.smtp_server import SmtpServer

RECEIPT = """\
---
slug: shop_receipt
event: payment_received
target: customer
title: Your receipt
description: For the customer, after a payment.
version: {version}
---
{greeting} {{{{ customer_name }}}},

we got {{{{ payment_total }}}}.
"""


def test_import_edit_fire_send_reset_restore(network: Program, smtp_server: SmtpServer) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    network.environ["UMMSG_ADMIN_EMAILS"] = "ada@example.org"
    templates = set_default(network, "Hello", version=1)

    available = rows(network, "emails", "status")
    assert state_of(available, "shop_receipt") == "missing"
    done(network, "emails", "import", "shop_receipt", "payment_received_admin", "site_published_customer")
    done(
        network,
        "emails",
        "edit",
        "shop_receipt",
        "--subject",
        "Paid: {{ payment_total }}",
        "--from",
        "Shop <s@example.com>",
    )
    payload = network.write("payload.json", json.dumps(example(network, "payment_received") | {"customer_id": 1}))
    done(network, "events", "fire", "payment_received", "--payload", payload)
    done(network, "outbox", "run")

    (mail,) = smtp_server.received_by("anna@example.com")
    assert mail.mail_from == "s@example.com"
    assert b"Subject: =?utf-8?q?Example_Network_-_Paid" in mail.data or b"Example Network - Paid" in mail.data
    assert "Hello Anna" in text_of(mail.data)
    assert len(smtp_server.received_by("ada@example.org")) == 1
    before = shown(network, "shop_receipt")
    assert (before["sent"], before["failed"], before["state"]) == (1, 0, "edited")

    set_default(network, "Good day", version=2)
    assert state_of(rows(network, "emails", "status"), "shop_receipt") == "default changed"
    done(network, "emails", "reset", "shop_receipt", "--yes")

    after = shown(network, "shop_receipt")
    assert (after["sent"], after["last_sent"], after["state"]) == (1, before["last_sent"], "as default")
    assert after["subject"] == "Your receipt"
    done(network, "events", "fire", "payment_received", "--payload", payload)
    done(network, "outbox", "run")
    assert "Good day Anna" in text_of(smtp_server.received_by("anna@example.com")[1].data)
    assert smtp_server.received_by("anna@example.com")[1].mail_from == "s@example.com"

    newest = rows(network, "emails", "history", "shop_receipt")[0]
    done(network, "emails", "restore", "shop_receipt", "--version", newest["number"], "--yes")
    assert shown(network, "shop_receipt")["subject"] == "Paid: {{ payment_total }}"
    assert shown(network, "shop_receipt")["sent"] == 2
    assert templates.is_dir()


def test_export_here_and_import_there(
    network: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done(network, "emails", "import", "payment_received_customer", "site_published_customer")
    done(network, "emails", "edit", "site_published_customer", "--subject", "It is there")
    bundle = network.write("bundle.json", network.alone("emails", "export", "--all").stdout)

    (tmp_path / "there").mkdir()
    there = Program(tmp_path / "there", capsys, monkeypatch)
    done(there, "init")
    done(there, "emails", "import", "--from", bundle, "--on-conflict", "skip", "--yes")

    moved = {row["slug"]: row for row in rows(there, "emails", "list")}
    assert moved["site_published_customer"]["subject"] == "It is there"
    assert [moved[slug]["active"] for slug in ("payment_received_customer", "site_published_customer")] == [False] * 2
    done(there, "events", "fire", "site_published", *as_flags(example(there, "site_published")))
    assert there.rows("SELECT count(*) FROM deliveries") == [(0,)]


def test_the_check_fails_and_passes_as_it_should(network: Program) -> None:
    network.environ["UMMSG_ADMIN_EMAILS"] = "ada@example.org"
    done(network, "emails", "import", "--all", "--yes")
    assert network.alone("emails", "status", "--check").returncode == 0

    done(network, "emails", "disable", "payment_failed_customer")
    assert network.alone("emails", "status", "--check").returncode == 0
    done(network, "emails", "disable", "payment_failed_admin")
    without = network.alone("emails", "status", "--check")
    assert without.returncode == 1
    assert "payment_failed" in without.stderr
    done(network, "emails", "enable", "payment_failed_admin")
    done(network, "emails", "delete", "confirm_email_address", "--yes")
    essential = network.alone("emails", "status", "--check")
    assert essential.returncode == 1
    assert "confirm_email_address" in essential.stderr
    done(network, "init")
    assert network.alone("emails", "status", "--check").returncode == 0


def set_default(program: Program, greeting: str, *, version: int) -> Path:
    """An add-on's folder with one default, as it is in its `version`."""
    folder = program.folder / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "shop_receipt.md").write_text(RECEIPT.format(greeting=greeting, version=version))
    program.environ["UMMSG_TEMPLATE_PATH"] = str(folder)
    return folder


def text_of(message: bytes) -> str:
    part = message_from_bytes(message, policy=policy.default).get_body(("plain",))  # type: ignore[attr-defined]
    return str(part.get_content())


def done(program: Program, *arguments: object) -> None:
    result = program.alone(*arguments)
    assert result.returncode == 0, result.stderr


def rows(program: Program, *arguments: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(program.alone(*arguments, "--format", "json").stdout)
    return found


def shown(program: Program, slug: str) -> dict[str, Any]:
    return next(row for row in rows(program, "emails", "list") if row["slug"] == slug)


def state_of(listed: list[dict[str, Any]], slug: str) -> str:
    return next(str(row["state"]) for row in listed if row["slug"] == slug)


def example(program: Program, event: str) -> dict[str, Any]:
    kind = json.loads(program.alone("events", "show", event, "--format", "json").stdout)
    fields = {field["name"]: field["example"] for field in kind["fields"]}
    return {name: value for name, value in fields.items() if not name.startswith("customer_")}


def as_flags(payload: dict[str, Any]) -> list[str]:
    words = [f"{name}={value}" for name, value in (payload | {"customer_user_email": "a@example.com"}).items()]
    return [part for word in words for part in ("--payload", word)]
