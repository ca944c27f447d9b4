"""A verification as the history keeps it, and the verifications of the history as `harness verify --trend` shows them.

Its scenario is `verify`, its target the address of the deployment; the choice of checks tells one series from another.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from harness import __version__
from harness.foundation.errors import FAILED, INTERRUPTED, ONLY_P2_FAILED, PASSED
from harness.foundation.units import MS_PER_S
from harness.foundation.untrusted.printable import as_json as as_json_text
from harness.foundation.untrusted.printable import printable, without_commands
from harness.history.record import CheckRecord, RunRecord, Series, Times
from harness.history.store import VERIFY
from harness.run_directory.checkout import checkout
from harness.run_directory.results.summary import Outcome
from harness.verify.finding import OUTCOMES
from harness.verify.results.suite import SuiteResult
from harness.verify.results.trend import KEPT_MOST, Kept

if TYPE_CHECKING:
    from harness.verify.settings import Settings

VERDICTS: Final[dict[int, Outcome]] = {PASSED: "pass", FAILED: "fail", ONLY_P2_FAILED: "fail"}
NAME_MOST: Final = 300
IN_CTRF: Final = {"passed": "passed", "failed": "failed", "skipped": "skipped", "unknown": "other"}


def to_history(suite: SuiteResult, settings: "Settings", place: Path) -> None:
    """Bring it into the history; what goes wrong is a warning."""
    from harness.history.adding import arrive_made

    warning = arrive_made(record(suite, settings, place), settings.allowed_hosts)
    if warning:
        click.echo(printable(f"Warning: {warning}"), err=True)


def record(suite: SuiteResult, settings: "Settings", place: Path) -> RunRecord:
    """Return what is kept of it: each check with its outcome and its time, no word of why."""
    commit = checkout(Path.cwd())
    counted = ", ".join(f"{number} {outcome}" for outcome, number in suite.count().items() if number)
    return RunRecord(
        run_id=place.name,
        series=Series(
            scenario=VERIFY,
            scenario_hash=_chosen(settings),
            target=printable(suite.target, NAME_MOST),
            machine="",
            branch=commit.branch,
        ),
        started_at=datetime.fromtimestamp(suite.started_ms / MS_PER_S, UTC).isoformat(),
        duration_s=suite.duration_s,
        command=VERIFY,
        commit=commit.commit,
        versions={"harness": __version__},
        protocol="",
        version=printable(suite.server, NAME_MOST),
        seed=None,
        workers=None,
        verdict=VERDICTS.get(suite.exit_code, "unknown"),
        reasons=(counted or "nothing ran",),
        exit_code=suite.exit_code,
        requests=0,
        ok=0,
        failed=0,
        success_rate=None,
        throughput_rps=None,
        times=Times(),
        run_dir=str(place),
        checks=tuple(
            CheckRecord(
                name=printable(each.title, NAME_MOST),
                priority=each.priority,
                category=each.category,
                outcome=each.outcome,
                duration_ms=None if each.outcome == "skipped" else each.duration_s * MS_PER_S,
            )
            for each in suite.results
        ),
        excluded="it was interrupted" if suite.exit_code == INTERRUPTED else None,
    )


def _chosen(settings: "Settings") -> str:
    """Return a hash of which checks were asked for."""
    chosen = [settings.priority, sorted(settings.categories), settings.pattern]
    return hashlib.sha256(json.dumps([VERIFY, chosen]).encode()).hexdigest()[:16]


def kept(url: str, allowed_hosts: Collection[str], most: int = KEPT_MOST) -> list[Kept]:
    """Return the newest verifications of the history, oldest first; of the deployment at that address, or of all."""
    from harness.foundation.secrets import redact
    from harness.history import opening, store
    from harness.history.location import place
    from harness.verify.doors import places

    target = printable(redact.url(places(url)[0].mcp), NAME_MOST) if url else None

    async def read() -> list[RunRecord]:
        async with opening.opened(place(), allowed_hosts) as connection:
            return await store.find(
                connection, store.Where(scenario=VERIFY, target=target, verify=True), most=most
            )

    return [_kept(run) for run in asyncio.run(read())]


def _kept(run: RunRecord) -> Kept:
    counted = Counter(check.outcome for check in run.checks)
    return Kept(
        place=run.run_id,
        started_ms=int(datetime.fromisoformat(run.started_at).timestamp() * MS_PER_S),
        target=run.series.target,
        server=run.version,
        exit_code=run.exit_code,
        counted={IN_CTRF[outcome]: counted[outcome] for outcome in OUTCOMES},
        took_ms=int(run.duration_s * MS_PER_S),
        wrong=frozenset(check.name for check in run.checks if check.outcome in {"failed", "unknown"}),
    )


def trend(out: Path, url: str, allowed_hosts: tuple[str, ...], *, history: bool, as_json: bool) -> int:
    """Show the verifications that were kept."""
    from harness.verify.results.trend import as_data, lines, of

    verifications = kept(url, allowed_hosts) if history else of(out, url)
    click.echo(
        as_json_text(as_data(verifications)) if as_json else without_commands("\n".join(lines(verifications)))
    )
    return PASSED
