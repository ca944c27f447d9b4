"""A small MCP server over standard input and output that behaves as its first argument says: `python stdio_server.py exit`.

It needs the standard library only, so that it starts at once. What each behaviour does is in `BEHAVIOURS`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOOLS = [
    {
        "name": "echo",
        "description": "Say it again",
        "inputSchema": {
            "type": "object",
            "properties": {"message": {"type": "string"}},
            "required": ["message"],
        },
        "annotations": {"readOnlyHint": True},
    },
    {"name": "pid", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}},
]
Message = dict[str, Any]


def command(behaviour: str = "serve", *more: str) -> list[str]:
    """The command that starts it."""
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), behaviour, *more]


def say(message: Any, end: str = "\n") -> None:
    sys.stdout.write((message if isinstance(message, str) else json.dumps(message)) + end)
    sys.stdout.flush()


def result(message: Message) -> Message:
    """The reply of a healthy server."""
    method, params = message["method"], message.get("params") or {}
    found: Message = {}
    if method == "initialize":
        found = {
            "protocolVersion": params.get("protocolVersion"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "small", "version": "1"},
        }
    elif method == "tools/list":
        found = {"tools": TOOLS}
    elif method == "tools/call":
        text = str(os.getpid()) if params["name"] == "pid" else params.get("arguments", {}).get("message", "")
        found = {"content": [{"type": "text", "text": text}]}
    elif method != "ping":
        error = {"code": -32601, "message": f"Method not found: {method}"}
        return {"jsonrpc": "2.0", "id": message["id"], "error": error}
    return {"jsonrpc": "2.0", "id": message["id"], "result": found}


def ask_first(message: Message) -> None:
    """Answer when the client has answered a question of the server's own."""
    say({"jsonrpc": "2.0", "id": "q1", "method": "ping"})
    answered = json.loads(sys.stdin.readline())
    assert answered == {"jsonrpc": "2.0", "id": "q1", "result": {}}, answered
    say(result(message))


def make_noise(message: Message) -> None:
    """Write what is no message, then answer."""
    say("Server is running on stdio\n\n[INFO] a call\n" + json.dumps({"level": "info", "msg": "a call"}))
    say({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "a call"}})
    say(result(message))


def flood(message: Message) -> None:
    """Write four megabytes to the error output, then answer."""
    for _ in range(64):
        os.write(2, b"x" * 65_535 + b"\n")
    say(result(message))


def split(message: Message) -> None:
    """Answer in two pieces, and together with the beginning of the next line."""
    text = json.dumps(result(message))
    say(text[:20], "")
    time.sleep(0.01)
    say(text[20:], "\r\n")


def leave_children(message: Message) -> None:
    """Start a process that leaves the session, forgets its environment and outlives its parent, then answer."""
    code = "import os,sys;os.setsid();os.fork() and os._exit(0);os.execvpe('sleep',['sleep',sys.argv[1]],{})"
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, sys.argv[2]],
        check=True,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    say(result(message))


def stay(_message: Message) -> None:
    """Do not leave when asked to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(1000)


def end_output(_message: Message) -> None:
    """Close the output and live on."""
    os.close(1)
    time.sleep(1000)


def shout(_message: Message) -> None:
    """Write notifications for ever."""
    while True:
        say({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x" * 1000}})


def late() -> Callable[[Message], None]:
    """Answer a call only when the next one has come."""
    waiting: list[Message] = []

    def answer(message: Message) -> None:
        for one in waiting:
            say(result(one))
        waiting.clear()
        if message["params"].get("name") == "pid":
            say(result(message))
        else:
            waiting.append(message)

    return answer


BEHAVIOURS: dict[str, Callable[[Message], None]] = {
    "serve": lambda message: say(result(message)),
    "exit": lambda _: sys.exit(3),
    "crash": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "half": lambda message: (say(json.dumps(result(message))[:20], ""), sys.exit(0)),  # type: ignore[func-returns-value]
    "broken": lambda _: say('{"jsonrpc": "2.0", "id"'),
    "no-result": lambda message: say({"jsonrpc": "2.0", "id": message["id"]}),
    "other-id": lambda _: say({"jsonrpc": "2.0", "id": 999, "result": {}}),
    "text-id": lambda message: say({"jsonrpc": "2.0", "id": str(message["id"]), "result": {}}),
    "error": lambda message: say(
        {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32602, "message": "bad"}}
    ),
    "tool-error": lambda message: say(
        {
            "jsonrpc": "2.0",
            "id": message["id"],
            "result": {"isError": True, "content": [{"type": "text", "text": "no"}]},
        }
    ),
    "endless": lambda _: say("y" * 17_000_000, ""),
    "silent": lambda _: None,
    "late": late(),
    "asks": ask_first,
    "noise": make_noise,
    "flood": flood,
    "split": split,
    "children": leave_children,
    "stays": stay,
    "no-output": end_output,
    "shouts": shout,
}


def main(behaviour: str) -> None:
    if behaviour == "deaf":  # it never reads
        time.sleep(1000)
    if behaviour == "slow-start":
        time.sleep(float(sys.argv[2]))
    if behaviour == "clings":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if behaviour == "says-error":
        sys.stderr.write("It starts with s3cr3t-value-1\n")
        sys.stderr.flush()
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        if message["method"] == "tools/call":
            BEHAVIOURS.get(behaviour, BEHAVIOURS["serve"])(message)
        else:
            say(result(message))
    if behaviour == "clings":  # it does not leave when its input ends
        time.sleep(1000)


if __name__ == "__main__":
    main(sys.argv[1])
