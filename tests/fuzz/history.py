"""A real history, and what may be brought into it: spoilt run directories, spoilt files of `export`; words that name runs, tags, scenarios.

One PostgreSQL for all inputs, emptied before each; its password is the secret. It ends with this process.
"""

import asyncio
import atexit
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import asyncpg
import msgspec

from harness.foundation.secrets import hiding
from harness.history.opening import SCHEMA, migrate
from harness.history.recording import record
from harness.report.json import summary_json
from harness.report.reading import read
from harness.services.backends import postgres
from harness.services.cleanup.janitor_process import watching
from tests.fuzz import grammar, runs, scenarios
from tests.fuzz.grammar import SECRET
from tests.fuzz.trial import command, wrong

RUN: Final = "20261128T224343Z-f12bc8"
NAMES: Final = ("latest", "2026112", RUN, f"o/recorded/{RUN}", "'; DROP TABLE runs; --", "%", "_%", "$1", "' OR true --", "runs", "good-night", "baseline", "main", "\\", "a" * 101, "a" * 100, "x\x1b[2J", "::error::x", "é", "\udcff", "../" * 60)  # fmt: skip
# Values that are well for JSON and for nobody who reads times or counts.
TIMES: Final = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-28", "2026-11-28T22:43:43", "2026-W48-6", "x", "", "20261128T224343Z", "2026-11-28T22:43:43.999999999+00:00")  # fmt: skip


