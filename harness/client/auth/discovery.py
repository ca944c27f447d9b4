"""Where the tokens of a server come from: its own metadata (RFC 9728), then its authorization server's (RFC 8414).

    401, WWW-Authenticate: Bearer resource_metadata="..."      else /.well-known/oauth-protected-resource/PATH, and without PATH
      -> {"resource": the server, "authorization_servers": [issuer, ...]}
         -> issuer's /.well-known/oauth-authorization-server, else openid-configuration
            -> {"issuer": the same, "token_endpoint": ...}

- What is said to be the server must be the server (RFC 9728, section 3.3), and an issuer must say its own name (RFC 8414,
  section 3.3): else the tokens of one could be asked for in the name of another.
- A server without such metadata (before 2025-06-18) is its own authorization server.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from harness.client.auth.fetching import Answer, Fetching, check_not_moved, read_place
from harness.client.http import http_client
from harness.foundation.errors import UsageError
from harness.foundation.secrets import redact
from harness.foundation.untrusted.printable import printable
from harness.mcp import challenge
from harness.mcp.dialects.handshake import HandshakeSession
from harness.scenario.auth import OAuth

OF_RESOURCE: Final = "/.well-known/oauth-protected-resource"
OF_SERVER: Final = "/.well-known/oauth-authorization-server"
OF_OPENID: Final = "/.well-known/openid-configuration"
OK: Final = 200
WORD_CHARS: Final = 200
ASK_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class TokenServer:
    """Where tokens are asked for, and for what."""

    token_url: str
    named_by: str
    resource: str = ""  # "": the server has no metadata, and may not know resource indicators
    scope: str = ""
    methods: tuple[str, ...] = ()  # how a client may say who it is; () when nobody says
    from_here: bool = True  # who named `token_url` is on this machine, or is the user


async def token_server(fetching: Fetching, url: str, oauth: OAuth) -> TokenServer:
    """Return where the tokens of the server at `url` come from."""
    if oauth.token_url:
        return TokenServer(oauth.token_url, "token_url", oauth.resource or canonical(url), oauth.scope)
    if oauth.issuer:
        server = await _server(fetching, oauth.issuer, "issuer", from_here=True)
        return replace(server, resource=oauth.resource or canonical(url), scope=oauth.scope)
    asked = await _challenge(url)
    resource, metadata, from_here = await _resource(fetching, url, asked, oauth)
    issuers = metadata.get("authorization_servers")
    named = str(issuers[0]) if isinstance(issuers, list) and issuers else ""
    issuer = named or _origin(url)
    named_by = "the metadata of the server" if named else "the address of the server (it has no metadata)"
    server = await _server(fetching, issuer, named_by, from_here=from_here)
    scope = oauth.scope or (asked.parameters.get("scope", "") if asked is not None else "")
    return replace(server, resource=resource, scope=scope)


def canonical(url: str) -> str:
    """The server's name as a resource (RFC 8707): its URL without credentials and fragment."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc.rpartition("@")[2].lower(), parts.path, parts.query, ""))


async def _challenge(url: str) -> challenge.Challenge | None:
    """Send a request without a token, and return the challenge that the server answers with."""
    async with http_client(_http(url), ASK_S, {}) as client:
        head = await client.head(next(HandshakeSession().opening()))
    header = head.headers.get("www-authenticate", "") if head is not None else ""
    return challenge.bearer(challenge.challenges(header))


async def _resource(
    fetching: Fetching, url: str, asked: challenge.Challenge | None, oauth: OAuth
) -> tuple[str, Mapping[str, Any], bool]:
    """The server's name as a resource, its metadata ("" and {} where there is none), and whether that is on this machine."""
    named = asked.parameters.get("resource_metadata") if asked is not None else None
    for place in [named] if named else _well_known(url, OF_RESOURCE):
        answer = await fetching.get(place, "the server", from_here=fetching.here)
        check_not_moved(answer, place)
        if answer.status == OK and answer.data:
            return _checked(url, place, answer, oauth), answer.data, answer.here
        if named:
            raise UsageError(
                f"The server's metadata is not at {redact.url(place)}, where it says that it is",
                f"It answered HTTP {answer.status}" + ("" if answer.data else ", and no JSON"),
                "Correct the server, or say where tokens come from: issuer or token_url (docs/auth.md)",
            )
    return oauth.resource or "", {}, fetching.here


