"""One run, top to bottom. This module reads as its own specification:

1. the plan is built; every address is looked up, once, and vetted; nothing has been touched yet
2. the run directory is made; scenario, plan and metadata are written
3. the janitor watches: whatever is started from here on is ended even if we are killed
4. a Toxiproxy is found or started if faults are planned; the target is started, or found, and asked who it
   is (preflight); links with faults lead through proxies from here on
5. the engine starts; load and faults are played on one clock; faults are healed; open calls may end
6. the target stops; spools are sealed into samples.parquet
7. the run is read: summary, verdict, report (`closing`)

Disk space is checked before anything is made, and once a second (`disk_space`).
An interruption at any moment skips to the end: the load is stopped, children are ended, the run so far is
read, exit 130.
"""

import asyncio
import os
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.conduct import disk_space, load_and_faults, refused_workers
from harness.conduct.closing import close
from harness.conduct.experiments.steering import ExperimentSteering
from harness.conduct.following import SpoolFollower
from harness.conduct.live.abort_rules import AbortRules
from harness.conduct.live.alerts import Alerts
from harness.conduct.live.first_calls import FirstCalls
from harness.conduct.live.last_rows import LastRows
from harness.conduct.live.live_outputs import RunObserver, alerts_of, introduce, watched
from harness.conduct.live.meters import Meters
from harness.conduct.live.progress import Progress
from harness.conduct.live.scraping import scraped
from harness.conduct.play import Player
from harness.conduct.run_values import FinishedRun, RunContext, RunRequest
from harness.conduct.setup import feeding, vetted_addresses
from harness.conduct.setup.everything import whole_workload
from harness.conduct.setup.fault_sites import prepare
from harness.conduct.setup.server import ServerUnderTest, find_server
from harness.conduct.setup.workload_trial import try_workload
from harness.conduct.watched_parts import Parts
from harness.faults.injector import Injector
from harness.foundation.addresses import book, way
from harness.foundation.clock import RunClock
from harness.foundation.errors import HarnessError, NoRoomError, ServiceError, TargetNotStartedError
from harness.foundation.secrets import redact
from harness.foundation.secrets.hidden_log import ended_clean
from harness.load.engine import Engine, Load, LoadSpec, StdioSpec
from harness.run_directory import directory as rundir
from harness.run_directory import metadata, private_files
from harness.run_directory.checkout import checkout
from harness.run_directory.directory import RunDirectory
from harness.run_directory.disk_space import blame, blamed
from harness.run_directory.event_kinds import RunEnded, RunStarted
from harness.run_directory.events import EventLog
from harness.run_directory.samples import Tail
from harness.scenario.model import Scenario
from harness.scenario.plan.build import build
from harness.scenario.plan.describe import one_line
from harness.scenario.plan.plan import Plan
from harness.scenario.plan.warnings import warnings
from harness.services.cleanup.watched import watching
from harness.services.processes import cores, surroundings
from harness.services.processes.process import GIVES_WAY

DRAIN_S_MAX = 30.0
NO_ROOM = "no_room"  # as the reason of a run's end
SOON_S = 2.0  # when there is little room left


async def conduct_run(asked: RunRequest, progress: Progress) -> FinishedRun:
    """Make the run and read it; return it as it ended."""
    plan = build(asked.scenario)
    feeding.first_rows(asked.scenario)
    vetted = await vetted_addresses.vetted(asked.scenario, asked.places(plan), os.environ)
    target = asked.scenario.target
    brings_database = not (target.url or target.command or os.environ.get("DATABASE_URL"))
    for text in disk_space.check(plan, asked.out, brings_database=brings_database):
        progress.note(f"Warning: {text}.")
    meters = Meters()
    with book.in_force(vetted):
        async with scraped(asked.prometheus, meters) as address:
            if address is not None:
                progress.note(f"For Prometheus: {address}")
            return await _conduct(asked, plan, progress, meters)


