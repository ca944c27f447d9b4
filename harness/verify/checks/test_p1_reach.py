"""Is it there, is it where it was said to be, and can it prove it?"""

import ssl
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import pytest

from harness.client.preflight import NOT_THERE
from harness.foundation.errors import TargetUnreachableError
from harness.foundation.secrets import redact
from harness.mcp import outcome, stdio_address
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, HandshakeSession
from harness.mcp.dialects.modern import MODERN_VERSION
from harness.mcp.messages import Request
from harness.verify.doors import said
from harness.verify.finding import fail, skip
from harness.verify.target import CLOCK, Target

pytestmark = pytest.mark.reach
DAY_S = 86_400
REDIRECTS = range(300, 400)


def test_somebody_answers(target: Target) -> None:
    """Anything that is HTTP will do; what it says is for the other checks."""
    if target.is_stdio:
        _speaks_over_stdio(target)
        return
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


@pytest.mark.http
def test_the_certificate_is_valid_for_long_enough(target: Target) -> None:
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
    left, least_s = ends - CLOCK.utc(), target.spec.limits.certificate
    if left.total_seconds() < least_s:
        fail(
            f"its certificate ends in {left.days} days, on {ends:%Y-%m-%d}; {least_s / DAY_S:g} are the least"
        )


@pytest.mark.http
def test_nobody_is_sent_elsewhere(target: Target) -> None:
    """A client that posts is not redirected: it may follow without its body, or not at all."""
    head = target.head(_first(), target.places.mcp)
    if head is not None and head.status in REDIRECTS:
        to = redact.url(urljoin(target.places.mcp, head.headers.get("location", "")))
        fail(
            f"a POST to {target.shown} is sent on to {to} (HTTP {head.status}): give that address to clients"
        )


@pytest.mark.http
def test_health_is_good(target: Target) -> None:
    """Where there is a page for it; what verify.yaml names must be there."""
    expected = target.spec.health
    path = expected.url if expected else "/health"
    how = "serve a page /health that says 200 when all is well and 503 when not, or name yours in verify.yaml (health)"
    contains = expected.contains.encode() if expected else b""
    asked = Request("health", b"", (("Accept", "*/*"),), None, "GET", contains)
    url = f"{target.places.base}{path}"
    reply, head = target.exchange(asked, url), target.head(asked, url)
    if head is None or reply.status is None:
        fail(f"GET {path} ended with {said(reply)}")
    if head.status >= 500 or (expected and reply.outcome != outcome.OK):
        fail(f"GET {path} ended with {said(reply)}")
    if head.status != 200:
        skip(f"there is no page /health (HTTP {head.status})", how)
    if expected is None and "html" in head.headers.get("content-type", ""):
        skip("what /health shows is a page for people, and says nothing of health", how)


def _speaks_over_stdio(target: Target) -> None:
    """It starts, and answers in one version at least."""
    looks = [target.door(version) for version in (*HANDSHAKE_VERSIONS[:1], MODERN_VERSION)]
    if not any(look.offered for look in looks):
        raise TargetUnreachableError(
            f"The server {target.shown.removeprefix(stdio_address.PREFIX)} does not answer on its standard output",
            looks[0].why,
            "Run the command by hand: it must speak MCP over stdio. A server with a URL is given with --url",
        )


def _first() -> Request:
    """What a client would say first."""
    return next(HandshakeSession(HANDSHAKE_VERSIONS[0]).opening())
