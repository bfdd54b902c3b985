"""Three-way merge: what each side changed is kept, and where both changed the same lines, both are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.domain.merge import BETWEEN, OURS, THEIRS, has_markers, merge

BASE = "one\ntwo\nthree\nfour\nfive\n"

texts = (
    st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "d\r\n", "e\x0b", "f\u2028", "g"])).map("".join) | st.text()
)


def conflict(ours: str, theirs: str) -> str:
    return f"{OURS}\n{ours}{BETWEEN}\n{theirs}{THEIRS}\n"


def merged_cleanly(base: str, ours: str, theirs: str) -> str:
    merged = merge(base, ours, theirs)
    assert merged.conflicts == 0, merged.text
    return merged.text


# One side


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param("one\nTWO\nthree\nfour\nfive\n", id="a line changed"),
        pytest.param("zero\none\ntwo\nthree\nfour\nfive\n", id="a line before the first"),
        pytest.param("one\ntwo\nthree\nfour\nfive\nsix\n", id="a line after the last"),
        pytest.param("one\nfive\n", id="lines deleted"),
        pytest.param("one\ntwo\nthree\nfour\nfive", id="the last newline gone"),
        pytest.param("five\nfour\nthree\ntwo\none\n", id="in another order"),
        pytest.param("", id="everything gone"),
    ],
)
def test_what_one_side_changed_is_taken_whichever_side_it_is(changed: str) -> None:
    assert merged_cleanly(BASE, changed, BASE) == changed
    assert merged_cleanly(BASE, BASE, changed) == changed
    assert merged_cleanly(BASE, changed, changed) == changed


def test_two_texts_without_a_common_one_are_one_conflict() -> None:
    merged = merge("", "mine\n", "theirs\n")

    assert merged.text == conflict("mine\n", "theirs\n")
    assert merged.conflicts == 1


def test_what_both_wrote_alike_without_a_common_text_is_no_conflict() -> None:
    assert merged_cleanly("", "same\n", "same\n") == "same\n"


# Both sides


def test_insertions_at_both_ends_are_both_kept() -> None:
    assert merged_cleanly(BASE, f"zero\n{BASE}", f"{BASE}six\n") == f"zero\n{BASE}six\n"


def test_insertions_at_the_same_place_are_a_conflict() -> None:
    merged = merge(BASE, f"{BASE}mine\n", f"{BASE}theirs\n")

    assert merged.text == BASE + conflict("mine\n", "theirs\n")
    assert merged.conflicts == 1


def test_the_same_change_beside_a_different_one_is_taken_once() -> None:
    ours = "ONE\ntwo\nthree\nfour\nfive\n"
    theirs = "ONE\ntwo\nthree\nfour\nFIVE\n"

    assert merged_cleanly(BASE, ours, theirs) == theirs


def test_a_line_changed_differently_is_a_conflict_amid_what_both_kept() -> None:
    merged = merge(BASE, BASE.replace("three", "drei"), BASE.replace("three", "tre"))

    assert merged.text == "one\ntwo\n" + conflict("drei\n", "tre\n") + "four\nfive\n"
    assert merged.conflicts == 1


def test_each_place_is_a_conflict_of_its_own() -> None:
    ours = BASE.replace("one", "eins").replace("five", "fünf")
    theirs = BASE.replace("one", "ett").replace("five", "fem")

    merged = merge(BASE, ours, theirs)

    assert merged.conflicts == 2
    assert merged.text == conflict("eins\n", "ett\n") + "two\nthree\nfour\n" + conflict("fünf\n", "fem\n")


@pytest.mark.parametrize(
    ("ours", "theirs", "between"),
    [
        ("one\ntwo\nfour\nfive\n", "one\ntwo\nTHREE\nfour\nfive\n", conflict("", "THREE\n")),
        ("one\ntwo\nTHREE\nfour\nfive\n", "one\ntwo\nfour\nfive\n", conflict("THREE\n", "")),
    ],
    ids=["deleted here", "deleted there"],
)
def test_a_line_deleted_on_one_side_and_changed_on_the_other_is_a_conflict(
    ours: str, theirs: str, between: str
) -> None:
    merged = merge(BASE, ours, theirs)

    assert merged.text == f"one\ntwo\n{between}four\nfive\n"
    assert merged.conflicts == 1


def test_deletions_of_different_lines_are_both_made() -> None:
    assert merged_cleanly(BASE, "two\nthree\nfour\nfive\n", "one\ntwo\nthree\nfour\n") == "two\nthree\nfour\n"


def test_everything_deleted_against_an_edit_loses_neither() -> None:
    merged = merge(BASE, "", BASE.replace("three", "tre"))

    assert merged.conflicts == 1
    assert "tre\n" in merged.text


# Ends of lines


def test_markers_stand_on_lines_of_their_own_when_texts_do_not_end_theirs() -> None:
    merged = merge("last", "mine", "theirs")

    assert merged.text == conflict("mine\n", "theirs\n")
    assert merged.conflicts == 1


def test_a_last_line_without_its_newline_is_kept_without_it() -> None:
    base = "one\ntwo\nthree"

    assert merged_cleanly(base, "ONE\ntwo\nthree", base) == "ONE\ntwo\nthree"
    assert merged_cleanly(base, "ONE\ntwo\nthree", "one\ntwo\nTHREE") == "ONE\ntwo\nTHREE"


def test_a_line_ends_where_an_editor_ends_it() -> None:
    merged = merge("one\u2028two\n", "one\u2028mine\n", "one\u2028theirs\n")

    assert merged.text == conflict("one\u2028mine\n", "one\u2028theirs\n")


# Markers


@pytest.mark.parametrize("marker", [OURS, THEIRS, f"{THEIRS} ", f"{OURS}\r"])
def test_a_marker_that_was_left_is_found(marker: str) -> None:
    assert has_markers(f"one\n{marker}\ntwo\n")


@pytest.mark.parametrize("text", ["", "one\n", "a ======= b\n", "========\n", "> quoted\n", f"x{OURS}\n"])
def test_what_only_resembles_a_marker_is_none(text: str) -> None:
    assert not has_markers(text)


# Properties


@given(base=texts, changed=texts)
def test_a_side_that_changed_nothing_has_no_say(base: str, changed: str) -> None:
    assert merged_cleanly(base, changed, base) == changed
    assert merged_cleanly(base, base, changed) == changed


@given(base=texts, changed=texts)
def test_what_both_changed_alike_is_no_conflict(base: str, changed: str) -> None:
    assert merged_cleanly(base, changed, changed) == changed


@given(base=texts, ours=texts, theirs=texts)
def test_it_makes_no_difference_which_side_is_which(base: str, ours: str, theirs: str) -> None:
    one, other = merge(base, ours, theirs), merge(base, theirs, ours)

    assert one.conflicts == other.conflicts
    assert one.conflicts or one.text == other.text


without_markers = texts.filter(lambda text: not has_markers(text) and BETWEEN not in text.split("\n"))


@given(base=without_markers, ours=without_markers, theirs=without_markers)
def test_every_conflict_and_nothing_else_has_markers(base: str, ours: str, theirs: str) -> None:
    merged = merge(base, ours, theirs)
    lines = merged.text.split("\n")

    assert [lines.count(marker) for marker in (OURS, BETWEEN, THEIRS)] == [merged.conflicts] * 3
    assert has_markers(merged.text) == (merged.conflicts > 0)


@given(
    above=st.sampled_from(["changed", "deleted", "inserted"]),
    below=st.sampled_from(["changed", "deleted", "inserted"]),
    upper=st.integers(0, 4),
    distance=st.integers(2, 5),
    ours_is_above=st.booleans(),
)
def test_changes_apart_merge_whichever_side_makes_them(
    above: str, below: str, upper: int, distance: int, ours_is_above: bool
) -> None:
    base = [f"line {number}\n" for number in range(10)]
    one = edited(base, upper, above)
    other = edited(base, upper + distance, below)
    ours, theirs = (one, other) if ours_is_above else (other, one)

    both = edited(edited(base, upper + distance, below), upper, above)
    assert merged_cleanly("".join(base), "".join(ours), "".join(theirs)) == "".join(both)


def edited(lines: list[str], at: int, how: str) -> list[str]:
    new = [f"{how} at {at}\n"]
    return {
        "changed": [*lines[:at], *new, *lines[at + 1 :]],
        "deleted": [*lines[:at], *lines[at + 1 :]],
        "inserted": [*lines[:at], *new, *lines[at:]],
    }[how]
