"""The wizard's steps, answered from a script, over a real database."""

import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from tests.cli.parsing import parse_new
from tests.cli.scripted import BACK, ENTER, STOP, ScriptedPrompter, back_after, stop_after
from tests.program import Program
from ummsg.cli.answers import Answers, equivalent_command, to_draft
from ummsg.cli.prompter import TerminalPrompter
from ummsg.cli.wizard import Decision, run_wizard
from ummsg.domain.wall_time import LocalTime
from ummsg.errors import Cancelled, InvalidDraft, NotConfigured
from ummsg.runtime import Runtime
from ummsg.vocabulary import BroadcastType, MembershipStatus, NoticeType, TargetKind

EMAIL = ("Email", "Customers", ["anna"], "Hello", "Good morning")
"""Type, targets, customers, subject and content of a short email."""


@pytest.fixture
def runtime(network: Program) -> Iterator[Runtime]:
    runtime = Runtime(environ=network.environ, directory=network.folder, clock=lambda: network.now)
    yield runtime
    runtime.close()


class Wizard:
    """Runs the wizard on a script and keeps what it leaves behind."""

    def __init__(self, runtime: Runtime, capture: pytest.CaptureFixture[str]) -> None:
        self.runtime = runtime
        self.capture = capture
        self.answers = Answers()
        self.prompter = ScriptedPrompter()
        self.decision: Decision | None = None

    def run(self, *script: Any, answers: Answers | None = None) -> "Wizard":
        self.answers = answers or Answers()
        self.prompter = ScriptedPrompter(*script)
        self.decision = run_wizard(
            self.answers,
            directory=self.runtime.directory,
            broadcasts=self.runtime.broadcasts,
            prompter=self.prompter,
            times=self.runtime.times,
        )
        assert self.prompter.left == []
        return self

    @property
    def shown(self) -> str:
        return self.capture.readouterr().err

    @property
    def emails(self) -> list[str]:
        return [customer.email for customer in self.answers.customers]


