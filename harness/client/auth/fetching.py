"""Requests to authorization servers: vetted addresses, no redirects, bounds, JSON; never a secret over plain HTTP.

An address of theirs comes from the server under test or its metadata, so it is foreign: each is vetted as the target
is, and named in the error when it is not allowed.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from harness.client.http import asking, why_unconnected
from harness.foundation.addresses import book, way
from harness.foundation.addresses.address import Address, AddressError, read, same
from harness.foundation.addresses.connector import connector
from harness.foundation.addresses.judging import Wanted, unreadable
from harness.foundation.addresses.kind import kind
from harness.foundation.addresses.vetting import vet
from harness.foundation.addresses.way import Tls, Way
from harness.foundation.clock import within
from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.foundation.secrets import redact
from harness.foundation.untrusted.documents import DocumentError, json_value

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


@dataclass(frozen=True, slots=True)
class Fetching:
    """How authorization servers are reached."""

    allowed_hosts: Sequence[str]
    environ: Mapping[str, str] = field(repr=False)
    tls: Tls = field(default_factory=Tls)
    timeout_s: float = TIMEOUT_S

    async def get(self, url: str, named_by: str) -> Answer:
        """Ask for metadata."""
        return await self._asked("GET", url, named_by, None, {})

    async def post(
        self, url: str, named_by: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> Answer:
        """Ask for a token."""
        return await self._asked("POST", url, named_by, form, headers)

    async def _asked(
        self, method: str, url: str, named_by: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> Answer:
        place = _place(url, named_by)
        proxy = way.proxy_of(place.url, self.environ)
        wanted = [Wanted(place, named_by, "Tokens are asked for at", absent=TargetUnreachableError)]
        if proxy is not None:
            wanted.append(Wanted(way.address_of(proxy), proxy.named_by))
        vetted = await asyncio.to_thread(vet, wanted, self.allowed_hosts)
        _check_private(place, vetted[same(place.host)], form is not None)
        try:
            with book.in_force(vetted):
                async with within(self.timeout_s):
                    return await self._exchange(method, place.url, form, headers, proxy)
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
        proxy: way.Proxy | None,
    ) -> Answer:
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        secure = self.tls.context() if url.startswith("https://") else True
        async with (
            aiohttp.ClientSession(
                connector=connector(force_close=True, ssl=secure), cookie_jar=aiohttp.DummyCookieJar()
            ) as http,
            http.request(
                method, data=form, allow_redirects=False,
                **asking(url, {"Accept": "application/json", **headers}.items(), Way(proxy=proxy)),
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


def _place(url: str, named_by: str) -> Address:
    try:
        return read(url, ("http", "https"))
    except AddressError as error:
        raise unreadable(f"{named_by}:", url, str(error), EXAMPLE) from None


def _check_private(place: Address, addresses: Sequence[str], has_secret: bool) -> None:
    """Refuse to send a secret unencrypted to another machine (RFC 6749, section 3.2)."""
    if has_secret and place.scheme == "http" and any(kind(address)[0] != "loopback" for address in addresses):
        raise UsageError(
            f"The client's secret would be sent to {place.host} over plain HTTP",
            "Anybody on the way could read it, and OAuth forbids it",
            "Give the address with https:// (issuer or token_url)",
        )


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while len(body) < BODY_BYTES_MAX and (more := await response.content.readany()):
        body += more
    return bytes(body[:BODY_BYTES_MAX])


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = json_value(body.decode())
    except (DocumentError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}