def _checked(url: str, place: str, answer: Answer, oauth: OAuth) -> str:
    """The name that the metadata gives the server, which must be its own."""
    resource = answer.data.get("resource")
    if oauth.resource:
        return oauth.resource
    own = canonical(url)
    if isinstance(resource, str) and _covers(resource, own):
        return resource
    raise UsageError(
        f"The metadata of the server is another server's: {redact.url(place)}",
        f"It is of {printable(str(resource), WORD_CHARS)}, and the run goes to {redact.url(own)}: a token for one is not for the other",
        "Give the address that the server has in its metadata, or the name that its tokens are for: resource (docs/auth.md)",
    )


def _covers(resource: str, own: str) -> bool:
    """Whether a name is the server's, or that of its origin or a folder above its path."""
    try:
        theirs, ours = urlsplit(resource), urlsplit(own)
    except ValueError:  # what is said is no address
        return False
    if (theirs.scheme.lower(), theirs.netloc.lower()) != (ours.scheme, ours.netloc):
        return False
    folder = theirs.path.rstrip("/")
    return ours.path.rstrip("/") == folder or ours.path.startswith(f"{folder}/")


async def _server(fetching: Fetching, issuer: str, named_by: str, *, from_here: bool) -> TokenServer:
    """The token endpoint of an authorization server, who named it, and how its clients may say who they are."""
    read_place(issuer, named_by)
    tried = []
    for place in (*_well_known(issuer, OF_SERVER, bare=False), *_openid(issuer)):
        answer = await fetching.get(place, named_by, from_here=from_here)
        check_not_moved(answer, place)
        if answer.status != OK or not answer.data:
            tried.append(f"{urlsplit(place).path}: HTTP {answer.status}")
            continue
        issuer_named, token_url = answer.data.get("issuer"), answer.data.get("token_endpoint")
        if not isinstance(issuer_named, str) or issuer_named.rstrip("/") != issuer.rstrip("/"):
            raise UsageError(
                f"The authorization server at {redact.url(place)} is another one",
                f"It says that it is {printable(str(issuer_named), WORD_CHARS)}, and {named_by} names {redact.url(issuer)}",
                "Give the issuer as it names itself (docs/auth.md)",
            )
        methods = answer.data.get("token_endpoint_auth_methods_supported")
        if isinstance(token_url, str):
            known = tuple(str(each) for each in methods) if isinstance(methods, list) else ()
            return TokenServer(
                token_url, "the metadata of its authorization server", methods=known, from_here=answer.here
            )
        tried.append(f"{urlsplit(place).path}: no token_endpoint")
    raise UsageError(
        f"The authorization server {redact.url(issuer)} does not say where tokens come from",
        "; ".join(tried),
        "Say it: token_url=URL (docs/auth.md)",
    )


def _well_known(url: str, name: str, *, bare: bool = True) -> Iterator[str]:
    """The places of metadata: between host and path, and (`bare`) without the path."""
    parts = urlsplit(canonical(url))
    path = parts.path.rstrip("/")
    yield _at(parts, name + path)
    if path and bare:
        yield _at(parts, name)


def _openid(issuer: str) -> Iterator[str]:
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    yield _at(parts, OF_OPENID + path)
    if path:
        yield _at(parts, path + OF_OPENID)


def _at(parts: SplitResult, path: str) -> str:
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _origin(url: str) -> str:
    parts = urlsplit(canonical(url))
    return f"{parts.scheme}://{parts.netloc}"


def _http(url: str) -> str:
    return f"http{url.removeprefix('ws')}" if url.startswith("ws") else url
