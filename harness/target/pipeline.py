"""One call of a tool, from its name and arguments to an Outcome, the same behind every door:

  number it -> find the tool -> check its arguments -> may the caller? -> run it -> record it

- whatever goes wrong is an Outcome with a kind, never an exception; each door says the kinds in its own way;
- every call is recorded once, also one that was refused or whose client left (`executions`);
- when the client leaves, a reading call is stopped in PostgreSQL too, and recorded as cancelled; a writing one
  is carried through, since its effect and its record must not depend on who is still listening.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from harness.target import caller, executions
from harness.target.connecting import UNREACHABLE, reason
from harness.target.databases import Databases
from harness.target.dialect import RefusedError
from harness.target.executions import Execution, Executions
from harness.target.pool import BusyError
from harness.target.tools import TOOLS, BadArgumentsError, Tool

_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: the result as a value and as JSON text, or what went wrong."""

    text: str
    value: dict[str, Any] | None = None
    kind: str = executions.OK

    @property
    def is_error(self) -> bool:
        return self.value is None


class Pipeline:
    """The way of every call; see the module."""

    def __init__(self, databases: Databases, recorder: Executions, tools: Mapping[str, Tool] = TOOLS) -> None:
        self._databases, self._executions, self._tools = databases, recorder, tools
        self._carried: set[asyncio.Task[Outcome]] = set()

    async def execute(self, door: str, name: str, arguments: Mapping[str, Any]) -> Outcome:
        """Run one tool to its outcome, for the present caller."""
        execution = self._executions.begin(door, name)
        tool = self._tools.get(name)
        if tool is not None and tool.writes:
            carried = asyncio.create_task(self._executed(execution, tool, arguments))
            self._carried.add(carried)
            carried.add_done_callback(self._carried.discard)
            return await asyncio.shield(carried)
        return await self._executed(execution, tool, arguments)

    async def settle(self) -> None:
        """Return when the writes under way are done; each has its own time limits."""
        if self._carried:
            await asyncio.wait(self._carried)

    async def _executed(
        self, execution: Execution, tool: Tool | None, arguments: Mapping[str, Any]
    ) -> Outcome:
        outcome = Outcome("The tool failed: this is a fault of the service.", kind=executions.FAILED)
        try:
            outcome = await self._outcome(execution, tool, arguments)
        except asyncio.CancelledError:
            outcome = Outcome("The client left.", kind=executions.CANCELLED)
            raise
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
            given: dict[str, Any] = {"execution": execution, **values} if tool.writes else values
            value = await tool.run(self._databases, **given)
        except BadArgumentsError as error:
            return Outcome(str(error), kind=executions.BAD_ARGUMENTS)
        except caller.ForbiddenError as error:
            return Outcome(str(error), kind=executions.FORBIDDEN)
        except RefusedError as error:
            return Outcome(str(error), kind=executions.REFUSED)
        except BusyError as error:
            return Outcome(f"The service is busy: {error}.", kind=executions.BUSY)
        except UNREACHABLE as error:
            return Outcome(f"The database does not answer: {reason(error)}", kind=executions.UNREACHED)
        except asyncpg.PostgresError as error:
            return Outcome(f"The database refused: {error}", kind=executions.DATABASE_ERROR)
        return Outcome(_json.encode(value).decode(), value)
