"""Talking to a Toxiproxy server: every call has a deadline, every answer is checked, what was asked for is read back.

    api = Api("http://127.0.0.1:8474")
    proxy = await api.create_proxy("harness-1-client", upstream="127.0.0.1:8000")
    await api.add_toxic(proxy.name, Toxic("slow", "latency", attributes={"latency": 200}))

Calls go through toxiproxy-python's APIConsumer, each in a thread, since it blocks. It keeps the server's address on
the class, so each call has a class of its own: two servers never get mixed up. Its `get`, `post` and `delete` take a
deadline, its Proxy methods do not; it lets 401 and 503 pass, so statuses are checked here.

- A server that hangs costs a call a second to connect, a second to answer and one to go on, then it is an error; so is
  an answer of more than 4 MB.
- A server that hung may carry out a request later: healing reads back until nothing reappears.
- A call that is cancelled ends before the cancellation goes on: nothing happens behind a healer's back.

It does not know whose proxies these are: the name that a proxy is given tells that.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from harness.foundation.addresses.address import AddressError, read, shown
from harness.foundation.errors import FAULT_BACKEND_UNREACHABLE, FaultBackendUnreachableError, HarnessError
from harness.foundation.untrusted import nesting
from harness.foundation.untrusted.documents import short
from harness.services.processes.threads import to_the_end

if TYPE_CHECKING:
    import requests

CONNECT_S, ANSWER_S = 1.0, 1.0
ANSWER_BYTES_MAX, READ_BYTES = 4_000_000, 65_536  # ten thousand proxies
ECHO_MAX = 300
ANYWHERE = "127.0.0.1:0"  # a port of the server's choice, on loopback

Stream = Literal["downstream", "upstream"]


class RefusedError(HarnessError):
    """Toxiproxy answered, and did not do what it was asked; `status` is HTTP's, 0 when the read-back differed."""

    exit_code = FAULT_BACKEND_UNREACHABLE

    def __init__(self, what: str, why: str, status: int) -> None:
        super().__init__(what, why)
        self.status = status

    @property
    def missing(self) -> bool:
        """Whether there is no such proxy or toxic, which means that it is already healed."""
        return self.status == 404

    @property
    def taken(self) -> bool:
        """Whether there is already a proxy or toxic of that name."""
        return self.status == 409


@dataclass(frozen=True, slots=True)
class Toxic:
    """One toxic; attributes are whole milliseconds and KB/s, as the server has them."""

    name: str
    type: str
    stream: Stream = "downstream"
    toxicity: float = 1.0
    attributes: Mapping[str, int] = field(default_factory=dict)

    def says(self, other: "Toxic") -> bool:
        """Whether `other`, read back, is this toxic; it may have further attributes, at their defaults."""
        return (
            (self.name, self.type, self.stream) == (other.name, other.type, other.stream)
            and abs(self.toxicity - other.toxicity) < 1e-6  # the server keeps 32 bits of it
            and self.attributes.items() <= other.attributes.items()
        )


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy as the server has it."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[Toxic, ...] = ()


