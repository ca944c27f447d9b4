"""Ports that outgoing connections cannot take."""

import os
import socket
from pathlib import Path

import pytest

from harness.services.processes import ports


def test_a_free_port_lies_outside_the_range_of_outgoing_connections() -> None:
    """A client that reconnects must not be given its server's port."""
    low, high = (int(word) for word in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    found = {ports.free_port() for _ in range(20)}
    assert all(ports.LOWEST <= number < 65_535 and not low <= number <= high for number in found)
    assert len(found) > 1


def test_a_port_is_taken_while_somebody_listens() -> None:
    """On this address; and one that was just closed is not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        assert ports.is_taken(number)
    assert not ports.is_taken(number)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_who_listens_is_known_by_its_process(host: str) -> None:
    """Not by who answers: somebody else may. Who is gone, or only connected, does not listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        number = listener.getsockname()[1]
        assert ports.listens(os.getpid(), number)
        assert not ports.listens(1, number)
        assert not ports.listens(2**31 - 1, number)
        with socket.create_connection((host, number)) as client:
            assert not ports.listens(os.getpid(), client.getsockname()[1])
    assert not ports.listens(os.getpid(), number)


def test_a_host_that_is_not_ours_has_no_port_of_ours() -> None:
    """It cannot be told, so it is not claimed."""
    assert not ports.is_taken(80, "192.0.2.1")


def test_without_room_outside_the_range_the_kernel_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some machines give all ports to outgoing connections."""
    monkeypatch.setattr(ports, "_outgoing_range", lambda: (1, 65_535))
    assert not ports.is_taken(ports.free_port())


def test_a_machine_that_does_not_tell_its_range_has_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux's default since 2005."""
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError))
    assert ports._outgoing_range() == (32_768, 60_999)
