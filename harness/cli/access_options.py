"""Options that say who the clients are to the server, and the way to it; and what they come to.

They are the same for the load commands, `discover` and `verify`. References such as `${TOKEN}` are filled in from the
environment wherever a value stands: nobody has to write a secret on a command line, which all of the machine can read.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypedDict

import click

from harness.foundation.errors import UsageError
from harness.foundation.secrets import sources

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
_VARIABLE = re.compile(r"\$\{(\w+)\}")

AUTH: Final[Decorator] = click.option(
    "--auth",
    metavar="KIND:...",
    envvar="HARNESS_AUTH",
    help="Where the bearer token comes from; it is renewed before it expires: 'bearer:${TOKEN}', 'command:gcloud auth "
    "print-access-token', or 'oauth:client_id=ID,client_secret=${SECRET}' (docs/auth.md). Write secrets only as ${NAME}.",
)
TLS: Final[tuple[Decorator, ...]] = (
    click.option(
        "--cacert",
        metavar="FILE",
        envvar="HARNESS_CACERT",
        help="Trust the certificate authority of this PEM file, instead of this machine's own (or SSL_CERT_FILE's).",
    ),
    click.option(
        "--cert", metavar="FILE", help="Client certificate (PEM) for a server that asks for one (mutual TLS)."
    ),
    click.option(
        "--key",
        metavar="FILE",
        help="Private key of --cert, if it is not in the same file; it must have no password.",
    ),
    click.option(
        "--insecure",
        is_flag=True,
        help="Do not verify the server's certificate: somebody else may answer in its place. Terminal and report warn of it.",
    ),
)
WAIT: Final[Decorator] = click.option(
    "--wait",
    "wait",
    metavar="DURATION",
    help="Wait up to this long for a server that is coming up, such as 30s [default: not at all].",
)
UNIX_SOCKET: Final[Decorator] = click.option(
    "--unix-socket",
    metavar="PATH",
    help="Connect to this Unix socket; --url then only says the path and the Host header [default: http://localhost/mcp].",
)


def with_tls(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of certificates."""
    for option in reversed(TLS):
        command = option(command)
    return command


@contextmanager
def going(url: str, given: Mapping[str, Any], tell: Callable[[str], None]) -> Iterator[None]:
    """Go to this URL by the certificates that were given, and the proxy that the environment names."""
    from harness.foundation.addresses import route
    from harness.foundation.addresses.route import INSECURE, Route, Tls

    tls = Tls(**tls_data(given))
    tls.check()
    if tls.insecure:
        tell(INSECURE)
    with route.in_force(Route(tls, route.proxy_of(url, os.environ))):
        yield


def expanded(text: str, option: str, environ: Mapping[str, str] = os.environ) -> str:
    """Fill in references to the environment; each is a secret if its name says so, or it looks like one."""
    missing = [name for name in _VARIABLE.findall(text) if name not in environ]
    if missing:
        raise UsageError(
            f"{option}: the environment variable {missing[0]} is not set",
            f"It is asked for by ${{{missing[0]}}}",
            f"export {missing[0]}=...",
        )
    for name in _VARIABLE.findall(text):
        sources.reference(name, environ[name])
    return _VARIABLE.sub(lambda match: environ[match[1]], text)


def headers(lines: Mapping[str, str]) -> dict[str, str]:
    """Headers with their references filled in; their values are known as secrets."""
    filled_in = {name: expanded(value, "--header") for name, value in lines.items()}
    sources.headers(filled_in)
    return filled_in


def auth_data(text: str | None) -> Mapping[str, str | dict[str, str]] | None:
    """`--auth` as a scenario would say it."""
    if text is None:
        return None
    from harness.scenario.auth import read_flag

    return read_flag(text)


class TlsDocument(TypedDict, total=False):
    """`target.tls` as a scenario file says it."""

    ca: str
    cert: str
    key: str
    insecure: bool


def tls_data(given: Mapping[str, Any]) -> TlsDocument:
    """The options of certificates as a scenario would say it; {} when none was given."""
    tls: TlsDocument = {}
    if given.get("cacert"):
        tls["ca"] = given["cacert"]
    if given.get("cert"):
        tls["cert"] = given["cert"]
    if given.get("key"):
        tls["key"] = given["key"]
    if given.get("insecure"):
        tls["insecure"] = True
    return tls


def target_data(given: Mapping[str, Any]) -> Mapping[str, object]:
    """Return the keys of `target` in a scenario that these options stand for."""
    keys = {"auth": auth_data(given.get("auth")), "tls": tls_data(given), "wait": given.get("wait")}
    return {key: value for key, value in keys.items() if value}


def at_socket(url: str | None, path: str | None) -> str | None:
    """The URL of what is at a Unix socket, for `--unix-socket`."""
    if path is None:
        return url
    from urllib.parse import urlsplit

    from harness.foundation.addresses import unix_socket

    if any("\ud800" <= char <= "\udfff" for char in path):  # bytes that are no text stand so
        raise UsageError(
            "--unix-socket is a path that is no text",
            "It would stand in a URL",
            "Give the path of the socket in UTF-8",
        )
    parts = urlsplit(url or "http://localhost")
    if parts.scheme not in {"", "http", "ws"}:
        raise UsageError(
            "--unix-socket is for plain HTTP",
            f"--url begins with {parts.scheme}://, and at a socket in the file system no TLS is spoken",
            "Give --url http://localhost/PATH, or leave it out",
        )
    door = parts.path + (f"?{parts.query}" if parts.query else "")
    return unix_socket.address(str(Path(path).absolute()), door)
