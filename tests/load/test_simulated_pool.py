"""Open load against theory: queues and stalls whose percentiles are known. No network, no time."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.load.simulated_pool import Done, Lanes, SimulatedPool
from harness.scenario.plan.plan import Arrivals

SECOND = 1_000_000_000
MS = 1_000_000


def played(
    arrivals: Arrivals, lanes: Lanes, for_s: float, seed: str = "1"
) -> tuple[SimulatedPool, list[Done]]:
    """Everything that arrived in that time, done."""
    ends_ns = int(for_s * SECOND)
    sim = SimulatedPool(arrivals, lanes, 0, ends_ns, seed)
    calls = sim.play(ends_ns - 1) + sim.finish(ends_ns - 1)
    return sim, calls


def response_ms(calls: list[Done]) -> np.ndarray:
    return np.array([one.done_ns - one.intended_ns for one in calls]) / MS


def test_the_last_arrivals_of_a_run_end_with_their_step() -> None:
    """However long it is played; otherwise they go on."""
    asked = Arrivals(rate_per_s=100)
    last = SimulatedPool(asked, Lanes(10, lambda: MS), 0, 5 * SECOND, "1", last=True)
    between = SimulatedPool(asked, Lanes(10, lambda: MS), 0, 5 * SECOND, "1")

    assert [len(pool.play(6 * SECOND) + pool.finish(6 * SECOND)) for pool in (last, between)] == [500, 601]


@pytest.mark.parametrize("load", [0.5, pytest.param(0.7, marks=pytest.mark.thorough)])
def test_poisson_arrivals_at_one_server_have_the_quantiles_of_the_m_m_1_queue(load: float) -> None:
    """Response times are exponential with mean 1 / (mu - lambda), within 5 %."""
    mu = 500.0
    rng = np.random.default_rng(5)
    lanes = Lanes(1, lambda: int(rng.exponential(SECOND / mu)))
    sim, calls = played(Arrivals(rate_per_s=mu * load, kind="poisson", max_users=10_000), lanes, for_s=600)
    mean_ms = 1000 / (mu * (1 - load))

    assert sim.not_sent == []
    for quantile in (0.5, 0.9, 0.95, 0.99):
        theory_ms = -math.log(1 - quantile) * mean_ms
        assert np.quantile(response_ms(calls), quantile) == pytest.approx(theory_ms, rel=0.05)


@pytest.mark.parametrize(("max_users", "queue"), [(1000, 0), (250, 1000)])
def test_a_stall_of_a_second_shows_in_the_percentiles_as_theory_says(max_users: int, queue: int) -> None:
    """500/s for 20 s, 1 s of it stalled: a twentieth of the calls wait for what is left of the second.

    Whether they wait in sessions of their own or in the queue: the intended start stands.
    """
    lanes = Lanes(1000, lambda: 2 * MS, stalls=((5 * SECOND, 6 * SECOND),))
    arrivals = Arrivals(rate_per_s=500, max_users=max_users, queue=queue)
    sim, calls = played(arrivals, lanes, for_s=20)
    waits = response_ms(calls)

    assert (len(calls), sim.not_sent) == (10_000, [])
    # Of n calls the slowest s = 500 wait evenly from 1000 ms down to 0: the q-quantile leaves n (1 - q) above it.
    for quantile in (0.96, 0.99, 0.999):
        theory_ms = 1000 * (1 - 20 * (1 - quantile))
        assert np.quantile(waits, quantile) == pytest.approx(theory_ms, rel=0.05)
    assert np.quantile(waits, 0.9) == pytest.approx(2, rel=0.05)


def test_counting_from_when_a_call_was_sent_would_hide_the_queue() -> None:
    """The same stall with few sessions: service time sees fifty slow calls, response time five hundred."""
    lanes = Lanes(1000, lambda: 2 * MS, stalls=((5 * SECOND, 6 * SECOND),))
    _, calls = played(Arrivals(rate_per_s=500, max_users=50, queue=1000), lanes, for_s=20)
    service_ms = np.array([one.done_ns - one.sent_ns for one in calls]) / MS

    assert np.count_nonzero(service_ms > 100) == 50
    assert np.count_nonzero(response_ms(calls) > 100) > 400


def test_arrivals_beyond_the_queue_are_not_sent_and_the_others_are_served_in_order() -> None:
    """A server of 10 calls a second at 20/s, ten seconds: half of them go nowhere."""
    lanes = Lanes(1, lambda: 100 * MS)
    sim, calls = played(Arrivals(rate_per_s=20, max_users=1, queue=5), lanes, for_s=10)

    assert len(calls) + len(sim.not_sent) == sim.arrived == 200
    assert len(sim.not_sent) == pytest.approx(100, abs=8)
    assert [one.intended_ns for one in calls] == sorted(one.intended_ns for one in calls)
    assert response_ms(calls).max() <= 700


@settings(max_examples=60)
@given(
    rate=st.floats(1, 400),
    kind=st.sampled_from(["constant", "poisson"]),
    most=st.integers(1, 20),
    queue=st.integers(0, 20),
    lanes=st.integers(1, 20),
    service_ms=st.integers(1, 400),
)
def test_every_arrival_becomes_a_call_or_is_not_sent(
    rate: float, kind: str, most: int, queue: int, lanes: int, service_ms: int
) -> None:
    """For any load and server: none lost, none twice, none before its time, never more at once than sessions."""
    arrivals = Arrivals(rate_per_s=rate, kind=kind, max_users=most, queue=queue)  # type: ignore[arg-type]
    sim, calls = played(arrivals, Lanes(lanes, lambda: service_ms * MS), for_s=2)
    accounted = [one.intended_ns for one in calls] + sim.not_sent

    assert len(set(accounted)) == len(accounted) == sim.arrived
    assert all(one.intended_ns <= one.sent_ns < one.done_ns for one in calls)
    edges = sorted([(one.sent_ns, 1) for one in calls] + [(one.done_ns, -1) for one in calls])
    assert max(np.cumsum([change for _, change in edges]), default=0) <= most
