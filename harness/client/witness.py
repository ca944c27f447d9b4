"""Tells somebody of each exchange of a client: what was sent, and the beginning of what came back.

    with told_to(seen.append):           from here on, also in tasks that are started there
        await client.exchange(request)

Secrets are in it: whoever shows it hides them. Nothing is kept where nobody has asked.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from harness.mcp.messages import Reply, Request

KEPT_BYTES = 8_192  # of a body


@dataclass(frozen=True, slots=True)
class Seen:
    """One exchange; `received` is how long the body was as far as it was read."""

    url: str
    method: str
    operation: str
    sent_headers: Mapping[str, str] = field(repr=False)
    sent: bytes = field(repr=False)
    sent_bytes: int
    reply: Reply
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received: int
    took_s: float


@dataclass(slots=True)
class Glimpse:
    """The part of an answer that has arrived so far."""

    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    received: int = 0

    def piece(self, chunk: bytes) -> None:
        """A piece of the body; its beginning is kept."""
        self.received += len(chunk)
        self.body += chunk[: max(0, KEPT_BYTES - len(self.body))]


Witness = Callable[[Seen], object]
_WITNESS: ContextVar[Witness | None] = ContextVar("witness", default=None)


@contextmanager
def told_to(witness: Witness) -> Iterator[None]:
    """Tell this one, inside the block, and in what is started there."""
    token = _WITNESS.set(witness)
    try:
        yield
    finally:
        _WITNESS.reset(token)


def glimpse() -> Glimpse | None:
    """Something to look with, where somebody wants to know."""
    return None if _WITNESS.get() is None else Glimpse()


def tell(
    url: str,
    request: Request,
    headers: Mapping[str, str],
    reply: Reply,
    took_s: float,
    seen: Glimpse | None = None,
) -> None:
    """One exchange is over; without a glimpse its result is what came back."""
    witness = _WITNESS.get()
    if witness is None:
        return
    if seen is None:
        seen = Glimpse()
        seen.piece(b"" if reply.result is None else bytes(reply.result))
    witness(
        Seen(
            url,
            request.method,
            request.operation,
            {**headers, **dict(request.headers)},
            request.body[:KEPT_BYTES],
            len(request.body),
            reply,
            seen.headers,
            bytes(seen.body),
            seen.received,
            took_s,
        )
    )
