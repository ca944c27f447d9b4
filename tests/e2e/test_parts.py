"""Parts of a run that are killed while it goes on, by `kill -9` of real processes: none of it passes in silence."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.run_directory.events import read_events
from harness.run_directory.undo import read_open
from harness.services.processes import proctable
from harness.services.processes.ports import free_port
from tests import brokers, getting
from tests.e2e.conftest import EMBEDDED
from tests.e2e.disturbed import assert_no_reason_but_the_machine
from tests.e2e.leftovers import assert_nothing_left
from tests.fakes.events import data_of, name_of

Start = Callable[..., Any]
OURS = {"target": "The reference target", "postgres": "PostgreSQL"}
SERVER = """
import asyncio, os, pathlib, sys, uvicorn
from mcp.server import MCPServer
server = MCPServer("yours")
calls = []
@server.tool()
async def echo(message: str = "") -> str:
    calls.append(message)
    if "dies" in sys.argv and len(calls) == 100:
        os.kill(os.getpid(), 9)
    while "waits" in sys.argv and not pathlib.Path(sys.argv[-1]).exists():
        await asyncio.sleep(0.01)
    return message
print("serving\\x1b[31m on a port\\x1b[0m", flush=True)
uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""


def kill(run: Path, name: str) -> None:
    """The process that undo.jsonl has under that name."""
    (pid,) = [one.data["pid"] for one in read_open(run / "undo.jsonl") if one.data.get("name") == name]
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("part", [pytest.param("target", marks=pytest.mark.long), "postgres"])
def test_a_part_of_ours_that_is_killed_ends_the_run_and_makes_it_unknown(harness: Start, part: str) -> None:
    """It is named with when and how, on the terminal and in the verdict."""
    command = harness("sustain", "--users", "2", "--for", "10m", "--json", **EMBEDDED)
    run = command.wait_for_event("step_running")
    kill(run, part)

    assert command.wait() == 3, command.stderr
    summary = command.summary()
    assert summary["verdict"] == "unknown"
    assert summary["reasons"][0].startswith(f"{part_in_words(part)} ended by itself ")
    assert " s into the run: killed by signal 9 (SIGKILL)" in summary["reasons"][0]
    assert f"  ! {part_in_words(part)} ended by itself" in command.stderr
    (event,) = [one for one in read_events(run / "events.jsonl") if name_of(one) == "part_lost"]
    assert (data_of(event)["part"], data_of(event)["how"]) == (part, "killed by signal 9 (SIGKILL)")


def part_in_words(part: str) -> str:
    words = OURS[part]
    return words if words == "PostgreSQL" else words[0].lower() + words[1:]


@pytest.mark.long  # above: what a run makes of it; tests/integration/test_services_parts.py: that it is told of brokers
@pytest.mark.parametrize(
    ("part", "link", "words"), [("rabbitmq", "queue", "RabbitMQ"), ("redis", "sessions", "Redis")]
)
def test_a_broker_of_ours_that_is_killed_ends_the_run_and_makes_it_unknown(
    harness: Start, on_path: str, tmp_path: Path, part: str, link: str, words: str
) -> None:
    """They are there when a fault is planned on the way to them; that fault need not have come."""
    if not brokers.are_installed(part):
        pytest.skip(getting.rabbitmq() if part == "rabbitmq" else getting.redis())
    fault = f"down:link={link},at=5m,for=1s"
    command = harness("sustain", "--users", "2", "--for", "10m", "--json", "--fault", fault, PATH=on_path)
    run = command.wait_for_event("step_running", within_s=120)
    kill(run, part)

    assert command.wait() == 3, command.stderr
    summary = command.summary()
    assert summary["reasons"][0].startswith(f"{words} ended by itself ")
    assert "killed by signal 9 (SIGKILL)" in summary["reasons"][0]
    assert_nothing_left(run, tmp_path)


def janitor_of(command: Any) -> int:
    """The janitor of a run, by its command line."""
    children = [one.pid for one in proctable.table().values() if one.ppid == command.process.pid]
    (found,) = [pid for pid in children if b"harness.services.cleanup.janitor" in cmdline(pid)]
    return found


