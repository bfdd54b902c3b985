"""What is said of a review that had to make many messages."""

import pytest

from tests.program import Program
from tests.smtp_server import SmtpServer

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--everyone", "--dry-run")
MANY = 250


@pytest.fixture
def network(ummsg: Program) -> Program:
    rows = "".join(f"{number},c{number}@example.com,Anna\n" for number in range(1, MANY + 1))
    assert ummsg("customers", "import", ummsg.write("customers.csv", f"id,email,name\n{rows}")).code == 0
    return ummsg


def test_what_the_text_and_the_data_prove_is_not_made(network: Program) -> None:
    done = network(*NEW, "--content", "Dear {{ customer_name }}")
    assert done.code == 0
    assert "Checked" not in done.err


def test_what_only_everyones_message_can_prove_is_made_and_said(network: Program) -> None:
    done = network(*NEW, "--content", "[you](https://example.com/{{ customer_id }})")
    assert done.code == 0
    assert "Checked by making all 250 messages, because it works with customer_id." in done.err


def test_everyones_message_is_made_for_those_who_want_it(network: Program, smtp_server: SmtpServer) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    done = network(*NEW, "--render-all", "--content", "Dear {{ customer_name }}")
    assert "Checked by making all 250 messages." in done.err

    network(*NEW[:-1], "--draft", "--content", "Dear {{ customer_name }}")
    sent = network("broadcast", "send", 1, "--render-all", "--yes")
    assert "Checked by making all 250 messages." in sent.err
    assert len(smtp_server.messages) == MANY
