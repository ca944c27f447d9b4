"""Theory beside what was reported, for servers whose behaviour is known: `make truth`, `make truth PART=latency`.

One table, printed as it goes. The command ends with 1 when any row is off. It wants a quiet machine with two cores (times are
off on a busy one, and it says so); the whole takes under twenty minutes. `--short` is what CI asserts (tests/truth/test_truth.py).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.truth.experiments import EXPERIMENTS
from tests.truth.rows import HEAD, Form, Row, exactly

BUSY = 0.7
ALONE = ("faults", "leaks", "capacity", "gateway")  # ten minutes and more: run when they are named


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"of {', '.join(EXPERIMENTS)}; all but {', '.join(ALONE)}, when none is given",
    )
    parser.add_argument("--short", action="store_true", help="the form of CI")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(EXPERIMENTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}")
    busy = os.getloadavg()[0]
    rows = off = 0
    print(HEAD)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="harness-truth-", ignore_cleanup_errors=True) as out:
        for part in options.parts or [part for part in EXPERIMENTS if part not in ALONE]:
            began = time.monotonic()
            for row in _rows(part, Form(options.short, Path(out))):
                rows, off = rows + 1, off + (not row.ok)
                print(replace(row, name=f"{part}: {row.name}"), flush=True)  # noqa: T201
            print(f"{part} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)  # noqa: T201
    print(f"{rows - off} of {rows} rows are as theory has them" + (f", {off} are OFF" if off else ""))  # noqa: T201
    if off and busy > BUSY:
        print(f"This machine was busy before it began (load {busy:.1f}): times may be off for that")  # noqa: T201
    return 1 if off else 0


def _rows(part: str, form: Form) -> Iterator[Row]:
    """Those of one experiment; one that breaks down is a row that is off, and the others go on."""
    try:
        yield from EXPERIMENTS[part](form)
    except (AssertionError, LookupError, TypeError, ValueError, OSError, subprocess.SubprocessError) as error:
        yield exactly("to its end", "done", "broke down", "".join(traceback.format_exception(error)))


if __name__ == "__main__":
    sys.exit(main())
