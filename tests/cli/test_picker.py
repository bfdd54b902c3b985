"""The picker, driven key by key through prompt_toolkit's pipe input; what it draws is read from a terminal emulator."""

import io
import re
from dataclasses import dataclass

import pyte
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.utils import get_cwidth

from ummsg.cli.asking import Back, Source
from ummsg.cli.picker import clip, picker
from ummsg.cli.picking import Picking
from ummsg.domain.customer import Customer
from ummsg.errors import DatabaseBusy

UP, DOWN, LEFT = "\x1b[A", "\x1b[B", "\x1b[D"
ENTER, ESC, BACKSPACE, TAB, CTRL_C = "\r", "\x1b", "\x7f", "\t", "\x03"

PEOPLE = [
    Customer(1, None, "anna@example.com", "Anna Björk"),
    Customer(2, None, "anna.b@example.com", "Anna Bauer"),
    Customer(3, None, "bo@example.com", "Bo Ek"),
    Customer(4, None, "wang@example.com", "王小明"),
    Customer(5, None, "eve@example.com"),
    *(Customer(n, None, f"crowd{n}@example.com", f"Crowd {n}") for n in range(6, 40)),
]


@dataclass
class Found:
    items: list[Customer]
    more: int


def search(words: str) -> Found:
    wanted = words.casefold().split()
    every = [person for person in PEOPLE if all(word in person.label.casefold() for word in wanted)]
    return Found(every[:20], len(every[20:]))


def resolve(text: str) -> tuple[list[Customer], list[str]]:
    by_address = {person.email: person for person in PEOPLE}
    addresses = re.findall(r"[^\s,;<>]*@[^\s,;<>]*", text)
    return (
        [by_address[address] for address in addresses if address in by_address],
        [address for address in addresses if address not in by_address],
    )


CUSTOMERS = Source[Customer]("customers", search, lambda person: person.label, resolve)
WITHOUT_ADDRESSES = Source[Customer]("products", search, lambda person: person.label)


def pasted(text: str) -> str:
    return f"\x1b[200~{text}\x1b[201~"


def pick(keys: str, *, source: Source[Customer] = CUSTOMERS, picked: list[Customer] | None = None) -> list[str]:
    """The addresses that are picked after these keys."""
    chosen = [] if picked is None else picked
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        picker("Which customers?", source, chosen).run()
    return [person.email for person in chosen]


class TestPicking:
    def test_enter_picks_the_first_match_of_what_was_typed(self) -> None:
        assert pick("bauer" + ENTER + ENTER) == ["anna.b@example.com"]

    def test_an_accent_and_a_wide_letter_can_be_typed(self) -> None:
        assert pick("björk" + ENTER + "王" + ENTER + ENTER) == ["anna@example.com", "wang@example.com"]

    def test_a_space_is_typed_while_typing(self) -> None:
        assert pick("anna b" + ENTER + ENTER) == ["anna@example.com"]
        assert pick("anna ba" + ENTER + ENTER) == ["anna.b@example.com"]

    def test_arrows_choose_another_match(self) -> None:
        assert pick("anna" + DOWN + DOWN + ENTER + ENTER) == ["anna.b@example.com"]
        assert pick("anna" + DOWN + DOWN + UP + ENTER + ENTER) == ["anna@example.com"]

    def test_the_first_step_down_is_onto_the_first_match(self) -> None:
        assert pick("anna" + DOWN + " " + ENTER + ENTER) == ["anna@example.com"]

    def test_space_picks_several_in_a_row_while_choosing_with_arrows(self) -> None:
        keys = "anna" + DOWN + DOWN + " " + UP + " " + ENTER + ENTER
        assert pick(keys) == ["anna.b@example.com", "anna@example.com"]

    def test_space_unpicks_what_is_picked(self) -> None:
        assert pick(DOWN + " " + DOWN + " " + " " + UP + UP + ENTER) == ["anna@example.com"]

    def test_nobody_is_picked_twice(self) -> None:
        keys = "bo@example.com" + ENTER + "bo ek" + ENTER + pasted("bo@example.com\nbo@example.com\n") + ENTER
        assert pick(keys) == ["bo@example.com"]

    def test_picked_ones_are_kept_and_added_to(self) -> None:
        assert pick("bo ek" + ENTER + ENTER, picked=[PEOPLE[0]]) == ["anna@example.com", "bo@example.com"]

    def test_backspace_edits_the_line_and_on_an_empty_one_removes_the_last(self) -> None:
        assert pick("bo ekk" + BACKSPACE + ENTER + ENTER) == ["bo@example.com"]
        assert pick(BACKSPACE + ENTER, picked=PEOPLE[:3]) == ["anna@example.com", "anna.b@example.com"]


