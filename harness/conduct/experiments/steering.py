"""Lets an experiment control a run's faults, and query its load: over loopback, one question a connection.

    apply FAULT     injector.apply: {"verified", "why", ...}; an error when it did not show
    heal NAME       injector.heal: {"healed", "why"}; an error when it could not be healed
    measure LAST    conduct.live.last_rows: {"success_rate", "throughput", "p50", ...}; an error when there were no calls
    end STATUS      the experiment is over

An answer with an error fails the activity that asked. Each question has to carry the run's secret key. The
other end is harness.faults.toolkit.line.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import asdict

from harness.conduct.live.last_rows import LastRows
from harness.faults.injector import Injector
from harness.foundation.clock import RunClock
from harness.foundation.errors import HarnessError, UsageError
from harness.foundation.secrets.hiding import learn
from harness.foundation.units import UnitError, duration_s
from harness.foundation.untrusted import nesting
from harness.run_directory.event_kinds import FaultVerified
from harness.run_directory.events import said
from harness.scenario.experiment import asked_fault
from harness.scenario.plan.plan import FaultStep

LINE_MOST = 65536


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an experiment, as it reported it."""

    status: str | None
    deviated: bool | None


INTERRUPTED: Final = Ending("interrupted", deviated=False)

Answer = Mapping[str, Any]  # JSON, on a line


@dataclass(slots=True)
class ExperimentSteering:
    """Answers the questions of an experiment."""

    injector: Injector
    recent: LastRows
    clock: RunClock
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    observed: asyncio.Event = field(default_factory=asyncio.Event)  # recovery, too: the load may end
    ending: Ending = INTERRUPTED

    async def answer(self, question: Mapping[str, Any]) -> Answer:
        """Answer one question; {"error": ...} when that fails."""
        asked: dict[str, Callable[[Mapping[str, Any]], Awaitable[Answer]]] = {
            "apply": self._apply,
            "heal": self._heal,
            "measure": self._measure,
            "end": self._end,
        }
        if question.get("ask") not in asked:
            return {"error": f"there is no {question.get('ask')!r}; there are {', '.join(asked)}"}
        try:
            return await asked[question["ask"]](question)
        except HarnessError as error:
            return {"error": "; ".join(error.lines())}
        except UnitError as error:
            return {"error": str(error)}

    async def _apply(self, question: Mapping[str, Any]) -> Answer:
        fault = asked_fault(str(question.get("fault")), "the experiment", self.injector.sites)
        if fault.link not in self.injector.sites:
            raise UsageError(
                f"This run has no {fault.link} link", "Its experiment did not name one beforehand"
            )
        now_s = self.clock.now_ns() / 1e9
        step = FaultStep(
            name=fault.name,
            kind=fault.kind,
            link=fault.link,
            step=None,
            offset_s=now_s,
            starts_s=now_s,
            for_s=0.0,  # until it is healed
            parameters=fault.parameters,
        )
        verified = await self.injector.apply(step)
        if isinstance(verified, FaultVerified) and verified.verified:
            return said(verified)
        return {"error": f"{fault.name} did not show: {verified.why}"}

    async def _heal(self, question: Mapping[str, Any]) -> Answer:
        healed = await self.injector.heal(str(question.get("name")))
        return said(healed) if healed.healed else {"error": f"{healed.name} is not healed: {healed.why}"}

    async def _measure(self, question: Mapping[str, Any]) -> Answer:
        last_s = duration_s(str(question.get("last")))
        figures = self.recent.measure(self.clock.now_ns(), last_s)
        return asdict(figures) if figures else {"error": f"no call ended in the last {last_s:g} s"}

    async def _end(self, question: Mapping[str, Any]) -> Answer:
        self.ending = Ending(question.get("status"), question.get("deviated"))
        self.ended.set()
        return {}


@asynccontextmanager
async def listening(steering: ExperimentSteering) -> AsyncIterator[str]:
    """Listen for questions; yield PORT:KEY."""
    key = secrets.token_hex(16)
    learn(key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            try:
                line = await reader.readline()
                question = nesting.value(line, LINE_MOST)
                known = isinstance(question, dict) and secrets.compare_digest(str(question.get("key")), key)
                reply: Answer = await steering.answer(question) if known else {"error": "the key is wrong"}
            except (ValueError, TypeError) as error:
                reply = {"error": f"a question is one line of JSON: {error}"}
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        except ConnectionError:  # the asker has closed the connection
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=LINE_MOST)
    try:
        yield f"{server.sockets[0].getsockname()[1]}:{key}"
    finally:
        server.close()
