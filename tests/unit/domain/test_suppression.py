"""Which refusals say that an address will never be read."""

import pytest

from ummsg.domain.suppression import says_nobody


@pytest.mark.parametrize(
    "reply",
    [
        "550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown",
        "550-5.1.1 The email account that you tried to reach does not exist.",
        "553 5.1.2 no such domain",
        "501 5.1.3 bad address syntax",
        "551 5.1.6 moved away",
        "556 5.1.10 the domain takes no mail (null MX)",
        "550 5.4.310 DNS domain does not exist [Message=InfoDomainNonexistent]",
        "5.1.1 (bounced without a diagnostic)",
    ],
)
def test_an_address_that_does_not_exist(reply: str) -> None:
    assert says_nobody(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "250 2.1.5 Ok",
        "550 no such user",
        "450 4.1.1 unknown for now",
        "550 5.7.1 blocked: see https://example.com/5.1.1",
        "550 5.7.26 unauthenticated; 550 5.1.1 is not what it is",
        "552 5.2.2 mailbox full",
        "550 5.2.1 receiving mail at a rate that is too high",
        "552 5.3.4 message too big",
        "550 5.1.8 bad sender",
        "550 5.1.11 unheard of",
        "550 5.1.1.1 no code",
        "550 5.4.4 host not found",
        "the message was complete, and the server answered 550 5.1.1",
        "421 4.4.2 timed out (gave up after 8)",
    ],
)
def test_everything_else_says_nothing_about_the_address(reply: str) -> None:
    assert not says_nobody(reply)
