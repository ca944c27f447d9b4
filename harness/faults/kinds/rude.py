"""Rude: misbehaving clients, beside the load's users; what those felt is the result.

| how | what each does |
|---|---|
| `disconnect` | asks, and resets the connection when the answer has begun |
| `slow_send` | sends a request a byte at a time, and never all of it: half of them its headers, half its body |
| `never_read` | asks again and again on one connection, five times an act, and reads none of the answers |
| `malformed` | sends what is not HTTP, not JSON, not JSON-RPC or not MCP, in turns |
| `oversized` | sends a message of `size` bytes |
| `expired` | uses sessions that it has ended, and some that never were |
| `sessions` | opens sessions and ends none |

They go straight to the server, by HTTP (Streamable HTTP or plain JSON-RPC; not over TLS, not by WebSocket), from the
harness's own process, which makes no load: at most clients / every acts a second. What they did and what the server said
is counted (`did` of the fault in summary.json); it proves that it happened, and none of it is among the samples.
Exposed are the users' calls that were on their way meanwhile. Healing closes every connection and ends the sessions that
were opened, as far as the server lets them in the time; the rest run out.
"""

import resource
from collections.abc import Mapping

from harness.faults.canary.evidence import LIMIT_S, Canaries, VerificationResult
from harness.faults.rude_clients import MANNERS
from harness.faults.rude_clients.client import McpEndpoint
from harness.faults.rude_clients.crowd import Crowd
from harness.foundation.clock import RealClock
from harness.foundation.errors import ServiceError
from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites.server_site import ServerSite

SHOWN_S = 10.0
FILES_SPARE = 200


class Rude:
    """The fault that sends rude clients, all of one kind, to the server."""

    def __init__(self, entrance: ServerSite, name: str, parameters: Mapping[str, float | str]) -> None:
        del name
        door = McpEndpoint(entrance.url, entrance.protocol, entrance.headers)
        self._how = str(parameters["how"])
        self._crowd = Crowd(
            MANNERS[self._how],
            door,
            int(parameters["clients"]),
            float(parameters["every"]),
            int(parameters.get("size", 0)),
            RealClock(),
        )

    def undo(self) -> Undo | None:
        return None  # they are gone with us

    async def apply(self) -> None:
        _check_files(self._crowd.clients)
        await self._crowd.come()

    async def verify(self, canaries: Canaries, within_s: float = LIMIT_S) -> VerificationResult:
        del canaries, within_s  # the clients themselves know what they did
        if await self._crowd.shown(SHOWN_S):
            return VerificationResult([], "")
        seen = ", ".join(f"{name} {count}" for name, count in self.did().items()) or "nothing"
        return VerificationResult([], f"no client got to it within {SHOWN_S:.0f} s: {seen}")

    async def heal(self) -> None:
        await self._crowd.go()

    def did(self) -> dict[str, int]:
        """Return the counts of what they did, and of how the server reacted."""
        return {name: count for name, count in sorted(self._crowd.counts.items()) if count}


def _check_files(clients: int) -> None:
    """Raise the limit of open files, since each connection needs one.

    Raise ServiceError if that is not possible.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < clients + FILES_SPARE:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, clients + FILES_SPARE), hard))
    if hard < clients + FILES_SPARE:
        raise ServiceError(
            f"{clients} rude clients cannot come", f"This process may have {hard} files open (ulimit -n)"
        )
