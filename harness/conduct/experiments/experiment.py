"""Runs a Chaos Toolkit experiment beside a run's load: `chaos run` as a child, which controls our faults.

    steady load -> [hypothesis - method - hypothesis - rollbacks] -> observed for a while -> the load ends

Rollbacks always run (`--rollback-strategy always`; Chaos Toolkit's default skips them after a failure), and
faults that an experiment leaves applied are healed. Its journal is kept in the run directory, secrets hidden,
and its activities become events, so that they are on the charts.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.conduct.experiments.steering import INTERRUPTED, Ending, ExperimentSteering, listening
from harness.conduct.run_values import Steered
from harness.foundation.clock import RunClock
from harness.foundation.secrets import redact
from harness.foundation.secrets.hiding import hide_in
from harness.foundation.units import NS_PER_S
from harness.foundation.untrusted import nesting
from harness.run_directory.directory import write_whole
from harness.run_directory.event_kinds import Activity, ExperimentEnded
from harness.run_directory.events import EventLog
from harness.scenario.experiment import STEERING, Experiment
from harness.services.processes.process import running

JOURNAL, LOG = "journal.json", "experiment.log"


async def perform(asked: Steered, steering: ExperimentSteering, place: Path, log: EventLog) -> None:
    """Run the experiment from the first hypothesis to the last rollback."""
    ending = INTERRUPTED
    try:
        async with listening(steering) as where:
            if asked.telling is None:
                ending = await _run(asked.experiment, where, place)
            else:
                os.write(asked.telling, where.encode())
                os.close(asked.telling)
                ending = await _until_over(steering)
    finally:
        await steering.injector.heal_all()
        for event in activities(place / JOURNAL, steering.clock):
            log.write(event)
        log.write(
            ExperimentEnded(
                at_ns=steering.clock.now_ns(),
                title=asked.experiment.title,
                status=ending.status,
                deviated=ending.deviated,
            )
        )


async def _until_over(steering: ExperimentSteering) -> Ending:
    """Wait until the experiment says that it ended, or has gone, which closes our standard input."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 1) else gone.set())
    waits = [asyncio.ensure_future(steering.ended.wait()), asyncio.ensure_future(gone.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(sys.stdin.fileno())
        for each in waits:
            each.cancel()
    return steering.ending if steering.ended.is_set() else INTERRUPTED


async def _run(experiment: Experiment, where: str, place: Path) -> Ending:
    """Run `chaos run` as a child; return how the experiment ended."""
    journal = place / JOURNAL
    argv = [
        sys.executable,
        "-m",
        "chaostoolkit",
        "--no-version-check",
        "--log-file",
        str(place / "chaos.log"),
    ]
    argv += [
        "run",
        "--journal-path",
        str(journal),
        "--rollback-strategy",
        "always",
        str(experiment.path.absolute()),
    ]
    env = {STEERING: where}
    try:
        async with running(argv, name="chaos", log=place / LOG, env=env) as child:
            await child.wait()
    finally:
        ending = _ending(journal)
    return ending


def _ending(journal: Path) -> Ending:
    """Return the ending from the journal; rewrite the journal without secrets."""
    data = _journal(journal)
    if not data:
        return Ending("failed", deviated=False)
    write_whole(journal, json.dumps(hide_in(redact.tree(data)), indent=1))
    return Ending(data.get("status"), bool(data.get("deviated")))


def activities(journal: Path, clock: RunClock) -> list[Activity]:
    """Return all activities of the experiment, with times of the run's clock."""
    data = _journal(journal)
    hypothesis = _members(data.get("steady_states"))
    parts = [_members(hypothesis.get(part)).get("probes") for part in ("before", "after")]
    results = []
    for run in (run for part in (*parts, data.get("run"), data.get("rollbacks")) for run in _runs(part)):
        with suppress(ValueError, TypeError, OverflowError):  # skip an activity without a valid time
            results.append(_event(run, clock))
    return sorted(results, key=lambda event: event.at_ns)


def _journal(path: Path) -> Mapping[str, Any]:
    """Return the journal; {} when there is none, or it is invalid."""
    with suppress(OSError, ValueError):
        return _members(nesting.of_file(path))
    return {}


def _members(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _runs(value: Any) -> list[Mapping[str, Any]]:
    """Return the activities of a list that have begun."""
    return [run for run in value if _members(run).get("start")] if isinstance(value, list) else []


def _event(run: Mapping[str, Any], clock: RunClock) -> Activity:
    start, end = (_ns(run.get(key) or run["start"], clock) for key in ("start", "end"))
    activity = _members(run.get("activity"))
    good = run.get("status") == "succeeded" and run.get("tolerance_met", True)
    return Activity(
        at_ns=start, name=activity.get("name"), type=activity.get("type"), end_ns=end, succeeded=good
    )


def _ns(text: str, clock: RunClock) -> int:
    """Return a time in ns since the run began; Chaos Toolkit writes UTC without a time zone."""
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=clock.started_at.tzinfo)
    return int((at - clock.started_at).total_seconds() * NS_PER_S)
