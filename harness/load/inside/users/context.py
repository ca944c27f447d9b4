"""The data that all users of one process share: the specification, the recorder, the numbering.

In a run of the harness the worker attaches it. Under plain `locust -f` it is made from Locust's own options
when the first user needs it; then there is no recorder, and a host that is not this machine leads to a
warning instead of a refusal.
"""

import itertools
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from gevent.lock import BoundedSemaphore

from harness.foundation.addresses import route
from harness.foundation.addresses.address import same
from harness.foundation.addresses.resolved import is_this_machine
from harness.foundation.secrets import hidden_log, sources
from harness.foundation.untrusted.documents import json_value
from harness.load import token
from harness.load.address import credentials, doors
from harness.load.engine import FD_VARIABLE, SPEC_VARIABLE, WEB_FD_VARIABLE, LoadSpec, StdioSpec
from harness.load.inside.transport import connecting, credential
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.stdio_connection import StdioServers, environment_without
from harness.load.inside.transport.stdio_log import ErrorLog
from harness.load.inside.users.discovery import find_mirrored, find_protocol
from harness.load.inside.users.fast_lane import FastLane
from harness.load.inside.users.recorder import Recorder
from harness.load.inside.users.retrying import WorkerRetries
from harness.load.inside.users.tally import Tally
from harness.load.inside.users.turns import Turns
from harness.load.inside.users.user_data import WorkerData
from harness.load.retry import Policy
from harness.load.workload import WorkloadEntry, works
from harness.mcp.traits import NO_TRAITS, Traits
from harness.scenario.arguments import Values, varies
from harness.services.processes import server_environment
from harness.services.processes.piped import Place

_ATTRIBUTE = "harness_context"
_attaching = BoundedSemaphore()


@dataclass(slots=True)
class Context:
    """The data that the users of a process share."""

    spec: LoadSpec
    recorder: Recorder | None
    tally: Tally
    deadlines: Deadlines = field(default_factory=Deadlines)
    cancelled: bool = False
    turns: Turns | None = None  # decides when users call; None: they decide themselves
    workload: list[WorkloadEntry] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    data: WorkerData | None = None  # feeders and journeys, if there are any
    retries: WorkerRetries = field(default_factory=lambda: WorkerRetries(None))
    traits: Traits = NO_TRAITS
    stdio: StdioServers | None = None  # where sessions are processes
    lane: FastLane | None = None  # None: everything goes through Python
    left_open: int = 0  # sessions that clients left without closing them
    opening: set[int] = field(default_factory=set)  # users that have not tried to open their session yet
    numbers: Iterator[int] = field(default_factory=itertools.count)
    sessions: Iterator[int] = field(default_factory=itertools.count)

    def random(self, user: int) -> Random:
        """Return a user's random generator; the same seed, worker and number draw the same."""
        worker = self.recorder.worker if self.recorder else 0
        return Random(f"{self.spec.seed}:{worker}:{user}")


def attach(environment: Any, spec: LoadSpec, recorder: Recorder | None) -> Context:
    """Make the context of this process; from now on its log hides secrets."""
    hidden_log.begin()
    values = Values()
    workload = works(spec.workload, values)
    data = None
    if any(work.feeders or work.steps for work in workload) or any(map(varies, spec.headers.values())):
        worker = recorder.worker if recorder else 0
        data = WorkerData.opened(spec.data, worker, spec.workers_all, values)
    connecting.ROUTES[:] = [route.from_data(spec.route)]
    credential.use(spec.credential)
    connecting.VETTED.update({same(host): tuple(addresses) for host, addresses in spec.addresses.items()})
    context = Context(
        spec,
        recorder,
        Tally(environment),
        workload=workload,
        data=data,
        weights=[work.weight for work in workload],
        retries=WorkerRetries(Policy.of(spec.retries)),
        traits=Traits(mirrored=spec.mirrored, introduces=spec.stdio is not None),
        stdio=None
        if spec.stdio is None
        else stdio_servers(StdioSpec(**spec.stdio), spec.spool_dir, recorder),
    )
    context.lane = FastLane.opened(context, environment)
    setattr(environment, _ATTRIBUTE, context)
    return context


def of(environment: Any) -> Context:
    """Return the context of this process; make it from Locust's options if none was attached."""
    with _attaching:
        context = getattr(environment, _ATTRIBUTE, None)
        return context or attach(environment, _spec_from_locust(environment), None)


def stdio_servers(spec: StdioSpec, spool_dir: str, recorder: Recorder | None) -> StdioServers:
    """Return what starts the processes of this worker; their error output goes to a log of the run."""
    place = Place(
        environment_without((SPEC_VARIABLE, FD_VARIABLE, WEB_FD_VARIABLE, token.VARIABLE)) | spec.env,
        spec.cores,
        spec.nice,
        spec.umask,
    )
    log = Path(spool_dir).parent / f"stdio-{recorder.worker}.log" if recorder else None
    return StdioServers(
        server_environment.there(spec.command, spec.cwd),
        place,
        ErrorLog(log),
        spec.starts_at_once,
        spec.users_per_process,
    )


def _spec_from_locust(environment: Any) -> LoadSpec:
    options = environment.parsed_options
    places = doors(environment.host or "http://127.0.0.1:8000", options.mcp_protocol)
    if not is_this_machine(urlsplit(places.base_url).hostname or ""):
        logging.getLogger(__name__).warning(
            "%s is not this machine: make sure that you are allowed to put load on it", places.base_url
        )
    headers = dict(line.partition(":")[::2] for line in options.mcp_header or [])
    headers = credentials(environment.host or "") | {
        name.strip(): value.strip() for name, value in headers.items()
    }
    sources.headers(headers)
    sources.url(environment.host or "")
    sources.words(options.args if options.call else "")
    protocol = options.mcp_protocol
    if protocol == "auto":
        protocol = find_protocol(places.mcp_url, headers)
    return LoadSpec(
        base_url=places.base_url,
        mcp_url=places.mcp_url,
        ws_url=places.ws_url,
        protocol=protocol,
        mirrored=find_mirrored(places.mcp_url, headers, protocol),
        headers=headers,
        spool_dir="",
        epoch_ns=0,
        replay=_recorded(options.recording),
        workload=[
            {"call": options.call, "args": json_value(options.args)} if options.call else {"list": "tools"}
        ],
    )


def _recorded(path: str) -> list[Mapping[str, Any]]:
    """Return the sessions of a recording, for plain `locust -f`."""
    if not path:
        return []
    # Workers of the harness get theirs with the specification, and need no reader of scenarios.
    from harness.scenario.read import read_file, scenario_of

    scenario = scenario_of(read_file(Path(path)), path)
    return [asdict(session) for session in scenario.replay]
