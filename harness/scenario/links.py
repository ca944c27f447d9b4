"""Links of your own: between the server under test and what it needs, each with a proxy in the middle for the whole run.

    links:
      db: {upstream: 127.0.0.1:5432, speaks: postgres, env: DATABASE_URL}
      api: {upstream: "http://127.0.0.1:9000", listen: 9100}

On the command line that is `--link db=postgres://127.0.0.1:5432,env=DATABASE_URL`. `upstream` may be a URL with a user and a password
for the canaries; its scheme says what it speaks. Left out, it is where the variable of `env` leads.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.foundation.units import said
from harness.scenario.catalogue import LINKS
from harness.scenario.quantities import STRICT

Speaks = Literal["postgres", "redis", "amqp", "http", "mysql", "tcp"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A protocol: the schemes of its URLs (the first is the one that canaries know), and its usual port."""

    schemes: tuple[str, ...]
    port: int | None = None


SPOKEN: Final[dict[str, Spoken]] = {
    "postgres": Spoken(("postgresql", "postgres"), 5432),
    "redis": Spoken(("redis",), 6379),
    "amqp": Spoken(("amqp",), 5672),
    "http": Spoken(("http",), 80),
    "mysql": Spoken(("mysql", "mariadb"), 3306),
    "tcp": Spoken(("tcp",)),
}
SCHEMES: Final = {scheme: name for name, spoken in SPOKEN.items() for scheme in spoken.schemes}
OVER_TLS: Final = ("https", "rediss", "amqps")  # a certificate would not be valid at the address of a proxy
LINKS_MOST: Final = 20
SEND_CHARS_MOST: Final = 1_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise ValueError(f"{said(value)} is no name of an environment variable, such as DATABASE_URL")
    return value


Variable = Annotated[str, AfterValidator(_variable)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """The environment variables that tell a server where a service is."""

    __pydantic_config__ = STRICT
    url: Variable | None = None  # one text with host and port in it
    host: Variable | None = None
    port: Variable | None = None

    @model_validator(mode="after")
    def _any(self) -> Self:
        if not (self.url or self.host or self.port):
            raise ValueError("says which variables: url, or host and port")
        return self


def _variables(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


def _listen(value: object) -> object:
    """Accept a port of this machine, alone or behind its loopback address."""
    port = str(value).removeprefix("127.0.0.1:")
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65_536:
        raise ValueError(
            f"{said(value)} is not a port of this machine, such as 5433 (it is opened at 127.0.0.1)"
        )
    return int(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """One link: where it leads, what is spoken there, and how the server gets to know its address."""

    __pydantic_config__ = STRICT
    upstream: Annotated[str, Field(min_length=1)] | None = None
    speaks: Speaks | None = None
    env: Annotated[Variables, BeforeValidator(_variables)] | None = None
    listen: Annotated[int, BeforeValidator(_listen)] | None = None
    send: Annotated[str, Field(max_length=SEND_CHARS_MOST)] = ""  # tcp: what a canary says, and is answered

    @model_validator(mode="after")
    def _whole(self) -> Self:
        scheme = (self.upstream or "").partition("://")[0].lower() if "://" in (self.upstream or "") else ""
        if scheme in OVER_TLS:
            raise ValueError(
                f"upstream speaks TLS ({scheme}), and its certificate would not be valid at the address of a proxy; "
                "give the port without TLS"
            )
        if scheme and scheme not in SCHEMES:
            raise ValueError(f"upstream begins with none of {', '.join(f'{each}://' for each in SCHEMES)}")
        if self.speaks is None and not scheme:
            raise ValueError(f"says what is spoken there: speaks: {', '.join(SPOKEN)}")
        if self.speaks is not None and scheme and SCHEMES[scheme] != self.speaks:
            raise ValueError(f"upstream is an address of {SCHEMES[scheme]}, and speaks says {self.speaks}")
        if self.upstream is None and (self.env is None or self.env.url is None):
            raise ValueError("says where it leads: upstream, or env with a variable that holds its address")
        if self.env is None and self.listen is None:
            raise ValueError(
                "says how the server comes by it: env (a variable of the server that the harness starts), or listen "
                "(a fixed port, for a server that runs already)"
            )
        if self.send and self.speaks != "tcp":
            raise ValueError("send is for speaks: tcp; canaries know what to say in the other protocols")
        return self

    @property
    def protocol(self) -> str:
        """What is spoken there."""
        return self.speaks or SCHEMES[(self.upstream or "").partition("://")[0].lower()]

    @property
    def is_mute(self) -> bool:
        """Whether nothing is known that the service would answer: then only what goes upstream can be verified."""
        return self.protocol == "tcp" and not self.send


def check_links(value: dict[str, LinkSpec]) -> dict[str, LinkSpec]:
    """Check the names, and that no two links listen at one port."""
    if len(value) > LINKS_MOST:
        raise ValueError(f"has {len(value)} links; {LINKS_MOST} are the most")
    for name in value:
        if name in LINKS:
            raise ValueError(
                f"{name} is the name of a place that the harness knows; call yours otherwise, such as db or my-{name}"
            )
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{said(name)} is no name of a link: letters, digits, _ and -, a letter first, 32 at most"
            )
    ports = [link.listen for link in value.values() if link.listen is not None]
    if len(set(ports)) < len(ports):
        raise ValueError("two of them listen at the same port")
    return value


def link_from_flag(text: str) -> tuple[str, dict[str, str]]:
    """Read the flag `db=postgres://127.0.0.1:5432,env=DATABASE_URL`; an error does not repeat what may hold a password."""
    name, equals, rest = text.partition("=")
    first, *more = rest.split(",")
    if not equals or not name.strip():
        raise ValueError("it is NAME=ADDRESS, and then key=value after commas")
    data: dict[str, str] = {}
    if first.strip() and "=" in first and "://" not in first:
        more.insert(0, first)
    elif first.strip():
        data["upstream"] = first.strip()
    for part in filter(None, more):
        key, equals, value = part.partition("=")
        if not equals or key.strip() not in {"env", "listen", "speaks", "send", "upstream"}:
            raise ValueError("after the address come env=NAME, listen=PORT, speaks=PROTOCOL and send=TEXT")
        data[key.strip()] = value.strip()
    return name.strip(), data


def names_in(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the links in a scenario that is not checked yet."""
    links = data.get("links")
    return tuple(str(name) for name in links) if isinstance(links, Mapping) else ()
