"""Links of your own: where each leads, proxies for all of them, and the variables by which the server comes to them.

    found     pure, from scenario and environment: where it leads, whose credentials canaries have
    opened    each service is asked once; then a proxy for each, for the whole run, whether or not faults are planned on it

A variable keeps all of its value but host and port. Its value is a secret wherever it is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote

from harness.conduct.setup.fault_sites import FaultSites
from harness.faults import canary
from harness.faults.canary import LinkCanaries
from harness.faults.canary.evidence import Ask
from harness.faults.canary.tcp import TcpTalk, learned
from harness.faults.injector import FaultSite
from harness.foundation.addresses import resolved
from harness.foundation.addresses.address import Address
from harness.foundation.addresses.judging import Wanted
from harness.foundation.clock import Clock
from harness.foundation.errors import FaultBackendUnreachableError, UsageError
from harness.foundation.secrets import sources
from harness.foundation.secrets.hiding import learn
from harness.foundation.untrusted.documents import short
from harness.scenario.dsn import Dsn, read_dsn
from harness.scenario.links import SCHEMES, SPOKEN, LinkSpec
from harness.services.fault_sites import links
from harness.services.fault_sites.links import Link
from harness.services.processes.ports import is_taken
from harness.services.toxiproxy.api import ANYWHERE

ANSWER_S: Final = 10.0
HERE: Final = "127.0.0.1"
_PROVEN: Final = "verify-full"


@dataclass(frozen=True, slots=True)
class OwnLink:
    """One link, as far as it is known before anything is opened."""

    name: str
    spec: LinkSpec
    address: Address = field(repr=False)
    url: str = field(repr=False)  # as canaries use it, with credentials
    told: Dsn | None = field(default=None, repr=False)  # the value of its variable

    @property
    def wanted(self) -> Wanted:
        """Return its address, for the allow-list."""
        return Wanted(self.address, f"links.{self.name}", absent=FaultBackendUnreachableError)

    def variables(self, place: str) -> dict[str, str]:
        """Return the environment of a server that is to go by way of HOST:PORT."""
        asked = self.spec.env
        if asked is None:
            return {}
        host, _, port = place.rpartition(":")
        values: dict[str, str] = {}
        if asked.url:
            values[asked.url] = (
                self.told.at(place) if self.told else self.url.replace(self.address.origin, place, 1)
            )
        if asked.host:
            values[asked.host] = host
        if asked.port:
            values[asked.port] = port
        return values


def found(specs: Mapping[str, LinkSpec], environ: Mapping[str, str]) -> list[OwnLink]:
    """Return where the links of a scenario lead."""
    return [_found(name, spec, environ) for name, spec in specs.items()]


def addresses(specs: Mapping[str, LinkSpec], environ: Mapping[str, str]) -> Iterator[Wanted]:
    """Yield their addresses, for the allow-list."""
    for each in found(specs, environ):
        yield each.wanted


def _found(name: str, spec: LinkSpec, environ: Mapping[str, str]) -> OwnLink:
    variable = spec.env.url if spec.env else None
    value = environ.get(variable, "") if variable else ""
    usual = SPOKEN[spec.protocol].port
    address = (
        _read(f"${variable}, which links.{name}.env names,", value, usual) if value and variable else None
    )
    upstream = _read(f"links.{name}.upstream", spec.upstream, usual) if spec.upstream else address
    if upstream is None:
        raise UsageError(
            f"links.{name} does not say where it leads",
            f"It has no upstream, and the environment variable {variable} is not set",
            f"export {variable}=..., or give upstream: 127.0.0.1:PORT",
        )
    if variable and value:
        sources.environment({variable: value})
    for each in filter(None, (address, upstream)):
        sources.url(each.at(each.address.origin))
        if each.password:
            learn(each.password)
    credentials = upstream if upstream.user or address is None else address
    if (
        variable
        and address is None
        and upstream.address.scheme not in SCHEMES
        and spec.protocol in {"postgres", "mysql"}
    ):
        raise UsageError(
            f"The environment variable {variable}, which links.{name}.env names, is not set",
            "The server would be told an address without a user and a database",
            f"export {variable}=..., or give upstream as a URL: {spec.protocol}://USER:${{PASSWORD}}@HOST:PORT/DATABASE",
        )
    _check_proof(name, (address, upstream))
    return OwnLink(name, spec, upstream.address, _canary_url(spec, upstream.address, credentials), address)


def _read(named: str, text: str, port: int | None) -> Dsn:
    try:
        return read_dsn(text, port)
    except ValueError as error:
        why = str(error)
        raise UsageError(
            f"{named} cannot be read as an address",
            f"{why[:1].upper()}{why[1:]}. It is not shown, because it may hold a password",
            "Give a URL, HOST:PORT, host=... port=..., or Go's USER:PASSWORD@tcp(HOST:PORT)/DATABASE",
        ) from None


def _check_proof(name: str, texts: Sequence[Dsn | None]) -> None:
    """Refuse a server whose certificate has to prove its name: at the address of a proxy it cannot."""
    for each in texts:
        if each and dict(parse_qsl(each.address.query)).get("sslmode") == _PROVEN:
            raise UsageError(
                f"links.{name} asks for a certificate that proves the server's name (sslmode={_PROVEN})",
                "It would not be valid at the address of a proxy",
                "Use sslmode=require or verify-ca for the test",
            )


def _canary_url(spec: LinkSpec, address: Address, credentials: Dsn) -> str:
    scheme = SPOKEN[spec.protocol].schemes[0]
    user = (
        f"{quote(credentials.user, safe='')}:{quote(credentials.password, safe='')}@"
        if credentials.user
        else ""
    )
    if credentials.password and not user:
        user = f":{quote(credentials.password, safe='')}@"
    mode = dict(parse_qsl(credentials.address.query)).get("sslmode")
    query = f"?sslmode={mode}" if mode and spec.protocol == "postgres" else ""
    path = f"/{quote(credentials.database, safe='')}" if credentials.database else ""
    return f"{scheme}://{user}{address.origin}{path}{query}"


async def open_links(sites: FaultSites, asked: Sequence[OwnLink]) -> dict[str, str]:
    """Ask every service once, and open a proxy for it; return the environment for the server."""
    environment: dict[str, str] = {}
    for each in asked:
        beside = await resolved.by_number(each.url)
        talk = await _asked_once(each, beside, sites.clock)
        assert sites.server is not None
        listen = f"{HERE}:{each.spec.listen}" if each.spec.listen else ANYWHERE
        _check_free(each)
        opening = links.opened(sites.server, sites.run_id, each.name, beside, listen)
        link: Link = await sites.stack.enter_async_context(opening)
        canaries = _canaries(each, link.through(beside), beside, sites.clock, talk)
        sites.found[each.name] = FaultSite(link, await sites.stack.enter_async_context(canaries))
        environment |= each.variables(link.listen)
    return environment


def told(asked: Sequence[OwnLink], sites: FaultSites) -> Iterator[str]:
    """Yield a line for each link, for whoever watches the run."""
    for each in asked:
        place = sites.found[each.name].place
        assert isinstance(place, Link)
        names = ", ".join(each.variables(place.listen))
        by = f", in {names} of the server" if names else ""
        yield f"Link {each.name}: {place.listen} leads to {each.address.origin} ({each.spec.protocol}){by}"


def _canaries(
    each: OwnLink, through: str, beside: str, clock: Clock, talk: TcpTalk | None
) -> AbstractAsyncContextManager[LinkCanaries]:
    if each.spec.protocol == "tcp":
        return canary.opened_tcp(through, beside, clock, talk)
    return canary.opened(through, beside, clock)


async def _asked_once(each: OwnLink, url: str, clock: Clock) -> TcpTalk | None:
    """Raise unless the service answers a canary; return what a TCP service answers, if it was told what to send."""
    talk = None
    if each.spec.send:
        try:
            talk = await learned(url, each.spec.send)
        except (OSError, ValueError) as error:
            raise _silent(
                each, f"It did not answer what links.{each.name}.send says: {str(error) or 'no answer'}"
            ) from error
    async with _canaries(each, url, url, clock, talk) as canaries:
        pair = (await canaries.pairs(1, Ask(limit_s=ANSWER_S)))[0].beside
    if pair.end != "replied":
        raise _silent(each, short(pair.why, 200) or f"Its connection was {pair.end}")
    return talk


def _silent(each: OwnLink, why: str) -> FaultBackendUnreachableError:
    more = ""
    if each.spec.protocol in {"postgres", "mysql", "amqp"}:
        more = "; give the canaries a user: upstream as a URL, or the variable of env"
    return FaultBackendUnreachableError(
        f"What is behind the link {each.name} does not answer a canary: {each.address.origin}",
        why,
        f"Start it, or correct links.{each.name}{more}",
    )


def _check_free(each: OwnLink) -> None:
    if each.spec.listen and is_taken(each.spec.listen, HERE):
        raise UsageError(
            f"Port {each.spec.listen} is taken, at which the link {each.name} should listen",
            f"Another program listens on {HERE}:{each.spec.listen}",
            "Stop it, or give another port and tell your server",
        )
