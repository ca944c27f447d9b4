"""Faults in whole runs: from the flag to the summary, and what is left when the harness dies in the middle."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests import brokers, getting, waiting
from tests.e2e import toxiproxies
from tests.e2e.disturbed import TOO_SOON, assert_no_reason_but_the_machine
from tests.e2e.leftovers import assert_nothing_left
from tests.e2e.toxiproxies import call

Start = Callable[..., Any]
# How a reason goes on when a slow machine left too little load after a fault to say whether all is well.
TOO_FEW_AFTER = r"(?:only \d+ s with calls came between|.+ was not called in the last |.+ was out of its usual range at first)"
SUSTAIN = ("sustain", "--users", "3", "--no-think", "--json")


@pytest.mark.parametrize("link", ["client", pytest.param("database", marks=pytest.mark.long)])
def test_a_latency_fault_is_verified_exposed_and_healed(
    harness: Start, on_path: str, tmp_path: Path, link: str
) -> None:
    """200 ms for three seconds of a steady load, on either link; then clients that hang up, beside it."""
    fault = f"latency:latency=200ms,at=3s,for=3s,link={link}"
    rude = "rude:how=disconnect,at=10s,for=1s,clients=3"  # beside it, when that is over
    command = harness(*SUSTAIN, "--for", "12s", "--fault", fault, "--fault", rude, PATH=on_path)
    assert_no_reason_but_the_machine(command, must=TOO_SOON)

    summary = command.summary()
    found, beside = summary["faults"]
    assert (beside["verified"], beside["healed"]) == (True, True), command.stderr
    assert beside["exposed"]["calls"] > 0
    assert beside["did"]["cut"] > 0
    assert summary["generator"]["lost"] == 0
    assert (found["name"], found["kind"], found["link"]) == ("latency", "latency", link)
    assert (found["verified"], found["healed"]) == (True, True), command.stderr
    assert found["exposed"]["calls"] > 0
    # Three users, and the WebSocket user reads the status over a second connection.
    assert found["exposed"]["connections"] == 4
    assert found["end_s"] - found["start_s"] > 2.9
    assert found["latency_ms"]["response"]["p50"] > 180
    events = [
        json.loads(line) for line in (Path(summary["run_dir"]) / "events.jsonl").read_text().splitlines()
    ]
    (verified, _) = [event for event in events if event["event"] == "fault_verified"]
    assert verified["through_ms"] - verified["beside_ms"] == pytest.approx(200, abs=100)
    assert_nothing_left(Path(summary["run_dir"]), tmp_path)


def test_no_toxiproxy_and_a_fault_planned_is_exit_5_before_any_load(harness: Start, tmp_path: Path) -> None:
    """With the command that gets one, and no run directory."""
    command = harness(
        *SUSTAIN,
        "--for",
        "10s",
        "--fault",
        "down:at=2s,for=1s",
        PATH="/usr/bin:/bin",
        HARNESS_HOME=str(tmp_path / "home"),
    )

    assert command.wait() == 5
    assert "harness toxiproxy install" in command.stderr
    assert list((tmp_path / "out").glob("*/*")) == []


@pytest.fixture
def shared_toxiproxy(shared_process: tuple[str, Any]) -> str:
    """Somebody else's Toxiproxy."""
    return shared_process[0]


