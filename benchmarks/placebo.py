"""Does the harness invent effects? Whole runs with `noop`, the fault that does nothing, one after the other.

    make calibrate      (or: python benchmarks/placebo.py [--runs 20] [--before 32] [--hold 3] [--after 10] [--users 3])

In each run the placebo must be verified (no effect seen), exposed and healed, and no recovery time may be invented:
recovered at once (0 s), or the run says itself that its load was not steady enough to tell. Ends with 1 otherwise.
A busy machine makes more of the latter; the thirty seconds before the fault, which this leaves time for, make fewer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from typing import Any


def run(options: argparse.Namespace, out: str) -> dict[str, Any]:
    """One run's summary."""
    length_s = options.before + options.hold + options.after
    fault = f"noop:at={options.before}s,for={options.hold}s"
    command = [
        sys.executable,
        "-m",
        "harness",
        "sustain",
        "--no-history",
        "--no-think",
        "--json",
        "--out",
        out,
    ]
    command += ["--users", str(options.users), "--for", f"{length_s}s", "--fault", fault]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=length_s + 120)
    if not done.stdout:
        raise SystemExit(done.stderr)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def honest(summary: dict[str, Any]) -> bool:
    """The placebo was seen for what it is, or the run says that it cannot tell."""
    (fault,) = summary["faults"]
    seen = fault["verified"] and fault["healed"] and fault["exposed"]["calls"] > 0
    return seen and (
        fault["recover_s"] == 0 or (fault["recover_s"] is None and summary["verdict"] == "unknown")
    )


def main() -> int:
    """One line a run, and the count."""
    parser = argparse.ArgumentParser(description="Whole runs with a placebo")
    for name, default in {"runs": 20, "before": 32, "hold": 3, "after": 10, "users": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    summaries = []
    with tempfile.TemporaryDirectory(prefix="harness-placebo-") as out:
        for number in range(1, options.runs + 1):
            summary = run(options, out)
            (fault,) = summary["faults"]
            said = "; ".join(summary["reasons"])
            print(
                f"{number:3d}  verified {fault['verified']}  exposed {fault['exposed']['calls']} calls"
                f"  healed {fault['healed']}  recovered after {fault['recover_s']} s  {summary['verdict']}  {said}",
                flush=True,
            )
            summaries.append(summary)
    right = sum(honest(one) for one in summaries)
    at_once = sum(one["faults"][0]["recover_s"] == 0 for one in summaries)
    print(f"{right} of {len(summaries)} runs honest, {at_once} of them recovered at once")
    return 0 if right == len(summaries) else 1


if __name__ == "__main__":
    sys.exit(main())
