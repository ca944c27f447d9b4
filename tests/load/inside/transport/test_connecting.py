"""Where the load's connections go: to what the run has vetted, whatever a name stands for by now."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator

import gevent.socket
import pytest

from harness.load.inside.transport import connecting
from harness.load.inside.transport.connecting import Endpoint, connect

NAME = "rebound.test"


@pytest.fixture(autouse=True)
def _vetted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at the first of them; no resolver knows the name."""
    monkeypatch.setattr(connecting, "VETTED", {NAME: ("127.0.0.9", "127.0.0.1")})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as there:
        there.settimeout(20)
        yield there


def deadline_ns() -> int:
    return time.monotonic_ns() + 20_000_000_000


def test_a_name_is_not_looked_up_again_and_each_address_is_tried(listener: socket.socket) -> None:
    """In turn, so that a name with several of them is loaded at all; the Host header keeps the name."""
    where = Endpoint.of(f"http://{NAME.upper()}:{listener.getsockname()[1]}/mcp")
    for _ in range(3):
        ours = connect(where, deadline_ns())
        theirs, _ = listener.accept()
        assert ours.getpeername()[0] == "127.0.0.1"
        ours.close()
        theirs.close()

    assert where.host_header == f"{NAME}:{listener.getsockname()[1]}"


def test_nobody_there_is_the_last_address_s_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """And addresses are begun with in turn."""
    tried: list[str] = []

    def refuse(address: tuple[str, int]) -> None:
        tried.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(gevent.socket, "create_connection", refuse)
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            connect(Endpoint.of(f"http://{NAME}:9/"), deadline_ns())

    assert sorted((tried[:2], tried[2:])) == [["127.0.0.1", "127.0.0.9"], ["127.0.0.9", "127.0.0.1"]]


def test_a_certificate_is_checked_by_the_name(listener: socket.socket) -> None:
    """TLS is told the name, not the number."""
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    def serve() -> None:
        theirs, _ = listener.accept()
        with theirs, pytest.raises(ssl.SSLError):  # it has no certificate
            context.wrap_socket(theirs, server_side=True)

    serving = threading.Thread(target=serve)
    serving.start()
    with pytest.raises(ssl.SSLError):
        connect(Endpoint.of(f"https://{NAME}:{listener.getsockname()[1]}/"), deadline_ns())
    serving.join()

    assert asked == [NAME]
