"""The decision held against series whose truth is known: leaks are found, what is flat is not called a leak."""

import random

import pytest

from tests.soak import flat, table
from tests.soak.flat import FLAT, GROWS, OPEN

HOUR = [float(s) for s in range(0, 3600, 2)]
MINUTE = [float(s) for s in range(0, 60, 2)]
Seed = range(20)


def noise(seed: int, sigma: float, memory: float = 0.0) -> list[float]:
    """Of neighbours that are alike (AR 1), or of none that are."""
    draw, value, values = random.Random(seed), 0.0, []
    for _ in HOUR:
        value = memory * value + draw.gauss(0, sigma)
        values.append(value)
    return values


def warming(seed: int) -> list[float]:
    return [100 - 20 * 2.7 ** -(t / 120) + e for t, e in zip(HOUR, noise(seed, 0.5), strict=True)]


def sawtooth(seed: int) -> list[float]:
    return [100 + (t % 30) / 3 + e for t, e in zip(HOUR, noise(seed, 1), strict=True)]


def jumping(seed: int) -> list[float]:
    """Large bodies come and go: half as much again, for moments."""
    draw = random.Random(seed)
    return [150.0 if draw.random() < 0.1 else 100.0 + draw.random() for _ in HOUR]


def alike(seed: int) -> list[float]:
    return [100 + e for e in noise(seed, 0.3, memory=0.98)]


FLAT_ONES = {"noise": lambda s: [100 + e for e in noise(s, 2)], "warming": warming, "sawtooth": sawtooth}
FLAT_ONES |= {"jumping": jumping, "alike": alike, "constant": lambda _: [100.0] * len(HOUR)}


@pytest.mark.parametrize("name", FLAT_ONES)
def test_what_is_flat_never_grows_and_is_mostly_said_to_be_flat(name: str) -> None:
    """Twenty of each kind."""
    words = [flat.judge(HOUR, FLAT_ONES[name](seed), 4.0, 0.05).word for seed in Seed]

    assert GROWS not in words
    assert words.count(FLAT) >= 17


@pytest.mark.parametrize("name", FLAT_ONES)
def test_a_leak_of_a_fifth_in_an_hour_is_found_under_all_of_them(name: str) -> None:
    """Twenty of each kind, none is called flat; also one that comes in leaps."""
    for leak in (lambda t: 20 * t / 3600, lambda t: 4.0 * (t // 600)):
        for seed in Seed:
            values = [value + leak(t) for t, value in zip(HOUR, FLAT_ONES[name](seed), strict=True)]
            assert flat.judge(HOUR, values, 4.0, 0.05).word != FLAT
    steady = [100 + 20 * t / 3600 + e for t, e in zip(HOUR, noise(1, 2), strict=True)]
    assert flat.judge(HOUR, steady, 4.0, 0.05).word == GROWS


def test_what_shrinks_does_not_grow() -> None:
    """Memory that is given back."""
    assert flat.judge(HOUR, [100 - t / 60 for t in HOUR], 4.0, 0.05).word == FLAT


def test_too_little_is_open() -> None:
    """Neither a leak nor its absence."""
    assert flat.judge([], [], 4.0, 0.05).word == OPEN
    assert flat.judge(MINUTE[:7], [1.0] * 7, 4.0, 0.05).word == OPEN


@pytest.mark.parametrize(("a_call", "later", "code"), [(300, 300, 0), (300, 600, 1)])
def test_disk_is_judged_by_the_call(a_call: int, later: int, code: int) -> None:
    """It grows with the calls by design; a call that takes more and more does not."""
    calls = [100 * number for number in range(len(HOUR))]
    disk = [0.0]
    for t, before, now in zip(HOUR[1:], calls, calls[1:], strict=False):
        disk.append(disk[-1] + (now - before) * (a_call + (later - a_call) * t / 3600))
    rows = table.rows({("run directory", "disk"): (HOUR, disk)}, {"run directory": calls})

    assert table.exit_code(rows) == code
    assert [row.what for row in rows] == ["bytes a call"]
    assert "run directory" in table.text(rows)
