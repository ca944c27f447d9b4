"""The load of a run, from the trial of what is written until all rows are written: steps 5 and 6 of `run`.

Nothing before it needs NumPy, pandas and SciPy, which take about a second to import: `run` has this module imported
while the server starts.
"""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from harness.conduct import disk_space, load_and_faults, refused_workers
from harness.conduct.experiments.steering import ExperimentSteering
from harness.conduct.following import SpoolFollower
from harness.conduct.live.abort_rules import AbortRules
from harness.conduct.live.alerts import Alerts
from harness.conduct.live.first_calls import FirstCalls
from harness.conduct.live.last_rows import LastRows
from harness.conduct.live.live_outputs import RunObserver, alerts_of, watched
from harness.conduct.play import Player
from harness.conduct.run_values import RunContext
from harness.conduct.setup import feeding
from harness.conduct.setup.call_all import whole_workload
from harness.conduct.setup.fault_sites import FaultSites
from harness.conduct.setup.server import ServerUnderTest
from harness.conduct.setup.workload_trial import try_workload
from harness.conduct.watched_parts import Parts
from harness.faults.injector import Injector
from harness.foundation.addresses import resolved, route
from harness.foundation.errors import NoRoomError
from harness.load.engine import Engine, Load, LoadSpec, StdioSpec
from harness.run_directory import directory as rundir
from harness.run_directory import private_files
from harness.run_directory.event_kinds import RunStarted
from harness.run_directory.samples import Tail
from harness.scenario.model import Scenario
from harness.services.processes import cores, server_environment
from harness.services.processes.process import GIVES_WAY

DRAIN_S_MAX = 30.0
SOON_S = 2.0  # when there is little room left


async def played(
    run: RunContext,
    sites: FaultSites,
    server: ServerUnderTest,
    parts: Parts,
    shared: cores.Cores | None,
    stack: AsyncExitStack,
) -> str:
    """Load the server; return why the load ended."""
    asked = run.asked
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
    injector = Injector(sites.found, run.clock, run.log, run.journal, run.progress)
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
        abort_rules=AbortRules(run.plan.abort),
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
    await server.look_at_processes()
    run.write_metadata(target=server.facts(), processors=observer.processors.facts())
    return reason


async def _workload(run: RunContext, server: ServerUnderTest) -> list[Mapping[str, Any]]:
    """Return the entries of the load; those that only read are tried before it, unless failures are expected."""
    scenario = run.asked.scenario
    if run.call_all is not None:
        return await whole_workload(run, server)
    workload: list[Mapping[str, Any]] = [asdict(call) for call in scenario.workload]
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


def _load_spec(run: RunContext, server: ServerUnderTest, workload: list[Mapping[str, Any]]) -> LoadSpec:
    scenario = run.asked.scenario
    proxy = server.authorization.route.proxy
    hosts = [urlsplit(server.loaded.base_url).hostname or "", *([] if proxy is None else [proxy.host])]
    return LoadSpec(
        base_url=server.loaded.base_url,
        mcp_url=server.loaded.mcp_url,
        ws_url=server.loaded.ws_url,
        addresses={host: list(resolved.of(host)) for host in hosts if resolved.of(host)},
        protocol=server.protocol,
        spool_dir=str(run.directory.spool),
        epoch_ns=run.clock.origin_ns,
        seed=scenario.seed,
        headers=server.authorization.fixed | feeding.own_headers(scenario),
        credential=server.authorization.credential,
        route=route.as_data(server.authorization.route),
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


def _stdio(scenario: Scenario) -> Mapping[str, Any] | None:
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
        env=dict(server_environment.current().env),
        cwd=server_environment.current().cwd,
        starts_at_once=max(1, 2 * len(ours) // scenario.workers),
    )
    return asdict(spec)
