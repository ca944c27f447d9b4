"""Work lost or done twice: what was promised while faults came and went, and what was there afterwards.

Definitions. *Acknowledged*: written, and answered with a result. *Missing*: acknowledged, and not there.
*Duplicated*: there more than once, acknowledged or not. *Indeterminate*: written without an answer that
promises anything; it may be there or not, and neither is wrong. *Kept*: indeterminate, and there.

Nothing is known when the entries could not be read back to their end.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

    def as_row(self) -> dict[str, int]:
        """`work` of the summary."""
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
    found = next((line["found"] for line in lines if "found" in line), None)
    if found is None:
        why = next((line["unread"] for line in lines if "unread" in line), "the run ended before")
        return f"what was acknowledged could not be read back: {why}"
    there = Counter(found)
    written = {str(line["entry"]): line for line in lines if "entry" in line}
    promised = {entry for entry, line in written.items() if line["outcome"] == outcome.OK}

    def at(entries: Sequence[str]) -> tuple[int, ...]:
        return tuple(sorted(int(written[entry].get("done_ns", 0)) for entry in entries if entry in written))

    missing = [entry for entry in promised if entry not in there]
    duplicated = [entry for entry, times in there.items() if times > 1]
    indeterminate = [entry for entry in written if entry not in promised]
    return Work(
        acknowledged=len(promised),
        missing=len(missing),
        duplicated=len(duplicated),
        indeterminate=len(indeterminate),
        kept=sum(entry in there for entry in indeterminate),
        acknowledged_ns=at(sorted(promised)),
        missing_ns=at(missing),
        duplicated_ns=at(duplicated),
    )
