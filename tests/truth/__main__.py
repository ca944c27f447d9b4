"""Theory beside what was reported, for servers whose behaviour is known: `make truth`, `make truth PART=latency`.

One table, printed as it goes. The command ends with 1 when any row is off. It wants a quiet machine with two cores; the
whole takes about twelve minutes. `--short` is what CI asserts (tests/truth/test_truth.py).
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.truth.experiments import EXPERIMENTS
from tests.truth.rows import HEAD, Form


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(EXPERIMENTS)}; all, when none is given"
    )
    parser.add_argument("--short", action="store_true", help="the form of CI")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(EXPERIMENTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}")
    rows = off = 0
    print(HEAD)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="harness-truth-", ignore_cleanup_errors=True) as out:
        for part in options.parts or EXPERIMENTS:
            began = time.monotonic()
            for row in EXPERIMENTS[part](Form(options.short, Path(out))):
                rows, off = rows + 1, off + (not row.ok)
                print(f"{part + ': ' + row.name:<58.58}{str(row)[58:]}", flush=True)  # noqa: T201
            print(f"{part} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)  # noqa: T201
    print(f"{rows - off} of {rows} rows are as theory has them" + (f", {off} are OFF" if off else ""))  # noqa: T201
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
