"""Keeps the token of a run valid: one source, asked again before the token ends, so that no call fails for it.

    got ------------------- 60 % of its life, or a minute before its end ---- end
                            | asked again; the old one is used until the new one is there

- A token that nobody says the end of is asked for again when a call was refused with it, or every `renew`.
- A call that was refused (401) has a new one asked for at once, since the server may have revoked it; but when that one
  is refused, too, only after a while.
- When there is no new one, it is tried again, and the old one stays. Only the first token ends the run before it began.

`headers` is read for every request of the harness itself; load workers are told of each new token.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final

from harness.client.auth.sources import Source
from harness.client.auth.token import Token
from harness.foundation.clock import Clock, within
from harness.foundation.errors import HarnessError
from harness.foundation.units import NS_PER_S
from harness.run_directory.metadata import TokenFacts

SHARE: Final = 0.6  # of a token's life, after which there is to be another
BEFORE_S: Final = 60.0  # long ones are renewed this long before their end
AGAIN_S_FIRST, AGAIN_S_MOST = 0.25, 5.0
APART_S, APART_S_MOST = 1.0, 30.0  # between two that were asked for because a call was refused; doubling
ARRIVES_NS: Final = (
    NS_PER_S // 2
)  # calls that were sent so soon after a new token may have gone with the old one

Listener = Callable[[Mapping[str, str]], Awaitable[None]]


def due_s(lives_s: float | None, renew_s: float | None) -> float | None:
    """How long after it was asked for a token is to be replaced; None: when a call is refused."""
    known = [each for each in (_of_life(lives_s), renew_s) if each is not None]
    return min(known) if known else None


def _of_life(lives_s: float | None) -> float | None:
    return None if lives_s is None else max(lives_s * SHARE, lives_s - BEFORE_S)


@dataclass(slots=True)
class Keeper:
    """The token of a run."""

    source: Source
    named: str  # the source in words
    clock: Clock
    headers: dict[str, str]  # of all requests; the token is among them
    note: Callable[[str], None]
    renew_s: float | None = None
    tokens: int = 0
    failed: int = 0
    refused: int = 0  # new ones that were asked for because a call was refused
    took_ms: list[float] = field(default_factory=lambda: [0.0, 0.0])  # together, and the longest
    lives_s: float | None = None
    _renewable: bool = True
    _apart_s: float = APART_S
    _asked_ns: int = 0
    _told_ns: int = 0
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _listeners: list[Listener] = field(default_factory=list)

    async def begin(self) -> None:
        """Ask for the first token; HarnessError when there is none."""
        await self._renew()

    async def keep(self) -> None:
        """Ask for the next ones, each in time, until cancelled."""
        while True:
            await self._until_due()
            again_s = AGAIN_S_FIRST
            while not await self._tried(told=again_s > AGAIN_S_FIRST):
                await self.clock.sleep(again_s)
                again_s = min(2 * again_s, AGAIN_S_MOST)

    async def renew_if_due(self) -> None:
        """Ask for a token where there is none, or its time has come: for who asks now and then; HarnessError without one."""
        after_s = due_s(self.lives_s, self.renew_s) if self._renewable else None
        if not self.tokens or (after_s is not None and self._left_s(after_s) <= 0):
            await self._renew()

    def was_refused(self, sent_ns: int) -> None:
        """Note that a call was refused with 401; it was sent at this time of the monotonic clock."""
        if self._renewable and sent_ns > self._told_ns + ARRIVES_NS and not self._wanted.is_set():
            self._wanted.set()

    async def tell(self, listener: Listener) -> None:
        """Tell a listener of the token, and of each that follows."""
        self._listeners.append(listener)
        await listener(self.headers)

    def facts(self) -> TokenFacts:
        """Return the counts and times of token requests, for metadata.json."""
        return TokenFacts(
            source=self.named,
            tokens=self.tokens,
            failed=self.failed,
            refused=self.refused,
            took_ms_mean=round(self.took_ms[0] / self.tokens, 3) if self.tokens else None,
            took_ms_max=round(self.took_ms[1], 3) if self.tokens else None,
            lives_s=self.lives_s,
        )

    async def _tried(self, *, told: bool) -> bool:
        try:
            await self._renew()
        except HarnessError as error:
            self.failed += 1
            if not told:
                self.note(f"Warning: there is no new token. {error.what}: {error.why}")
            return False
        return True

    async def _renew(self) -> None:
        asked_ns = self.clock.now_ns()
        token: Token = await self.source()
        self._asked_ns = asked_ns
        self._wanted.clear()
        self.tokens += 1
        self.took_ms = [self.took_ms[0] + token.took_ms, max(self.took_ms[1], token.took_ms)]
        self.lives_s, self._renewable = token.lives_s, token.renewable
        self.headers |= token.headers
        for listener in self._listeners:
            await listener(self.headers)
        self._told_ns = self.clock.now_ns()

    async def _until_due(self) -> None:
        """Wait until the token is to be replaced, or was refused."""
        after_s = due_s(self.lives_s, self.renew_s) if self._renewable else None
        try:
            async with (
                within(max(0.0, self._left_s(after_s or 0.0))) if after_s is not None else nullcontext()
            ):
                await self._wanted.wait()
        except TimeoutError:
            self._apart_s = APART_S
            return
        self.refused += 1
        await self.clock.sleep(max(0.0, self._left_s(self._apart_s)))
        self._apart_s = min(2 * self._apart_s, APART_S_MOST)

    def _left_s(self, after_s: float) -> float:
        """How long it is until `after_s` after the token was asked for."""
        return after_s - (self.clock.now_ns() - self._asked_ns) / NS_PER_S
