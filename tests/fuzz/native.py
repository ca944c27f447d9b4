"""What a server may send, into the fast lane in C (`harness.load.inside.native`): whole, in pieces, cut off, and again.

What C calls ok, Python must call ok, with the same result; all else comes back as it was sent. `make fuzz` compiles it for
this with AddressSanitizer and UndefinedBehaviorSanitizer, where there is a compiler that has them, and runs it in a process
of its own: what they find ends that process.
"""

import contextlib
import importlib.util
import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import httptools
import msgspec

from harness.load.inside import native
from harness.load.inside.transport.incoming import Incoming
from harness.load.inside.transport.response_heads import KnownHeads
from harness.mcp import outcome
from harness.mcp.exchange import Exchange
from harness.mcp.messages import Reply
from tests.fuzz import grammar, wire

ROOT: Final = Path(__file__).parents[2]
BUILD: Final = runpy.run_path(str(ROOT / "hatch_build.py"))
SANITIZED: Final = "HARNESS_FUZZ_WIRE"  # the path of the module that was compiled for this
LIBRARIES: Final = ("libasan.so", "libubsan.so")
CHECKS: Final = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
HEAD, BEFORE, AFTER = b"POST /mcp HTTP/1.1\r\nContent-Length: ", b'{"jsonrpc":"2.0","id":', b',"method":"x"}'
USUAL: Final = {
    "jsonrpc": "2.0",
    "id": wire.OURS,
    "result": {"content": [{"type": "text", "text": "h\u00e9"}], "isError": False},
}
READ_BYTES: Final = 16_384


def module() -> ModuleType | None:
    """The module with the sanitizers, or the usual one, or none."""
    path = os.environ.get(SANITIZED)
    if path is None:
        found: ModuleType | None = native.choose("on").wire
        return found
    if (there := sys.modules.get("_wire")) is not None:
        return there
    spec = importlib.util.spec_from_file_location("_wire", path)
    assert spec is not None
    assert spec.loader is not None
    made = sys.modules["_wire"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def attempt(random: Random, place: Path) -> tuple[list[str], list[str]]:
    """What was done, and what came of it that must not."""
    del place
    made = module()
    if made is None:
        return ["nothing: it was not compiled"], []
    try:
        return ["a reply on the fast lane"], _exchanged(random, made)
    except Exception as error:
        return ["a reply on the fast lane"], [f"{type(error).__name__}: {error}"[:300]]


def _reply(random: Random) -> bytes:
    """A response, whose head is often one that can be known."""
    if random.random() < 0.25:
        return wire._response(random)
    body = json.dumps(USUAL).encode() if random.random() < 0.4 else wire._message(random)
    if random.random() < 0.4:
        return (
            grammar.spoilt(random, _stream(random, body)) if random.random() < 0.3 else _stream(random, body)
        )
    more = random.choice((b"", b"Mcp-Session-Id: s\r\n", b"Date: x\r\n"))
    size = len(body) + random.choice((0, 0, 0, 0, 1, -1))
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (more, max(size, 0), body)


def _stream(random: Random, body: bytes) -> bytes:
    """A stream of one event, nearly always in one chunk."""
    end = random.choice((b"\n", b"\r\n", b"\r"))
    named = random.choice(
        (
            b"",
            b"event: message" + end,
            b"event: message" + end,
            b"event: x" + end,
            b"id: 1" + end,
            b": c" + end,
        )
    )
    event = named + b"data: " + body + end + random.choice((end, end, end, b"\n", b"", end + end))
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%bTransfer-Encoding: chunked\r\n\r\n"
        % random.choice(
            (
                b"",
                b"",
                b"",
                b"Mcp-Session-Id: s\r\n",
                b"Content-Length: 5\r\n",
                b"Connection: close\r\n",
                b"Content-Encoding: gzip\r\n",
            )
        )
    )
    size = len(event) + random.choice((0, 0, 0, 0, 0, 1, -1))
    return b"%b%x\r\n%b\r\n0\r\n\r\n" % (head, max(size, 0), event)


