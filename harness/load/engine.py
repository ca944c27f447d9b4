"""The interface of a load engine: it runs N users, and writes a row for every call they make.

The conductor knows only this. `locust_engine` runs real users in Locust's processes, `simulated` draws
their calls from a closed form; both write the same numbered blocks to the run's spool directory.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, Self

from harness.foundation.secrets import hiding
from harness.scenario.plan.plan import Arrivals

# Environment variables for Locust's processes: the specification, and the conductor's file descriptor.
SPEC_VARIABLE = "HARNESS_LOAD_SPEC"
FD_VARIABLE = "HARNESS_CONTROL_FD"
PORT_FD_VARIABLE = "HARNESS_LOAD_PORT_FD"  # a pipe that says where the master listens
WEB_FD_VARIABLE = "HARNESS_WEB_FD"  # the socket of the web UI, when one is asked for
# How long users may take to start: a fixed time and a little for each. The timeout of a call is added, for
# users that end.
USERS_S_FIRST, USERS_S_EACH = 30.0, 0.05
OPENING_S = 120.0  # for sessions that are processes: a step begins when all of them are open
LEAVING_S, SHIPPING_S = 10.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StdioSpec:
    """How workers start the processes of a server that is spoken to over stdio."""

    command: list[str]
    users_per_process: int = 1
    cores: list[int] = field(default_factory=list)  # where they run; [] where the worker does
    nice: int = 0
    umask: int = -1
    env: dict[str, str] = field(default_factory=dict, repr=False)
    cwd: str = ""
    starts_at_once: int = 4  # in one worker


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSpec:
    """Everything a worker has to know; sent as JSON, and never by a file, since it may hold secrets."""

    base_url: str  # http://host:port, for /health and /status
    mcp_url: str  # where messages are posted
    ws_url: str
    addresses: dict[str, list[str]] = field(default_factory=dict)  # of a host, as the run has vetted them
    protocol: str  # determined before the load starts, never `auto`
    spool_dir: str
    epoch_ns: int
    seed: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    credential: dict[str, str] = field(default_factory=dict)  # headers that are renewed (`Load.authorize`)
    route: Mapping[str, Any] = field(
        default_factory=dict
    )  # of foundation.addresses.route: certificates, proxy
    mix: dict[str, int] = field(default_factory=dict)
    clients: dict[str, int] = field(default_factory=dict)  # presets, instead of the mix
    workload: list[Mapping[str, Any]] = field(default_factory=list)
    data: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # feeders, whose files the workers read
    replay: list[Mapping[str, Any]] = field(default_factory=list)  # recorded sessions, instead of both
    # 2026-07-28: tool -> header -> the path of names to the argument that the header repeats
    mirrored: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    stdio: Mapping[str, Any] | None = None  # of StdioSpec: sessions are processes
    listen: bool = False  # every session opens the stream of the server's messages outside of calls
    think: bool = True
    timeout_s: float = 30.0
    retries: Mapping[str, Any] | None = None  # of harness.load.retry.Policy
    calls_per_connection: int | None = None  # over HTTP, except HTTP+SSE, where a connection is the session
    workers: int = 1  # on this machine
    expect_workers: int = 0  # on others
    bind: str = ""  # where those join
    hidden: dict[str, str] = field(default_factory=hiding.told)  # secret -> text shown instead

    @property
    def workers_all(self) -> int:
        return self.workers + self.expect_workers

    @property
    def opening_s(self) -> float:
        """How long sessions may take to open."""
        return self.timeout_s + (OPENING_S if self.stdio is not None else 0.0)

    @property
    def leaving_s(self) -> float:
        """How long workers may take to write their rows after their calls.

        Longer if rows come from other machines.
        """
        return LEAVING_S + (SHIPPING_S if self.expect_workers else 0.0)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def for_others(self) -> Self:
        """Return the specification for a worker on another machine.

        Of the secrets, only those it has to send.
        """
        given = replace(self, hidden={}, spool_dir="", addresses={})
        text = given.to_json()
        shown = {
            value: label
            for value, label in self.hidden.items()
            if any(form in text for form in hiding.forms(value))
        }
        return replace(given, hidden=shown)

    @classmethod
    def from_json(cls, text: str) -> Self:
        spec = cls(**json.loads(text))
        hiding.hear(spec.hidden)
        return spec


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reason why a run is unknown: a part of the engine is gone, or cannot write its rows."""

    part: str  # worker-1, locust-master
    why: str
    worker: int | None = None  # its number in the samples
    unwritten: bool = False  # the worker runs, but its rows cannot be written

    def __str__(self) -> str:
        return f"{self.part} {'could not write its rows' if self.unwritten else 'was lost'}: {self.why}"


class Load(Protocol):
    """A running load; times are nanoseconds since the epoch. `poll` returns what went wrong since the last call."""

    async def set_users(self, count: int, requests: int | None = None) -> int:
        """Closed load; returns when `count` users are running, acknowledged by every worker, with that time.

        With `requests` they open their sessions, wait for each other, and begin at that time; together they
        make that many calls. It returns early when there is trouble to poll.
        """
        ...

    async def set_arrivals(
        self, arrivals: Arrivals, number: int, hold_s: float, *, last: bool = False
    ) -> int:
        """Start open load; return the time from which calls arrive. The step's `number` seeds its draws.

        It goes on until something else is set. Arrivals of the hold that still wait then count as not sent.
        With `last`, the last step of a run, arrivals end with the hold.
        """
        ...

    async def authorize(self, headers: Mapping[str, str]) -> None:
        """Have all users send these headers from their next requests on, instead of the ones before."""
        ...

    async def poll(self) -> list[Trouble]: ...

    async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
        """Wait `drain_s` for open calls to end, then cut them; return when all rows are written.

        It raises nothing: parts that did not end in order are troubles to poll.
        """
        ...

    def facts(self) -> Mapping[str, Any]:
        """Return the engine's facts for metadata.json: `clock_error_ms`, and `clocks` of other machines."""
        ...


Engine = Callable[[LoadSpec], AbstractAsyncContextManager[Load]]
