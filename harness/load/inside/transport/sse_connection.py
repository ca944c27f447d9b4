"""One user's HTTP+SSE (2024-11-05): messages are posted on one connection, answered on a stream that stays open.

    latency = from sending the POST until the event with our id has come, on the other connection

The first exchange opens the stream, and so does the first one after it was closed; the time counts in that
exchange. Losing the stream loses the session, and the current call. A time-out closes it, as with a
WebSocket.
"""

import time

import msgspec

from harness.foundation.addresses import connect_errors
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.event_stream import EventStream, target_of
from harness.load.inside.transport.http_connection import HttpConnection
from harness.load.inside.transport.measured_exchange import Exchanged
from harness.mcp import outcome
from harness.mcp.messages import Headers, Reply, Request
from harness.mcp.stream import OPENING
from harness.run_directory.schema import NULL

CLOSE_AFTER = outcome.CONNECTION_FAILURES | {outcome.SESSION_LOST}


class StreamConnection:
    """One stream and the connection for POSTs; not shared between greenlets."""

    def __init__(self, url: str, deadlines: Deadlines, timeout_s: float, headers: Headers = ()) -> None:
        self._told = (url, deadlines, timeout_s, headers)
        self._deadlines = deadlines
        self._timeout_ns = int(timeout_s * 1e9)
        self._posts = HttpConnection(*self._told)
        self._events: EventStream | None = None
        self.deadline_ns = 0
        self.expired = False

    @property
    def is_open(self) -> bool:
        return self._events is not None and self._events.is_open

    def exchange(self, request: Request, *, target: str = "") -> Exchanged:
        """Make one attempt; a notification is done when it is accepted. `target` is ignored."""
        del target
        sent_ns = time.monotonic_ns()
        self.expired = False
        self.deadline_ns = deadline_ns = sent_ns + self._timeout_ns
        reused = self.is_open
        if not reused:
            self.close()
        self._deadlines.watch(self)
        events = self._events if self._events is not None and reused else EventStream(*self._told)
        had, out = events.bytes_in, 0
        try:
            if not reused:
                self._events = events
                out = events.open(OPENING, deadline_ns)
                events.wait(lambda: events.stream.endpoint or self.expired)
            done = self._call(events, request, deadline_ns)
        except OSError as error:
            done = _nothing(self._failure(error), sent_ns)
        except BaseException:  # the user is being stopped in mid-call
            self.close()
            raise
        finally:
            self.deadline_ns = 0
        if done.reply.outcome in CLOSE_AFTER or not events.is_open:
            self.close()
        done.sent_ns = done.sent_ns if reused else sent_ns
        done.bytes_out += out
        done.bytes_in += events.bytes_in - had
        done.reused = reused
        return done

    def close(self) -> None:
        """Close both connections; idempotent."""
        self._deadlines.forget(self)
        self._posts.close()
        if self._events is not None:
            self._events.close()
            self._events = None

    def shut(self) -> None:
        """Shut the stream down; the sweep calls this to wake us."""
        if self._events is not None:
            self._events.shut()

    def _call(self, events: EventStream, request: Request, deadline_ns: int) -> Exchanged:
        """Post, and wait for the answer on the stream."""
        stream = events.stream
        if stream.endpoint is None:
            return _nothing(self._lost(stream.ended), time.monotonic_ns())
        events.expect(request.id)
        posted = self._posts.exchange(
            msgspec.structs.replace(request, id=None),
            target=target_of(stream.endpoint),
            deadline_ns=deadline_ns,
        )
        if request.id is None or posted.reply.outcome != outcome.OK:
            return posted
        events.wait(lambda: stream.reply or self.expired)
        posted.reply = self._lost(stream.taken())
        posted.first_byte_ns = events.began_ns if events.began_ns >= posted.sent_ns else NULL
        posted.done_ns, posted.held_ns = events.replied_ns or time.monotonic_ns(), NULL
        if events.tells and posted.first_byte_ns != NULL:
            posted.done_ns, posted.held_ns = events.began_ns, time.monotonic_ns() - events.began_ns
        return posted

    def _lost(self, reply: Reply | None) -> Reply:
        """Return the reply, or a time-out if the sweep has shut the stream."""
        if self.expired or reply is None:
            return Reply(outcome.TIMEOUT, "no answer in time")
        return reply

    def _failure(self, error: OSError) -> Reply:
        if self.expired or isinstance(error, TimeoutError):
            return Reply(outcome.TIMEOUT, "no answer in time")
        return Reply(outcome.CONNECT, connect_errors.said(error))


def _nothing(reply: Reply, sent_ns: int) -> Exchanged:
    """Return an exchange without any bytes."""
    return Exchanged(reply, sent_ns, NULL, time.monotonic_ns(), 0, 0, reused=False)