def _exchanged(random: Random, made: Any) -> list[str]:
    data, heads = _reply(random), KnownHeads()
    for _ in range(random.choice((1, 2, 2, 2, 2, 2))):
        heads.learn(data)
    packed, counter = bytearray(87 * 3), memoryview(bytearray(8)).cast("q")
    ledger = random.choice((None, made.Ledger(packed, counter, 1, 87)))
    user = SimpleNamespace(_state="running")
    lane = made.Lane(ledger, heads.by_bytes, [], lambda *_: 5, SimpleNamespace(turns=None), 0, 1, 2)
    lane.listeners = 0
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        line = lane.join(ours.fileno(), 10**12, None, None)
        repeats = random.random() < 0.5
        if repeats:
            numbers = count(wire.OURS + 1)
            if random.random() < 0.5:
                line.repeat(user, 0, numbers, HEAD, BEFORE, AFTER)
            else:
                line.repeat(user, 0, lambda: (object(), HEAD, b"{}", next(numbers), 9, made.Times()))
        body = b"%b%d%b" % (BEFORE, wire.OURS, AFTER)
        if line.begin(HEAD, body, wire.OURS, 5, 1, 2, 3, 4, 5, made.Times()) is not True:
            return ["it did not begin"]
        wrong = (
            [] if theirs.recv(65_536) == b"%b%d\r\n\r\n%b" % (HEAD, len(body), body) else ["another request"]
        )
        cut = random.choice((len(data), len(data), len(data), random.randrange(len(data) + 1)))
        sent = theirs.send(data[:cut]) if cut else 0
        closed = random.random() < 0.2
        if closed:
            theirs.close()
        told = lane.turn()
        lane.open_calls(), lane.overdue(1)
        wrong += _compared(line, heads, data[: min(sent, READ_BYTES)], told, repeats=repeats and not closed)
        if random.random() < 0.5:
            line.leave()
        if random.random() < 0.3:
            del lane
        line.take(), line.take(), line.halt()
    return wrong


def _compared(line: Any, heads: KnownHeads, came: bytes, told: list[Any], *, repeats: bool) -> list[str]:
    """What C decided, beside what Python does."""
    reply = (heads.judge(wire.ASK, came) or _the_long_way(came)) if came else None
    is_ok = reply is not None and reply.outcome == outcome.OK
    if repeats and line.count:
        return [] if is_ok and line.id == wire.OURS + 1 else ["it went on after a reply that is not ok"]
    if line.ok:
        value = Reply(outcome.OK, result=msgspec.Raw(line.result or b"{}")).value()
        same = is_ok and reply is not None and (line.result is None or reply.value() == value)
        return [] if same and line.session_id == reply.session_id else ["ok in C, and not in Python"]
    taken = line.take()
    if taken is None:
        return ["a call that is neither done nor open"]
    if told and taken[4] not in {None, came}:
        return ["another reply than what was sent"]
    return []


def _the_long_way(came: bytes) -> Reply | None:
    """By llhttp; None unless it is a whole response."""
    incoming, exchange = Incoming(), Exchange(wire.ASK)
    incoming.begin(exchange)
    with contextlib.suppress(httptools.HttpParserError):
        incoming.feed(came)
    reply = exchange.reply if incoming.complete and incoming.keep_alive else None
    incoming.let_go()
    return reply


def sanitized(seconds: float, seed: int, first: int, out: Path) -> bool | None:
    """Compile with the sanitizers, and go on in a process that has them; whether it ended well, None if that is not possible."""
    found = [_library(name) for name in LIBRARIES]
    if None in found:
        print("native: no compiler with AddressSanitizer here: it runs without", flush=True)  # noqa: T201
        return None
    with tempfile.TemporaryDirectory(prefix="harness-fuzz-") as directory:
        flags = (*(flag for flag in BUILD["FLAGS"] if flag != "-O2"), *CHECKS)
        try:
            path = BUILD["compiled"](ROOT, Path(directory), flags)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"native: not compiled with sanitizers ({error}): it runs without", flush=True)  # noqa: T201
            return None
        command = [sys.executable, "-m", "tests.fuzz", "--part", "native", "--seconds", str(seconds)]
        command += ["--seed", str(seed), "--first", str(first), "--out", str(out)]
        environment = os.environ | {
            SANITIZED: str(path),
            "LD_PRELOAD": " ".join(map(str, found)),
            "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter's own, at its end
            "PYTHONMALLOC": "malloc",  # so that each object has bounds of its own
        }
        return subprocess.run(command, check=False, env=environment).returncode == 0


def _library(name: str) -> str | None:
    """The path of a sanitizer's library."""
    try:
        done = subprocess.run(
            ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if "/" in done.stdout else None
