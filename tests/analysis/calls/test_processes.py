"""Processes of sessions: their starts, by hand."""

import msgspec
import pandas as pd

from harness.analysis.calls import processes
from harness.analysis.calls.calls import Calls
from harness.run_directory.results import Processes


def calls(rows: list[tuple[str, bool, str, int]]) -> Calls:
    """Rows of (transport, reused, outcome, service time in ms)."""
    return Calls.of(_frame(rows))


def _frame(rows: list[tuple[str, bool, str, int]]) -> pd.DataFrame:
    made = [
        {
            "intended_ns": number * 1_000_000_000,
            "sent_ns": number * 1_000_000_000,
            "done_ns": number * 1_000_000_000 + took_ms * 1_000_000,
            "user": number,
            "session": number,
            "worker": 0,
            "bytes_in": 1,
            "bytes_out": 1,
            "reused": reused,
            "outcome": outcome,
            "detail": "",
            "operation": "initialize",
            "user_class": "ToolUser",
            "transport": transport,
        }
        for number, (transport, reused, outcome, took_ms) in enumerate(rows)
    ]
    return pd.DataFrame(made)


def test_the_first_exchange_with_a_process_is_its_start() -> None:
    """Not those after it, and of those that failed only the number."""
    found = processes.measure(
        calls(
            [
                ("stdio", False, "ok", 300),
                ("stdio", False, "ok", 500),
                ("stdio", False, "ok", 400),
                ("stdio", False, "disconnected", 9000),
                ("stdio", True, "ok", 1),
            ]
        ),
        {"seen": 3, "cpu_s_median": 0.5, "cpu_s_max": 0.75, "rss_mb_median": 80.5, "rss_mb_max": 95.0},
    )

    assert found == Processes(
        started=3,
        failed=1,
        start_ms_median=400.0,
        start_ms_max=500.0,
        cpu_s_median=0.5,
        cpu_s_max=0.75,
        rss_mb_median=80.5,
        rss_mb_max=95.0,
    )


def test_where_sessions_are_no_processes_there_is_nothing_to_say() -> None:
    """Also not when none was seen for long enough."""
    assert processes.measure(calls([("http", False, "ok", 3)]), None) is msgspec.UNSET
    unseen = processes.measure(calls([("stdio", False, "connect", 3)]), None)

    assert isinstance(unseen, Processes)
    assert (unseen.started, unseen.failed, unseen.start_ms_median, unseen.rss_mb_max) == (0, 1, None, None)
