"""System emails before anything is stored or sent: where one stands, in which language, what a draft is refused for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.domain.duration import parse_duration, shown_duration
from ummsg.domain.email import (
    LONGEST_DELAY,
    Comparison,
    Default,
    EmailDraft,
    EmailText,
    SystemEmail,
    chosen_locale,
    is_slug,
    normalised_locale,
)
from ummsg.domain.message_text import CONTENT_MAXIMUM, SUBJECT_MAXIMUM
from ummsg.errors import InvalidInput
from ummsg.vocabulary import ContentFormat, EmailState, EmailTarget

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OLD = EmailText("Your receipt", "We got it.\n")
NEW = EmailText("Your receipt", "We got it, thank you.\n")
MINE = EmailText("Paid", "We got it.\n")
DRAFT = EmailDraft("receipt", "payment_received", EmailTarget.CUSTOMER, "Receipt", {"en": OLD})


def installed(text: EmailText, *, base: EmailText | None = OLD, active: bool = True) -> SystemEmail:
    draft = replace(DRAFT, texts={"en": text}, active=active)
    return SystemEmail(1, draft, NOW, NOW, None if base is None else {"en": base})


def default(text: EmailText) -> Default:
    return Default(replace(DRAFT, texts={"en": text}))


# Where an email stands against its default


@pytest.mark.parametrize(
    ("email", "beside", "state"),
    [
        (None, default(OLD), EmailState.MISSING),
        (installed(OLD), default(OLD), EmailState.AS_DEFAULT),
        (installed(MINE), default(OLD), EmailState.EDITED),
        (installed(OLD), default(NEW), EmailState.DEFAULT_CHANGED),
        (installed(MINE), default(NEW), EmailState.DEFAULT_CHANGED),
        (installed(NEW), default(NEW), EmailState.AS_DEFAULT),
        (installed(MINE, base=NEW), default(NEW), EmailState.EDITED),
        (installed(OLD), None, EmailState.NO_DEFAULT),
        (installed(MINE), None, EmailState.NO_DEFAULT),
        (installed(OLD, base=None), None, EmailState.NO_DEFAULT),
        (installed(OLD, base=None), default(OLD), EmailState.AS_DEFAULT),
        (installed(MINE, base=None), default(OLD), EmailState.EDITED),
        (installed(OLD, active=False), default(OLD), EmailState.INACTIVE),
        (installed(MINE, active=False), default(NEW), EmailState.INACTIVE),
        (installed(OLD, active=False), None, EmailState.INACTIVE),
    ],
)
def test_an_email_is_in_one_state(email: SystemEmail | None, beside: Default | None, state: EmailState) -> None:
    assert Comparison(email, beside).state is state


@pytest.mark.parametrize(
    "text",
    [replace(OLD, subject="Paid"), replace(OLD, content="No.\n"), replace(OLD, content_format=ContentFormat.TEXT)],
)
def test_subject_content_and_format_each_make_a_difference(text: EmailText) -> None:
    assert Comparison(installed(text), default(OLD)).state is EmailState.EDITED
    assert Comparison(installed(OLD), default(text)).state is EmailState.DEFAULT_CHANGED


def test_a_language_more_on_either_side_makes_a_difference() -> None:
    more = DRAFT.with_text("sv", EmailText("Ditt kvitto", "Tack.\n"))
    email = installed(OLD)

    assert Comparison(replace(email, draft=more), default(OLD)).state is EmailState.EDITED
    assert Comparison(email, Default(more)).state is EmailState.DEFAULT_CHANGED


def test_settings_make_no_difference() -> None:
    email = installed(OLD)
    late = replace(email, draft=replace(email.draft, after=timedelta(days=1), sender="Shop <shop@example.com>"))

    assert Comparison(late, default(OLD)).state is EmailState.AS_DEFAULT


def test_an_email_that_is_off_still_tells_that_its_default_changed() -> None:
    assert Comparison(installed(OLD, active=False), default(NEW)).default_changed


def test_what_is_installed_is_what_a_comparison_shows() -> None:
    mine = installed(MINE)

    assert Comparison(mine, default(OLD)).draft == mine.draft
    assert Comparison(None, default(OLD)).draft == default(OLD).draft


def test_an_email_without_a_default_is_not_called_edited() -> None:
    assert [installed(MINE).edited, installed(OLD).edited, installed(MINE, base=None).edited] == [True, False, False]


# In which language


@pytest.mark.parametrize(
    ("available", "wanted", "chosen"),
    [
        (["en", "sv"], ["sv"], "sv"),
        (["en", "pt", "pt_BR"], ["pt_BR"], "pt_BR"),
        (["en", "pt", "pt_BR"], ["pt-br"], "pt_BR"),
        (["en", "sv"], ["sv_SE.UTF-8"], "sv"),
        (["en", "sv", "de"], ["fi", "de", "sv"], "de"),
        (["en", "sv", "de"], ["de_AT", "sv"], "de"),
        (["en", "sv"], ["fi"], "en"),
        (["en", "sv"], [], "en"),
        (["en", "sv"], ["", "no language", "sv"], "sv"),
        (["sv", "de"], ["fi"], "de"),
        (["sv"], ["en"], "sv"),
    ],
)
def test_the_best_language_that_there_is_is_chosen(available: list[str], wanted: list[str], chosen: str) -> None:
    assert chosen_locale(available, wanted) == chosen


@pytest.mark.parametrize(
    ("written", "locale"),
    [
        ("sv", "sv"),
        ("SV", "sv"),
        (" sv ", "sv"),
        ("sv-se", "sv_SE"),
        ("sv_SE.UTF-8", "sv_SE"),
        ("SV_SE", "sv_SE"),
        ("pt_BR", "pt_BR"),
        ("zh-Hans-cn", "zh_Hans_CN"),
        ("es-419", "es_419"),
        ("fil", "fil"),
        ("", ""),
        ("C", ""),
        ("english", ""),
        ("e1", ""),
        ("sv SE", ""),
        ("sv_", ""),
        ("../sv", ""),
    ],
)
def test_a_language_is_read_however_it_is_written(written: str, locale: str) -> None:
    assert normalised_locale(written) == locale


# What a draft is refused for


def faults(draft: EmailDraft) -> list[str]:
    return [problem.field for problem in draft.problems()]


def with_text(**changes: str) -> EmailDraft:
    return DRAFT.with_text("en", replace(OLD, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "draft",
    [
        DRAFT,
        replace(DRAFT, slug="a" * 80),
        replace(DRAFT, title="x" * SUBJECT_MAXIMUM),
        replace(DRAFT, after=LONGEST_DELAY),
        with_text(subject="Hi"),
        with_text(subject="x" * SUBJECT_MAXIMUM),
        with_text(content="abc"),
        with_text(content="x" * CONTENT_MAXIMUM),
        DRAFT.with_text("pt_BR", OLD),
    ],
    ids=range(9),
)
def test_a_good_draft_has_no_problems(draft: EmailDraft) -> None:
    assert faults(draft) == []


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (replace(DRAFT, slug=""), "slug"),
        (replace(DRAFT, slug="Receipt"), "slug"),
        (replace(DRAFT, title=" "), "title"),
        (replace(DRAFT, title="x" * (SUBJECT_MAXIMUM + 1)), "title"),
        (replace(DRAFT, title="two\nlines"), "title"),
        (replace(DRAFT, title="\x1b[2J"), "title"),
        (replace(DRAFT, after=timedelta(minutes=-1)), "after"),
        (replace(DRAFT, after=LONGEST_DELAY + timedelta(minutes=1)), "after"),
        (replace(DRAFT, texts={}), "content"),
        (replace(DRAFT, texts={"english": OLD}), "locale"),
        (with_text(subject=" x "), "subject"),
        (with_text(subject="x" * (SUBJECT_MAXIMUM + 1)), "subject"),
        (with_text(subject="Hello\nBcc: x@example.com"), "subject"),
        (with_text(subject="Hello\rthere"), "subject"),
        (with_text(subject="Hello\x1b[2J"), "subject"),
        (with_text(content=" \n ab \n"), "content"),
        (with_text(content="x" * (CONTENT_MAXIMUM + 1)), "content"),
        (with_text(content="abc\0"), "content"),
    ],
    ids=range(18),
)
def test_each_fault_is_named(draft: EmailDraft, field: str) -> None:
    assert faults(draft) == [field]


def test_a_fault_in_one_of_several_languages_says_in_which() -> None:
    assert faults(DRAFT.with_text("sv", EmailText("x", "ab"))) == ["subject (sv)", "content (sv)"]


def test_all_faults_are_told_at_once() -> None:
    draft = EmailDraft("No slug", "x", EmailTarget.ADMIN, "", {"en": EmailText("", "")}, after=timedelta(days=-1))

    assert faults(draft) == ["slug", "title", "after", "subject", "content"]


@pytest.mark.parametrize("text", ["a", "7", "receipt", "receipt_2", "receipt-2", "a" * 80])
def test_a_slug(text: str) -> None:
    assert is_slug(text)


@pytest.mark.parametrize("text", ["", "a" * 81, "Receipt", "re ceipt", "_receipt", "-receipt", "kvittö", "a/b", "a\n"])
def test_no_slug(text: str) -> None:
    assert not is_slug(text)


# Delays


@pytest.mark.parametrize(
    ("typed", "length"),
    [
        ("0", timedelta()),
        ("0m", timedelta()),
        ("3d", timedelta(days=3)),
        ("90m", timedelta(minutes=90)),
        ("2h30m", timedelta(hours=2, minutes=30)),
        ("1d2h3m", timedelta(days=1, hours=2, minutes=3)),
        (" 1D 2h ", timedelta(days=1, hours=2)),
    ],
)
def test_a_delay_is_read_as_it_is_typed(typed: str, length: timedelta) -> None:
    assert parse_duration(typed) == length


@pytest.mark.parametrize(
    "typed", ["", " ", "3", "d", "3x", "3s", "3w", "2h3d", "1d1d", "-1d", "1.5h", "1h30", "00", "1" * 7 + "d", "1d\n2"]
)
def test_what_is_no_delay_is_refused_with_how_to_write_one(typed: str) -> None:
    with pytest.raises(InvalidInput, match="no length of time") as refused:
        parse_duration(typed)
    assert "2h30m" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (timedelta(), "0"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=2, minutes=5), "2d5m"),
        (timedelta(hours=48), "2d"),
        (timedelta(minutes=1, seconds=59), "1m"),
        (timedelta(seconds=59), "0"),
    ],
)
def test_a_delay_is_shown_short(length: timedelta, shown: str) -> None:
    assert shown_duration(length) == shown


@given(st.integers(0, 2 * int(LONGEST_DELAY.total_seconds()) // 60))
def test_a_delay_is_read_back_as_it_is_shown(minutes: int) -> None:
    length = timedelta(minutes=minutes)
    assert parse_duration(shown_duration(length)) == length
