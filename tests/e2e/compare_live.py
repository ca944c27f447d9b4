"""Live comparisons whose truth is known: the reference server with itself, and with one whose queries take 15 % longer.

make compare-live                                   ten of each, some 25 minutes on a quiet machine
python -m tests.e2e.compare_live --first 3 --count 2     comparisons 3 and 4 of each
python -m tests.e2e.compare_live --only slower --hold 10    each run held for 10 s: for a machine whose runs differ more

Each is `harness compare --scenario`, five runs a side by turns, a new server for every run, on one PostgreSQL. Two that are the
same must never be regressed; the slower one must be, each time, with execute_query among the figures that are named.
"""

# ruff: noqa: T201 - it is a report

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.services.backends import postgres
from harness.services.cleanup.janitor_process import watching

SCENARIO = """
name: live
workload:
  - {call: execute_query, args: {database: ANALYTICS_DB, query: "SELECT count(*) AS n FROM generate_series(1, 40000)"}, weight: 3}
  - {call: list_databases}
think: false
load:
  - name: steady
    sustain: {users: 2, for: HOLD}
"""
SIDES = {"same": "reference", "slower": "reference --break slow-query"}
NAMED = "execute_query"
WITHIN_S = 600


async def compared(url: str, side: str, place: Path, hold_s: float) -> tuple[dict[str, Any], int | None]:
    """One comparison, as a user makes it: what it says, and its exit code."""
    scenario = place / "live.yaml"
    scenario.write_text(SCENARIO.replace("HOLD", f"{hold_s:g}s"))
    argv = [
        "compare",
        "--scenario",
        str(scenario),
        "--a",
        "reference",
        "--b",
        side,
        "--out",
        str(place),
        "--json",
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "harness", *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"DATABASE_URL": url, "HARNESS_HISTORY": "off"},
    )  # fmt: skip
    try:
        async with asyncio.timeout(WITHIN_S):
            out, err = await process.communicate()
    except TimeoutError:
        process.terminate()
        await process.communicate()
        return {"verdict": f"none in {WITHIN_S} s", "figures": [], "why": []}, None
    try:
        return json.loads(out), process.returncode
    except json.JSONDecodeError:
        why = err.decode(errors="replace")[-300:].strip()
        return {"verdict": f"none ({why})", "figures": [], "why": []}, process.returncode


def line(kind: str, number: int, found: dict[str, Any], code: int | None, seconds: float) -> str:
    """One row of the table."""
    query = next(
        (one for one in found["figures"] if NAMED in one["of"] and one["name"] == "p50"), {"change": None}
    )
    change = "-" if query["change"] is None else f"{query['change']:+.1%}"
    worse = [f"{one['of']}: {one['name']}" for one in found["figures"] if one["word"] == "regressed"]
    named = ", ".join(worse[:3]) + (f" and {len(worse) - 3} more" if len(worse) > 3 else "")
    return (
        f"| {kind} | {number} | {found['verdict']} | {code} | {change} | {named or '-'} | {seconds:.0f} s |"
    )


def is_right(kind: str, found: dict[str, Any]) -> bool:
    if kind == "same":
        return bool(found["verdict"] in {"equivalent", "inconclusive", "improved"})
    worse = [one["of"] for one in found["figures"] if one["word"] == "regressed"]
    return found["verdict"] == "regressed" and any(NAMED in of for of in worse)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--only", choices=tuple(SIDES))
    parser.add_argument("--hold", type=float, default=6, metavar="SECONDS", help="of each run")
    asked = parser.parse_args()
    right = dict.fromkeys([asked.only] if asked.only else SIDES, 0)
    print(
        "| B is | | verdict | exit | p50 of execute_query | regressed | |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="compare-live-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        place.chmod(0o711)
        async with watching(place / "undo.jsonl"), postgres.embedded(place) as url:
            for number in range(asked.first, asked.first + asked.count):
                for kind in right:
                    began_s = time.monotonic()
                    runs = place / f"{kind}-{number}"
                    runs.mkdir()
                    found, code = await compared(url, SIDES[kind], runs, asked.hold)
                    print(line(kind, number, found, code, time.monotonic() - began_s), flush=True)
                    right[kind] += is_right(kind, found)
    print(", ".join(f"{kind}: {hits} of {asked.count} right" for kind, hits in right.items()))
    return 0 if all(hits == asked.count for hits in right.values()) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
