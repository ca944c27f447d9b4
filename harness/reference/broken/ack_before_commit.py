"""ack-before-commit: the answer leaves first, the transaction is committed COMMIT_AFTER_S later.

All is well unless something happens in between: a process that is killed takes acknowledged entries with it.
"""

import asyncio
from dataclasses import replace
from typing import Any, Final

from harness.reference.databases import Databases
from harness.reference.executions import Execution
from harness.reference.json_object import JsonObject
from harness.reference.tools import Tool

COMMIT_AFTER_S: Final = 2.0


def append_entry(sound: Tool) -> Tool:
    """Return the tool with a late commit."""
    committing: set[asyncio.Task[None]] = set()

    async def run(databases: Databases, execution: Execution, **values: Any) -> JsonObject:
        answer: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()

        async def append() -> None:
            try:
                async with databases.own.connection() as connection, connection.transaction():
                    answer.set_result(await sound.run(_On(connection), execution=execution, **values))
                    await asyncio.sleep(COMMIT_AFTER_S)
            except Exception as error:  # pass it on to the caller, unless it has its answer
                if answer.done():
                    raise
                answer.set_exception(error)

        task = asyncio.create_task(append())
        committing.add(task)
        task.add_done_callback(committing.discard)
        return await answer

    return replace(sound, run=run)


class _On:
    """Databases with one connection, which is in a transaction, as their own pool."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.own = self

    def connection(self) -> "_On":
        return self

    async def __aenter__(self) -> Any:
        return self._connection

    async def __aexit__(self, *_how: object) -> None:
        """Do nothing: the transaction goes on."""
