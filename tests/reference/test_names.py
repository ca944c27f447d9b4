"""Host and Origin: who may be asked by which name."""

import pytest

from harness.reference.doors.names import Names
from harness.reference.settings import Settings

URL = "postgresql://u@127.0.0.1/postgres"


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:8000", None, None),
        ("localhost", None, None),
        ("LOCALHOST:1", None, None),
        ("[::1]:8000", None, None),
        ("target.test:80", None, None),
        ("evil.test", None, 421),
        ("127.0.0.1.evil.test:8000", None, 421),
        ("localhost:8000:1", None, 421),
        ("", None, 421),
        (None, None, 421),
        ("localhost:1", "http://localhost:3000", None),
        ("localhost:1", "https://target.test", None),
        ("localhost:1", "http://evil.test", 403),
        ("localhost:1", "null", 403),
    ],
)
def test_only_known_names_are_answered(host, origin, status):
    """Loopback's names and the allowed ones pass on any port; all others are refused by status."""
    names = Names(Settings(URL, allowed_hosts=("target.test",)))
    headers = [(b"host", host.encode())] if host is not None else []
    headers += [(b"origin", origin.encode())] if origin is not None else []
    refusal = names.refusal(headers)

    assert (refusal[0] if refusal else None) == status


def test_a_public_address_without_names_answers_all():
    """A service told to listen elsewhere, and no names, is meant to be reached by any."""
    assert Names(Settings(URL, host="0.0.0.0")).refusal([(b"host", b"any.test")]) is None
