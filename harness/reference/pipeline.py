"""One call of a tool, from its name and arguments to an Outcome, the same behind every door:

  number it -> find the tool -> check its arguments -> may the caller? -> run it -> record it

- every error is an Outcome with a kind, never an exception; each door reports the kinds in its own way;
- every call is recorded once, also one that was refused or whose client left (`executions`);
- a call is carried through when its client leaves: what it did and what is recorded of it do not depend on who is
  still listening. Its own time limits end it, and until then it counts as in flight;
- a reading call is stopped, in PostgreSQL too, and recorded as cancelled, when its client says that it wants it no
  more (`leaving`), or when the service ends and nobody waits any more. A writing one never is.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import msgspec

from harness.reference import caller, executions
from harness.reference.abandoned_calls import stop_wanted
from harness.reference.admission import Admission
from harness.reference.connecting import UNREACHABLE, reason
from harness.reference.databases import Databases
from harness.reference.dialect import RefusedError
from harness.reference.executions import Execution, Executions
from harness.reference.json_object import JsonObject
from harness.reference.meter import ResultTooLargeError
from harness.reference.pool import BusyError, UnreadableError
from harness.reference.tools import TOOLS, BadArgumentsError, Tool

_json = msgspec.json.Encoder()
_REFUSALS: Final[Mapping[type[Exception], str]] = {
    BadArgumentsError: executions.BAD_ARGUMENTS,
    caller.ForbiddenError: executions.FORBIDDEN,
    RefusedError: executions.REFUSED,
}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: the result as a value and as JSON text, or what went wrong."""

    text: str
    value: JsonObject | None = None
    kind: str = executions.OK

    @property
    def is_error(self) -> bool:
        return self.value is None


class Pipeline:
    """Executes calls; see the module."""

    def __init__(
        self,
        databases: Databases,
        recorder: Executions,
        tools: Mapping[str, Tool] = TOOLS,
        admission: Admission | None = None,
        *,
        result_bytes_max: int = sys.maxsize,
    ) -> None:
        self._databases, self._executions, self._tools = databases, recorder, tools
        self._admission = admission or Admission(0, 0)
        self._result_bytes_max = result_bytes_max
        self._carried: dict[asyncio.Task[Outcome], bool] = {}  # call -> whether it writes

    async def execute(self, door: str, name: str, arguments: Mapping[str, Any]) -> Outcome:
        """Run one tool for the present caller; return its outcome."""
        execution = self._executions.begin(door, name)
        tool = self._tools.get(name)
        carried = asyncio.create_task(self._executed(execution, tool, arguments))
        self._carried[carried] = writes = tool is not None and tool.writes
        carried.add_done_callback(self._carried.pop)
        try:
            return await asyncio.shield(carried)
        except asyncio.CancelledError:
            if stop_wanted() and not writes:
                carried.cancel("The client cancelled it.")
            elif not carried.done():
                self._admission.stay()
                carried.add_done_callback(lambda _: self._admission.leave())
            raise

    async def settle(self) -> None:
        """Stop reads, which are no longer awaited, and wait for writes, which have time limits."""
        for task, writes in self._carried.items():
            if not writes:
                task.cancel("The service stopped.")
        if self._carried:
            await asyncio.wait(self._carried)

    async def _executed(
        self, execution: Execution, tool: Tool | None, arguments: Mapping[str, Any]
    ) -> Outcome:
        outcome = Outcome("The tool failed: this is a fault of the service.", kind=executions.FAILED)
        try:
            outcome = await self._outcome(execution, tool, arguments)
        except asyncio.CancelledError as error:
            outcome = Outcome(str(error) or "The call was stopped.", kind=executions.CANCELLED)
            raise
        except Exception:  # for the door it is an outcome like the others; it is logged here
            log.exception("%s failed.", execution.tool)
        finally:
            recorded = tool is not None and tool.writes and not outcome.is_error
            words = outcome.text if outcome.is_error else None
            self._executions.end(execution, outcome.kind, words, recorded=recorded)
        return outcome

    async def _outcome(
        self, execution: Execution, tool: Tool | None, arguments: Mapping[str, Any]
    ) -> Outcome:
        if tool is None:
            return Outcome(f"Unknown tool: {execution.tool}", kind=executions.UNKNOWN_TOOL)
        try:
            values = tool.checked(arguments)
            caller.current().must(tool.permission)
            execution.database = values.get("database")  # type: ignore[assignment]  # it is text: checked above
            given: JsonObject = {"execution": execution, **values} if tool.writes else values
            value = await tool.run(self._databases, **given)
        except tuple(_REFUSALS) as error:
            return Outcome(str(error), kind=_REFUSALS[type(error)])
        except ResultTooLargeError:
            return self._too_large()
        except BusyError as error:
            return Outcome(f"The service is busy: {error}.", kind=executions.BUSY)
        except UNREACHABLE as error:
            return Outcome(f"The database does not answer: {reason(error)}", kind=executions.UNREACHED)
        except UnreadableError as error:
            words = f"The result has a value that cannot be read: {error}. Cast it to text."
            return Outcome(words, kind=executions.DATABASE_ERROR)
        except asyncpg.PostgresError as error:
            return Outcome(f"The database refused: {error}", kind=executions.DATABASE_ERROR)
        text = _json.encode(value)
        return Outcome(text.decode(), value) if len(text) <= self._result_bytes_max else self._too_large()

    def _too_large(self) -> Outcome:
        words = f"The result has more than {self._result_bytes_max:,} bytes: ask for fewer rows, or for less of each."
        return Outcome(words, kind=executions.TOO_LARGE)
