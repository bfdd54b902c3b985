"""demo, init, doctor, config: from nothing to a place where sending works."""

import json
import stat
from pathlib import Path

import pytest

from tests.earlier import migrations_up_to
from tests.program import Program
from tests.smtp_server import SmtpServer
from ummsg.runtime import Runtime
from ummsg.store.migrations import upgrade


class TestDemo:
    def test_it_shows_the_mail_and_the_notice_and_how_to_repeat_it(self, ummsg: Program) -> None:
        done = ummsg.alone("demo")

        assert done.returncode == 0, done.stderr
        shown = done.stdout + done.stderr
        assert "Backups for Søren Tanaka" in shown
        assert "Hello Søren Tanaka," in shown
        assert "Maintenance" in done.stdout
        assert "$ ummsg broadcast new --type email --product pro" in done.stderr
        assert "0 rejected" in done.stderr

    def test_what_it_keeps_can_be_gone_on_with(self, ummsg: Program, tmp_path: Path) -> None:
        folder = tmp_path / "kept"
        assert ummsg.alone("demo", "--keep", folder).returncode == 0

        ummsg.environ = {}
        ummsg.folder = folder
        done = ummsg.alone("broadcast", "show", 1, "--format", "json")
        assert json.loads(done.stdout)["counts"]["sent"] == 109
        again = ummsg.alone(
            "broadcast", "new", "--type", "email", "--customer", "1", "--subject", "Hi", "--content", "Hello", "--yes"
        )
        assert again.returncode == 0, again.stderr
        assert len(list((folder / "mail" / "new").iterdir())) == 1

    def test_it_touches_nothing_of_the_operators(self, network: Program) -> None:
        before = network.dump()
        assert network.alone("demo").returncode == 0
        assert network.dump() == before

    def test_a_folder_with_something_in_it_is_refused(self, ummsg: Program, tmp_path: Path) -> None:
        before = sorted(tmp_path.rglob("*"))
        result = ummsg("demo", "--keep", tmp_path)
        assert result.code == 2
        assert sorted(tmp_path.rglob("*")) == before


class TestInit:
    def test_it_makes_what_is_needed_for_its_owner_alone(self, tmp_path: Path, ummsg: Program) -> None:
        for name in ("ummsg.db", "ummsg.key", ".env"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert len((tmp_path / "ummsg.key").read_text().strip()) >= 32

    def test_the_settings_file_is_all_comments(self, tmp_path: Path, ummsg: Program) -> None:
        lines = (tmp_path / ".env").read_text().splitlines()
        assert all(line.startswith("#") or not line for line in lines)
        assert any("UMMSG_MAIL_URL" in line for line in lines)


class TestAnOlderDatabase:
    @pytest.fixture
    def old(self, ummsg: Program, tmp_path: Path) -> Program:
        (tmp_path / "ummsg.db").unlink()
        upgrade(ummsg.environ["UMMSG_DATABASE_URL"], migrations_up_to("0001", tmp_path))
        return ummsg

    def test_is_refused_off_a_terminal_with_what_to_type(self, old: Program) -> None:
        before = old.dump()
        result = old("customers", "list")
        assert result.code == 4
        assert "ummsg init" in result.err
        assert old.dump() == before

    def test_is_upgraded_by_init(self, old: Program) -> None:
        assert "upgraded" in old("init").err
        assert old("customers", "list").code == 0

    @pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 4)])
    def test_is_upgraded_by_any_command_if_the_operator_agrees(self, old: Program, answer: bool, code: int) -> None:
        asked: list[str] = []

        class Operator:
            interactive = True

            def confirm(self, question: str, *, default: bool = False) -> bool:
                asked.append(question)
                return answer

        def with_operator(runtime: Runtime) -> None:
            runtime.__dict__["prompter"] = Operator()

        assert old("customers", "list", set_up=with_operator).code == code
        assert len(asked) == 1
        assert "Upgrade" in asked[0]


