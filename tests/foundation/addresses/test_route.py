"""By which proxy a URL is reached: the usual variables, as other programs read them."""

from pathlib import Path

import pytest

from harness.foundation.addresses.route import Proxy, Route, Tls, as_data, from_data, proxy_of
from harness.foundation.errors import UsageError

HTTP, HTTPS = "http://proxy.lab:8080", "http://me:pw@secure.lab"


@pytest.mark.parametrize(
    ("url", "environ", "host"),
    [
        ("http://mcp.lab/mcp", {}, None),
        ("http://mcp.lab/mcp", {"HTTP_PROXY": HTTP}, "proxy.lab"),
        ("http://mcp.lab/mcp", {"http_proxy": HTTP, "HTTP_PROXY": HTTPS}, "proxy.lab"),
        ("https://mcp.lab/mcp", {"HTTP_PROXY": HTTP}, None),
        ("https://mcp.lab/mcp", {"HTTP_PROXY": HTTP, "https_proxy": HTTPS}, "secure.lab"),
        ("wss://mcp.lab/mcp", {"HTTPS_PROXY": HTTPS}, "secure.lab"),
        ("ws://mcp.lab/mcp", {"ALL_PROXY": HTTP}, "proxy.lab"),
        ("http://mcp.lab/mcp", {"HTTP_PROXY": "proxy.lab:8080"}, "proxy.lab"),
        ("http://127.0.0.1:8000/mcp", {"HTTP_PROXY": HTTP}, None),
        ("http://[::1]:8000/mcp", {"HTTP_PROXY": HTTP}, None),
        ("http://localhost/mcp", {"HTTP_PROXY": HTTP}, None),
        ("http://mcp.lab/mcp", {"HTTP_PROXY": HTTP, "NO_PROXY": "mcp.lab"}, None),
        ("http://a.mcp.lab/mcp", {"HTTP_PROXY": HTTP, "NO_PROXY": "mcp.lab"}, None),
        ("http://amcp.lab/mcp", {"HTTP_PROXY": HTTP, "NO_PROXY": "mcp.lab"}, "proxy.lab"),
        ("http://mcp.lab/mcp", {"HTTP_PROXY": HTTP, "no_proxy": "other, .lab"}, None),
        ("http://mcp.lab/mcp", {"HTTP_PROXY": HTTP, "NO_PROXY": "*"}, None),
        ("http://10.1.2.3/mcp", {"HTTP_PROXY": HTTP, "NO_PROXY": "10.0.0.0/8"}, None),
        ("http://[fd00::1]/mcp", {"HTTP_PROXY": HTTP, "NO_PROXY": "[fd00::1]"}, None),
        ("http://mcp.lab:81/mcp", {"HTTP_PROXY": HTTP, "NO_PROXY": "mcp.lab:82"}, "proxy.lab"),
        ("http+unix://%2Frun%2Fx/mcp", {"HTTP_PROXY": HTTP, "ALL_PROXY": HTTP}, None),
    ],
)  # fmt: skip
def test_the_usual_variables_name_a_proxy_and_its_exceptions(
    url: str, environ: dict[str, str], host: str | None
) -> None:
    """Off for this machine, whatever they say."""
    proxy = proxy_of(url, environ)
    assert (proxy.host if proxy else None) == host


@pytest.mark.parametrize(
    "text", ["socks5://proxy.lab:1080", "https://proxy.lab", "http://", "http://me:s3cr3t@a@b"]
)
def test_a_proxy_that_cannot_be_used_is_wrong_use_and_not_shown(text: str) -> None:
    """It may hold a password."""
    with pytest.raises(UsageError, match="HTTP_PROXY does not name a proxy") as raised:
        proxy_of("http://mcp.lab/", {"HTTP_PROXY": text})
    assert "s3cr3t" not in str(raised.value)


def test_a_worker_is_told_the_whole_way() -> None:
    """As data, which travels as JSON."""
    there = Route(Tls("ca.pem", "cert.pem", "key.pem"), Proxy("proxy.lab", 8080, "me:pw"))
    assert from_data(as_data(there)) == there
    assert from_data({}) == Route()


def test_a_certificate_file_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    """Before anything starts."""
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(UsageError, match="cannot be used"):
        Tls(ca=str(tmp_path / "ca.pem")).check()
    with pytest.raises(UsageError, match=r"--cert .* cannot be read"):
        Tls(cert=str(tmp_path / "none.pem")).check()
