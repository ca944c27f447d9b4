"""Faults on a real Toxiproxy: applied, proved by canaries, healed; and undone by the janitor's part."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from harness.conduct.live.progress import Silent
from harness.faults import canary
from harness.faults.canary.decision import without_effect
from harness.faults.canary.evidence import Canary, CanaryPair
from harness.faults.injector import FaultSite, Injector
from harness.faults.kinds import REGISTRY
from harness.foundation.clock import RealClock, RunClock
from harness.run_directory.event_kinds import Event
from harness.run_directory.events import EventLog, read_events
from harness.run_directory.undo import UndoJournal, read_open
from harness.scenario import catalogue
from harness.scenario.plan.plan import FaultStep
from harness.services.cleanup import leftovers
from harness.services.fault_sites import links
from harness.services.fault_sites.links import Link
from harness.services.toxiproxy import server as toxiproxy
from harness.services.toxiproxy.server import Toxiproxy
from tests.fakes.events import data_of, name_of
from tests.run_directory.test_disk_space import files_up_to

pytestmark = pytest.mark.usefixtures("toxiproxy_found")


@asynccontextmanager
async def upstream() -> AsyncIterator[str]:
    """A server that answers at once."""

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="healthy")

    app = web.Application()
    app.router.add_get("/health", healthy)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield str(site.name)
    finally:
        await runner.cleanup()


class Bench:
    """A server, a Toxiproxy, a link between us and the server, its canaries, an injector."""

    def __init__(
        self, directory: Path, server: Toxiproxy, way: FaultSite, undo: UndoJournal, log: EventLog
    ) -> None:
        self.directory, self.server, self.way, self.undo = directory, server, way, undo
        clock = RealClock()
        self.injector = Injector(
            dict.fromkeys(catalogue.PROXIED_LINKS, way), RunClock.of(clock), log, undo, Silent()
        )

    @property
    def link(self) -> Link:
        assert isinstance(self.way.place, Link)
        return self.way.place

    async def inject(self, kind: str, for_s: float, **parameters: float | str) -> list[Event]:
        """One fault, at once; the events it left."""
        step = FaultStep(
            name="f",
            kind=kind,
            link=self.link.name,
            step=None,
            offset_s=0,
            starts_s=0,
            for_s=for_s,
            parameters=parameters,
        )
        self.injector.step_began(None, 0)
        await self.injector.inject((step,))
        return self.events()

    def events(self) -> list[Event]:
        return read_events(self.directory / "events.jsonl")


@asynccontextmanager
async def bench(
    directory: Path, undo: UndoJournal, url: str = "", name: str = "client"
) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        url = url or await stack.enter_async_context(upstream())
        server = await stack.enter_async_context(toxiproxy.started(directory))
        link = await stack.enter_async_context(links.opened(server, "run-1", name, url))
        canaries = await stack.enter_async_context(canary.opened(link.through(url), url, RealClock()))
        log = stack.enter_context(EventLog(directory / "events.jsonl"))
        yield Bench(directory, server, FaultSite(link, canaries), undo, log)


def named(events: list[Event], name: str) -> dict[str, Any]:
    (found,) = [data_of(event) for event in events if name_of(event) == name]
    return found


BUSY_MS = 150  # what a busy machine may add; a direction too few or too many is 200 ms
LATENCY = {"latency": 0.2, "jitter": 0.0, "direction": "downstream"}


@pytest.mark.parametrize(
    ("direction", "expected_ms"), [("downstream", 200), ("upstream", 200), ("both", 400)]
)
async def test_latency_on_the_client_link_is_what_was_asked_for(
    tmp_path: Path, undo: UndoJournal, direction: str, expected_ms: int
) -> None:
    """Verified by canaries, healed, nothing left to undo but the proxy."""
    async with bench(tmp_path, undo) as on:
        events = await on.inject("latency", 0.5, **(LATENCY | {"direction": direction}))
        open_entries = [entry for entry in read_open(undo.path) if entry.what == "toxiproxy"]
        assert (await on.server.api.proxy(on.link.proxy)).toxics == ()

    verified = named(events, "fault_verified")
    assert verified["verified"], verified
    assert verified["expected_ms"] == expected_ms
    assert verified["through_ms"] - verified["beside_ms"] == pytest.approx(expected_ms, abs=BUSY_MS)
    assert named(events, "fault_healed") == {"name": "f", "healed": True, "why": ""}
    assert [entry.data["delete"] for entry in open_entries] == [[f"/proxies/{on.link.proxy}"]]
    assert read_open(undo.path) == []


async def test_latency_on_a_database_link_is_verified_by_one_round_trip(
    tmp_path: Path, undo: UndoJournal, postgres_url: str
) -> None:
    """Whatever a transaction makes of it."""
    async with bench(tmp_path, undo, postgres_url, "database") as on:
        verified = named(await on.inject("latency", 0.5, **LATENCY), "fault_verified")

    assert verified["verified"], verified
    assert verified["through_ms"] - verified["beside_ms"] == pytest.approx(200, abs=BUSY_MS)


async def test_down_cuts_the_link_and_healing_brings_it_back(
    tmp_path: Path, undo: UndoJournal, postgres_url: str
) -> None:
    """Nothing through, everything beside; on both kinds of links."""
    for name, url in (("client", ""), ("database", postgres_url)):
        place = tmp_path / name
        place.mkdir()
        async with bench(place, undo, url, name) as on:
            events = await on.inject("down", 0.2)

        verified = named(events, "fault_verified")
        assert (verified["verified"], verified["through_ms"]) == (True, None)
        assert named(events, "fault_healed") == {"name": "f", "healed": True, "why": ""}


TRIES = 3  # on a machine that is busy with other tests, noise may drown what is to be seen
BOTH = ("client", "database")
TOXICS: list[tuple[str, dict[str, float | str], tuple[str, ...]]] = [
    ("bandwidth", {"rate": 20_000.0, "direction": "downstream"}, catalogue.PROXIED_LINKS),
    ("bandwidth", {"rate": 200_000.0, "direction": "upstream"}, catalogue.PROXIED_LINKS),
    ("timeout", {"timeout": 0.0, "direction": "downstream"}, BOTH),
    ("timeout", {"timeout": 0.1, "direction": "upstream"}, catalogue.PROXIED_LINKS),
    ("reset_peer", {"timeout": 0.0, "direction": "upstream"}, catalogue.PROXIED_LINKS),
    ("reset_peer", {"timeout": 0.05, "direction": "downstream"}, BOTH),
    ("slow_close", {"delay": 0.2}, catalogue.PROXIED_LINKS),
    ("slicer", {"size": 32.0, "pause": 0.005, "direction": "downstream"}, catalogue.PROXIED_LINKS),
    ("slicer", {"size": 64.0, "pause": 0.005, "direction": "upstream"}, BOTH),
    ("limit_data", {"bytes": 500.0}, ("client",)),
    ("limit_data", {"bytes": 3000.0}, catalogue.PROXIED_LINKS),
]


BROKERS = {"queue": "amqp_url", "sessions": "redis_url"}


@pytest.mark.parametrize("name", catalogue.PROXIED_LINKS)
async def test_every_toxic_is_verified_by_what_it_does_and_healed(
    tmp_path: Path, undo: UndoJournal, postgres_url: str, request: pytest.FixtureRequest, name: str
) -> None:
    """On every link; the same canaries beside the link see nothing of it."""
    url = request.getfixturevalue(BROKERS[name]) if name in BROKERS else ""
    url = postgres_url if name == "database" else url
    async with bench(tmp_path, undo, url, name) as on:
        rows = [(kind, parameters) for kind, parameters, where in TOXICS if name in where]
        if name in BROKERS:
            rows += [("latency", LATENCY), ("down", {})]
        for kind, parameters in rows:
            why = ["not tried"]
            while why[-1] and len(why) <= TRIES:
                await on.inject(kind, 0.05, **parameters)
                last = [data_of(event) for event in on.events() if name_of(event).startswith("fault_")]
                assert last[-1]["healed"]
                assert (await on.server.api.proxy(on.link.proxy)).toxics == ()
                why.append(next(one["why"] for one in reversed(last) if "verified" in one))
            assert why[-1] == "", (kind, parameters, why)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [(kind, parameters) for kind, parameters, _ in TOXICS] + [("down", {})],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
async def test_no_fault_is_seen_where_there_is_none(
    tmp_path: Path, undo: UndoJournal, kind: str, parameters: dict[str, float | str]
) -> None:
    """What verifies a fault does not verify a healthy link: else it would prove nothing."""
    async with upstream() as url, canary.opened(url, url, RealClock()) as canaries:
        shown = await REGISTRY[kind](None, "f", parameters).verify(canaries)

    assert shown.why_not


async def test_the_placebo_is_verified_without_effect(tmp_path: Path, undo: UndoJournal) -> None:
    """Six times out of six; `make calibrate` plays twenty whole runs of it."""
    async with bench(tmp_path, undo) as on:
        for _ in range(6):
            await on.inject("noop", 0.01)
        events = on.events()

    verified = [data_of(event) for event in events if name_of(event) == "fault_verified"]
    assert [one["verified"] for one in verified] == [True] * 6, verified
    assert [data_of(event)["healed"] for event in events if name_of(event) == "fault_healed"] == [True] * 6


async def test_a_fault_that_does_not_show_is_not_verified(
    tmp_path: Path, undo: UndoJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A toxic that somebody else took off again did not happen."""
    async with bench(tmp_path, undo) as on:
        add = type(on.server.api).add_toxic

        async def add_and_lose(self: Any, proxy: str, toxic: Any) -> Any:
            made = await add(self, proxy, toxic)
            await self.remove_toxic(proxy, toxic.name)
            return made

        monkeypatch.setattr(type(on.server.api), "add_toxic", add_and_lose)
        verified = named(await on.inject("latency", 0.2, **LATENCY), "fault_verified")

    assert not verified["verified"]
    assert "not 200 ms" in verified["why"]


