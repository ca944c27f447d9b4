"""A run against a server that does everything wrong in turn: it goes on, and every call has the outcome it must have."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness.mcp import outcome
from tests.e2e.disturbed import assert_no_reason_but_the_machine
from tests.fakes.wire import BY_PATH, CASES, Case, Wire, wire_server

Start = Callable[..., Any]
# In a session every 404 says that it is lost; a GET carries no id; what takes its time would be all that is seen.
LEFT_OUT = ("404", "polled", "drips", "hangs in", "floods", "stays open", "endless")
MIX = [case for case in CASES if not any(words in case.name for words in LEFT_OUT)]
PATH = "/everything-wrong"
# A server that closes behind an answer may do so while the next call is on its way to it.
CLOSED_MEANWHILE = {outcome.DISCONNECTED, outcome.RESET}


class Mixed:
    """Opens sessions as it should, and answers each call of a tool in another way."""

    def __init__(self) -> None:
        self.served: Counter[str] = Counter()
        self._turns = itertools.count()

    def act(self, wire: Wire) -> None:
        method = json.loads(wire.body or b"{}").get("method")
        if method == "initialize":
            agreed = wire.answer('{"protocolVersion":"2025-11-25"}')
            wire.whole(agreed, "200 OK", "application/json", "Mcp-Session-Id: s-1")
        elif method == "tools/list":
            wire.whole(wire.answer('{"tools":[{"name":"x"}]}'))
        elif method == "tools/call":
            case = MIX[next(self._turns) % len(MIX)]
            self.served[case.outcome] += 1
            case.act(wire)
        else:
            wire.whole("", "202 Accepted", "")


@pytest.fixture
def mixed() -> Iterator[tuple[str, Mixed]]:
    bad = Mixed()
    BY_PATH[PATH] = Case(PATH, "", bad.act)
    with wire_server() as server:
        yield server.url + PATH, bad


def test_every_call_to_a_server_that_does_everything_wrong_has_its_outcome(
    harness: Start, mixed: tuple[str, Mixed]
) -> None:
    """As many of each as the server has done; nobody is stopped by any of it, and no call is lost."""
    url, bad = mixed
    load = ("--users", "8", "--for", "3s", "--no-think", "--timeout", "2s")
    command = harness(
        "sustain", "--url", url, "--protocol", "2025-11-25", "--call", "x", *load, "--json", "--workers", "1"
    )
    assert_no_reason_but_the_machine(command, must="most calls failed: ")
    summary = command.summary()
    rows = pq.read_table(
        Path(summary["run_dir"]) / "samples.parquet", columns=["operation", "outcome", "reused"]
    ).to_pylist()
    calls = [row for row in rows if row["operation"] == "tools/call:x"]
    missed = [row for row in calls if row["reused"] and row["outcome"] in CLOSED_MEANWHILE]
    seen = Counter(row["outcome"] for row in calls if row not in missed)
    expected = {name: count for name, count in bad.served.items() if name not in CLOSED_MEANWHILE}

    assert {name: count for name, count in seen.items() if name not in CLOSED_MEANWHILE} == expected
    assert len(calls) >= sum(bad.served.values())
    assert set(bad.served) >= set(outcome.FAILED) - {outcome.CONNECT, outcome.UNFINISHED, outcome.UNEXPECTED}
    assert summary["generator"]["lost"] == 0
    assert summary["generator"]["started"] == summary["generator"]["recorded"] == len(rows)
    assert "Traceback" not in command.stderr
