"""A verification from its settings to its result: vets the address, waits until somebody answers, runs the checks, sums up."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.foundation.units import MS_PER_S, NS_PER_S
from harness.verify.finding import Result
from harness.verify.opening import opened, started
from harness.verify.results.suite import SuiteResult
from harness.verify.running import Recorder, run
from harness.verify.settings import Settings
from harness.verify.simulation import Simulated
from harness.verify.startup import until_up
from harness.verify.target import CLOCK, Target

P2: Final = 2
NAME_CHARS: Final = 120


def verify(
    settings: Settings,
    paths: Sequence[str],
    on_result: Callable[[Result], None],
    *,
    wait_s: float = 0.0,
    place: Callable[[], Path] | None = None,
) -> SuiteResult:
    """All of it; an address that may not be gone to is an error before anything is sent, and before `place` makes a directory."""

    def ready(target: Target) -> None:
        if wait_s and not target.is_stdio:
            target.run_unauthorized(until_up(target, wait_s, CLOCK))
        target.authorize()

    with opened(settings, place, ready) as target:
        return checked(target, paths, on_result)


def simulate(
    settings: Settings,
    paths: Sequence[str],
    on_result: Callable[[Result], None],
    place: Path,
    asked: Simulated,
    tell: Callable[[str], None],
) -> SuiteResult:
    """The same of a server that is started for it, and deployed in the middle of it; commands of a user's file are run when he allows it."""
    allowed = settings.allow_deploy if asked.spec else True
    with started(replace(settings, allow_writes=True, allow_deploy=allowed), place, asked, tell) as target:
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
        notes=misnamed(target.spec.accept, recorder.there),
    )


def misnamed(accept: Iterable[str], there: Mapping[str, int]) -> tuple[str, ...]:
    """What verify.yaml accepts, and has no effect: a line for each name that is none of a check of quality."""
    found = []
    for name in accept:
        if there.get(name) == P2:
            continue
        why = "which is no check of this run"
        if name in there:
            why = "which must hold, and cannot be accepted away"
        elif close := difflib.get_close_matches(
            name[:NAME_CHARS], [each for each in there if there[each] == P2], 1
        ):
            why += f"; did you mean {close[0]}?"
        found.append(f"verify.yaml accepts {name[:NAME_CHARS]!r}, {why}")
    return tuple(found)
