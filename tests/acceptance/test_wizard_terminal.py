"""`ummsg broadcast new` as a person meets it: on a real pseudo-terminal, to real mailboxes."""

import json
import mailbox
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.utils import parseaddr
from typing import Any

import pytest

from tests.acceptance.terminal import Terminal
from tests.program import Program

Start = Callable[..., Terminal]


@pytest.fixture
def start(network: Program) -> Iterator[Start]:
    running: list[Terminal] = []

    def start(*arguments: str, **options: Any) -> Terminal:
        running.append(Terminal(network, *(arguments or ("broadcast", "new")), **options))
        return running[-1]

    yield start
    for terminal in running:
        terminal.close()


def mailed(network: Program) -> list[str]:
    """Who has mail, by address."""
    folder = network.folder / "mail"
    if not folder.exists():
        return []
    return sorted(parseaddr(str(message["To"]))[1] for message in mailbox.Maildir(folder, create=False))


def to_the_subject(terminal: Terminal) -> Terminal:
    """An email to Anna and Bo."""
    terminal.shows("What do you want to send?").press("<Enter>")
    terminal.shows("Who is it for?").press("<Enter>")
    terminal.shows("Which customers?").press("bjork").shows("» ").press("<Enter>")
    terminal.shows("[Anna Björk <anna@example.com>]").paste("bo@example.com\n")
    terminal.shows("(2 picked)").press("<Enter>")
    return terminal.shows("Customers (2)", "Subject:")


def to_the_review(terminal: Terminal) -> Terminal:
    to_the_subject(terminal).press("For {{customer_name}}", "<Enter>")
    terminal.shows("Content (markdown):", "Ctrl-D: done", "{{customer_city}}")
    terminal.press("Dear {{customer_name}},", "<Enter>", "<Enter>", "good *morning*.", "<Ctrl-D>")
    return terminal.shows("Is it right?", "Message 1 of 2", "To: Anna Björk <anna@example.com>", "good morning.")


def test_the_whole_way_to_the_mailboxes(start: Start, network: Program) -> None:
    terminal = to_the_review(start())
    for answered in ("What do you want to send?", "Who is it for?", "Which customers?", "Subject: F", "Content (m"):
        assert f"? {answered}" not in terminal.text
    terminal.press("n").shows("Message 2 of 2", "To: Bo Ek <bo@example.com>", "Dear Bo Ek")
    terminal.press("<Up>").shows("» Send it to 2 customers").press("<Enter>").ends(0)

    assert mailed(network) == ["anna@example.com", "bo@example.com"]


def test_a_notice_in_its_colour(start: Start, network: Program) -> None:
    terminal = start().shows("What do you want to send?").press("<Down>", "<Enter>")
    terminal.shows("Who is it for?").press("<Down>", "<Enter>")
    terminal.shows("Everyone on which products?").press("pro", "<Enter>").shows("[Pro (pro)]").press("<Enter>")
    terminal.shows("In which colour?", "▌ success", "▌ warning").press("<Down>", "<Down>", "<Enter>")
    terminal.shows("Notice type: warning", "Subject:").press("Planned work", "<Enter>")
    terminal.shows("Content").press("We are away on Sunday.", "<Ctrl-D>")
    terminal.shows("Notice · warning", "Will be shown to", "Is it right?").press("<Up>", "<Enter>").ends(0)

    listed = network("notices", "list", "--customer", "anna@example.com", "--format", "json").out
    assert '"notice_type": "warning"' in listed
    assert '"subject": "Planned work"' in listed


def test_every_step_goes_back_and_nothing_is_typed_twice(start: Start) -> None:
    terminal = to_the_review(start()).press("<Esc>").shows("Content (markdown):", "good *morning*.")
    terminal.press("<Esc>").shows("? Subject: For {{customer_name}}").press("<Esc>")
    terminal.shows("? Which customers? (2 picked)", "[Bo Ek <bo@example.com>]").press("<Esc>")
    terminal.shows("Who is it for?").press("<Esc>").shows("What do you want to send?").press("<Enter>")
    terminal.shows("Is it right?", "Recipients 2").press("<Ctrl-C>").ends(130)


def test_ctrl_c_keeps_half_a_text_as_a_draft(start: Start, network: Program) -> None:
    terminal = to_the_subject(start()).press("Hello", "<Enter>").shows("Content").press("Good mor")
    terminal.shows("Good mor").press("<Ctrl-C>").ends(130)

    assert "ummsg broadcast edit 1" in terminal.text
    shown = network("broadcast", "show", 1).out
    assert "Good mor" in shown
    assert "draft" in shown
    assert mailed(network) == []


def test_a_lost_connection_keeps_half_a_text_as_a_draft(start: Start, network: Program) -> None:
    terminal = to_the_subject(start()).press("Hello", "<Enter>").shows("Content").press("Good mor")
    terminal.shows("Good mor").hang_up()

    assert "Good mor" in network("broadcast", "show", 1).out


