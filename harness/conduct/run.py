"""One run, top to bottom. This module reads as its own specification:

1. the plan is built; hosts are checked; nothing has been touched yet
2. the run directory is made; scenario, plan and metadata are written
3. the janitor watches: whatever is started from here on is ended even if we are killed
4. a Toxiproxy is found or started if faults are planned; the target is started, or found, and asked who it
   is (preflight); links with faults lead through proxies from here on
5. the engine starts; load and faults are played on one clock; faults are healed; open calls may end
6. the target stops; spools are sealed into samples.parquet
7. the run is read: summary, verdict, report

An interruption at any moment skips to the end of what is open: load stopped, children ended, what there is
is read, exit 130.
"""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.clock import Clock, Epoch, RealClock
from harness.conduct import alerting, ledger
from harness.conduct.alerting import Alerting
from harness.conduct.experiment import Steered, perform
from harness.conduct.following import Watch
from harness.conduct.play import Player
from harness.conduct.server import Server, find_server
from harness.conduct.steering import Steering
from harness.conduct.ways import prepare
from harness.errors import FAULTS_LEFT_OVER, INTERRUPTED, HarnessError, ServiceError, worst
from harness.injector import Injector
from harness.live import board
from harness.live.alerts import Alerts
from harness.live.board import Shown
from harness.live.guard import Guard
from harness.live.progress import Progress
from harness.live.recent import Recent
from harness.load.engine import Engine, Load, LoadSpec
from harness.objectives import Objective, parse
from harness.plan.build import build
from harness.plan.describe import one_line
from harness.plan.plan import Plan
from harness.plan.warnings import warnings
from harness.record import events, metadata, redact, rundir
from harness.record.events import Event, EventLog
from harness.record.rundir import RunDirectory
from harness.record.samples import Tail, seal
from harness.record.undo import Journal, read_open
from harness.report import write_all
from harness.report.reading import Reading
from harness.scenario.model import REFERENCE_WORK, Scenario, Work
from harness.services import janitor

DRAIN_S_MAX = 30.0
HEALING_S = 20.0  # a fault that ends with the load may take a moment more to heal and prove it


@dataclass(frozen=True, slots=True)
class Asked:
    """One run as it was asked for."""

    scenario: Scenario
    command: str
    argv: tuple[str, ...]
    out: Path
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    clock: Clock = field(default_factory=RealClock)
    engine: Engine | None = None  # Locust's, unless a test brings another
    steered: Steered | None = None  # an experiment that says what is done to the target


@dataclass(frozen=True, slots=True)
class Finished:
    """How it ended; without a directory nothing was measured."""

    run_dir: Path | None
    summary: dict[str, Any]
    exit_code: int
    reading: Reading | None = None


@dataclass(slots=True)
class Run:
    """The run as it is being made."""

    asked: Asked
    plan: Plan
    directory: RunDirectory
    epoch: Epoch
    log: EventLog
    progress: Progress
    facts: dict[str, Any]
    started: bool = False  # there is something to read, whatever happens from here on

    def event(self, what: str, /, **data: Any) -> None:
        self.log.write(Event(self.epoch.since_ns(self.asked.clock), what, data))

    def write_metadata(self, **more: Any) -> None:
        self.facts |= more
        self.directory.write_json("metadata.json", redact.tree(self.facts))


async def conduct_run(asked: Asked, progress: Progress) -> Finished:
    """Make the run, and read it."""
    plan = build(asked.scenario)
    alerting.check(asked.scenario.alert, asked.scenario.allowed_hosts)
    epoch = Epoch.of(asked.clock)
    directory = rundir.create(asked.out, asked.scenario.name, epoch.started_at)
    _write_down(directory, asked, plan)
    with EventLog(directory.events) as log:
        run = Run(asked, plan, directory, epoch, log, progress, _facts(asked, directory, epoch))
        run.write_metadata()
        progress.note(one_line(plan))
        for text in warnings(plan):
            progress.note(f"Warning: {text}.")
        reason, error = await _until_interrupted(run)
        run.event(events.RUN_ENDED, reason=reason)
    if error is not None and not run.started:
        if not isinstance(error, ServiceError):
            shutil.rmtree(directory.path)  # nothing ran, and no log of a part says more than the error
        raise error
    seal(directory.spool, directory.samples)
    shutil.rmtree(directory.spool)
    board.take_down(directory)
    reading = await asyncio.to_thread(write_all, directory.path)
    code = worst(int(reading.summary["exit_code"]), *([INTERRUPTED] if reason == "interrupted" else []))
    if error is not None:
        progress.note(str(error))
        code = worst(code, error.exit_code)
    if left := read_open(directory.undo):
        progress.note(
            f"Left over: {', '.join(sorted({entry.what for entry in left}))} (see {directory.undo})"
        )
        progress.note(f"When it answers again: harness doctor --clean --out {asked.out}")
        code = worst(code, FAULTS_LEFT_OVER)
    return Finished(directory.path, reading.summary, code, reading)


