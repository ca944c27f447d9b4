"""The machine: limits and ports, as they are and as they could be."""

import resource
import socket
from pathlib import Path

import pytest

from harness.doctor import machine


@pytest.mark.parametrize(
    ("limits", "state", "found", "todo"),
    [
        ((4096, 4096), "good", "4096", ""),
        ((4095, 1 << 20), "warning", "4095", "ulimit -n 16384"),
        ((1024, 8192), "warning", "1024", "ulimit -n 8192"),
        ((1024, resource.RLIM_INFINITY), "warning", "1024", "ulimit -n 16384"),
        ((1024, 2048), "warning", "1024", "ask an administrator to raise the limit of 2048"),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), "good", "unlimited", ""),
    ],
)
def test_few_open_files_are_a_warning_with_the_command_that_helps(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], state: str, found: str, todo: str
) -> None:
    """As far as the hard limit lets a user go."""
    monkeypatch.setattr(machine.resource, "getrlimit", lambda which: limits)
    answer = machine.open_files()
    assert (answer.state, answer.found) == (state, found)
    assert answer.todo.startswith(todo)
    assert bool(answer.todo) == bool(todo)


@pytest.mark.parametrize(
    ("text", "limit"), [("max 100000", None), ("150000 100000", 1.5), ("", None), ("nonsense here", None)]
)
def test_a_control_group_may_leave_less(tmp_path: Path, text: str, limit: float | None) -> None:
    """Quota over period; `max` is none."""
    (tmp_path / "cpu.max").write_text(text)
    assert machine._cpu_limit(tmp_path / "cpu.max") == limit
    assert machine._cpu_limit(tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("count", "limit", "state", "found"),
    [
        (4, None, "good", "4"),
        (4, 2.5, "good", "4, of which a limit leaves 2.5"),
        (4, 1.5, "warning", "4, of which a limit leaves 1.5"),
        (1, None, "warning", "1"),
        (2, 8.0, "good", "2"),
    ],
)
def test_one_processor_for_generator_and_server_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, count: int, limit: float | None, state: str, found: str
) -> None:
    """A run would measure both."""
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: set(range(count)))
    monkeypatch.setattr(machine, "_cpu_limit", lambda: limit)
    answer = machine.processors()
    assert (answer.state, answer.found) == (state, found)


def test_a_taken_port_says_who_wants_it_and_how_to_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A free one says whose it would be."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr(machine, "PORTS", {port: ("harness serve", "harness serve --port 0")})
        taken = machine.ports()[0]
    free = machine.ports()[0]
    assert (taken.name, taken.state, taken.todo) == (f"port {port}", "warning", "harness serve --port 0")
    assert (free.state, free.found) == ("good", "free for harness serve")


def test_the_ports_are_those_that_commands_take_by_default() -> None:
    """What the brief of a run asks for, and no other."""
    assert sorted(machine.PORTS) == [5557, 8000, 8089, 8474]


def test_reports_need_a_place(tmp_path: Path) -> None:
    """It is made when it is not there; a file stands in the way."""
    assert machine.reports(tmp_path / "new" / "one").state == "good"
    (tmp_path / "file").touch()
    found = machine.reports(tmp_path / "file")
    assert (found.state, found.todo) == ("missing", "give another with --out DIR")
    assert machine.reports(tmp_path / "file" / "below").state == "missing"


def test_it_runs_on_linux_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere it could not end what it starts."""
    assert machine.system().state == "good"
    monkeypatch.setattr(machine.sys, "platform", "darwin")
    assert machine.system().state == "missing"
