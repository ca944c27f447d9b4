"""Sides of a comparison that are in the history: what a name stands for that is no directory of a run.

    20261120T0317         the run whose id begins so
    release-1.4           the runs with this tag (`harness history tag`)
    main                  the newest runs of this branch
    baseline              what `harness baseline show` shows for runs of the kind of the other side

Names are looked up in this order, all of a command in one opening of the history; nothing is opened for a command whose
sides are directories. Runs of a tag or branch that are of another kind than the other side are left out.
"""

import asyncio
import glob
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.foundation.errors import HarnessError, UsageError
from harness.history import marks, opening, store
from harness.history.comparison import run_figures
from harness.history.comparison.measured import Kind, MeasuredRun
from harness.history.location import place
from harness.history.opening import Connection
from harness.history.record import RunRecord, Series
from harness.history.store import Where
from harness.history.tables import storable

BASELINE: Final = "baseline"
BEGINNING_LEAST: Final = 8  # of a run's id; shorter words are tags and branches
RUNS_MOST: Final = 30  # of a branch
TAGGED_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names of one command; a `Finder` of harness.history.comparison.sides."""

    runs: Mapping[str, tuple[MeasuredRun, ...]] = field(default_factory=dict)

    def find(self, text: str) -> Sequence[MeasuredRun] | None:
        """The runs of this name; None when it is none of the history's."""
        return self.runs.get(text) or None


def known_names(a: str, b: str, allowed_hosts: Collection[str] = ()) -> KnownNames:
    """Look up every name of two sides that is neither a directory nor a pattern."""
    wanted = [list(_names(side)) for side in (a, b)]
    if not any(wanted):
        return KnownNames()
    return asyncio.run(_known((a, b), wanted, allowed_hosts))


async def _known(
    sides: tuple[str, str], wanted: Sequence[Sequence[str]], allowed_hosts: Collection[str]
) -> KnownNames:
    by_name: dict[str, tuple[MeasuredRun, ...]] = {}
    kinds = [_kind_on_disk(side) for side in sides]
    async with opening.opened(place(), allowed_hosts) as connection:
        for at, names in enumerate(wanted):
            for name in names:
                if name != BASELINE:
                    runs = await named(connection, name, kinds[1 - at])
                    by_name[name] = tuple(run.measured for run in runs)
                    kinds[at] = kinds[at] or (by_name[name][-1].kind if runs else None)
        for at, names in enumerate(wanted):
            if BASELINE in names:
                by_name[BASELINE] = await _baseline(connection, kinds[1 - at])
    return KnownNames(by_name)


async def named(connection: Connection, name: str, kind: Kind | None = None) -> list[RunRecord]:
    """The runs of one name, oldest first; of this kind, where it is given and there are any."""
    text = storable(name)
    meant = [(Where(tag=text, verify=False), TAGGED_MOST), (Where(branch=text, verify=False), RUNS_MOST)]
    if len(text) >= BEGINNING_LEAST:
        meant.insert(0, (Where(beginning=text), 2))
    for where, most in meant:
        runs = await store.find(connection, where, most=most)
        if where.beginning is not None and len(runs) > 1 and runs[0].run_id != runs[1].run_id:
            exact = [run for run in runs if run.run_id == text]
            if not exact:
                continue
            runs = exact
        if runs:
            return [run for run in runs if run.measured.kind == kind] or runs
    return []


async def _baseline(connection: Connection, kind: Kind | None) -> tuple[MeasuredRun, ...]:
    if kind is None:
        raise UsageError(
            "`baseline` stands alone",
            "The other side names no run, so the scenario and server of the baseline are unknown",
            "Give a run as the other side, such as reports/nightly/latest",
        )
    return tuple(run.measured for run in await baseline_of(connection, kind))


async def baseline_of(
    connection: Connection, kind: Kind, *, without: Sequence[str] = (), branch: str = ""
) -> list[RunRecord]:
    """The baseline of runs of this kind; empty when there is none yet."""
    series = Series(
        scenario="", scenario_hash=kind.scenario, target=kind.target, machine=kind.machine, branch=branch
    )
    runs = await marks.baseline(connection, series, without=without)
    return [run for run in runs if run.protocol == kind.protocol]


def _names(side: str) -> Iterator[str]:
    """The parts of a side that are neither directories nor patterns."""
    for part in filter(None, (one.strip() for one in side.split(","))):
        if part == BASELINE or not (glob.has_magic(part) or _is_there(part)):
            yield part


def _is_there(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def _kind_on_disk(side: str) -> Kind | None:
    """The kind of the first run of a side that is a directory."""
    for part in filter(None, (one.strip() for one in side.split(","))):
        try:
            paths = sorted(glob.glob(part)) if glob.has_magic(part) else [part]  # noqa: PTH207 - as sides does
            for path in paths:
                if _is_there(path):
                    return run_figures.of_directory(Path(path)).kind
        except (HarnessError, ValueError):
            continue
    return None
