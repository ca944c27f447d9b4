"""A deployment is opened for the length of a verification: one that is there at its address, or one that is started for it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.client.auth.keeping import keeper_of
from harness.client.witness import Witness, told_to
from harness.foundation.addresses import resolved, route, unix_socket
from harness.foundation.addresses.address import read
from harness.foundation.addresses.judging import Wanted
from harness.foundation.addresses.vetting import VettedAddresses, vet
from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.foundation.secrets import hidden_log
from harness.mcp import stdio_address
from harness.services.cleanup.janitor_process import watching
from harness.verify import open_sessions, removing
from harness.verify.backends import addresses
from harness.verify.doors import places
from harness.verify.exchanges import Exchanges
from harness.verify.settings import Settings
from harness.verify.simulation import Simulated, simulated
from harness.verify.spec.backends import Database
from harness.verify.spec.model import Spec
from harness.verify.target import CLOCK, Deploy, Target


@contextmanager
def opened(
    settings: Settings,
    place: Callable[[], Path] | None = None,
    ready: Callable[[Target], None] = lambda _: None,
) -> Iterator[Target]:
    """The deployment of these settings, when it is `ready`; its address is vetted as a run's is.

    What must be undone is written down in a directory that `place` makes, and watched by a janitor; without a `place` nobody does that.
    """
    if not settings.url.strip():
        raise UsageError(
            "There is nothing to verify",
            "No address was given",
            "Give --url http://127.0.0.1:8000/mcp, or set HARNESS_URL",
        )
    vetted = vet([*_wanted(settings.url), *addresses.wanted(settings.spec)], settings.allowed_hosts)
    heard = Exchanges()
    listeners: list[Witness] = [heard.hear]
    with (
        resolved.in_force(vetted),
        told_to(lambda seen: [each(seen) for each in listeners]),
        asyncio.Runner() as runner,
    ):
        runner.get_loop()  # its context is this one, in which the vetted addresses are in force
        target = _target(settings, vetted, runner, heard)
        ready(target)
        if place is None:
            yield target
            return
        with _undone(target, place, listeners), target.closing:
            yield target


@contextmanager
def _undone(target: Target, place: Callable[[], Path], listeners: list[Witness]) -> Iterator[None]:
    """What this verification opens, writes and stops is undone by a janitor when it is killed."""
    spec = target.spec
    with (
        removing.sealed(removing.texts(target.places.mcp, target.headers)) as target.written_down,
        removing.remembered(spec.tasks.resume if spec.tasks else ""),
        removing.reachable(target.run(_by_number(spec.database.dsn)) if spec.database else ""),
        open_sessions.key() as sealing,
    ):
        watched = watching(place() / "undo.jsonl")
        undo = target.undo = target.run(watched.__aenter__())
        open_ones = open_sessions.watched(
            undo, sealing, target.places.mcp, target.vetted, target.written_down
        )
        listeners.append(open_ones.hear)
        try:
            yield
        finally:
            target.run(watched.__aexit__(None, None, None))


async def _by_number(dsn: str) -> str:
    """The address of a database, for a process that knows no vetted addresses; empty when its name stands for none."""
    try:
        return await resolved.by_number(dsn)
    except (OSError, ValueError):
        return ""


@contextmanager
def started(
    settings: Settings, place: Path, asked: Simulated, tell: Callable[[str], None]
) -> Iterator[Target]:
    """A deployment of our own, which can be deployed; its log is in `place`; `tell` hears of what a log lost."""
    heard = Exchanges()
    theirs = _of_the_user(asked)
    vetted = vet(list(addresses.wanted(Spec(database=theirs))), settings.allowed_hosts) if theirs else {}
    with (
        hidden_log.ended_clean(place, tell),
        resolved.in_force(vetted),
        told_to(heard.hear),
        asyncio.Runner() as runner,
        removing.reachable(runner.run(_by_number(theirs.dsn)) if theirs else ""),
    ):
        serving = simulated(place, asked)
        begun = runner.run(serving.__aenter__())
        server = begun.server
        try:
            target = _target(replace(settings, url=server.mcp_url, spec=begun.spec), vetted, runner, heard)
            target.deploy = Deploy(server.restart, lambda: f"process {server.pid}")
            target.trials = begun.undo if theirs else None
            yield target
        finally:
            runner.run(serving.__aexit__(None, None, None))


def _of_the_user(asked: Simulated) -> Database | None:
    """The database in which a schema is made; None where the simulation has a PostgreSQL of its own."""
    own = asked.spec.target if asked.spec else None
    return asked.spec.database if asked.spec and own and own.apart == "schema" else None


def _wanted(url: str) -> Iterator[Wanted]:
    """Where the deployment is, and the proxy on the way; a command, and a Unix socket, have no address to be vetted."""
    base, proxy = places(url)[0].base, route.current().proxy
    if stdio_address.command(url) or unix_socket.path(base):
        return
    place = read(base, ("http", "https"))
    yield Wanted(place, purpose="Checks go", absent=TargetUnreachableError, elsewhere=proxy is not None)
    if proxy is not None:
        yield Wanted(route.address_of(proxy), proxy.named_by, "Checks go")


def _target(settings: Settings, vetted: VettedAddresses, runner: asyncio.Runner, heard: Exchanges) -> Target:
    at, who = places(settings.url)
    good = settings.spec.auth.good if settings.spec.auth else {}
    headers = who | good | dict(settings.headers)
    target = Target(settings, at, headers, vetted, runner, exchanges=heard)
    if (auth := settings.auth) is not None:
        tls, hosts = route.current().tls, settings.allowed_hosts
        with resolved.in_force(vetted):
            target.keeper = keeper_of(auth, at.mcp, headers, tls, hosts, CLOCK, lambda _: None)
    return target
