"""The far side of a canary: the connection that Toxiproxy opened to the server for it, watched through the kernel.

    canary ==near==> [ link: Toxiproxy ] ==far==> server

    near sends ----- up -----> far sends      the server takes its time      far receives ---- down ----> near receives

Up and down together are *held*: how long the link held the request and the reply back. The server's own time
is not in it, however long its queue is. All times are the kernel's, so our own lag is not in them either.

The far connection is a new one to the server's port that has sent exactly as many bytes as the canary (which
pads its request to a length of its own); if several fit, none is taken. If none fits, and some new ones have
sent nothing, the canary's data have not gone on. It is read every `LOOK_S`; if it ended between two reads,
the link held its data for at most the time since the last read.
It cannot see a Toxiproxy in another network namespace or on another machine. Then `held` is unknown, and
canaries through the link have to be compared with canaries beside it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from harness.faults.canary import kernel
from harness.faults.canary.evidence import Far
from harness.faults.canary.kernel import Ends, HasOptions, Seen
from harness.foundation.clock import Clock
from harness.foundation.units import NS_PER_MS, NS_PER_S

LOOK_S = 0.01
SLOW_LOOK_S, SLOWLY_AFTER_S = 0.04, 1.0
# A reply that came within this time was not held for longer than it took.
SOON_MS = 20.0


@dataclass(slots=True)
class ConnectionWatch:
    """Watches the far side of one canary's connection."""

    port: int  # the server's
    near: HasOptions
    others: frozenset[Ends]  # connections to the server that were there before
    clock: Clock
    began_ns: int
    ends: Ends | None = None
    far: Seen | None = None  # as it was when it was last there
    looked_ns: int = 0  # when it had nothing new from the server
    unsent: bool = False
    blind: bool = False
    held_ms: list[float | None] = field(default_factory=list)  # of each exchange

    def look(self) -> None:
        """Read the far side now."""
        if self.blind:
            return
        now_ns = self.clock.now_ns()
        try:
            if self.ends is None:
                self._find(now_ns)
                return
            seen = kernel.same(self.ends, now_ns)
        except OSError:
            self.blind = True
            return
        if seen is not None:
            self._keep(seen, now_ns)

    def _find(self, now_ns: int) -> None:
        mine = kernel.own(self.near, now_ns).bytes_out
        now = kernel.of_port(self.port, now_ns)
        new = {ends: seen for ends, seen in now.items() if ends not in self.others}
        fit = [(ends, seen) for ends, seen in new.items() if mine and seen.bytes_out == mine]
        # Ours is one of these, and the canary's data have not gone on to the server.
        self.unsent = not fit and any(not seen.bytes_out for seen in new.values())
        if len(fit) == 1:
            self.ends, seen = fit[0]
            self._keep(seen, now_ns)

    def _keep(self, seen: Seen, now_ns: int) -> None:
        if self.far is None or seen.bytes_in == self.far.bytes_in:
            self.looked_ns = now_ns
        self.far = seen

    def replied(self, took_ms: float) -> None:
        """Note how long the link held the exchange that has just ended."""
        self.look()
        self.held_ms.append(self._held_ms(took_ms))

    def _held_ms(self, took_ms: float) -> float | None:
        far = self.far
        if self.blind or far is None:
            # The whole exchange was over before the first read.
            return None if self.blind or self.held_ms or took_ms > SOON_MS else took_ms
        near = kernel.own(self.near, self.clock.now_ns())
        if far.bytes_out < near.bytes_out:
            return None
        # If the connection ended before its data were read, they came after the last read.
        known = far.bytes_in >= near.bytes_in
        up_ms = _later_ms(far.sent_ns, near.sent_ns)
        down_ms = _later_ms(near.received_ns, far.received_ns if known else self.looked_ns)
        if up_ms is None or down_ms is None or (not known and down_ms > SOON_MS):
            return None
        return up_ms + down_ms

    def seen(self) -> Far | None:
        """Return the traffic on the far side; None where it could not be read."""
        if self.far is None:
            return Far(0, 0, 0, None) if self.unsent else None
        since_ns = self.far.received_ns
        quiet_ms = None if since_ns is None else (self.clock.now_ns() - since_ns) / NS_PER_MS
        return Far(self.far.bytes_out, self.far.bytes_in, self.far.pieces_in, quiet_ms)

    @property
    def total_ms(self) -> float | None:
        """How long the link held all exchanges together, in ms; None when one of them is unknown."""
        known = [each for each in self.held_ms if each is not None]
        return sum(known) if known and len(known) == len(self.held_ms) else None

    async def follow(self) -> None:
        """Read the far side again and again until cancelled."""
        while not self.blind:
            self.look()
            slowly = self.clock.now_ns() - self.began_ns > SLOWLY_AFTER_S * NS_PER_S
            await asyncio.sleep(SLOW_LOOK_S if slowly else LOOK_S)


def there(port: int | None, clock: Clock) -> frozenset[Ends] | None:
    """Return the present connections to a server's port; None if `port` is None or they cannot be read."""
    if port is None:
        return None
    try:
        return frozenset(kernel.of_port(port, clock.now_ns()))
    except OSError:
        return None


@asynccontextmanager
async def watching(
    port: int | None, near: HasOptions, others: Iterable[Ends] | None, clock: Clock
) -> AsyncIterator[ConnectionWatch]:
    """Watch a canary from connecting to its end; blind if the connections could not be read."""
    watch = ConnectionWatch(
        port or 0, near, frozenset(others or ()), clock, clock.now_ns(), blind=others is None
    )
    following = asyncio.ensure_future(watch.follow())
    try:
        yield watch
    finally:
        watch.look()
        following.cancel()
        await asyncio.wait({following})


def _later_ms(later_ns: int | None, earlier_ns: int | None) -> float | None:
    if later_ns is None or earlier_ns is None:
        return None
    return max(0.0, (later_ns - earlier_ns) / NS_PER_MS)