async def _conduct(asked: RunRequest, plan: Plan, progress: Progress, meters: Meters) -> FinishedRun:
    """Make the run directory, and all that follows."""
    clock = RunClock.of(asked.clock)
    directory = rundir.create(asked.out, asked.scenario.name, clock.started_at)
    asked.leaving.run_dir, asked.leaving.out = directory.path, asked.out
    with ended_clean(directory.path, progress.note), EventLog(directory.events) as log:
        run = RunContext(
            asked, plan, directory, clock, log, progress, _facts(asked, directory, clock), meters
        )
        _write_down(run)
        introduce(run)
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
        ways = await prepare(
            stack,
            asked.places(run.plan),
            run.directory,
            asked.clock,
            rolls=asked.rolls(run.plan),
            own=bool(asked.scenario.links),
        )
        server = await find_server(run, ways, stack)
        run.write_metadata(target=server.facts())
        await load_and_faults.try_work(run, server)
        workload = await _workload(run, server)
        engine = asked.engine or _locust(run, shared)
        telling = await stack.enter_async_context(alerts_of(run))
        load = await stack.enter_async_context(engine(_load_spec(run, server, workload)))
        await server.authorization.lead(load)
        rundir.point_latest(run.directory.path)
        run.started = True
        run.log.write(RunStarted(at_ns=run.clock.now_ns()))
        watch = SpoolFollower(Tail(run.directory.spool), run.log)
        injector = Injector(ways.found, run.clock, run.log, run.journal, run.progress)
        steering = ExperimentSteering(injector, LastRows(), run.clock)
        keeper = disk_space.Keeper(run.directory, run.log)
        observer = RunObserver(
            run, steering, telling, Alerts(watched(run)), server.usage, keeper, server.authorization
        )
        player = Player(
            load=load,
            clock=run.clock,
            watch=watch,
            progress=run.progress,
            timeout_s=asked.scenario.timeout,
            observer=observer,
            guard=AbortRules(run.plan.abort),
            first_calls=FirstCalls(watching=not asked.scenario.expect_failures),
        )
        try:
            reason = await load_and_faults.play(run, server, player, steering, parts)
        except BaseException as error:  # rows are still to be written, whatever the error
            drain_s = SOON_S if isinstance(error, NoRoomError) else 0.0
            await _stop(run, load, watch, drain_s, cancelled=isinstance(error, asyncio.CancelledError))
            raise
        else:
            await _stop(run, load, watch, min(asked.scenario.timeout, DRAIN_S_MAX))
        finally:
            observer.count(watch.take())  # the rows of the end
        run.write_metadata(target=server.facts(), processors=observer.processors.facts())
        return reason


async def _workload(run: RunContext, server: ServerUnderTest) -> list[dict[str, Any]]:
    """Return the entries of the load; those that only read are tried before it, unless failures are expected."""
    scenario = run.asked.scenario
    if run.call_all is not None:
        return await whole_workload(run, server)
    workload = [asdict(call) for call in scenario.workload]
    if scenario.expect_failures:
        return workload
    if tried := await try_workload(run.asked.scenario, server):
        what = "1 request that only reads" if tried == 1 else f"{tried} requests that only read"
        run.progress.note(f"Tried once before the load: {what}")
    return workload


async def _stop(
    run: RunContext, load: Load, watch: SpoolFollower, drain_s: float, *, cancelled: bool = False
) -> None:
    """Stop the load in order.

    Parts that did not end in order are written down, and make the verdict unknown.
    """
    await load.stop(drain_s, cancelled=cancelled)
    watch.read()
    for trouble in await load.poll():
        watch.trouble(trouble, run.clock.now_ns())
    run.write_metadata(**load.facts())


def _locust(run: RunContext, shared: cores.Cores | None) -> Engine:
    from harness.load.locust_engine import locust_engine

    on_refusal = partial(refused_workers.refused, run)
    return locust_engine(run.directory, run.progress.note, on_refusal, web=run.asked.web, cores=shared)


def _load_spec(run: RunContext, server: ServerUnderTest, workload: list[dict[str, Any]]) -> LoadSpec:
    scenario = run.asked.scenario
    proxy = server.authorization.way.proxy
    hosts = [urlsplit(server.loaded.base_url).hostname or "", *([] if proxy is None else [proxy.host])]
    return LoadSpec(
        base_url=server.loaded.base_url,
        mcp_url=server.loaded.mcp_url,
        ws_url=server.loaded.ws_url,
        addresses={host: list(book.of(host)) for host in hosts if book.of(host)},
        protocol=server.protocol,
        spool_dir=str(run.directory.spool),
        epoch_ns=run.clock.origin_ns,
        seed=scenario.seed,
        headers=server.authorization.fixed | feeding.own_headers(scenario),
        credential=server.authorization.credential,
        way=way.as_data(server.authorization.way),
        mix={str(name): weight for name, weight in scenario.mix.items()},
        replay=[asdict(session) for session in scenario.replay],
        clients={str(name): weight for name, weight in scenario.clients.items() if weight},
        workload=list(workload),
        data={name: asdict(one) for name, one in scenario.data.items()},
        mirrored=server.discovered.mirrored,
        stdio=_stdio(scenario),
        listen=scenario.target.listen,
        think=run.thinks,
        timeout_s=scenario.timeout,
        retries=None if run.plan.retries is None else asdict(run.plan.retries),
        calls_per_connection=run.plan.calls_per_connection,
        workers=scenario.workers,
        expect_workers=scenario.expect_workers,
        bind=scenario.bind,
    )


def _stdio(scenario: Scenario) -> dict[str, Any] | None:
    """Return how workers start the server's processes; None when it has an address.

    They run where all others of ours do, not on the workers' own cores.
    """
    if not scenario.target.is_stdio:
        return None
    ours = sorted(os.sched_getaffinity(0))
    spec = StdioSpec(
        command=scenario.target.command,
        users_per_process=scenario.target.users_per_process,
        cores=ours,
        nice=GIVES_WAY,
        umask=private_files.THEIRS,
        env=dict(surroundings.current().env),
        cwd=surroundings.current().cwd,
        starts_at_once=max(1, 2 * len(ours) // scenario.workers),
    )
    return asdict(spec)


def _write_down(run: RunContext) -> None:
    """Write the request down, before anything starts."""
    run.write_down()
    run.directory.write_json("plan.json", run.plan.as_json())
    run.write_metadata()


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
        **asdict(checkout(Path.cwd())),
    }
