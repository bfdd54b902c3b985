"""Photograph what customers see, for docs/images: notices on a real dashboard and on a page, and unsubscribing.

python scripts/screenshots.py

Needs what the acceptance tests need (`.ci/run` installs it): WordPress with its database, and Chromium.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402
from tests.wordpress_network import WordPressNetwork  # noqa: E402

from ummsg.config import Settings  # noqa: E402
from ummsg.mail.unsubscribe import Unsubscribing  # noqa: E402

INTO = ROOT / "docs" / "images"
NOTICES = (
    ("success", "Your backups are back", "Last night's went through; **nothing** is missing."),
    ("info", "New themes", "Eight of them wait for you under [Appearance](https://example.com/themes)."),
    ("warning", "Maintenance on Sunday", "The sites are away from 9:00 to 10:00."),
    ("error", "Your card has expired", "Please [enter another](https://example.com/billing) before 1 December."),
)


def main() -> None:
    INTO.mkdir(exist_ok=True)
    with (
        TemporaryDirectory() as folder,
        closing(WordPressNetwork(Path(folder) / "wordpress", plugin=True)) as wordpress,
        sync_playwright() as running,
    ):
        ours = Ours(Path(folder))
        ours.show_notices(wordpress)
        browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        _dashboard(browser, wordpress)
        with ours.serving() as url:
            token = ours("tokens", "create", "customer", "--customer", "anna@example.com").strip()
            _page(browser, f"{url}/dashboard?token={token}", "served.png", wait="ummsg-notices .notice")
            _page(browser, url + ours.unsubscribing(), "unsubscribe.png", wait="button")
        browser.close()


class Ours:
    """A database of ummsg's in a folder, connected to the network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "UMMSG_DATABASE_URL": f"sqlite:///{folder / 'ummsg.db'}",
            "UMMSG_NETWORK_NAME": "Example Network",
            "UMMSG_UNSUBSCRIBE_URL": "https://example.com/u",
        }
        self("init")

    def __call__(self, *arguments: str, said: str = "") -> str:
        done = subprocess.run(
            [*self._command, *arguments],
            input=said,
            capture_output=True,
            text=True,
            cwd=self._folder,
            env=self._environ,
            check=False,
        )
        if done.returncode:
            sys.exit(f"ummsg {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def show_notices(self, wordpress: WordPressNetwork) -> None:
        self("network", "connect", wordpress.url, "--user", "admin", said=f"{wordpress.passwords['admin']}\n")
        self("network", "sync")
        for kind, subject, content in NOTICES:
            to = ("--customer", "anna@example.com", "--notice-type", kind)
            self("broadcast", "new", "--type", "notice", *to, "--subject", subject, "--content", content, "--yes")

    @contextmanager
    def serving(self) -> Iterator[str]:
        command = [*self._command, "serve", "--port", "0"]
        with subprocess.Popen(
            command, cwd=self._folder, env=self._environ, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            try:
                yield process.stderr.readline().split()[1].rstrip(";")
            finally:
                process.terminate()

    def unsubscribing(self) -> str:
        """The path that Anna's mail leads to."""
        tokens = Unsubscribing.from_settings(Settings.load(self._environ, self._folder))
        return tokens.addresses(1, 1, "anna@example.com")[0].removeprefix("https://example.com")

    @property
    def _command(self) -> list[str]:
        return [sys.executable, "-m", "ummsg"]


def _dashboard(browser: Any, wordpress: WordPressNetwork) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 560})
    page.goto(f"{wordpress.url}/anna/wp-login.php")
    page.fill("#user_login", "anna")
    page.fill("#user_pass", "anna password")
    page.click("#wp-submit")
    page.wait_for_url("**/wp-admin/**")
    page.goto(f"{wordpress.url}/anna/wp-admin/")
    page.screenshot(path=INTO / "dashboard.png")


def _page(browser: Any, url: str, name: str, *, wait: str) -> None:
    page = browser.new_page(viewport={"width": 800, "height": 320}, device_scale_factor=1.5)
    page.goto(url)
    page.locator(wait).first.wait_for()
    page.screenshot(path=INTO / name, full_page=True)


if __name__ == "__main__":
    main()
