"""What canaries decide, against links and servers whose behaviour is known."""

import random
from collections.abc import Callable

import pytest

from harness.faults.canary.decision import (
    LinkDelay,
    added,
    answered,
    ended,
    interval,
    knocked_as,
    knocked_clean,
    knocked_slower,
    lost,
    slower_by,
    without_effect,
)
from harness.faults.canary.evidence import PAIRS_MOST, Canary, CanaryDecision, CanaryPair, End, Far, Knock

NOISES: dict[str, Callable[[random.Random], float]] = {
    "fast": lambda rng: rng.expovariate(1 / 2.0),
    "a queue of five, 220 ms each": lambda rng: 220.0 * rng.randrange(6),
    "anything up to a second": lambda rng: rng.uniform(0.0, 1000.0),
    "mostly fast, now and then a second": lambda rng: 1000.0 if rng.random() < 0.2 else 1.0,
}


def replied(ms: float, held_ms: float | None = None) -> Canary:
    return Canary("replied", ms, accepted=True, held_ms=held_ms)


def waits(ms: float = 1000.0, far: Far | None = None) -> Canary:
    return Canary("silent", ms, accepted=True, far=far)


def drawn(rng: random.Random, noise: Callable[[random.Random], float], adds_ms: float) -> CanaryPair:
    return CanaryPair(through=replied(1.0 + adds_ms + noise(rng)), beside=replied(1.0 + noise(rng)))


def decided(
    rng: random.Random, noise: str, adds_ms: float, judge: Callable[[list[CanaryPair]], CanaryDecision]
) -> str:
    """As they are taken: looked at after each pair, to the bound."""
    pairs: list[CanaryPair] = []
    while len(pairs) < PAIRS_MOST:
        pairs.append(drawn(rng, NOISES[noise], adds_ms))
        if len(pairs) >= 3 and (word := judge(pairs).word) != "unknown":
            return word
    return "unknown"


@pytest.mark.parametrize("noise", NOISES)
def test_noise_of_the_server_is_never_taken_for_the_link(noise: str) -> None:
    """A link that adds nothing: in 200 looks at most one says otherwise; on a fast server each says that it adds nothing."""
    rng = random.Random(7)
    words = [decided(rng, noise, 0.0, without_effect) for _ in range(200)]

    assert words.count("not shown") <= 1
    if noise == "fast":
        assert words.count("shown") == 200


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("adds_ms", [0.0, 100.0])
def test_a_latency_that_is_not_there_or_is_another_is_never_verified(noise: str, adds_ms: float) -> None:
    """200 ms were asked for."""
    rng = random.Random(11)
    words = [decided(rng, noise, adds_ms, lambda pairs: slower_by(pairs, 200.0)) for _ in range(200)]

    assert words.count("shown") <= 1


def test_on_a_fast_server_a_latency_is_verified_by_pairs_alone() -> None:
    rng = random.Random(13)
    words = [decided(rng, "fast", 200.0, lambda pairs: slower_by(pairs, 200.0)) for _ in range(100)]

    assert words == ["shown"] * 100


def test_what_the_kernel_saw_counts_and_not_the_server_s_time() -> None:
    """Answers between one and five seconds, and a link that held each for 203 ms."""
    pairs = [
        CanaryPair(through=replied(ms, 203.0), beside=replied(6000.0 - ms)) for ms in (1200.0, 3000.0, 4800.0)
    ]

    assert added(pairs) == LinkDelay(203.0, (203.0, 203.0), (203.0, 203.0), held=True)
    assert slower_by(pairs, 200.0).word == "shown"
    assert without_effect(pairs).why == "the link adds 203.0 ms where nothing should be added"


def test_one_canary_that_was_held_for_a_moment_proves_nothing() -> None:
    """A machine may freeze; that three of three were is the link."""
    one = CanaryPair(through=replied(5000.0, 60.0), beside=replied(4000.0))

    assert without_effect([one]).word == "unknown"
    assert without_effect([one] * 3).word == "not shown"


