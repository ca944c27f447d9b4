"""The fast lane: the exchange that is nearly always the case, made in C (`harness.load.inside.native`).

    user.call()            Python makes the request    C sends, waits, receives, judges, packs the row    Python has the reply
    the same call always   C does all of it, call after call, and Python is not asked

    hub --watches--> one epoll descriptor --ready--> turn(): all replies that have come in --> greenlets that have to go on

- On the lane are connections that are open, plain and without a limit; the first exchange of each opens it, in Python.
- A reply that is not ok beyond doubt is given to Python with the times that were taken: `McpUser.finished` goes on with the call.
  So does everything that C does not know: failures, streams, heads that are new, replies of more than 16 KB.
- After `MISSES` of those in a row a connection leaves the lane, until its socket is replaced.
- A call is repeated in C when a workload has one entry whose arguments are fixed, users do not think, and nobody decides for
  them (`Turns`). Before each call C looks whether the user is to stop, and whether that still holds.
- Nothing in C switches greenlets. Deadlines are kept by the sweep of all others.
"""

import time
from typing import Any, Final

import gevent
import msgspec
from gevent.hub import Waiter

from harness.load.inside import native
from harness.load.inside.transport import credential
from harness.load.inside.transport.http_connection import KNOWN, HttpConnection
from harness.load.inside.transport.kernel_stamps import sampling
from harness.load.inside.transport.measured_exchange import Begun, Exchanged
from harness.mcp import outcome
from harness.mcp.messages import Reply, Request

MISSES: Final = 8
NAMES_MAX: Final = 1_000
READABLE: Final = 1
TRANSPORT: Final = "http"
BEFORE_ID: Final = b'{"jsonrpc":"2.0","id":'
# Users that make calls in a way of their own make them in Python.
OWN: Final = (
    "call_from_workload", "connection", "drawn", "sample", "_ask", "_exchanged", "_measured", "_ready", "_record", "_tell_locust",
    "_tried", "_turn",
)  # fmt: skip


class FastLane:
    """The lane of one process."""

    def __init__(self, wire: Any, context: Any, handlers: list[Any]) -> None:
        self._wire = wire
        self._handlers = handlers
        self._recorder = recorder = context.recorder
        self._tally = context.tally
        ok, nothing = (
            (recorder.code("outcome", outcome.OK), recorder.code("detail", "")) if recorder else (0, 0)
        )
        ledger = recorder.ledger if recorder else None
        self._lane = wire.Lane(
            ledger, KNOWN.by_bytes, handlers, sampling.beside, context, context.spec.epoch_ns, ok, nothing
        )
        self._lane.listeners = -1  # closed until somebody has looked
        self._names: dict[str, tuple[int, int, Any]] = {}
        self._hub = gevent.get_hub()
        self._watcher = self._hub.loop.io(self._lane.fileno(), READABLE, ref=False)
        self._watcher.start(self._turn)
        context.deadlines.beside = self._sweep
        if recorder:
            recorder.beside = self._lane
        credential.FOLLOWERS.add(self)

    @classmethod
    def opened(cls, context: Any, environment: Any) -> "FastLane | None":
        """Return the lane, if it was compiled and is wanted."""
        wire = native.chosen().wire
        return None if wire is None else cls(wire, context, environment.events.request._handlers)  # noqa: SLF001

    def join(self, fd: int, timeout_ns: int, owner: HttpConnection) -> Any:
        """Return a line for a socket."""
        return self._lane.join(fd, timeout_ns, owner, Waiter(self._hub))

    def look(self) -> None:
        """Open the lane if successful calls are reported in bulk, as long as nobody else begins to listen; else close it."""
        self._lane.listeners = len(self._handlers) if self._tally.in_bulk() else -1

    def named(self, operation: str) -> tuple[int, int, Any]:
        """Return the codes of an operation and of the transport, and where its times are counted."""
        names = self._names.get(operation)
        if names is None:
            code = self._recorder.code if self._recorder else lambda _column, _text: 0
            times = self._tally.times(TRANSPORT, operation, self._wire.Times)
            names = code("operation", operation), code("transport", TRANSPORT), times
            if len(self._names) < NAMES_MAX:
                self._names[operation] = names
        return names

    def forget(self) -> None:
        """Repeat nothing with the heads of before: the credential has changed."""
        self._lane.halt()

    def _turn(self) -> None:
        """Receive for all lines that are ready; this runs in the hub."""
        lines = self._lane.turn()
        if self._recorder is not None:
            self._recorder.flush_if_full()
        for line in lines:
            line.waiter.switch(None)

    def _sweep(self, now_ns: int) -> None:
        for line in self._lane.overdue(now_ns):
            line.owner.expired = True
            line.owner.shut()