class TestNothingIsPickedByAccident:
    @pytest.mark.parametrize("key", [TAB, "\x01", "\x1b[C", LEFT, "\x1b[Z", "\x09\x09", " "])
    def test_no_key_selects_everyone(self, key: str) -> None:
        assert pick(key + "bo ek" + ENTER + ENTER) == ["bo@example.com"]

    @pytest.mark.parametrize("key", [ENTER, " ", DOWN + ENTER, DOWN + " ", TAB + ENTER])
    def test_no_match_picks_nobody(self, key: str) -> None:
        assert pick("zzz" + key + ESC + ENTER, picked=PEOPLE[2:3]) == ["bo@example.com"]

    def test_enter_on_an_empty_line_picks_nobody_and_does_not_end_while_nobody_is_picked(self) -> None:
        assert pick(ENTER + ENTER + "bo ek" + ENTER + ENTER) == ["bo@example.com"]

    def test_an_address_is_exact_or_nobody(self) -> None:
        keys = "anna" + ENTER + "bo@example.co" + ENTER + ESC + ENTER
        assert pick(keys) == ["anna@example.com"]

    def test_typing_on_after_an_arrow_makes_space_a_letter_again(self) -> None:
        assert pick(DOWN + "anna" + " " + "ba" + ENTER + ENTER) == ["anna.b@example.com"]

    def test_up_from_the_first_match_is_the_line_again(self) -> None:
        assert pick(DOWN + UP + ENTER, picked=PEOPLE[2:3]) == ["bo@example.com"]


class TestPastedLists:
    def test_the_known_are_picked_and_the_unknown_named_and_kept(self) -> None:
        picking = Picking(CUSTOMERS, [])
        rest = picking.paste("", "bo@example.com\r\nnobody@example.com, eve@example.com;who@example.com\n")

        assert [person.email for person in picking.picked] == ["bo@example.com", "eve@example.com"]
        assert picking.message == "2 picked. Unknown: nobody@example.com, who@example.com"
        assert rest == "nobody@example.com, who@example.com"

    def test_the_unknown_keep_enter_from_ending(self) -> None:
        paste = pasted("bo@example.com\nnobody@example.com")
        assert pick(paste + ENTER + ENTER + ESC + "eve@example.com" + ENTER + ENTER) == [
            "bo@example.com",
            "eve@example.com",
        ]

    def test_what_is_no_address_is_not_lost(self) -> None:
        picking = Picking(CUSTOMERS, [])
        rest = picking.paste("", "Eve <eve@example.com>\nthe boss\n, bo@example.com")

        assert [person.email for person in picking.picked] == ["eve@example.com", "bo@example.com"]
        assert rest == "the boss"

    def test_part_of_an_address_is_not_an_address_but_can_be_chosen(self) -> None:
        assert "Unknown: wang@ex (↓ chooses from the list)" in drawn("wang@ex" + ENTER)
        assert pick("wang@ex" + ENTER + DOWN + ENTER + ENTER) == ["wang@example.com"]

    def test_many_unknown_are_counted_after_the_first_few(self) -> None:
        picking = Picking(CUSTOMERS, [])
        picking.paste("", "\n".join(f"x{n}@example.com" for n in range(100)))
        assert picking.message.startswith("Unknown: x0@example.com, x1@example.com")
        assert picking.message.endswith("and 95 more")

    def test_a_long_list_on_the_line_is_not_searched_for(self) -> None:
        searches: list[str] = []

        def watched(words: str) -> Found:
            searches.append(words)
            return search(words)

        paste = pasted("\n".join(f"x{n}@example.com" for n in range(1000)))
        source = Source("customers", watched, lambda person: person.label, resolve)
        assert pick(paste + ENTER + ESC + "bo ek" + ENTER + ENTER, source=source) == ["bo@example.com"]
        assert max(map(len, searches)) < 200

    def test_addresses_typed_by_hand_are_a_list_too(self) -> None:
        assert pick("bo@example.com, eve@example.com" + ENTER + ENTER) == ["bo@example.com", "eve@example.com"]

    def test_a_list_pasted_without_brackets_picks_line_by_line(self) -> None:
        assert pick("anna.b@example.com\rbo@example.com\r\r") == ["anna.b@example.com", "bo@example.com"]

    def test_one_address_is_a_list_of_one(self) -> None:
        assert pick(pasted("bo@example.com\n") + ENTER) == ["bo@example.com"]

    def test_half_an_address_completes_what_was_typed(self) -> None:
        assert pick("bo" + pasted("@example.com") + ENTER + ENTER) == ["bo@example.com"]

    def test_other_text_is_typed_as_one_line(self) -> None:
        assert pick(pasted("bo\n ek") + ENTER + ENTER) == ["bo@example.com"]

    def test_a_source_without_addresses_searches_for_what_is_pasted(self) -> None:
        keys = pasted("bo@example.com") + ENTER + ENTER
        assert pick(keys, source=WITHOUT_ADDRESSES) == ["bo@example.com"]


