"""Pure tables of what can be named: metrics with their units, load profiles, user classes, fault kinds.

Other modules look names up here, so that a word is known in one place: the grammar of objectives, the
documentation and the error messages all read these tables. What it does not know: how a metric is
measured (`analysis.objectives.observed`) or how a fault is applied.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from harness.foundation.units import show_bytes, show_duration

Unit = Literal["ms", "s", "share", "per_s", "count"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that an objective can bound."""

    unit: Unit
    meaning: str
    per_operation: bool = True  # `for OPERATION` makes sense
    scoped: bool = True  # `in STEP`, `during NAME` make sense; `after NAME` always does


# The percentiles, in thousandths: whole numbers, so that ranks are exact.
QUANTILES: Final[dict[str, int]] = {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "p999": 999}

METRICS: Final[dict[str, Metric]] = {
    "p50": Metric("ms", "median response time; a failed call counts as infinitely slow"),
    "p90": Metric("ms", "90th percentile of response time; a failed call counts as infinitely slow"),
    "p95": Metric("ms", "95th percentile of response time; a failed call counts as infinitely slow"),
    "p99": Metric("ms", "99th percentile of response time; a failed call counts as infinitely slow"),
    "p999": Metric("ms", "99.9th percentile of response time; a failed call counts as infinitely slow"),
    "mean": Metric("ms", "mean response time; one failed call makes it infinite"),
    "max": Metric("ms", "slowest response; one failed call makes it infinite"),
    "success_rate": Metric("share", "ok / (ok + failed)"),
    "throughput": Metric("per_s", "ok calls a second, by the time of their completion"),
    "failed": Metric("count", "calls that failed"),
    "rate_limited": Metric("count", "calls that the server refused with 429"),
    "unauthorized": Metric("count", "calls that the server refused with 401 or 403"),
    "recovery": Metric("s", "from healing a fault until the service is normal again", False, False),
    "missing": Metric("count", "entries that were acknowledged and are missing", False, False),
    "duplicated": Metric("count", "entries that are stored twice", False, False),
    "lost": Metric("count", "sessions that the server no longer knew", False, False),
}

PROFILES: Final[dict[str, str]] = {
    "ramp": "in steps up to a maximum number of users, or rate, until the success rate falls below a limit",
    "sustain": "closed load at one level",
    "rate": "open load at one rate: calls arrive, whether or not the server keeps up",
    "sessions": "open load of sessions: they arrive at a rate, make some calls each, and end",
    "steps": "levels of users, or rates, one after the other",
    "spike": "one level, suddenly a much higher one, then the first again",
    "soak": "one level for a long time, measured in parts, so that a drift shows",
    "bench": "a fixed number of calls, with at most this many in flight",
    "capacity": "a search for the largest number of users, or rate, at which objectives hold",
}


@dataclass(frozen=True, slots=True)
class UserKind:
    """A class of users of the reference target, as a mix names it."""

    class_name: str  # in locustfiles/mcp.py
    tools: tuple[str, ...]  # the tools that it calls: the server must have them
    weight: int = 1  # in the default mix
    matrix_weight: int = 1  # in the default mix of a resilience matrix


USER_CLASSES: Final[dict[str, UserKind]] = {
    "light": UserKind("LightUser", ("list_databases", "list_views", "execute_query"), weight=3),
    "heavy": UserKind("HeavyUser", ("execute_query",), matrix_weight=3),
    "websocket": UserKind("WebSocketUser", ("list_databases",)),
}


@dataclass(frozen=True, slots=True)
class ClientKind:
    """A preset that behaves as some client does, as `clients` names it."""

    class_name: str  # in locustfiles/clients.py
    imitates: str
    http_only: bool = True  # Streamable HTTP
    self_paced: bool = False  # it decides itself when it calls: not for calls at a rate, or a number of them
    calls: bool = True  # the tools of the workload
    idle_s: float = 0.0  # how long it is quiet
    needs: str = ""  # the version of the protocol that has what it does
    sessions: bool = False  # it needs sessions with an id: not 2026-07-28


