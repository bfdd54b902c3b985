"""Limits as they are typed."""

from ummsg.domain.limits import Rates, parse_rates
from ummsg.errors import InvalidInput


def parse_rate(typed: str | None) -> Rates:
    """What `--rate` says; none if it was not given. Raises InvalidInput."""
    if typed is None:
        return ()
    try:
        return parse_rates(typed)
    except InvalidInput as error:
        raise InvalidInput(f"--rate: {error.what}", hint=error.hint) from None
