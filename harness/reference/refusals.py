"""Records of requests that did not reach a tool: refused at a door, or by the protocol behind it.

    kind                                   what it was
    malformed  invalid_request             no JSON; no JSON-RPC, or a part of the protocol's rules not kept
    unknown_method  invalid_params         nothing of that name; arguments of the method that do not fit
    too_large  too_slow                    a head, a body or a frame beyond the limit; one whose end does not come
    wrong_key  forbidden                   nobody's key; not allowed
    no_session  not_found                  a session unknown, expired, closed or another's; a page that is not there
    rate_limited  overloaded               429 and 503 by the limits of `admission`
    unavailable                            503: a part that is needed does not answer

A flood of bad requests must not cause as many writes. So refusals of one client, door and kind within
GATHER_S share a row: its `count` is their number, the other columns describe the first. In that time at most
CLIENTS_MAX clients have rows of their own, the others share one. Nothing is sampled: the sum of the counts is
the number of refusals, except for those of the last second of a killed process.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mcp_types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    PARSE_ERROR,
    UNSUPPORTED_PROTOCOL_VERSION,
)

from harness.reference import caller
from harness.reference.admission import OVERLOADED, RATE_LIMITED
from harness.reference.journal import Journal, Row, Table, kept
from harness.reference.pool import Pool

GATHER_S: Final = 1.0
CLIENTS_MAX: Final = 100
OTHERS: Final = "others"
TABLE: Final = Table(
    "refusals",
    {
        "id": "bigint",
        "door": "text",
        "client": "text",
        "session": "text",
        "kind": "text",
        "status": "int",
        "code": "int",
        "words": "text",
        "started_at": "timestamptz",
        "count": "bigint",
    },
)
_BY_CODE: Final = {
    PARSE_ERROR: "malformed",
    METHOD_NOT_FOUND: "unknown_method",
    HEADER_MISMATCH: "invalid_request",
    MISSING_REQUIRED_CLIENT_CAPABILITY: "invalid_request",
    UNSUPPORTED_PROTOCOL_VERSION: "invalid_request",
    RATE_LIMITED: "rate_limited",
    OVERLOADED: "overloaded",
}
_BY_STATUS: Final = {
    401: "wrong_key",
    403: "forbidden",
    408: "too_slow",
    413: "too_large",
    431: "too_large",
    503: "unavailable",
}


@dataclass(slots=True)
class _Share:
    """The refusals of one client, door and kind within one second."""

    first: Row
    count: int = 1


class Refusals:
    """Counts refusals, and hands their rows to a journal."""

    def __init__(self, pool: Pool) -> None:
        self.journal = Journal(pool, TABLE, gather_s=GATHER_S)
        self._now: dict[tuple[str, str, str], _Share] = {}
        self._clients: set[str] = set()
        self.counts: Counter[tuple[str, str]] = Counter()  # by door and kind

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write rows while the body runs; at the end write the remaining ones, if PostgreSQL answers."""
        async with self.journal.running(self._gathered):
            yield

    def note(
        self,
        door: str,
        words: str,
        *,
        status: int | None = None,
        code: int | None = None,
        session: str | None = None,
    ) -> None:
        """Note a refusal of the present caller."""
        kind = kind_of(status, code)
        self.counts[door, kind] += 1
        client = self._client(caller.current().limited_as)
        if (share := self._now.get((door, client, kind))) is not None:
            share.count += 1
            return
        named = session or caller.current().session
        about = (kind, status, code, kept(words), datetime.now(UTC))
        row = (self.journal.next_id(), door, kept(client), kept(named) if named else None, *about)
        self._now[door, client, kind] = _Share(row)
        self.journal.wake()

    def _client(self, name: str) -> str:
        if name not in self._clients:
            if len(self._clients) >= CLIENTS_MAX:
                return OTHERS
            self._clients.add(name)
        return name

    def _gathered(self) -> list[Row]:
        shares, self._now = self._now, {}
        self._clients = set()
        return [(*share.first, share.count) for share in shares.values()]


def kind_of(status: int | None, code: int | None) -> str:
    """Return the kind of a refusal, by the JSON-RPC code if it is specific, else by the HTTP status."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status == 404:
        return "no_session" if code == INVALID_REQUEST else "not_found"
    return "invalid_params" if code == INVALID_PARAMS else "invalid_request"