CLIENTS: Final[dict[str, ClientKind]] = {
    "steady": ClientKind(
        "SteadyClient", "one session and one connection for as long as it runs", http_only=False
    ),
    "session-per-call": ClientKind(
        "SessionPerCallClient", "a session for each call, closed after it", http_only=False
    ),
    "sessions-never-closed": ClientKind(
        "NeverClosingClient",
        "a session for each call, never closed; each worker leaves 1,000 at most",
        sessions=True,
    ),
    "connection-per-call": ClientKind(
        "ConnectionPerCallClient", "one session, and a new connection for each request"
    ),
    "idle-60": ClientKind(
        "Idle60Client", "a stream that is quiet for 60 s, then one call", self_paced=True, idle_s=60
    ),
    "idle-125": ClientKind(
        "Idle125Client", "a stream that is quiet for 125 s, then one call", self_paced=True, idle_s=125
    ),
    "idle-300": ClientKind(
        "Idle300Client", "a stream that is quiet for 300 s, then one call", self_paced=True, idle_s=300
    ),
    "slow-reader": ClientKind("SlowReaderClient", "replies are read at 20 KB a second"),
    "cancelling": ClientKind("CancellingClient", "calls are given up after 0.1 to 2 s, and cancelled"),
    "agent": ClientKind(
        "AgentClient", "three to eight calls at once, then nothing for one to three minutes", self_paced=True
    ),
    "tasks-polled": ClientKind(
        "TaskPollingClient", "tools called as tasks, polled until they are done", needs="2025-11-25"
    ),
    "answering": ClientKind(
        "AnsweringClient", "elicitation and sampling are answered after two to five seconds"
    ),
    "subscribing": ClientKind(
        "SubscribingClient", "`subscriptions/listen` open beside the calls", needs="2026-07-28"
    ),
    "listing": ClientKind(
        "ListingClient",
        "all lists are read to their last page",
        http_only=False,
        self_paced=True,
        calls=False,
    ),
}


# How a balancer gives calls to the processes of a target.
BALANCES: Final[dict[str, str]] = {
    "session": "each session stays with the process that opened it",
    "requests": "requests go to them by turns",
    "connections": "each connection stays with one of them",
    "address": "each client address stays with one of them",
}

CALLS_AT_ONCE: Final = frozenset({"AgentClient", "ReplayUser"})  # user classes with several calls in flight


@dataclass(frozen=True, slots=True)
class FaultPlace:
    """Where a fault can happen."""

    said: str
    meaning: str
    proxied: bool  # a link, which leads through a proxy
    behind: bool = False  # behind the reference server; the harness does not see such a link of other servers
    processes: bool = True  # for places without a proxy: they are processes


