"""Links of your own, with real services behind them: each fault verified by canaries of their protocol, and healed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.conduct.live.progress import Silent
from harness.conduct.setup import own_links
from harness.conduct.setup.fault_sites import FaultSites
from harness.faults.injector import Injector
from harness.foundation import environment
from harness.foundation.clock import RealClock, RunClock
from harness.foundation.errors import FaultBackendUnreachableError, UsageError
from harness.load.address import Doors
from harness.run_directory.events import EventLog, read_events
from harness.run_directory.undo import UndoJournal
from harness.scenario.links import LinkSpec, Variables
from harness.scenario.plan.plan import FaultStep
from harness.services.fault_sites.links import Link
from harness.services.fault_sites.session_processes import SessionProcesses
from harness.services.processes.ports import free_port
from harness.services.toxiproxy import server as toxiproxy
from tests import maria
from tests.fakes.events import data_of, name_of

pytestmark = pytest.mark.usefixtures("toxiproxy_found")
TRIES = 3  # on a machine that is busy with other tests, noise may drown what is to be seen
FAULTS: list[tuple[str, dict[str, float | str]]] = [
    ("latency", {"latency": 0.2, "jitter": 0.0, "direction": "downstream"}),
    ("bandwidth", {"rate": 20_000.0, "direction": "downstream"}),
    ("down", {}),
    ("timeout", {"timeout": 0.1, "direction": "upstream"}),
    ("reset_peer", {"timeout": 0.0, "direction": "upstream"}),
    ("slow_close", {"delay": 0.2}),
    ("slicer", {"size": 32.0, "pause": 0.005, "direction": "downstream"}),
    ("limit_data", {"bytes": 3000.0}),
]
UPSTREAM: list[tuple[str, dict[str, float | str]]] = [
    (
        kind,
        parameters
        | ({"direction": "upstream"} if "direction" in parameters else {})
        | ({"timeout": 0.0} if kind == "timeout" else {}),
    )
    for kind, parameters in FAULTS
    if kind not in {"limit_data", "bandwidth", "slicer"}
]


@asynccontextmanager
async def opened(
    directory: Path, specs: dict[str, LinkSpec], environ: dict[str, str]
) -> AsyncIterator[tuple[FaultSites, dict[str, str]]]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(toxiproxy.started(directory))
        sites = FaultSites(stack, frozenset(), server, "run-1", RealClock())
        yield sites, await own_links.open_links(sites, own_links.found(specs, environ))


async def shown(sites: FaultSites, undo: UndoJournal, place: Path, kind: str, parameters: Any) -> str:
    """Make the fault; return why it was not verified, or not healed, "" when both were."""
    step = FaultStep(
        name="f", kind=kind, link="x", step=None, offset_s=0, starts_s=0, for_s=0.05, parameters=parameters
    )
    events = place / f"{kind}.jsonl"
    events.unlink(missing_ok=True)
    with EventLog(events) as log:
        injector = Injector(sites.found, RunClock.of(RealClock()), log, undo, Silent())
        injector.step_began(None, 0)
        await injector.inject((step,))
    last = [data_of(event) for event in read_events(events) if name_of(event).startswith("fault_")]
    assert last[-1]["healed"], last
    return str(next(one["why"] for one in reversed(last) if "verified" in one))


@pytest.mark.parametrize("protocol", ["redis", "tcp that answers", "tcp that says nothing", "mysql"])
async def test_every_fault_on_a_link_of_your_own_is_verified_and_healed(
    tmp_path: Path, undo: UndoJournal, redis_url: str, protocol: str
) -> None:
    """By canaries of its protocol; the variable that the server is told leads through the link, and the rest of it stays."""
    async with AsyncExitStack() as stack:
        if protocol == "mysql":
            value = await stack.enter_async_context(maria.started(tmp_path))
            spec = LinkSpec(speaks="mysql", env=Variables(url="URL"))
        else:
            value = redis_url
            spec = LinkSpec(speaks="redis", env=Variables(url="URL"))
            if protocol.startswith("tcp"):
                place = redis_url.rpartition("@")[2].partition("/")[0]
                word = redis_url.partition("//:")[2].partition("@")[0]
                said = f"AUTH {word}\r\nPING\r\n" if "answers" in protocol else ""
                spec = LinkSpec(upstream=place, speaks="tcp", env=Variables(url="URL"), send=said)
        sites, variables = await stack.enter_async_context(opened(tmp_path, {"x": spec}, {"URL": value}))
        link = sites.found["x"].place
        assert isinstance(link, Link)
        assert link.listen in variables["URL"]
        assert variables["URL"].replace(link.listen, link.upstream) == value
        for kind, parameters in UPSTREAM if "nothing" in protocol else FAULTS:
            why = ["not tried"]
            while why[-1] and len(why) <= TRIES:
                why.append(await shown(sites, undo, tmp_path, kind, parameters))
            assert why[-1] == "", (kind, parameters, why)


async def test_a_server_that_runs_already_finds_its_link_at_a_fixed_port(
    tmp_path: Path, undo: UndoJournal, redis_url: str
) -> None:
    """And nothing else may listen there."""
    port = free_port()
    spec = LinkSpec(upstream=redis_url, listen=port)

    async with opened(tmp_path, {"x": spec}, {}) as (sites, variables):
        link = sites.found["x"].place
        with pytest.raises(UsageError, match=f"Port {port} is taken"):
            await own_links.open_links(sites, own_links.found({"y": spec}, {}))

    assert isinstance(link, Link)
    assert (link.listen, variables) == (f"127.0.0.1:{port}", {})


async def test_over_stdio_the_link_stays_a_link_beside_the_processes_of_the_sessions(
    tmp_path: Path, undo: UndoJournal, redis_url: str
) -> None:
    """Every process that is started meanwhile is told its address; afterwards the variable is what it was."""
    spec = LinkSpec(speaks="redis", env=Variables(url="SHOP_REDIS_URL"))
    async with opened(tmp_path, {"x": spec}, {"SHOP_REDIS_URL": redis_url}) as (sites, variables):
        sites.needed = frozenset({"x", "target"})
        doors = Doors("stdio:serve", "stdio:serve", "stdio:serve")
        assert await sites.in_front(doors, "2025-11-25", {}) == doors
        link = sites.found["x"].place
        with environment.handed_out(variables):
            told = environment.for_others()["SHOP_REDIS_URL"]

    assert isinstance(link, Link)
    assert isinstance(sites.found["target"].place, SessionProcesses)
    assert told == redis_url.replace(link.upstream, link.listen)
    assert "SHOP_REDIS_URL" not in environment.for_others()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://127.0.0.1:9/0", "Connect call failed"),
        ("{redis}", "NOAUTH"),
        ("redis://nobody:secretword@{redis}/0", "WRONGPASS"),
    ],
)
async def test_a_service_that_does_not_answer_ends_the_run_in_its_own_words(
    tmp_path: Path, undo: UndoJournal, redis_url: str, url: str, words: str
) -> None:
    """Before any load, and without a password."""
    place = redis_url.rpartition("@")[2].partition("/")[0]
    url = url.replace("{redis}", f"redis://{place}" if url == "{redis}" else place)

    with pytest.raises(FaultBackendUnreachableError) as refused:
        async with opened(tmp_path, {"x": LinkSpec(upstream=url, listen=free_port())}, {}):
            pass

    said = "\n".join(refused.value.lines())
    assert words in said
    assert "secretword" not in said
