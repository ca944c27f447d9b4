"""The command against servers that mean harm: what may never happen, whatever they do.

make hostile                               every behaviour of tests/fakes/hostile.py, a line for each that did harm
python -m tests.e2e.hostile endless        those whose name has the word
python -m tests.e2e.hostile --all --first 100 --count 50    a line for each of these
python -m tests.e2e.hostile --memory       fifty users and replies without end: the largest memory of each part

Harm is: exit 70, a traceback, a command that does not end, a pass of calls that were not answered, a secret (or anything)
sent to another origin, a process or a file left behind, a load worker or another part of the harness of more than 300 MB;
with --memory also a load that did not begin, because then nothing was measured.
"""

import argparse
import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes import hostile_stdio
from tests.fakes.hostile import BEHAVIOURS, BY_PATH, SESSIONS, Behaviour

SECRET = "Bearer sesame-7f3a91"
WITHIN_S = 300.0  # of a busy machine
PART_MB_MAX = 300
PROTOCOLS = {
    "http": "2025-11-25",
    "listen": "2025-11-25",
    "websocket": "websocket",
    "sse": "sse",
    "stdio": "2025-11-25",
}
PARTS = {
    "harness.load.inside.distributed.local": "worker",
    "harness.load.inside.distributed.master": "master",
    "harness.services.cleanup.janitor": "janitor",
    "-m harness ": "orchestrator",
}
LISTENING = """
name: listening
target: {url: "URL", protocol: "2025-11-25", listen: true, headers: {Authorization: "Bearer ${HOSTILE_TOKEN}"}}
load: [{name: steady, sustain: {users: USERS, for: FOR}}]
workload: [{call: x}]
think: false
timeout: TIMEOUT
workers: 1
"""
LARGEST = [
    "/calls/endless-body", "/calls/endless-chunks-of-a-byte", "/calls/endless-headers", "/calls/endless-event",
    "/calls/endless-lines-of-nothing", "/calls/endless-notifications", "/calls/answer-of-fifteen-megabytes",
    "/calls/a-million-lists-for-an-error", "/calls/floods-after-its-answer", "/ws-endless-frame",
    "/ws-endless-fragments", "/ws-endless-empty-fragments", "/ws-endless-notifications",
    "/ws-endless-questions", "/ws-endless-pings", "/calls/endless-lines", "/calls/endless-chunk-extension", "/calls/endless-trailers",
    "/calls/endless-questions", "/calls/endless-brackets",
    *(f"/sse-then-{name}" for name in (
        "an-endless-event", "an-endless-event-of-brackets", "endless-lines", "endless-lines-of-nothing", "an-endless-line", "endless-comments",
        "an-endless-name-of-an-event", "an-endless-id", "endless-notifications", "endless-questions", "endless-answers-to-others",
        "an-answer-of-fifteen-megabytes", "a-million-lists-for-an-error", "endless-acceptance-of-the-post",
        "endless-headers-of-the-post", "endless-events-for-the-post", "floods-after-its-tools",
    )),
    *(f"/listening-to-{name}" for name in ("an-endless-event", "endless-lines", "endless-notifications", "endless-questions")),
    *(f"/stdio-{name}" for name in (
        "endless-line", "endless-line-of-an-answer", "endless-lines", "endless-empty-lines", "endless-notifications", "endless-questions",
        "endless-questions-of-a-long-id", "endless-words-on-standard-error", "endless-lines-on-standard-error",
        "an-answer-of-fifteen-megabytes", "a-million-lists-for-an-error", "an-answer-and-endless-lines", "becomes-another-program",
    )),
]  # fmt: skip


@dataclass
class Seen:
    """What a command did, and what it left."""

    exit_code: int | None = None
    peak_mb: dict[str, float] = field(default_factory=dict)  # of each part of the harness
    started: int = 0  # calls
    text: str = ""
    reasons: list[str] = field(default_factory=list)
    harm: list[str] = field(default_factory=list)


@contextlib.contextmanager
def servers() -> Iterator[tuple[str, list[bytes]]]:
    """The hostile one, and what another origin was told."""
    told: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(1)
            told.append(b"a connection")
            with contextlib.suppress(OSError):
                told.append(sock.recv(10_000))
            sock.close()

    threading.Thread(target=accept, daemon=True).start()
    elsewhere = f"http://127.0.0.1:{listener.getsockname()[1]}"
    command = [sys.executable, "-m", "tests.fakes.hostile", elsewhere]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        yield server.stdout.readline().strip(), told
        server.terminate()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def attack(url: str, behaviour: Behaviour, users: int, for_s: float, timeout_s: float) -> Seen:
    """One command, and all that can be seen of it from outside."""
    seen = Seen()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True, prefix="hostile-") as place:
        (Path(place) / "tmp").mkdir()
        command = _command(url, behaviour, Path(place), users, for_s, timeout_s)
        environment = os.environ | {
            "TMPDIR": f"{place}/tmp", "HARNESS_OUT": f"{place}/out", "HARNESS_HISTORY": "off", "HOSTILE_TOKEN": SECRET.split()[1],
        }  # fmt: skip
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, errors="replace"
        )  # fmt: skip
        looking = threading.Thread(target=_watch, args=(process, place, seen))
        looking.start()
        try:
            seen.text, _ = process.communicate(timeout=WITHIN_S)
            seen.exit_code = process.returncode
        except subprocess.TimeoutExpired:
            seen.harm.append(f"did not end in {WITHIN_S:g} s")
            process.send_signal(signal.SIGKILL)
            process.communicate()
        looking.join()
        for path in Path(place).glob("out/*/2*/summary.json"):
            summary = json.loads(path.read_bytes())
            seen.reasons += summary["reasons"]
            seen.started += summary["generator"]["started"]
        _judge(seen, behaviour, place)
    return seen


