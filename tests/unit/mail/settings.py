"""Settings for these tests, without a `.env` and with a secret key."""

from pathlib import Path

from ummsg.config import Settings


def settings(**values: str) -> Settings:
    """`settings(BOUNCE_ADDRESS="…")`: these, and the defaults."""
    environ = {"SECRET_KEY": "a secret of the tests", **values}
    return Settings.load({f"UMMSG_{name}": value for name, value in environ.items()}, Path("/nonexistent"))
