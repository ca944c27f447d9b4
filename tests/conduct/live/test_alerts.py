"""Alerts second by second: when an objective is said to break, and to hold again."""

from math import inf
from typing import Any

import pytest
from msgspec.structs import replace

from harness.conduct.live.alerts import Alerts
from harness.conduct.live.last_rows import Recent
from harness.conduct.live.last_second import LastSecond
from harness.conduct.live.live_json import LiveSnapshot
from harness.scenario.objectives import parse

GOOD = Recent(success_rate=1.0, throughput=100.0, failed=0, p50=5.0, p90=8.0, p95=10.0, p99=20.0)
SLOW = replace(GOOD, p95=900.0)


def told(
    objective: str, seconds: list[tuple[dict[str, Any], str | None, tuple[str, ...]]]
) -> list[tuple[int, bool]]:
    """The seconds at which something was said, and whether it was bad."""
    alerts = Alerts([parse(objective)])
    return [
        (at, alert.broken)
        for at, (recent, step, faults) in enumerate(seconds, start=1)
        for alert in alerts.look(
            LiveSnapshot(LastSecond(at, 1.0, 5, 1, 0, None, None, ""), "x", step, faults), recent
        )
    ]


STEADY = ("steady", ())
SLOW_LINK = ("steady", ("slow",))


@pytest.mark.parametrize(
    ("objective", "seconds", "expected"),
    [
        ("p95 < 1s", [(SLOW, *STEADY)] * 20, []),
        ("p95 < 500ms", [(SLOW, *STEADY)] * 20, [(10, True)]),
        ("p95 < 500ms", [(SLOW, *STEADY)] * 12 + [(GOOD, *STEADY)] * 5, [(10, True), (13, False)]),
        ("p95 < 500ms", [(SLOW, *SLOW_LINK)] * 20 + [(SLOW, *STEADY)] * 9, []),
        ("p95 < 500ms", [(SLOW, None, ())] * 20, []),
        ("p95 < 500ms overall", [(SLOW, *SLOW_LINK)] * 20, [(10, True)]),
        ("p95 < 500ms during slow", [(SLOW, *STEADY)] * 20 + [(SLOW, *SLOW_LINK)] * 10, [(30, True)]),
        ("p95 < 500ms in steady", [(SLOW, "climb", ())] * 20 + [(SLOW, *SLOW_LINK)] * 10, [(30, True)]),
        ("p95 < 500ms after slow", [(SLOW, *STEADY)] * 20, []),
        ("p95 < 500ms for initialize", [(SLOW, *STEADY)] * 20, []),
        ("max < 1ms", [(SLOW, *STEADY)] * 20, []),
        ("throughput > 1/s", [(None, *STEADY)] * 20, [(10, True)]),
        ("success_rate > 99%", [(None, *STEADY)] * 20, []),
    ],
)
def test_an_objective_is_asked_while_the_last_ten_seconds_are_in_its_scope(
    objective: str, seconds: list[Any], expected: list[tuple[int, bool]]
) -> None:
    """It is said once when it breaks, and once when it holds again."""
    assert told(objective, seconds) == expected


def test_an_alert_names_what_was_seen_and_where() -> None:
    """In words, and as data that JSON can carry."""
    alerts = Alerts([parse("p95 < 500ms overall")])
    shown = LiveSnapshot(
        LastSecond(60.0, 20.0, 5, 0, 9, None, None, "reset"), "steady step 7", "steady", ("cut",)
    )

    (alert,) = alerts.look(shown, replace(GOOD, p95=inf))

    assert alert.text == (
        "p95 < 500ms overall does not hold: infinite over the last 10 s (steady step 7  ! cut)"
    )
    assert alert.event(0).observed is None
