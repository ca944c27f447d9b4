"""From what went through a proxy to a scenario that plays it again. Pure: it gets requests with their times.

Definitions. A session is what one `Mcp-Session-Id` names; requests without one are a session by the name of their client.
The pause before a step (`after`) counts from the end of the reply before it. A step is `at_once` when it came before that.
What opens and closes a session, and notifications, are the replaying client's own business and no steps.

Secrets are taken out: `${NAME}` stands in place of values that stand under a name such as token or password, or look like a
credential. Texts with `${` or `{{` of their own would mean something else in a scenario; such requests are left out, and counted.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from harness.foundation.secrets import sources
from harness.foundation.secrets.hiding import HIDDEN, hide
from harness.mcp.json_object import JsonObject
from harness.mcp.operations import OPENING
from harness.scenario.replay import SESSIONS_MOST

LISTS: Final = {"tools/list", "resources/list", "resources/templates/list", "prompts/list"}
# Headers that the protocol, HTTP or the client's library brings along; every other one was somebody's wish.
USUAL: Final = frozenset(
    [
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "content-length",
        "content-type",
        "host",
        "mcp-protocol-version",
        "mcp-session-id",
        "mcp-method",
        "mcp-name",
        "user-agent",
        "last-event-id",
        "transfer-encoding",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-fetch-dest",
        "cache-control",
        "pragma",
        "origin",
        "referer",
        "traceparent",
        "tracestate",
        "baggage",
        "expect",
        "te",
        "upgrade-insecure-requests",
        "priority",
    ]
)
TOKENS: Final = re.compile(
    r"\b(?:sk|pk|rk)[-_][\w-]{16,}|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bxox[abprs]-[\w-]{10,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\bAIza[\w-]{30,}|\bglpat-[\w-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_NO_TEXT: Final = re.compile(
    "[\x00\ud800-\udfff]"
)  # NUL and half a character: JSON has them, a scenario has not
NOT_STEPS: Final = frozenset({*OPENING, "server/discover", "subscriptions/listen"})
NAMED: Final = {"tools/call": "call", "prompts/get": "prompt"}
NAME_CHARS: Final = 60
LEVELS_MOST: Final = 40  # a scenario has ten of its own around them
SIZE_MOST: Final = 700_000  # of all steps as JSON: a scenario may have a million bytes, with more blanks
VALUES_MOST: Final = 60_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that went through, with the seconds when it came and when its reply was complete."""

    session: str
    client: str
    method: str
    params: JsonObject
    began_s: float
    ended_s: float


@dataclass(slots=True)
class Secrets:
    """The secrets that were taken out, each with the name that stands for it."""

    named: dict[str, str] = field(default_factory=dict)  # value -> name

    def name(self, wish: str, value: str) -> str:
        """The reference for a value; the same value has the same."""
        if value not in self.named:
            base = re.sub(r"\W+", "_", f"MCP_{wish}").upper()[:NAME_CHARS].strip("_")
            taken = set(self.named.values())
            self.named[value] = next(
                name
                for number in range(1, len(taken) + 2)
                if (name := base if number == 1 else f"{base}_{number}") not in taken
            )
        return f"${{{self.named[value]}}}"


class UnsayableError(ValueError):
    """A text that would mean something else in a scenario."""


def without_secrets(value: Any, secrets: Secrets, name: str = "") -> Any:
    """The value with `${NAME}` in place of each secret; raise UnsayableError for texts that cannot stand in a scenario."""
    if isinstance(value, dict):
        return {_key(key): without_secrets(item, secrets, key) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item, secrets, name) for item in value]
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and name
        and sources.SECRET.search(name)
    ):
        return secrets.name(name, str(value))
    if not isinstance(value, str):
        return value
    _sayable(value)
    if value and name and sources.SECRET.search(name):
        return secrets.name(name, value)
    if hide(value) != value or TOKENS.fullmatch(value.strip()):
        return secrets.name(name or "secret", value)
    secret_spans = [match.span() for match in TOKENS.finditer(value)]
    spans = secret_spans or sources.spans(value)
    for start, end in reversed(spans):
        value = value[:start] + secrets.name(name or "secret", value[start:end]) + value[end:]
    return value


def _sayable(text: str) -> str:
    if "${" in text or "{{" in text or HIDDEN in text or _NO_TEXT.search(text):
        raise UnsayableError
    return text


