"""The base classes of Locust's users: a session, one connection, a row for every exchange.

    on_start   the session is opened (its `initialize` is a call like any other)
    tasks      call(tool, **arguments), get(path, ...), call_from_workload()
    on_stop    the session is closed

A lost session is opened again before the next call. A call that failed is tried again if the run has retries
(`harness.load.retry`): each attempt is an exchange with a row of its own; opening a session is no attempt. A
user that is stopped in mid-call leaves a row with `unfinished`, or `cancelled` when a person interrupted the
run. Every exchange is reported to Locust (see `tally`), so its web UI and other listeners see all of it.
"""

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar

from locust import User
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from harness.foundation.secrets.hiding import hide_often
from harness.load.inside.transport.http_connection import HttpConnection
from harness.load.inside.transport.kernel_stamps import sampling
from harness.load.inside.transport.listener import Listener
from harness.load.inside.transport.measured_exchange import Begun, Exchanged
from harness.load.inside.transport.sse_connection import StreamConnection
from harness.load.inside.transport.stdio_connection import StdioConnection
from harness.load.inside.transport.websocket_connection import WebSocketConnection
from harness.load.inside.users import context, locust_hooks
from harness.load.inside.users.fast_lane import FastCalls
from harness.load.inside.users.pacing import Pacing
from harness.load.inside.users.retrying import Retrying
from harness.load.inside.users.tasks import UserTasks
from harness.load.inside.users.turns import UserSlot
from harness.load.inside.users.user_data import UserData, headers_of
from harness.load.workload import WorkloadEntry, chosen
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.mcp.messages import Reply, Request
from harness.mcp.stdio_address import STDIO
from harness.run_directory.schema import NULL, NULL_CODE, RETRIED

NS_PER_MS = 1e6
NO_URL = "http://127.0.0.1:9/"  # where sessions are processes; never connected to
Carrier = HttpConnection | StreamConnection | WebSocketConnection | StdioConnection | Listener
HOOKED = locust_hooks  # to be imported is all that it is for
# After any of these outcomes the session is gone.
REOPEN_AFTER = frozenset({outcome.SESSION_LOST})


