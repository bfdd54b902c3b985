"""The journal: what another process can tell about a drain from the file that it keeps."""

import fcntl
import resource
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.domain.delivery import Fate, Outcome, Settled, settle
from ummsg.errors import DiskFull
from ummsg.store.journal import Journal, Left, journals, take_over
from ummsg.vocabulary import DeliveryStatus

from .conftest import NOW

SENT = settle(Outcome(Fate.ACCEPTED, "250 ok"), attempts=0, now=NOW)
DEFERRED = settle(Outcome(Fate.REFUSED_FOR_NOW, "451 later"), attempts=2, now=NOW, tried_since=NOW - timedelta(hours=1))

A_DRAIN = """
import sys
from pathlib import Path
from ummsg.errors import DiskFull
from ummsg.store.journal import Journal
journal = Journal(Path(sys.argv[1]), "killed")
print(journal.write({}, [1]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "ummsg.db"


@pytest.fixture
def journal(database: Path) -> Iterator[Journal]:
    """Of a drain that lives as long as the test."""
    journal = Journal(database, "mine")
    yield journal
    journal.close(keep=False)


@pytest.fixture
def left_behind(database: Path) -> Path:
    """By a drain that died with 1 begun, 2 settled and 3 deferred."""
    journal = Journal(database, "dead")
    assert all(journal.write({}, [number]) for number in (1, 2, 3))
    journal.write({2: SENT}, [])
    journal.write({3: DEFERRED}, [])
    journal.close(keep=True)  # death does the same: the file stays, the lock goes
    return journal.path


def read(path: Path, *, expired: bool = False) -> Left:
    left = take_over(path.name.rpartition("-")[2], path, expired=expired)
    assert left is not None
    return left


def test_a_living_drains_journal_is_not_taken_over(journal: Journal) -> None:
    assert journal.write({}, [1])

    assert take_over("mine", journal.path, expired=False) is None
    assert journal.write({}, [2])


def test_a_drain_is_dead_once_its_process_was_killed(database: Path) -> None:
    command = [sys.executable, "-c", A_DRAIN, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as drain:
        try:
            assert drain.stdout is not None
            assert drain.stdout.readline() == "True\n"
            ((token, path),) = journals(database)
            assert take_over(token, path, expired=False) is None
        finally:
            drain.kill()

    assert take_over(token, path, expired=False) == Left("killed", path, frozenset({1}), {}, dead=True, complete=True)


def test_a_dead_drains_journal_tells_the_begun_and_the_settled(left_behind: Path) -> None:
    left = read(left_behind)

    assert left.begun == {1}
    assert left.settled == {2: SENT, 3: DEFERRED}
    assert (left.token, left.path, left.dead, left.complete) == ("dead", left_behind, True, True)


def test_a_drain_that_died_at_once_has_begun_nothing(database: Path) -> None:
    journal = Journal(database, "dead")
    journal.close(keep=True)

    assert read(journal.path) == Left("dead", journal.path, frozenset(), {}, dead=True, complete=True)


@pytest.mark.parametrize("half", ["[", "[[], [4", "[[], [4]", '[[[1, "sent", 1, null, "250'])
def test_a_line_that_was_not_finished_is_not_there(left_behind: Path, half: str) -> None:
    before = read(left_behind)
    with left_behind.open("a") as file:
        file.write(half)

    assert read(left_behind) == before


def test_nobody_sees_a_journal_that_is_not_locked_yet(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock
    seen: list[list[tuple[str, Path]]] = []

    def late(file: int, how: int) -> None:
        seen.append(list(journals(database)))
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    journal = Journal(database, "mine")

    assert seen == [[]]
    assert list(journals(database)) == [("mine", journal.path)]
    journal.close(keep=False)


@pytest.mark.parametrize("torn", ["[[], [4\0\0", "5", "[]", "[[1], []]", '[[[1, "lost"]], []]', "[[], 4]", "?"])
def test_a_line_that_the_power_left_torn_tells_nothing_and_leaves_it_incomplete(left_behind: Path, torn: str) -> None:
    whole = read(left_behind)
    with left_behind.open("a") as file:
        file.write(f"{torn}\n[[], [4]]\n")

    left = read(left_behind)

    assert not left.complete
    assert (left.begun, left.settled) == (whole.begun | {4}, whole.settled)


@pytest.mark.parametrize("boot", ["another", ""])
def test_the_journal_of_another_boot_is_not_complete(
    left_behind: Path, boot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ummsg.store.journal._boot", lambda: boot)

    left = read(left_behind)

    assert not left.complete
    assert left.settled == {2: SENT, 3: DEFERRED}


def test_a_machine_without_a_name_for_its_boots_never_has_a_complete_journal(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ummsg.store.journal._boot", lambda: "")
    journal = Journal(database, "dead")
    journal.close(keep=True)

    assert not read(journal.path).complete


def test_a_drain_that_is_fenced_begins_nothing_more(journal: Journal) -> None:
    assert journal.write({}, [1])

    left = read(journal.path, expired=True)

    assert (left.begun, left.dead) == (frozenset({1}), False)
    assert not journal.write({}, [2])
    assert not journal.write({}, [3])


def test_what_a_drain_writes_behind_a_fence_does_not_count(journal: Journal) -> None:
    assert journal.write({}, [1])
    left = read(journal.path, expired=True)

    journal.write({1: SENT}, [])
    assert not journal.write({}, [2])

    assert read(journal.path, expired=True) == left


def test_a_fence_holds_after_the_drain_died(database: Path) -> None:
    journal = Journal(database, "mine")
    journal.write({}, [1])
    read(journal.path, expired=True)
    journal.write({}, [2])
    journal.close(keep=True)

    left = read(journal.path)

    assert (left.begun, left.dead) == (frozenset({1}), True)


def test_a_dead_drains_journal_needs_no_fence(left_behind: Path) -> None:
    before = left_behind.read_bytes()

    assert read(left_behind, expired=True).dead
    assert left_behind.read_bytes() == before


def test_a_message_does_not_go_whose_line_the_disk_had_no_room_for(journal: Journal) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 2, hard))
    try:
        with pytest.raises(DiskFull):
            journal.write({}, [12345])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert journal.path.read_bytes().endswith(b"\n[[")
    with pytest.raises(DiskFull):  # what came behind half a line could not be read
        journal.write({}, [6])


@pytest.mark.parametrize("keep", [True, False])
def test_a_journal_stays_when_it_is_to_be_kept(database: Path, keep: bool) -> None:
    journal = Journal(database, "mine")
    journal.close(keep=keep)

    assert [token for token, _ in journals(database)] == ["mine"] * keep


def test_a_journal_that_is_gone_is_nobodys(journal: Journal) -> None:
    journal.path.unlink()

    assert take_over("mine", journal.path, expired=True) is None


def test_a_journal_is_its_owners_alone(journal: Journal) -> None:
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_the_journals_of_a_database_are_those_of_its_drains(database: Path, journal: Journal) -> None:
    other = Journal(database.with_name("other.db"), "others")
    database.with_name("ummsg.db-wal").touch()
    one_more = Journal(database, "more")

    assert list(journals(database)) == [("mine", journal.path), ("more", one_more.path)]
    other.close(keep=False)
    one_more.close(keep=False)


MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))
RESULTS = st.builds(
    Settled,
    status=st.sampled_from(DeliveryStatus),
    attempts=st.integers(min_value=0),
    due_at=MOMENTS,
    reply=st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["250 ok\nF\n[[], [1]]\n", "\r\n", "好\u2028了"]),
    tried_since=MOMENTS,
)


@given(results=st.dictionaries(st.integers(min_value=1), RESULTS))
def test_nothing_of_a_result_is_lost(results: dict[int, Settled]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "ummsg.db", "dead")
        for number, settled in results.items():
            assert journal.write({}, [number])
            journal.write({number: settled}, [])
        journal.close(keep=True)

        left = read(journal.path)

    assert left.settled == results
    assert not left.begun
