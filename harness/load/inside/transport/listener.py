"""The stream of a server's messages outside of calls (Streamable HTTP's GET), for one session.

An exchange opens it and has a row: ok when the server has begun a stream (and acknowledged a subscription), or has answered
that it has none (405). No call waits for its events; requests of the server on it are answered. When it ends it is due again,
from the last event.
"""

import time

from harness.foundation.addresses import connect_errors
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.event_stream import EventStream
from harness.load.inside.transport.measured_exchange import Exchanged
from harness.mcp import outcome
from harness.mcp.messages import NO_ANSWERS, Answers, Headers, Reply, Request
from harness.mcp.stream import NO_STREAM
from harness.run_directory.schema import NULL


class Listener:
    """The stream of one session; not shared between greenlets."""

    def __init__(self, url: str, deadlines: Deadlines, timeout_s: float, headers: Headers = ()) -> None:
        self._told = (url, deadlines, timeout_s, headers)
        self._deadlines = deadlines
        self._timeout_ns = int(timeout_s * 1e9)
        self._events: EventStream | None = None
        self._request: Request | None = None
        self._due_ns = 0
        self.answers: Answers = NO_ANSWERS
        self.deadline_ns = 0
        self.expired = False

    @property
    def is_new(self) -> bool:
        """Whether nobody has asked for the stream of this session yet."""
        return self._events is None

    @property
    def ended(self) -> Reply | None:
        """Why the stream ended since it was opened; None while it is open, or if there is none."""
        return self._events.stream.ended if self._events is not None and self._request is not None else None

    def due(self, now_ns: int) -> Request | None:
        """Return the request that opens it again where it ended, if that is due; else None."""
        if self._events is None or self._events.is_open or self._request is None:
            return None
        stream = self._events.stream
        if not self._due_ns:
            self._due_ns = now_ns + int(stream.retry_s * 1e9)
        return stream.resumption(self._request) if now_ns >= self._due_ns else None

    def exchange(self, request: Request, *, target: str = "") -> Exchanged:
        """Open the stream; done when the server has accepted, or has answered 405, which is ok."""
        del target
        sent_ns = time.monotonic_ns()
        self.close()
        events = self._events = EventStream(
            *self._told, names_session=request.names_session, answers=self.answers
        )
        self.expired, self._due_ns, out = False, 0, 0
        self.deadline_ns = sent_ns + self._timeout_ns
        self._deadlines.watch(self)
        try:
            out = events.open(request, self.deadline_ns)
            events.expect(request.id)
            events.wait(lambda: events.stream.got_head or self.expired)
            if events.stream.opened and request.id is not None:  # subscriptions/listen
                events.wait(lambda: events.stream.acknowledged or events.stream.reply or self.expired)
            if not events.stream.opened and not self.expired:
                events.wait(lambda: self.expired)  # read the rest of the refusal
            reply = self._judged(events, request)
        except OSError as error:
            timed_out = self.expired or isinstance(error, TimeoutError)
            reply = Reply(outcome.TIMEOUT if timed_out else outcome.CONNECT, connect_errors.said(error))
        except BaseException:
            self.close()
            raise
        finally:
            self.deadline_ns = 0
        wanted = (
            events.stream.opened and reply.outcome == outcome.OK
        ) or reply.outcome in outcome.CONNECTION_FAILURES
        self._request = request if wanted else None
        return Exchanged(reply, sent_ns, NULL, time.monotonic_ns(), out, events.bytes_in, reused=False)

    def close(self) -> None:
        """Close the stream; idempotent."""
        self._deadlines.forget(self)
        if self._events is not None:
            self._events.close()
            self._events = None

    def shut(self) -> None:
        """Shut the stream down; the sweep calls this to wake us."""
        if self._events is not None:
            self._events.shut()

    def _judged(self, events: EventStream, request: Request) -> Reply:
        stream = events.stream
        if stream.opened and (request.id is None or stream.acknowledged):
            return Reply(outcome.OK, status=200)
        if stream.opened and stream.reply is not None:  # an error came on it, or its end
            return stream.reply
        if self.expired or stream.ended is None:
            return Reply(outcome.TIMEOUT, "no answer in time")
        if stream.ended.status == NO_STREAM:
            return Reply(outcome.OK, "no such stream", NO_STREAM)
        return stream.ended