class FastCalls:
    """The calls of one user on the lane."""

    def __init__(self, user: Any, lane: FastLane) -> None:
        self._user = user
        self._lane = lane

    @classmethod
    def of(cls, user: Any, usual: type[Any]) -> "FastCalls | None":
        """Return a user's calls on the lane; None for users that make calls in a way of their own."""
        own = any(getattr(type(user), name) is not getattr(usual, name) for name in OWN)
        lane = user.context.lane
        return None if own or lane is None or user.socket is not None else cls(user, lane)

    def ask(self, request: Request) -> Reply | None:
        """Make a call; None: it is for Python to make, and nothing has happened."""
        line = self._begun(request) if request.id is not None and request.expects is None else None
        if line is None:
            return None
        self._wait(line, request)
        if not line.ok:
            return self._finished(line, request)
        user = self._user
        if sampling.skip:
            sampling.skip -= 1
        elif sampling.is_on:
            user.sample(user.http, _exchanged(line))
        user.pacing.done(line.known_ns - user.context.spec.epoch_ns, connection_failed=False)
        return Reply(outcome.OK, "", 200, None, msgspec.Raw(line.result), line.session_id)

    def repeats(self, task: Any, tasks: list[Any]) -> bool:
        """Return whether the user does nothing but to make calls of a workload."""
        user, context = self._user, self._user.context
        return (
            len(tasks) == 1
            and task is type(user).call_from_workload
            and all(work.expects is None for work in context.workload)
            and user.is_open
            and not user.waits
            and context.turns is context.data is user.retrying is user.listener is None
        )

    def repeat(self) -> None:
        """Make a call of the workload, and the next, until there is something else to do; at least one."""
        user, workload = self._user, self._user.context.workload
        request = self._drawn()
        line = user.http.line(self._lane)
        if line is None or line.misses >= MISSES:
            user._ask(request)  # noqa: SLF001 - its own
            return
        own = BEFORE_ID + str(request.id).encode()
        after = request.body.removeprefix(own)
        same = len(workload) == 1 and workload[0].fixed and request.body == own + after
        head, floor_ns = user.http.head(request), user.http.free_ns(time.monotonic_ns())
        sent_again = (user.session.ids, head, BEFORE_ID, after) if same else (self._draw,)
        line.repeat(user, floor_ns, *sent_again)
        try:
            begun = self._begun(request) is not None
            if begun:
                self._wait(line, request)
            drawn = line.request
        finally:
            line.repeat()
        if not begun:
            user._ask(request)  # noqa: SLF001
            return
        if line.count or line.ok:
            user.pacing.done(line.known_ns - user.context.spec.epoch_ns, connection_failed=False)
        if same:
            user.calls += line.count
            request = msgspec.structs.replace(
                request, id=line.id, body=b"%b%d%b" % (BEFORE_ID, line.id, after)
            )
        if not line.ok:
            user.asked(self._finished(line, drawn or request))
        elif drawn is not None:  # and not sent: the connection is not as it should be
            user._ask(drawn)  # noqa: SLF001

    def _drawn(self) -> Request:
        work, values = self._user.drawn()
        return work.request(self._user.session, values)  # type: ignore[no-any-return]

    def _draw(self) -> tuple[Request, bytes, bytes, int | None, int, Any]:
        """Return the next call for a line that repeats; this runs in the hub."""
        request = self._drawn()
        operation, _, times = self._lane.named(request.operation)
        return request, self._user.http.head(request), request.body, request.id, operation, times

    def _begun(self, request: Request) -> Any:
        """Send the request; return its line, or None if nothing has happened."""
        user = self._user
        line = user.http.line(self._lane)
        if line is None:
            return None
        if line.misses >= MISSES:
            user.http.leave_lane()
            return None
        line.waiter.clear()
        operation, transport, times = self._lane.named(request.operation)
        begun = line.begin(
            user.http.head(request), request.body, request.id, user.pacing.ready_ns, user.class_code,
            operation, transport, user.number, user.session_number, times,
        )  # fmt: skip
        if begun is False:
            self._lane.look()
            return None
        if begun is None:
            line.waiter.switch(None)
        return line

    def _wait(self, line: Any, request: Request) -> None:
        """Wait for the reply; what ended is written down, whatever ends the wait."""
        try:
            line.waiter.get()
        except BaseException:  # the user is being stopped in mid-call
            if (taken := line.take()) is not None:
                begun, user = Begun(*taken), self._user
                if (recorder := user.context.recorder) is not None:
                    recorder.open[begun.seq] = begun.intended_ns
                user.cut(begun.seq, line.request or request, begun.sent_ns, TRANSPORT)
                user.http.close()
            raise

    def _finished(self, line: Any, request: Request) -> Reply:
        return self._user.finished(request, Begun(*line.take()))  # type: ignore[no-any-return]


def _exchanged(line: Any) -> Exchanged:
    """Return what is sampled of a call; the reply's content is not."""
    return Exchanged(
        Reply(outcome.OK),
        line.sent_ns,
        line.first_byte_ns,
        line.done_ns,
        line.bytes_out,
        line.bytes_in,
        True,
        line.held_ns,
    )
