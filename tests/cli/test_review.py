"""The review on screens of several widths, with names and texts from outside."""

import pytest
from rich.console import Console

from ummsg.cli import views
from ummsg.cli.review import show_review, show_sample
from ummsg.domain.audience import Audience, AudienceCount, Target, TargetCount
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.customer import Customer
from ummsg.services.reviews import Review, Sample
from ummsg.vocabulary import BroadcastType, NoticeType

EVE = Customer(5, None, "eve@example.com", "Eve\x1b[2J\r\nSecond")
SAMPLE = Sample(EVE, "Hello\x1b[31m", "", "Dear Eve\x07,\n\tindented\n" + "\n".join(f"line {n}" for n in range(50)))


def draft(type: BroadcastType = BroadcastType.EMAIL) -> BroadcastDraft:
    return BroadcastDraft(type, Audience.of([Target.customer(5)]), "Hello", "…", notice_type=NoticeType.ERROR)


def review(count: AudienceCount, type: BroadcastType = BroadcastType.EMAIL, sample: Sample = SAMPLE) -> Review:
    return Review(draft(type), count, lambda index: sample if index < count.recipients else None)


def counted(*targets: tuple[str, int], recipients: int, **suppressed: int) -> AudienceCount:
    rows = tuple(TargetCount(Target.customer(n), label, number) for n, (label, number) in enumerate(targets))
    return AudienceCount(rows, recipients, suppressed)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Console:
    """What is said, on a terminal of 40 columns."""
    console = Console(width=40, record=True, force_terminal=True, color_system="truecolor", quiet=False)
    monkeypatch.setattr(views, "err", lambda: console)
    monkeypatch.setattr(views, "out", lambda: console)
    return console


def lines(screen: Console) -> list[str]:
    return screen.export_text(clear=False).splitlines()


def test_nothing_from_outside_moves_the_cursor(screen: Console) -> None:
    show_review(review(counted((EVE.label, 1), recipients=1, **{"bad\x1b[0m": 1})))
    show_sample(SAMPLE)
    assert not {c for c in screen.export_text() if ord(c) < 32 or ord(c) == 127} - {"\n"}


def test_forty_columns_are_enough(screen: Console) -> None:
    wide = "王小明" * 10 + " <wang@example.com>"
    show_review(review(counted((wide, 1_000_000), ("Pro (pro)", 12), recipients=1_000_012)))
    assert max(len(line) for line in lines(screen)) <= 40
    assert any("1,000,000" in line for line in lines(screen))


def test_many_targets_and_reasons_are_summed_up(screen: Console) -> None:
    targets = [(f"Customer {n}", 1) for n in range(100)]
    reasons = {f"reason {n}": n for n in range(1, 21)}
    show_review(review(counted(*targets, recipients=0, **reasons)))
    text = [" ".join(line.split()) for line in lines(screen)]
    assert "… and 92 more targets 92" in text
    assert "Left out: reason 20 -20" in text
    assert "… and 12 other reasons -78" in text


def test_one_row_too_many_is_simply_shown(screen: Console) -> None:
    show_review(review(counted(*[(f"Customer {n}", 1) for n in range(9)], recipients=0)))
    assert any("Customer 8" in line for line in lines(screen))


def test_a_long_text_is_cut_in_the_review_and_whole_in_the_preview(screen: Console) -> None:
    show_review(review(counted(("Eve", 1), recipients=1)))
    assert any("… and 22 more lines" in line for line in lines(screen))
    assert not any("line 49" in line for line in lines(screen))
    show_sample(SAMPLE)
    assert any("line 49" in line for line in lines(screen))


def test_several_messages_can_be_shown(screen: Console) -> None:
    show_review(review(counted(("Pro", 2), recipients=2)), count=3)
    assert [line for line in lines(screen) if "Message" in line][1].startswith("╭─ Message 2 of 2")
    assert sum("Message" in line for line in lines(screen)) == 2


def test_a_notice_has_the_colour_of_its_type(screen: Console) -> None:
    show_review(review(counted(("Pro", 2), recipients=2), BroadcastType.NOTICE, Sample(None, "Hi", "", "There")))
    assert "\x1b[38;2;214;54;56m" in screen.export_text(styles=True, clear=False)
    assert any("Notice · error" in line for line in lines(screen))
