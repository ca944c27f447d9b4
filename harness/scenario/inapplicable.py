"""The rows of a resilience matrix that cannot apply to a target, and why: they are said, not silently left out.

Definitions:
- *beyond*: a row is beyond a target when one of its faults acts on a place that the harness cannot reach there.
- Rows that are beyond it for the same reason stand together.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

Rows = Mapping[str, tuple[tuple[str, str], ...]]  # the name of each row, and (kind, link) of its faults
ROWS_MOST: Final = 4
NO_NETWORK: Final = "over stdio there is no network between a user and its process"
NO_HTTP: Final = "rude clients speak HTTP, and a process over stdio has one client"
NO_SERVER: Final = (
    "over stdio every session has a process of its own: there is no server that could be replaced"
)
NO_DOOR: Final = "rude clients speak plain HTTP, and this target speaks another protocol"
NOT_OURS: Final = "the harness does not stop a server that it did not start (target.command in a scenario)"
NO_SECOND: Final = "two processes on one database are for the reference server"
NOT_SEEN: Final = "what is behind your server is not known, unless its links are described (docs/links.md)"
BROKERS: Final = {
    "queue": "no RabbitMQ is there: AMQP_URL, or ask for the row (--only ROW)",
    "sessions": "no Redis is there: REDIS_URL, or ask for the row (--only ROW)",
}
OWN_DATABASE: Final = "DATABASE_URL names a PostgreSQL that the harness did not start"


def beyond(
    wanted: Rows, fit: Collection[str], there: Collection[str], target: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return the rows of `wanted` that do not fit, by the reason for it."""
    found: dict[str, list[str]] = {}
    for row, faults in wanted.items():
        if row not in fit:
            _, link = next((one for one in faults if one[1] not in there), faults[-1])
            found.setdefault(_why(link, target), []).append(row)
    return found


def _why(link: str, target: Mapping[str, Any]) -> str:
    if is_stdio(target):
        return {"client": NO_NETWORK, "door": NO_HTTP, "target": NO_SERVER}.get(link, NOT_SEEN)
    if not target.get("url") and not target.get("command"):
        return BROKERS.get(link, OWN_DATABASE)
    if link == "door":
        return NO_DOOR
    if link != "target":
        return NOT_SEEN
    return NO_SECOND if target.get("command") else NOT_OURS


def is_stdio(target: object) -> bool:
    """Whether a scenario's target, not checked yet, is a command that every session starts."""
    return isinstance(target, Mapping) and target.get("transport") == "stdio"


def rows_and_why(rows: Sequence[str], why: str) -> str:
    """Rows that cannot be, and the reason: of many the first ones."""
    more = len(rows) - ROWS_MOST
    return f"{', '.join(rows[:ROWS_MOST])}{f' and {more} more' if more > 0 else ''}: {why}"
