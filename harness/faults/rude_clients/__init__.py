"""Clients that do not behave, one manner a file: `MANNERS` is the list of them.

    crowd -> so many clients, each: act, wait, act, wait, ...        counted act by act; all of it closed at the end

They come beside the load's users, to the same server, and make up for nothing: whatever the server does to them is
counted and left at that. What the users felt meanwhile is the result.
"""

from harness.faults.rude_clients import (
    disconnect,
    expired,
    malformed,
    never_read,
    oversized,
    sessions,
    slow_send,
)
from harness.faults.rude_clients.crowd import Manner

# One line a manner, the names of `catalogue.RUDE`; a test holds the two together. The count that proves it stands last.
MANNERS: dict[str, Manner] = {
    "disconnect": Manner(disconnect.act, "cut"),
    "slow_send": Manner(slow_send.act, "dripped"),
    "never_read": Manner(never_read.act, "unread"),
    "malformed": Manner(malformed.act, "sent"),
    "oversized": Manner(oversized.act, "sent"),
    "expired": Manner(expired.act, "reused"),
    "sessions": Manner(sessions.act, "opened"),
}
