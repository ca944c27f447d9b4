"""What each fault did: the row of the summary, figures before, during and after, amplification."""

import pytest

from harness.analysis.faults.phases import Figures
from harness.report.reading import read
from tests.fakes.results import plain
from tests.fakes.runs import Run, faults

KEYS = [
    "name",
    "kind",
    "link",
    "start_s",
    "end_s",
    "verified",
    "exposed",
    "healed",
    "success_rate",
    "latency_ms",
    "recover_s",
    "resolution_s",
    "sessions_lost",
    "sessions",
    "did",
    "operations",
]


@pytest.fixture(scope="module")
def reading(tmp_path_factory):
    return read(faults().write(tmp_path_factory.mktemp("run")))


def test_a_row_has_the_keys_of_the_contract(reading):
    """And no other, in their order."""
    rows = reading.summary.faults

    assert [list(plain(row)) for row in rows] == [KEYS, KEYS]
    assert list(plain(rows[0].exposed)) == ["calls", "connections"]
    assert list(plain(rows[0].latency_ms)) == ["response", "service"]


def test_a_latency_and_a_cut_are_measured(reading):
    """Known answers: 200 calls a second, 20 users, 20 ms and 200 more for ten seconds, then five of nothing."""
    slow, cut = reading.summary.faults
    told = ("name", "kind", "start_s", "end_s", "verified", "healed", "success_rate", "recover_s")

    assert [getattr(slow, key) for key in told] == ["slow-link", "latency", 22.0, 32.0, True, True, 1.0, 0.0]
    assert 2000 <= slow.exposed.calls <= 2010
    assert slow.exposed.connections == cut.exposed.connections == 20
    assert slow.latency_ms.response.p50 == pytest.approx(220, abs=2)
    assert (cut.start_s, cut.end_s, cut.recover_s) == (52.0, 57.0, 4.0)
    assert cut.success_rate < 0.01


def test_figures_stand_before_during_and_after(reading):
    """Of the thirty seconds before, as far as no other fault was on."""
    slow, cut = reading.impacts

    assert slow.before.p50_ms == pytest.approx(20, abs=1)
    assert slow.after.p50_ms == pytest.approx(20, abs=1)
    assert 3990 <= slow.before.calls <= 4000
    assert cut.before.calls < 30 * 200 - 10 * 200
    assert (cut.before.success_rate, cut.after.success_rate) == (1.0, 1.0)
    assert cut.after.p95_ms > 70


def test_the_step_and_its_objectives_are_those_outside_of_the_faults(reading):
    """90 s, less 11.1 s and 6.1 s of disturbed time."""
    (step,) = reading.summary.steps

    assert (step.failed, step.success_rate) == (0, 1.0)
    assert step.requests == pytest.approx((90 - 11.1 - 6.1) * 200, abs=15)
    assert step.throughput_rps == pytest.approx(200, abs=2)
    assert step.offered_rps == pytest.approx(200, abs=2)
    assert reading.summary.totals.failed == 1000


OBJECTIVES = {
    "success_rate >= 99%": "pass",
    "p95 < 100ms": "pass",
    "p95 < 100ms overall": "fail",
    "p50 >= 200ms during slow-link": "pass",
    "success_rate < 2% during cut": "pass",
    "success_rate >= 99% after cut": "pass",
    "recovery == 0s after slow-link": "pass",
    "recovery < 4s after cut": "fail",
    "recovery < 5s": "pass",
    "throughput >= 190/s after slow-link": "pass",
}


def test_objectives_on_faults_work_from_the_events_to_the_verdict(tmp_path):
    """during, after, recovery."""
    summary = read(faults(objectives=list(OBJECTIVES)).write(tmp_path)).summary

    assert {row.objective: row.outcome for row in summary.objectives} == OBJECTIVES
    assert summary.verdict == "fail"


@pytest.mark.parametrize(
    ("kind", "link", "hit"),
    [
        ("slow_close", "client", True),
        ("slow_close", "database", False),
        ("slow_close", "queue", False),
        ("slow_close", "sessions", False),
        ("latency", "database", True),
    ],
)
def test_connections_of_the_load_say_nothing_of_those_behind_the_target(kind, link, hit, tmp_path):
    """What only new connections meet is met by the load's on its own link; what the target opens is not known."""
    run = Run()
    run.fault("it", 10, 5, kind=kind, link=link)
    run.level(5, seconds=30, kind="sustain", reused=False)
    run.end()

    (row,) = read(run.write(tmp_path)).summary.faults
    assert (row.exposed.calls > 0) == hit


def test_a_fault_that_never_came_has_a_row_of_nothing(tmp_path):
    """Planned and skipped: no window, nothing exposed, nothing to heal."""
    run = Run()
    run.fault("never", 5, skipped="no such link")
    run.level(5, kind="sustain")
    run.end()
    reading = read(run.write(tmp_path))
    row = plain(reading.summary.faults[0])

    told = {key: row[key] for key in KEYS if key not in {"name", "kind", "link", "latency_ms"}}
    assert told == {
        "start_s": None,
        "end_s": None,
        "verified": False,
        "exposed": {"calls": 0, "connections": 0},
        "healed": None,
        "success_rate": None,
        "recover_s": None,
        "resolution_s": None,
        "sessions_lost": 0,
        "sessions": None,
        "did": None,
        "operations": [],
    }
    nothing = Figures(calls=0, success_rate=None, p50_ms=None, p95_ms=None)
    assert reading.impacts[0].before == reading.impacts[0].during == reading.impacts[0].after == nothing


def test_amplification_is_how_many_times_the_link_a_call_was_slowed_down_by(tmp_path):
    """805 ms where 200 ms were asked for: four round trips; none where nothing was to be added."""
    run = Run()
    run.fault("slow-db", 20, 10, link="database", through_ms=202.0, beside_ms=1.0, expected_ms=200.0)
    run.fault("nothing", 45, 5, kind="noop", through_ms=1.0, beside_ms=1.0, expected_ms=0.0)
    run.level(5, seconds=19, kind="sustain", ms=20)
    run.events, run.at_s = [one for one in run.events if one["event"] != "step_done"], 20.0
    run.level(5, seconds=10, kind="sustain", ms=825)
    run.level(5, seconds=30, kind="sustain", ms=20)
    run.events = [
        one for one in run.events if one["event"] not in {"step_asked", "step_running", "step_done"}
    ]
    run.event(1, "step_asked", index=0, name="steady", kind="sustain", users=5, rate=None)
    run.event(1, "step_running", index=0, users=5)
    run.event(60, "step_done", index=0, start_ns=10**9, end_ns=60 * 10**9, reason="time")
    slow, nothing = read(run.write(tmp_path)).impacts

    assert slow.amplification == pytest.approx(805 / 200, abs=0.01)
    assert nothing.amplification is None


def test_sessions_lost_count_from_the_fault_to_the_next(tmp_path):
    """Clients notice after the fault; what they notice is its doing, until another comes."""
    run = Run()
    run.fault("restart", 10, 2)
    run.fault("again", 20, 2)
    run.level(5, seconds=30, rps=10, kind="sustain")
    frame = run.frames[0]
    lost = frame["intended_ns"].isin([int(at * 1e9) for at in (5, 11, 15, 16, 25)])
    run.frames[0] = frame.assign(outcome=frame["outcome"].astype(str).where(~lost, "session_lost"))
    run.end()

    assert [row.sessions_lost for row in read(run.write(tmp_path)).summary.faults] == [3, 1]
