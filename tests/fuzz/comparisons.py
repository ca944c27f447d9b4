"""Two sides of `harness compare`: recorded runs whose files are spoilt as those of `runs` are, patterns and names that are none.

The history that the environment names is not there: its password must not be seen, and nobody waits for it.
"""

import json
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from harness.report.json import summary_json
from harness.report.reading import read
from tests.fuzz import grammar, runs
from tests.fuzz.trial import command, wrong

NAMES: Final = ("20261128T224343Z-f12bc8", "20261128T224344Z-f12bc9", "20261128T224345Z-f12bca")
KNOWN: Final = {
    "FUZZ_TOKEN": grammar.SECRET,
    "HARNESS_HISTORY_URL": f"postgresql://u:{grammar.SECRET}@127.0.0.1:1/history",
}
PATTERNS: Final = ("o/recorded/2026*", "o/*/*", "o/**", "o/recorded/2026*43Z*", "o/recorded/[0-9]*", "o/recorded/?*", "o/recorded/2026*,o/recorded/latest", "*", "/proc/[1-9]*", ",", "baseline", "latest", "./o/recorded/../recorded/2*")  # fmt: skip
GATES: Final = (
    "5%",
    "5%,0.2ms",
    "0.2ms",
    "-5%",
    "1e999%",
    "nan%",
    "9" * 400 + "%",
    "%",
    "",
    ",",
    "5%,5%",
    "0%,0ms",
    "101%",
)


@cache
def _recorded() -> str:
    """The summary of the recorded run."""
    return summary_json(read(runs.RECORDED))


def attempt(random: Random, place: Path) -> tuple[list[str], list[str]]:
    """What was typed, and what came of it that must not."""
    for name in NAMES[: random.choice((2, 2, 3))]:
        run = place / "o" / "recorded" / name
        shutil.copytree(runs.RECORDED, run)
        (run / "summary.json").write_bytes(_summary(random))
    for _ in range(random.choice((0, 0, 1, 1, 3))):
        with suppress(OSError):
            random.choice(runs.CHANGES)(random, place / "o" / "recorded" / random.choice(NAMES))
    argv = ["compare", *(_side(random) for _ in range(random.choice((1, *[2] * 20))))]
    if random.random() < 0.2:
        gate = random.choice(("latency", "throughput", "success"))
        argv.append(f"--gate-{gate}={random.choice(GATES)}")
    argv += grammar.some(random, ("--force", "--all", "--same-conditions"), 3)
    if random.random() < 0.4:
        argv += ["--format", random.choice(("terminal", "json", "html", "junit", "markdown"))]
    if random.random() < 0.2:
        argv += ["--report", random.choice(("there", "o/recorded", "a\x1b[2Jb", "r" * 300, "summary.json/x"))]
    return argv, wrong(command(argv, KNOWN))


def _summary(random: Random) -> bytes:
    kind = random.random()
    if kind < 0.3:
        return _recorded().encode()
    if kind < 0.92:
        fresh = grammar.number if random.random() < 0.7 else grammar.tree
        times = random.choice((1, 1, 2, 6))
        return json.dumps(grammar.mutated(random, json.loads(_recorded()), fresh, times)).encode()
    return grammar.spoilt(random, _recorded().encode())


def _side(random: Random) -> str:
    kind = random.random()
    if kind < 0.6:
        return f"o/recorded/{random.choice(NAMES[:2])}"
    if kind < 0.95:
        return random.choice(PATTERNS)
    return grammar.text(random).replace("\0", "").encode("utf-8", "replace").decode()
