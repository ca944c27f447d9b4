"""Plain JSON-RPC: `{"jsonrpc", "id", "method": TOOL, "params"}` posted to the URL itself. No session."""

from collections.abc import Generator, Iterator, Mapping
from itertools import count
from typing import Any

from harness.mcp.messages import Reply, Request, encode, rpc
from harness.mcp.traits import NO_TRAITS, Traits

HEADERS = (("Accept", "application/json"), ("Content-Type", "application/json"))


class PlainSession:
    """A session without state, except for the next id."""

    session_id: str | None = None

    def __init__(self, traits: Traits = NO_TRAITS) -> None:
        del traits  # there is nothing to declare here
        self.ids: Iterator[int] = count(1)

    def opening(self) -> Generator[Request, Reply, Reply | None]:
        yield from ()
        return None

    closing = opening

    def listening(self) -> None:
        """Return None: plain JSON-RPC has no such stream."""

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Request:
        number = next(self.ids)
        return Request(f"tools/call:{tool}", rpc(number, tool, encode(arguments)), HEADERS, number)

    def request(self, method: str, params: Mapping[str, Any], operation: str = "") -> Request:
        number = next(self.ids)
        return Request(operation or method, rpc(number, method, encode(params)), HEADERS, number)
