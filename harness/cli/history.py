"""`harness history`: what is kept of earlier runs, in PostgreSQL."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.cli.basic_options import ALLOW_HOST, POSITIVE_DURATION
from harness.foundation.errors import PASSED, UNKNOWN, UsageError
from harness.foundation.units import duration_s
from harness.foundation.untrusted.documents import short
from harness.foundation.untrusted.printable import as_json as json_text
from harness.foundation.untrusted.printable import printable

if TYPE_CHECKING:
    from harness.history.location import Place
    from harness.history.opening import Connection

Found = TypeVar("Found")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
TAG_MOST = 100


def with_history(
    doing: "Callable[[Connection, Place], Awaitable[Found]]", allowed_hosts: tuple[str, ...]
) -> Found:
    """Open the history, do something with it, and close it."""
    from harness.history import opening
    from harness.history.location import place

    async def run() -> Found:
        where = place()
        async with opening.opened(where, allowed_hosts) as connection:
            return await doing(connection, where)

    return asyncio.run(run())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """The history holds the figures of earlier runs, not their calls. Every run is added when it ends, unless it has --no-history.

    \b
    harness history list
    harness history exclude 20261120T031702Z-5c1f0a --why "a backup ran"

    The history is kept in an embedded PostgreSQL that runs only when it is needed, or in the PostgreSQL that
    HARNESS_HISTORY_URL names.
    """


@command.command(name="list")
@click.option("--scenario", metavar="NAME", help="Only runs of this scenario.")
@click.option("--branch", metavar="NAME", help="Only runs of this branch.")
@click.option("--tag", metavar="TAG", help="Only runs with this tag.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    help="Number of runs to show, newest first.",
)
@ALLOW_HOST
@JSON
def list_(
    scenario: str | None,
    branch: str | None,
    tag: str | None,
    most: int,
    allowed_hosts: tuple[str, ...],
    *,
    as_json: bool,
) -> int:
    """List the runs in the history, newest first."""
    from harness.cli.history_tables import as_object, listed
    from harness.history import spool, store

    async def find(connection: "Connection", where: "Place") -> tuple[Any, int, int]:
        meant = store.Where(scenario=scenario, branch=branch, tag=tag)
        runs = await store.find(connection, meant, most=most, parts=False)
        return runs[::-1], await store.count(connection, meant), len(spool.waiting(where.spool))

    runs, total, waits = with_history(find, allowed_hosts)
    if as_json:
        click.echo(
            json_text(
                {"schema": 1, "total": total, "waiting": waits, "runs": [as_object(run) for run in runs]}
            )
        )
        return PASSED
    click.echo(listed(runs) if runs else "No runs in the history")
    if total > len(runs):
        click.echo(f"{len(runs)} of {total:,} runs; --most shows more")
    if waits:
        click.echo(f"{waits} run(s) wait to go in: harness history push", err=True)
    return PASSED


@command.command()
@click.argument("run")
@ALLOW_HOST
@JSON
def show(run: str, allowed_hosts: tuple[str, ...], *, as_json: bool) -> int:
    """Show what is kept of a run: RUN is its id, the beginning of it, or its directory."""
    from harness.cli.history_tables import as_object, shown
    from harness.history import marks

    async def find(connection: "Connection", _: "Place") -> tuple[Any, Any]:
        record = await marks.one(connection, run, histograms=True)
        return record, await marks.notes(connection, record)

    record, notes = with_history(find, allowed_hosts)
    if as_json:
        notes_shown = [{"at": note.at, "note": note.note} for note in notes]
        click.echo(json_text({"schema": 1, "run": as_object(record), "notes": notes_shown}))
    else:
        click.echo(shown(record, notes))
    return PASSED


@command.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@ALLOW_HOST
def push(runs: tuple[Path, ...], allowed_hosts: tuple[str, ...]) -> int:
    """Add runs to the history: those that could not be added when they ended, and the given run directories."""
    from harness.history import spool
    from harness.history.recording import RecordError, record
    from harness.history.store import bring
    from harness.run_directory.directory import find

    records, refused = [], []
    for path in runs:
        place = find(path).path
        try:
            records.append((str(place), record(place)))
        except RecordError as error:
            refused.append((str(place), str(error)))

    async def deliver(
        connection: "Connection", where: "Place"
    ) -> tuple[int, list[tuple[str, str]], spool.Delivered]:
        given, bad = await bring(connection, records)
        return given, bad, await spool.deliver(connection, where.spool)

    given, bad, done = with_history(deliver, allowed_hosts)
    brought = given + done.brought
    return _told(max(len(records) - len(bad), brought), brought, [*refused, *bad, *done.refused])


@command.command(name="import")
@click.argument("directory", type=click.Path(path_type=Path, exists=True))
@ALLOW_HOST
def import_(directory: Path, allowed_hosts: tuple[str, ...]) -> int:
    """Add every run under DIRECTORY to the history, or the runs of a file that `export` wrote."""
    from harness.history import exchange, store

    async def bring(connection: "Connection", _: "Place") -> tuple[int, int, list[tuple[str, str]]]:
        offered, brought, refused = 0, 0, list[tuple[str, str]]()
        for batch in exchange.batches(directory, refused):
            new, bad = await store.bring(connection, batch)
            offered += len(batch) - len(bad)
            brought += new
            refused += bad
        return offered, brought, refused

    offered, brought, refused = with_history(bring, allowed_hosts)
    if not offered and not refused:
        raise UsageError(
            f"No run is in {short(str(directory), 120)}",
            "It holds neither a run directory nor a line of `harness history export`",
            "Give the directory that `--out` of the runs named (reports, if none did)",
        )
    return _told(offered, brought, refused)


@command.command()
@click.argument("run")
@click.argument("name", metavar="TAG")
@click.option("--remove", is_flag=True, help="Remove the tag from the run.")
@ALLOW_HOST
def tag(run: str, name: str, allowed_hosts: tuple[str, ...], *, remove: bool) -> int:
    """Give RUN a tag, by which `harness compare` finds it, and which keeps it from being pruned."""
    from harness.history import marks

    if not name.strip() or len(name) > TAG_MOST:
        raise UsageError(
            "That is no tag", f"It has {len(name)} characters", f"Give a word of 1 to {TAG_MOST} characters"
        )

    async def mark(connection: "Connection", _: "Place") -> str:
        record = await marks.one(connection, run)
        if remove:
            await marks.untag(connection, record, name)
        else:
            await marks.tag(connection, record, name)
        return record.run_id

    run_id = with_history(mark, allowed_hosts)
    click.echo(printable(f"{run_id} {'has no longer' if remove else 'has'} the tag {name}"))
    return PASSED


@command.command()
@click.argument("run")
@click.option("--why", metavar="TEXT", help="The reason, which is kept with the run.")
@click.option("--undo", is_flag=True, help="Let the run count again.")
@ALLOW_HOST
def exclude(run: str, why: str | None, allowed_hosts: tuple[str, ...], *, undo: bool) -> int:
    """Take RUN out of comparisons, baselines and trends. It stays in the history, with the reason."""
    from harness.history import marks

    if undo == bool(why and why.strip()):
        raise UsageError(
            "harness history exclude needs a reason",
            "Without one, nobody knows later why the run does not count",
            "Add --why TEXT; or --undo alone, to let it count again",
        )

    async def mark(connection: "Connection", _: "Place") -> str:
        record = await marks.one(connection, run)
        await marks.exclude(connection, record, None if undo else why)
        return record.run_id

    run_id = with_history(mark, allowed_hosts)
    click.echo(printable(f"{run_id} counts again" if undo else f"{run_id} does not count any more: {why}"))
    return PASSED


@command.command()
@click.option(
    "--keep", type=click.IntRange(min=1), metavar="N", help="Keep the N newest runs of each series."
)
@click.option(
    "--older-than", type=POSITIVE_DURATION, metavar="TIME", help="Only runs older than this, such as 2160h."
)
@click.option("--dry-run", is_flag=True, help="List the runs that would be removed, and remove nothing.")
@ALLOW_HOST
def prune(keep: int | None, older_than: str | None, allowed_hosts: tuple[str, ...], *, dry_run: bool) -> int:
    """Remove old runs from the history. Runs with a tag and those of a baseline stay; run directories are not touched."""
    from harness.history import marks

    if keep is None and older_than is None:
        raise UsageError(
            "Which runs?",
            "Neither --keep nor --older-than is given",
            "For example harness history prune --keep 200",
        )
    before = datetime.now(UTC) - timedelta(seconds=duration_s(older_than)) if older_than else None

    async def let_go(connection: "Connection", _: "Place") -> list[str]:
        old = await marks.old(connection, keep, before)
        if not dry_run:
            await marks.remove(connection, old)
        return old

    old = with_history(let_go, allowed_hosts)
    for run_id in old:
        click.echo(printable(run_id))
    click.echo(f"{'Would remove' if dry_run else 'Removed'} {len(old):,} run(s)", err=True)
    return PASSED


@command.command()
@click.option("--scenario", metavar="NAME", help="Only runs of this scenario.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; else standard output."
)
@ALLOW_HOST
def export(scenario: str | None, out: Path | None, allowed_hosts: tuple[str, ...]) -> int:
    """Write the runs of the history as JSON lines, with their histograms; `import` reads that file."""
    from harness.history import exchange, store

    async def write(connection: "Connection", _: "Place") -> int:
        meant = store.Where(scenario=scenario)
        with exchange.writing(out, sys.stdout) as put:
            return await exchange.export(connection, meant, put)

    count = with_history(write, allowed_hosts)
    click.echo(f"Wrote {count:,} run(s)", err=True)
    return PASSED


def _told(offered: int, brought: int, refused: list[tuple[str, str]]) -> int:
    """Say what came of runs that were to go in; unknown when none of them could."""
    there = f"; {offered - brought:,} were there" if offered > brought else ""
    click.echo(f"Brought {brought:,} run(s) into the history{there}")
    for path, why in refused:
        click.echo(printable(f"Left out {path}: {why}", 400), err=True)
    return UNKNOWN if refused and not offered else PASSED
