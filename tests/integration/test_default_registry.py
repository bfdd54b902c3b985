"""Defaults and events of other people: from folders and installed packages, and what becomes of broken ones."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.add_on import install_add_on
from tests.program import Program, Result
from tests.system_emails import PAYMENT, Box, box

__all__ = ["box"]

RECEIPT = """\
---
slug: {slug}
event: {event}
target: {target}
title: The {slug}
subject: "Paid: {{{{ payment_total }}}}"
---
Thank you for {{{{ payment_total }}}}, {{{{ customer_name }}}}.
"""
KVITTO = """\
---
slug: {slug}
title: Kvittot
---
Tack, {{{{ customer_name }}}}.
"""
PARCEL = {
    "slug": "parcel_sent",
    "description": "A parcel is on its way.",
    "fields": [
        {"name": "customer_id", "type": "integer", "example": 17},
        {"name": "parcel_url", "type": "url", "example": "https://example.com/p/1", "required": True},
        {"name": "parcel_weight", "type": "number", "example": 1.5, "description": "In kilograms"},
    ],
}

Install = Callable[..., None]


@pytest.fixture
def folder(network: Program) -> Path:
    """A folder in UMMSG_TEMPLATE_PATH."""
    return in_template_path(network, "templates")


@pytest.fixture
def install_package(network: Program, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package with one entry point; FOLDER in its code is a folder of its own, MODULE its own name."""
    packages = network.folder / "site-packages"
    packages.mkdir()

    def install(code: str, entry_point: str, *, name: str = "shop", kind: str = "email_templates") -> Path:
        own = packages / f"{name}-data"
        own.mkdir()
        module = f"ummsg_{name}"
        code, entry_point = code.replace("FOLDER", repr(str(own))), entry_point.replace("MODULE", module)
        install_add_on(packages, monkeypatch, module, code, entry_point, group=f"ummsg.{kind}")
        return own

    return install


def in_template_path(program: Program, name: str) -> Path:
    folder = program.folder / name
    folder.mkdir()
    before = program.environ.get("UMMSG_TEMPLATE_PATH", "")
    program.environ["UMMSG_TEMPLATE_PATH"] = os.pathsep.join(filter(None, [before, str(folder)]))
    return folder


def put_default(
    folder: Path, slug: str = "shop_receipt", *, event: str = "payment_received", target: str = "customer"
) -> Path:
    path = folder / f"{slug}.md"
    path.write_text(RECEIPT.format(slug=slug, event=event, target=target))
    return path


def put_events(folder: Path, events: Any) -> Path:
    path = folder / "events.json"
    path.write_text(json.dumps(events))
    return path


def ran(program: Program, *arguments: object) -> Result:
    result = program(*arguments)
    assert result.code == 0, result.err
    return result


def listed(program: Program, noun: str, command: str) -> dict[str, dict[str, Any]]:
    rows = json.loads(ran(program, noun, command, "--format", "json").out)
    return {row["slug"]: row for row in rows}


def refused(program: Program, *arguments: object) -> Result:
    before = program.dump()
    result = program(*arguments)
    assert result.code == 4, result.err
    assert result.err.count("Error: ") == 1
    assert program.dump() == before
    return result


def fired(program: Program, event: str, payload: dict[str, Any]) -> None:
    ran(program, "events", "fire", event, "--payload", program.write("payload.json", json.dumps(payload)))
    ran(program, "outbox", "run")


# Defaults


def test_a_default_in_a_folder_is_available_and_says_where_it_is_from(network: Program, folder: Path) -> None:
    put_default(folder)

    row = listed(network, "emails", "status")["shop_receipt"]

    assert (row["state"], row["event"], row["target"]) == ("missing", "payment_received", "customer")
    assert (row["title"], row["source"]) == ("The shop_receipt", str(folder))


def test_every_folder_of_the_path_is_read(network: Program, folder: Path) -> None:
    put_default(folder, "a_receipt")
    put_default(in_template_path(network, "more"), "b_receipt")

    assert {"a_receipt", "b_receipt", "payment_received_customer"} <= listed(network, "emails", "status").keys()


