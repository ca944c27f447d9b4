"""A server that forgets sessions: all that are open at its so-manieth call, `forgets` of them and no more.

The door answers 404 to a call in a session that it does not know. `counts` has how many were forgotten, and how many calls
found that out.
"""

from tests.truth.servers.door import Call

TAKES_S = 0.01


class Sessions:
    """One tool, `wait`."""

    def __init__(self, forgets: int = 7, at_call: int = 200) -> None:
        self.tools: dict[str, dict[str, object]] = {"wait": {}}
        self._forgets, self._at_call = forgets, at_call

    def call(self, call: Call) -> None:
        known = call.door.sessions
        if call.number == self._at_call and known is not None:
            gone = sorted(known)[-self._forgets :]
            known.difference_update(gone)
            call.door.counts["forgotten"] += len(gone)
        call.after(TAKES_S)
