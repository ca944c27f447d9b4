"""Find work that was lost or done twice: compare what was acknowledged with what is there afterwards.

Every entry that was written is one of three:

- *acknowledged*: answered with a result. It has to be there, once.
- *refused*: answered with an error, or never delivered, because no connection (or no session) could be made.
- *indeterminate*: sent, and not answered: no answer in time, a connection that ended, an answer that was cut off or
  cannot be read, a gateway that says that it had none (502, 504). It may be there or not, and neither is wrong.

*Missing*: acknowledged, and not there. *Duplicated*: there more than once, acknowledged or not. *Kept*: refused or
indeterminate, and there. An error promises nothing, so an entry that was refused and is there breaks no promise.

What was acknowledged and cannot be read back is missing when the server is reached, and answers that it cannot: it
could before the load, which is when reading is tried. When there is no answer nobody can say, and `missing` and
`duplicated` are None. A run in which nothing was acknowledged has shown nothing.

The reference target's own records are counted in the same way: *tasks* (acknowledged when they were accepted, there
when they have finished: once in their history, and with one effect) and *executions* (of each acknowledged entry,
the record of the call that wrote it).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.analysis.finding import Finding, certain, unknown
from harness.mcp import outcome
from harness.run_directory.results import Promises, WorkResult

# Outcomes that mean that a write was not done, except HTTP statuses in GATEWAY: there it may have been.
REFUSED: Final = frozenset(
    {
        outcome.CONNECT,
        outcome.TOOL_ERROR,
        outcome.RPC_ERROR,
        outcome.REJECTED,
        outcome.RATE_LIMITED,
        outcome.UNAUTHORIZED,
        outcome.HTTP_STATUS,
        outcome.SESSION_LOST,
        outcome.INPUT_REQUIRED,
    }
)
GATEWAY: Final = frozenset({502, 504})
# Outcomes that mean that nobody can read the entries; not those that ask to wait or blame the request.
CANNOT: Final = frozenset(
    {
        outcome.TOOL_ERROR,
        outcome.RPC_ERROR,
        outcome.HTTP_STATUS,
        outcome.UNAUTHORIZED,
        outcome.SESSION_LOST,
    }
)
REFUSALS_MOST: Final = 3  # how many kinds of refusals are named


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOutcome:
    """The fate of the entries; times are those of acknowledgement, or of giving up."""

    acknowledged: int
    missing: int | None
    duplicated: int | None
    indeterminate: int
    kept: int
    refused: int = 0
    refusals: str = ""  # the commonest, in words
    unread: str = ""  # why what was acknowledged could not be read back
    answered: bool = False  # whether the server itself gave that answer
    unrecorded: str = ""  # why the target's own records could not be read
    acknowledged_ns: tuple[int, ...] = ()
    missing_ns: tuple[int, ...] = ()
    duplicated_ns: tuple[int, ...] = ()
    tasks: "WorkOutcome | None" = None
    executions: "WorkOutcome | None" = None

    def result(self) -> WorkResult:
        """The value of `work` in the summary."""
        return WorkResult(
            acknowledged=self.acknowledged,
            missing=self.missing,
            duplicated=self.duplicated,
            indeterminate=self.indeterminate,
            refused=self.refused,
            refused_why=self.refusals or None,
            unread=self.unread or None,
            tasks=self.tasks.counts() if self.tasks else None,
            executions=self.executions.counts() if self.executions else None,
        )

    def broken_promises(self) -> list[str]:
        """One sentence for each kind of broken promise."""
        if self.unread and self.missing:
            return [
                f"{self.missing:,} acknowledged {_entries(self.missing)} could not be read back: the server answers {self.unread}"
            ]
        counted = {
            "entries are missing": (self, "entries are stored more than once"),
            "tasks did not finish": (self.tasks, "tasks finished more than once"),
            "entries have no record of their execution": (self.executions, "entries have several records"),
        }
        broken: list[str] = []
        for lost, (one, twice) in counted.items():
            if one is not None and one.missing:
                broken.append(f"{one.missing:,} of {one.acknowledged:,} acknowledged {lost}")
            if one is not None and one.duplicated:
                broken.append(f"{one.duplicated:,} {twice}")
        return broken

    def doubts(self) -> list[str]:
        """Say what cannot be known, and why."""
        if not self.acknowledged and not self.duplicated:
            return [f"no entry was acknowledged, so durability was not tested: {self.not_acknowledged()}"]
        doubts = []
        if self.unread and not self.answered:
            doubts.append(
                f"{self.acknowledged:,} acknowledged {_entries(self.acknowledged)} could not be read back: {self.unread}"
            )
        if self.unrecorded:
            doubts.append(f"the records of what was acknowledged could not be read: {self.unrecorded}")
        return doubts

    def not_acknowledged(self) -> str:
        """Describe the fate of the entries that were not acknowledged."""
        refused = f"{self.refused:,} {_were(self.refused)} refused ({self.refusals})" if self.refused else ""
        open_ = (
            f"{self.indeterminate:,} {_were(self.indeterminate)} not answered" if self.indeterminate else ""
        )
        return ", ".join(part for part in (refused, open_) if part) or "none was written"

    def counts(self) -> Promises:
        """The counts of one kind of promises."""
        return Promises(
            acknowledged=self.acknowledged,
            missing=self.missing,
            duplicated=self.duplicated,
            indeterminate=self.indeterminate,
            refused=self.refused,
        )


def measure(lines: Sequence[Mapping[str, Any]]) -> WorkOutcome | None:
    """Return the fate of the written entries; None when no work was counted."""
    if not lines:
        return None
    written = {str(line["entry"]): line for line in lines if "entry" in line}
    read_back, unread = _first(lines, "found"), _first(lines, "unread")
    if read_back is None:
        answered = bool(_first(lines, "answered"))
        seen = Counter(_first(lines, "seen") or ())
        counted = _count(written, seen)
        if not answered:
            counted = replace(counted, missing=None, missing_ns=(), kept=0)
        return replace(
            counted,
            duplicated=None,
            duplicated_ns=(),
            unread=unread or "the run ended before",
            answered=answered,
        )
    executed, finished = _first(lines, "executed"), _first(lines, "finished")
    tasks = {str(line["task"] or number): line for number, line in enumerate(lines) if "task" in line}
    return replace(
        _count(written, Counter(read_back)),
        unrecorded=_first(lines, "unrecorded") or "",
        tasks=None
        if finished is None
        else _count(tasks, {task: max(ends, effects) for task, (ends, effects) in finished.items() if ends}),
        executions=None if executed is None else _count(written, executed),
    )


def findings(work: WorkOutcome | None) -> list[Finding]:
    """The findings about work: they need no objective and no measurement."""
    if work is None:
        return []
    broken = [finding for reason in work.broken_promises() for finding in certain(reason)]
    return broken + [finding for reason in work.doubts() for finding in unknown(reason)]


def _first(lines: Sequence[Mapping[str, Any]], what: str) -> Any:
    return next((line[what] for line in lines if what in line), None)


def _count(written: Mapping[str, Mapping[str, Any]], there: Mapping[str, int]) -> WorkOutcome:
    """Count the promises, and how many times each entry is there."""
    promised = {name for name, line in written.items() if line["outcome"] == outcome.OK}
    refused = {name for name, line in written.items() if _was_refused(line)}

    def at(names: Iterable[str]) -> tuple[int, ...]:
        return tuple(sorted(int(written[name].get("done_ns", 0)) for name in names if name in written))

    missing = [name for name in promised if not there.get(name)]
    duplicated = [name for name, times in there.items() if times > 1]
    return WorkOutcome(
        acknowledged=len(promised),
        missing=len(missing),
        duplicated=len(duplicated),
        indeterminate=len(written) - len(promised) - len(refused),
        refused=len(refused),
        refusals=_refusals([written[name] for name in refused]),
        kept=sum(name in there for name in written if name not in promised),
        acknowledged_ns=at(promised),
        missing_ns=at(missing),
        duplicated_ns=at(duplicated),
    )


def _was_refused(line: Mapping[str, Any]) -> bool:
    """Whether the entry was answered with an error, or never sent."""
    if not line.get("sent", True):
        return True
    ended = line["outcome"]
    return ended in REFUSED and not (ended == outcome.HTTP_STATUS and line.get("status") in GATEWAY)


def _refusals(lines: Sequence[Mapping[str, Any]]) -> str:
    """The most frequent outcomes of refused entries, each with its most frequent detail."""
    kinds = Counter(str(line["outcome"]) for line in lines).most_common()
    parts = []
    for kind, count in kinds[:REFUSALS_MOST]:
        details = Counter(str(line.get("detail") or "") for line in lines if line["outcome"] == kind)
        detail = details.most_common(1)[0][0]
        parts.append(
            f"{f'{count:,} times ' if len(kinds) > 1 else ''}{kind}{f': {detail}' if detail else ''}"
        )
    return "; ".join(parts)


def _entries(count: int) -> str:
    return "entry" if count == 1 else "entries"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
