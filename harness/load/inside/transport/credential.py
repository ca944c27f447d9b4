"""The credential of all requests of this process, as it is now: the conductor has it renewed in time (`harness.client.auth.keeper`).

It goes with every request whose user has none of its own. Heads of requests are made once, and made anew when it changes:
a call costs nothing more for it.
"""

from collections.abc import Mapping
from typing import Final, Protocol
from weakref import WeakSet

from harness.foundation.secrets import hiding
from harness.mcp.messages import Headers


class Follower(Protocol):
    """Has to know of a new credential."""

    def forget(self) -> None: ...


FOLLOWERS: Final["WeakSet[Follower]"] = WeakSet()
_now: list[tuple[str, str]] = []


def use(headers: Mapping[str, str]) -> None:
    """Use these headers from the next request on; they are known as secrets."""
    for value in headers.values():
        hiding.learn_passing(value.rpartition(" ")[2])
    _now[:] = headers.items()
    for follower in list(FOLLOWERS):
        follower.forget()


def beside(headers: Headers) -> Headers:
    """The credential, for requests with these headers; () where they bring one of their own."""
    own = {name.lower() for name, _ in headers}
    return tuple(line for line in _now if line[0].lower() not in own)
