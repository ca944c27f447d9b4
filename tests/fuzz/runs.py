"""Run directories: a real one, with its files spoilt, for `harness report` and `harness runs`.

The run is that of tests/fakes/recorded. Its papers are changed as trees, its lines as lines, its rows as bytes; what was left in its
spool, its checksums and what stands where a file should be, too.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, Final

from harness.cli.report import FORMATS
from harness.report import charts, writing
from tests.fuzz import grammar, scenarios
from tests.fuzz.trial import command, wrong

RECORDED: Final = scenarios.ROOT / "tests" / "fakes" / "recorded"
NAME: Final = "20261128T224343Z-f12bc8"
KNOWN: Final = {"FUZZ_TOKEN": grammar.SECRET}
PAPERS: Final = ("plan.json", "metadata.json")
LINES: Final = ("events.jsonl", "work.jsonl", "undo.jsonl")
FILES: Final = (*PAPERS, *LINES, "scenario.yaml", "samples.parquet", "checksums.json", "summary.json")


def attempt(random: Random, place: Path) -> tuple[list[str], list[str]]:
    """What was typed, and what came of it that must not."""
    run = place / "o" / "recorded" / NAME
    shutil.copytree(RECORDED, run)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        with suppress(OSError):  # where something that is no file stands by now
            random.choice(CHANGES)(random, run)
    if random.random() < 0.15:
        return (argv := ["runs", "--out", "o", *random.choice(([], ["--json"]))]), wrong(command(argv, KNOWN))
    argv = [
        "report",
        random.choice((str(run.relative_to(place)), f"o/recorded/{NAME}/events.jsonl", "o/recorded/latest")),
    ]
    if random.random() < 0.4:
        argv += ["--format", random.choice(FORMATS)]
    if random.random() < 0.3:
        argv += ["--out", "elsewhere"]
    with _charts(random):
        return argv, wrong(command(argv, KNOWN))


@contextmanager
def _charts(random: Random) -> Iterator[None]:
    """One chart or two of them all, mostly: to draw takes longer than everything else together."""
    drawn, drawing = (
        random.sample(list(charts.CHARTS), 2) if random.random() < 0.95 else [*charts.CHARTS],
        writing.renditions,
    )
    writing.renditions = lambda name, reading: drawing(name, reading) if name in drawn else []
    try:
        yield
    finally:
        writing.renditions = drawing


def _paper(random: Random, run: Path) -> None:
    path = run / random.choice(PAPERS)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        value = {}
    path.write_text(json.dumps(grammar.mutated(random, value)), encoding="utf-8")


def _summary(random: Random, run: Path) -> None:
    """What an earlier report left, for `harness runs`."""
    steps = [{"users": 3, "rate": None}, {"users": None, "rate": 5.0}]
    value = {"verdict": "pass", "command": "run", "objectives": [], "steps": steps, "matrix": None}
    value |= {"totals": {"throughput_rps": 5.0}, "latency_ms": {"response": {"p95": 3.0}}}
    (run / "summary.json").write_text(json.dumps(grammar.mutated(random, value)), encoding="utf-8")


def _scenario(random: Random, run: Path) -> None:
    (run / "scenario.yaml").write_bytes(scenarios._content(random))


def _line(random: Random, run: Path) -> None:
    """Other lines: changed as a tree, spoilt as bytes, gone, twice, or in another place."""
    path = run / random.choice(LINES)
    lines = path.read_bytes().splitlines() if path.is_file() else []
    if not lines:
        fresh = [{"id": 1, "what": "process", "pid": 1}, {"owner": 1, "boot": "x"}, {"done": 1}, {"id": "x"}]
        lines = [json.dumps(grammar.mutated(random, one)).encode() for one in fresh]
    for _ in range(random.choice((1, 1, 3, 30))):
        if not lines:
            break
        at = random.randrange(len(lines))
        match random.randrange(6):
            case 0:
                del lines[at]
            case 1:
                lines[at] = grammar.spoilt(random, lines[at])
            case 2:
                lines.insert(random.randrange(len(lines)), lines[at])
            case 3:
                lines[at] = json.dumps(grammar.tree(random)).encode()
            case _:
                lines[at] = _other_line(random, lines[at])
    path.write_bytes(b"\n".join(lines) + (b"\n" if random.random() < 0.8 else b""))


def _other_line(random: Random, line: bytes) -> bytes:
    try:
        value = json.loads(line)
    except ValueError:
        return line
    fresh: Callable[[Random], Any] = grammar.number if random.random() < 0.6 else grammar.tree
    return json.dumps(grammar.mutated(random, value, fresh, 1)).encode()


def _bytes(random: Random, run: Path) -> None:
    path = run / random.choice(FILES)
    if path.is_file():
        path.write_bytes(grammar.spoilt(random, path.read_bytes()))


def _text(random: Random, run: Path) -> None:
    """Another text altogether."""
    text = grammar.one_of(
        random, grammar.deep, grammar.text, grammar.long_text, lambda one: json.dumps(grammar.tree(one))
    )
    (run / random.choice(FILES)).write_bytes(text.encode("utf-8", "surrogatepass"))


def _thing(random: Random, run: Path) -> None:
    """Something that is no file, or nothing."""
    path = run / random.choice((*FILES, "spool", "charts", "report.html"))
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    match random.randrange(4):
        case 0:
            path.mkdir()
        case 1:
            path.symlink_to(path.name)
        case 2:
            path.symlink_to("nowhere")


def _spool(random: Random, run: Path) -> None:
    """Of a run that was cut off."""
    (run / "samples.parquet").unlink(missing_ok=True)
    spool = run / "spool"
    if not spool.exists():
        spool.mkdir()
    if spool.is_dir():
        data = random.randbytes(random.choice((0, 1, 8, 100, 5_000)))
        (spool / random.choice(("worker-0.spool", "worker-x.spool", "worker-0.started"))).write_bytes(data)


def _checksums(random: Random, run: Path) -> None:
    value = {"schema": 1, "sha256": {"samples.parquet": "9f86", "events.jsonl": "x", "gone.json": "y"}}
    (run / "checksums.json").write_text(json.dumps(grammar.mutated(random, value)), encoding="utf-8")


def _words(random: Random, run: Path) -> None:
    """Foreign words where a server's or a user's words stand; one of them would clear a screen."""
    path = run / "metadata.json"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        value["target"]["server"] = {"name": grammar.text(random), "version": grammar.text(random)}
        value["target"]["url"] = grammar.text(random)
        value["scenario"] = grammar.text(random)
    except (OSError, ValueError, LookupError, TypeError):
        return
    path.write_text(json.dumps(value), encoding="utf-8")


def _latest(random: Random, run: Path) -> None:
    link = run.parent / "latest"
    if not link.is_symlink():
        link.symlink_to(random.choice((NAME, "latest", "nowhere", "..", ".")))


CHANGES: Final[tuple[Callable[[Random, Path], None], ...]] = (
    _paper, _paper, _paper, _line, _line, _line, _bytes, _bytes, _text, _thing, _spool, _checksums, _scenario, _summary, _words, _latest,
)  # fmt: skip
