"""The conductor's end of the line to Locust's master: what it makes of the master's words. Real children: tests/e2e."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from harness.foundation.errors import UsageError
from harness.load.engine import LoadSpec, Trouble
from harness.load.locust_engine import _LocustLoad
from harness.load.meeting_place import check_free, check_reachable


def spec(url: str = "http://127.0.0.1:9", bind: str = "127.0.0.1:5557", expect_workers: int = 1) -> LoadSpec:
    return LoadSpec(
        base_url=url, mcp_url=url, ws_url=url, protocol="plain", spool_dir="", epoch_ns=0,
        expect_workers=expect_workers, workers=1, bind=bind,
    )  # fmt: skip


class Line:
    """A master that says what it is told to."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader()
        self.notes: list[str] = []
        self.refusals: list[tuple[int, str]] = []
        self.load = _LocustLoad(self.reader, None, spec(), self.notes.append, self.refused)  # type: ignore[arg-type]
        self.load.attend(self.load.listen())

    def refused(self, attempts: int, why: str) -> None:
        self.refusals.append((attempts, why))

    def say(self, said: str, **fields: Any) -> None:
        self.reader.feed_data(json.dumps({"said": said, **fields}).encode() + b"\n")


@pytest.mark.parametrize(
    ("url", "bind", "ok"),
    [
        ("http://127.0.0.1:9", "127.0.0.1:5557", True),  # workers of this machine
        ("http://127.0.0.1:9", "0.0.0.0:5557", False),
        ("http://192.0.2.1", "0.0.0.0:5557", True),
        ("http://localhost:9", "192.0.2.2:5557", False),
        ("http://[::1]:9", "[::]:5557", False),
    ],
)
def test_an_address_of_this_machine_is_not_given_to_workers_of_others(url: str, bind: str, ok: bool) -> None:
    """There it would be their own machine."""
    if ok:
        check_reachable(spec(url, bind))
        return
    with pytest.raises(UsageError, match="cannot reach this server"):
        check_reachable(spec(url, bind))
    check_reachable(spec(url, bind, expect_workers=0))


def test_a_port_that_is_taken_is_told_before_anything_starts() -> None:
    """With the flag that gives another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"Cannot listen at {place}") as told:
            check_free(place)

    assert "--bind" in str(told.value)
    check_free(place)


async def test_it_says_where_workers_join_and_who_has() -> None:
    """With the command to start one, and what it needs."""
    line = Line()
    line.load.token_file = Path("/a/run/join.token")
    line.say("stranger", attempts=3, why="without a token")
    line.say("joined", part="worker-1", host="other")
    line.say("ready", workers=2)
    await line.load.joined()

    assert "--master-host 127.0.0.1 --master-port 5557" in line.notes[0]
    assert (
        f"with a copy of {line.load.token_file} by\n  HARNESS_JOIN_TOKEN_FILE=join.token locust"
        in line.notes[0]
    )
    assert "  worker-1 has joined from other" in line.notes
    assert line.refusals == [(3, "without a token")]
    line.load.leave()


async def test_a_worker_that_refuses_ends_the_run_with_its_reason() -> None:
    """Exit 2: somebody has to change something."""
    line = Line()
    line.say("refused", host="other", why="192.0.2.1 is not this machine")
    with pytest.raises(UsageError, match=r"The one on other says: .* is not this machine"):
        await line.load.joined()
    line.load.leave()


async def test_one_part_has_one_trouble_and_the_worst_clock_is_the_run_s() -> None:
    """What follows from a loss is no news."""
    line = Line()
    line.say("clock", part="worker-1", host="a", offset_ms=3.0, error_ms=0.2)
    line.say("clock", part="worker-2", host="b", offset_ms=-9.0, error_ms=0.7)
    line.say("clock", part="worker-3", host="c", offset_ms=-9.0, error_ms=None)
    line.say("unwritten", part="worker-1", worker=1, why="File too large")
    line.say("lost", part="worker-1", worker=1, why="it has left")
    line.say("ready")
    await line.load.hear("ready", 5)

    assert await line.load.poll() == [Trouble("worker-1", "File too large", 1, unwritten=True)]
    assert await line.load.poll() == []
    facts = line.load.facts()
    assert facts["clock_error_ms"] == 0.7
    assert [clock["part"] for clock in facts["clocks"]] == ["worker-1", "worker-2"]
    line.load.leave()