async def _until_interrupted(run: Run) -> tuple[str, HarnessError | None]:
    """Why the run ended, and the error if that was one."""
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
    except HarnessError as error:
        return "error", error


async def _make(run: Run) -> str:
    """Steps 3 to 6; leaving it ends everything that was started, in reverse order."""
    asked = run.asked
    async with AsyncExitStack() as stack:
        undo = await stack.enter_async_context(janitor.watching(run.directory.undo))
        ways = await prepare(stack, _places(run), run.directory, undo, asked.clock)
        server = await find_server(stack, asked.scenario, run.directory, undo, ways, run.progress)
        run.write_metadata(target=server.facts())
        engine = asked.engine or _locust(run, undo)
        telling = await stack.enter_async_context(_alerting(run))
        load = await stack.enter_async_context(engine(_load_spec(run, server)))
        rundir.point_latest(run.directory)
        run.started = True
        run.event(events.RUN_STARTED)
        watch = Watch(Tail(run.directory.spool), run.log)
        injector = Injector(ways.found, asked.clock, run.epoch, run.log, undo, run.progress)
        steering = Steering(injector, Recent(), asked.clock, run.epoch)
        player = Player(
            load,
            asked.clock,
            run.epoch,
            watch,
            run.progress,
            asked.scenario.timeout,
            server.usage.read,
            injector.step_began,
            steering.recent.add,
            steering.observed.is_set,
            lambda: injector.active,
            partial(_looked, run, steering.recent, Alerts(_alerted(asked.scenario)), telling),
            Guard(run.plan.abort),
        )
        try:
            reason = await _play_counting_work(run, server, player, steering, undo)
        except BaseException as error:  # rows are owed, whatever it was
            await _stop(run, load, watch, 0.0, cancelled=isinstance(error, asyncio.CancelledError))
            raise
        await _stop(run, load, watch, min(asked.scenario.timeout, DRAIN_S_MAX))
        run.write_metadata(target=server.facts())
        return reason


def _looked(run: Run, recent: Recent, alerts: Alerts, telling: Alerting, shown: Shown) -> None:
    """Once a second: for whoever watches, and whoever wants to be told."""
    found = recent.measure(run.epoch.since_ns(run.asked.clock), board.LAST_S)
    board.publish(run.directory, shown, found)
    for alert in alerts.look(shown, found):
        run.event(events.ALERT, **alert.as_data())
        telling.tell(alert)


def _alerting(run: Run) -> AbstractAsyncContextManager[Alerting]:
    scenario = run.asked.scenario
    about = {"run_id": run.directory.run_id, "scenario": scenario.name}
    return alerting.alerting(scenario.alert, run.progress, about)


def _alerted(scenario: Scenario) -> list[Objective]:
    """What somebody wants to be told of."""
    return [parse(text) for text in scenario.objectives] if scenario.alert else []


async def _stop(run: Run, load: Load, watch: Watch, drain_s: float, *, cancelled: bool = False) -> None:
    """The load ends in order; what did not is written down, and makes the verdict unknown."""
    await load.stop(drain_s, cancelled=cancelled)
    watch.read()
    for trouble in await load.poll():
        watch.trouble(trouble, run.epoch.since_ns(run.asked.clock))
    run.write_metadata(**load.facts())


