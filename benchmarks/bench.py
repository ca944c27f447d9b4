"""The harness measured, beside its peers where it has any, in one run on one machine.

    make bench                      every part, about ten minutes
    make bench PART=json            one of them; python benchmarks/bench.py --help lists them
    make bench PART="json sse"

Prints the tables, says which aims were reached, and writes nothing else unless it is told to: --json FILE, --docs.
Aims that were missed are a finding, not an error: the exit code is 0, for a busy machine misses them all.
"""

import argparse
import datetime as dt
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tree that this file is in

import functions
import held
import idle
import open_loop
import reading
import recording
import speed
import whole_command
from figures import Figure, Table, as_json, machine, markdown, summary

DOCS = Path(__file__).parents[1] / "docs" / "benchmarks.md"

PARTS: dict[str, Callable[[int, float, int], Table]] = {
    "json": speed.json,
    "sse": speed.sse,
    "websocket": speed.websocket,
    "command": whole_command.command,
    "memory": speed.memory,
    "latency": speed.latency,
    "idle": idle.idle,
    "held": held.held,
    "stall": open_loop.stall,
    "queue": open_loop.queue,
    "functions": functions.functions,
    "reading": reading.reading,
    "recording": recording.recording,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0] if __doc__ else "",
        epilog="parts: "
        + "; ".join(f"{name}: {(part.__doc__ or '').strip('.')}" for name, part in PARTS.items()),
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if none is given"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often the contenders take turns (3)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each is measured (3)")
    parser.add_argument("--users", type=int, default=50, help="how many call at the same time (50)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON, too")
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks.md; needs every part")
    options = parser.parse_args()
    chosen = options.parts or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if options.docs and set(chosen) != set(PARTS):
        parser.error("--docs needs every part")
    began, load = time.monotonic(), os.getloadavg()[0]
    tables: dict[str, Table] = {}
    for part in chosen:
        print(f"{part} ...", file=sys.stderr, flush=True)
        tables[part] = PARTS[part](options.rounds, options.seconds, options.users)
        print(f"## {part}\n\n{text(tables[part])}\n", flush=True)
    figures = [figure for table in tables.values() for figure in table.figures]
    print(f"{summary(figures)}\n\n{machine()}; {time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(as_json(tables), indent=2), encoding="utf-8")
    if options.docs:
        DOCS.write_text(page(tables, figures, load), encoding="utf-8")


def text(table: Table) -> str:
    """A part by itself."""
    pieces = [markdown(table.columns, table.rows)] if table.rows else [summary(table.figures)]
    return "\n\n".join([*pieces, *([table.note] if table.note else [])])


def page(tables: dict[str, Table], figures: list[Figure], load: float) -> str:
    """docs/benchmarks.md."""
    today = dt.datetime.now(dt.UTC).date()
    details = "\n\n".join(
        f"## {part}: {(PARTS[part].__doc__ or '').strip('.')}\n\n{text(table)}"
        for part, table in tables.items()
        if table.rows or table.note
    )
    return f"""# Benchmarks

Written by `make bench DOCS=1` on {today} ({machine()}; load average {load:.1f} before it began).
Each generator has a core, the server another; ratios compare calls by processor time, and are medians of interleaved rounds.
What each part does, and how to read it, is in [benchmarks/README.md](../benchmarks/README.md).

{summary(figures)}

{details}
"""


if __name__ == "__main__":
    main()
