"""Open load and steps by count, conducted from a scenario to a verdict on the simulated engine: milliseconds."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from harness.analysis.calls.outside_steps import Outside
from harness.conduct.following import SpoolFollower
from harness.conduct.run_values import FinishedRun
from harness.load.simulated import SimulatedServer
from harness.report.terminal import render
from tests.conduct.test_play import Played, play
from tests.conduct.test_run import conduct
from tests.fakes.results import plain

pytestmark = pytest.mark.parts  # a run has a janitor

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "summary.schema.json").read_text(encoding="utf-8"))


def events_of(finished: FinishedRun, name: str) -> list[dict[str, Any]]:
    assert finished.run_dir is not None
    lines = (finished.run_dir / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == name]


def sent(played: Played) -> list[tuple[object, object, object]]:
    return [(one["requests"], one["ok"], one["not_sent"]) for one in played.all("step_judged")]


async def test_a_rate_that_the_server_holds_is_exactly_the_rate(tmp_path: Path) -> None:
    """Every arrival of the measured window is a call, and belongs to no number of users."""
    played = await play(
        tmp_path, [{"rate": {"rate": "100/s", "for": "10s"}}], SimulatedServer(capacity_rps=500)
    )

    (asked,) = played.all("step_asked")
    assert (asked["users"], asked["rate"], played.reason) == (None, 100.0, "completed")
    assert sent(played) == [(800, 800, 0)]
    assert "100/s" in played.said.getvalue()


async def test_the_last_step_sends_what_it_was_told_and_the_report_says_where_its_calls_are(
    tmp_path: Path,
) -> None:
    """500 of 100/s for 5 s, a fifth of them while it settles; before another step arrivals go on while it closes."""
    rate = {"rate": "100/s", "for": "5s"}
    alone = await conduct(tmp_path / "alone", [{"rate": rate}], SimulatedServer())
    two = await conduct(
        tmp_path / "two",
        [{"name": "first", "rate": rate}, {"name": "second", "rate": rate}],
        SimulatedServer(service_ms=300, spread=0.0),
    )
    for finished in (alone, two):
        assert finished.reading is not None
    first, last = alone.reading.outside, two.reading.outside  # type: ignore[union-attr]

    assert first == Outside(500, 400, settling=100)
    assert "500 in all: 400 in the step, 100 while it settled" in render(alone.reading, colour=False)  # type: ignore[arg-type]
    assert last.steps == 800
    # An arrival in the very moment of the second step's beginning is of the first one's schedule.
    assert last.settling in {200, 201}
    assert last.calls == 800 + last.settling + last.closing > 1025


async def test_a_step_by_count_needs_no_word_on_where_its_calls_are(tmp_path: Path) -> None:
    """Totals and steps are one number."""
    finished = await conduct(tmp_path, [{"bench": {"requests": 50, "users": 10}}], SimulatedServer())
    assert finished.reading is not None

    assert finished.reading.outside == Outside(50, 50)
    assert "in all" not in render(finished.reading, colour=False)


async def test_a_ramp_of_a_rate_breaks_where_arrivals_are_not_sent(tmp_path: Path) -> None:
    """The server answers 100 a second, all of them well: success alone would not show it."""
    ramp = {"to": "200/s", "step": "50/s", "hold": "10s", "max_users": 10, "queue": 10}
    played = await play(
        tmp_path, [{"name": "climb", "ramp": ramp}], SimulatedServer(capacity_rps=100, spread=0.0)
    )

    assert [(one["rate"], one["kind"]) for one in played.all("step_asked")] == [
        (50.0, "ramp"), (100.0, "ramp"), (150.0, "ramp"), (150.0, "confirm"),
    ]  # fmt: skip
    (found,) = played.all("break")
    assert (found["users"], found["rate"], found["last_good_rate"]) == (None, 150.0, 100.0)
    assert "arrivals were not sent" in str(found["reason"])
    judged = played.all("step_judged")[2]
    assert judged["success_rate"] == 1.0
    assert judged["requests"] + judged["not_sent"] == 150 * 8  # type: ignore[operator]


async def test_a_bound_that_was_marked_for_a_ramp_breaks_it(tmp_path: Path) -> None:
    """Every call succeeds, and the level is too slow all the same."""
    ramp = {"to": 40, "step": 10, "hold": "10s", "break_unless": ["p95 < 50ms", "p999 < 36ms"]}
    played = await play(
        tmp_path, [{"name": "climb", "ramp": ramp}], SimulatedServer(service_ms=20, capacity_rps=500)
    )

    (found,) = played.all("break")
    assert (found["users"], found["last_good_users"]) == (20, 10)
    assert str(found["reason"]).startswith("p95 < 50ms does not hold: it was ")
    assert "p999 < 36ms cannot be decided: it lies between " in played.said.getvalue()


async def test_a_step_by_count_makes_so_many_calls_and_is_over_with_the_last(tmp_path: Path) -> None:
    """Its time is that of the calls, not that of looking whether they are done."""
    played = await play(
        tmp_path, [{"bench": {"requests": 50, "users": 10}}], SimulatedServer(service_ms=100, spread=0.0)
    )

    (done,) = played.all("step_done")
    (judged,) = played.all("step_judged")
    assert (judged["requests"], done["reason"]) == (50, "count")
    assert done["end_ns"] - done["start_ns"] == pytest.approx(600_000_000, rel=0.1)  # type: ignore[operator]


async def test_a_spike_is_measured_from_its_first_moment_and_a_soak_in_parts(tmp_path: Path) -> None:
    """Rows that show the change, and the drift."""
    spike = {"base": 5, "peak": 20, "before": "5s", "hold": "5s", "after": "5s"}
    load = [
        {"name": "rush", "spike": spike},
        {"name": "night", "soak": {"level": 5, "for": "9s", "parts": 3}},
    ]
    played = await play(tmp_path, load, SimulatedServer())
    spans = [(one["end_ns"] - one["start_ns"]) / 1e9 for one in played.all("step_done")]  # type: ignore[operator]

    assert [one["users"] for one in played.all("step_asked")] == [5, 20, 5, 5, 5, 5]
    assert spans == pytest.approx([4, 5, 5, 2.4, 3, 3])


async def test_a_warm_up_is_no_step_and_not_in_the_totals(tmp_path: Path) -> None:
    """Ten seconds at 100/s that nobody counts."""
    load = [{"name": "steady", "rate": {"rate": "100/s", "for": "10s"}}]
    cold = await conduct(tmp_path / "cold", load, SimulatedServer())
    warm = await conduct(tmp_path / "warm", load, SimulatedServer(), warm_up="10s")

    assert len(warm.summary.steps) == 1
    assert warm.summary.totals.requests == pytest.approx(cold.summary.totals.requests, abs=100)
    assert warm.summary.generator.recorded >= cold.summary.generator.recorded + 900


async def test_arrivals_that_were_not_sent_are_counted_and_fail_objectives_on_success(tmp_path: Path) -> None:
    """All that was sent succeeded; 98 % of all that arrived is still a failure, and so is a p95 of what never came."""
    rate = {"rate": "120/s", "for": "20s", "max_users": 5, "queue": 60, "interval": "6s"}
    load = [{"name": "flood", "rate": rate}]
    finished = await conduct(
        tmp_path,
        load,
        SimulatedServer(capacity_rps=100, spread=0.0),
        objectives=["success_rate >= 50%", "p50 < 10s", "max < 10s"],
    )
    summary = finished.summary
    (step,) = summary.steps

    assert (step.users, step.rate, step.success_rate) == (None, 120, 1.0)
    assert step.requests + step.not_sent == 120 * 18
    assert step.offered_rps == 120
    assert summary.totals.not_sent >= step.not_sent > 100
    assert [one.outcome for one in summary.objectives] == ["fail", "pass", "fail"]
    assert any("arrivals were not sent" in reason for reason in summary.reasons)
    assert (summary.verdict, finished.exit_code) == ("fail", 1)
    assert sum(count for one in events_of(finished, "generator") for _, count in one.get("not_sent", [])) == (
        summary.totals.not_sent
    )


async def test_a_stall_shows_in_the_summary_as_theory_says(tmp_path: Path) -> None:
    """A second of 20 at 500/s: the whole path, from the schedule to summary.json, within 5 %."""
    server = SimulatedServer(service_ms=2, capacity_rps=500_000, spread=0.0, stalls_s=((5.0, 6.0),))
    finished = await conduct(tmp_path, [{"rate": {"rate": "500/s", "for": "20s"}}], server)
    (step,) = finished.summary.steps
    response = step.latency_ms.response

    assert step.requests == 18 * 500
    # The measured 18 s leave out the settling time: an eighteenth of the calls waited.
    assert response.p99 == pytest.approx(1000 * (1 - 18 * 0.01), rel=0.05)
    assert response.p95 == pytest.approx(1000 * (1 - 18 * 0.05), rel=0.05)
    assert response.p90 == pytest.approx(2, rel=0.05)


async def test_without_a_good_level_the_run_has_failed(tmp_path: Path) -> None:
    """There is nothing to sustain, and the reason says so."""
    load = [{"ramp": {"to": 10, "hold": "2s"}}, {"sustain": {"users": "last_good", "for": "5s"}}]
    finished = await conduct(tmp_path, load, SimulatedServer(limit_users=1))

    assert (finished.summary.verdict, finished.exit_code) == ("fail", 1)
    assert "no last good level to sustain" in finished.summary.reasons[0]


async def test_the_breaking_point_of_a_rate_is_in_every_report(tmp_path: Path) -> None:
    """It is a rate, beside levels of users that broke nowhere; the summary keeps to its schema."""
    ramp = {"to": "200/s", "step": "100/s", "hold": "5s", "max_users": 5, "queue": 5, "confirm": False}
    load = [{"name": "stairs", "steps": {"levels": [1, 2], "hold": "5s"}}, {"name": "climb", "ramp": ramp}]
    finished = await conduct(tmp_path, load, SimulatedServer(capacity_rps=100, spread=0.0))
    found = finished.summary.breaking_point
    assert finished.run_dir is not None

    assert (found.users, found.rate, found.last_good_rate, found.confirmed) == (
        None,
        200,
        100,
        False,
    )
    Draft202012Validator(SCHEMA).validate(plain(finished.summary))
    page = (finished.run_dir / "report.html").read_text()
    assert "200/s: success rate" in page
    assert "100/s was the last good level" in page


async def test_arrivals_that_are_not_sent_for_hours_are_counted_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counts are those of all of them together, and the times of some seconds are held."""
    held, counts = [], []

    def not_sent(self: SpoolFollower, start_ns: int, end_ns: int) -> int:
        held.append(len(self.step_not_sent))
        return whole(self, start_ns, end_ns)

    whole = SpoolFollower.not_sent
    monkeypatch.setattr(SpoolFollower, "not_sent", not_sent)
    rate = {"rate": "100/s", "for": "60s", "max_users": 3, "queue": 3}
    for name, at in (("counted", 50), ("kept", 10**9)):
        monkeypatch.setattr("harness.conduct.following.NOT_SENT_COUNTED_AT", at)
        (tmp_path / name).mkdir()
        counts += sent(await play(tmp_path / name, [{"rate": rate}], SimulatedServer(capacity_rps=20)))

    assert counts[0] == counts[1]
    assert counts[0][2] > 2_500  # type: ignore[operator]
    assert held[0] < 200
    assert held[1] > 1_000
