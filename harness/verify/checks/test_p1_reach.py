"""Is it there, is it where it was said to be, and can it prove it?"""

import ssl
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import pytest

from harness.client.http import Head, http_client
from harness.client.preflight import NOT_THERE
from harness.foundation.errors import TargetUnreachableError
from harness.foundation.secrets import redact
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, HandshakeSession
from harness.mcp.messages import Request
from harness.verify.doors import said
from harness.verify.finding import fail, skip
from harness.verify.target import CLOCK, Target

pytestmark = pytest.mark.reach
DAYS_LEAST = 14
REDIRECTS = range(300, 400)


def test_somebody_answers(target: Target) -> None:
    """Anything that is HTTP will do; what it says is for the other checks."""
    reply = target.exchange(_first())
    if reply.outcome not in NOT_THERE or reply.status is not None:
        return
    if "certificate" in reply.detail.lower():  # somebody is there, and cannot prove who
        return
    raise TargetUnreachableError(
        f"The deployment at {target.shown} is not there",
        said(reply),
        "Start it, check the address, or wait for it with --wait 60s",
    )


def test_the_certificate_is_valid_for_two_more_weeks(target: Target) -> None:
    """Of an address with https."""
    if urlsplit(target.places.base).scheme != "https":
        skip("it is HTTP without TLS: there is no certificate", "give the https:// address that clients use")
    try:
        shown = target.run(target.certificate())
    except ssl.SSLCertVerificationError as error:
        fail(f"clients refuse its certificate: {error.verify_message}")
    except (OSError, TimeoutError) as error:
        fail(f"no TLS connection: {error}")
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
    days = (ends - CLOCK.utc()).days
    if days < DAYS_LEAST:
        fail(f"its certificate ends in {days} days, on {ends:%Y-%m-%d}; {DAYS_LEAST} are the least")


def test_nobody_is_sent_elsewhere(target: Target) -> None:
    """A client that posts is not redirected: it may follow without its body, or not at all."""
    head = _head(target, _first(), target.places.mcp)
    if head is not None and head.status in REDIRECTS:
        to = redact.url(urljoin(target.places.mcp, head.headers.get("location", "")))
        fail(
            f"a POST to {target.shown} is sent on to {to} (HTTP {head.status}): give that address to clients"
        )


def test_health_is_good(target: Target) -> None:
    """Where there is a page for it."""
    url = f"{target.places.base}/health"
    how = "serve a page /health that says 200 when all is well and 503 when not"
    head = _head(target, Request("health", b"", (("Accept", "*/*"),), None, "GET"), url)
    if head is None:
        fail(f"GET /health brought no answer in {target.settings.timeout_s:g} s")
    if head.status >= 500:
        fail(f"GET /health says {head.status}")
    if head.status != 200:
        skip(f"there is no page /health (HTTP {head.status})", how)
    if "html" in head.headers.get("content-type", ""):
        skip("what /health shows is a page for people, and says nothing of health", how)


def _first() -> Request:
    """What a client would say first."""
    return next(HandshakeSession(HANDSHAKE_VERSIONS[0]).opening())


def _head(target: Target, request: Request, url: str) -> Head | None:
    async def made() -> Head | None:
        async with http_client(url, target.settings.timeout_s, target.headers) as client:
            return await client.head(request)

    return target.run(made())