@pytest.fixture
def wizard(runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> Wizard:
    return Wizard(runtime, capsys)


class TestEndToEnd:
    def test_an_email_to_chosen_customers(self, wizard: Wizard) -> None:
        wizard.run("Email", "Customers", ["anna", "bo ek"], "Hello", "Good morning", "Send")

        assert wizard.decision is Decision.SEND
        assert wizard.answers.type is BroadcastType.EMAIL
        assert wizard.emails == ["anna@example.com", "bo@example.com"]
        assert (wizard.answers.subject, wizard.answers.content) == ("Hello", "Good morning")

    def test_customers_and_products_combined(self, wizard: Wizard) -> None:
        wizard.run("Email", "Both", ["anna"], ["starter"], "Hello", "Good morning", "Send")

        audience = to_draft(wizard.answers).audience
        assert [target.kind for target in audience.targets] == [TargetKind.CUSTOMER, TargetKind.PRODUCT]

    def test_everyone_is_chosen_by_name(self, wizard: Wizard) -> None:
        wizard.run("Email", "Everyone on the network", "Hello", "Good morning", "Send it to 5 customers")
        assert to_draft(wizard.answers).audience.everyone

    def test_a_notice_has_a_colour(self, wizard: Wizard) -> None:
        wizard.run("Notice", "Everyone on products", ["pro"], "warning", "Hello", "Good morning", "Show it to 2")
        assert wizard.answers.notice_type is NoticeType.WARNING

    def test_an_email_is_not_asked_for_a_colour(self, wizard: Wizard) -> None:
        wizard.run(*EMAIL, "Send")
        assert "In which colour?" not in wizard.prompter.asked

    def test_it_can_end_in_a_draft(self, wizard: Wizard) -> None:
        assert wizard.run(*EMAIL, "Save as a draft").decision is Decision.DRAFT

    def test_the_equivalent_command_gives_the_same_draft(self, wizard: Wizard, network: Program) -> None:
        wizard.run("Notice", "Both", ["anna"], ["pro", "starter"], "error", 'It\'s "down"', "$HOME\n\n`x` ", "Show")

        arguments = shlex.split(equivalent_command(wizard.answers))[3:]
        other = Runtime(environ=network.environ, directory=network.folder)  # closed by the command line
        assert to_draft(parse_new(arguments, other)) == to_draft(wizard.answers)


class TestWhatTheFlagsGave:
    def test_what_is_given_is_told_and_not_asked(self, wizard: Wizard) -> None:
        anna = wizard.runtime.directory.customer("anna@example.com")
        given = Answers(type=BroadcastType.EMAIL, customers=[anna], subject="Hello")

        wizard.run("Good morning", "Send", answers=given)

        assert wizard.prompter.asked == ["Content (markdown):", "Is it right?"]
        shown = wizard.shown
        for line in ("✓ Type: email", "✓ Customers (1): Anna Björk <anna@example.com>", "✓ Subject: Hello"):
            assert line in shown

    def test_what_is_given_can_be_reached_by_going_back(self, wizard: Wizard) -> None:
        given = Answers(type=BroadcastType.EMAIL, everyone=True, subject="Hello")
        wizard.run(BACK, "Hello again", "Good morning", "Send", answers=given)
        assert wizard.answers.subject == "Hello again"

    def test_what_is_given_but_will_not_do_is_asked_for(self, wizard: Wizard) -> None:
        given = Answers(type=BroadcastType.EMAIL, everyone=True, subject="H", content="Good morning")
        wizard.run("Hello", "Send", answers=given)
        assert wizard.prompter.prefilled == ["H"]

    def test_the_statuses_that_count_are_kept(self, wizard: Wizard) -> None:
        pro = wizard.runtime.directory.product("pro")
        given = Answers(type=BroadcastType.EMAIL, products=[pro], membership_statuses=[MembershipStatus.EXPIRED])
        wizard.run("Hello", "Good morning", "Send it to 1 customer", answers=given)
        assert "Memberships that count: expired" in wizard.shown


class TestGoingBack:
    def test_every_step_goes_back_to_the_one_before(self, wizard: Wizard) -> None:
        forward = ["Notice", "Both", ["anna"], ["pro"], "info", "Hello", "Good morning"]
        wizard.run(*forward, *[BACK] * 8, ENTER, "Show")

        questions = [
            *["What do you want to send?", "Who is it for?", "Which customers?", "Everyone on which products?"],
            *["In which colour?", "Subject:", "Content (markdown):"],
        ]
        back = [*reversed(questions), "What do you want to send?"]
        assert wizard.prompter.asked == [*questions, "Is it right?", *back, "Is it right?"]

    def test_only_what_applies_is_on_the_way_back(self, wizard: Wizard) -> None:
        wizard.run("Email", "Customers", ["anna"], BACK, BACK, BACK, ENTER, "Hello", "Good morning", "Send")
        assert wizard.prompter.asked[3:6] == ["Subject:", "Which customers?", "Who is it for?"]
        assert wizard.emails == ["anna@example.com"]

    def test_what_was_typed_is_there_again(self, wizard: Wizard) -> None:
        script = ["Email", "Customers", ["anna"], "Hello", back_after("Good mor"), ENTER, "Good morning", "Send"]
        wizard.run(*script)
        assert wizard.prompter.prefilled == ["", "", "Hello", "Good mor"]

    def test_half_a_subject_is_there_again(self, wizard: Wizard) -> None:
        wizard.run("Email", "Customers", ["anna"], back_after("H"), [], "Hello", "Good morning", "Send")
        assert wizard.prompter.prefilled[:2] == ["", "H"]

    def test_from_the_review_nothing_is_lost(self, wizard: Wizard) -> None:
        wizard.run(*EMAIL, BACK, BACK, "Hello you", "Send")
        assert wizard.prompter.prefilled == ["", "", "Good morning", "Hello"]
        assert (wizard.answers.subject, wizard.answers.content) == ("Hello you", "Good morning")

    def test_picks_survive_a_change_of_mind_about_whom_to_send_to(self, wizard: Wizard) -> None:
        script = ["Email", "Customers", ["anna"], BACK, BACK, "Everyone on the network", BACK, "Both", [], ["starter"]]
        wizard.run(*script, "Hello", "Good morning", "Send")
        assert wizard.emails == ["anna@example.com"]
        assert [product.slug for product in wizard.answers.products] == ["starter"]
        assert not wizard.answers.everyone

    def test_everyone_leaves_no_other_target_behind(self, wizard: Wizard) -> None:
        script = ["Email", "Both", ["anna"], ["pro"], BACK, BACK, BACK, "Everyone on the network"]
        wizard.run(*script, "Hello", "Good morning", "Send")
        assert [target.kind for target in to_draft(wizard.answers).audience.targets] == [TargetKind.EVERYONE]

    def test_an_email_that_becomes_a_notice_is_asked_for_its_colour(self, wizard: Wizard) -> None:
        wizard.run(*EMAIL, "Change", "Type", "Notice", "error", "Show it to 1 customer")
        assert wizard.answers.notice_type is NoticeType.ERROR


class TestReview:
    def test_it_counts_and_explains(self, wizard: Wizard, network: Program) -> None:
        assert network("suppressions", "add", "bo@example.com", "--reason", "bounced").code == 0
        wizard.run("Email", "Both", ["anna", "bo ek"], ["pro"], "Hello", "Good morning", "Send it to 1 customer")

        shown = [" ".join(line.split()) for line in wizard.shown.splitlines()]
        for line in (
            "Anna Björk <anna@example.com> 1",
            "Bo Ek <bo@example.com> 1",
            "Pro (pro) 2",
            "Matched more than once -2",
            "Left out: bounced -1",
            "Recipients 1",
        ):
            assert line in shown

    def test_it_shows_the_first_message_rendered(self, wizard: Wizard) -> None:
        wizard.run("Email", "Everyone on the", "For {{ customer_user_email }}", "Dear {{ customer_id }}", "Send")
        shown = wizard.shown
        assert "Message 1 of 5" in shown
        assert "To: Anna Björk <anna@example.com>" in shown
        assert "For anna@example.com" in shown
        assert "bo@example.com" not in shown

    def test_more_messages_can_be_paged_through(self, wizard: Wizard) -> None:
        wizard.run("Email", "Everyone on the", "For {{ customer_user_email }}", "Hello", *"nnp", *"ppp", "Send")
        titles = [line.strip("╭─╮ ") for line in wizard.shown.splitlines() if "Message" in line]
        assert titles == [f"Message {n} of 5" for n in (1, 2, 3, 2, 1, 5, 4)]

    def test_the_arrows_page_too(self, wizard: Wizard) -> None:
        wizard.run("Email", "Everyone on the", "Hello", "Good morning", "right", "left", "Send")
        assert wizard.shown.count("Message 2 of 5") == 1

    def test_a_notice_is_shown_as_a_dashboard_shows_it(self, wizard: Wizard) -> None:
        wizard.run("Notice", "Everyone on p", ["pro"], "info", "Planned work", "We are *away* on Sunday", "Show")
        shown = wizard.shown
        for text in ("Notice · info", "Planned work", "We are away on Sunday", "Will be shown to"):
            assert text in shown

    def test_a_long_message_is_cut_and_counted(self, wizard: Wizard) -> None:
        wizard.run("Notice", "Everyone on the", "info", "Hello", "\n\n".join(map(str, range(100))), "Show")
        assert "more lines" in wizard.shown

    def test_enter_alone_never_sends(self, wizard: Wizard) -> None:
        wizard.run(*EMAIL, ENTER, "Subject", ENTER, ENTER, "Content", ENTER, "Save as a draft")
        assert wizard.decision is Decision.DRAFT

    def test_change_goes_to_one_step_and_straight_back(self, wizard: Wizard) -> None:
        wizard.run(*EMAIL, "Change", "Subject", "Another", "Send")
        assert wizard.answers.subject == "Another"

    def test_nothing_need_be_changed_after_all(self, wizard: Wizard) -> None:
        assert wizard.run(*EMAIL, "Change", BACK, "Send").decision is Decision.SEND


class TestWhen:
    """The clock of these tests shows Monday 2026-11-23 12:00 UTC."""

    def test_an_email_can_go_out_at_one_moment(self, wizard: Wizard) -> None:
        wizard.run(
            *EMAIL, "Choose when", "At one moment", "tomorrow 9:00 Europe/Stockholm", "Send it to 1 customer then"
        )

        assert wizard.answers.at is not None
        assert wizard.answers.at.isoformat() == "2026-11-24T09:00:00+01:00"
        assert "At: Tue 2026-11-24 09:00 CET (Europe/Stockholm) = 2026-11-24 08:00 UTC" in wizard.shown
        assert "--at 2026-11-24T09:00:00+01:00" in equivalent_command(wizard.answers)

    def test_or_in_each_customers_own_time(self, wizard: Wizard) -> None:
        wizard.run(*EMAIL, "Choose when", "In each customer", "tomorrow 9:00", "Send it to 1 customer then")

        assert wizard.answers.at_local == LocalTime(datetime.fromisoformat("2026-11-24T09:00"), "UTC")
        assert "At: Tue 2026-11-24 09:00 in each customer's own time zone" in wizard.shown
        assert "--at-local 2026-11-24T09:00" in equivalent_command(wizard.answers)

    @pytest.mark.parametrize("words", ["soonish", "today 9:00 UTC", "monday 17:00 UTC", "friday 9:00 Atlantis"])
    def test_what_will_not_do_is_said_at_its_step(self, wizard: Wizard, words: str) -> None:
        wizard.run(*EMAIL, "Choose when", "At one moment", words, "today 17:00 UTC", "Send")
        assert len(wizard.prompter.complaints) == 1

    def test_it_can_be_now_after_all(self, wizard: Wizard) -> None:
        script = ["Choose when", "At one moment", "today 17:00 UTC", "Change", "When", "Now", "Send it to 1 customer"]
        wizard.run(*EMAIL, *script)
        assert to_draft(wizard.answers).released_at is None

    def test_going_back_from_the_time_asks_for_the_way_again(self, wizard: Wizard) -> None:
        wizard.run(*EMAIL, "Choose when", "At one moment", BACK, "Now", "Send")
        asked = [question.partition("(")[0] for question in wizard.prompter.asked[-4:]]
        assert asked == ["When does it go out?", "At ", "When does it go out?", "Is it right?"]

    def test_what_the_flags_gave_is_told_and_can_be_changed(self, wizard: Wizard) -> None:
        wizard.run(*EMAIL, BACK, "Now", "Send", answers=Answers(at=wizard.runtime.clock() + timedelta(hours=1)))
        assert to_draft(wizard.answers).released_at is None

    def test_a_notice_is_not_asked(self, wizard: Wizard) -> None:
        wizard.run(
            *EMAIL, "Choose when", "At one moment", "today 17:00 UTC", "Change", "Type", "Notice", "info", "Show"
        )
        assert to_draft(wizard.answers).released_at is None


class TestRefusals:
    """What will not do is said at its step, or leads back to it, with the text kept."""

    @pytest.mark.parametrize("subject", ["", " ", "H", "x" * 256, "two\nlines"])
    def test_a_subject_that_will_not_do(self, wizard: Wizard, subject: str) -> None:
        wizard.run("Email", "Everyone on the", subject, "Hello", "Good morning", "Send")
        assert len(wizard.prompter.complaints) == 1
        assert wizard.answers.subject == "Hello"

    @pytest.mark.parametrize("content", ["", "\n\n \n", "Hi", "a\0b and more"])
    def test_content_that_will_not_do(self, wizard: Wizard, content: str) -> None:
        wizard.run("Email", "Everyone on the", "Hello", content, "Good morning", "Send")
        assert len(wizard.prompter.complaints) == 1

    @pytest.mark.parametrize("text", ["Dear {{ customer_nam }}", "Dear {{ customer_name", "{% if %}", "{{ 1 ** 2 }}"])
    def test_a_placeholder_that_will_not_do_is_told_at_its_step(self, wizard: Wizard, text: str) -> None:
        wizard.run("Email", "Everyone on the", text, "Hello", text, "Good morning", "Send")
        assert len(wizard.prompter.complaints) == 2
        assert (wizard.answers.subject, wizard.answers.content) == ("Hello", "Good morning")

    def test_problems_of_what_the_flags_gave_lead_to_their_steps(self, wizard: Wizard) -> None:
        given = Answers(type=BroadcastType.EMAIL, everyone=True, subject="{{ a_b }}", content="{{ c_d }} content")
        wizard.run("Hello", "Good morning", "Send", answers=given)
        assert wizard.prompter.prefilled == ["{{ a_b }}", "{{ c_d }} content"]
        assert "content: c_d is not known" in wizard.shown

    def test_targets_that_match_nobody_lead_back_to_the_targets(self, wizard: Wizard) -> None:
        script = ["Email", "Everyone on p", ["empty"], "Hello", "Good morning", "Customers", ["anna"], "Send"]
        wizard.run(*script)
        assert "no customer matches" in wizard.shown
        assert wizard.emails == ["anna@example.com"]

    def test_a_value_that_customers_lack_leads_back_with_their_names(self, wizard: Wizard) -> None:
        better = 'To {{ customer_city or "you" }}'
        wizard.run("Email", "Everyone on the", "Hello", "To {{ customer_city }}", better, "Send")
        before, _, _ = wizard.shown.partition(f"✓ Content: {better}")
        assert "Bo Ek <bo@example.com>" in before
        assert wizard.prompter.prefilled[-1] == "To {{ customer_city }}"

    def test_a_value_that_is_lacking_in_the_subject_leads_to_the_subject(self, wizard: Wizard) -> None:
        wizard.run("Email", "Everyone on the", "In {{ customer_city }}", "Good morning", "Hello", "Send")
        assert wizard.prompter.prefilled[-1] == "In {{ customer_city }}"

    def test_what_no_step_can_put_right_ends_the_wizard_with_the_text_kept(self, wizard: Wizard) -> None:
        late = wizard.runtime.clock()
        with pytest.raises(InvalidDraft, match="not-after"):
            wizard.run(*EMAIL, answers=(kept := Answers(not_after=late)))
        assert (kept.subject, kept.content) == ("Hello", "Good morning")

    def test_without_a_sender_it_ends_with_what_to_set(self, wizard: Wizard, network: Program) -> None:
        del network.environ["UMMSG_FROM"]
        with pytest.raises(NotConfigured, match="sender"):
            wizard.run(*EMAIL)


class TestCancelling:
    @pytest.mark.parametrize("answered", range(6))
    def test_ctrl_c_at_any_step_cancels_and_keeps_what_was_answered(self, wizard: Wizard, answered: int) -> None:
        kept = Answers()
        with pytest.raises(Cancelled):
            wizard.run(*EMAIL[:answered], STOP, answers=kept)
        assert (kept.type is not None, bool(kept.customers), bool(kept.subject), bool(kept.content)) == (
            answered > 0,
            answered > 2,
            answered > 3,
            answered > 4,
        )

    def test_half_a_text_is_kept(self, wizard: Wizard) -> None:
        kept = Answers()
        with pytest.raises(Cancelled):
            wizard.run("Email", "Customers", ["anna"], "Hello", stop_after("Good mor"), answers=kept)
        assert kept.content == "Good mor"

    def test_the_review_offers_to_cancel(self, wizard: Wizard) -> None:
        with pytest.raises(Cancelled):
            wizard.run(*EMAIL, "Cancel")


class TestPlaceholders:
    def test_an_email_is_told_the_placeholders_that_there_are(self, wizard: Wizard) -> None:
        wizard.run(*EMAIL, "Send")
        assert "{{customer_name}}" in wizard.prompter.notes[0]
        assert "{{customer_city}}" in wizard.prompter.notes[0]

    def test_a_notice_has_none(self, wizard: Wizard) -> None:
        wizard.run("Notice", "Everyone on the", "info", "Hello", "Good morning", "Show")
        assert wizard.prompter.notes == []


class TestKeyByKey:
    """With the real prompts, through prompt_toolkit's pipe input."""

    ENTER, ESC, UP, DOWN, CTRL_D = "\r", "\x1b", "\x1b[A", "\x1b[B", "\x04"

    @pytest.fixture(autouse=True)
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "xterm")

    def answers(self, runtime: Runtime, *keys: str) -> tuple[Answers, Decision]:
        answers = Answers()
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            pipe.send_text("".join(keys))
            decision = run_wizard(
                answers,
                directory=runtime.directory,
                broadcasts=runtime.broadcasts,
                prompter=TerminalPrompter(),
                times=runtime.times,
            )
        return answers, decision

    def test_an_email(self, runtime: Runtime) -> None:
        targets = (self.ENTER, self.ENTER, "björk", self.ENTER, "ek bo", self.ENTER, self.ENTER)
        texts = ("Hello", self.ENTER, "Good", self.ENTER, "morning", self.CTRL_D)

        answers, decision = self.answers(runtime, *targets, *texts, self.UP, self.ENTER)

        assert decision is Decision.SEND
        assert [customer.email for customer in answers.customers] == ["anna@example.com", "bo@example.com"]
        assert (answers.subject, answers.content) == ("Hello", "Good\nmorning")

    def test_a_notice_for_everyone_with_second_thoughts(self, runtime: Runtime) -> None:
        start = (self.DOWN, self.ENTER, self.UP, self.ENTER, self.DOWN, self.ENTER)
        texts = ("Helo", self.ESC, self.ENTER, "\x7flo", self.ENTER, "Good morning", self.CTRL_D)

        answers, decision = self.answers(runtime, *start, *texts, self.DOWN, self.ENTER)

        assert decision is Decision.DRAFT
        assert answers.everyone
        assert answers.notice_type is NoticeType.INFO
        assert (answers.subject, answers.content) == ("Hello", "Good morning")