class TestLeaving:
    def test_a_lone_escape_is_not_waited_for(self) -> None:
        assert picker("Which customers?", CUSTOMERS, []).ttimeoutlen == pytest.approx(0.05)

    def test_escape_clears_the_search_first_and_then_goes_back(self) -> None:
        picked = PEOPLE[:1]
        with pytest.raises(Back):
            pick("zzz" + ESC + ESC, picked=picked)
        assert picked == PEOPLE[:1]

    def test_back_keeps_what_is_picked(self) -> None:
        picked: list[Customer] = []
        with pytest.raises(Back):
            pick("bo ek" + ENTER + ESC, picked=picked)
        assert picked == [PEOPLE[2]]

    def test_ctrl_c_interrupts_and_keeps_what_is_picked(self) -> None:
        picked: list[Customer] = []
        with pytest.raises(KeyboardInterrupt):
            pick("bo ek" + ENTER + "x" + CTRL_C, picked=picked)
        assert picked == [PEOPLE[2]]

    def test_a_search_that_fails_ends_the_prompt_with_its_own_error(self) -> None:
        def fail(words: str) -> Found:
            if words:
                raise DatabaseBusy("The database is locked")
            return search(words)

        with pytest.raises(DatabaseBusy):
            pick("a", source=Source("customers", fail, lambda person: person.label))


