"""The token of a run is kept valid: renewed in time, after a refusal, and again when there was none."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import pytest

from harness.client.auth.keeper import Keeper
from harness.client.auth.token import Token
from harness.foundation.clock import RealClock
from harness.foundation.errors import UsageError
from harness.foundation.units import NS_PER_S


class Source:
    """Gives tokens t1, t2, ...; fails as often as it is told."""

    def __init__(self, lives_s: float | None, *, renewable: bool = True) -> None:
        self.lives_s, self.renewable = lives_s, renewable
        self.given, self.fails = 0, 0

    async def __call__(self) -> Token:
        if self.fails:
            self.fails -= 1
            raise UsageError("no token today", "it rains")
        self.given += 1
        return Token(f"t{self.given}", self.lives_s, 2.0, self.renewable)


@asynccontextmanager
async def kept(source: Source) -> AsyncIterator[tuple[Keeper, "asyncio.Queue[str]", list[str]]]:
    """A keeper at work, what it told a listener, and what it noted."""
    notes: list[str] = []
    told: asyncio.Queue[str] = asyncio.Queue()
    keeper = Keeper(source, "a test", RealClock(), {"X": "1"}, notes.append)

    async def listen(headers: Mapping[str, str]) -> None:
        told.put_nowait(headers["Authorization"])

    await keeper.begin()
    await keeper.tell(listen)
    keeping = asyncio.create_task(keeper.keep())
    try:
        async with asyncio.timeout(60):
            yield keeper, told, notes
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def heard(told: "asyncio.Queue[str]", count: int) -> list[str]:
    return [await told.get() for _ in range(count)]


async def test_tokens_follow_each_other_without_being_asked_for() -> None:
    """Each is told of; the headers of the harness's own requests are changed in place."""
    async with kept(Source(0.05)) as (keeper, told, notes):
        headers = keeper.headers
        assert await heard(told, 4) == [f"Bearer t{number}" for number in (1, 2, 3, 4)]
        assert headers == {"X": "1", "Authorization": headers["Authorization"]}
        assert keeper.facts().failed == 0
        assert keeper.facts().took_ms_mean == 2.0
        assert not notes


async def test_a_token_without_an_end_is_renewed_when_a_call_is_refused() -> None:
    """Only for a call that was sent with it: those before it had another one."""
    source = Source(None)
    async with kept(source) as (keeper, told, _):
        clock = RealClock()
        assert await heard(told, 1) == ["Bearer t1"]
        keeper.was_refused(clock.now_ns())  # on its way when the token came
        assert source.given == 1
        keeper.was_refused(clock.now_ns() + NS_PER_S)
        assert await heard(told, 1) == ["Bearer t2"]
        assert keeper.facts().refused == 1


async def test_a_token_of_the_environment_stays_what_it_is() -> None:
    """Asking again would bring the same one."""
    source = Source(0.01, renewable=False)
    async with kept(source) as (keeper, told, _):
        assert await heard(told, 1) == ["Bearer t1"]
        keeper.was_refused(RealClock().now_ns() + NS_PER_S)
        await asyncio.sleep(0)
        assert source.given == 1


async def test_a_failure_is_told_of_once_and_tried_again() -> None:
    """The old token stays until there is another one."""
    source = Source(0.05)
    async with kept(source) as (keeper, told, notes):
        source.fails = 2
        await heard(told, 1)
        assert await heard(told, 1) == ["Bearer t2"]
        assert keeper.facts().failed == 2
        assert [note for note in notes if "no token today: it rains" in note] == notes
        assert len(notes) == 1


async def test_without_a_first_token_there_is_no_run() -> None:
    """Nothing has been started yet."""
    source = Source(5.0)
    source.fails = 1
    keeper = Keeper(source, "a test", RealClock(), {}, lambda _: None)

    with pytest.raises(UsageError, match="no token today"):
        await keeper.begin()
