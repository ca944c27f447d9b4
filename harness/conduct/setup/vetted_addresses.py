"""Collects the addresses that a run connects to, from scenario and environment, and vets them first.

the server under test   --url, target.url, target.ready
behind the reference    DATABASE_URL; AMQP_URL and REDIS_URL, or the target's own options for them
links of your own       links, and the variables that they name
what applies faults     TOXIPROXY_URL, when a fault is planned on a link
    alerts                  the webhooks of --alert

It does not cover what a server of the user's (target.command) or an experiment's own actions contact.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from harness.conduct.live.webhooks import hook
from harness.conduct.setup import own_links
from harness.foundation.addresses import resolved, route, unix_socket
from harness.foundation.addresses.address import Address, AddressError, read, read_service
from harness.foundation.addresses.judging import ALLOW_HOST, LOAD, Wanted, unreadable
from harness.foundation.addresses.vetting import LookUp, VettedAddresses, look_up, vet
from harness.foundation.clock import within
from harness.foundation.errors import FaultBackendUnreachableError, TargetUnreachableError, UsageError
from harness.load.address import doors
from harness.scenario.catalogue import PROXIED_LINKS
from harness.scenario.model import Scenario, Target
from harness.scenario.several_processes import ANY_PORT, at_port

LOOK_UP_S: Final = 20.0
TOXIPROXY_EXAMPLE: Final = "http://127.0.0.1:8474"
READY_EXAMPLE: Final = "ready: http://127.0.0.1:8000/health"
# The services behind the reference target: the variable that names each, its schemes, and an example.
_SERVICES: Final = {
    "DATABASE_URL": (("postgresql", "postgres"), "postgresql://user@127.0.0.1:5432/postgres"),
    "AMQP_URL": (("amqp", "amqps"), "amqp://user@127.0.0.1:5672/"),
    "REDIS_URL": (("redis", "rediss", "unix"), "redis://127.0.0.1:6379/0"),
}
_OPTIONS: Final = {"--amqp-url": "AMQP_URL", "--redis-url": "REDIS_URL"}
_TOXIPROXY: Final = "TOXIPROXY_URL"


async def vetted(
    scenario: Scenario, places: frozenset[str], environ: Mapping[str, str], ask: LookUp = look_up
) -> VettedAddresses:
    """Return all vetted addresses; `places` are the fault sites.

    An address that is not allowed ends the run.
    """
    return await looked_up(outgoing(scenario, places, environ), scenario.allowed_hosts, ask)


async def looked_up(
    wanted: Iterable[Wanted],
    allowed_hosts: Iterable[str],
    ask: LookUp = look_up,
    allowed_by: str = ALLOW_HOST,
) -> VettedAddresses:
    """Look up and vet the given addresses; for any command."""
    listed = list(wanted)
    try:
        async with within(LOOK_UP_S):
            return await asyncio.to_thread(vet, listed, allowed_hosts, ask, allowed_by)
    except TimeoutError:
        raise UsageError(
            "The names of these addresses cannot be looked up",
            f"There was no answer within {LOOK_UP_S:.0f} s",
            "Check this machine's name servers, or give the addresses as numbers",
        ) from None


def outgoing(scenario: Scenario, places: frozenset[str], environ: Mapping[str, str]) -> Iterator[Wanted]:
    """Yield all addresses that the run connects to, parsed strictly."""
    yield from _server(scenario.target, environ)
    if not (scenario.target.url or scenario.target.command):
        yield from behind(scenario.target.options, environ)
    yield from own_links.addresses(scenario.links, {**environ, **scenario.target.env})
    if (scenario.links or places & set(PROXIED_LINKS)) and environ.get(_TOXIPROXY):
        yield _toxiproxy(environ[_TOXIPROXY])
    for place in scenario.alert:
        if (address := hook(place)) is not None:
            yield Wanted(address, "--alert", "Alerts are sent", secret=True)


def named(variable: str, text: str) -> Wanted | None:
    """Return the address in an environment variable; None for a socket in the file system."""
    return _toxiproxy(text) if variable == _TOXIPROXY else service(variable, variable, text)


def server(url: str, protocol: str, environ: Mapping[str, str], purpose: str = LOAD) -> Iterator[Wanted]:
    """Yield the address of a server, and of the proxy by which it is reached; nothing for a socket in the file system."""
    base_url = doors(url, protocol).base_url
    if unix_socket.path(base_url):
        return
    proxy = route.proxy_of(base_url, environ)
    yield Wanted(
        read(base_url, ("http", "https")),
        purpose=purpose,
        absent=TargetUnreachableError,
        elsewhere=proxy is not None,
    )
    if proxy is not None:
        yield Wanted(route.address_of(proxy), proxy.named_by, "Requests go", absent=TargetUnreachableError)


def _server(target: Target, environ: Mapping[str, str]) -> Iterator[Wanted]:
    if target.is_stdio:
        return
    target = at_port(target, ANY_PORT)
    if target.url is not None:  # "" would be the reference server, silently
        yield from server(target.url, target.protocol, environ)
    if target.command:
        named_by = "target.url" if target.ready is None else "target.ready"
        place = ready((target.url or "") if target.ready is None else target.ready, named_by)
        yield Wanted(place, named_by, absent=TargetUnreachableError)


def ready(text: str, named_by: str = "target.ready") -> Address:
    """Parse the address that tells whether a started server is ready."""
    try:
        return read(text, ("http", "https"))
    except AddressError as error:
        raise unreadable(named_by, text, str(error), READY_EXAMPLE) from None


def behind(options: Sequence[str], environ: Mapping[str, str]) -> Iterator[Wanted]:
    """Yield the addresses that a reference server of ours connects to, with these options of it."""
    services = {variable: environ[variable] for variable in _SERVICES if environ.get(variable)}
    all_of_them = [(variable, variable, text) for variable, text in services.items()]
    all_of_them += [(option, _OPTIONS[option], text) for option, text in _said(options)]
    for named_by, variable, text in all_of_them:
        if (wanted := service(named_by, variable, text)) is not None:
            yield wanted


def service(named_by: str, variable: str, text: str) -> Wanted | None:
    """Return the address of a database or broker; None for a socket in the file system."""
    schemes, example = _SERVICES[variable]
    try:
        address = read_service(text, schemes)
    except AddressError as error:
        raise unreadable(named_by, text, str(error), example) from None
    if address is None:
        return None
    absent = TargetUnreachableError if variable == "DATABASE_URL" else FaultBackendUnreachableError
    return Wanted(address, named_by, absent=absent)


async def by_number(options: Sequence[str]) -> list[str]:
    """Return the options of the reference target with the host names in them replaced by vetted addresses."""
    changed = list(options)
    for index, option in enumerate(options):
        name, equals, joined = option.partition("=")
        if name in _OPTIONS and equals:
            changed[index] = f"{name}={await resolved.by_number(joined)}"
        elif name in _OPTIONS and index + 1 < len(options):
            changed[index + 1] = await resolved.by_number(options[index + 1])
    return changed


def _said(options: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (option, address) for the options with addresses, written as two words or with `=`."""
    for option, value in pairwise([*options, ""]):
        name, equals, joined = option.partition("=")
        if name in _OPTIONS:
            yield name, joined if equals else value


def _toxiproxy(text: str) -> Wanted:
    try:
        address = read(text, ("http",))
    except AddressError as error:
        raise unreadable(_TOXIPROXY, text, str(error), TOXIPROXY_EXAMPLE) from None
    if address.path.strip("/") or address.query or address.user:
        why = "Toxiproxy stands at the root of a host and port, without a user"
        raise unreadable(_TOXIPROXY, text, why, TOXIPROXY_EXAMPLE)
    return Wanted(address, _TOXIPROXY, absent=FaultBackendUnreachableError)
