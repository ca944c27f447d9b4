"""Why sessions could not be opened, counted by kind. A refusal inside HTTP 200 is one that no count of 5xx will ever show."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from harness.mcp import outcome
from harness.mcp.messages import Reply

KINDS_MOST: Final = 20
DETAIL_CHARS: Final = 120


@dataclass(frozen=True, slots=True)
class Kind:
    """What a refusal looked like."""

    outcome: str
    status: int | None = None
    code: int | None = None
    detail: str = ""

    @property
    def inside_200(self) -> bool:
        """A JSON-RPC error in a response that HTTP calls a success."""
        return self.status == 200 and self.code is not None

    @property
    def words(self) -> str:
        """`503`, or `error -32000 inside HTTP 200: Too many sessions`."""
        if self.inside_200:
            return f"error {self.code} inside HTTP 200" + (f": {self.detail}" if self.detail else "")
        said = f"{self.outcome}: {self.detail}" if self.detail else self.outcome
        return said if self.status is None or str(self.status) in said else f"{said} (status {self.status})"


OTHERS: Final = Kind("others")


@dataclass(slots=True)
class Refusals:
    """All of them so far."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    in_a_row: int = 0

    @property
    def total(self) -> int:
        return self.kinds.total()

    @property
    def ours(self) -> int:
        """Those that are the harness's own limit, and not the server's."""
        return sum(count for kind, count in self.kinds.items() if kind.outcome == outcome.NOT_HELD)

    def note(self, reply: Reply) -> None:
        """Count one; a session that opened ends the row."""
        if reply.outcome == outcome.OK:
            self.in_a_row = 0
            return
        self.in_a_row += 1
        kind = Kind(reply.outcome, reply.status, reply.code, reply.detail[:DETAIL_CHARS])
        self.kinds[kind if kind in self.kinds or len(self.kinds) < KINDS_MOST else OTHERS] += 1