@pytest.mark.parametrize(
    ("code", "entry_point"),
    [
        ("folder = FOLDER", "MODULE:folder"),
        ("from pathlib import Path\nfolder = Path(FOLDER)", "MODULE:folder"),
        ("def folder(): return FOLDER", "MODULE:folder"),
        ("from pathlib import Path\nclass Shop:\n  @staticmethod\n  def at(): return Path(FOLDER)", "MODULE:Shop.at"),
    ],
    ids=["text", "path", "function", "method"],
)
def test_a_package_registers_a_folder_of_defaults(
    network: Program, install_package: Install, code: str, entry_point: str
) -> None:
    put_default(install_package(code, f"shop = {entry_point}"))

    assert listed(network, "emails", "status")["shop_receipt"]["source"] == "the package ummsg-shop"


def test_a_package_can_be_the_folder_of_its_defaults(
    network: Program, install_package: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_package("", "shop = ummsg_shop_mails")
    package = network.folder / "site-packages" / "ummsg_shop_mails"
    package.mkdir()
    (package / "__init__.py").touch()
    put_default(package)

    assert listed(network, "emails", "status")["shop_receipt"]["source"] == "the package ummsg-shop"


def test_the_default_of_a_package_is_imported_fired_and_sent(
    network: Program, box: Box, install_package: Install
) -> None:
    put_default(install_package("folder = FOLDER", "shop = MODULE:folder"))

    ran(network, "emails", "import", "shop_receipt")
    fired(network, "payment_received", PAYMENT)

    assert box.recipients == ["anna@example.com"]
    assert box.subjects == ["Example Network - Paid: €29.00"]
    assert box.text().startswith("Thank you for €29.00, Anna Björk.")
    assert listed(network, "emails", "list")["shop_receipt"]["sent"] == 1


def test_the_translations_beside_a_default_come_with_it(network: Program, box: Box, folder: Path) -> None:
    put_default(folder)
    (folder / "shop_receipt.sv.md").write_text(KVITTO.format(slug="shop_receipt"))
    network.environ["UMMSG_LOCALE"] = "sv"

    ran(network, "emails", "import", "shop_receipt")
    fired(network, "payment_received", PAYMENT)

    assert box.subjects == ["Example Network - Kvittot"]
    assert box.text().startswith("Tack, Anna Björk.")
    texts = json.loads(ran(network, "emails", "show", "shop_receipt", "--format", "json").out)["texts"]
    assert list(texts) == ["en", "sv"]
    assert texts["en"]["subject"] == "Paid: {{ payment_total }}"


def test_an_essential_default_of_a_folder_is_installed_by_init(network: Program, folder: Path) -> None:
    path = put_default(folder)
    path.write_text(path.read_text().replace("title:", "essential: true\ntitle:"))

    assert network("emails", "status", "--check").code == 1
    ran(network, "init")

    ran(network, "emails", "status", "--check")
    assert listed(network, "emails", "list")["shop_receipt"]["state"] == "as default"


def test_a_default_that_cannot_be_sent_is_named_when_it_is_imported(network: Program, folder: Path) -> None:
    path = put_default(folder)
    path.write_text(path.read_text().replace("payment_total", "payment_totl"))
    before = network.dump()

    result = network("emails", "import", "payment_received_customer", "shop_receipt")

    assert result.code == 2
    assert f"the default shop_receipt, from {folder}" in result.err
    assert "payment_total" in result.err
    assert network.dump() == before


def test_a_folder_that_is_not_there_is_told_with_its_setting(network: Program, folder: Path) -> None:
    folder.rmdir()
    result = refused(network, "emails", "status")
    assert f"UMMSG_TEMPLATE_PATH: {folder} is no folder" in result.err


# Events


@pytest.mark.parametrize(
    ("code", "entry_point"),
    [
        (f"event = {PARCEL!r}", "MODULE:event"),
        (f"events = [{PARCEL!r}]", "MODULE:events"),
        (f"def events(): yield {PARCEL!r}", "MODULE:events"),
        (
            "from ummsg.domain.event import EventKind, PayloadField\nfrom ummsg.vocabulary import FieldType\n"
            "event = EventKind('parcel_sent', 'A parcel is on its way.', ("
            "PayloadField('customer_id', FieldType.INTEGER, 17),"
            "PayloadField('parcel_url', FieldType.URL, 'https://example.com/p/1', required=True),"
            "PayloadField('parcel_weight', FieldType.NUMBER, 1.5, description='In kilograms')))",
            "MODULE:event",
        ),
    ],
    ids=["a mapping", "a list", "a generator", "an EventKind"],
)
def test_a_package_registers_events(network: Program, install_package: Install, code: str, entry_point: str) -> None:
    install_package(code, f"shop = {entry_point}", kind="events")

    shown = json.loads(ran(network, "events", "show", "parcel_sent", "--format", "json").out)

    assert (shown["description"], shown["source"]) == ("A parcel is on its way.", "the package ummsg-shop")
    assert [field["name"] for field in shown["fields"]] == ["customer_id", "parcel_url", "parcel_weight"]
    assert shown["fields"][1] == {
        "name": "parcel_url",
        "type": "url",
        "required": True,
        "example": "https://example.com/p/1",
        "description": "",
    }


@pytest.mark.parametrize("events", [PARCEL, [PARCEL], [PARCEL, {"slug": "nothing", "description": "Bare."}]])
def test_a_folder_registers_events_in_a_file(network: Program, folder: Path, events: Any) -> None:
    path = put_events(folder, events)

    found = listed(network, "events", "list")

    assert found["parcel_sent"]["source"] == str(path)
    assert ("nothing" in found) == (len(events) == 2)
    assert "payment_received" in found


def test_an_event_of_a_folder_is_checked_and_sends_its_default(network: Program, box: Box, folder: Path) -> None:
    put_events(folder, PARCEL)
    path = put_default(folder, "parcel", event="parcel_sent")
    path.write_text(path.read_text().replace("payment_total", "parcel_weight"))
    ran(network, "emails", "import", "parcel")

    wrong = network("events", "fire", "parcel_sent", "--payload", "customer_id=1", "--payload", "parcel_url=nowhere")
    fired(network, "parcel_sent", {"customer_id": 1, "parcel_url": "https://example.com/p/9", "parcel_weight": 2.5})

    assert wrong.code == 2
    assert "parcel_url" in wrong.err
    assert box.recipients == ["anna@example.com"]
    assert box.text().startswith("Thank you for 2.5, Anna Björk.")


def test_an_email_whose_event_is_gone_is_listed_and_what_waits_fails_with_the_reason(
    network: Program, box: Box, folder: Path
) -> None:
    put_events(folder, PARCEL)
    put_default(folder, "parcel", event="parcel_sent").write_text(
        RECEIPT.format(slug="parcel", event="parcel_sent", target="customer").replace("payment_total", "parcel_url")
    )
    ran(network, "emails", "import", "parcel")
    payload = ("--payload", "customer_id=1", "--payload", "parcel_url=https://example.com/p/1")
    ran(network, "events", "fire", "parcel_sent", *payload)
    del network.environ["UMMSG_TEMPLATE_PATH"]

    drained = network("outbox", "run")

    assert drained.code == 3
    assert network.rows("SELECT status, reply FROM deliveries") == [
        ("failed", "not sent: the event parcel_sent is not registered any more")
    ]
    assert listed(network, "emails", "list")["parcel"]["state"] == "no default"
    assert network("events", "fire", "parcel_sent", *payload).code == 2


# Two with one slug


@pytest.mark.parametrize("command", [("emails", "list"), ("emails", "status"), ("emails", "import", "--all")])
def test_a_default_of_ours_cannot_be_registered_by_a_folder_too(
    network: Program, folder: Path, command: tuple[str, ...]
) -> None:
    put_default(folder, "payment_received_customer")

    result = refused(network, *command)

    assert "The default payment_received_customer is registered twice" in result.err
    assert "by ummsg\n" in result.err
    assert f"by {folder}\n" in result.err
    assert "another slug" in result.err


def test_a_package_and_a_folder_with_one_default_are_both_named(
    network: Program, folder: Path, install_package: Install
) -> None:
    put_default(install_package("folder = FOLDER", "shop = MODULE:folder"))
    put_default(folder)

    result = refused(network, "emails", "list")

    assert "by the package ummsg-shop\n" in result.err
    assert f"by {folder}\n" in result.err


def test_two_files_of_one_folder_with_one_default_are_both_named(network: Program, folder: Path) -> None:
    first = put_default(folder)
    second = folder / "zebra.md"
    second.write_text(first.read_text())

    result = refused(network, "emails", "list")

    assert "The default shop_receipt is registered twice" in result.err
    assert str(first) in result.err
    assert str(second) in result.err


@pytest.mark.parametrize("name", ["shop_receipt.en.md", "zebra.sv.md"])
def test_a_second_text_in_one_language_is_told(network: Program, folder: Path, name: str) -> None:
    put_default(folder)
    (folder / "shop_receipt.sv.md").write_text(KVITTO.format(slug="shop_receipt"))
    (folder / name).write_text(KVITTO.format(slug="shop_receipt").replace("Tack", "Another"))

    result = network("emails", "status")

    assert name in result.err


@pytest.mark.parametrize("command", [("events", "list"), ("emails", "list"), ("emails", "status")])
def test_an_event_of_ours_cannot_be_registered_by_a_folder_too(
    network: Program, folder: Path, command: tuple[str, ...]
) -> None:
    path = put_events(folder, {"slug": "payment_received", "description": "Another"})

    result = refused(network, *command)

    assert "The event payment_received is registered twice" in result.err
    assert "by ummsg\n" in result.err
    assert f"by {path}\n" in result.err
    assert "another slug" in result.err


def test_two_packages_with_one_event_are_both_named(network: Program, install_package: Install) -> None:
    for name in ("shop", "store"):
        install_package(f"event = {PARCEL!r}", f"{name} = MODULE:event", name=name, kind="events")

    result = refused(network, "events", "list")

    assert "by the package ummsg-shop\n" in result.err
    assert "by the package ummsg-store\n" in result.err


# What is broken is named, and the rest works

BROKEN = [
    ("raise RuntimeError('no licence')", "MODULE:folder", "no licence"),
    ("import sys; sys.exit(9)", "MODULE:folder", "SystemExit"),
    ("import sys\ndef folder(): sys.exit(9)", "MODULE:folder", "SystemExit"),
    ("import nothing_like_this", "MODULE:folder", "nothing_like_this"),
    ("folder = (", "MODULE:folder", "SyntaxError"),
    ("", "MODULE:folder", "folder"),
    ("", "ummsg_nowhere", "ummsg_nowhere"),
    ("def folder(): raise KeyError('HOME')", "MODULE:folder", "HOME"),
    ("def folder(needed): return needed", "MODULE:folder", "needed"),
]


@pytest.mark.parametrize("command", [("emails", "list"), ("emails", "status")])
@pytest.mark.parametrize(
    ("code", "entry_point", "why"),
    [
        *BROKEN,
        ("folder = '/nowhere/at/all'", "MODULE:folder", "/nowhere/at/all is no folder"),
        ("def folder(): return None", "MODULE:folder", "is no folder"),
        ("folder = 17", "MODULE:folder", "17 is no folder"),
        ("", "MODULE", "is no folder"),
    ],
)
def test_a_package_whose_defaults_cannot_be_had_is_named(
    network: Program, install_package: Install, command: tuple[str, ...], code: str, entry_point: str, why: str
) -> None:
    install_package(code, f"shop = {entry_point}")
    ran(network, "emails", "import", "payment_received_customer")

    result = ran(network, *command, "--format", "json")

    (warning,) = [line for line in result.err.splitlines() if line.startswith("Warning: ")]
    assert "the package ummsg-shop" in warning
    assert why in result.err
    assert "payment_received_customer" in [row["slug"] for row in json.loads(result.out)]


@pytest.mark.parametrize("command", [("events", "list"), ("emails", "list"), ("emails", "status")])
@pytest.mark.parametrize(
    ("code", "entry_point", "why"),
    [
        *BROKEN,
        ("folder = 17", "MODULE:folder", "int"),
        ("folder = [{'slug': 'a'}]", "MODULE:folder", "description"),
        ("import sys\ndef folder(): sys.exit(9)", "MODULE:folder", "SystemExit"),
        ("def folder():\n  yield {'slug': 'a', 'description': 'A'}\n  raise OSError('gone')", "MODULE:folder", "gone"),
    ],
)
def test_a_package_whose_events_cannot_be_had_is_named(
    network: Program, install_package: Install, command: tuple[str, ...], code: str, entry_point: str, why: str
) -> None:
    install_package(code, f"shop = {entry_point}", kind="events")

    result = ran(network, *command)

    (warning,) = [line for line in result.err.splitlines() if line.startswith("Warning: ")]
    assert "the package ummsg-shop" in warning
    assert why in result.err
    assert "a" not in listed(network, "events", "list")
    assert "payment_received" in listed(network, "events", "list")


def test_what_an_add_on_raises_cannot_move_the_cursor(network: Program, install_package: Install) -> None:
    install_package("raise RuntimeError('\\x1b[2J\\r\\nall gone')", "shop = MODULE:folder")
    result = ran(network, "emails", "list")
    assert "\x1b[2J" not in result.err
    assert "all gone" in result.err


def test_our_own_words_about_an_add_on_come_without_the_name_of_a_class(
    network: Program, install_package: Install
) -> None:
    install_package("folder = '/nowhere/at/all'", "shop = MODULE:folder")
    assert "Warning: the package ummsg-shop: /nowhere/at/all is no folder" in ran(network, "emails", "list").err


def test_beside_a_broken_package_everything_can_be_done(
    network: Program, box: Box, install_package: Install, folder: Path
) -> None:
    install_package("raise RuntimeError", "shop = MODULE:folder")
    install_package("raise RuntimeError", "shop = MODULE:events", name="store", kind="events")
    put_default(install_package("folder = FOLDER", "good = MODULE:folder", name="good"), "good_receipt")
    put_default(folder)

    ran(network, "emails", "import", "payment_received_customer", "shop_receipt", "good_receipt")
    fired(network, "payment_received", PAYMENT)

    assert box.recipients == ["anna@example.com"] * 3


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("wrong.md", b"Good day\n", "the head is missing"),
        ("wrong.md", b"---\nslug: wrong\n---\nGood day\n", "title: is missing"),
        ("wrong.md", RECEIPT.format(slug="wrong", event="a", target="nobody").encode(), "target: must be customer"),
        ("wrong.md", RECEIPT.format(slug="Wrong!", event="a", target="admin").encode(), "slug: 'Wrong!' is no slug"),
        ("wrong.md", b"---\nslug: wrong\ntitle: Gr\xfc\xdfe\n---\n", "utf-8"),
        ("wrong.md", b"---\ntitle: !!int x\n---\nGood day\n", "the head cannot be read"),
        ("shop_receipt.klingon.md", KVITTO.format(slug="shop_receipt").encode(), "'klingon' is no language"),
        ("shop_receipt.fi.md", KVITTO.format(slug="nothing").encode(), "there is no nothing.md beside it"),
        ("shop_receipt.fi.md", b"---\nslug: shop_receipt\ntitle: Kiitos\nafter: 3d\n---\nKiitos\n", "after: belongs"),
        ("shop_receipt.fi.md", b"---\nslug: shop_receipt\ntitle: Kiitos\n---\n", "content: needs at least"),
    ],
)
def test_a_file_that_is_no_default_is_named(
    network: Program, folder: Path, name: str, content: bytes, why: str
) -> None:
    put_default(folder)
    (folder / name).write_bytes(content)

    result = ran(network, "emails", "status", "--format", "json")

    assert f"Warning: {folder / name}" in result.err
    assert why in result.err
    ran(network, "emails", "import", "shop_receipt", "payment_received_customer")