@pytest.fixture
def shared_process(toxiproxy_binary: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The same, with its process."""
    with toxiproxies.shared(toxiproxy_binary) as started:
        yield started


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.long), 1])
def test_a_killed_harness_leaves_no_fault_on_a_shared_toxiproxy(
    harness: Start, shared_toxiproxy: str, tmp_path: Path, seed: int
) -> None:
    """kill -9 in mid-fault at a random moment: healed, other people's proxies untouched."""
    kind = ["latency:latency=50ms,direction=both", "down:link=database"][seed]
    fault = f"{kind},at=1s,for=5m"
    command = harness(
        "sustain", "--users", "3", "--for", "6m", "--fault", fault, TOXIPROXY_URL=shared_toxiproxy
    )
    run = command.wait_for_event("fault_on")
    time.sleep(Random(seed).random() * 2)  # a random moment is the point
    before = call(shared_toxiproxy, "/proxies")
    assert len(before) == 2
    command.signal(signal.SIGKILL)
    command.wait()

    waiting.until(lambda: call(shared_toxiproxy, "/proxies") == {"theirs": before["theirs"]})
    assert_nothing_left(run, tmp_path)


def test_an_interrupted_run_heals_its_fault(harness: Start, shared_toxiproxy: str, tmp_path: Path) -> None:
    """Ctrl-C in mid-fault: healed, exit 130, and the shared Toxiproxy is as it was."""
    fault = "latency:latency=200ms,at=1s,for=5m"
    command = harness(
        "sustain", "--users", "3", "--for", "6m", "--fault", fault, TOXIPROXY_URL=shared_toxiproxy
    )
    run = command.wait_for_event("fault_verified")
    command.signal(signal.SIGINT)

    assert command.wait() == 130
    (healed,) = [line for line in (run / "events.jsonl").read_text().splitlines() if "fault_healed" in line]
    assert json.loads(healed)["healed"]
    assert list(call(shared_toxiproxy, "/proxies")) == ["theirs"]


def test_a_toxiproxy_that_stops_in_mid_fault_is_exit_6_with_the_command_that_cleans_up(
    harness: Start, shared_process: tuple[str, "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """No hang, no pass; and when it goes on, `harness doctor --clean` leaves it as it was found."""
    url, process = shared_process
    command = harness(
        "sustain", "--users", "2", "--for", "12s", "--timeout", "2s", "--json",
        "--fault", "latency:latency=100ms,at=2s,for=6s", TOXIPROXY_URL=url,
    )  # fmt: skip
    command.wait_for_event("fault_verified")
    process.send_signal(signal.SIGSTOP)

    assert command.wait(within_s=100) == 6, command.stderr
    summary = command.summary()
    assert summary["verdict"] != "pass"
    assert summary["faults"][0]["healed"] is False
    assert "harness doctor --clean" in command.stderr

    process.send_signal(signal.SIGCONT)
    cleaning = harness("doctor", "--clean", "--out", str(tmp_path / "out"))
    assert cleaning.wait() in {0, 2}, cleaning.stdout + cleaning.stderr
    assert list(call(url, "/proxies")) == ["theirs"]


def its_time_is_over(run: Path) -> bool:
    """Nobody says whether it was there to its end, which is told as another look at it; at one never seen nobody looks."""
    lines = (run / "events.jsonl").read_text().rpartition("\n")[0].splitlines()
    looks = [one for one in map(json.loads, lines) if one["event"] == "fault_verified"]
    return len(looks) == 2 or not looks[0]["verified"]


@pytest.mark.long  # tests/integration/test_faults.py: one that hangs in mid-fault is waited for
def test_a_toxiproxy_that_goes_on_in_time_is_healed_and_left_as_it_was(
    harness: Start, shared_process: tuple[str, "subprocess.Popen[bytes]"]
) -> None:
    """A clean end, and still no pass: for a while nothing was known."""
    url, process = shared_process
    command = harness(
        "sustain", "--users", "2", "--for", "14s", "--timeout", "2s", "--json",
        "--fault", "latency:latency=100ms,at=2s,for=6s", TOXIPROXY_URL=url,
    )  # fmt: skip
    run = command.wait_for_event("fault_verified")
    process.send_signal(signal.SIGSTOP)
    waiting.until(lambda: its_time_is_over(run))
    process.send_signal(signal.SIGCONT)

    assert command.wait(within_s=100) != 6, command.stderr
    assert command.summary()["faults"][0]["healed"] is True
    assert list(call(url, "/proxies")) == ["theirs"]


def test_a_deploy_in_mid_run_is_told_with_what_it_cost(harness: Start, tmp_path: Path) -> None:
    """The target is stopped and started under load: a window, calls that failed in it, and a recovery."""
    command = harness(*SUSTAIN, "--for", "17s", "--fault", "restart:name=deploy,at=8s")
    # On a slow machine the deploy may take most of what comes after it.
    late = f"the fault deploy: not recovered |whether the service recovered from deploy is unknown: {TOO_FEW_AFTER}"
    assert_no_reason_but_the_machine(command, may=late)

    summary = command.summary()
    (found,) = summary["faults"]
    assert (found["name"], found["kind"], found["link"]) == ("deploy", "restart", "target")
    assert (found["verified"], found["healed"]) == (True, True), command.stderr
    assert found["exposed"]["calls"] > 0
    assert found["success_rate"] < 1
    assert (
        summary["totals"]["requests"] == summary["generator"]["recorded"] == summary["generator"]["started"]
    )
    assert_nothing_left(Path(summary["run_dir"]), tmp_path)


@pytest.mark.long  # tests/integration/test_faults.py: every toxic on a real queue and a real store; below: a deploy
@pytest.mark.timeout(300)
def test_the_queue_and_the_store_of_sessions_go_and_come_back_and_the_target_is_replaced_by_turns(
    harness: Start, on_path: str, tmp_path: Path
) -> None:
    """RabbitMQ, Redis and two targets of the run's own, behind proxies: verified, healed, felt by calls, gone."""
    for kind, why in (("rabbitmq", getting.rabbitmq), ("redis", getting.redis)):
        if not brokers.are_installed(kind):
            pytest.skip(why())
    command = harness(
        *SUSTAIN, "--for", "11s", "--fault", "down:name=no-queue,link=queue,at=3s,for=2s",
        "--fault", "down:name=no-sessions,link=sessions,at=3s,for=2s",
        "--fault", "rolling_restart:name=deploy,at=7s",
        PATH=on_path,
    )  # fmt: skip
    # On a slow machine the queue may still be away when the sessions are back, or the deploy be over late.
    others = (
        "whether the service recovered from (?:no-queue|no-sessions|deploy) is unknown: "
        rf"(?:{TOO_FEW_AFTER}|only \d+ calls succeeded before it|[\d,]+ of [\d,]+ calls failed before it)"
    )
    assert_no_reason_but_the_machine(command, must=TOO_SOON, may=others, within_s=280)

    summary = command.summary()
    assert {
        (found["name"], found["link"], found["verified"], found["healed"]) for found in summary["faults"]
    } == {
        ("no-queue", "queue", True, True),
        ("no-sessions", "sessions", True, True),
        ("deploy", "target", True, True),
    }, command.stderr
    assert all(found["exposed"]["calls"] > 0 for found in summary["faults"])
    said = {row["detail"].partition(":")[0] for row in summary["failures"]}
    assert "The session store does not answer" in said
    assert (
        summary["totals"]["requests"] == summary["generator"]["recorded"] == summary["generator"]["started"]
    )
    assert_nothing_left(Path(summary["run_dir"]), tmp_path)