def test_what_will_not_do_is_said_and_kept(start: Start) -> None:
    terminal = to_the_subject(start()).press("H", "<Enter>").shows("needs at least 2 characters", "Subject: H")
    terminal.press("i", "<Enter>").shows("Content").press("Dear {{customer_nam}}", "<Ctrl-D>")
    terminal.shows("did you mean customer_name?", "Ctrl-D: done").press("<Backspace>", "<Backspace>", "e}}", "<Ctrl-D>")
    terminal.shows("Is it right?", "Dear Anna Björk").press("<Ctrl-C>").ends(130)


def test_a_time_in_words(start: Start, network: Program) -> None:
    terminal = to_the_review(start()).press("<Down>", "<Enter>").shows("When does it go out?", "» Now")
    terminal.press("<Down>", "<Enter>").shows("At (tomorrow 9:00, in 2 hours):").press("friday", "<Enter>")
    terminal.shows("Try tomorrow 9:00 or").press(*["<Backspace>"] * 6, "tomorrow 9:00 UTC", "<Enter>")
    terminal.shows("Is it right?", "09:00 UTC").press("<Up>").shows("» Send it to 2 customers then")
    terminal.press("<Enter>").ends(0)

    assert mailed(network) == []
    assert '"status": "scheduled"' in network("broadcast", "show", 1, "--format", "json").out


def test_the_editor_takes_and_gives_the_text(start: Start) -> None:
    terminal = to_the_subject(start(EDITOR="sed -i s/Dear/Cher/")).press("Hello", "<Enter>")
    terminal.shows("Content").press("Dear all", "<Ctrl-O>").shows("Cher all").press("<Ctrl-D>")
    terminal.shows("Is it right?", "Content: Cher all").press("<Ctrl-C>").ends(130)


def test_a_missing_editor_is_named_and_the_text_kept(start: Start) -> None:
    terminal = to_the_subject(start(EDITOR="/nowhere/editor")).press("Hello", "<Enter>")
    terminal.shows("Content").press("Dear all", "<Ctrl-O>").shows("/nowhere/editor cannot be started", "Dear all")
    terminal.press("<Ctrl-C>").ends(130)


def test_unknown_addresses_are_named_and_stay(start: Start) -> None:
    terminal = start().shows("What do").press("<Enter>").shows("Who is it for?").press("<Enter>")
    terminal.shows("Which customers?").paste("anna@example.com, nobody@example.com")
    terminal.shows("1 picked. Unknown: nobody@example.com", "> nobody@example.com")
    terminal.press("<Enter>").shows("Unknown: nobody@example.com").press("<Esc>").hides("nobody@example.com")
    terminal.press("<Backspace>").shows("Removed Anna Björk <anna@example.com>").press("<Enter>")
    terminal.shows("Pick at least one").press("<Ctrl-C>").ends(130)


@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_terminal_without_colour(start: Start, columns: int) -> None:
    terminal = to_the_review(start(columns=columns, rows=50, NO_COLOR="1"))
    assert "Type to search" not in terminal.text
    terminal.press("<Up>", "<Enter>").ends(0)
    assert not {code for code in colour_codes(terminal.raw) if code not in ("0", "1", "2", "7")}


def colour_codes(raw: str) -> set[str]:
    return {code for found in re.findall(r"\x1b\[([\d;]*)m", raw) for code in found.split(";") if code}


def test_prompts_stay_on_the_terminal_when_stdout_is_piped(start: Start, network: Program) -> None:
    terminal = to_the_review(start("broadcast", "new", "--porcelain", stdout="out.txt"))
    terminal.press("<Up>", "<Enter>").ends(0)
    assert (network.folder / "out.txt").read_text() == "1\n"


def test_the_printed_command_does_the_same_again(start: Start, network: Program) -> None:
    terminal = to_the_review(start()).press("<Up>", "<Enter>").ends(0)
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.raw).replace("\r\n", "\n")
    command = re.search(r"The same by flags: (ummsg broadcast new .*good \*morning\*\.'?)$", plain, re.S | re.M)
    assert command, plain
    program = f'ummsg() {{ "{sys.executable}" -m ummsg "$@" --draft; }}\n'

    environ = {"PATH": os.environ["PATH"], "HOME": str(network.folder), **network.environ}
    subprocess.run(["sh"], input=program + command[1] + "\n", env=environ, cwd=network.folder, text=True, check=True)

    first, again = (json.loads(network("broadcast", "show", n, "--format", "json").out) for n in (1, 2))
    same = ("type", "subject", "content", "content_format", "targets", "membership_statuses", "from", "reply_to")
    assert {name: first[name] for name in same} == {name: again[name] for name in same}
