"""Abort rules second by second: met for long enough, or not."""

import pytest

from harness.conduct.live.abort_rules import AbortRules
from harness.conduct.live.last_second import LastSecond
from harness.scenario.objectives import parse_abort
from tests.fakes.events import data_of


def second(at_s, ok=0, failed=0, users=5, p95_ms=None):
    return LastSecond(
        at_s=at_s, span_s=1.0, users=users, ok=ok, failed=failed, p50_ms=p95_ms, p95_ms=p95_ms, worst=""
    )


def met_at(rule, seconds):
    """When the run would be stopped, of seconds that are told one by one."""
    guard = AbortRules([parse_abort(rule)])
    return next((live.at_s for live in seconds if guard.look(live)), None)


BAD, GOOD, SILENT = {"failed": 9, "ok": 1}, {"ok": 10}, {}

SECONDS = [
    ("bad from the first second on", [BAD] * 6, 3),
    ("good", [GOOD] * 6, None),
    ("bad, but not for long enough", [BAD, BAD, GOOD, BAD, BAD, GOOD], None),
    ("good, then bad", [GOOD, GOOD, BAD, BAD, BAD, BAD], 5),
    ("bad, then nothing at all any more", [GOOD, BAD, SILENT, SILENT, SILENT], 4),
    ("nothing at all, from the start", [SILENT] * 6, None),
    ("bad, but nobody is there", [BAD | {"users": 0}] * 6, None),
]


@pytest.mark.parametrize(("told", "expected"), [row[1:] for row in SECONDS], ids=[row[0] for row in SECONDS])
def test_a_rule_must_be_met_for_as_long_as_it_says(told, expected):
    """Three seconds below half; silence goes on with what was there before."""
    seconds = [second(place, **one) for place, one in enumerate(told, start=1)]

    assert met_at("success_rate < 50% for 3s", seconds) == expected


def test_every_metric_of_a_second_can_be_bounded():
    """Latency of ok calls, and throughput, which is known also when nothing is answered."""
    slow = [second(place, ok=30, p95_ms=900.0) for place in (1, 2, 3)]

    assert met_at("p95 > 500ms for 2s", slow) == 2
    assert met_at("p50 > 1s for 1s", slow) is None
    assert met_at("throughput < 40/s for 2s", slow) == 2
    assert met_at("throughput < 1/s for 2s", [second(place) for place in (1, 2)]) == 2


def test_what_was_met_is_written_down():
    """The rule as it was written, since when, and what the last second showed."""
    guard = AbortRules([parse_abort("p95 < 1ms for 9s"), parse_abort("success_rate  <  50% for 1s")])

    met = guard.look(second(8.0, ok=1, failed=3))

    said = {"rule": "success_rate < 50% for 1s", "since_s": 7.0, "observed": 0.25}
    assert data_of(met.event(0)) == said
