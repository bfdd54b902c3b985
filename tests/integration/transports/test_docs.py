"""The worked example of docs/transports.md, installed as it says; the contract suite runs over it too."""

from pathlib import Path

import pytest

from tests.integration.transports.conftest import install_documented_add_on
from ummsg.config import MailUrl
from ummsg.errors import NotConfigured
from ummsg.mail.transports.base import open_transport


def test_the_documented_add_on_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_documented_add_on(tmp_path, monkeypatch)

    with pytest.raises(NotConfigured, match="There is no folder"):
        open_transport(MailUrl.parse(f"jsonl:{tmp_path / 'nowhere' / 'sent.jsonl'}"), lambda: None).connect()