@pytest.mark.parametrize("n", [3, 5, 6, 11, 25, 100])
def test_the_interval_of_the_median_holds_it_as_often_as_it_says(n: int) -> None:
    """Uniform, skewed or in steps; below six pairs it is the widest there is."""
    rng = random.Random(n)
    for draw in (rng.random, lambda: rng.expovariate(1.0) / 1.386, lambda: float(rng.randrange(2))):
        inside = 0
        for _ in range(1000):
            low, high = interval([draw() for _ in range(n)])
            inside += low <= 0.5 <= high
        assert inside >= 1000 * min(0.95, 1 - 2 * 0.5**n) - 25


@pytest.mark.parametrize(
    ("through", "beside", "word"),
    [
        (waits(), waits(), "unknown"),
        (waits(), replied(900.0), "unknown"),
        (waits(far=Far(100, 50, 1, 900.0)), replied(1.0), "not shown"),  # the answer is stuck in the link
        (waits(), Canary("refused", 0.1), "target"),
        (Canary("reset", 1.0), replied(1.0), "not shown"),
        (Canary("reset", 1.0), waits(), "not shown"),
        (replied(1.0), replied(1.0), "shown"),
    ],
)
def test_a_server_that_is_busy_is_neither_a_broken_link_nor_a_broken_server(
    through: Canary, beside: Canary, word: str
) -> None:
    assert answered([CanaryPair(through, beside)] * 3).word == word


@pytest.mark.parametrize(
    ("through", "beside", "word"),
    [
        ("reset", "replied", "shown"),
        ("reset", "waits", "shown"),
        ("replied", "replied", "not shown"),
        ("closed", "replied", "not shown"),
        ("waits", "waits", "unknown"),
        ("waits", "soon", "not shown"),
        ("reset", "reset", "target"),
    ],
)
def test_how_canaries_ended_is_certain_and_silence_only_where_the_server_answers(
    through: str, beside: str, word: str
) -> None:
    made = {"replied": replied(900.0), "soon": replied(1.0), "waits": waits()}
    one, other = (made.get(each) or Canary(_end(each), 1.0) for each in (through, beside))

    assert ended([CanaryPair(one, other)] * 3, "reset").word == word


@pytest.mark.parametrize(
    ("through", "beside", "word"),
    [
        (waits(), replied(1.0), "shown"),  # it would have come in that time
        (waits(), replied(900.0), "unknown"),
        (waits(), waits(), "unknown"),
        (waits(far=Far(0, 0, 0, None)), waits(), "shown"),  # the request never went on
        (waits(far=Far(100, 0, 0, None)), waits(), "unknown"),  # it did, and the server is busy
        (waits(far=Far(100, 50, 1, 800.0)), waits(), "shown"),  # the answer has not come on
        (replied(1.0), replied(1.0), "not shown"),
    ],
)
def test_silence_of_the_link_is_told_from_that_of_the_server(
    through: Canary, beside: Canary, word: str
) -> None:
    assert lost([CanaryPair(through, beside)] * 3).word == word


def test_knocks_show_what_the_link_does_by_itself() -> None:
    quick, slow, reset, early = (
        Knock("closed", 0.5),
        Knock("closed", 204.0),
        Knock("reset", 0.5),
        Knock("closed", 0.0, True),
    )

    assert knocked_clean([slow, quick, slow]).word == "shown"  # a machine may be slow, a link not fast
    assert knocked_clean([slow] * 3).word == "unknown"
    assert knocked_clean([reset] * 3).word == "not shown"
    assert knocked_clean([early] * 3).word == "target"
    assert knocked_slower([slow] * 3, 200.0).word == "shown"
    assert knocked_slower([quick] * 3, 200.0).word == "not shown"
    assert knocked_as([reset] * 3, "reset").word == "shown"
    assert knocked_as([reset, quick, reset], "reset").word == "not shown"
    assert knocked_as([], "reset").word == "unknown"


def _end(word: str) -> End:
    return "reset" if word == "reset" else "closed"