async def _play_counting_work(
    run: Run, server: Server, player: Player, steering: Steering, undo: Journal
) -> str:
    """The load, and beside it entries that are read back when everything is healed."""
    work = _work(run)
    if work is None:
        return await _play_with_faults(run, player, steering, undo)
    with ledger.opened(run.directory.work, work, run.directory.run_id, run.asked.clock, run.epoch) as book:
        writing = asyncio.ensure_future(book.write(server.door(through=True)))
        try:
            reason = await _play_with_faults(run, player, steering, undo)
        finally:
            writing.cancel()
            await asyncio.wait([writing])
        run.progress.note("  reading back what was written")
        await book.read(server.door(through=False))
    return reason


def _work(run: Run) -> Work | None:
    """What the scenario asks for; with faults on the reference target, its own log."""
    scenario = run.asked.scenario
    reference = not scenario.target.url and not scenario.target.command
    return scenario.work or (REFERENCE_WORK if reference and _places(run) else None)


async def _play_with_faults(run: Run, player: Player, steering: Steering, undo: Journal) -> str:
    """Load and faults on one clock; whatever happens, every fault has been healed when this returns."""
    injector = steering.injector
    playing = asyncio.ensure_future(player.play(run.plan))
    injecting = asyncio.ensure_future(injector.inject(run.plan.faults))
    beside = [injecting]
    if run.asked.steered is not None:
        beside.append(asyncio.ensure_future(_experiment(run, run.asked.steered, steering, undo)))
    try:
        await _until_played(playing, beside)
        if injector.active:
            await asyncio.wait(beside, timeout=HEALING_S)
        return playing.result()
    finally:
        for each in (playing, *beside):
            each.cancel()
        for each in (playing, *beside):
            with suppress(asyncio.CancelledError):
                await each


async def _until_played(playing: "asyncio.Future[str]", beside: Sequence["asyncio.Future[None]"]) -> None:
    """Until the load has been played; what goes wrong beside it ends it."""
    waiting: set[asyncio.Future[Any]] = {playing, *beside}
    while not playing.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in done - {playing}:
            each.result()


async def _experiment(run: Run, steered: Steered, steering: Steering, undo: Journal) -> None:
    """When the load is steady; then recovery is observed for a while."""
    await steering.injector.reached(run.plan.steps[0].phase, steered.before_s)
    run.progress.note(f"  ! experiment: {steered.experiment.title}")
    await perform(steered, steering, undo, run.directory.path, run.log)
    await run.asked.clock.sleep(steered.after_s)
    steering.observed.set()


def _places(run: Run) -> frozenset[str]:
    """Where faults will be asked for."""
    steered = run.asked.steered
    asked = {fault.link for fault in steered.experiment.faults} if steered else set()
    return frozenset(asked | {fault.link for fault in run.plan.faults})


def _locust(run: Run, undo: Any) -> Engine:
    from harness.load.locust_engine import locust_engine

    return locust_engine(run.directory, undo, run.progress.note)


def _load_spec(run: Run, server: Server) -> LoadSpec:
    scenario = run.asked.scenario
    return LoadSpec(
        base_url=server.loaded.base_url,
        mcp_url=server.loaded.mcp_url,
        ws_url=server.loaded.ws_url,
        protocol=server.protocol,
        spool_dir=str(run.directory.spool),
        epoch_ns=run.epoch.origin_ns,
        seed=scenario.seed,
        headers=server.headers,
        mix={str(name): weight for name, weight in scenario.mix.items()},
        workload=[asdict(call) for call in scenario.workload],
        mirrored=server.found.mirrored,
        listen=scenario.target.listen,
        think=scenario.think,
        timeout_s=scenario.timeout,
        workers=scenario.workers,
        expect_workers=scenario.expect_workers,
        bind=scenario.bind,
    )


def _write_down(directory: RunDirectory, asked: Asked, plan: Plan) -> None:
    """What was asked for, before anything starts."""
    directory.write_yaml("scenario.yaml", redact.tree(asdict(asked.scenario)))
    directory.write_json("plan.json", plan.as_json())


def _facts(asked: Asked, directory: RunDirectory, epoch: Epoch) -> dict[str, Any]:
    scenario = asked.scenario
    target: Mapping[str, Any] = {"url": scenario.target.url, "protocol": scenario.target.protocol}
    return {
        "schema": metadata.METADATA_SCHEMA,
        "run_id": directory.run_id,
        "scenario": scenario.name,
        "command": asked.command,
        "argv": redact.command_line(list(asked.argv)),
        "started_at": epoch.started_at.isoformat(),
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
    }
