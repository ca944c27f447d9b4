"""Is a page of another site kept out? (DNS rebinding: its name is made to stand for the server's address.)

The specification: servers must validate Origin. What is public anyway gains nobody anything by that: there it is skipped.
"""

import msgspec
import pytest

from harness.verify.doors import said
from harness.verify.finding import fail, skip
from harness.verify.target import Target

pytestmark = [pytest.mark.protocol, pytest.mark.http]
ELSEWHERE = "rebound.example"
MEND = (
    "Any web page that somebody opens on this machine or network can call its tools.\n"
    "Have the server compare Origin and Host with a list (Python SDK: TransportSecuritySettings; TypeScript SDK: enableDnsRebindingProtection, allowedHosts, allowedOrigins).\n"
    "Where something before it does that, say so in verify.yaml: accept {THIS CHECK: WHY}"
)


def test_a_page_of_another_origin_is_refused(target: Target) -> None:
    """With 403; the Host is right."""
    _refused(target, (("Origin", f"http://{ELSEWHERE}"),), "of another Origin")


def test_a_rebound_page_is_refused(target: Target) -> None:
    """Host and Origin agree, and are another site's."""
    port = target.places.base.rpartition(":")[2]
    host = f"{ELSEWHERE}:{port}" if port.isdigit() else ELSEWHERE
    _refused(target, (("Host", host), ("Origin", f"http://{host}")), "for another Host")


def _refused(target: Target, headers: tuple[tuple[str, str], ...], what: str) -> None:
    if not target.is_local:
        skip(
            "its address is public: a page gains nothing by rebinding",
            "verify it from inside, by its local address",
        )
    first = target.first_request()
    if first is None:
        skip("it accepts no POST", "see the check that it speaks MCP")
    reply = target.exchange(msgspec.structs.replace(first, headers=(*first.headers, *headers)))
    if reply.status is None:
        return  # the connection was ended
    if reply.status >= 500:
        fail(f"a request {what} ended with {said(reply)}")
    if reply.status < 400:
        fail(f"a request {what} was taken (HTTP {reply.status}); 403 would be right. {MEND}")
