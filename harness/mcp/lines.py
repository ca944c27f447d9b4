"""What a server writes to its standard output: one JSON-RPC message a line; replies to several calls at once.

    {"jsonrpc": "2.0", "id": 3, ...}      the reply to call 3, when that is awaited
    {"jsonrpc": "2.0", "method": ...}     a notification (ignored), or a request (in `asked`, to be answered)
    {"jsonrpc": "2.0", "id": 3, "res      a broken message: `bad_body` for the call that has waited longest
    [INFO] server started                 noise, which real clients skip: counted, and nothing else

- A late reply to a call that was given up is ignored; any other id that is not ours is an `id_mismatch`.
- A line is bounded (16 MB). After a longer one nothing can be believed: the conversation ends.
- When it ends, so does every call that is awaited.

The times of its bytes come with them: no clock is read in here.
"""

from typing import Final

import msgspec

from harness.mcp import outcome
from harness.mcp.exchange import ASKED_MAX, BODY_BYTES_MAX, NO_ROOM
from harness.mcp.judge import judge_response, printable
from harness.mcp.messages import Message, Reply, parse
from harness.mcp.reply_memory import NoRoomError, joined

NO_REPLY: Final = Reply(outcome.UNFINISHED)


class Answer(msgspec.Struct, frozen=True):
    """The reply to a call: when its line began and ended (0: no byte came), and its size in bytes."""

    reply: Reply
    first_ns: int = 0
    last_ns: int = 0
    size: int = 0


class Lines:
    """One process's side of a conversation; calls are known by their ids."""

    __slots__ = ("_awaited", "_began_ns", "_highest", "_now_ns", "_rest", "asked", "ended", "noise")

    def __init__(self) -> None:
        self._awaited: dict[int, Answer | None] = {}  # in the order in which the calls began
        self._began_ns = self._now_ns = 0  # when the current line began; when the newest bytes came
        self._highest = 0
        self._rest: bytes | bytearray = b""  # the beginning of a line whose end has not come
        self.asked: list[Message] = []  # requests of the server, to be answered
        self.noise = 0  # lines that were no messages
        self.ended: Answer | None = None

    @property
    def inside_line(self) -> bool:
        """Whether the last line is incomplete."""
        return bool(self._rest)

    def expect(self, number: int) -> None:
        """Begin a call; its answer may arrive at once."""
        self._awaited[number] = self.ended
        self._highest = max(self._highest, number)

    def known(self, number: int) -> bool:
        """Whether the call's outcome is known."""
        return self._awaited.get(number) is not None

    def taken(self, number: int) -> Answer | None:
        """Return the reply to a call, and forget the call; None when there is no reply."""
        return self._awaited.pop(number, None)

    def feed(self, chunk: bytes, now_ns: int) -> None:
        """Take a piece of the output."""
        if self.ended is not None:
            return
        self._now_ns, start = now_ns, 0
        while (end := chunk.find(b"\n", start)) >= 0:
            if not self._join(chunk[start:end]):
                return
            line, self._rest = self._rest, b""
            self._take(line, Answer(NO_REPLY, self._began_ns, now_ns, len(line) + 1))
            start = end + 1
        if start < len(chunk):
            self._join(chunk[start:])

    def end(self, ended: str, detail: str) -> None:
        """Note that no more will come, with its reason."""
        if self.ended is None:
            came = (self._began_ns, self._now_ns, len(self._rest)) if self._rest else (0, 0, 0)
            self.ended = Answer(Reply(ended, printable(detail)), *came)
            self._rest = b""
            for number, reply in self._awaited.items():
                self._awaited[number] = reply or self.ended

    def _join(self, piece: bytes) -> bool:
        """Append to the current line; return whether there was room."""
        if len(self._rest) + len(piece) > BODY_BYTES_MAX:
            self.end(outcome.BAD_BODY, "a line of more than 16 MB")
            return False
        if not self._rest:
            self._began_ns = self._now_ns
        try:
            self._rest = joined(self._rest, piece) if piece else self._rest
        except NoRoomError:
            self.end(outcome.NOT_HELD, NO_ROOM)
            return False
        return True

    def _take(self, line: bytes | bytearray, came: Answer) -> None:
        text = line.strip()
        if not text:
            return
        message = parse(text)
        if message is None and text.startswith(b"{"):
            self._tell(self._waiting(), Reply(outcome.BAD_BODY, "not JSON-RPC"), came)
        elif message is None or message.jsonrpc != "2.0":  # a log, which may be of JSON itself
            self.noise += 1
        elif not isinstance(message.method, msgspec.UnsetType):
            if message.asks and len(self.asked) < ASKED_MAX:
                self.asked.append(message)
        elif type(message.id) is int and message.id in self._awaited:
            self._tell(message.id, judge_response(message, message.id, None, None), came)
        elif not (type(message.id) is int and 0 < message.id <= self._highest):
            waiting = self._waiting()
            self._tell(waiting, judge_response(message, waiting, None, None), came)

    def _tell(self, number: int | None, reply: Reply, came: Answer) -> None:
        """Give a reply to the call that waits for it; noise when none waits."""
        if number is None:
            self.noise += 1
        elif self._awaited[number] is None:
            self._awaited[number] = msgspec.structs.replace(came, reply=reply)

    def _waiting(self) -> int | None:
        """Return the call that has waited longest: a line that names no call is taken for its reply."""
        return next((number for number, reply in self._awaited.items() if reply is None), None)
