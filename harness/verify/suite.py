"""A verification from its settings to its result: vets the address, waits until somebody answers, runs the checks, sums up."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.client.preflight import NOT_THERE
from harness.foundation.clock import Clock
from harness.foundation.units import MS_PER_S, NS_PER_S
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, HandshakeSession
from harness.verify.finding import Result
from harness.verify.results.suite import SuiteResult
from harness.verify.running import Recorder, run
from harness.verify.settings import Settings
from harness.verify.simulation import WRITES
from harness.verify.target import CLOCK, Target, opened, started

COMING_UP: Final = frozenset({502, 503, 504})  # a proxy, before what stands behind it
FIRST_S, APART_MOST_S = 0.25, 2.0


def verify(
    settings: Settings, paths: Sequence[str], on_result: Callable[[Result], None], *, wait_s: float = 0.0
) -> SuiteResult:
    """All of it; an address that may not be gone to is an error before anything is sent."""
    with opened(settings) as target:
        if wait_s:
            target.run(until_up(target, wait_s, CLOCK))
        return checked(target, paths, on_result)


def simulate(
    settings: Settings,
    paths: Sequence[str],
    on_result: Callable[[Result], None],
    place: Path,
    options: Sequence[str],
    tell: Callable[[str], None],
) -> SuiteResult:
    """The same of a server of our own, which is deployed in the middle of it; `options` are those of `harness serve`."""
    with started(replace(settings, spec=WRITES, allow_writes=True), place, options, tell) as target:
        return checked(target, paths, on_result)


def checked(target: Target, paths: Sequence[str], on_result: Callable[[Result], None]) -> SuiteResult:
    """Run the checks, and sum up."""
    began_ns, began = CLOCK.now_ns(), CLOCK.utc()
    recorder = Recorder(on_result, target)
    run(target.settings, paths, recorder)
    return SuiteResult(
        target=target.shown,
        server=target.introduction(),
        results=tuple(recorder.results),
        exit_code=recorder.exit_code(),
        started_ms=int(began.timestamp() * MS_PER_S),
        duration_s=(CLOCK.now_ns() - began_ns) / NS_PER_S,
        interrupted=recorder.interrupted,
    )


async def until_up(target: Target, within_s: float, clock: Clock) -> bool:
    """Whether it answers, as a server that is there does, before the time is over; the checks then say what is wrong."""
    ends_ns, wait_s = clock.now_ns() + int(within_s * NS_PER_S), FIRST_S
    while True:
        reply = await target.attempt(next(HandshakeSession(HANDSHAKE_VERSIONS[0]).opening()))
        if reply.status not in COMING_UP and (reply.outcome not in NOT_THERE or reply.status is not None):
            return True
        left_s = (ends_ns - clock.now_ns()) / NS_PER_S
        if left_s <= 0:
            return False
        await clock.sleep(min(wait_s, left_s))
        wait_s = min(2 * wait_s, APART_MOST_S)
