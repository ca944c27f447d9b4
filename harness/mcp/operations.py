"""Operations: what a call asked for, by the name that its row carries, and which of them are the load.

Definitions. The *load* is what users ask for: tool calls, reads, prompts, lists, pages such as /health. *Protocol* is
what a client must do to be able to ask: opening and closing sessions, notifications, streams that stay open, polling a
task. Both have rows; success, latency and throughput of a run are those of the load. A *journey* is the calls of one
user that belong together: these are of the load, and the row of the journey, which repeats them, is not.

An *opening* that failed stands for the call that it was made for: the user wanted an answer and got none. So a server
that refuses sessions does not look as if all was well with the calls of those it let in.
"""

from typing import Final

NAME_CHARS: Final = 120  # of what a user names: longer names are cut
OPENING: Final = ("initialize", "notifications/initialized", "session/stream", "websocket/open")
JOURNEY: Final = "journey:"
_PROTOCOL: Final = frozenset({*OPENING, "ping"})
_PROTOCOL_FAMILIES: Final = (
    "session/",
    "notifications/",
    "subscriptions/",
    "tasks/",
    "resources/subscribe",
    "server/",
    JOURNEY,
)


def is_protocol(operation: str) -> bool:
    """Whether an operation is part of the protocol, and so not a call of the load."""
    return operation in _PROTOCOL or operation.startswith(_PROTOCOL_FAMILIES)
