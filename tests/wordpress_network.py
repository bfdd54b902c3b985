"""A real WordPress multisite on loopback, from Debian's packages: a database, PHP's own web server, and the connector.

Made in a few seconds, in a folder of its own; everything that it starts is ended by `close`.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).with_name("wordpress")
CONNECTOR = Path(__file__).parents[1] / "wordpress" / "ummsg-connector.php"
PROGRAMS = ("php", "mariadbd", "mariadb-install-db", "mariadb")
_SOURCE = Path("/usr/share/wordpress")


def lacking() -> str:
    """Why there can be no network here; nothing if there can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return "" if _SOURCE.exists() else "WordPress is not installed"


class WordPressNetwork:
    """Its super admin is `admin`; `anna` and `bo` own the sites of their names; each has the password `NAME password`.

    `passwords` are application passwords, of `admin` and of `anna`.
    """

    def __init__(self, folder: Path, *, plugin: bool) -> None:
        """With `plugin` it has tables of Ultimate Multisite's shape, with customers 11 (Anna) and 12 (Bo)."""
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            self._start_database()
            self._install()
            self.passwords: dict[str, str] = json.loads(self.php(_script("people.php")))
            if plugin:
                self.php(_script("plugin_tables.php"))
            self._start_web_server()
        except BaseException:
            self.close()
            raise

    def php(self, code: str, step: str = "") -> str:
        """What code prints that is run inside this WordPress. Raises AssertionError if it fails."""
        script = self.folder / "script.php"
        script.write_text(code.replace("@PORT@", str(self.port)), encoding="utf-8")
        done = subprocess.run(
            ["php", str(self.folder / "run.php"), str(script)],
            env={**os.environ, "UMMSG_TEST_STEP": step},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sql(self, statement: str) -> list[list[str]]:
        """The rows that the database answers with."""
        done = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self._socket}", "-N", "-B", "wordpress", "-e", statement],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return [line.split("\t") for line in done.stdout.splitlines()]

    @property
    def log(self) -> str:
        """What WordPress complains of."""
        path = self.folder / "debug.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def must_use(self) -> Path:
        return self.folder / "site" / "wp-content" / "mu-plugins"

    def close(self) -> None:
        for process in reversed(self._processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)  # PHP's workers outlive their master
            process.wait(timeout=30)

    # Building it

    @property
    def _socket(self) -> Path:
        return self.folder / "mariadb" / "socket"

    def _start_database(self) -> None:
        data = self.folder / "mariadb"
        data.mkdir(parents=True)
        options = ["--no-defaults", f"--datadir={data}"]
        if os.geteuid() == 0:
            shutil.chown(data, "mysql", "mysql")
            _let_pass(data)
            options.append("--user=mysql")
        subprocess.run(
            ["mariadb-install-db", *options, "--auth-root-authentication-method=socket", "--skip-test-db"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
            check=True,
        )
        self._start(["mariadbd", *options, f"--socket={self._socket}", "--skip-networking", "--skip-log-bin"])
        root = ["mariadb", "--no-defaults", f"--socket={self._socket}", "-e"]
        _wait_for(lambda: subprocess.run([*root, "select 1"], capture_output=True, check=False).returncode == 0)
        subprocess.run(
            [
                *root,
                "create database wordpress character set utf8mb4;"
                "create user wordpress@localhost identified by 'for tests';"
                "grant all on wordpress.* to wordpress@localhost",
            ],
            check=True,
        )

    def _install(self) -> None:
        site = self.folder / "site"
        shutil.copytree(_SOURCE, site, symlinks=False, ignore=shutil.ignore_patterns(".htaccess"))
        self.must_use.mkdir(parents=True, exist_ok=True)
        (site / "wp-content" / "uploads").mkdir(exist_ok=True)
        self._fill("wp-config.php", site / "wp-config.php")
        self._fill("run.php", self.folder / "run.php")
        self._fill("router.php", self.folder / "router.php")
        shutil.copy(SCRIPTS / "test-network.php", self.must_use)
        shutil.copy(CONNECTOR, self.must_use)
        self.php(_script("install.php"), step="install")

    def _fill(self, name: str, target: Path) -> None:
        text = _script(name).replace("@FOLDER@", str(self.folder)).replace("@PORT@", str(self.port))
        target.unlink(missing_ok=True)
        target.write_text(text, encoding="utf-8")

    def _start_web_server(self) -> None:
        self._start(
            ["php", "-S", f"127.0.0.1:{self.port}", "-t", str(self.folder / "site"), str(self.folder / "router.php")],
            PHP_CLI_SERVER_WORKERS="4",
        )
        _wait_for(self._answers)

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self.url}/anna/", timeout=10) as answer:
            return bool(answer.status == 200)
        return False

    def _start(self, command: list[str], **environ: str) -> None:
        log: Any = (self.folder / f"{Path(command[0]).name}.log").open("ab")
        with log:
            self._processes.append(
                subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env={**os.environ, **environ},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )


def _script(name: str) -> str:
    return (SCRIPTS / name).read_text(encoding="utf-8")


def _let_pass(folder: Path) -> None:
    """Every folder above it can be passed through by the database's user."""
    for parent in folder.parents:
        if parent.owner() == "root" and parent != Path("/") and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come up"
        time.sleep(0.1)
