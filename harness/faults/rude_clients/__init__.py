"""Rude clients, one kind of misbehaviour in each file: `MANNERS` is the list of them.

    crowd -> so many clients, each: act, wait, act, wait, ...        counted act by act; all of it closed at the end

They act on the same server as the load's users. What the server does to them is only counted; how the users'
calls went meanwhile is the result.
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

# One line for each kind, with the names of `catalogue.RUDE`; a test compares them. The last value is the
# count that proves that it happened.
MANNERS: dict[str, Manner] = {
    "disconnect": Manner(disconnect.act, "cut"),
    "slow_send": Manner(slow_send.act, "dripped"),
    "never_read": Manner(never_read.act, "unread"),
    "malformed": Manner(malformed.act, "sent"),
    "oversized": Manner(oversized.act, "sent"),
    "expired": Manner(expired.act, "reused"),
    "sessions": Manner(sessions.act, "opened"),
}
