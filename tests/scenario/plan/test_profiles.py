"""Profiles as levels: tables."""

import pytest

from harness.scenario.plan.build import build
from harness.scenario.plan.describe import describe, one_line
from harness.scenario.plan.plan import LoadStep
from harness.scenario.read import scenario_of


def steps_of(load: dict[str, object], **more: object) -> tuple[LoadStep, ...]:
    return build(scenario_of({"name": "n", "load": [load]} | more, "x")).steps


def level(step: LoadStep) -> tuple[object, float, float, float]:
    size = step.users if step.arrivals is None else f"{step.arrivals.rate_per_s:g}/s"
    return size, step.starts_s, step.hold_s, step.settle_s


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ({"sustain": {"users": 3, "for": "60s"}}, [(3, 0, 60, 2)]),
        ({"rate": {"rate": "500/s", "for": "5s"}}, [("500/s", 0, 5, 1)]),
        ({"sessions": {"rate": "30/m", "calls": 20, "for": "1m"}}, [("0.5/s", 0, 60, 2)]),
        ({"ramp": {"to": "100/s", "step": "40/s", "hold": "5s"}}, [("40/s", 0, 5, 1), ("80/s", 5, 5, 1), ("100/s", 10, 5, 1)]),
        ({"ramp": {"to": "20/s", "step": "50/s", "hold": "5s"}}, [("20/s", 0, 5, 1)]),
        ({"steps": {"levels": [5, 50, 20], "hold": "10s", "rest": "5s"}}, [(5, 0, 10, 2), (50, 15, 10, 2), (20, 30, 10, 2)]),
        ({"steps": {"levels": ["5/s", "50/s"], "hold": "10s"}}, [("5/s", 0, 10, 2), ("50/s", 10, 10, 2)]),
        # A spike has no time to settle: how the change is taken is what is asked.
        ({"spike": {"base": 10, "peak": 100}}, [(10, 0, 30, 2), (100, 30, 10, 0), (10, 40, 30, 0)]),
        ({"spike": {"base": "1/s", "peak": "9/s", "before": "5s", "hold": "1s", "after": "2s"}}, [("1/s", 0, 5, 1), ("9/s", 5, 1, 0), ("1/s", 6, 2, 0)]),
        ({"soak": {"level": 20, "for": "1h", "parts": 3}}, [(20, 0, 1200, 2), (20, 1200, 1200, 0), (20, 2400, 1200, 0)]),
        ({"bench": {"requests": 50, "users": 10}}, [(10, 0, 0, 0)]),
    ],
)  # fmt: skip
def test_every_profile_is_levels_one_after_the_other(load: dict[str, object], expected: list[object]) -> None:
    """Size, start, hold, settling time."""
    assert [level(step) for step in steps_of(load)] == expected


def test_a_ramp_of_a_rate_has_ten_steps_unless_it_is_told_otherwise() -> None:
    """As many as fit, and the maximum last."""
    assert [step.rate_per_s for step in steps_of({"ramp": {"to": "500/s"}})] == [
        50.0 * n for n in range(1, 11)
    ]


def test_open_load_carries_how_its_calls_arrive() -> None:
    """What was not said has the documented default."""
    (plain,) = steps_of({"rate": {"rate": "5/s", "for": "9s"}})
    (told,) = steps_of(
        {
            "sessions": {
                "rate": "5/s",
                "calls": 4,
                "for": "9s",
                "arrivals": "poisson",
                "max_users": 7,
                "queue": 0,
            }
        }
    )
    assert plain.arrivals is not None
    assert told.arrivals is not None

    assert (plain.arrivals.kind, plain.arrivals.max_users, plain.arrivals.queue, plain.arrivals.calls) == (
        "constant", 1000, 1000, None,
    )  # fmt: skip
    assert (told.arrivals.kind, told.arrivals.max_users, told.arrivals.queue, told.arrivals.calls) == (
        "poisson", 7, 0, 4,
    )  # fmt: skip


def test_a_step_by_count_has_so_many_calls_for_each_user() -> None:
    """And an interval is kept for what is held by time."""
    counted = steps_of({"ramp": {"to": 10, "requests_per_user": 10}})

    assert [step.requests for step in counted] == [50, 100]
    assert steps_of({"sustain": {"users": 1, "for": "30s", "interval": "5s"}})[0].interval_s == 5


def test_a_warm_up_comes_first_and_moves_everything_behind_it() -> None:
    """It is the load of the first step, and none of the steps."""
    plan = build(
        scenario_of({"name": "n", "warm_up": "10s", "load": [{"bench": {"requests": 5, "users": 2}}]}, "x")
    )
    assert plan.warm_up is not None

    assert (plan.warm_up.users, plan.warm_up.hold_s, plan.warm_up.requests) == (2, 10, None)
    assert [step.starts_s for step in plan.steps] == [10]


def test_open_load_and_faults_that_are_too_tight_are_told_by_the_plan() -> None:
    """What `harness plan` shows of rates, pools, bounds, and of what cannot be measured."""
    scenario = scenario_of(
        {
            "name": "n",
            "warm_up": "5s",
            "load": [
                {"name": "climb", "ramp": {"to": "20/s", "step": "10/s", "break_unless": ["p95 < 250ms"]}},
                {
                    "name": "visits",
                    "sessions": {"rate": "2/s", "calls": 5, "for": "20s", "arrivals": "poisson"},
                },
                {"name": "quick", "bench": {"requests": 50, "users": 10}},
            ],
            "faults": [{"fault": "noop", "at": "visits+5s", "for": "13s"}],
        },
        "x",
    )

    assert describe(build(scenario)) == (
        "n: 4 steps, 45s, seed 0\n"
        "\n"
        "   0s  warm-up for 5s              10/s  ############\n"
        "   5s  climb for 10s               10/s  ############\n"
        "  15s  climb for 10s               20/s  ########################\n"
        "  25s  visits for 20s      2 sessions/s  ##\n"
        "  30s  ! noop for 13s       client link  noop\n"
        "  45s  quick for 50 calls      10 users  ########################\n"
        "\n"
        "A ramp ends at the first level below 95% success, or that fails p95 < 250ms.\n"
        "\n"
        "Arrivals are at random (Poisson), for up to 1,000 sessions; 1,000 may wait for a free one, further arrivals"
        " are not sent.\n"
        "Arrivals are evenly spaced, for up to 1,000 sessions; 1,000 may wait for a free one, further arrivals"
        " are not sent.\n"
        "\n"
        "Users pause between calls (--no-think: they do not).\n"
        "\n"
        "A run writes about 8.3 MB.\n"
        "\n"
        "Warning: The fault noop begins 5s after its load step: to measure recovery, 8s of load are needed before"
        " a fault (at=8s).\n"
        "\n"
        "Warning: The fault noop ends 2s before its load step: to measure recovery, 3s of load are needed after a fault"
        " (hold the load for 1s longer)."
    )
    assert one_line(build(scenario)) == "n: 4 steps, up to 10 users, up to 20/s, about 45s"
