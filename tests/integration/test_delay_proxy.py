"""The proxy that the benchmarks put before a server: what goes in comes out, late."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sink import free_port, wait_for

PROXY = Path(__file__).parents[2] / "benchmarks" / "delay_proxy.py"


@pytest.fixture
def way() -> Iterator[int]:
    """The port of a proxy before a server that sends everything back, and ends when its client does."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        command = [sys.executable, str(PROXY), str(port), str(server.getsockname()[1]), "0.002"]
        with subprocess.Popen(command) as process:
            wait_for(port)
            yield port
            process.terminate()


def echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=send_back, args=(connection,), daemon=True).start()


def send_back(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(4096):
            connection.sendall(data)


def everything(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_everything_comes_back_in_order_and_the_end_too(way: int) -> None:
    sent = b"".join(b"line %d\r\n" % number for number in range(200_000))

    with socket.create_connection(("127.0.0.1", way), timeout=20) as connection:
        sender = threading.Thread(target=lambda: (connection.sendall(sent), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        received = everything(connection)
        sender.join()

    assert received == sent


def test_connections_do_not_mix(way: int) -> None:
    connections = [socket.create_connection(("127.0.0.1", way), timeout=20) for _ in range(10)]
    for number, connection in enumerate(connections):
        connection.sendall(b"I am %d" % number)
        connection.shutdown(socket.SHUT_WR)

    assert [everything(connection) for connection in connections] == [b"I am %d" % number for number in range(10)]
    for connection in connections:
        connection.close()
