"""`make fuzz SECONDS=60 SEED=0 PART=wire`: hostile inputs, for as long as it is told; exit 1 when one of them gets through.

An input is known by its part, the seed and its number, and made from nothing else:

    python -m tests.fuzz --part flags --seed 7 --only 1234

What is found is written to DIR (.fuzz by default): the files of the input, what was wrong, and the line that replays it.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from tests.fuzz import (
    comparisons,
    experiments,
    flags,
    folders,
    history,
    native,
    runs,
    scenarios,
    verifying,
    wire,
)

Attempt = Callable[[Random, Path], tuple[list[str], list[str]]]
PARTS: Final[dict[str, Attempt]] = {
    "scenarios": scenarios.attempt,
    "experiments": experiments.attempt,
    "flags": flags.attempt,
    "runs": runs.attempt,
    "comparisons": comparisons.attempt,
    "verifying": verifying.attempt,
    "folders": folders.attempt,
    "history": history.attempt,
    "wire": wire.attempt,
    "native": native.attempt,
}
WITHOUT_FILES: Final = frozenset({"native", "wire"})
TURN_S: Final = 2.0  # how long a part goes on before the next has its turn
FOUND_MOST: Final = 25
ECHO_MOST: Final = 300


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--first", type=int, default=0, help="the number to begin with")
    parser.add_argument("--only", type=int, help="this one alone")
    parser.add_argument("--out", type=Path, default=Path(".fuzz"))
    asked = parser.parse_args()
    names = list(PARTS) if asked.part == "all" else [asked.part]
    if asked.only is not None:
        wrong = one(names[0], asked.seed, asked.only, asked.out.absolute(), keep=True)
        _say("\n".join(wrong) or "nothing is wrong with it")
        return int(bool(wrong))
    out, seconds, sound = asked.out.absolute(), asked.seconds, None
    if "native" in names and native.SANITIZED not in os.environ:
        sound = native.sanitized(seconds / len(names), asked.seed, asked.first, out)
        if sound is not None:  # that was its turn
            seconds -= seconds / len(names)
            names.remove("native")
    found = search(names, asked.seed, asked.first, seconds, out) if names else 0
    return int(bool(found) or sound is False)


def search(names: list[str], seed: int, first: int, seconds: float, out: Path) -> int:
    """Part after part, in turns, until the time is over."""
    ends_s = time.monotonic() + seconds
    done, found = dict.fromkeys(names, 0), 0
    while time.monotonic() < ends_s and found < FOUND_MOST:
        for name in names:
            turn_ends_s = min(ends_s, time.monotonic() + TURN_S)
            while time.monotonic() < turn_ends_s and found < FOUND_MOST:
                found += bool(one(name, seed, first + done[name], out))
                done[name] += 1
    for name, count in done.items():
        _say(f"{name}: {count:,} inputs, seed {seed}, numbers {first:,} to {first + count - 1:,}")
    _say(
        f"{sum(done.values()):,} inputs; {f'{found} got through, see {out}' if found else 'none got through'}"
    )
    return int(bool(found))


def one(name: str, seed: int, number: int, out: Path, *, keep: bool = False) -> list[str]:
    """One input, in a directory of its own; what was wrong."""
    random = Random(f"{name}/{seed}/{number}")
    home = Path.cwd()
    if name in WITHOUT_FILES:
        typed, wrong = PARTS[name](random, home)
        if wrong or keep:
            _write_down(name, seed, number, typed, wrong, None, out)
        return wrong
    with tempfile.TemporaryDirectory(prefix="harness-fuzz-", ignore_cleanup_errors=True) as directory:
        place = Path(directory)
        os.chdir(place)
        try:
            typed, wrong = PARTS[name](random, place)
        finally:
            os.chdir(home)
        if wrong or keep:
            _write_down(name, seed, number, typed, wrong, place, out)
    return wrong


def _write_down(
    name: str, seed: int, number: int, typed: list[str], wrong: list[str], place: Path | None, out: Path
) -> None:
    kept = out / f"{name}-{seed}-{number}"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    if place is not None:
        with contextlib.suppress(OSError, shutil.Error):  # what a link leads to may be nowhere
            shutil.copytree(place, kept / "files", symlinks=True)
    replay = f"{sys.executable} -m tests.fuzz --part {name} --seed {seed} --only {number}"
    (kept / "found.txt").write_text(
        ascii("\n".join([*wrong, f"typed: {typed}", replay])).replace("\\n", "\n") + "\n", encoding="utf-8"
    )
    for text in wrong:
        _say(f"{name} {number}: {ascii(text)[:ECHO_MOST]}\n  {ascii(typed)[:ECHO_MOST]}\n  {replay}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
