"""harness leak, on a server that keeps what it is told to of every session."""

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.conduct.capacity import holdings, leak_text, listeners
from harness.conduct.capacity.churn import Call, Visits
from harness.conduct.capacity.growth import Growth
from harness.conduct.capacity.leak import LeakRequest, LeakResult
from harness.foundation.errors import FAILED, PASSED, UNKNOWN, UsageError
from tests.fakes.holding_server import holding
from tests.fakes.session_server import session_server

ASKED = LeakRequest("close", Call(), 20.0, 60.0, 1000.0)
LEAKS = Growth("leaks", 10_200.0, 9_600.0, 10_800.0, 100, 1000)
NONE = Growth("none_above", 10.0, -300.0, 400.0, 100, 1000)
OPEN = Growth("undecided", 500.0, 100.0, 900.0, 100, 1000)


def leaked(tmp_path: Path, *flags: str) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(
        cli, ["leak", "--out", str(tmp_path), "--json", *flags], standalone_mode=False
    )
    if result.exception is not None:
        raise result.exception
    return result.return_value, json.loads(result.stdout)


@pytest.mark.parts
@pytest.mark.parametrize("pattern", ["close", "cancel"])
def test_what_is_kept_of_each_session_is_found(pattern: str, tmp_path: Path) -> None:
    with holding("--leak", "100000") as url:
        code, told = leaked(tmp_path, "--url", url, "--pattern", pattern, "--for", "13s", "--rate", "15/s")

    memory = next(grown for grown in told["grows"] if grown["of"] == "memory")
    assert (code, told["leaking"], told["why_unknown"]) == (FAILED, ["memory"], "")
    assert memory["interval"][0] <= 102_000
    assert memory["interval"][1] >= 98_000
    kept = tmp_path / "leak" / "latest"
    assert json.loads((kept / "result.json").read_text())["leaking"] == ["memory"]
    assert (kept / "readings.csv").read_text().startswith("of,at_s,sessions,value\nmemory,")


@pytest.mark.parts
def test_a_session_that_nobody_closes_is_what_a_server_keeps(tmp_path: Path) -> None:
    """`vanish`: the holding server remembers sessions for ever, a few hundred bytes of each; nothing else grows."""
    with holding() as url:
        code, told = leaked(tmp_path, "--url", url, "--pattern", "vanish", "--for", "13s", "--rate", "15/s")

    words = {grown["of"]: grown["word"] for grown in told["grows"]}
    assert code in {PASSED, UNKNOWN}
    assert words["threads"] == words["open_files"] == "none_above"


def test_clients_of_2026_vanish_from_a_stream_that_they_subscribed_to(tmp_path: Path) -> None:
    with session_server() as server:
        flags = ("--protocol", "2026-07-28", "--pattern", "listen-vanish", "--for", "0.5s", "--rate", "10/s")
        _, told = leaked(tmp_path, "--url", server.url, *flags)
        subscribed = sum(asked.method == "subscriptions/listen" for asked in server.asked)

    assert (told["sessions"]["over"], told["sessions"]["failed"], subscribed) == (5, {}, 5)


@pytest.mark.parts
def test_a_server_that_keeps_what_nobody_closes_until_it_refuses_is_named(tmp_path: Path) -> None:
    with holding("--most", "30") as url:
        code, told = leaked(tmp_path, "--url", url, "--pattern", "vanish", "--for", "60s", "--rate", "40/s")

    assert code == UNKNOWN
    assert told["why_unknown"] == "After 30 good sessions it refused all others: connect: http_status: 503"
    assert told["duration_s"] < 60


@pytest.mark.parametrize(
    ("grows", "why", "code"),
    [
        ({"memory": NONE}, "", PASSED),
        ({"memory": LEAKS}, "", FAILED),
        ({"memory": OPEN}, "", UNKNOWN),
        ({"memory": LEAKS}, "3 of 10 sessions failed", UNKNOWN),
        ({"memory": Growth("leaks", 900.0, 800.0, 1000.0, 1, 1)}, "", PASSED),  # allowed
        ({"open_files": Growth("leaks", 0.1, 0.09, 0.11, 1, 1)}, "", FAILED),
    ],
)
def test_exit_codes(grows: dict[str, Growth], why: str, code: int) -> None:
    assert LeakResult(ASKED, Visits(), 60.0, {}, grows, why).exit_code == code


@pytest.mark.parametrize(
    ("grown", "said"),
    [
        (LEAKS, "leaks 10.2 KB a session (9.6 KB to 10.8 KB)"),
        (NONE, "no leak above 0.4 KB a session can be there"),
        (OPEN, "grows by 0.5 KB a session (0.1 KB to 0.9 KB), but ever more slowly or in a few steps"),
        (Growth("too_few", 0, 0, 0, 0, 0), "too few readings: run for longer"),
    ],
)
def test_sentences(grown: Growth, said: str) -> None:
    assert leak_text.sentence("memory", grown) == said


def test_what_this_process_holds() -> None:
    """Memory by the kernel's own count, descriptors and threads of this very process."""
    held = holdings.read_process(os.getpid())
    status = Path("/proc/self/smaps_rollup").read_text()

    assert held["memory"] == pytest.approx(int(re.search(r"Anonymous:\s+(\d+)", status)[1]) * 1024, rel=0.2)
    assert held["threads"] >= 1
    assert held["open_files"] >= 3


def test_a_control_group_says_memory_and_threads(tmp_path: Path) -> None:
    (tmp_path / "memory.stat").write_text("anon 12345\nfile 1\n")
    (tmp_path / "pids.current").write_text("7\n")

    assert holdings.control_group(tmp_path).read() == {"memory": 12345.0, "threads": 7.0}
    with pytest.raises(UsageError, match="not a control group"):
        holdings.control_group(tmp_path / "nothing")


def test_a_pid_that_is_nobodys() -> None:
    with pytest.raises(UsageError, match="There is no process"):
        holdings.process(2**22 - 1)


def test_nobody_listens_there() -> None:
    assert listeners.process_at("http://127.0.0.1:1/mcp") is None
    assert listeners.process_at("http://192.0.2.1:80/mcp") is None
