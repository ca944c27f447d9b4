"""The load of a run, and beside it: faults, an experiment, entries that are counted afterwards.

player.play ----------------------------------------> why it ended
injector, experiment ------ ... healed -----------|   awaited, however the load ended
entries and tasks are written ---------------|        then read back, when all is healed
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from harness.conduct.durability import entries
from harness.conduct.durability.entries import READING_S, WorkEntries
from harness.conduct.durability.tasks import OPEN_S, SubmittedTasks
from harness.conduct.experiments.experiment import perform
from harness.conduct.experiments.steering import ExperimentSteering
from harness.conduct.play import Player
from harness.conduct.run_values import RunContext, Steered
from harness.conduct.setup.server import ServerUnderTest
from harness.conduct.setup.trial import tried
from harness.conduct.stalls import Stalls
from harness.conduct.watched_parts import Parts
from harness.foundation import free_memory
from harness.foundation.clock import Clock
from harness.scenario.model import REFERENCE_WORK, Work

SOON_S = 10.0  # for reading back, when the run is interrupted
GIVE_BACK_EVERY_S = 60.0
HEALING_S = 20.0  # a fault that ends with the load may take a moment more to heal and prove it


async def play(
    run: RunContext, server: ServerUnderTest, player: Player, steering: ExperimentSteering, parts: Parts
) -> str:
    """Play load and faults; return why the load ended. Entries are read back when all is healed."""
    work = _work(run)
    if work is None:
        return await play_with_faults(run, player, steering, parts)
    with _work_entries(run, work) as written:
        writing = [asyncio.ensure_future(written.write(server.door(through=True)))]
        tasks = (
            SubmittedTasks(written, server.records)
            if server.records is not None and work is REFERENCE_WORK
            else None
        )
        if tasks is not None:
            writing.append(asyncio.ensure_future(tasks.send(server.loaded.base_url)))
        try:
            reason = await play_with_faults(run, player, steering, parts)
        except BaseException:  # the samples so far are kept, so check the promises so far
            await _stopped(writing)
            await _read_back(server, written, tasks, SOON_S)
            raise
        await _stopped(writing)
        for each in writing:
            if not each.cancelled():
                each.result()  # it ends by itself only with an error: raise that
        run.progress.note("  reading back what was written")
        await _read_back(server, written, tasks)
        written.check()
    return reason


async def try_work(run: RunContext, server: ServerUnderTest) -> None:
    """Try before the load that an entry can be written and read back; raise if not."""
    if (work := _work(run)) is not None:
        with _work_entries(run, work) as written:
            await tried(written, server.door(through=True), server.door(through=False))


def _work_entries(run: RunContext, work: Work) -> AbstractContextManager[WorkEntries]:
    asked = run.asked
    return entries.opened(run.directory.work, work, run.directory.run_id, run.clock, asked.scenario.seed)


async def _stopped(writing: "Sequence[asyncio.Future[None]]") -> None:
    for each in writing:
        each.cancel()
    await asyncio.wait(writing)


async def _read_back(
    server: ServerUnderTest, written: WorkEntries, tasks: SubmittedTasks | None, within_s: float | None = None
) -> None:
    await written.read(server.door(through=False), within_s or READING_S)
    if tasks is not None:
        await tasks.read(within_s or OPEN_S)


def _work(run: RunContext) -> Work | None:
    """Return the scenario's work; with faults on the reference target, its own log by default; else None."""
    scenario = run.asked.scenario
    reference = not scenario.target.url and not scenario.target.command
    return scenario.work or (REFERENCE_WORK if reference and run.asked.places(run.plan) else None)


async def play_with_faults(
    run: RunContext, player: Player, steering: ExperimentSteering, parts: Parts
) -> str:
    """Play load and faults on one clock; when this returns or raises, every fault has been healed."""
    injector = steering.injector
    playing = asyncio.ensure_future(player.play(run.plan))
    injecting = asyncio.ensure_future(injector.inject(run.plan.faults))
    beside = [injecting]
    watching = [asyncio.ensure_future(parts.until_lost())]
    if run.asked.engine is None:  # simulated calls take no real time
        watching.append(asyncio.ensure_future(Stalls(run, run.asked.clock).until_stalled()))
        watching.append(asyncio.ensure_future(give_back_free_memory(run.asked.clock)))
    if run.asked.steered is not None:
        beside.append(asyncio.ensure_future(_experiment(run, run.asked.steered, steering)))
    try:
        await _until_played(playing, [*beside, *watching])
        reason = playing.result()
        if injector.active:
            await asyncio.wait(beside, timeout=HEALING_S)
        return reason
    finally:
        for each in (playing, *beside, *watching):
            each.cancel()
        # Wait for all, whatever error one has: a fault may still be healing.
        await asyncio.gather(playing, *beside, *watching, return_exceptions=True)


async def give_back_free_memory(clock: Clock) -> None:
    """Return free memory to the system once a minute, until cancelled: a run may last for hours."""
    while True:
        await clock.sleep(GIVE_BACK_EVERY_S)
        await asyncio.to_thread(free_memory.give_back)


async def _until_played(playing: "asyncio.Future[str]", beside: Sequence["asyncio.Future[None]"]) -> None:
    """Wait until the load has been played; an error beside it is raised."""
    waiting: set[asyncio.Future[Any]] = {playing, *beside}
    while not playing.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in done - {playing}:
            each.result()


async def _experiment(run: RunContext, steered: Steered, steering: ExperimentSteering) -> None:
    """Run the experiment when the load is steady; then observe the recovery for a while."""
    await steering.injector.reached(run.plan.steps[0].phase, steered.before_s)
    run.progress.note(f"  ! experiment: {steered.experiment.title}")
    await perform(steered, steering, run.directory.path, run.log)
    await run.asked.clock.sleep(steered.after_s)
    steering.observed.set()