def _command(
    url: str, behaviour: Behaviour, place: Path, users: int, for_s: float, timeout_s: float
) -> list[str]:
    """The command line of a run of that kind."""
    if behaviour.kind == "listen":
        text = LISTENING.replace("URL", url).replace("USERS", f"{users}").replace("FOR", f"{for_s:g}s")
        (place / "listening.yaml").write_text(text.replace("TIMEOUT", f"{timeout_s:g}s"), encoding="utf-8")
        return [sys.executable, "-m", "harness", "run", f"{place}/listening.yaml", "--out", f"{place}/out"]
    target = ["--url", url, "--header", f"Authorization: {SECRET}"]
    if behaviour.kind == "stdio":
        target = [
            "--command",
            shlex.join(hostile_stdio.command(behaviour.name.removeprefix("stdio "), str(place))),
        ]
    return [
        sys.executable, "-m", "harness", "sustain", *target, "--protocol", PROTOCOLS[behaviour.kind],
        "--call", "x", "--users", str(users), "--for", f"{for_s:g}s", "--timeout", f"{timeout_s:g}s", "--no-think",
        "--workers", "1", "--out", f"{place}/out",
    ]  # fmt: skip


def _judge(seen: Seen, behaviour: Behaviour, place: str) -> None:
    written = seen.text + "".join(
        path.read_text(errors="replace") for path in Path(place).rglob("*.log") if path.is_file()
    )
    if seen.exit_code not in {0, 1, 2, 3, 4, None}:
        seen.harm.append(f"exit {seen.exit_code}")
    if seen.exit_code == 0 and not behaviour.fine:
        seen.harm.append("passed")
    if "Traceback" in written:
        seen.harm.append("traceback")
    if "\x1b" in seen.text or "\n::error::" in seen.text:
        seen.harm.append("escapes on the terminal")
    if SECRET.split()[1] in written:
        seen.harm.append("secret written")
    seen.harm += [f"{part} of {mb:.0f} MB" for part, mb in seen.peak_mb.items() if mb > PART_MB_MAX]
    deadline = time.monotonic() + 60
    while (left := list(_of(place))) and time.monotonic() < deadline:
        time.sleep(0.1)
    seen.harm += [f"left {words[:80]}" for _, words in left]
    seen.harm += [f"left {path.name}" for path in (Path(place) / "tmp").iterdir()]


def _watch(process: "subprocess.Popen[str]", place: str, seen: Seen) -> None:
    """The largest that each part of it has been."""
    while process.poll() is None:
        for status, words in _of(place):
            part = next((name for module, name in PARTS.items() if module in words), None)
            if part is not None:
                peak_kb = status.partition("VmHWM:")[2].split(maxsplit=1)[0:1] or ["0"]
                seen.peak_mb[part] = max(seen.peak_mb.get(part, 0.0), int(peak_kb[0]) / 1000)
        time.sleep(0.2)


def _of(place: str) -> Iterator[tuple[str, str]]:
    """Status and words of every process of the command: they all know its directory, by a variable or a word."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                known = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
                if place.encode() in known:
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    status = (folder / "status").read_text()
                    if "State:\tZ" not in status:
                        yield status, words


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("words", nargs="*", help="only what has one of these in its path")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument(
        "--all", action="store_true", help="a line for each command, not only for those with harm"
    )
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    chosen = LARGEST if asked.memory else [one.path for one in BEHAVIOURS]
    if not asked.memory:
        chosen += [
            f"/calls{one.path}"
            for one in BEHAVIOURS
            if one.kind == "http" and not one.fine and one not in SESSIONS
        ]
    chosen = [path for path in chosen if not asked.words or any(word in path for word in asked.words)]
    chosen = chosen[asked.first :][: asked.count]
    load = (50, 6.0, 4.0) if asked.memory else (3, 1.0, 1.0)
    harmed = 0
    with servers() as (url, told), ThreadPoolExecutor(1 if asked.memory else asked.jobs) as pool:

        def one(path: str) -> tuple[str, Seen]:
            return path, attack(url + path, BY_PATH[path.removeprefix("/calls")], *load)

        for path, seen in pool.map(one, chosen):
            if asked.memory and not seen.started:
                seen.harm.append("no load, nothing was measured")
            harmed += bool(seen.harm)
            peaks = ", ".join(f"{part} {mb:.0f} MB" for part, mb in sorted(seen.peak_mb.items()))
            line = f"{path}: exit {seen.exit_code}, {seen.started:,} calls, {peaks}; {'; '.join(seen.harm) or 'well'}"
            if asked.memory or asked.all or seen.harm:
                print(line, flush=True)  # noqa: T201
            if any(word.startswith(("exit", "traceback")) for word in seen.harm):
                print(seen.text[-2000:], flush=True)  # noqa: T201
        harmed += bool(told)
        print(f"{len(chosen)} commands, {harmed} with harm; another origin was told {told or 'nothing'}")  # noqa: T201
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
