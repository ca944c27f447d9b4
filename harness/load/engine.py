"""What an engine is: something that runs N users now, and writes a row for every call they make.

The conductor knows only this. `locust_engine` runs real users in Locust's processes, `simulated` draws
their calls from a closed form; both leave numbered blocks in the run's spool directory, so that whatever
reads a run cannot tell them apart.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, Self

from harness.foundation.secrets import hiding
from harness.scenario.plan.plan import Arrivals

# How Locust's processes are told: the specification, and which file descriptor the conductor listens at.
SPEC_VARIABLE = "HARNESS_LOAD_SPEC"
FD_VARIABLE = "HARNESS_CONTROL_FD"
WEB_FD_VARIABLE = "HARNESS_WEB_FD"  # the socket of the web UI, when one is asked for
# How long users may take to be there: some time, a little for each, and the time that open calls of those that end may.
USERS_S_FIRST, USERS_S_EACH = 30.0, 0.05
LEAVING_S, SHIPPING_S = 10.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSpec:
    """Everything a worker has to know; travels as JSON, and never by a file: it may hold secrets."""

    base_url: str  # http://host:port, for /health and /status
    mcp_url: str  # where messages are posted
    ws_url: str
    addresses: dict[str, list[str]] = field(default_factory=dict)  # of a host, as the run has vetted them
    protocol: str  # found out before the load starts, never `auto`
    spool_dir: str
    epoch_ns: int
    seed: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    mix: dict[str, int] = field(default_factory=dict)
    workload: list[Mapping[str, Any]] = field(default_factory=list)
    # 2026-07-28: tool -> header -> the names that lead to the argument it repeats
    mirrored: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    listen: bool = False  # every session opens the stream of what the server says outside of calls
    think: bool = True
    timeout_s: float = 30.0
    retries: Mapping[str, Any] | None = None  # of harness.load.retry.Policy
    calls_per_connection: int | None = None  # over HTTP, where no stream is the session
    workers: int = 1  # on this machine
    expect_workers: int = 0  # on others
    bind: str = ""  # where those join
    hidden: dict[str, str] = field(default_factory=hiding.told)  # secrets, and what is shown in their place

    @property
    def workers_all(self) -> int:
        return self.workers + self.expect_workers

    @property
    def leaving_s(self) -> float:
        """How long workers may take to write their rows down, after their calls; elsewhere they have to travel."""
        return LEAVING_S + (SHIPPING_S if self.expect_workers else 0.0)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def for_others(self) -> Self:
        """What a worker on another machine is told: of the secrets only those that it is given to send."""
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
    """Something that makes a run unknown: a part of the engine is gone, or cannot write down what it measures."""

    part: str  # worker-1, locust-master
    why: str
    worker: int | None = None  # its number in the samples
    unwritten: bool = False  # it is there, but its rows are not

    def __str__(self) -> str:
        return f"{self.part} {'could not write its rows' if self.unwritten else 'was lost'}: {self.why}"


class Load(Protocol):
    """A running load; times are nanoseconds since the epoch. `poll` returns what went wrong since the last call."""

    async def set_users(self, count: int, requests: int | None = None) -> int:
        """Closed load; returns when `count` users are running, acknowledged by every worker, with that time.

        With `requests` they open their sessions, wait for each other, and are let go at that time, with so many
        calls between them. It returns early when there is trouble to poll.
        """
        ...

    async def set_arrivals(
        self, arrivals: Arrivals, number: int, hold_s: float, *, last: bool = False
    ) -> int:
        """Open load from the time on that is returned; `number` is the step's, and makes its draws its own.

        It goes on until something else is set; what then still waits is not sent, if it arrived within the hold.
        The `last` of a run ends with the hold.
        """
        ...

    async def poll(self) -> list[Trouble]: ...

    async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
        """Let open calls end for `drain_s`, then cut them; returns when all rows are written.

        It raises nothing: what did not end in order is there to poll.
        """
        ...

    def facts(self) -> Mapping[str, Any]:
        """What metadata.json should know of it at the end: `clock_error_ms`, and `clocks` of other machines."""
        ...


Engine = Callable[[LoadSpec], AbstractAsyncContextManager[Load]]
