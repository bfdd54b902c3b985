"""Each kind of cell: what is kept of it, and what is refused."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from ummsg.domain import cleaning
from ummsg.errors import InvalidInput
from ummsg.vocabulary import MembershipStatus


def status(text: str) -> MembershipStatus:
    return cleaning.choice(text, MembershipStatus)


@pytest.mark.parametrize(
    ("clean", "text", "kept"),
    [
        (cleaning.line, "  Anna Björk ", "Anna Björk"),
        (cleaning.line, "Jean\xa0Luc", "Jean Luc"),
        (cleaning.line, "👩\u200d💻 Ada", "👩\u200d💻 Ada"),
        (cleaning.line, "", ""),
        (cleaning.text, "one\r\ntwo\rthree\tfour", "one\ntwo\nthree\tfour"),
        (cleaning.locale, "de-DE", "de_DE"),
        (cleaning.locale, "de_DE_formal", "de_DE_formal"),
        (cleaning.locale, "", ""),
        (cleaning.timezone, " Europe/Berlin", "Europe/Berlin"),
        (cleaning.timezone, "europe/berlin", "Europe/Berlin"),
        (cleaning.timezone, "", ""),
        (cleaning.moment, "2026-11-30", datetime(2026, 11, 30, tzinfo=UTC)),
        (cleaning.moment, "2026-11-30T10:00:00+01:00", datetime(2026, 11, 30, 9, tzinfo=UTC)),
        (cleaning.moment, "2026-11-30 09:00:00Z", datetime(2026, 11, 30, 9, tzinfo=UTC)),
        (cleaning.moment, " ", None),
        (cleaning.moment_text, "2026-11-30", "2026-11-30 00:00:00.000000"),
        (cleaning.moment_text, "", ""),
        (cleaning.boolean, " Yes", True),
        (cleaning.boolean, "0", False),
        (status, " On-Hold ", MembershipStatus.ON_HOLD),
        (cleaning.slug, " Pro-Plan_2.0 ", "pro-plan_2.0"),
        (cleaning.external_id, " ", None),
        (cleaning.external_id, "cus_7", "cus_7"),
        (cleaning.wanted_id, "42", 42),
        (cleaning.wanted_id, "042", None),
        (cleaning.wanted_id, "0", None),
        (cleaning.wanted_id, "-1", None),
        (cleaning.wanted_id, "٤٢", None),
        (cleaning.wanted_id, str(cleaning.HIGHEST_WANTED_ID), cleaning.HIGHEST_WANTED_ID),
        (cleaning.wanted_id, str(cleaning.HIGHEST_WANTED_ID + 1), None),
        (cleaning.wanted_id, "9" * 400, None),
        (cleaning.wanted_id, None, None),
    ],
)
def test_what_is_kept(clean: Callable[[Any], object], text: str | None, kept: object) -> None:
    assert clean(text) == kept


@pytest.mark.parametrize(
    ("clean", "text", "reason"),
    [
        (cleaning.line, "Anna\r\nBcc: x@example.com", "line break"),
        (cleaning.line, "Anna\u2028B", "line break"),
        (cleaning.line, "An\0na", "NUL"),
        (cleaning.line, "An\x1b[31mna", r"U\+001B"),
        (cleaning.line, "Caf\udce9", "not UTF-8 text .byte 0xE9"),
        (cleaning.line, "\ud800", r"U\+D800"),
        (cleaning.line, "x" * 256, "256 characters; 255 fit"),
        (cleaning.text, "a\0b", "NUL"),
        (cleaning.text, "a\x07b", r"U\+0007"),
        (cleaning.text, "x" * 10_001, "10,001 characters"),
        (cleaning.locale, "German, please", "not a locale"),
        (cleaning.timezone, "Europe/Berlim", "is it Europe/Berlin"),
        (cleaning.timezone, "UTC+2", "not a time zone"),
        (cleaning.timezone, "Factory", "not a time zone"),
        (cleaning.timezone, "localtime", "not a time zone"),
        (cleaning.moment, "30.11.2026", "not a date"),
        (cleaning.moment, "0001-01-01T00:00:00+14:00", "not a date"),
        (cleaning.boolean, "maybe", "neither yes nor no"),
        (status, "activ", "none of pending, active"),
        (cleaning.slug, "pro plan", "not a slug"),
        (cleaning.slug, "", "is empty"),
    ],
)
def test_what_is_refused(clean: Callable[[str], object], text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        clean(text)
