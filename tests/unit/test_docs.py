"""What the documents say of themselves and of the program."""

import re
from pathlib import Path

import pytest

from ummsg.cli.main import COMMANDS
from ummsg.config import SETTINGS
from ummsg.services.installation import dotenv_text
from ummsg.vocabulary import DeliveryStatus, ExitCode

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    targets = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"https?:|mailto:|#", link)]
    missing = [link for link in targets if not (page.parent / link.split("#")[0]).exists()]

    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"(?m)^ummsg ([a-z]+)", page.read_text(encoding="utf-8")))

    assert named <= set(COMMANDS)


def test_the_readme_sets_everything_up_in_two_commands() -> None:
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("python3 -m venv")]

    assert [line.rsplit("/", 1)[1] for line in lines] == ["ummsg demo", "pytest"]


def test_the_exit_codes_are_published() -> None:
    table = (ROOT / "docs" / "automation.md").read_text()
    codes = {value for name, value in vars(ExitCode).items() if name.isupper()}

    assert {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", table)} == codes


def test_every_delivery_state_that_counts_is_explained() -> None:
    explained = set(re.findall(r"(?m)^\| ([a-z]+) \|", (ROOT / "docs" / "automation.md").read_text()))

    assert {status.value for status in DeliveryStatus if status is not DeliveryStatus.SENDING} <= explained


def test_the_settings_file_names_every_setting() -> None:
    assert all(f"# {setting.variable}=" in dotenv_text() for setting in SETTINGS)
