"""The last second, at a glance."""

import io
from pathlib import Path

import pytest

from harness.conduct.live.last_second import LastSecond, look
from harness.conduct.live.progress import Plain, Silent, Terminal, line
from harness.load.inside.users.recorder import Recorder
from harness.run_directory.samples import Tail
from harness.run_directory.schema import NULL, NULL_CODE
from harness.run_directory.spool import SpoolFile
from tests.fakes.gauges import gauges


def rows(directory: Path, outcomes: list[str]) -> LastSecond:
    recorder = Recorder(SpoolFile(directory / "worker-0.spool"), 0, lambda: gauges(0))
    for number, outcome in enumerate(outcomes):
        seq = recorder.begin(0)
        done_ns = (number + 1) * 10_000_000
        recorder.end(seq, 0, NULL, done_ns, 0, 0, 0, outcome, "", 200, NULL_CODE, 0, 0, 0, 0, 0)
    for name in ("user_class", "operation", "transport"):
        recorder.code(name, "x")
    recorder.flush()
    return look([table for _, _, table in Tail(directory).read()], users=3, at_s=65.0, span_s=2.0)


def test_a_look_counts_what_ended_and_names_the_worst_failure(tmp_path: Path) -> None:
    """Percentiles are of the calls that succeeded; input_required is neither."""
    live = rows(tmp_path, ["ok", "ok", "timeout", "reset", "timeout", "input_required"])

    assert (live.ok, live.failed, live.worst, live.throughput_rps) == (2, 3, "timeout", 1.0)
    assert (live.p50_ms, live.success_rate) == (pytest.approx(15), pytest.approx(0.4))


def test_a_second_without_calls_has_no_rate_and_no_percentile() -> None:
    """Nothing ended is not zero percent."""
    live = look([], users=0, at_s=1.0, span_s=0.0)

    assert (live.success_rate, live.p50_ms, live.throughput_rps) == (None, None, 0.0)
    assert line(live, "resting") == "    1s  resting  0 users  0/s  no calls ended"


def test_a_terminal_s_last_line_lives_and_plain_lines_do_not(tmp_path: Path) -> None:
    """On a terminal the line is rewritten and cut to its width; a log gets what happened only."""
    live = rows(tmp_path, ["ok", "timeout"])
    terminal, plain = io.StringIO(), io.StringIO()
    for progress in (Terminal(terminal, width=40), Plain(plain), Silent()):
        progress.tick(live, "climb step 2")
        progress.note("5 users done")

    assert plain.getvalue() == "5 users done\n"
    assert terminal.getvalue() == "\r\x1b[K  1m5s  climb step 2  3 users  0/s  50%\r\x1b[K5 users done\n"


def test_the_whole_line_says_who_how_fast_and_how_well(tmp_path: Path) -> None:
    """Time, step, users, throughput, success, percentiles, the worst failure."""
    live = rows(tmp_path, ["ok", "ok", "timeout"])

    assert line(live, "climb step 2") == (
        "  1m5s  climb step 2  3 users  1/s  66.66% ok  p50 15.0 ms  p95 19.5 ms  timeout"
    )
