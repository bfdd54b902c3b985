"""Bad input: one clear message, the right exit code, and everything as it was."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import Program, Result
from ummsg.cli import views

EMAIL = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--yes")
NOTICE = ("broadcast", "new", "--type", "notice", "--subject", "Hello", "--content", "Good morning.", "--yes")
EVERYONE = "--everyone"


def refused(program: Program, *arguments: object, code: int = 2, says: tuple[str, ...] = (), stdin: str = "") -> Result:
    """Run it, and see that it was refused in one message and changed nothing."""
    before = program.dump()
    mail = sorted(program.folder.glob("mail/**/*"))
    result = program(*arguments, stdin=stdin)

    assert result.code == code, result.err
    assert result.err.count("Error: ") == 1, result.err
    assert "Traceback" not in result.err
    for words in says:
        assert words in result.err
    assert program.dump() == before
    assert sorted(program.folder.glob("mail/**/*")) == mail
    return result


class TestTargets:
    def test_none(self, network: Program) -> None:
        refused(network, *EMAIL, says=("--customer", "--product", "--everyone"))

    @pytest.mark.parametrize("command", [EMAIL, NOTICE])
    def test_that_match_nobody(self, network: Program, command: tuple[str, ...]) -> None:
        refused(network, *command, "--product", "empty", says=("no customer matches",))

    def test_that_are_all_suppressed(self, network: Program) -> None:
        network("suppressions", "add", "anna@example.com")
        refused(network, *EMAIL, "--customer", "1", says=("suppressed",))

    def test_unknown(self, network: Program) -> None:
        refused(network, *EMAIL, "--customer", "nobody@example.com", says=("nobody@example.com",))
        refused(network, *EMAIL, "--product", "prro", says=("prro", "pro"))
        refused(network, "broadcast", "show", "4711", says=("4711",))
        refused(network, "notices", "withdraw", "4711", "--yes", says=("4711",))

    def test_ambiguous(self, network: Program) -> None:
        network("customers", "add", "--email", "gus@example.com", "--name", "Gus")
        network("customers", "import", network.write("more.csv", "id,email\nA1,x@example.com\n6,hal@example.com\n"))
        result = refused(network, *EMAIL, "--customer", "6")
        assert "gus@example.com" in result.err
        assert "hal@example.com" in result.err


class TestText:
    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (("--subject", "x"), "subject"),
            (("--subject", ""), "subject"),
            (("--content", "ab"), "content"),
            (("--content", ""), "content"),
            (("--subject", "Hello\nBcc: eve@example.com"), "line break"),
            (("--content", "Hello {{ customer_nmae }}"), "customer_name"),
            (("--subject", "Hello {{ nonsense }}"), "nonsense"),
            (("--content", "one\ntwo {{ customer_name"), "line 2"),
            (("--content", "one\n\n{% if customer_name %}x"), "line"),
            (("--content", "{% for x in range(10**12) %}x{% endfor %}"), "content"),
            (
                (
                    "--content",
                    "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}"
                    "{% endfor %}{% endfor %}{% endfor %}",
                ),
                "content",
            ),
            (("--content", "{{ 'x' * 1000000000 }}"), "content"),
            (("--content", "{{ ''.__class__.__mro__ }}"), "content"),
            (("--content", "{% include '/etc/passwd' %}"), "include"),
            (("--content", "Hi </style>"), "style"),
            (("--content", "Hi <script>alert(1)</script>"), "script"),
            (("--content", "[Hi](javascript:alert(1))"), "javascript:"),
            (("--content-format", "html", "--content", "<p>Hi</p></style>"), "style"),
            (("--content-format", "html", "--content", "<script>alert(1)</script>"), "script"),
            (("--content-format", "html", "--content", "<a href='JaVaScRiPt:alert(1)'>Hi</a>"), "JaVaScRiPt:"),
            (("--content-format", "html", "--content", "<p onclick='x()'>Hello</p>"), "onclick"),
        ],
    )
    def test_that_cannot_be_sent(self, network: Program, options: tuple[str, ...], says: str) -> None:
        refused(network, *EMAIL, EVERYONE, *options, says=(says,))

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (("--content", "Hi <script>alert(1)</script>"), "script"),
            (("--content-format", "html", "--content", "<img src=x onerror=alert(1)>"), "onerror"),
            (("--content", "Hello {{ customer_name }}"), "placeholders"),
            (("--subject", "Hello {{ customer_name }}"), "placeholders"),
        ],
    )
    def test_that_cannot_be_a_notice(self, network: Program, options: tuple[str, ...], says: str) -> None:
        refused(network, *NOTICE, EVERYONE, *options, says=(says,))

    def test_a_link_that_only_looks_as_if_it_stayed_is_taken_out_of_a_notice(self, network: Program) -> None:
        network(
            *NOTICE,
            EVERYONE,
            "--content",
            '<a href="//evil.example">a</a> <a href="/account">b</a>',
            "--content-format",
            "html",
        )
        html = network("notices", "list", "--format", "json", "--fields", "html").out
        assert "evil" not in html
        assert "/account" in html

    def test_every_problem_is_told_at_once(self, network: Program) -> None:
        refused(
            network,
            *EMAIL,
            *("--product", "empty", "--subject", "x", "--content", "{{ nonsense }}", "--at", "2020-01-01T09:00"),
            says=("subject", "nonsense", "in the past", "no customer matches"),
        )


class TestContentFile:
    def new(self, network: Program, file: object, *says: str, stdin: str = "") -> None:
        refused(network, *EMAIL[:6], "--content-file", file, "--yes", EVERYONE, says=says, stdin=stdin)

    def test_missing(self, network: Program) -> None:
        self.new(network, "missing.md", "missing.md")

    def test_a_folder(self, network: Program) -> None:
        self.new(network, network.folder, "cannot be read")

    def test_not_utf8(self, network: Program) -> None:
        self.new(network, network.write("latin.md", "Grüße".encode("latin-1")), "UTF-8")

    def test_binary(self, network: Program) -> None:
        self.new(network, network.write("zero.md", b"abc\0\0def"), "NUL")
        self.new(network, network.write("picture.md", b"\x89PNG\r\n\x1a\n\xff\xfe"), "UTF-8")

    def test_empty_on_standard_input(self, network: Program) -> None:
        self.new(network, "-", "content")

    def test_together_with_content(self, network: Program) -> None:
        refused(network, *EMAIL, EVERYONE, "--content-file", "-", says=("--content-file",))


class TestTimes:
    @pytest.mark.parametrize(
        ("command", "options", "says"),
        [
            (EMAIL, ("--at", "2020-01-01T00:00Z"), "in the past"),
            (EMAIL, ("--not-after", "2020-01-01T00:00Z"), "in the past"),
            (EMAIL, ("--at", "yesterday-ish"), "--at"),
            (EMAIL, ("--starts", "2027-01-01T00:00Z"), "starts"),
            (NOTICE, ("--ends", "2020-01-01T00:00Z"), "in the past"),
            (NOTICE, ("--starts", "2027-02-01T00:00Z", "--ends", "2027-01-01T00:00Z"), "ends"),
            (NOTICE, ("--at", "2027-01-01T00:00Z"), "at"),
        ],
    )
    def test_that_make_no_sense(
        self, network: Program, command: tuple[str, ...], options: tuple[str, ...], says: str
    ) -> None:
        refused(network, *command, EVERYONE, *options, says=(says,))


class TestAddresses:
    @pytest.mark.parametrize(
        "options",
        [
            ("--from", "not an address"),
            ("--from", "a@example.com, b@example.com"),
            ("--from", "Boss <boss@example.com>\r\nBcc: x@example.com"),
            ("--reply-to", "nowhere"),
        ],
    )
    def test_of_the_sender(self, network: Program, options: tuple[str, ...]) -> None:
        refused(network, *EMAIL, EVERYONE, *options, says=(options[0].strip("-"),))

    def test_nobody_is_set_as_the_sender(self, network: Program) -> None:
        del network.environ["UMMSG_FROM"]
        refused(network, *EMAIL, EVERYONE, code=4, says=("UMMSG_FROM",))

    @pytest.mark.parametrize("address", ["a@b\r\nBcc: x@y", "a@b", "", "a b@example.com", "@example.com"])
    def test_of_a_customer(self, network: Program, address: str) -> None:
        refused(network, "customers", "add", "--email", address)
        refused(network, "broadcast", "new", *EMAIL[2:], "--customer", address)


class TestSettings:
    @pytest.mark.parametrize(
        ("variable", "value", "says"),
        [
            ("UMMSG_MAIL_URL", "carrier-pigeon://coop", "carrier-pigeon"),
            ("UMMSG_MAIL_URL", "no scheme", "UMMSG_MAIL_URL"),
            ("UMMSG_MAIL_URL", "smtp://user:hunter2@mail.example.com", "UMMSG_MAIL_PASSWORD"),
            ("UMMSG_LAYOUT_BACKGROUND_COLOUR", "red;}</style>", "UMMSG_LAYOUT_BACKGROUND_COLOUR"),
            ("UMMSG_LAYOUT_HIDE_LOGO", "perhaps", "UMMSG_LAYOUT_HIDE_LOGO"),
            ("UMMSG_RATE_LIMIT", "0/s", "UMMSG_RATE_LIMIT"),
            ("UMMSG_DOMAIN_LIMITS", "gmail.com", "UMMSG_DOMAIN_LIMITS"),
        ],
    )
    def test_that_cannot_be_used(self, network: Program, variable: str, value: str, says: str) -> None:
        network.environ[variable] = value
        result = refused(network, *EMAIL, EVERYONE, code=4, says=(says,))
        assert "hunter2" not in result.err

    def test_a_password_command_that_fails_keeps_its_output_to_itself(self, network: Program) -> None:
        network.environ["UMMSG_MAIL_URL"] = "smtp://user@127.0.0.1:1?tls=none"
        network.environ["UMMSG_MAIL_PASSWORD_COMMAND"] = "echo hunter2; exit 3"
        result = network("doctor")
        assert result.code == 4
        assert "hunter2" not in result.err + result.out


class TestDatabase:
    def call(self, program: Program, code: int, *says: str) -> None:
        result = program(*EMAIL, EVERYONE)
        assert result.code == code, result.err
        assert result.err.count("Error: ") == 1
        for words in says:
            assert words in result.err

    def test_that_is_missing(self, network: Program) -> None:
        network.environ["UMMSG_DATABASE_URL"] = f"sqlite:///{network.folder / 'elsewhere.db'}"
        self.call(network, 4, "There is no database", "ummsg init")
        assert not (network.folder / "elsewhere.db").exists()

    def test_that_is_not_a_database(self, network: Program) -> None:
        (network.folder / "ummsg.db").write_bytes(b"GIF89a, not a database at all" * 200)
        for suffix in ("-wal", "-shm"):
            (network.folder / f"ummsg.db{suffix}").unlink(missing_ok=True)
        self.call(network, 4, "is not a database")

    def test_that_is_read_only(self, network: Program) -> None:
        """As a user who may not write it: root may write everything."""
        if os.geteuid() != 0:
            (network.folder / "ummsg.db").chmod(0o400)
            network.folder.chmod(0o500)
            self.call(network, 4, "read-only")
            return
        network.environ["UMMSG_DATABASE_URL"] = f"sqlite:///file:{network.folder / 'ummsg.db'}?mode=ro&uri=true"
        self.call(network, 4)

    def test_that_is_locked(self, network: Program) -> None:
        before = network.dump()
        holding = sqlite3.connect(network.folder / "ummsg.db", isolation_level=None)
        script = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
            "c.execute('BEGIN IMMEDIATE'); c.execute('DELETE FROM suppressions'); print('held', flush=True);"
            "sys.stdin.read()"
        )
        holding.close()
        with subprocess.Popen(
            [sys.executable, "-c", script, str(network.folder / "ummsg.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            self.call(network, 1, "locked", f"process {other.pid}")
            other.communicate("")
        assert network.dump() == before

    def test_of_another_kind(self, network: Program) -> None:
        network.environ["UMMSG_DATABASE_URL"] = "postgresql://user:hunter2@localhost/x"
        result = network(*EMAIL, EVERYONE)
        assert result.code == 4
        assert "hunter2" not in result.err


class TestTheCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("brodcast",), "broadcast"),
            (("broadcast", "neww"), "new"),
            (("broadcast", "new", "--typ", "email"), "--type"),
            (("broadcast", "new", "--type", "fax"), "fax"),
            (("broadcast", "show", "one"), "one"),
            (("customers", "list", "--fields", "id,nonsense"), "nonsense"),
            (("broadcast", "show", "1", "--status", "sent"), "--deliveries"),
        ],
    )
    def test_that_is_not_understood(self, network: Program, arguments: tuple[str, ...], says: str) -> None:
        refused(network, *arguments, says=(says,))

    @pytest.mark.parametrize(
        "arguments",
        [
            ("suppressions", "add", "u@example.com", "--reason", b"\xe9"),
            ("broadcast", "why", "1", "--customer", b"\xff"),
            (*EMAIL, EVERYONE, "--subject", b"a\xffb"),
            (*EMAIL, EVERYONE, "--content", b"x" * 500 + b"hello\xff"),
            ("events", "fire", "order-paid", "--payload", b"\xff.json"),
            (b"\xff",),
        ],
    )
    def test_that_has_other_bytes_than_utf_8(self, network: Program, arguments: tuple[str | bytes, ...]) -> None:
        result = refused(network, *map(os.fsdecode, arguments), says=("An argument is not UTF-8 text: '", "\\udc"))
        assert len(result.err) < 400

    def test_what_was_sent_is_not_deleted(self, network: Program) -> None:
        network(*EMAIL, EVERYONE)
        refused(network, "broadcast", "delete", "1", "--yes", says=("finished",))
        refused(network, "broadcast", "edit", "1", "--subject", "Other", says=("finished",))
        refused(network, "broadcast", "cancel", "1", "--yes", says=("finished",))

    @pytest.mark.parametrize(
        "arguments", [("broadcast", "cancel", "1"), ("broadcast", "delete", "2"), ("notices", "withdraw", "3")]
    )
    def test_what_destroys_needs_a_yes_off_a_terminal(self, network: Program, arguments: tuple[str, ...]) -> None:
        network(*EMAIL, EVERYONE, "--queue")
        network(*EMAIL, EVERYONE, "--draft")
        network(*NOTICE, EVERYONE)
        refused(network, *arguments, says=("--yes",))

    def test_a_reader_that_stops_early_gets_no_complaint(self, network: Program) -> None:
        rows = "".join(f"c{number}@example.com\n" for number in range(20_000))
        network("customers", "import", network.write("many.csv", "email\n" + rows))
        command = f"{sys.executable} -m ummsg customers list --format csv | head -n 1"
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=network.folder,
            env={"PATH": os.environ["PATH"], **network.environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout.count("\n") == 1
        assert done.stderr == ""

    @pytest.mark.parametrize("width", ["40", "80"])
    def test_narrow_terminals_lose_nothing(self, network: Program, width: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", width)
        views._console.cache_clear()
        network(*EMAIL, EVERYONE)
        shown = network("customers", "list").out
        for word in ("anna", "Björk"):
            assert word in shown
        assert max(map(len, shown.splitlines())) <= int(width)


def test_a_failing_run_shows_no_traceback_unless_asked(network: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("ummsg.services.broadcasts.Broadcasts.newest", explode)
    result = network("broadcast", "list")
    assert result.code == 1
    assert "ZeroDivisionError" in result.err
    assert "Traceback" not in result.err
    with pytest.raises(ZeroDivisionError):
        network("--debug", "broadcast", "list")


def test_init_never_overwrites(ummsg: Program, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("UMMSG_FROM=me@example.com\n")
    key = (tmp_path / "ummsg.key").read_text()
    before = ummsg.dump()

    assert ummsg("init").code == 0

    assert (tmp_path / ".env").read_text() == "UMMSG_FROM=me@example.com\n"
    assert (tmp_path / "ummsg.key").read_text() == key
    assert ummsg.dump() == before
