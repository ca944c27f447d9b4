"""A WebSocket server that does the right thing and every wrong one: a path a fault, on real sockets, in threads.

The frames are made by hand, so that they can be wrong; what the client sends is read by `websockets` itself.
"""

import base64
import hashlib
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from tests.fakes.wire import BY_PATH, Case, Wire

ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(data: bytes | str, opcode: int = Opcode.TEXT, *, fin: bool = True) -> bytes:
    payload = data if isinstance(data, bytes) else data.encode()
    size = struct.pack("!B", len(payload)) if len(payload) < 126 else struct.pack("!BH", 126, len(payload))
    return bytes([(0x80 if fin else 0) | opcode]) + size + payload


def accepted(hello: bytes, protocol: str = "mcp", key: str | None = None) -> bytes:
    """The 101 that this request to speak frames is due."""
    found = re.search(rb"sec-websocket-key: *(\S+)", hello, re.IGNORECASE)
    digest = hashlib.sha1(((found[1].decode() if found else "") + ACCEPT).encode()).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {key or base64.b64encode(digest).decode()}",
        *([f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Peer:
    """The server's end of a WebSocket."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._reader = StreamReader()

    def accept(self, *more: bytes, protocol: str = "mcp", key: str | None = None) -> None:
        self.wire.send(accepted(self.wire.head, protocol, key))
        for data in more:
            self.wire.send(data)

    def receive(self) -> Frame:
        """The client's next frame."""
        parsing = Frame.parse(self._reader.read_exact, mask=True)
        try:
            while True:
                next(parsing)
                data = self.wire.sock.recv(65536)
                if not data:
                    raise ConnectionAbortedError
                self._reader.feed_data(data)
        except StopIteration as ended:
            return ended.value

    def call(self) -> int:
        """The id of the client's next call."""
        text = bytes(self.receive().data)
        return int(re.search(rb'"id":(\d+)', text)[1])

    def send(self, *data: bytes) -> None:
        self.wire.send(b"".join(data))

    def answer(self, number: object, result: str = '{"content":[]}') -> bytes:
        return frame(f'{{"jsonrpc":"2.0","id":{number},"result":{result}}}')


Play = Callable[[Peer], object]


def called(play: Callable[[Peer, int], object]) -> Play:
    """Accept, wait for the call, play."""

    def whole(peer: Peer) -> None:
        peer.accept()
        play(peer, peer.call())

    return whole


def every_call(peer: Peer) -> None:
    peer.accept()
    while (received := peer.receive()).opcode is Opcode.TEXT:
        number = re.search(rb'"id":(\d+)', received.data)
        if number:
            peer.send(peer.answer(int(number[1])))


def pings(peer: Peer, number: int) -> None:
    """No answer before the ping has its pong."""
    peer.send(frame(b"are you there", Opcode.PING))
    assert peer.receive().opcode == Opcode.PONG
    peer.send(peer.answer(number))


def asks(peer: Peer, number: int) -> None:
    """A request with the id of the call; no answer before it has its own."""
    peer.send(frame(f'{{"jsonrpc":"2.0","id":{number},"method":"elicitation/create"}}'))
    assert b"-32601" in bytes(peer.receive().data)
    peer.send(frame('{"jsonrpc":"2.0","id":"a","method":"ping"}'))
    assert b'"result":{}' in bytes(peer.receive().data)
    peer.send(peer.answer(number))


def fragments(peer: Peer, number: int) -> None:
    whole = f'{{"jsonrpc":"2.0","id":{number},"result":{{}}}}'
    peer.send(frame(whole[:9], fin=False), frame("", Opcode.CONT, fin=False), frame(whole[9:], Opcode.CONT))


def talks_at_once(peer: Peer) -> None:
    """A notification, half of another one, in the same breath as the 101."""
    note = '{"jsonrpc":"2.0","method":"notifications/message"}'
    peer.accept(frame(note) + frame(note[:9], fin=False))
    number = peer.call()
    peer.send(frame(note[9:], Opcode.CONT), peer.answer(number))


NOTE = frame('{"jsonrpc":"2.0","method":"notifications/message"}')


@dataclass(frozen=True)
class FrameCase:
    """What a path does, and what that is called."""

    name: str
    outcome: str
    play: Play
    detail: str = ""

    @property
    def path(self) -> str:
        return "/ws-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


FRAME_CASES = [
    FrameCase("answers", "ok", every_call),
    FrameCase("no subprotocol", "ok", lambda p: (p.accept(protocol=""), p.send(p.answer(p.call())))),
    FrameCase("ping before the answer", "ok", called(pings)),
    FrameCase("asks before the answer", "ok", called(asks)),
    FrameCase("in fragments", "ok", called(fragments)),
    FrameCase("talks at once", "ok", talks_at_once),
    FrameCase("late answer first", "ok", called(lambda p, n: p.send(p.answer(n - 1), p.answer(n)))),
    FrameCase("notification first", "ok", called(lambda p, n: p.send(NOTE, p.answer(n)))),
    FrameCase("closes after the answer", "ok", called(lambda p, n: (p.send(p.answer(n)), p.wire.close()))),
    FrameCase("close frame", "disconnected", called(lambda p, _: p.send(frame(b"\x03\xe8", Opcode.CLOSE)))),
    FrameCase("end of file", "disconnected", called(lambda p, _: p.wire.close())),
    FrameCase("reset", "reset", called(lambda p, _: p.wire.reset())),
    FrameCase("cut in a frame", "truncated", called(lambda p, n: (p.send(p.answer(n)[:-9]), p.wire.close()))),
    FrameCase(
        "cut between fragments",
        "truncated",
        called(lambda p, _: (p.send(frame("{", fin=False)), p.wire.close())),
    ),
    FrameCase("bad json", "bad_body", called(lambda p, _: p.send(frame("{")))),
    FrameCase("not utf-8", "bad_body", called(lambda p, n: p.send(frame(b'{"id":%d,"x":"\xff"}' % n)))),
    FrameCase("binary", "bad_body", called(lambda p, _: p.send(frame(b"{}", Opcode.BINARY)))),
    FrameCase(
        "too large", "bad_body", called(lambda p, _: p.send(b"\x81\x7f" + struct.pack("!Q", 17_000_000)))
    ),
    FrameCase("another id", "id_mismatch", called(lambda p, n: p.send(p.answer(n + 7)))),
    FrameCase("the id as text", "id_mismatch", called(lambda p, n: p.send(p.answer(f'"{n}"')))),
    FrameCase("tool error", "tool_error", called(lambda p, n: p.send(p.answer(n, '{"isError":true}')))),
    FrameCase(
        "rpc error",
        "rpc_error",
        called(lambda p, n: p.send(frame(f'{{"jsonrpc":"2.0","id":{n},"error":{{"code":-32602}}}}'))),
    ),
    FrameCase("hangs", "timeout", called(lambda p, _: p.wire.hang())),
    FrameCase("garbage", "http_protocol", called(lambda p, _: p.send(b"\xff\xff\xff\xff"))),
    FrameCase("401", "unauthorized", lambda p: p.wire.whole("no", "401 No"), detail="401"),
    FrameCase("redirect", "http_status", lambda p: p.wire.whole("", "307 X", "", "Location: /ws-answers")),
    FrameCase("not a websocket", "http_status", lambda p: p.wire.whole("{}"), detail="200"),
    FrameCase("429", "rate_limited", lambda p: p.wire.whole("", "429 Slow")),
    FrameCase("bad accept", "http_protocol", lambda p: p.accept(key="AAAA")),
    FrameCase("another subprotocol", "http_protocol", lambda p: p.accept(protocol="graphql-ws")),
    FrameCase("no http", "http_protocol", lambda p: (p.wire.send("220 mail\r\n"), p.wire.close())),
    FrameCase("closed before", "disconnected", lambda p: p.wire.close()),
    FrameCase("cut in the head", "truncated", lambda p: (p.wire.send("HTTP/1.1 101 Sw"), p.wire.close())),
    FrameCase("reset before", "reset", lambda p: p.wire.reset()),
    FrameCase("never accepts", "timeout", lambda p: p.wire.hang()),
]


def _act(case: FrameCase) -> Callable[[Wire], object]:
    return lambda wire: case.play(Peer(wire))


# The wire server serves these paths too.
BY_PATH.update({case.path: Case(case.name, case.outcome, _act(case)) for case in FRAME_CASES})
