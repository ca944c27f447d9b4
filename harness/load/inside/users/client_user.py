"""Users that behave as some client does: what locustfiles/clients.py is written with.

    session    end_session(), leave_session_open()
    quiet      idle(seconds)
    calls      call_at_once(count), call_as_task(), list_everything(), and `call` and `call_from_workload` of all users

Attributes of a class say the rest: `listens`, `capabilities`, `answer_after`, `new_connection_each_call`, `reads_bytes_per_s`,
`patience`.
What is called comes from the workload (`--call`). Every exchange has its row, as those of all users have.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import gevent
import msgspec
from locust.user.task import LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from harness.foundation.units import NS_PER_S
from harness.load.inside.transport.http_connection import HttpConnection
from harness.load.inside.transport.measured_exchange import Exchanged
from harness.load.inside.transport.timer import sleep
from harness.load.inside.users.user import Carrier, McpUser
from harness.load.workload import WorkloadEntry
from harness.mcp import outcome
from harness.mcp.client_answers import elicited, rooted, sampled
from harness.mcp.dialects.modern import MODERN_VERSION
from harness.mcp.input_rounds import ROUNDS_MAX, given
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Answers, Reply, Request
from harness.run_directory.schema import NULL

LEFT_OPEN_MOST: Final = 1_000  # sessions that the clients of one worker leave open
PAGES_MOST: Final = 50  # of one list
PAGE_BYTES_MOST: Final = 16_000_000
TASK_S_MOST: Final = 600.0
POLL_S_LEAST, POLL_S_USUAL, POLL_S_MOST = 0.1, 1.0, 10.0
DONE: Final = ("completed", "failed", "cancelled", "input_required")
SUBSCRIBED: Final = {
    "notifications": {
        "toolsListChanged": True,
        "promptsListChanged": True,
        "resourcesListChanged": True,
    }
}
LISTS: Final = ("tools", "resources", "prompts")


class ClientUser(McpUser):
    """A user with the habits of a client; subclasses say which."""

    abstract = True
    new_connection_each_call = False
    reads_bytes_per_s = 0.0  # how fast it reads replies; 0: as they come
    patience: Callable[[], float] | None = None  # after how many seconds it gives a tool call up
    answer_after: Callable[[], float] | None = None  # how long it thinks before it answers a server

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.connections = [self.http]  # the first one, and those of calls at once
        self._answers: Answers = {}
        self._offered: Mapping[str, Any] | None = None  # what the server said that it can do
        self._burst_ns: int | None = None
        self._name: Callable[[Request, Reply], Request] | None = None
        if self.answer_after is not None:
            asked = {"elicitation/create": elicited, "sampling/createMessage": sampled, "roots/list": rooted}
            self._answers = {method: partial(self._think, say) for method, say in asked.items()}
            self.http.answers = self._answers
            if self.listener is not None:
                self.listener.answers = self._answers

    def connection(self, carries: int) -> HttpConnection:
        made = super().connection(1 if self.new_connection_each_call else carries)
        made.reads_bytes_per_s = self.reads_bytes_per_s
        return made

    def end_session(self) -> None:
        """Close the session and its connections; the next call opens another."""
        self._leave()

    def leave_session_open(self) -> None:
        """Forget the session without closing it; the next call opens another.

        Each one is a row, `session/left-open`. At most 1,000 in a worker are left; after that users keep theirs.
        """
        if not self.is_open or self.session.session_id is None or self.context.left_open >= LEFT_OPEN_MOST:
            return
        self._note("session/left-open", Reply(outcome.OK), self.now_ns())
        self.context.left_open += 1
        self.is_open = False
        self._close_connections()

    def idle(self, seconds: float) -> None:
        """Do nothing for so long, and see whether the stream of the session is still open then.

        That is a row, `session/idle:60s`: ok, or how the stream ended. The next call opens it again.
        """
        if not self._ready():
            return
        began_ns = time.monotonic_ns()
        while (left_s := seconds - (time.monotonic_ns() - began_ns) / NS_PER_S) > 0:
            self._pause(min(left_s, 1.0))
            if self.listener is not None and self.listener.ended is not None:
                break
        ended = self.listener.ended if self.listener is not None else None
        self._note(f"session/idle:{seconds:g}s", ended or Reply(outcome.OK), began_ns - self._epoch_ns)

    def call_at_once(self, count: int) -> None:
        """Make so many calls of the workload at the same time, each on a connection of its own, in one session."""
        if self._ready():
            self._at_once([self.drawn() for _ in range(count)])

    def make(self, entries: Sequence[WorkloadEntry]) -> None:
        """Make the requests of these entries, several at the same time; the session is there (`_ready`)."""
        drawn = [(work, work.draw(self.random, 1)) for work in entries]
        if len(drawn) > 1:
            self._at_once(drawn)
            return
        ((work, values),) = drawn
        self._tried(lambda: self._ask(work.request(self.session, values)))

    def _at_once(self, drawn: Sequence[tuple[WorkloadEntry, Any]]) -> None:
        while len(self.connections) < len(drawn):
            self.connections.append(self.connection(self.context.spec.calls_per_connection or 0))
        self._burst_ns, backoff_s = self.pacing.ready_ns, self.pacing.backoff_s
        calls = [
            gevent.spawn(self._call_beside, each, *one)
            for each, one in zip(self.connections, drawn, strict=False)
        ]
        try:
            replies = [call.get() for call in calls]
        finally:
            gevent.killall(calls)  # those that are under way when the user is stopped
            self._burst_ns = None
        failed = any(reply.outcome in outcome.CONNECTION_FAILURES for reply in replies)
        self.pacing.backoff_s = backoff_s
        self.pacing.done(self.now_ns(), connection_failed=failed)

    def call_as_task(self) -> None:
        """Call a tool of the workload as a task (2025-11-25), poll it as the server says, and fetch its result.

        The row of the tool has the response time of the whole task: it counts from its submission to its result.
        """
        if not self._ready():
            return
        work, drawn = self.drawn()
        params = {"name": work.tool, "arguments": drawn, "task": {"ttl": int(TASK_S_MOST * 1000)}}
        called, wanted_ns = f"tools/call:{work.tool}", self.pacing.ready_ns
        self._name = _submission
        try:
            submitted = self._ask(self.session.request("tools/call", params, called))
        finally:
            self._name = None
        task = submitted.mapping().get("task") if submitted.outcome == outcome.OK else None
        if not isinstance(task, dict):
            return  # it was answered at once, or refused: its row says so
        try:
            self._poll(task, called, wanted_ns)
        except BaseException:
            self._note(called, Reply(outcome.UNFINISHED), wanted_ns)
            raise

    def list_everything(self) -> None:
        """Read each list that the server offers to its end, page by page; at most 50 pages of each."""
        if not self._ready():
            return
        if self._offered is None and self._protocol == MODERN_VERSION:
            self._offered = _capabilities(self._ask(self.session.request("server/discover", {})))
        for what in LISTS:
            if what in (self._offered or {"tools": {}}):
                self._read_list(f"{what}/list")

    def call_from_workload(self) -> Reply | None:
        """Make one request of the workload; when the tool asks for input, think, and answer (2026-07-28)."""
        if not self._answers:
            return super().call_from_workload()
        if not self._ready():
            return None
        work, drawn = self.drawn()
        reply = self._tried(lambda: self._ask(work.request(self.session, drawn)))
        for _ in range(ROUNDS_MAX):
            more = given(reply, self._answers)
            if more is None or work.tool is None:
                break
            self.pacing.ready_ns = self.now_ns()  # it has thought
            params = {"name": work.tool, "arguments": drawn} | more
            reply = self._ask(self.session.request("tools/call", params, f"tools/call:{work.tool}"))
        return reply

    def _read_list(self, method: str) -> None:
        """Read a list page by page, until it ends, repeats itself, or is longer than any real one."""
        params: JsonObject = {}
        seen: list[JsonObject] = []
        while params not in seen and len(seen) < PAGES_MOST:
            seen.append(params)
            page = self._asked(self.session.request(method, params), self.now_ns())
            cursor = page.mapping(bytes_max=PAGE_BYTES_MOST).get("nextCursor")
            if not isinstance(cursor, str):
                return
            params = {"cursor": cursor}

    def _poll(self, task: JsonObject, called: str, wanted_ns: int) -> None:
        began_ns = time.monotonic_ns()
        while task.get("status") not in DONE:
            if time.monotonic_ns() - began_ns > TASK_S_MOST * NS_PER_S:
                late = Reply(outcome.TIMEOUT, f"the task was not done after {TASK_S_MOST:.0f} s")
                self._note(called, late, wanted_ns)
                return
            self._pause(_poll_s(task))
            state = self.session.request("tasks/get", {"taskId": task.get("taskId")})
            self._name = partial(_failed_as, called)
            try:
                reply = self._asked(state, self.now_ns())
            finally:
                self._name = None
            if reply.outcome != outcome.OK:
                return
            task = task | reply.mapping()
        fetched = self.session.request("tasks/result", {"taskId": task.get("taskId")}, called)
        self._asked(fetched, wanted_ns)

    def _asked(self, request: Request, ready_ns: int) -> Reply:
        self.pacing.ready_ns = ready_ns
        return self._ask(request)

    def _call_beside(self, connection: HttpConnection, work: WorkloadEntry, drawn: Any) -> Reply:
        request = work.request(self.session, drawn)
        assert self._burst_ns is not None
        self.pacing.ready_ns = self._burst_ns  # nobody else runs until the call has its number
        reply = self._measured(connection, request)
        if reply.outcome == outcome.SESSION_LOST:
            self.is_open = False
        return reply

    def sample(self, connection: Carrier, done: Exchanged) -> None:
        """Of calls at once, what counts is when all of them were due, not when another one ended."""
        if self._burst_ns is not None:
            kept = self.pacing.ready_ns, self.pacing.free_ns
            self.pacing.ready_ns, self.pacing.free_ns = self._burst_ns, 0
            super().sample(connection, done)
            self.pacing.ready_ns, self.pacing.free_ns = kept
        else:
            super().sample(connection, done)

    def _exchanged(self, connection: Carrier, request: Request, target: str) -> Exchanged:
        """Give a tool call up when patience ends: the server is told, or sees the connection close."""
        if (
            self.patience is None
            or not isinstance(connection, HttpConnection)
            or not request.operation.startswith("tools/call")
        ):
            return super()._exchanged(connection, request, target)
        patience_s = min(self.patience(), self.context.spec.timeout_s)
        done = connection.exchange(
            request, target=target, deadline_ns=time.monotonic_ns() + int(patience_s * NS_PER_S)
        )
        if done.reply.outcome == outcome.TIMEOUT and patience_s < self.context.spec.timeout_s:
            given_up = msgspec.structs.replace(
                done.reply, outcome=outcome.CANCELLED, detail="given up by the client"
            )
            done.reply = given_up
        return done

    def _listen(self, request: Request | None) -> None:
        """Open the stream of the server; 2026-07-28 has `subscriptions/listen` for that."""
        if request is None and self._protocol == MODERN_VERSION and self.listener and self.listener.is_new:
            request = self.session.request("subscriptions/listen", SUBSCRIBED)
        super()._listen(request)

    def _run(self, sequence: Generator[Request, Reply, Reply | None]) -> Reply | None:
        decided = super()._run(sequence)
        if decided is not None and "protocolVersion" in decided.mapping():
            self._offered = _capabilities(decided)
        return decided

    def _record(self, seq: int, request: Request, done: Exchanged, transport: str) -> None:
        named = request if self._name is None else self._name(request, done.reply)
        super()._record(seq, named, done, transport)

    def _note(self, operation: str, reply: Reply, wanted_ns: int) -> None:
        """Write a row, at its end, for what was no exchange of its own and began at `wanted_ns`."""
        recorder = self.context.recorder
        seq = recorder.begin(wanted_ns) if recorder else 0
        request, now_ns = Request(operation, b"", (), None), time.monotonic_ns()
        reply = msgspec.structs.replace(reply, result=None)
        noted = Exchanged(reply, now_ns, NULL, now_ns, 0, 0, reused=True)
        self._record(seq, request, noted, "http")
        self._tell_locust(request, noted, "http")
        self.pacing.ready_ns = now_ns - self._epoch_ns

    def _think(self, say: Callable[[JsonObject], Any], params: JsonObject) -> Any:
        """Answer a server after a while."""
        if self.answer_after is not None:
            sleep(self.answer_after())
        return say(params)

    def _pause(self, seconds: float) -> None:
        """Do nothing; the user can be stopped meanwhile."""
        if self._state == LOCUST_STATE_STOPPING:
            return
        state, self._state = self._state, LOCUST_STATE_WAITING
        sleep(seconds)
        self._state = state

    def _close_connections(self) -> None:
        for each in self.connections:
            each.close()
        if self.listener is not None:
            self.listener.close()

    def _leave(self) -> None:
        super()._leave()
        self._close_connections()


def _capabilities(reply: Reply) -> JsonObject:
    offered = reply.mapping().get("capabilities")
    return offered if isinstance(offered, dict) else {}


def _submission(request: Request, reply: Reply) -> Request:
    """Name the submission of a task that was accepted; any other answer is the answer to the call."""
    if reply.outcome != outcome.OK or "task" not in reply.mapping():
        return request
    return msgspec.structs.replace(request, operation=f"tasks/submit:{request.operation.partition(':')[2]}")


def _failed_as(called: str, request: Request, reply: Reply) -> Request:
    """Name a poll; one that failed is the end of its call."""
    return request if reply.outcome == outcome.OK else msgspec.structs.replace(request, operation=called)


def _poll_s(task: JsonObject) -> float:
    asked_ms = task.get("pollInterval")
    asked_s = asked_ms / 1000 if isinstance(asked_ms, int | float) else POLL_S_USUAL
    return min(max(asked_s, POLL_S_LEAST), POLL_S_MOST)
