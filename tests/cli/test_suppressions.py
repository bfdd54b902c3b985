"""Addresses that must not be mailed, by whole command lines."""

import json
from pathlib import Path

import pytest

from tests.program import Program
from tests.smtp_server import SmtpServer
from ummsg.domain.suppression import Suppression
from ummsg.store.engine import open_store


def listed(program: Program, *options: object) -> dict[str, str]:
    result = program("suppressions", "list", "--format", "json", *options)
    assert result.code == 0, result.err
    return {row["email"]: row["reason"] for row in json.loads(result.out)}


def propose(program: Program, *addresses: str) -> None:
    store = open_store(program.environ["UMMSG_DATABASE_URL"])
    with store.begin() as tx:
        tx.suppressions.propose(
            [Suppression(each, "550 5.1.1 \x1b[31mno such user", program.now) for each in addresses]
        )
    store.close()


class TestImport:
    def test_a_csv_with_reasons(self, network: Program) -> None:
        network("suppressions", "add", "bo@example.com", "--reason", "asked")
        content = "email;reason\nanna@example.com;complained\nBO@example.com;other\ncleo@example.com;\n"

        result = network("suppressions", "import", network.write("gone.csv", content))

        assert result.code == 0, result.err
        assert "2 inserted, 0 updated, 1 unchanged, 0 rejected" in result.err
        assert listed(network) == {
            "anna@example.com": "complained",
            "bo@example.com": "asked",
            "cleo@example.com": "imported",
        }

    def test_one_address_a_line(self, ummsg: Program) -> None:
        content = "\ufeffanna@example.com\r\n\r\n bo@example.com \r\nÅsa@bücher.example\r\nanna@example.com"

        result = ummsg("suppressions", "import", ummsg.write("gone.txt", content))

        assert result.code == 0, result.err
        assert "3 inserted, 0 updated, 1 unchanged, 0 rejected" in result.err
        assert set(listed(ummsg)) == {"anna@example.com", "bo@example.com", "Åsa@bücher.example"}

    def test_standard_input(self, ummsg: Program) -> None:
        result = ummsg("suppressions", "import", "-", stdin="anna@example.com\n")

        assert result.code == 0, result.err
        assert list(listed(ummsg)) == ["anna@example.com"]

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            ("email,reason\nanna@example.com,x\nnobody,y\nbo@example.com,z\n", 3),
            ("anna@example.com\nnobody\nbo@example.com\n", 2),
            ('anna@example.com\n"=cmd|x\nbo@example.com\n', 2),
            ("anna@example.com\nbo@example.com, cleo@example.com\nbo@example.com\n", 2),
        ],
        ids=["csv", "bare", "an open quote", "two on a line"],
    )
    def test_bad_lines_are_set_aside_and_the_good_ones_kept(
        self, ummsg: Program, tmp_path: Path, content: str, line: int
    ) -> None:
        result = ummsg("suppressions", "import", ummsg.write("gone.csv", content))

        assert result.code == 3
        assert f"line {line}: " in result.err
        assert set(listed(ummsg)) == {"anna@example.com", "bo@example.com"}
        header, rejected = (tmp_path / "gone.csv.rejects.csv").read_text().splitlines()
        assert header.startswith("line,reason,email")
        assert rejected.startswith(f"{line},")

    def test_a_corrected_rejects_file_can_be_imported(self, ummsg: Program, tmp_path: Path) -> None:
        ummsg("suppressions", "import", ummsg.write("gone.txt", "anna@example.com\n-nobody\n"))
        rejects = tmp_path / "gone.txt.rejects.csv"
        rejects.write_text(rejects.read_text().replace("'-nobody", "bo@example.com"))

        assert ummsg("suppressions", "import", rejects).code == 0
        assert set(listed(ummsg)) == {"anna@example.com", "bo@example.com"}

    def test_twice_is_once(self, ummsg: Program) -> None:
        file = ummsg.write("gone.txt", "anna@example.com\n")
        ummsg("suppressions", "import", file)
        before = ummsg.dump()
        ummsg.now = ummsg.now.replace(year=2027)

        result = ummsg("suppressions", "import", file)

        assert "0 inserted, 0 updated, 1 unchanged" in result.err
        assert ummsg.dump() == before

    @pytest.mark.parametrize("option", ["--dry-run", "--strict"])
    def test_a_rehearsal_and_all_or_nothing_change_nothing(self, ummsg: Program, option: str) -> None:
        before = ummsg.dump()

        ummsg("suppressions", "import", ummsg.write("gone.txt", "anna@example.com\nnobody\n"), option)

        assert ummsg.dump() == before

    @pytest.mark.parametrize("content", ["", "name,city\nAnna,Lund\n", b"\x89PNG", b"\xff\xfea\0"])
    def test_what_is_no_such_file_is_refused(self, ummsg: Program, content: str | bytes) -> None:
        result = ummsg("suppressions", "import", ummsg.write("gone.csv", content))

        assert result.code == 2

    def test_a_list_of_addresses_is_nothing_for_the_other_imports(self, ummsg: Program) -> None:
        result = ummsg("customers", "import", ummsg.write("c.csv", "anna@example.com\n"))

        assert result.code == 2
        assert "no column email" in result.err

    def test_whom_it_suppresses_is_not_mailed(self, network: Program) -> None:
        network("suppressions", "import", network.write("gone.txt", "anna@example.com\n"))

        sent = network(
            "broadcast", "new", "--type", "email", "--product", "pro", "--subject", "Hi", "--content", "Hello", "--yes"
        )

        assert sent.code == 0, sent.err
        states = dict(network.rows("SELECT email, status FROM deliveries"))
        assert states == {"anna@example.com": "suppressed", "bo@example.com": "sent"}


