"""Put a night beside its baseline, and let it be part of later ones; what goes wrong is said, and fails no night."""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from harness.foundation.clock import within
from harness.foundation.errors import HarnessError
from harness.history import lookup, marks, nights, opening, store
from harness.history.comparison import files, run_figures
from harness.history.comparison.comparing import Side, compare
from harness.history.comparison.comparison import Comparison
from harness.history.comparison.measured import MeasuredRun
from harness.history.location import place
from harness.history.nights import Night
from harness.history.record import RunRecord
from harness.history.store import Where
from harness.run_directory.directory import write_whole

BOUND_S: Final = 60.0
GOOD: Final = "good-night"
FOLDER: Final = "nights"


def measured(run_dirs: Sequence[Path]) -> list[MeasuredRun]:
    """The runs of a round, as a comparison wants them; those without a result are left out."""
    runs = []
    for path in run_dirs:
        try:
            runs.append(run_figures.of_directory(path))
        except HarnessError:
            continue
    return runs


def beside_baseline(
    runs: Sequence[MeasuredRun], branch: str, allowed_hosts: Collection[str]
) -> Comparison | str:
    """The comparison of a round with its baseline; why there is none, "" for a baseline that is empty."""
    if not runs:
        return "no run of this night has a result"
    try:
        base = asyncio.run(_baseline(runs, branch, allowed_hosts))
    except HarnessError as error:
        return f"{error.what}: {error.why}"
    except TimeoutError:
        return f"the history did not answer within {BOUND_S:g}s"
    if not base:
        return ""
    a = Side(label="baseline", runs=tuple(run.measured for run in base))
    return compare(a, Side(label="tonight", runs=tuple(runs)))


async def _baseline(
    runs: Sequence[MeasuredRun], branch: str, allowed_hosts: Collection[str]
) -> list[RunRecord]:
    without = [run.run_id for run in runs]
    async with within(BOUND_S), opening.opened(place(), allowed_hosts) as connection:
        return await lookup.baseline_of(connection, runs[0].kind, without=without, branch=branch)


def settle(night: Night, allowed_hosts: Collection[str]) -> str:
    """Let a good night be part of the baseline of later ones; why that was not possible, or nothing."""
    if not night.good:
        return ""
    try:
        missing = asyncio.run(_settled([run.run_id for run in night.runs], allowed_hosts))
    except HarnessError as error:
        return f"{error.what}: {error.why}"
    except TimeoutError:
        return f"the history did not answer within {BOUND_S:g}s"
    return f"{missing} of its runs are not in the history" if missing else ""


async def _settled(run_ids: Sequence[str], allowed_hosts: Collection[str]) -> int:
    async with within(BOUND_S), opening.opened(place(), allowed_hosts) as connection:
        records = await store.find(connection, Where(run_ids=run_ids), parts=False)
        for run in records:
            await marks.tag(connection, run, GOOD)
    return len(run_ids) - len(records)


def write(night: Night, root: Path) -> Path:
    """Write what was found: nights/NIGHT/ with nightly.md, nightly.json, nightly.xml, and a comparison for each round."""
    folder = root / FOLDER / night.night
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "nightly.md", nights.markdown(night))
    write_whole(folder / "nightly.xml", nights.junit(night))
    write_whole(folder / "nightly.json", nights.json_line(night))
    for number, comparison in enumerate(night.rounds, 1):
        files.write(comparison, folder / f"round-{number}")
    return folder