class TestScreen:
    """Drawn by prompt_toolkit on a terminal without colour, read by a terminal emulator."""

    @pytest.fixture(autouse=True)
    def without_colour(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")

    def test_chips_and_matches_have_name_and_address(self) -> None:
        lines = drawn("wang", picked=PEOPLE[:3])
        assert lines[:5] == [
            "? Which customers?  (3 picked)",
            "[Anna Björk <anna@example.com>]",
            "[Anna Bauer <anna.b@example.com>] [Bo Ek <bo@example.com>]",
            "> wang",
            "»   王小明 <wang@example.com>",
        ]

    def test_what_is_picked_is_marked_among_the_matches(self) -> None:
        assert drawn("anna", picked=PEOPLE[:1])[3:5] == [
            "» ✓ Anna Björk <anna@example.com>",
            "    Anna Bauer <anna.b@example.com>",
        ]

    def test_the_matches_that_do_not_fit_are_counted(self) -> None:
        lines = drawn("")
        assert sum("@" in line for line in lines) == 8
        assert "    … and 31 more" in lines

    def test_the_list_follows_the_arrows(self) -> None:
        lines = drawn(DOWN * 12)
        assert "»   Crowd 12 <crowd12@example.com>" in lines
        assert "    … and 27 more" in lines

    def test_thousands_are_written_with_a_comma(self) -> None:
        source = Source[Customer]("customers", lambda words: Found(PEOPLE[:8], 1234), lambda person: person.label)
        assert "    … and 1,234 more" in drawn("", source=source)

    def test_where_counting_stopped_there_may_be_more(self) -> None:
        source = Source[Customer](
            "customers", lambda words: Found(PEOPLE[:20], 100), lambda person: person.label, counted_to=100
        )
        assert "    … and 112 or more" in drawn("", source=source)

    def test_nothing_found_is_said_when_they_press_enter(self) -> None:
        assert "None of the customers match" in drawn("zzz" + ENTER)

    @pytest.mark.parametrize("keys", ["", "anna", DOWN, "zzz" + ENTER])
    def test_forty_columns_hold_every_line(self, keys: str) -> None:
        long = Customer(99, None, "wolfgang.amadeus@mozarteum.example.com", "Wolfgang Amadeus Mozart")
        lines = drawn(keys, columns=40, picked=[long, *PEOPLE])
        assert all(get_cwidth(line) <= 40 for line in lines)
        assert lines[1].endswith(" more, and")
        assert any(line.startswith("> ") or line == ">" for line in lines)
        assert " ".join(" ".join(lines).split()).endswith("Esc: back")

    def test_what_is_cut_still_ends_with_the_address(self) -> None:
        long = Customer(99, None, "mozart@mozarteum.example.com", "Wolfgang Amadeus Mozart von Salzburg")
        assert drawn("", columns=40, picked=[long])[1].endswith("mozarteum.example.com>]")

    def test_a_name_cannot_move_the_cursor_or_add_a_line(self) -> None:
        evil = Customer(99, None, "evil@example.com", "\x1b[2J\x1b[31mEvil\r\nSecond\u202eline\x00")
        source = Source[Customer]("customers", lambda words: Found([evil], 0), lambda person: person.label)
        assert drawn("", source=source, picked=[evil])[:4] == [
            "? Which customers?  (1 picked)",
            "[�[2J�[31mEvil� Second�line� <evil@example.com>]",
            ">",
            "  ✓ �[2J�[31mEvil� Second�line� <evil@example.com>",
        ]

    def test_every_change_draws_every_line_anew(self) -> None:
        """Where a terminal finds an emoji wider than we do, a part of a line would land in another address."""
        lines = drawn(DOWN, only_the_last_render=True, picked=PEOPLE[:1])
        assert sum("example.com" in line for line in lines) == 9

    def test_few_lines_are_enough(self) -> None:
        lines = drawn("anna", rows=10, picked=PEOPLE[:2])
        assert "> anna" in lines
        assert "»   Anna Björk" in " ".join(lines) or "» ✓ Anna Björk" in " ".join(lines)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("short", 5, "short"),
        ("abcdefghij", 7, "ab…ghij"),
        ("王小明王小明", 7, "王…小明"),
        ("👩👩👧 x <a@b.example>", 18, "👩…  <a@b.example>".replace("  ", " ")),
        ("Anna Björk <anna@example.com>", 24, "Anna… <anna@example.com>"),
        ("Anna Björk <anna@example.com>", 12, "anna…le.com>"),
    ],
)
def test_clipping_counts_columns(text: str, width: int, expected: str) -> None:
    assert clip(text, width) == expected
    assert get_cwidth(clip(text, width)) <= width


def drawn(
    keys: str,
    *,
    source: Source[Customer] = CUSTOMERS,
    picked: list[Customer] | None = None,
    columns: int = 80,
    rows: int = 24,
    only_the_last_render: bool = False,
) -> list[str]:
    """The lines on the screen once these keys have been pressed; or what of them was drawn after the keys."""
    screen, raw, size = pyte.Screen(columns, rows), io.StringIO(), Size(rows=rows, columns=columns)
    todo = [keys, CTRL_C] if keys else [CTRL_C]
    lines: list[str] = []

    def look(_: object) -> None:
        if todo == [CTRL_C]:
            pyte.Stream(screen).feed(raw.getvalue())
            lines.extend(line.rstrip() for line in screen.display if line.strip())
        elif only_the_last_render:
            raw.seek(0)
            raw.truncate()
        if todo:
            pipe.send_text(todo.pop(0))

    output = Vt100_Output(raw, lambda: size, term="xterm", enable_cpr=False)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=output):
        app = picker("Which customers?", source, [] if picked is None else picked)
        app.after_render += look
        with pytest.raises(KeyboardInterrupt):
            app.run()
    return lines
