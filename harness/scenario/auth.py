"""Who the users are to the server under test: `target.auth` and `target.tls`.

    auth: {bearer: "${TOKEN}"}
    auth: {command: "gcloud auth print-access-token", renew: 30m}
    auth: {oauth: {client_id: load-test, client_secret: "${SECRET}", scope: mcp}}
    auth: {oauth: {client_id: load-test, refresh_token: {file: /run/secrets/refresh}}}
    tls: {ca: ca.pem, cert: client.pem, key: client.key}

A secret comes from the environment (`${NAME}`), a file or a command, never as it is: neither a file that is kept
nor a command line, which anybody on the machine can read, has to hold one.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, model_validator

from harness.foundation.errors import UsageError
from harness.scenario.quantities import STRICT, PositiveDuration

KINDS: Final = ("bearer", "command", "oauth")
OAUTH_KEYS: Final = (
    "client_id", "client_secret", "refresh_token", "scope", "issuer", "token_url", "resource", "send_secret",
)  # fmt: skip
EITHER: Final = "auto"
BY_FORM: Final = "post"
_SECRETS: Final = (("bearer",), ("oauth", "client_secret"), ("oauth", "refresh_token"))
_REFERENCE = re.compile(r"\$\{\w+\}")
EXAMPLE: Final = "--auth 'oauth:client_id=ID,client_secret=${SECRET}'"


def _words(value: Any) -> Any:
    """Accept a line of the shell in the place of a program with its arguments."""
    return ["/bin/sh", "-c", value] if isinstance(value, str) and value.strip() else value


Command = Annotated[list[str], BeforeValidator(_words)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret, and where it comes from: exactly one of the three."""

    __pydantic_config__ = STRICT
    value: str = field(default="", repr=False)  # of the environment, filled in
    file: str | None = None
    command: Command = field(default_factory=list)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(map(bool, (self.value, self.file, self.command))) != 1:
            raise ValueError("is ${NAME}, {file: PATH} or {command: LINE}, and not empty")
        return self


def _secret(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


SecretText = Annotated[Secret, BeforeValidator(_secret)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """A client of an OAuth server: with a refresh token it uses that, else it is its own user (client credentials).

    Without `issuer` or `token_url` the server under test says where its tokens come from.
    """

    __pydantic_config__ = STRICT
    client_id: str
    client_secret: SecretText | None = None
    refresh_token: SecretText | None = None
    scope: str = ""
    issuer: str | None = None
    token_url: str | None = None
    resource: str | None = None  # RFC 8707; without it, what the server's metadata says
    send_secret: Literal["auto", "basic", "post"] = EITHER

    @model_validator(mode="after")
    def _is_enough(self) -> Self:
        if self.client_secret is None and self.refresh_token is None:
            raise ValueError(
                "needs client_secret or refresh_token: without a person there is no other way to a token"
            )
        if self.issuer and self.token_url:
            raise ValueError("has issuer or token_url, not both")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Where the bearer token of all requests comes from: exactly one of the three."""

    __pydantic_config__ = STRICT
    bearer: SecretText | None = None
    command: Command = field(default_factory=list)
    oauth: OAuth | None = None
    renew: PositiveDuration | None = None  # at the latest; for what does not say how long it is valid

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(map(bool, (self.bearer, self.command, self.oauth))) != 1:
            raise ValueError(f"has exactly one of {', '.join(KINDS)}")
        return self

    @property
    def source(self) -> str:
        """What it is, in the words of the report."""
        if self.oauth is None:
            return "a command" if self.command else "a bearer token"
        return "OAuth, refresh token" if self.oauth.refresh_token else "OAuth, client credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The certificates of a run: whom the clients trust, and who they are; `insecure` trusts anybody."""

    __pydantic_config__ = STRICT
    ca: str = ""
    cert: str = ""
    key: str = ""
    insecure: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.key and not self.cert:
            raise ValueError("has a key without its cert")
        if self.insecure and self.ca:
            raise ValueError("has a ca, and insecure, which would not look at it")
        return self


def check_references(target: Any) -> None:
    """Raise UsageError if a secret is written out, instead of a reference to it; what was written is not shown."""
    auth = target.get("auth") if isinstance(target, Mapping) else None
    for path in _SECRETS:
        value = auth
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, str) and not _REFERENCE.fullmatch(value):
            name = ".".join(("target.auth", *path))
            raise UsageError(
                f"{name} is written out, and is a secret",
                "Files are kept and shared, and anybody on this machine can read a command line",
                f"Put it into a variable and write {path[-1]}: ${{NAME}} in single quotes; or {{file: PATH}}, or {{command: LINE}}",
            )


def from_flag(text: str) -> dict[str, str | dict[str, str]]:
    """Parse `--auth`: bearer:${TOKEN}, command:PROGRAM ..., oauth:key=value,key=value; ValueError for anything else."""
    kind, colon, rest = text.partition(":")
    if not colon or kind not in KINDS or not rest.strip():
        raise ValueError("It is bearer:${NAME}, command:PROGRAM ..., or oauth:key=value,key=value")
    if kind != "oauth":
        return {kind: rest.strip()}
    pairs = [part.partition("=") for part in rest.split(",")]
    for key, equals, _ in pairs:
        if not equals or key.strip() not in OAUTH_KEYS:
            raise ValueError(f"oauth: takes {', '.join(OAUTH_KEYS)}, each with = and a value")
    return {"oauth": {key.strip(): value.strip() for key, _, value in pairs}}


def read_flag(text: str) -> dict[str, str | dict[str, str]]:
    """The same; UsageError for anything else, without what was written."""
    try:
        return from_flag(text)
    except ValueError as error:
        raise UsageError(
            "--auth cannot be read",
            f"{error}. It is not shown, because it may hold a secret",
            f"For example {EXAMPLE} (docs/auth.md)",
        ) from None


def shown(command: list[str]) -> str:
    """A command as it was written."""
    return command[2] if command[:2] == ["/bin/sh", "-c"] else shlex.join(command)
