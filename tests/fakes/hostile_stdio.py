"""Servers over standard input and output that mean harm: `python hostile_stdio.py NAME [WORD]`, a word that names whose it is.

It needs the standard library only, so that it starts at once. `CALLED` opens a session as it should, and does harm when a
tool is called; `STARTED` does harm from the first moment on; `LEAVING` serves well, and is hard to be rid of. What has no end
goes on until nobody reads it, and ends all the same after a gigabyte or half a minute.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

BYTES_MAX: Final = 1_000_000_000
SECONDS_MAX: Final = 30.0
MANY: Final = b"[]," * 1_000_000 + b"[]"
WORD: Final = sys.argv[2] if len(sys.argv) > 2 else "hostile"
Message = dict[str, Any]
Act = Callable[[Message], object]


def write(data: bytes, to: int = 1) -> None:
    while data:
        data = data[os.write(to, data) :]


def say(message: Any) -> None:
    write(json.dumps(message).encode() + b"\n")


def forever(piece: bytes, *, before: bytes = b"", to: int = 1) -> Act:
    """The piece over and over again."""
    block = piece * max(1, 60_000 // len(piece))

    def act(_message: Message) -> None:
        write(before, to)
        sent, until_s = 0, time.monotonic() + SECONDS_MAX
        while sent < BYTES_MAX and time.monotonic() < until_s:
            write(block, to)
            sent += len(block)

    return act


def says(data: bytes, *, then: Act = lambda _: None) -> Act:
    """Exactly this, with the id of the message in place of {id}."""

    def act(message: Message) -> None:
        write(data.replace(b"{id}", str(message.get("id")).encode()))
        then(message)

    return act


def good(message: Message) -> Message:
    """The right answer."""
    answers: dict[object, object] = {
        "initialize": {"protocolVersion": "2025-11-25", "serverInfo": {"name": "hostile", "version": "1"}},
        "tools/list": {"tools": [{"name": "x", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": []},
    }
    return {"jsonrpc": "2.0", "id": message.get("id"), "result": answers.get(message.get("method"), {})}


def answers(message: Message) -> None:
    say(good(message))


def both(first: Act, second: Act) -> Act:
    return lambda message: (first(message), second(message))


def child(*words: str, clean: bool = False, **more: Any) -> None:
    """A process that outlives this one; known by its last word."""
    code = (
        "import os,sys,time,signal\nsignal.signal(15,signal.SIG_IGN)\n"
        + "\n".join(words)
        + "\ntime.sleep(300)"
    )
    environment = {} if clean else None
    subprocess.Popen([sys.executable, "-I", "-S", "-c", code, WORD], env=environment, **more)


TWENTY = iter(range(20))  # of a process, however many calls it gets


def many_children(message: Message) -> None:
    for _ in TWENTY:
        child(
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    answers(message)


def child_that_holds_the_pipes(message: Message) -> None:
    child("os.setsid()")
    answers(message)
    os._exit(0)


def child_that_forgets_us(message: Message) -> None:
    child(
        "os.setsid()",
        "os.fork() and os._exit(0)",
        clean=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    answers(message)


def child_that_floods(message: Message) -> None:
    child("os.setsid()", "while 1: os.write(1,b'x'*60000)")
    answers(message)


def stops_itself(_message: Message) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def stops_its_group(_message: Message) -> None:
    os.killpg(0, signal.SIGSTOP)


def closes(*numbers: int) -> Act:
    def act(_message: Message) -> None:
        for number in numbers:
            os.close(number)
        time.sleep(SECONDS_MAX)

    return act


def trickles(message: Message) -> None:
    for byte in json.dumps(good(message)).encode() * 100:
        write(bytes([byte]))
        time.sleep(0.01)


ANSWER: Final = b'{"jsonrpc":"2.0","id":{id},"result":'
SHOUT: Final = (
    b'{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"' + b"x" * 1000 + b'"}}\n'
)
ASK: Final = b'{"jsonrpc":"2.0","id":"q","method":"ping"}\n'
ORDERS: Final = b"\x1b]0;x\x07\x1b[2J\n::error::x\n##[error]x\n\x9b31m\n"
CALLED: Final[dict[str, Act]] = {
    "endless line": forever(b"x"),
    "endless line of brackets": forever(b"["),
    "endless line of an answer": forever(b"x", before=b'{"jsonrpc":"2.0","id":1,"result":"'),
    "endless line of nulls": forever(b"\0"),
    "endless lines": forever(b"x\n"),
    "endless empty lines": forever(b"\n"),
    "endless carriage returns": forever(b"\r"),
    "endless notifications": forever(SHOUT),
    "endless questions": forever(ASK),
    "endless questions of a long id": forever(b'{"jsonrpc":"2.0","id":"' + b"q" * 50_000 + b'","method":"ping"}\n'),
    "endless answers to others": forever(b'{"jsonrpc":"2.0","id":987654,"result":{}}\n'),
    "endless broken messages": forever(b'{"jsonrpc"\n'),
    "endless logs of json": forever(b'{"level":"info"}\n'),
    "endless noise": forever(bytes(range(256))),
    "endless words on standard error": forever(b"x", to=2),
    "endless lines on standard error": forever(b"x\n", to=2),
    "endless empty lines on standard error": forever(b"\n", to=2),
    "endless orders on standard error": forever(ORDERS, to=2),
    "an answer and endless lines": both(answers, forever(b"x\n")),
    "an answer and an endless line": both(answers, forever(b"x")),
    "an answer of fifteen megabytes": says(ANSWER + b'"' + b"x" * 15_000_000 + b'"}\n'),
    "an answer of seventeen megabytes": says(ANSWER + b'"' + b"x" * 17_000_000 + b'"}\n'),
    "a million lists": says(ANSWER + b'{"x":[' + MANY + b"]}}\n"),
    "a million lists for an error": says(ANSWER + b'{"isError":true,"content":[' + MANY + b"]}}\n"),
    "a million lists for an id": says(b'{"jsonrpc":"2.0","result":{},"id":[' + MANY + b"]}\n"),
    "deep brackets": says(ANSWER + b"[" * 100_000 + b"]" * 100_000 + b"}\n"),
    "deep objects": says(ANSWER + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}\n"),
    "a number of five thousand digits": says(b'{"jsonrpc":"2.0","result":{},"id":' + b"9" * 5_000 + b"}\n"),
    "an error with orders": says(
        b'{"jsonrpc":"2.0","id":{id},"error":{"code":1,"message":"\\u001b[2J\\r\\n::error::"}}\n'
    ),
    "raw orders": says(ORDERS, then=lambda _: sys.exit(7)),
    "last words that are orders": lambda _: (write(ORDERS, 2), sys.exit(7)),
    "an answer without its newline": says(ANSWER + b"{}}"),
    "half an answer and the end": says(ANSWER, then=lambda _: sys.exit(0)),
    "an answer in utf-16": lambda message: write(json.dumps(good(message)).encode("utf-16") + b"\n"),
    "an answer not in utf-8": says(ANSWER + b'"\xff\xfe"}\n'),
    "two answers": both(answers, answers),
    "a batch": says(b"[" + ANSWER + b"{}}]\n"),
    "an answer a byte at a time": trickles,
    "no answer": lambda _: None,
    "another id": says(b'{"jsonrpc":"2.0","id":987654,"result":{}}\n'),
    "the id as text": says(b'{"jsonrpc":"2.0","id":"{id}","result":{}}\n'),
    "asks for input for ever": says(ANSWER + b'{"resultType":"input_required","inputRequests":{"a":{"method":"x"}}}}\n'),
    "exits": lambda _: sys.exit(3),
    "exits as if not started": lambda _: sys.exit(127),
    "is killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "aborts": lambda _: os.abort(),
    "stops itself": stops_itself,
    "stops its group": stops_its_group,
    "kills its group": lambda _: os.killpg(0, signal.SIGKILL),
    "closes its output": closes(1),
    "closes its input": closes(0),
    "closes everything": closes(0, 1, 2),
    "closes everything it may have": lambda _: (os.closerange(0, 1000), time.sleep(SECONDS_MAX)),
    "becomes another program": lambda _: os.execvp("yes", ["yes", WORD]),
    "leaves twenty children": many_children,
    "leaves a child that holds its pipes": child_that_holds_the_pipes,
    "leaves a child that forgets whose it is": child_that_forgets_us,
    "leaves a child that floods": child_that_floods,
}  # fmt: skip
STARTED: Final[dict[str, Act]] = {
    "starts with an endless line": forever(b"x"),
    "starts with endless lines": forever(b"x\n"),
    "starts with endless orders": forever(ORDERS),
    "starts with endless words on standard error": forever(b"x", to=2),
    "starts with endless questions": forever(ASK),
    "starts with noise": says(bytes(range(256)) * 100),
    "starts and exits": lambda _: sys.exit(1),
    "starts and exits well": lambda _: sys.exit(0),
    "starts with orders and exits": lambda _: (write(ORDERS, 2), write(ORDERS), sys.exit(1)),
    "starts and never reads": lambda _: time.sleep(SECONDS_MAX),
    "starts and stops itself": stops_itself,
    "starts and closes everything": closes(0, 1, 2),
    "starts and leaves a child that forgets whose it is": lambda _: (child_that_forgets_us({"id": 1}), sys.exit(0)),
}  # fmt: skip
LEAVING: Final = (
    "ignores every signal",
    "ignores the end of its input",
    "floods when it should leave",
    "forks when it should leave",
)
FINE: Final = frozenset({
    "an answer of fifteen megabytes", "a million lists", "an answer and endless lines", "an answer and an endless line", "two answers",
    "asks for input for ever", "leaves twenty children", "leaves a child that holds its pipes", "leaves a child that forgets whose it is",
    "leaves a child that floods", "endless lines on standard error", *LEAVING,
})  # fmt: skip
NAMES: Final = (*CALLED, *STARTED, *LEAVING)


def command(name: str, word: str) -> list[str]:
    """What starts it."""
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), name, word]


def serve(name: str) -> None:
    """Lines, to the end of the input."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        act = CALLED.get(name, answers) if message["method"] == "tools/call" else answers
        act(message)


def main(name: str) -> None:
    if name == "ignores every signal":
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
    if name in LEAVING:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if name in STARTED:
        STARTED[name]({"id": 1, "method": "initialize"})
    serve(name)
    if name == "floods when it should leave":
        forever(b"x\n")({})
    if name == "forks when it should leave":
        many_children({"id": 1})
    if name in LEAVING:
        time.sleep(SECONDS_MAX)


if __name__ == "__main__":
    main(sys.argv[1])
