"""Growth over sessions, on simulated servers whose leak is known: none, 10 KB and 100 KB a session."""

import math
import random

import pytest

from harness.conduct.capacity.growth import Growth, Reading, growth

RATE, SECONDS, LOOK_S, PAGE = 20, 120, 0.5, 4096


def flat(at_s: float, chance: random.Random) -> float:
    return 0.0


def shaking(at_s: float, chance: random.Random) -> float:
    return chance.gauss(0, 200_000)


def tidied_up(at_s: float, chance: random.Random) -> float:
    """Garbage that is collected every seven seconds."""
    return at_s % 7 / 7 * 4e6


def in_lumps(at_s: float, chance: random.Random) -> float:
    """An allocator that takes a megabyte three times."""
    return 1e6 * sum(at_s > when for when in (23, 61, 97))


def filling(at_s: float, chance: random.Random) -> float:
    """A cache that is full after two minutes."""
    return 12e6 * (1 - math.exp(-at_s / 40))


SERVERS = [flat, shaking, tidied_up, in_lumps, filling]


def readings(kind, leak: float, seed: int = 0) -> list[Reading]:
    chance = random.Random(seed)
    series = []
    for number in range(round(SECONDS / LOOK_S)):
        at_s = number * LOOK_S
        sessions = round(at_s * RATE)
        warm_up = 8e6 * (1 - math.exp(-at_s / 8))
        value = 60e6 + warm_up + leak * sessions + kind(at_s, chance)
        series.append(Reading(at_s, sessions, round(value / PAGE) * PAGE))
    return series


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_keeps_nothing_is_never_said_to_leak(kind) -> None:
    found = [growth(readings(kind, 0, seed)) for seed in range(20 if kind is shaking else 1)]

    assert {one.word for one in found} <= {"none_above", "undecided"}
    assert all(one.high > 0 or one.word == "undecided" for one in found)


@pytest.mark.parametrize("kind", [flat, shaking, tidied_up, filling])
@pytest.mark.parametrize("leak", [10_000, 100_000])
def test_a_leak_is_found_and_its_size_lies_in_the_interval(kind, leak: int) -> None:
    found = growth(readings(kind, leak))

    assert found.word == "leaks"
    assert found.low <= leak <= found.high
    assert found.per_session == pytest.approx(leak, rel=0.1)


def test_what_cannot_be_there_is_above_what_is() -> None:
    """A leak too small to be told from noise is not denied either."""
    found = growth(readings(shaking, 300))

    assert found.word != "leaks" or found.low <= 300 <= found.high
    assert found.high > 300


def test_a_growth_in_a_few_steps_is_undecided_or_within_what_is_possible() -> None:
    found = growth(readings(in_lumps, 0))

    assert found.word in {"undecided", "none_above"}
    assert found.high > 3e6 / (RATE * SECONDS)


def test_descriptors_that_are_lost_one_in_ten_sessions() -> None:
    series = [Reading(number * LOOK_S, number * 10, 12.0 + number) for number in range(100)]

    found = growth(series)

    assert found.word == "leaks"
    assert found.per_session == pytest.approx(0.1)


@pytest.mark.parametrize("series", [[], readings(flat, 0)[:10], [Reading(at, 0, 1.0) for at in range(99)]])
def test_too_few_readings_say_nothing(series: list[Reading]) -> None:
    assert growth(series) == Growth("too_few", 0.0, 0.0, 0.0, 0, 0)
