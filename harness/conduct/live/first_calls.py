"""Ends the run when all first calls of the load fail, since more of them would show nothing.

Tools that may write are not called before the load, so a wrong argument for them shows only here. Only calls
of the load count, and only before the first fault, under which calls may well fail. The first success ends
the watch.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from harness.conduct.live.last_second import of_load
from harness.mcp import outcome
from harness.run_directory.samples import rows_with

ENOUGH: Final = 20
FAILED: Final = frozenset(outcome.FAILED)


@dataclass(slots=True)
class FirstCalls:
    """Counts failures until the first success."""

    watching: bool = True
    failures: Counter[str] = field(default_factory=Counter)

    def look(self, tables: Sequence[pa.Table], *, fault_on: bool) -> str:
        """Return the commonest failure once `ENOUGH` calls have failed and none has succeeded, else ""."""
        if fault_on:
            self.watching = False
        if not self.watching:
            return ""
        for table in map(of_load, tables):
            if rows_with(table, "outcome", outcome.OK.__eq__).any():
                self.watching = False
                return ""
            failed = table.filter(pa.array(rows_with(table, "outcome", FAILED.__contains__)))
            for row in failed.select(["outcome", "detail"]).slice(0, ENOUGH).to_pylist():
                how, detail = row["outcome"], row["detail"]
                self.failures[f"{how}: {detail}" if detail else how] += 1
        if self.failures.total() < ENOUGH:
            return ""
        return self.failures.most_common(1)[0][0]