def test_a_folder_or_a_dead_link_in_the_place_of_a_default_is_named(network: Program, folder: Path) -> None:
    put_default(folder)
    (folder / "inner.md").mkdir()
    (folder / "link.md").symlink_to(folder / "nothing.md")

    result = ran(network, "emails", "status")

    assert f"Warning: {folder / 'inner.md'}" in result.err
    assert f"Warning: {folder / 'link.md'}" in result.err
    assert "shop_receipt" in result.out


def test_a_slug_that_is_not_there_is_told_with_the_files_that_could_not_be_read(network: Program, folder: Path) -> None:
    (folder / "zzz.md").write_text("Good day\n")
    result = network("emails", "import", "zzz")
    assert result.code == 2
    assert str(folder / "zzz.md") in result.err


FIELD = {"name": "parcel_id", "type": "integer", "example": 1}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{not json", "line 1"),
        (b"", "line 1"),
        (b'"parcel_sent"', "an event is an object"),
        (b"[1]", "an event is an object"),
        (b"[" * 100_000, "nests too deeply"),
        (b'{"slug": "\xff"}', "not UTF-8"),
        ({"description": "A"}, "slug: must be text"),
        ({"slug": "a"}, "description: must be text"),
        ({"slug": "a", "description": 1}, "description: must be text"),
        ({"slug": "A b", "description": "A"}, "'A b' is no slug"),
        ({"slug": "a", "description": "A", "field": []}, "'field' is no key of an event"),
        ({"slug": "a", "description": "A", "fields": 5}, "fields"),
        ({"slug": "a", "description": "A", "fields": None}, "fields"),
        ({"slug": "a", "description": "A", "fields": ["parcel_id"]}, "a field is an object with"),
        ({"slug": "a", "description": "A", "fields": [FIELD | {"nmae": "x"}]}, "'nmae' is no key of a field"),
        ({"slug": "a", "description": "A", "fields": [FIELD | {"name": "Parcel id"}]}, "'Parcel id' is no name"),
        ({"slug": "a", "description": "A", "fields": [FIELD, FIELD]}, "there twice"),
        ({"slug": "a", "description": "A", "fields": [FIELD | {"type": "money"}]}, "'money' is no type of a field"),
        ({"slug": "a", "description": "A", "fields": [FIELD | {"type": ["text"]}]}, "is no type of a field"),
        ({"slug": "a", "description": "A", "fields": [FIELD | {"required": "yes"}]}, "required: must be true or false"),
        ({"slug": "a", "description": "A", "fields": [FIELD | {"example": "one"}]}, "its own example is not one"),
        ({"slug": "a", "description": "A", "fields": [FIELD | {"example": [1]}]}, "its own example is not one"),
        ({"slug": "a", "description": "A", "fields": [{"name": "b", "required": True}]}, "its own example is not one"),
    ],
)
def test_a_file_of_events_that_cannot_be_used_is_named_and_none_of_it_counts(
    network: Program, folder: Path, content: Any, why: str
) -> None:
    path = folder / "events.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps([PARCEL, content]).encode())

    result = ran(network, "events", "list", "--format", "json")

    assert f"Warning: {path}: " in result.err
    assert why in result.err
    found = [row["slug"] for row in json.loads(result.out)]
    assert "payment_received" in found
    assert "parcel_sent" not in found


def test_what_is_no_file_is_named_and_not_waited_for(network: Program, folder: Path) -> None:
    os.mkfifo(folder / "pipe.md")
    (folder / "endless.md").symlink_to("/dev/zero")

    result = ran(network, "emails", "status")

    for name in ("pipe.md", "endless.md"):
        assert f"{folder / name}: it is no file" in result.err
