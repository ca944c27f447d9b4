"""Tasks of a deployment: work that is asked for now and done later, as verify.yaml declares how.

task = tasks.submit()         # its id; it is removed when the check ends
tasks.ended(task)             # waits; the status in which it ended

Where they are on record in the database, `row` and `history` read that.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from harness.foundation.untrusted.printable import printable
from harness.verify.backends import command, page
from harness.verify.backends.database import Database, quoted
from harness.verify.backends.page import Page
from harness.verify.backends.question import ask
from harness.verify.finding import fail
from harness.verify.spec import backends
from harness.verify.spec.backends import Asked
from harness.verify.target import Target
from harness.verify.waiting import eventually

NAMED_CHARS: Final = 120
COMMAND_S: Final = 120.0
FIRST_S: Final = 0.1
ON_RECORD_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task, from its submission to its end."""

    id: str
    row: str | None  # its status on record at once after it was acknowledged; None without a row
    end: str | None  # the status in which it ended; None when it did not in time
    last: str  # that in which it was seen last
    history: tuple[str, ...]
    row_at_end: str | None


@dataclass(frozen=True, slots=True)
class Tasks:
    """For tests that are no coroutines."""

    spec: backends.Tasks
    _target: Target = field(repr=False)
    _database: Database | None = field(repr=False)
    _unique: Callable[[str], str] = field(repr=False)
    _cleanup: Callable[[Callable[[], object]], None] = field(repr=False)

    def submit(self) -> str:
        """A new one; its id. It is a failure when it is not acknowledged."""
        answer = self._asked(self.spec.submit, "")
        task = page.at(answer.value, self.spec.id)
        if not answer.good or not isinstance(task, str | int):
            why = answer.why or f"its answer has no {printable(self.spec.id, NAMED_CHARS)}"
            fail(f"{named(self.spec.submit)} submitted no task: {why}")
        if (removing := self.spec.remove) is not None:
            self._cleanup(lambda: self._removed(removing, str(task)))
        return str(task)

    def status(self, task: str) -> str:
        """As the deployment tells it."""
        answer = self._asked(self.spec.poll, task)
        status = page.at(answer.value, self.spec.status)
        if not answer.good or not isinstance(status, str):
            why = answer.why or f"its answer has no {printable(self.spec.status, NAMED_CHARS)}"
            fail(f"{named(self.spec.poll)} does not give the status of a task: {why}")
        return printable(status, NAMED_CHARS)

    def ended(self, task: str) -> str:
        """Waits until it is done or has failed; which of its statuses that is."""
        ends = {*self.spec.done, *self.spec.failed}
        last = [""]

        def look() -> str:
            last[0] = self.status(task)
            return last[0] if last[0] in ends else ""

        return eventually(
            look,
            f"a task is done ({', '.join(self.spec.done)})",
            self.spec.within,
            FIRST_S,
            state=lambda: last[0],
        )

    def row(self, task: str) -> str | None:
        """Its status on record; None without a row, or where nobody has said where that is."""
        where = self.spec.row
        if where is None or self._database is None:
            return None
        sql = f"SELECT {quoted(where.status)}::text FROM {self._database.table(where.table)} WHERE {quoted(where.id)}::text = $1"  # noqa: S608 - quoted
        status = self._database.value(sql, task)
        return None if status is None else str(status)

    def history(self, task: str) -> tuple[str, ...]:
        """Each status on record, in order."""
        where = self.spec.history
        if where is None or self._database is None:
            return ()
        sql = (
            f"SELECT {quoted(where.status)}::text FROM {self._database.table(where.table)}"  # noqa: S608 - quoted
            f" WHERE {quoted(where.task)}::text = $1 ORDER BY {quoted(where.order)}"
        )
        return tuple(str(status) for (status,) in self._database.fetch(sql, task))

    def followed(self, task: str) -> TaskRun:
        """One that was submitted, to its end or to the end of patience."""
        import pytest

        row = self.row(task)
        end: str | None
        try:
            end = last = self.ended(task)
        except pytest.fail.Exception:
            end, last = None, self.status(task)
        return TaskRun(task, row, end, last, self.history(task), self.row(task))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nobody works on tasks inside, by the user's own commands; they go on however it ends, also by a kill -9."""
        gone_on = self._target.announce_pause()
        try:
            ran = command.run(self.spec.pause, COMMAND_S)
            if not ran.well:
                fail(f"tasks.pause {ran.how()}")
            yield
        finally:
            ran = command.run(self.spec.resume, COMMAND_S)
            if not ran.well:
                fail(f"tasks.resume {ran.how()}\nits workers may still be stopped")
            gone_on()

    def _asked(self, question: Asked, task: str) -> Page:
        return ask(self._target, question, {"id": task, "unique": self._unique("task")})

    def _removed(self, question: Asked, task: str) -> None:
        answer = self._asked(question, task)
        if not answer.good and answer.status not in {404, 410}:
            fail(
                f"{named(question)} ended with {answer.why}: task {printable(task, NAMED_CHARS)} may still be there"
            )


def named(question: Asked) -> str:
    """A question, in words."""
    for method, path in (("GET", question.get), ("POST", question.post), ("DELETE", question.delete)):
        if path:
            return f"{method} {printable(path, NAMED_CHARS)}"
    return printable(question.call, NAMED_CHARS)