def _key(text: str) -> str:
    """A key stays as it is: nothing can stand in its place, not even where it is a secret."""
    if TOKENS.search(text) or hide(text) != text:
        raise UnsayableError
    return _sayable(text)


def headers(asked: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The headers that somebody wished for, each with a variable in place of its value."""
    names = {name.lower(): name for one in asked for name in one}
    return {
        name: f"${{MCP_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}}}"
        for lower, name in sorted(names.items())
        if lower not in USUAL and not lower.startswith(("mcp-param-", "x-forwarded-", "sec-ch-"))
    }


class StepDocument(TypedDict, total=False):
    """One request of a session, as a scenario file says it."""

    call: str
    read: str
    prompt: str
    list: str
    request: str
    args: JsonObject
    at_once: bool
    after: str


class SessionDocument(TypedDict):
    """One recorded session, as a scenario file says it."""

    name: str
    steps: list[StepDocument]


@dataclass(frozen=True, slots=True)
class Recording:
    """What is to be written."""

    sessions: list[SessionDocument]
    left_out: int  # requests that cannot stand in a scenario
    variables: tuple[str, ...]
    beyond: int = 0  # requests that a scenario has no room for

    @property
    def steps(self) -> int:
        return sum(len(session["steps"]) for session in self.sessions)


@dataclass(slots=True)
class Room:
    """What a scenario still has room for."""

    size: int = SIZE_MOST
    values: int = VALUES_MOST

    def has(self, step: StepDocument) -> bool:
        """Take the room of a step; False, and nothing taken, when there is too little."""
        size, values = len(json.dumps(step)), _values(step)
        if size > self.size or values > self.values:
            return False
        self.size, self.values = self.size - size, self.values - values
        return True


def _values(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_values, inside)) + (len(value) if isinstance(value, dict) else 0)


def recording(seen: Sequence[Seen]) -> Recording:
    """Turn requests into sessions of steps."""
    secrets, left_out, beyond, room = Secrets(), 0, 0, Room()
    by_session: dict[str, list[Seen]] = {}
    for one in sorted(seen, key=lambda one: one.began_s):
        if one.method not in NOT_STEPS and not one.method.startswith("notifications/"):
            by_session.setdefault(one.session or f"client {one.client}", []).append(one)
    sessions: list[SessionDocument] = []
    for requests in by_session.values():
        steps: list[StepDocument] = []
        ended_s: float | None = None
        for one in requests:
            try:
                step = _step(one, secrets)
            except UnsayableError:
                left_out += 1
                continue
            if ended_s is not None and one.began_s < ended_s:
                step["at_once"] = True
            elif ended_s is not None and one.began_s - ended_s >= 0.001:
                step["after"] = f"{(one.began_s - ended_s) * 1000:.0f}ms"
            ended_s = max(ended_s or 0.0, one.ended_s)
            if len(sessions) < SESSIONS_MOST and room.has(step):
                steps.append(step)
            else:
                beyond += 1
        if steps:
            name = re.sub(r"[^\w.-]+", "-", requests[0].client)[:NAME_CHARS] or "client"
            sessions.append({"name": f"{name}-{len(sessions) + 1}", "steps": steps})
    return Recording(sessions, left_out, tuple(sorted(secrets.named.values())), beyond)


def _step(one: Seen, secrets: Secrets) -> StepDocument:
    params = {key: value for key, value in one.params.items() if key != "_meta"}
    if _levels(params) > LEVELS_MOST:
        raise UnsayableError
    plain = set(params)
    safe: Any = without_secrets(params, secrets)
    name, arguments = safe.get("name"), safe.get("arguments", {})
    if (
        one.method in NAMED
        and plain <= {"name", "arguments"}
        and _is_name(name)
        and isinstance(arguments, dict)
    ):
        step: StepDocument = {"call": name} if NAMED[one.method] == "call" else {"prompt": name}
        if arguments:
            step["args"] = arguments
        return step
    if one.method == "resources/read" and plain == {"uri"} and _is_name(safe["uri"]):
        return {"read": safe["uri"]}
    if one.method in LISTS and not params:
        return {"list": one.method.removesuffix("/list")}
    method = _sayable(one.method)
    if not method:
        raise UnsayableError
    return {"request": method, "args": safe} if safe else {"request": method}


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _levels(value: Any) -> int:
    """How deep a value is nested."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_levels, inside), default=0)
