"""`harness runs`: list runs, and remove old ones."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.basic_options import OUT
from harness.foundation.errors import PASSED, UsageError
from harness.foundation.untrusted.printable import as_json as json_text
from harness.foundation.untrusted.printable import printable

if TYPE_CHECKING:
    from harness.history.runs import PastRun

HEADS = ("Scenario", "Started (UTC)", "Verdict", "Users", "Throughput", "p95", "Size", "Directory")
NUMBERS = range(3, 7)


@dataclass(frozen=True, slots=True)
class Listed:
    """A run in the list; figures that need a summary are None without one."""

    scenario: str
    run_id: str
    path: str
    started_at: str
    state: str
    users: int | None
    rate: float | None
    throughput_rps: float | None
    p95_ms: float | None
    size_bytes: int
    latest: bool


@click.command()
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Remove all but the N newest runs of each scenario. Kept besides: active runs, the run `latest` points to, and runs that left a fault behind.",
)
@OUT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(keep: int | None, out: Path, *, as_json: bool) -> int:
    """List the runs under --out, newest first.

    \b
    harness runs
    harness runs --keep 14
    """
    from harness.history import runs

    known = runs.runs(out)
    old = runs.beyond(known, keep) if keep else []
    sizes = {run.path: runs.size_bytes(run) for run in known}
    staying = [run for run in old if run.stays]
    going = [run for run in old if not run.stays]
    for run in going:
        _remove(run)
    left = [run for run in known if run not in going]
    if as_json:
        rows = [asdict(_values(run, sizes[run.path])) for run in left]
        listed = {"schema": 1, "runs": rows, "removed": [str(run.path) for run in going]}
        click.echo(json_text(listed))
        return PASSED
    for run in going:
        click.echo(printable(f"Removed {run.path}"))
    for run in staying:
        click.echo(printable(f"Kept {run.path}: {run.stays}"))
    click.echo(
        _table([_cells(_values(run, sizes[run.path])) for run in left])
        if left
        else printable(f"No runs in {out}")
    )
    return PASSED


def _remove(run: "PastRun") -> None:
    from harness.history.runs import remove

    try:
        remove(run)
    except OSError as error:
        raise UsageError(
            f"Cannot remove {run.path}", f"{error.strerror}: {error.filename}", "Remove it by hand"
        ) from error


def _values(run: "PastRun", size: int) -> Listed:
    """Return the values of one run; figures that need a summary are None without one."""
    summary = run.summary
    steps = (summary and summary.steps) or ()
    return Listed(
        scenario=run.scenario,
        run_id=run.path.name,
        path=str(run.path),
        started_at=run.started_at,
        state=run.state,
        users=max((step.users for step in steps if step.users is not None), default=None),
        rate=max((step.rate for step in steps if step.rate is not None), default=None),
        throughput_rps=summary.totals.throughput_rps if summary else None,
        p95_ms=summary.latency_ms.response.p95 if summary else None,
        size_bytes=size,
        latest=run.latest,
    )


def _cells(row: Listed) -> tuple[str, ...]:
    from harness.analysis.statistics.rounding import BLANK, show
    from harness.foundation.units import show_bytes

    users = show(row.users, "count") if row.rate is None else show(row.rate, "per_s")
    return (
        row.scenario,
        row.started_at[:16].replace("T", " ") or BLANK,
        row.state,
        users,
        show(row.throughput_rps, "per_s"),
        show(row.p95_ms, "ms"),
        show_bytes(row.size_bytes),
        row.path + (" (latest)" if row.latest else ""),
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return an aligned table, words left and numbers right.

    Lines are not folded, so that paths can be copied.
    """
    lines = [HEADS, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if column in NUMBERS else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
