"""Work lost or done twice: what was promised while faults came and went, and what was there afterwards.

Definitions. *Acknowledged*: written, and answered with a result. *Missing*: acknowledged, and not there.
*Duplicated*: there more than once, acknowledged or not. *Indeterminate*: written without an answer that
promises anything; it may be there or not, and neither is wrong. *Kept*: indeterminate, and there.

Nothing is known when the entries could not be read back to their end.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.mcp import outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What became of the entries."""

    acknowledged: int
    missing: int
    duplicated: int
    indeterminate: int
    kept: int

    def as_row(self) -> dict[str, int]:
        """`work` of the summary."""
        row = asdict(self)
        del row["kept"]
        return row


def measure(lines: Sequence[Mapping[str, Any]]) -> Work | str | None:
    """None when no work was counted; else what became of it, or why nobody can say."""
    if not lines:
        return None
    found = next((line["found"] for line in lines if "found" in line), None)
    if found is None:
        why = next((line["unread"] for line in lines if "unread" in line), "the run ended before")
        return f"what was acknowledged could not be read back: {why}"
    there = Counter(found)
    written = {str(line["entry"]): line["outcome"] == outcome.OK for line in lines if "entry" in line}
    acknowledged = [entry for entry, promised in written.items() if promised]
    indeterminate = [entry for entry, promised in written.items() if not promised]
    return Work(
        acknowledged=len(acknowledged),
        missing=sum(entry not in there for entry in acknowledged),
        duplicated=sum(times > 1 for times in there.values()),
        indeterminate=len(indeterminate),
        kept=sum(entry in there for entry in indeterminate),
    )
