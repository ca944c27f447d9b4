"""Requests to authorization servers: vetted addresses, no redirects, bounds, JSON; never a secret over plain HTTP.

An address of theirs comes from the server under test or its metadata, so it is foreign: each is vetted as the target
is, and named in the error when it is not allowed. What is on another machine cannot send us to this one, whose services
trust whoever is here, unless that was allowed by name.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import aiohttp

from harness.client.http import asking, why_unconnected
from harness.foundation.addresses import resolved, route
from harness.foundation.addresses.address import Address, AddressError, read, same
from harness.foundation.addresses.connector import connector
from harness.foundation.addresses.judging import Wanted, allowed, unreadable
from harness.foundation.addresses.kind import kind
from harness.foundation.addresses.route import Route, Tls
from harness.foundation.addresses.vetting import vet
from harness.foundation.clock import within
from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.foundation.secrets import redact
from harness.foundation.untrusted.documents import DocumentError, json_value
from harness.mcp import compressed

TIMEOUT_S: Final = 10.0
BODY_BYTES_MAX: Final = 262_144
REDIRECTS: Final = range(300, 400)
EXAMPLE: Final = "https://auth.example.com/token"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its JSON is {} when it has none."""

    status: int
    headers: Mapping[str, str]
    data: Mapping[str, Any]
    took_ms: float
    here: bool = True  # what answered is on this machine


@dataclass(frozen=True, slots=True)
class Fetching:
    """How authorization servers are reached."""

    allowed_hosts: Sequence[str]
    environ: Mapping[str, str] = field(repr=False)
    tls: Tls = field(default_factory=Tls)
    timeout_s: float = TIMEOUT_S
    here: bool = True  # the server under test is on this machine

    async def get(self, url: str, named_by: str, *, from_here: bool = True) -> Answer:
        """Ask for metadata. `from_here`: who named the address is on this machine, or is the user."""
        return await self._asked("GET", url, named_by, None, {}, from_here=from_here)

    async def post(
        self,
        url: str,
        named_by: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        from_here: bool = True,
    ) -> Answer:
        """Ask for a token."""
        return await self._asked("POST", url, named_by, form, headers, from_here=from_here)

    async def _asked(
        self,
        method: str,
        url: str,
        named_by: str,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str],
        *,
        from_here: bool,
    ) -> Answer:
        place = read_place(url, named_by)
        proxy = route.proxy_of(place.url, self.environ)
        wanted = [Wanted(place, named_by, "Tokens are asked for at", absent=TargetUnreachableError)]
        if proxy is not None:
            wanted.append(Wanted(route.address_of(proxy), proxy.named_by))
        vetted = await asyncio.to_thread(vet, wanted, self.allowed_hosts)
        addresses = vetted[same(place.host)]
        here = all(kind(address)[0] == "loopback" for address in addresses)
        if here and not from_here and same(place.host) not in allowed(self.allowed_hosts):
            raise _leads_back(place, named_by)
        _check_private(place, addresses, form is not None)
        try:
            with resolved.in_force(vetted):
                async with within(self.timeout_s):
                    return replace(await self._exchange(method, place.url, form, headers, proxy), here=here)
        except TimeoutError:
            why = f"no answer in {self.timeout_s:g} s"
        except (aiohttp.ClientError, OSError) as error:
            why = why_unconnected(error)
        raise TargetUnreachableError(
            f"{redact.url(place.url)}, which {named_by} names, does not answer",
            why,
            "Start it, or correct the address",
        )

    async def _exchange(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str],
        proxy: route.Proxy | None,
    ) -> Answer:
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        secure = self.tls.context() if url.startswith("https://") else True
        async with (
            aiohttp.ClientSession(
                connector=connector(force_close=True, ssl=secure), cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=["Accept-Encoding"], auto_decompress=False,
            ) as http,
            http.request(
                method, data=form, allow_redirects=False,
                **asking(url, {"Accept": "application/json", **headers}.items(), Route(proxy=proxy)),
            ) as response,
        ):  # fmt: skip
            body = await _bounded(response)
            took_ms = (now_s() - began_s) * 1000
            named = {name.lower(): text for name, text in response.headers.items()}
            return Answer(response.status, named, _json(body), took_ms)


def check_not_moved(answer: Answer, url: str) -> None:
    """Raise UsageError for a redirect: where it leads has not been agreed to."""
    if answer.status in REDIRECTS:
        raise UsageError(
            f"{redact.url(url)} sends its clients elsewhere (HTTP {answer.status})",
            f"It names {redact.url(answer.headers.get('location', 'no place'))[:200]!r}; redirects are not followed with credentials",
            "Give the address itself: issuer or token_url (docs/auth.md)",
        )


def read_place(url: str, named_by: str) -> Address:
    """The address of somebody who is to be asked; UsageError when it is none."""
    try:
        return read(url, ("http", "https"))
    except AddressError as error:
        raise unreadable(f"{named_by}:", url, str(error), EXAMPLE) from None


def _leads_back(place: Address, named_by: str) -> UsageError:
    return UsageError(
        f"{place.host}, which {named_by} names, is this machine, and who names it is another one",
        "Services here trust whoever is here; a server elsewhere could have them asked in its name",
        f"If it is meant: token_url or issuer (docs/auth.md), or --allow-host {place.host}",
    )


def _check_private(place: Address, addresses: Sequence[str], has_secret: bool) -> None:
    """Refuse to send a secret unencrypted to another machine (RFC 6749, section 3.2)."""
    if has_secret and place.scheme == "http" and any(kind(address)[0] != "loopback" for address in addresses):
        raise UsageError(
            f"The client's secret would be sent to {place.host} over plain HTTP",
            "Anybody on the way could read it, and OAuth forbids it",
            "Give the address with https:// (issuer or token_url)",
        )


@dataclass(slots=True)
class _Bounded:
    """The first bytes of a body, however it is compressed."""

    data: bytearray = field(default_factory=bytearray)

    def body(self, chunk: bytes) -> bool:
        self.data += chunk[: BODY_BYTES_MAX - len(self.data)]
        return len(self.data) >= BODY_BYTES_MAX


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    kept = _Bounded()
    try:
        unpacked = compressed.body(response.headers.get("content-encoding", ""))
        while chunk := await response.content.readany():
            if kept.body(chunk) if unpacked is None else unpacked.feed(chunk, kept):
                break
    except compressed.CompressedError:
        return b""
    return bytes(kept.data)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = json_value(body.decode())
    except (DocumentError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}