@dataclass(frozen=True, slots=True)
class Api:
    """A server, by its address; `token` is the one that TOXIPROXY_AUTH_TOKEN gives, where it asks for one."""

    url: str
    token: str = field(default_factory=lambda: os.environ.get("TOXIPROXY_AUTH_TOKEN", ""), repr=False)

    async def version(self) -> str:
        """Return the server's version; `git` when its build sets none."""
        answer = await self._get("/version")
        version = answer.get("version") if isinstance(answer, dict) else None
        if not isinstance(version, str):
            raise self._strange(f"/version answers {answer!r}")
        return version

    async def proxies(self) -> dict[str, Proxy]:
        """Return all proxies by name, other people's too."""
        answer = await self._get("/proxies")
        if not isinstance(answer, dict):
            raise self._strange(f"/proxies answers {answer!r}")
        return {name: self._proxy(data) for name, data in answer.items()}

    async def proxy(self, name: str) -> Proxy:
        """Return one proxy, with its toxics."""
        return self._proxy(await self._get(_path(name)))

    async def create_proxy(self, name: str, upstream: str, listen: str = ANYWHERE) -> Proxy:
        """Make a new, enabled proxy; return it with the address that it got."""
        wanted = {"name": name, "upstream": upstream, "listen": listen, "enabled": True}
        await self._post("/proxies", wanted)
        made = await self.proxy(name)
        self._compare(f"proxy {name}", (upstream, True), (made.upstream, made.enabled))
        return made

    async def update_proxy(
        self, name: str, *, enabled: bool | None = None, upstream: str | None = None
    ) -> Proxy:
        """Change a proxy.

        Disabling it drops its connections and refuses new ones; a new upstream drops them too.
        """
        wanted = {
            key: value for key, value in (("enabled", enabled), ("upstream", upstream)) if value is not None
        }
        await self._post(_path(name), wanted)
        now = await self.proxy(name)
        self._compare(f"proxy {name}", wanted, {key: getattr(now, key) for key in wanted})
        return now

    async def delete_proxy(self, name: str) -> None:
        """Delete a proxy and its connections; if there is none, raise a RefusedError that is `missing`."""
        await self._delete(_path(name))
        self._compare(f"proxy {name}", "gone", "there" if name in await self.proxies() else "gone")

    async def toxics(self, proxy: str) -> tuple[Toxic, ...]:
        """Return the toxics that are on a proxy now."""
        answer = await self._get(f"{_path(proxy)}/toxics")
        return tuple(self._toxic(data) for data in answer or [])

    async def add_toxic(self, proxy: str, toxic: Toxic) -> Toxic:
        """Add a toxic; return it as the server has it, with defaults for what was left out."""
        await self._post(
            f"{_path(proxy)}/toxics",
            {
                "name": toxic.name,
                "type": toxic.type,
                "stream": toxic.stream,
                "toxicity": toxic.toxicity,
                "attributes": dict(toxic.attributes),
            },
        )
        for now in await self.toxics(proxy):
            if toxic.says(now):
                return now
        raise self._differs(f"toxic {toxic.name} of proxy {proxy}", toxic, await self.toxics(proxy))

    async def remove_toxic(self, proxy: str, name: str) -> None:
        """Remove a toxic; if there is none, raise a RefusedError that is `missing`."""
        await self._delete(f"{_path(proxy)}/toxics/{quote(name, safe='')}")
        left = [toxic.name for toxic in await self.toxics(proxy)]
        self._compare(f"toxic {name} of proxy {proxy}", "gone", "there" if name in left else "gone")

    async def _get(self, path: str) -> Any:
        return await self._call("get", path)

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._call("post", path, json=dict(body))

    async def _delete(self, path: str) -> None:
        await self._call("delete", path)

    async def _call(self, method: str, path: str, **given: Any) -> Any:
        return await to_the_end(self._ask, method, path, given)

    def _ask(self, method: str, path: str, given: Mapping[str, Any]) -> Any:
        """Make one call (in a thread); return the decoded answer, or raise an error of ours."""
        import requests  # a tenth of a second
        from toxiproxy.api import APIConsumer
        from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

        consumer = type("Consumer", (APIConsumer,), dict(zip(("host", "port"), self._address(), strict=True)))
        asked = f"{method.upper()} {path}"
        try:
            answer = getattr(consumer, method)(
                path,
                timeout=(CONNECT_S, ANSWER_S),
                allow_redirects=False,
                proxies={"http": ""},  # straight there, whatever HTTP_PROXY says
                auth=self._authorise,
                hooks={"response": _read},
                **given,
            )
        except (NotFound, ProxyExists, InvalidToxic) as error:
            status = {NotFound: 404, ProxyExists: 409, InvalidToxic: 400}[type(error)]
            raise self._refused(asked, status, error.args[0]) from None
        except requests.Timeout:
            raise self._unreachable(
                f"{asked} was not answered in {ANSWER_S:g}s: it hangs, or is paused"
            ) from None
        except requests.RequestException as error:
            raise self._unreachable(f"{asked} failed: {_innermost(error)}") from None
        return self._decoded(asked, answer)

    def _decoded(self, asked: str, answer: "requests.Response") -> Any:
        if answer.status_code in {401, 403}:
            raise FaultBackendUnreachableError(
                f"Toxiproxy at {self.url} refuses the harness access",
                f"{asked} was answered with {answer.status_code}",
                "Set TOXIPROXY_AUTH_TOKEN to the token that it was started with",
            )
        if answer.status_code == 503:  # its own time-out: something in it waits for ever
            raise self._unreachable(f"{asked} was answered with 503: it hangs")
        if not 200 <= answer.status_code < 300:
            raise self._refused(asked, answer.status_code, answer.content)
        if not answer.content:
            return None
        try:
            return nesting.value(answer.content, ANSWER_BYTES_MAX)
        except ValueError as error:
            words = answer.content[:80].decode("utf-8", errors="replace")
            raise self._strange(f"{asked} was answered with {words!r}: {error}") from None

    def _authorise(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        """Send our token, so that requests does not send what ~/.netrc holds for that host."""
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def _address(self) -> tuple[str, int]:
        """Return host and port in the form that APIConsumer puts into a URL."""
        try:
            where = read(self.url, ("http",))
        except AddressError:
            where = None
        if where is None or where.path.strip("/") or where.query or where.user:
            raise FaultBackendUnreachableError(
                f"{shown(self.url)!r} is not the address of a Toxiproxy server",
                "It speaks plain HTTP, at the root of a host and port",
                "Write it as http://127.0.0.1:8474",
            )
        return (f"[{where.host}]" if ":" in where.host else where.host), where.port or 80

    def _proxy(self, data: Any) -> Proxy:
        try:
            return Proxy(
                name=data["name"],
                listen=data["listen"],
                upstream=data["upstream"],
                enabled=data["enabled"],
                toxics=tuple(self._toxic(toxic) for toxic in data.get("toxics") or []),
            )
        except (KeyError, TypeError, AttributeError):
            raise self._strange(f"a proxy looks like {short(repr(data), ECHO_MAX)}") from None

    def _toxic(self, data: Any) -> Toxic:
        try:
            return Toxic(
                data["name"],
                data["type"],
                data["stream"],
                float(data["toxicity"]),
                dict(data.get("attributes") or {}),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._strange(f"a toxic looks like {short(repr(data), ECHO_MAX)}") from None

    def _compare(self, what: str, wanted: object, now: object) -> None:
        if wanted != now:
            raise self._differs(what, wanted, now)

    def _differs(self, what: str, wanted: object, now: object) -> RefusedError:
        return RefusedError(
            f"Toxiproxy did not do what it was told: {what}", f"Wanted {wanted}, read back {now}", 0
        )

    def _refused(self, asked: str, status: int, body: bytes) -> RefusedError:
        message = body.decode("utf-8", errors="replace").strip()[:300]
        return RefusedError(f"Toxiproxy at {self.url} refused {asked}", f"{status}: {message}", status)

    def _strange(self, why: str) -> FaultBackendUnreachableError:
        return FaultBackendUnreachableError(
            f"What answers at {self.url} is not Toxiproxy", why, "Check TOXIPROXY_URL"
        )

    def _unreachable(self, why: str) -> FaultBackendUnreachableError:
        return FaultBackendUnreachableError(
            f"Toxiproxy at {self.url} does not answer",
            why,
            "See what it is doing with `harness toxiproxy status`",
        )


def _read(answer: "requests.Response", *_: object, **__: object) -> None:
    """Read the body within limits of time and size, before the library reads it without any."""
    import requests

    until_s, body = time.monotonic() + ANSWER_S, bytearray()
    while piece := answer.raw.read1(READ_BYTES, decode_content=False):
        body += piece
        if len(body) > ANSWER_BYTES_MAX:
            raise requests.RequestException(f"an answer of more than {ANSWER_BYTES_MAX // 1_000_000} MB")
        if time.monotonic() > until_s:
            raise requests.Timeout
    answer._content = bytes(body)  # noqa: SLF001 - where its own reading leaves it
    answer._content_consumed = True  # noqa: SLF001


def _path(proxy: str) -> str:
    return f"/proxies/{quote(proxy, safe='')}"


def _innermost(error: BaseException) -> str:
    """Return the text of the innermost error, such as `Connection refused`."""
    for _ in range(8):
        wrapped = [getattr(error, "reason", None), *error.args, error.__cause__]
        inner = next((each for each in wrapped if isinstance(each, BaseException)), None)
        if inner is None:
            break
        error = inner
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
