"""`python -m tests.covering --min 98 PYTEST-ARGUMENTS`: which lines of harness/ the tests run, in whatever process.

Before Python 3.12, coverage is a function that is called for every line of the harness and every call in any library:
these tests then take two and a half times as long. Here every statement notes that it ran (`start/`), and coverage
says the rest: what counts as a statement, and what is missing.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from coverage import Coverage, CoverageData

ROOT = Path(__file__).parents[2]
START = Path(__file__).parent / "start"
MIN_WITH_SKIPS = 90
SKIPPED = "skipped"  # tests/conftest.py writes it


def main() -> int:
    """The tests' own exit code, or 1 when too few lines ran."""
    parser = argparse.ArgumentParser(prog="python -m tests.covering", allow_abbrev=False)
    parser.add_argument("--min", type=float, default=0, help="percent of the lines, else exit code 1")
    known, arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="harness-covering-") as name:
        place = Path(name)
        prepare(place)
        code = run([sys.executable, "-m", "pytest", *arguments], {**os.environ, **covered(place)})
        wanted, why = least(known.min, skipped=(place / SKIPPED).exists())
        percent = report(place)
    enough = percent >= wanted
    told = f"{percent:.2f} % of the lines ran; {wanted:g} % must{why}"
    sys.stdout.write(told + (".\n" if enough else ": too few.\n"))
    return code or int(not enough)


def least(wanted: float, *, skipped: bool) -> tuple[float, str]:
    """What a machine cannot run it cannot cover: less is asked for where tests had to be skipped, and it is said."""
    if skipped and wanted > MIN_WITH_SKIPS:
        return MIN_WITH_SKIPS, ", since tests were skipped"
    return wanted, ""


def covered(place: Path) -> dict[str, str]:
    """The environment in which every Python process notes its lines."""
    path = os.pathsep.join([str(START), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"COVERING": str(place), "PYTHONPATH": path}


def run(argv: list[str], environment: dict[str, str]) -> int:
    """Ctrl-C reaches both of us, and the tests say what came of it."""
    with subprocess.Popen(argv, env=environment) as process:
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return process.wait()


def sources() -> list[Path]:
    """All but what runs with -I -S between fork and a child's own program, where Python imports nothing of ours."""
    launch = (
        ROOT / "harness" / "services" / "processes" / "launch.py"
    )  # tests/integration/test_services_process.py watches it
    return [path for path in sorted((ROOT / "harness").rglob("*.py")) if path != launch]


def prepare(place: Path) -> None:
    """No line ran yet."""
    offsets, size = {}, 1
    for path in sources():
        offsets[str(path)] = size
        size += path.read_bytes().count(b"\n") + 2
    (place / "ran").write_bytes(bytes(size))
    (place / "offsets.json").write_text(json.dumps(offsets))


def lines(place: Path) -> Iterator[tuple[str, set[int]]]:
    """Of each module, the lines that ran."""
    offsets = json.loads((place / "offsets.json").read_bytes())
    ran = (place / "ran").read_bytes()
    ends = [*offsets.values(), len(ran)][1:]
    for (path, first), end in zip(offsets.items(), ends, strict=True):
        yield path, {line for line in range(1, end - first) if ran[first + line]}


def report(place: Path) -> float:
    """Percent of the lines that ran, after the table of what did not."""
    data = CoverageData(basename=str(place / "coverage"))
    data.add_lines(dict(lines(place)))
    data.touch_files(str(path) for path in sources())
    data.write()
    measured = Coverage(data_file=str(place / "coverage"), config_file=str(ROOT / "pyproject.toml"))
    measured.load()
    return measured.report()


if __name__ == "__main__":
    sys.exit(main())