class McpUser(User):
    """A user of an MCP server; subclasses define its tasks.

    Calls use the run's protocol, or the class's own; `get` always goes over HTTP.
    """

    abstract = True
    protocol = ""  # the run's
    capabilities: ClassVar[Mapping[str, Any]] = {}  # declared to the server
    listens = False  # every session also opens the stream of the server's messages outside of calls
    _state: str | None  # Locust's: whether it may be stopped at once

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.context = context.of(environment)
        spec = self.context.spec
        self._epoch_ns = spec.epoch_ns
        self.number = next(self.context.numbers)
        self.context.opening.add(self.number)
        self.random = self.context.random(self.number)
        self.pacing = Pacing(self.random, self.now_ns())
        self._headers = headers_of(spec.headers, self.context.data, self.number)
        settings = (self.context.deadlines, spec.timeout_s, self._headers)
        self.http = self.connection(spec.calls_per_connection or 0)
        self._protocol = self.protocol or spec.protocol
        # Where the connection is the session, calls have a connection of their own.
        self.socket: StreamConnection | WebSocketConnection | StdioConnection | None = None
        self._carried = self._protocol  # by the socket: in the column `transport`
        self._processes: StdioConnection | None = None  # the socket, where sessions are processes
        if self.context.stdio is not None:
            self._processes = StdioConnection(self.context.stdio, self.context.deadlines, spec.timeout_s)
            self.socket, self._carried = self._processes, STDIO
        elif self._protocol == "websocket":
            self.socket = WebSocketConnection(spec.ws_url, *settings)
        elif self._protocol == "sse":
            self.socket = StreamConnection(spec.mcp_url, *settings)
        self.listener = Listener(spec.mcp_url, *settings) if spec.listen or self.listens else None
        self._traits = replace(self.context.traits, capabilities=self.capabilities)
        self.session: Session = new_session(self._protocol, self._traits)
        self.session_number = 0
        self.is_open = False
        self.calls = 0
        self.slot = UserSlot()
        self.fast = FastCalls.of(self, McpUser)
        self._calls_left = 0  # of a session that arrived
        self.data = None if self.context.data is None else UserData(self.context.data, self)
        # Locust calls `wait_time` of the instance: the class's own is the think time, pacing adds the rest.
        self._think_s: Callable[[], float] = getattr(self, "wait_time")  # noqa: B009 - Locust gives it no type
        self.wait_time = self._wait_s
        recorder = self.context.recorder
        self.class_code = recorder.code("user_class", type(self).__name__) if recorder else 0
        self._first_code = self._again_code = self.class_code
        policy = self.context.retries.policy
        self.retrying: Retrying | None = None
        if policy is not None:
            self.retrying = Retrying(self.context.retries, policy, self.random, spec.timeout_s)
            if recorder:
                self._again_code = recorder.code("user_class", type(self).__name__ + RETRIED)

    def connection(self, carries: int) -> HttpConnection:
        """Return a connection to the server, not opened yet, that is closed after so many exchanges (0: never)."""
        spec = self.context.spec
        url = spec.mcp_url if spec.stdio is None else NO_URL
        return HttpConnection(url, self.context.deadlines, spec.timeout_s, self._headers, carries=carries)

    def on_start(self) -> None:
        """Open the session; a failure is recorded, and it is tried again before the first call."""
        self.pacing.ready_ns = self.now_ns()
        self._taskset_instance = UserTasks(self)
        turns = self.context.turns
        if turns is None or not turns.session_calls:  # a session that arrives is opened on arrival
            self._open()
        self.context.opening.discard(self.number)

    def on_stop(self) -> None:
        """End the session, unless the run was interrupted, and close the connections."""
        self.context.opening.discard(self.number)
        try:
            self._leave()
        finally:
            self.context.tally.pour()

    def _leave(self) -> None:
        try:
            if self.is_open and not self.context.cancelled:
                # The intended start may lie in the future; the end of the session is intended now.
                self.pacing.ready_ns = min(self.pacing.ready_ns, self.now_ns())
                self._run(self.session.closing())
        finally:
            self.is_open = False
            self.http.close()
            for other in (self.socket, self.listener):
                if other is not None:
                    other.close()

    @property
    def waits(self) -> bool:
        """Whether there is anything to wait for before the next task."""
        turns = self.context.turns
        if turns is not None and not self._calls_left and turns.paces:
            return False
        return self.context.spec.think or self.pacing.backoff_s > 0

    def call(self, tool: str, **arguments: Any) -> Reply | None:
        """Call a tool; return the reply (`.outcome`, `.value()`), or None when no session could be opened."""
        if not self._ready():
            return None
        return self._tried(lambda: self._ask(self.session.call(tool, arguments)))

    def call_from_workload(self) -> Reply | None:
        """Make one request of the workload, drawn by weight."""
        if not self._ready():
            return None
        work, drawn = self.drawn()
        if self.data is None:
            return self._tried(lambda: self._ask(work.request(self.session, drawn)))
        return self.data.called(lambda: self._tried(lambda: self._ask(work.request(self.session, drawn))))

    def drawn(self) -> tuple[WorkloadEntry, Any]:
        """Return an entry of the workload, by weight or in turn, and the values of its templates."""
        self.calls += 1
        if self.data is not None:
            return self.data.drawn()
        work = chosen(self.context.workload, self.context.weights, self.random, self.number, self.calls)
        return work, work.draw(self.random, self.calls)

    def record_journey(self, operation: str, ended: str, detail: str, waited_ns: int) -> None:
        """Write the row of a journey; its calls have theirs."""
        if (recorder := self.context.recorder) is not None:
            now_ns = time.monotonic_ns()
            seq = recorder.begin(now_ns - waited_ns - self._epoch_ns)
            whole = Exchanged(Reply(ended, detail), now_ns - waited_ns, NULL, now_ns, 1, 1, reused=True)
            transport = "http" if self.socket is None else self._carried
            self._record(seq, Request(operation, b"", (), None), whole, transport)

    def get(self, path: str, operation: str, contains: bytes = b"") -> None:
        """GET a path of the server; a failure unless it answers 200 and its body has `contains`."""
        self._turn()
        request = Request(operation, b"", (), None, "GET", contains)
        self._tried(lambda: self._measured(self.http, request, target=path), in_session=False)

    def _tried(self, attempt: Callable[[], Reply], *, in_session: bool = True) -> Reply:
        """Make a call, and retry it as the policy says."""
        backoff_s = self.pacing.backoff_s
        reply = attempt()
        if self.retrying is None:
            return reply
        self.retrying.begin()
        for tried in count(1):  # as many as the policy says
            wait_s = None if self._state == LOCUST_STATE_STOPPING else self.retrying.wait_s(reply, tried)
            if wait_s is None:
                break
            self.pacing.backoff_s = backoff_s  # one call fails once, however often it was tried
            self.retrying.pause(self, wait_s)
            if in_session and not self._session_is_there():
                continue  # that attempt is spent
            self.class_code = self._again_code
            try:
                reply = attempt()
            finally:
                self.class_code = self._first_code
        return reply

    def _ready(self) -> bool:
        """Wait for a turn; return whether the session is open, or could be opened."""
        self._turn()
        wanted_ns = self.pacing.ready_ns
        ready = self._session_is_there()
        turns = self.context.turns
        if turns is not None and not turns.session_calls:
            self.pacing.ready_ns = wanted_ns  # the call has waited for its session since then
        return ready

    def _session_is_there(self) -> bool:
        """Whether the session is there; open it again if it, or its connection, was lost."""
        if self.socket is not None and not self.socket.is_open:
            self.is_open = False  # the connection was the session
        if self.is_open and self.listener is not None:
            self._listen(self.listener.due(time.monotonic_ns()))
        return self.is_open or self._open()

    def _turn(self) -> None:
        """Wait for a turn, where the user does not decide itself; it can be stopped meanwhile."""
        while (turns := self.context.turns) is not None:
            if self._calls_left and turns.session_calls:
                self._calls_left -= 1
                return
            if turns.session_calls and self.is_open:
                self._leave()
            if self._state == LOCUST_STATE_STOPPING:
                raise StopUser
            self._state = LOCUST_STATE_WAITING
            wanted_ns = turns.take(type(self).__name__, self.slot, self.pacing.ready_ns)
            self._state = LOCUST_STATE_RUNNING
            if wanted_ns is not None:
                self.pacing.ready_ns = wanted_ns
                self._calls_left = max(0, turns.session_calls - 1)
                return
            self.pacing.ready_ns = self.now_ns()

    def _ask(self, request: Request) -> Reply:
        reply = self.fast.ask(request) if self.fast is not None else None
        return self.asked(reply or self._measured(self.socket or self.http, request))

    def asked(self, reply: Reply) -> Reply:
        """Note whether the session is gone."""
        self.is_open = self.is_open and reply.outcome not in REOPEN_AFTER
        return reply

    def _open(self) -> bool:
        """Open a new session; return whether that worked."""
        if self._processes is not None:
            joined = self._processes.start()
            self.pacing.ready_ns = max(self.pacing.ready_ns, self.now_ns())  # it had to wait for its turn
            if joined is not None:
                self.session, self.session_number = joined
                self.is_open = True
                return True
        self.session = new_session(self._protocol, self._traits)
        self.session_number = next(self.context.sessions)
        decided = self._run(self.session.opening())
        self.is_open = decided is None or decided.outcome == outcome.OK
        if self._processes is not None:
            self._processes.opened(self.session if self.is_open else None, self.session_number)
        elif self.is_open:
            self._listen(self.session.listening())
        return self.is_open

    def _listen(self, request: Request | None) -> None:
        """Open the stream of the server's messages outside of calls, if that is wanted and there is one."""
        if self.listener is not None and request is not None:
            self.is_open = self._measured(self.listener, request).outcome not in REOPEN_AFTER

    def _run(self, sequence: Generator[Request, Reply, Reply | None]) -> Reply | None:
        try:
            request = next(sequence)
            while True:
                request = sequence.send(self._measured(self.socket or self.http, request))
        except StopIteration as ended:
            decided: Reply | None = ended.value
            return decided

    def finished(self, request: Request, begun: Begun) -> Reply:
        """Go on with a call that the fast lane has begun."""
        if (recorder := self.context.recorder) is not None:
            recorder.open[begun.seq] = begun.intended_ns
        return self._measured(self.http, request, begun=begun)

    def _measured(
        self, connection: Carrier, request: Request, target: str = "", begun: Begun | None = None
    ) -> Reply:
        """Make one exchange, with its row and Locust's event."""
        recorder = self.context.recorder
        transport = self._carried if connection is self.socket else "http"
        if begun is None:
            seq, began_ns = recorder.begin(self.pacing.ready_ns) if recorder else 0, time.monotonic_ns()
        else:
            seq, began_ns = begun.seq, begun.sent_ns
        try:
            if begun is None:
                done = self._exchanged(connection, request, target)
            else:
                done = self.http.exchange(request, begun=begun)
            if request.expects is not None:
                done.reply = request.expects(done.reply)
        except BaseException:  # Locust stops a user by raising into its greenlet
            self.cut(seq, request, began_ns, transport)
            raise
        self._record(seq, request, done, transport)
        if sampling.skip:
            sampling.skip -= 1
        elif sampling.is_on:
            self.sample(connection, done)
        self.pacing.done(
            done.known_ns - self._epoch_ns,
            connection_failed=done.reply.outcome in outcome.CONNECTION_FAILURES,
        )
        self._tell_locust(request, done, transport)
        return done.reply

    def cut(self, seq: int, request: Request, began_ns: int, transport: str) -> None:
        """Write the row of a call whose user was stopped."""
        ended = outcome.CANCELLED if self.context.cancelled else outcome.UNFINISHED
        cut = Exchanged(Reply(ended), began_ns, NULL, time.monotonic_ns(), 0, 0, reused=False)
        self._record(seq, request, cut, transport)

    def _exchanged(self, connection: Carrier, request: Request, target: str) -> Exchanged:
        return connection.exchange(request, target=target)

    def sample(self, connection: Carrier, done: Exchanged) -> None:
        """Sample the time that this process added to the call: sent late, and reply read late."""
        if done.reply.outcome != outcome.OK or done.first_byte_ns == NULL:
            return
        ready_ns = self._epoch_ns + max(self.pacing.ready_ns, self.pacing.free_ns)
        if isinstance(connection, HttpConnection):
            ready_ns = max(ready_ns, connection.free_ns(done.done_ns))
        sampling.add(done.done_ns, max(0, done.sent_ns - ready_ns), done.held_ns)

    def _record(self, seq: int, request: Request, done: Exchanged, transport: str) -> None:
        recorder = self.context.recorder
        if recorder is None:
            return
        epoch_ns = self._epoch_ns
        reply = done.reply
        recorder.end(
            seq,
            done.sent_ns - epoch_ns,
            done.first_byte_ns - epoch_ns if done.first_byte_ns != NULL else NULL,
            done.done_ns - epoch_ns,
            self.class_code,
            recorder.code("operation", request.operation),
            recorder.code("transport", transport),
            reply.outcome,
            reply.detail,
            reply.status if reply.status is not None else NULL,
            reply.code if reply.code is not None else NULL_CODE,
            self.number,
            self.session_number,
            done.bytes_out,
            done.bytes_in,
            done.reused,
        )

    def _tell_locust(self, request: Request, done: Exchanged, transport: str) -> None:
        reply = done.reply
        service_ms = (done.done_ns - done.sent_ns) / NS_PER_MS
        if reply.outcome in outcome.FAILED:
            why = hide_often(f"{reply.outcome}: {reply.detail}")
            self.context.tally.failed(transport, request.operation, service_ms, done.bytes_in, why)
        else:
            self.context.tally.ok(transport, request.operation, service_ms, done.bytes_in)

    def _wait_s(self) -> float:
        if not self.waits:
            return 0.0
        think_s = self._think_s() if self.context.spec.think else 0.0
        return self.pacing.wait_s(think_s, self.now_ns())

    def now_ns(self) -> int:
        """Return the time of the run."""
        return time.monotonic_ns() - self._epoch_ns


class WebSocketMcpUser(McpUser):
    """A user whose calls travel in frames of one WebSocket, whatever the run's protocol."""

    abstract = True
    protocol = "websocket"
