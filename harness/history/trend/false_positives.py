"""Change points that somebody called false positives: they stay marked, in the history."""

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short
from harness.history.opening import Connection


async def marked(connection: Connection, scenario: str) -> set[tuple[str, str, str]]:
    """Run id, of, figure of each that is marked among the runs of a scenario."""
    rows = await connection.fetch(
        "SELECT r.run_id, c.of_part, c.figure FROM change_points c JOIN runs r ON r.id = c.run "
        "JOIN series s ON s.id = r.series WHERE s.scenario = $1 AND c.false_positive",
        scenario,
    )
    return {(row[0], row[1], row[2]) for row in rows}


async def mark(connection: Connection, run_id: str, figure: str, why: str) -> None:
    """Mark the change of `OF: FIGURE` that begins with this run."""
    of, colon, name = figure.rpartition(":")
    if not colon:
        raise UsageError(
            f"{short(figure, 120)} is no figure of a trend", "It has no colon", "For example 'steady: p95'"
        )
    done = await connection.execute(
        "INSERT INTO change_points (series, run, of_part, figure, false_positive, why) "
        "SELECT r.series, r.id, $2, $3, true, $4 FROM runs r WHERE r.run_id = $1 "
        "ON CONFLICT (series, run, of_part, figure) DO UPDATE SET false_positive = true, why = $4",
        run_id,
        of.strip(),
        name.strip(),
        why,
    )
    if str(done).endswith(" 0"):
        raise UsageError(
            f"There is no run {short(run_id, 120)} in the history",
            "Only changes of runs that are in it can be marked",
            "harness history list shows its runs",
        )
