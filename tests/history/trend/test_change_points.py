"""Change points: against a reference implementation, a planted change that is found, and none where there is none."""

import json
from pathlib import Path

import numpy as np
import pytest

from harness.history.trend.change_points import change_points, energy

# Of signal-processing-algorithms 2.1.6 (MongoDB's E-divisive): t-statistics of every split, and its change points at 1 %.
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "energy.json").read_text())


def nights(
    seed: int, *, noise: float = 0.01, step: float = 0.0, at: int = 60, count: int = 120
) -> np.ndarray:
    """The p95 of so many nights, slower by a step from one of them on."""
    random = np.random.default_rng(seed)
    found: np.ndarray = (
        40 * np.exp(random.normal(0, noise, count)) * np.where(np.arange(count) >= at, 1 + step, 1)
    )
    return found


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: str(case["points"]))
def test_energies_and_change_points_are_those_of_a_reference_implementation(
    case: dict[str, list[float]],
) -> None:
    """To the sixth digit, to which they were kept."""
    assert energy(np.array(case["values"])) == pytest.approx(np.array(case["q"]), abs=1e-6)
    assert [one.at for one in change_points(case["values"], gate=0.0)] == case["points"]


@pytest.mark.parametrize("seed", range(3))
def test_a_change_of_five_percent_is_found_within_three_nights_and_nothing_else(seed: int) -> None:
    """At night 60 of 120: three nights after it, and at the end; there is no other alarm."""
    series = nights(seed, step=0.05)

    for known in (series[:63], series):
        (found,) = change_points(known)
        assert abs(found.at - 60) <= 1
        assert found.change == pytest.approx(0.05, abs=0.02)
        assert found.p <= 0.003


@pytest.mark.parametrize("seed", range(10))
def test_nights_that_are_alike_have_no_change_point(seed: int) -> None:
    """Whatever their noise, and also without a gate most of the time (see the calibration of the docs)."""
    assert change_points(nights(seed, noise=0.02)) == ()


def test_two_changes_are_found_in_order_with_the_levels_around_them() -> None:
    """Up, and back."""
    series = nights(5, step=0.3, at=40)
    series[80:] /= 1.3
    found = change_points(series)

    assert [one.at for one in found] == [40, 80]
    assert [round(one.change, 1) for one in found] == [0.3, -0.2]


@pytest.mark.parametrize("values", [[], [5.0], [5.0] * 20, [0.0] * 20, [1.0, 2.0] * 3])
def test_a_short_or_even_series_has_no_change_point(values: list[float]) -> None:
    """Eight values at least, and two that differ."""
    assert change_points(values) == ()


def test_the_same_series_always_has_the_same_change_points() -> None:
    """Its shuffles are seeded."""
    series = nights(1, step=0.05, noise=0.02)

    assert change_points(series) == change_points(list(series))