@cache
def url() -> str:
    """The address of the server, which is started when it is first asked for, as a process that ends with this one."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.history"],
        cwd=scenarios.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert serving.stdin
    assert serving.stdout
    atexit.register(serving.wait)
    atexit.register(serving.stdin.close)
    return serving.stdout.readline().strip()


async def serve() -> None:
    """A server with an empty history, until the input ends."""
    with tempfile.TemporaryDirectory(prefix="harness-fuzz-history-") as place:
        async with watching(Path(place) / "undo.jsonl"), postgres.embedded(Path(place)) as address:
            connection = await asyncpg.connect(address, server_settings={"search_path": SCHEMA})
            await connection.execute(f"ALTER ROLE {postgres.ROLE} PASSWORD '{SECRET}'")
            await migrate(connection)
            await connection.close()
            before, _, after = address.partition("@")
            sys.stdout.write(f"{before.rpartition(':')[0]}:{SECRET}@{after}\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.read)


def attempt(random: Random, place: Path) -> tuple[list[str], list[str]]:
    """What was typed, one command after the other, and what came of it that must not."""
    known = {
        "FUZZ_TOKEN": SECRET,
        "HARNESS_HISTORY_URL": url(),
        "HARNESS_HISTORY_DIR": str(place / "history"),
    }
    asyncio.run(_empty(known["HARNESS_HISTORY_URL"]))
    lines = [_brought(random, place)]
    lines += [_asked(random) for _ in range(random.choice((1, 2, 3)))]
    found = []
    for argv in lines:
        found += [f"{argv[:3]}: {text}" for text in wrong(command(argv, known))]
    return [word for argv in lines for word in (*argv, ";")], found


async def _empty(address: str) -> None:
    connection = await asyncpg.connect(address)
    await connection.execute(f"TRUNCATE {SCHEMA}.series, {SCHEMA}.runs CASCADE")
    await connection.close()


@cache
def _summary() -> str:
    return summary_json(read(runs.RECORDED))


@cache
def _record() -> Any:
    """The recorded run as a line of `export`."""
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / RUN
        shutil.copytree(runs.RECORDED, run)
        (run / "summary.json").write_text(_summary(), encoding="utf-8")
        found = json.loads(msgspec.json.encode(record(run)))
    hiding.forget()
    return found


def _brought(random: Random, place: Path) -> list[str]:
    if random.random() < 0.6:
        return ["history", "import", _file(random, place)]
    run = place / "o" / "recorded" / RUN
    shutil.copytree(runs.RECORDED, run)
    fresh = grammar.number if random.random() < 0.6 else grammar.tree
    (run / "summary.json").write_text(
        json.dumps(grammar.mutated(random, json.loads(_summary()), fresh, random.choice((0, 1, 1, 3)))),
        encoding="utf-8",
    )
    for _ in range(random.choice((0, 1, 1, 3))):
        with suppress(OSError):
            random.choice(runs.CHANGES)(random, run)
    return random.choice(
        (
            ["history", "import", "o"],
            ["history", "push", f"o/recorded/{RUN}"],
            ["history", "push", "o/recorded/latest", "o"],
        )
    )


def _file(random: Random, place: Path) -> str:
    """A file of `export`: records whose values are others, or spoilt as text."""
    lines = []
    for number in range(random.choice((1, 1, 2, 4))):
        value = json.loads(json.dumps(_record()))
        value["run_id"] = f"2026112{number}T224343Z-f12bc8" if random.random() < 0.9 else grammar.text(random)
        if random.random() < 0.2:
            value["started_at"] = random.choice(TIMES)
        if random.random() < 0.3:
            value["tags"] = [grammar.text(random) for _ in range(random.choice((1, 2, 200)))]
        if random.random() < 0.3:
            value["series"]["scenario"] = grammar.text(random)
        fresh = random.choice((grammar.number, grammar.number, grammar.scalar, grammar.tree))
        data = json.dumps(grammar.mutated(random, value, fresh, random.choice((0, 1, 1, 2, 5)))).encode()
        lines.append(grammar.spoilt(random, data) if random.random() < 0.1 else data)
    (place / "runs.jsonl").write_bytes(random.choice((b"\n", b"\r\n", b"\n\n", b"")).join(lines))
    return "runs.jsonl"


def _asked(random: Random) -> list[str]:
    """A command about what may be there now."""
    one, other = _name(random), _name(random)
    return random.choice((
        ["history", "list", *random.choice(([], ["--json"], [f"--tag={one}"], [f"--branch={one}"], [f"--scenario={one}", "--most=1"]))],
        ["history", "list"],
        ["history", "show", *random.choice(([], ["--json"])), "--", random.choice((RUN[:7], RUN, one))],
        ["history", "tag", *random.choice(([], ["--remove"])), "--", RUN[:7], one],
        ["history", "exclude", f"--why={one}", "--", RUN[:7]],
        ["history", "exclude", "--undo", "--", one],
        ["history", "export", *random.choice(([], ["--out", "there.jsonl"], ["--out", "o/recorded"], [f"--scenario={one}"]))],
        ["history", "prune", "--keep", "1", *random.choice(([], ["--dry-run"]))],
        ["history", "prune", f"--older-than={random.choice(('1s', '366d', '9' * 30 + 'h', grammar.text(random)))}".replace("\0", "")],
        ["baseline", "set", "--", RUN[:7], *([one] if random.random() < 0.3 else [])],
        ["baseline", "show", *random.choice(([], ["--json"]))],
        ["baseline", "clear", "--", random.choice((RUN[:7], one))],
        ["trend", *random.choice(([], ["--json"], ["--report", "t.html"], ["--report", "o"], [f"--branch={one}"], ["--", one]))],
        ["trend", "--false-positive", random.choice((RUN[:7], one)), random.choice(("steady: p95", "x", ":", other)), f"--why={one}"],
        ["compare", "--force", *random.choice(([], ["--all"], ["--json"], ["--format", "html"], ["--report", "there"])), "--", random.choice((RUN[:9], one)), random.choice((RUN[:9], "20261121T", other))],
    ))  # fmt: skip


def _name(random: Random) -> str:
    text = random.choice(NAMES) if random.random() < 0.6 else grammar.text(random)
    return "".join("\udcff" if "\ud800" <= char <= "\udfff" else char for char in text if char != "\0")


if __name__ == "__main__":
    asyncio.run(serve())
