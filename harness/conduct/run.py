"""One run, top to bottom. This module reads as its own specification:

1. the plan is built; every address is looked up, once, and vetted; nothing has been touched yet
2. the run directory is made; scenario, plan and metadata are written
3. the janitor watches: whatever is started from here on is ended even if we are killed
4. a Toxiproxy is found or started if faults are planned; the target is started, or found, and asked who it
   is (preflight); links with faults lead through proxies from here on
5. the engine starts; load and faults are played on one clock; faults are healed; open calls may end (`playing`)
6. the target stops; spools are sealed into samples.parquet
7. the run is read: summary, verdict, report (`closing`)

Disk space is checked before anything is made, and once a second (`disk_space`).
What only the steps 5 to 7 need is imported while the server starts (`playing`, `closing`).

An interruption at any moment skips to the end: the load is stopped, children are ended, the run so far is
read, exit 130.
"""

import asyncio
import os
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from harness import __version__
from harness.conduct import disk_space
from harness.conduct.live.progress import Progress
from harness.conduct.live.scraping import ScrapedPage, scraped
from harness.conduct.run_values import FinishedRun, RunContext, RunRequest
from harness.conduct.setup import feeding, vetted_addresses
from harness.conduct.setup.fault_sites import prepare
from harness.conduct.setup.server import find_server
from harness.conduct.watched_parts import Parts
from harness.foundation.addresses import resolved
from harness.foundation.clock import RunClock
from harness.foundation.errors import HarnessError, NoRoomError, ServiceError, TargetNotStartedError
from harness.foundation.secrets import redact
from harness.foundation.secrets.hidden_log import ended_clean
from harness.load.inside import native
from harness.run_directory import directory as rundir
from harness.run_directory import metadata
from harness.run_directory.checkout import checkout
from harness.run_directory.directory import RunDirectory
from harness.run_directory.disk_space import blame, blamed
from harness.run_directory.event_kinds import RunEnded
from harness.run_directory.events import EventLog
from harness.scenario.plan.build import build
from harness.scenario.plan.describe import one_line
from harness.scenario.plan.plan import Plan
from harness.scenario.plan.warnings import warnings
from harness.services.cleanup.janitor_process import watching
from harness.services.processes import cores

PLAYING = "harness.conduct.playing"
NO_ROOM = "no_room"  # as the reason of a run's end


async def conduct_run(asked: RunRequest, progress: Progress) -> FinishedRun:
    """Make the run and read it; return it as it ended."""
    plan = build(asked.scenario)
    feeding.first_rows(asked.scenario)
    vetted = await vetted_addresses.vetted(asked.scenario, asked.places(plan), os.environ)
    target = asked.scenario.target
    brings_database = not (target.url or target.command or os.environ.get("DATABASE_URL"))
    for text in disk_space.check(plan, asked.out, brings_database=brings_database):
        progress.note(f"Warning: {text}.")
    with resolved.in_force(vetted):
        async with scraped(asked.prometheus) as page:
            if page is not None:
                progress.note(f"For Prometheus: {page.url}")
            return await _conduct(asked, plan, progress, page)


async def _conduct(
    asked: RunRequest, plan: Plan, progress: Progress, page: ScrapedPage | None
) -> FinishedRun:
    """Make the run directory, and all that follows."""
    clock = RunClock.of(asked.clock)
    directory = rundir.create(asked.out, asked.scenario.name, clock.started_at)
    asked.leaving.run_dir, asked.leaving.out = directory.path, asked.out
    with ended_clean(directory.path, progress.note), EventLog(directory.events) as log:
        run = RunContext(asked, plan, directory, clock, log, progress, _facts(asked, directory, clock), page)
        _write_down(run)
        _introduce(run)
        progress.note(one_line(plan))
        for text in warnings(plan):
            progress.note(f"Warning: {text}.")
        reason, error = await _until_interrupted(run)
        why = f"{error.what} ({error.why})" if reason == NO_ROOM and error else None
        log.write(RunEnded(at_ns=clock.now_ns(), reason=reason, why=why))
    if error is not None and not run.started:
        if not isinstance(error, ServiceError | TargetNotStartedError):
            # Nothing ran, and no log has more details than the error.
            shutil.rmtree(directory.path, ignore_errors=True)
        raise error
    from harness.conduct.closing import close

    try:
        return await close(run, reason, error)
    finally:
        run.held.close()