class TestWholeCommand:
    """`ummsg broadcast new` with somebody there to answer."""

    def test_it_sends_and_prints_the_same_by_flags(self, network: Program) -> None:
        result = network("broadcast", "new", set_up=answering(*EMAIL, "Send"))
        assert result.code == 0, result.err
        assert "ummsg broadcast new --type email --customer anna@example.com --subject Hello" in result.err

    @pytest.mark.parametrize("script", [[*EMAIL[:4], stop_after("Good mor")], [*EMAIL, "Cancel"], [*EMAIL, STOP]])
    def test_a_cancelled_run_keeps_the_text_as_a_draft(self, network: Program, script: list[Any]) -> None:
        result = network("broadcast", "new", set_up=answering(*script))
        assert result.code == 130
        assert "ummsg broadcast edit 1" in result.err
        assert "Good mor" in network("broadcast", "show", 1).out

    def test_a_draft_is_saved_and_not_sent(self, network: Program) -> None:
        result = network("broadcast", "new", set_up=answering(*EMAIL, "Save as a draft"))
        assert result.code == 0, result.err
        assert "draft" in network("broadcast", "show", 1).out

    def test_a_draft_is_gone_on_with_where_it_was_left(self, network: Program) -> None:
        network("broadcast", "new", set_up=answering(*EMAIL[:4], stop_after("Good mor")))
        result = network("broadcast", "edit", 1, set_up=answering("Change", "Content", "Good morning.", "Send"))

        assert result.code == 0, result.err
        shown = network("broadcast", "show", 1, "--format", "json").out
        assert '"status": "finished"' in shown
        assert '"content": "Good morning."' in shown
        assert network("broadcast", "list", "--format", "count").out == "1\n"

    def test_a_draft_that_is_left_again_is_still_one_draft(self, network: Program) -> None:
        network("broadcast", "new", set_up=answering(*EMAIL, "Save as a draft"))
        assert network("broadcast", "edit", 1, set_up=answering("Cancel")).code == 130
        assert network("broadcast", "list", "--status", "draft", "--format", "count").out == "1\n"

    def test_an_error_is_told_and_the_text_kept(self, network: Program) -> None:
        del network.environ["UMMSG_FROM"]
        result = network("broadcast", "new", set_up=answering(*EMAIL))
        assert result.code == 4
        assert "UMMSG_FROM" in result.err
        assert "ummsg broadcast edit 1" in result.err
        assert "Good morning" in network("broadcast", "show", 1).out

    def test_a_dry_run_stores_nothing(self, network: Program) -> None:
        before = network.dump()
        result = network("broadcast", "new", "--dry-run", set_up=answering(*EMAIL, "Send"))
        assert result.code == 0, result.err
        assert network.dump() == before
        assert "--content 'Good morning'" in result.err


def answering(*script: Any) -> Any:
    def set_up(runtime: Runtime) -> None:
        runtime.__dict__["prompter"] = ScriptedPrompter(*script)

    return set_up