LINKS: Final[dict[str, FaultPlace]] = {
    "client": FaultPlace("the client link", "the connection from the load to the target", True),
    "database": FaultPlace(
        "the database link", "the connection from the reference server to its PostgreSQL", True, True
    ),
    "queue": FaultPlace(
        "the queue link",
        "the connection from the reference server to RabbitMQ, the queue of its tasks",
        True,
        True,
    ),
    "sessions": FaultPlace(
        "the sessions link",
        "the connection from the reference server to Redis, where it keeps sessions",
        True,
        True,
    ),
    "target": FaultPlace("the target", "the processes of a target that the harness has started", False),
    "door": FaultPlace(
        "the door",
        "the port of the target itself, where rude clients connect beside the load's users",
        proxied=False,
        processes=False,
    ),
    "postgres": FaultPlace(
        "PostgreSQL", "the processes of the reference target's embedded PostgreSQL", False, True
    ),
}
PROXIED_LINKS: Final = tuple(name for name, place in LINKS.items() if place.proxied)
PARTS: Final = tuple(name for name, place in LINKS.items() if not place.proxied and place.processes)
# Synonyms, for `did you mean`.
ALSO_CALLED: Final[dict[str, tuple[str, ...]]] = {
    "client": ("http", "load", "network", "server"),
    "database": ("db", "sql", "postgresql", "postgres"),
    "queue": ("rabbitmq", "rabbit", "amqp", "broker", "tasks"),
    "sessions": ("redis", "session", "cache", "store"),
    "door": ("entrance", "endpoint", "url"),
    "target": ("process", "server", "app"),
    "postgres": ("postgresql", "database", "db"),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a fault kind. Durations are kept in seconds, sizes in bytes, rates in bytes a second."""

    kind: Literal["duration", "size", "rate", "count", "choice"]
    meaning: str
    default: str | None = None  # None: must be given
    choices: tuple[str, ...] = ()
    usual: str | None = None  # its value in a matrix, if there is no default


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A fault that can be asked for."""

    meaning: str
    parameters: dict[str, Parameter]
    links: tuple[str, ...] = PROXIED_LINKS  # the first one is the default
    exposes: Literal["open", "new"] = "open"  # calls on any connection, or only on those that they open
    momentary: bool = False  # `for` may be left out: it ends by itself
    pids: bool = False  # may act on a process of this machine, given by its `pid`


PID: Final = "pid:"  # the place of a fault on a process that the user names: pid:1234
ROLLING, BLUE_GREEN = "rolling_restart", "blue_green"
DEPLOYS: Final = frozenset({ROLLING, BLUE_GREEN})  # of a target that runs as several processes
RUDE: Final = (
    "disconnect",
    "slow_send",
    "never_read",
    "malformed",
    "oversized",
    "expired",
    "sessions",
)
_DOWNSTREAM: Final = Parameter(
    "choice", "direction of the data", "downstream", ("downstream", "upstream", "both")
)
_DRAIN: Final = Parameter("duration", "how long a process may take for the calls that are under way", "10s")
_ONE_WAY: Final = Parameter("choice", "direction of the data", "downstream", ("downstream", "upstream"))

FAULTS: Final[dict[str, FaultKind]] = {
    "noop": FaultKind("nothing at all: the placebo, which must show no effect", {}),
    "latency": FaultKind(
        "data over the link is delayed",
        {
            "latency": Parameter("duration", "the delay, in each direction that is delayed", usual="200ms"),
            "jitter": Parameter(
                "duration", "random variation of the delay, up to this much more or less", "0s"
            ),
            "direction": _DOWNSTREAM,
        },
    ),
    "bandwidth": FaultKind(
        "each connection carries at most this many bytes a second",
        {"rate": Parameter("rate", "bytes a second", usual="16KB/s"), "direction": _ONE_WAY},
    ),
    "down": FaultKind("the link refuses connections, and open ones are cut", {}),
    "timeout": FaultKind(
        "no data gets through, and connections are closed after a time",
        {
            "timeout": Parameter("duration", "after how long; 0s: never", "0s"),
            "direction": _ONE_WAY,
        },
    ),
    "reset_peer": FaultKind(
        "connections are reset when data arrives",
        {"timeout": Parameter("duration", "after how long", "0s"), "direction": _ONE_WAY},
    ),
    "slow_close": FaultKind(
        "connections stay half open for a while after they were closed",
        {"delay": Parameter("duration", "for how long", usual="1s")},
        exposes="new",
    ),
    "slicer": FaultKind(
        "data arrives in small pieces, with a pause after each",
        {
            "size": Parameter("size", "about the size of a piece", "64B"),
            "pause": Parameter("duration", "the pause after each piece", "1ms"),
            "direction": _ONE_WAY,
        },
    ),
    "limit_data": FaultKind(
        "connections are closed after this many bytes",
        {"bytes": Parameter("size", "bytes from the server until it is closed", usual="4KB")},
    ),
    "rude": FaultKind(
        "misbehaving clients, beside the load's users",
        {
            "how": Parameter("choice", "what they do", None, RUDE),
            "clients": Parameter("count", "how many at a time", "20"),
            "every": Parameter("duration", "the pause of each client between two actions", "500ms"),
            "size": Parameter("size", "size of an oversized message", "1MB"),
        },
        ("door",),
    ),
    "kill": FaultKind("processes are killed, and started again when the fault is over", {}, PARTS, pids=True),
    "pause": FaultKind("processes are frozen (SIGSTOP), with their connections open", {}, PARTS, pids=True),
    "restart": FaultKind(
        "a deploy: the process is stopped gracefully and started again", {}, PARTS, momentary=True
    ),
    ROLLING: FaultKind(
        "a deploy without a gap: processes of the target, replaced one after the other",
        {"drain": _DRAIN},
        ("target",),
        momentary=True,
    ),
    BLUE_GREEN: FaultKind(
        "a deploy without a gap: new processes of the target, then no more calls to the old ones",
        {"drain": _DRAIN},
        ("target",),
        momentary=True,
    ),
}


def is_behind(link: str) -> bool:
    """Whether calls of the load do not travel over it: it is between the server and a service behind it."""
    return LINKS[link].behind if link in LINKS else not link.startswith(PID)


def where(link: str) -> str:
    """The name of a place in a sentence: `the client link`, `process 1234`."""
    if link.startswith(PID):
        return f"process {link.removeprefix(PID)}"
    return LINKS[link].said if link in LINKS else f"the {link} link"


def told(kind: str, parameters: Mapping[str, Any]) -> list[str]:
    """The parameters of a fault as people write them: `latency 200ms`, `rate 64.0 KB/s`."""
    known = FAULTS[kind].parameters if kind in FAULTS else {}
    return [f"{name} {_show(value, known.get(name))}" for name, value in parameters.items()]


def _show(value: Any, parameter: Parameter | None) -> str:
    if parameter is None or not isinstance(value, float | int):
        return str(value)
    match parameter.kind:
        case "duration":
            return show_duration(value)
        case "size":
            return show_bytes(value)
        case "rate":
            return f"{show_bytes(value)}/s"
        case "count":
            return f"{value:,.0f}"
    return str(value)