class TestDoctor:
    def test_all_is_well(self, network: Program, smtp_server: SmtpServer) -> None:
        network.environ["UMMSG_MAIL_URL"] = smtp_server.url
        result = network("doctor")
        assert result.code == 0, result.out
        assert "missing" not in result.out
        assert smtp_server.messages == []
        assert not any(line.startswith("MAIL") for line in smtp_server.commands)

    @pytest.mark.parametrize(
        ("variable", "value", "says"),
        [
            ("UMMSG_FROM", "", "UMMSG_FROM"),
            ("UMMSG_FROM", "nobody", "UMMSG_FROM"),
            ("UMMSG_MAIL_URL", "smtp://127.0.0.1:1?tls=none", "127.0.0.1:1"),
            ("UMMSG_MAIL_URL", "pigeon:", "pigeon"),
            ("UMMSG_DATABASE_URL", "sqlite:////nonexistent/ummsg.db", "ummsg init"),
            ("UMMSG_LAYOUT_CONTENT_COLOUR", "}", "UMMSG_LAYOUT_CONTENT_COLOUR"),
            ("UMMSG_AUTO_SUPPRESS", "perhaps", "UMMSG_AUTO_SUPPRESS"),
            ("UMMSG_TIMEZONE", "Europe/Stokholm", "UMMSG_TIMEZONE=Europe/Stockholm"),
            ("UMMSG_RATE_LIMIT", "fast", "UMMSG_RATE_LIMIT"),
            ("UMMSG_DOMAIN_LIMITS", "gmail.com=0/s", "UMMSG_DOMAIN_LIMITS"),
        ],
    )
    def test_what_is_missing_is_named_with_what_to_do(
        self, network: Program, variable: str, value: str, says: str
    ) -> None:
        network.environ[variable] = value
        result = network("doctor")
        assert result.code == 4
        assert "missing" in result.out
        assert says in result.out
        assert "→" in result.out

    def test_a_variable_that_is_misspelt(self, network: Program) -> None:
        network.environ["UMMSG_MAIL_ULR"] = "smtp://mail.example.com"
        result = network("doctor")
        assert "UMMSG_MAIL_URL?" in result.out

    def test_a_key_that_others_can_read(self, network: Program, tmp_path: Path) -> None:
        (tmp_path / "ummsg.key").chmod(0o644)
        assert "chmod 600" in network("doctor").out

    def test_a_clock_that_stands_in_the_past(self, network: Program) -> None:
        network.now = network.now.replace(year=1970)
        result = network("doctor")
        assert result.code == 4
        assert "1970" in result.out


class TestConfig:
    def test_secrets_are_never_shown(self, ummsg: Program, tmp_path: Path) -> None:
        ummsg.environ["UMMSG_MAIL_PASSWORD"] = "hunter2"
        ummsg.environ["UMMSG_SECRET_KEY"] = "hunter3"
        ummsg.environ["UMMSG_BOUNCE_PASSWORD"] = "hunter4"
        ummsg.environ["UMMSG_BOUNCE_PASSWORD_COMMAND"] = "echo hunter5"
        for kind in ("table", "json", "csv"):
            result = ummsg("config", "show", "--format", kind)
            assert result.code == 0
            assert "hunter" not in result.out + result.err

    def test_the_environment_wins_over_the_file(self, ummsg: Program, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text('UMMSG_FROM="File <file@example.com>"\nUMMSG_NETWORK_URL=https://file.example\n')
        rows = {row["name"]: row for row in json.loads(ummsg("config", "show", "--format", "json").out)}
        assert rows["UMMSG_FROM"]["source"] == "environment"
        assert (rows["UMMSG_NETWORK_URL"]["value"], rows["UMMSG_NETWORK_URL"]["source"]) == (
            "https://file.example",
            ".env",
        )
        assert rows["UMMSG_REPLY_TO"]["source"] == "default"

    @pytest.mark.parametrize(
        "url",
        [
            "smtp://user:Hunter2@host.invalid",
            "smtp://user:Hunter2/abc@host.invalid:587",
            "smtp://user:Hunter2#x@host",
            "smtp:user:Hunter2@host.invalid",
            "smtp:/user:Hunter2@host",
            "user:Hunter2@host:587",
            "smtp://user:123/Hunter2@host.invalid",
            "//user:Hunter2@host",
        ],
    )
    def test_a_password_in_a_mail_url_is_not_repeated_however_it_is_written(self, network: Program, url: str) -> None:
        network.environ["UMMSG_MAIL_URL"] = url
        for arguments in (("config", "show"), ("doctor",), ("outbox", "run"), ("broadcast", "list")):
            result = network(*arguments)
            assert "Hunter2" not in result.out + result.err
        assert network("config", "show").code == 4

    def test_neither_is_one_in_a_database_url_or_a_command(self, ummsg: Program) -> None:
        ummsg.environ["UMMSG_DATABASE_URL"] = "postgresql://me:Hunter2@db/x"
        ummsg.environ["UMMSG_MAIL_PASSWORD_COMMAND"] = "curl -u me:Hunter2 vault"
        assert "Hunter2" not in ummsg("config", "show").out

    @pytest.mark.parametrize("url", ["smtp://127.0.0.1:0", "smtp://a\nb:25", "smtp://host:port", "smtp"])
    def test_a_mail_url_that_makes_no_sense(self, ummsg: Program, url: str) -> None:
        ummsg.environ["UMMSG_MAIL_URL"] = url
        assert ummsg("config", "show").code == 4
