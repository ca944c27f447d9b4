"""Find the runs that a side names: a run directory, several, a glob, or what somebody else knows (a tag, a branch, `baseline`).

a run            reports/nightly/latest, or the directory of a scenario, whose newest run it is
a glob           'reports/nightly/20261130*', in quotes; and several with commas between them
anything else    is asked of the finders, such as the history, in their order
"""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short
from harness.history.comparison import run_figures
from harness.history.comparison.comparing import Side
from harness.history.comparison.measured import MeasuredRun

RUNS_MOST: Final = 1000


class Finder(Protocol):
    """Knows runs by other names than their directories."""

    def find(self, text: str) -> Sequence[MeasuredRun] | None:
        """The runs of this name; None when it is no name that this finder knows."""
        ...


def side(text: str, finders: Sequence[Finder] = ()) -> Side:
    """The runs of one side; UsageError when there are none."""
    runs: list[MeasuredRun] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        runs += _of(part, finders)
    if not runs:
        raise _nothing(text, finders)
    unique = {run.path or run.run_id: run for run in runs}
    return Side(label=text, runs=tuple(sorted(unique.values(), key=lambda run: run.started_at_s)))


def _of(text: str, finders: Sequence[Finder]) -> Sequence[MeasuredRun]:
    if glob.has_magic(text):
        return _matching(text)
    if _exists(text):
        return [run_figures.of_directory(Path(text))]
    for finder in finders:
        runs = finder.find(text)
        if runs is not None:
            return runs
    raise _nothing(text, finders)


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        return False


def _matching(text: str) -> list[MeasuredRun]:
    """The runs that match; `latest` is a link to one of them, and what is no run or has no result is passed over."""
    try:
        paths = [Path(one) for one in sorted(glob.glob(text))]  # noqa: PTH207 - the pattern may be absolute
    except ValueError as error:
        raise _nothing(text, ()) from error
    directories = [path for path in paths if not path.is_symlink() and _has_result(path)]
    if len(directories) > RUNS_MOST:
        raise UsageError(
            f"{short(text, 120)} are {len(directories):,} runs",
            f"A side has at most {RUNS_MOST:,}",
            "Narrow the pattern",
        )
    return list(map(run_figures.of_directory, directories))


def _has_result(path: Path) -> bool:
    return all((path / name).is_file() for name in ("metadata.json", "summary.json"))


def _nothing(text: str, finders: Sequence[Finder]) -> UsageError:
    names = ", nor a name in the history" if finders else "; the history is not asked for names"
    return UsageError(
        f"There is no run {short(text, 120)}" if text.strip() else "A side has no name",
        f"It is neither a run directory nor a pattern that matches one with a result{names}",
        "Give directories of runs, such as reports/ramp/latest 'reports/ramp/2026*'; harness runs lists them",
    )