def test_a_janitor_that_is_killed_is_replaced_and_named(harness: Start, tmp_path: Path) -> None:
    """Nothing was measured wrongly, and somebody would still clean up: the run goes on, and its verdict stands."""
    answers = tmp_path / "answers"  # until it is there the server answers nobody, and so the run goes on
    load = "bench: {requests: 4, users: 2}"
    command = harness(*commanded(tmp_path, SERVER, "waits", str(answers), load=load))
    run = command.wait_for_event("step_asked")
    os.kill(janitor_of(command), signal.SIGKILL)
    command.wait_for_event("part_lost")
    answers.touch()

    assert_no_reason_but_the_machine(command)
    said = "the janitor ended by itself "
    assert said in command.stderr
    (event,) = [one for one in read_events(run / "events.jsonl") if name_of(one) == "part_lost"]
    assert (data_of(event)["part"], data_of(event)["replaced"]) == ("janitor", True)
    assert "SIGKILL), and was replaced" in (run / "report.html").read_text()


def test_the_janitor_that_followed_another_one_cleans_up_after_a_killed_harness(
    harness: Start, tmp_path: Path
) -> None:
    """As the first would have."""
    command = harness("sustain", "--users", "1", "--for", "10m", **EMBEDDED)
    run = command.wait_for_event("step_running")
    os.kill(janitor_of(command), signal.SIGKILL)
    command.wait_for_event("part_lost")
    command.signal(signal.SIGKILL)
    command.wait()

    assert_nothing_left(run, tmp_path)


def test_a_toxiproxy_of_ours_that_dies_with_its_fault_ends_the_run_as_unknown_with_nothing_left_over(
    harness: Start, on_path: str, tmp_path: Path
) -> None:
    """Exit 3, not 6: what was on it is gone with it; which, when and how is said."""
    command = harness(
        "sustain", "--users", "2", "--for", "10m", "--json", "--fault", "latency:latency=100ms,at=1s,for=5m",
        PATH=on_path,
    )  # fmt: skip
    run = command.wait_for_event("fault_verified")
    kill(run, "toxiproxy")

    assert command.wait() == 3, command.stderr
    summary = command.summary()
    assert summary["reasons"][0].startswith("Toxiproxy ended by itself ")
    assert "killed by signal 9 (SIGKILL)" in summary["reasons"][0]
    assert not any("left over" in reason for reason in summary["reasons"])
    (healed,) = [one for one in read_events(run / "events.jsonl") if name_of(one) == "fault_healed"]
    assert data_of(healed)["why"] == "Toxiproxy has ended, and the fault with it"
    assert_nothing_left(run, tmp_path)


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def commanded(place: Path, code: str, *how: str, load: str = "sustain: {users: 2, for: 3s}") -> list[str]:
    """The words of a run of a server of the user's, which is told how it behaves."""
    port = free_port()
    scenario = place / "yours.yaml"
    command = [sys.executable, "-c", code, str(port), *how]
    scenario.write_text(
        f"name: yours\ntarget:\n  command: {json.dumps(command)}\n  url: http://127.0.0.1:{port}/mcp\n"
        f"workload: [{{call: echo}}]\nthink: false\nload: [{{{load}}}]\n",
        encoding="utf-8",
    )
    return ["run", str(scenario), "--json"]


def test_a_server_of_the_user_s_that_dies_under_load_has_failed(harness: Start, tmp_path: Path) -> None:
    """That is a finding about it, whatever else cannot be told; the run goes on to its end."""
    command = harness(*commanded(tmp_path, SERVER, "dies"))

    assert command.wait() == 1, command.stderr
    summary = command.summary()
    assert summary["verdict"] == "fail"
    assert summary["reasons"][0].startswith("the server ended by itself ")
    assert "s into the run: killed by signal 9 (SIGKILL); its last output: " in summary["reasons"][0]


def test_a_command_that_ends_before_it_serves_is_not_there(harness: Start, tmp_path: Path) -> None:
    """Exit 4, with its last words, and without what would move the cursor; its log stays."""
    code = "import sys; print('\\x1b[31mno \\x07license\\x1b[0m', file=sys.stderr); sys.exit(7)"
    command = harness(*commanded(tmp_path, code))

    assert command.wait() == 4
    assert "ended before it was ready: exit code 7" in command.stderr
    assert "no  license" in command.stderr
    assert "\x1b" not in command.stderr
    assert "\x07" not in command.stderr
    run = command.run_dir()
    assert run is not None
    assert b"license" in (run / "target.log").read_bytes()