async def test_an_interrupted_fault_is_healed(tmp_path: Path, undo: UndoJournal) -> None:
    """Cancellation in mid-hold."""
    async with bench(tmp_path, undo) as on:
        task = asyncio.ensure_future(on.inject("latency", 60, **LATENCY))
        await until(lambda: has(on, "fault_verified"))
        task.cancel()
        await asyncio.wait([task])

        assert named(on.events(), "fault_healed")["healed"]
        assert (await on.server.api.proxy(on.link.proxy)).toxics == ()


async def test_a_fault_whose_time_never_came_is_skipped(tmp_path: Path, undo: UndoJournal) -> None:
    """It did not happen, and says why."""
    async with bench(tmp_path, undo) as on:
        step = FaultStep(
            name="late",
            kind="down",
            link="client",
            step="steady",
            offset_s=1,
            starts_s=1,
            for_s=1,
            parameters={},
        )
        task = asyncio.ensure_future(on.injector.inject((step,)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    assert named(on.events(), "fault_skipped")["why"] == "the run ended before it was due"


async def test_a_fault_whose_undoing_cannot_be_written_down_is_not_applied(
    tmp_path: Path, undo: UndoJournal
) -> None:
    """Nobody could heal it if we were killed; the file may not grow any more."""
    async with bench(tmp_path, undo) as on:
        with files_up_to(undo.path.stat().st_size):
            await on.inject("latency", 0.1, **LATENCY)
        assert (await on.server.api.proxy(on.link.proxy)).toxics == ()

    assert "undo.jsonl cannot be written: File too large" in named(on.events(), "fault_skipped")["why"]
    assert [name_of(event) for event in on.events()] == ["fault_skipped"]


async def test_a_fault_that_is_on_when_room_ends_is_healed(tmp_path: Path, undo: UndoJournal) -> None:
    """Neither its events nor its undoing can be written; it is healed, and the journal knows."""
    async with bench(tmp_path, undo) as on:
        task = asyncio.ensure_future(on.inject("latency", 60, **LATENCY))
        await until(lambda: has(on, "fault_verified"))
        open_before = len(undo.open())
        with files_up_to(1):
            task.cancel()
            await asyncio.wait([task])
        assert (await on.server.api.proxy(on.link.proxy)).toxics == ()
        assert len(undo.open()) == open_before - 1

    assert named(on.events(), "fault_healed")["healed"]


async def test_a_link_that_is_not_healthy_beforehand_gets_no_fault(tmp_path: Path, undo: UndoJournal) -> None:
    """What was broken before proves nothing."""
    async with bench(tmp_path, undo) as on:
        await on.server.api.update_proxy(on.link.proxy, enabled=False)
        skipped = named(await on.inject("latency", 0.1, **LATENCY), "fault_skipped")

    assert "not healthy before" in skipped["why"]


async def test_a_toxiproxy_that_hangs_in_mid_fault_is_waited_for_and_the_fault_healed(
    tmp_path: Path, undo: UndoJournal
) -> None:
    """SIGSTOP for a few seconds: no hang, healed when it goes on."""
    async with bench(tmp_path, undo) as on:
        assert on.server.child is not None
        task = asyncio.ensure_future(on.inject("latency", 3, **LATENCY))
        await until(lambda: has(on, "fault_verified"))
        on.server.child.signal(signal.SIGSTOP)
        await until(lambda: its_time_is_over(on))
        on.server.child.signal(signal.SIGCONT)
        events = await asyncio.wait_for(task, 60)

        assert named(events, "fault_healed") == {"name": "f", "healed": True, "why": ""}


async def test_a_toxiproxy_that_stays_stopped_leaves_a_fault_that_says_so(
    tmp_path: Path, undo: UndoJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No hang, healed: no, and the entry stays for the janitor."""
    monkeypatch.setattr("harness.faults.injector.HEAL_S", 1.0)
    async with bench(tmp_path, undo) as on:
        assert on.server.child is not None
        task = asyncio.ensure_future(on.inject("latency", 3, **LATENCY))
        await until(lambda: has(on, "fault_verified"))
        on.server.child.signal(signal.SIGSTOP)
        healed = named(await asyncio.wait_for(task, 60), "fault_healed")

        assert not healed["healed"]
        assert "does not answer" in healed["why"]
        assert len([entry for entry in read_open(undo.path) if entry.what == "toxiproxy"]) == 2


async def test_the_janitor_s_part_heals_a_shared_toxiproxy_and_touches_nothing_else(
    tmp_path: Path, undo: UndoJournal
) -> None:
    """Toxics off, our proxy gone, somebody else's as it was found."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(toxiproxy.started(tmp_path))
        shared = Toxiproxy(server.url, server.version, ours=False, api=server.api)
        await server.api.create_proxy("theirs", "127.0.0.1:9")
        with UndoJournal(tmp_path / "killed.jsonl") as killed:
            # Entered and never left, as by a harness that was killed.
            opening = links.opened(shared, "run-2", "client", "http://127.0.0.1:9")
            link = await opening.__aenter__()
            for kind in ("latency", "down"):
                fault = REGISTRY[kind](link, "f", LATENCY)
                must = fault.undo()
                assert must is not None
                killed.add(must.what, **must.data)
                await fault.apply()
        said = await asyncio.to_thread(leftovers.undo_all, tmp_path / "killed.jsonl")

        assert read_open(tmp_path / "killed.jsonl") == [], said
        assert opening is not None
        assert list(await server.api.proxies()) == ["theirs"]


async def test_a_shared_toxiproxy_that_is_gone_is_left_over_with_the_command(tmp_path: Path) -> None:
    """Ours is gone with everything on it; theirs is not."""
    for ours, left in ((True, 0), (False, 1)):
        path = tmp_path / f"{ours}.jsonl"
        with UndoJournal(path) as journal:
            journal.add(
                "toxiproxy", api="http://127.0.0.1:9", ours=ours, delete=["/proxies/harness-x"], enable=[]
            )
        said = await asyncio.to_thread(leftovers.undo_all, path)

        assert len(read_open(path)) == left
        assert bool(left) is any(
            "curl -X DELETE http://127.0.0.1:9/proxies/harness-x" in line for line in said
        )


def pair(through_ms: float | None, beside_ms: float | None) -> CanaryPair:
    through, beside = (
        Canary("closed", 1.0) if value is None else Canary("replied", value)
        for value in (through_ms, beside_ms)
    )
    return CanaryPair(through, beside)


def test_the_placebo_s_band_is_wide_enough_for_noise_and_no_wider() -> None:
    """A busy machine is not an effect; a quarter of a hundred milliseconds is."""
    assert without_effect([pair(12.0, 1.0), pair(2.0, 9.0), pair(30.0, 10.0)]).word == "shown"
    assert "adds 40.0 ms" in without_effect([pair(41.0, 1.0)] * 11).why
    assert without_effect([pair(41.0, 1.0)] * 3).word == "unknown"
    assert "through the link" in without_effect([pair(None, 1.0)]).why
    assert "beside the link" in without_effect([pair(1.0, None)]).why


def its_time_is_over(on: Bench) -> bool:
    """Nobody answered whether it was there to its end, which is told as another look; at one never seen nobody looks."""
    looks = [data_of(event) for event in on.events() if name_of(event) == "fault_verified"]
    return len(looks) == 2 or not looks[0]["verified"]


def has(on: Bench, name: str) -> bool:
    return any(name_of(event) == name for event in on.events())


async def until(check: Callable[[], bool], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.02)


def test_every_kind_of_the_catalogue_can_be_made() -> None:
    """The registry and the catalogue name the same faults."""
    from harness.scenario.catalogue import FAULTS

    assert list(REGISTRY) == list(FAULTS)
    assert Link.__doc__
