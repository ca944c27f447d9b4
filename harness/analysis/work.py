"""Work lost or done twice: what was promised while faults came and went, and what was there afterwards.

Definitions. *Acknowledged*: written, and answered with a result. *Missing*: acknowledged, and not there.
*Duplicated*: there more than once, acknowledged or not. *Indeterminate*: written without an answer that
promises anything; it may be there or not, and neither is wrong. *Kept*: indeterminate, and there.

The reference target's own records are counted in the same way: *tasks* (acknowledged when they were accepted, there
when they have finished: once in their history, and with one effect) and *executions* (of each acknowledged entry,
the record of the call that wrote it).

Nothing is known when the entries could not be read back to their end, or the records not at all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.mcp import outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What became of the entries; the times are those at which they were acknowledged, or given up."""

    acknowledged: int
    missing: int
    duplicated: int
    indeterminate: int
    kept: int
    acknowledged_ns: tuple[int, ...] = ()
    missing_ns: tuple[int, ...] = ()
    duplicated_ns: tuple[int, ...] = ()
    tasks: "Work | None" = None
    executions: "Work | None" = None

    def as_row(self) -> dict[str, Any]:
        """`work` of the summary."""
        return self.counts() | {
            "tasks": self.tasks.counts() if self.tasks else None,
            "executions": self.executions.counts() if self.executions else None,
        }

    def broken_promises(self) -> list[str]:
        """A sentence for each kind of them."""
        counted = {
            "entries are missing": (self, "entries are there more than once"),
            "tasks did not finish": (self.tasks, "tasks finished more than once"),
            "entries have no record of their execution": (self.executions, "entries have several records"),
        }
        said: list[str] = []
        for lost, (one, twice) in counted.items():
            if one is not None and one.missing:
                said.append(f"{one.missing:,} of {one.acknowledged:,} acknowledged {lost}")
            if one is not None and one.duplicated:
                said.append(f"{one.duplicated:,} {twice}")
        return said

    def counts(self) -> dict[str, int]:
        """Of one kind of promises."""
        return {
            "acknowledged": self.acknowledged,
            "missing": self.missing,
            "duplicated": self.duplicated,
            "indeterminate": self.indeterminate,
        }


def measure(lines: Sequence[Mapping[str, Any]]) -> Work | str | None:
    """None when no work was counted; else what became of it, or why nobody can say."""
    if not lines:
        return None
    found = _told(lines, "found")
    if found is None:
        why = _told(lines, "unread") or "the run ended before"
        return f"what was acknowledged could not be read back: {why}"
    if why := _told(lines, "unrecorded"):
        return f"the records of what was acknowledged could not be read: {why}"
    written = {str(line["entry"]): line for line in lines if "entry" in line}
    executed, finished = _told(lines, "executed"), _told(lines, "finished")
    tasks = {str(line["task"] or number): line for number, line in enumerate(lines) if "task" in line}
    return replace(
        _count(written, Counter(found)),
        tasks=None
        if finished is None
        else _count(tasks, {task: max(ends, effects) for task, (ends, effects) in finished.items() if ends}),
        executions=None if executed is None else _count(written, executed),
    )


def _told(lines: Sequence[Mapping[str, Any]], what: str) -> Any:
    return next((line[what] for line in lines if what in line), None)


def _count(written: Mapping[str, Mapping[str, Any]], there: Mapping[str, int]) -> Work:
    """Promises, and how many times each is there."""
    promised = {name for name, line in written.items() if line["outcome"] == outcome.OK}

    def at(names: Iterable[str]) -> tuple[int, ...]:
        return tuple(sorted(int(written[name].get("done_ns", 0)) for name in names if name in written))

    missing = [name for name in promised if not there.get(name)]
    duplicated = [name for name, times in there.items() if times > 1]
    indeterminate = [name for name in written if name not in promised]
    return Work(
        acknowledged=len(promised),
        missing=len(missing),
        duplicated=len(duplicated),
        indeterminate=len(indeterminate),
        kept=sum(name in there for name in indeterminate),
        acknowledged_ns=at(promised),
        missing_ns=at(missing),
        duplicated_ns=at(duplicated),
    )