class TestAdding:
    @pytest.mark.parametrize(
        ("reason", "says"),
        [
            ("asked\nBcc: eve@example.com", "has a line break"),
            ("\x1b[31masked", "has the character U+001B"),
            ("x" * 100_000, "has 100,000 characters; 255 fit"),
            ("", "is empty"),
            (" ", "is empty"),
        ],
        ids=["line break", "escape", "endless", "empty", "blank"],
    )
    def test_a_reason_that_an_import_would_refuse(self, ummsg: Program, reason: str, says: str) -> None:
        before = ummsg.dump()

        result = ummsg("suppressions", "add", "a@example.com", "--reason", reason)

        assert result.code == 2
        assert f"reason: {says}" in result.err
        assert ummsg.dump() == before


class TestProposals:
    def test_they_are_listed_apart_and_harmless_to_a_terminal(self, ummsg: Program) -> None:
        propose(ummsg, "gone@example.com")

        assert listed(ummsg) == {}
        assert list(listed(ummsg, "--proposed")) == ["gone@example.com"]
        shown = ummsg("suppressions", "list", "--proposed").out
        assert "no such user" in shown
        assert "\x1b" not in shown

    def test_one_or_all_are_accepted(self, ummsg: Program) -> None:
        propose(ummsg, "a@example.com", "b@example.com", "c@example.com")

        one = ummsg("suppressions", "accept", "B@example.com")
        assert one.code == 0, one.err
        assert list(listed(ummsg)) == ["b@example.com"]
        everything = ummsg("suppressions", "accept", "--all")
        again = ummsg("suppressions", "accept", "--all")

        assert (everything.code, again.code) == (0, 0)
        assert set(listed(ummsg)) == {"a@example.com", "b@example.com", "c@example.com"}
        assert listed(ummsg, "--proposed") == {}
        assert "Nothing is proposed" in again.err

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ((), "--all"),
            (("a@example.com", "--all"), "--all"),
            (("a@example.com", "z@example.com"), "z@example.com"),
            (("nobody",), "not an address"),
        ],
    )
    def test_what_cannot_be_accepted_changes_nothing(
        self, ummsg: Program, arguments: tuple[str, ...], says: str
    ) -> None:
        propose(ummsg, "a@example.com")
        before = ummsg.dump()

        result = ummsg("suppressions", "accept", *arguments)

        assert result.code == 2
        assert says in result.err
        assert ummsg.dump() == before

    def test_accepting_twice_is_accepting_once(self, ummsg: Program) -> None:
        propose(ummsg, "a@example.com")

        assert ummsg("suppressions", "accept", "a@example.com").code == 0
        assert ummsg("suppressions", "accept", "a@example.com").code == 0

    def test_removing_drops_a_proposal(self, ummsg: Program) -> None:
        propose(ummsg, "a@example.com")

        assert "may be mailed again" in ummsg("suppressions", "remove", "a@example.com").err
        assert listed(ummsg, "--proposed") == {}


# While a broadcast goes out


def to_pro(program: Program, *options: str) -> int:
    words = ("--type", "email", "--product", "pro", "--subject", "Hello", "--content", "Good morning.", "--porcelain")
    result = program("broadcast", "new", *words, *options)
    return int(result.out)


def counts(program: Program, broadcast_id: int) -> dict[str, int]:
    shown = program("broadcast", "show", broadcast_id, "--format", "json")
    found: dict[str, int] = json.loads(shown.out)["counts"]
    return found


def test_who_is_suppressed_after_the_audience_was_frozen_is_not_mailed(network: Program) -> None:
    broadcast = to_pro(network, "--queue", "--yes")
    network("suppressions", "add", "anna@example.com", "--reason", "asked meanwhile")

    assert network("outbox", "run").code == 0

    found = counts(network, broadcast)
    assert (found["targeted"], found["sent"], found["suppressed"]) == (2, 1, 1)
    assert b"anna@example.com" not in b"".join(path.read_bytes() for path in network.folder.glob("mail/new/*"))


def test_an_address_that_the_server_does_not_know_is_proposed(network: Program, smtp_server: SmtpServer) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    smtp_server.script("RCPT", "550 5.1.1 no such user", recipient="anna@example.com")

    to_pro(network, "--yes")

    assert list(listed(network, "--proposed")) == ["anna@example.com"]
    assert listed(network) == {}


def test_an_address_that_the_server_does_not_know_is_suppressed_if_it_is_to_be(
    network: Program, smtp_server: SmtpServer
) -> None:
    network.environ |= {"UMMSG_MAIL_URL": smtp_server.url, "UMMSG_AUTO_SUPPRESS": "yes"}
    smtp_server.script("RCPT", "550 5.1.1 no such user", recipient="anna@example.com")

    to_pro(network, "--yes")

    assert list(listed(network)) == ["anna@example.com"]