async def _until_interrupted(run: RunContext) -> tuple[str, HarnessError | None]:
    """Make the run until it ends or is interrupted; return the reason, and the error if there was one."""
    making = asyncio.ensure_future(_make(run))
    asking = asyncio.ensure_future(run.asked.interrupted.wait())
    await asyncio.wait({making, asking}, return_when=asyncio.FIRST_COMPLETED)
    asking.cancel()
    if not making.done():
        making.cancel()
    try:
        return await making, None
    except asyncio.CancelledError:
        return "interrupted", None
    except Exception as error:
        cause: HarnessError | None = blame(error, run.directory.path)
        if cause is None:
            if not isinstance(error, HarnessError):
                raise
            cause = blamed(error, run.directory.path)
        return NO_ROOM if isinstance(cause, NoRoomError) else "error", cause


async def _make(run: RunContext) -> str:
    """Do steps 3 to 6; on leaving, all that was started is ended in reverse order. Return the reason."""
    asked = run.asked
    async with AsyncExitStack() as stack:
        shared = stack.enter_context(cores.shared_out(0 if asked.engine else asked.scenario.workers))
        run.write_metadata(cores=None if shared is None else shared.as_data())
        run.undo = await stack.enter_async_context(watching(run.directory.undo))
        parts = Parts(run)
        run.journal.unasked = parts.ended
        stack.enter_context(parts.blamed())
        importing = asyncio.ensure_future(asyncio.to_thread(import_module, PLAYING))
        sites = await prepare(
            stack,
            asked.places(run.plan),
            run.directory,
            asked.clock,
            own=bool(asked.scenario.links),
        )
        server = await find_server(run, sites, stack)
        run.write_metadata(target=server.facts())
        await importing
        from harness.conduct.playing import played

        return await played(run, sites, server, parts, shared, stack)


def _write_down(run: RunContext) -> None:
    """Write the request down, before anything starts."""
    run.write_down()
    run.directory.write_json("plan.json", run.plan.as_json())
    run.write_metadata()


def _introduce(run: RunContext) -> None:
    """Put the run's identity and its possible faults on the page for Prometheus, if there is one."""
    if run.page is None:
        return
    steered = run.asked.steered
    run.page.meters.info = {
        "run_id": run.directory.run_id,
        "scenario": run.asked.scenario.name,
        "command": run.asked.command,
        "version": __version__,
    }
    experiment = [fault.name for fault in steered.experiment.faults] if steered else []
    run.page.meters.faults = [*(fault.name for fault in run.plan.faults), *experiment]


def _facts(asked: RunRequest, directory: RunDirectory, clock: RunClock) -> dict[str, Any]:
    scenario = asked.scenario
    target: Mapping[str, Any] = {"url": scenario.target.url, "protocol": scenario.target.protocol}
    return {
        "schema": metadata.METADATA_SCHEMA,
        "run_id": directory.run_id,
        "scenario": scenario.name,
        "command": asked.command,
        "argv": redact.command_line(list(asked.argv)),
        "started_at": clock.started_at.isoformat(),
        "seed": scenario.seed,
        "timeout_s": scenario.timeout,
        "warmup_s": scenario.warm_up,
        "workers": scenario.workers + scenario.expect_workers,
        "engine": "locust" if asked.engine is None else "simulated",
        "objectives": list(scenario.objectives),
        "clock_error_ms": 0.0,
        "target": dict(target),
        "machine": metadata.machine(),
        "versions": metadata.versions(),
        "fast_lane": native.chosen().says,
        **asdict(checkout(Path.cwd())),
    }
