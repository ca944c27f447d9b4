"""The first calls of a load: when all of them fail, more of the same shows nothing, and the run ends.

Tools that may write are not called before the load, so this is how a wrong argument is noticed for them. Only calls of
the load count, and only as long as no fault has been applied: calls may well fail under a fault. The first success ends
the watch.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from harness.conduct.live.last_second import of_load
from harness.mcp import outcome

ENOUGH: Final = 20
FAILED: Final = frozenset(outcome.FAILED)


@dataclass(slots=True)
class FirstCalls:
    """Counts failures until the first success."""

    watching: bool = True
    failures: Counter[str] = field(default_factory=Counter)

    def look(self, tables: Sequence[pa.Table], *, fault_on: bool) -> str:
        """The commonest failure, once `ENOUGH` calls have failed and none has succeeded; else nothing."""
        if fault_on:
            self.watching = False
        if not self.watching:
            return ""
        for table in map(of_load, tables):
            ended = zip(table["outcome"].to_pylist(), table["detail"].to_pylist(), strict=True)
            for how, detail in ended:
                if how == outcome.OK:
                    self.watching = False
                    return ""
                if how in FAILED:
                    self.failures[f"{how}: {detail}" if detail else how] += 1
        if self.failures.total() < ENOUGH:
            return ""
        return self.failures.most_common(1)[0][0]
