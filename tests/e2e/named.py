"""Runs of a target that is broken on purpose: how often does the matrix name it?

make named              ten runs of ack-before-commit, a line each: killed while its database is slow
python -m tests.e2e.named 10 --break ack-before-commit --only kill-with-slow-database
"""

import argparse
import json
import subprocess
import sys
import tempfile
from typing import Any

TIMES = ("--before", "7s", "--for", "2s", "--after", "5s")
WITHIN_S = 180


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=int, nargs="?", default=10)
    parser.add_argument("--break", dest="broken", default="ack-before-commit")
    parser.add_argument("--only", default="kill-with-slow-database")
    asked = parser.parse_args()
    named = 0
    for number in range(1, asked.runs + 1):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
            said = _matrix(asked.only, asked.broken, place)
        names = [one["name"] for one in said["matrix"]["weaknesses"]] if said else []
        named += asked.broken in names
        missing = said["work"]["missing"] if said and said["work"] else "?"
        print(f"run {number:>2}: {', '.join(names) or 'no name'} ({missing} entries missing)", flush=True)  # noqa: T201
    print(f"{asked.broken} was named in {named} of {asked.runs} runs")  # noqa: T201
    return 0 if named * 10 >= asked.runs * 9 else 1


def _matrix(only: str, broken: str, place: str) -> dict[str, Any] | None:
    """The summary of a run, if there was one."""
    argv = ["chaos", "--matrix", *TIMES, "--only", only, "--out", place, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *argv, "--no-history", "--target-options", f"--break {broken}"],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        sys.stderr.write(done.stderr)
        return None
    return found


if __name__ == "__main__":
    sys.exit(main())
