"""Sessions: how many were opened, how many the server forgot, how many were opened again.

Definitions. Opened: ok calls of an operation that opens a session (`OPENING`). Lost: calls that ended as
`session_lost`, so a session that several calls found missing counts several times. Reopened: sessions opened
by a user who had opened one before. Whether sessions survive a restart is asked by faults that restart the
target, and None without one.
"""

from typing import Any, Final

import numpy as np

from harness.analysis.calls import OK, Calls
from harness.mcp import outcome

OPENING: Final = ("initialize", "websocket/open")


def measure(calls: Calls) -> dict[str, Any]:
    """`sessions` of the summary."""
    known = calls.names["operation"]
    codes = [known.index(name) for name in OPENING if name in known]
    opened = calls.take(np.isin(calls.operation, codes) & (calls.kind == OK))
    owners = np.unique(opened.worker.astype(np.int64) << 32 | opened.user.astype(np.int64))
    return {
        "opened": len(opened),
        "lost": calls.of_outcome(outcome.SESSION_LOST),
        "reopened": len(opened) - len(owners),
        "survived_restart": None,
    }
