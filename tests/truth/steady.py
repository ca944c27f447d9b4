"""Does a run end with an answer when its generator was good, and with *unknown* when it was not? `make steady`.

    ramps       `harness ramp --max 50` on the reference target: each ends with an answer
    benches     short benches against a fast server: each ends with an answer
    busy, limited, stopped
                the generator is disturbed on purpose (disturbing.py) before a server that takes 20 ms for each call, however
                many there are: what the run reports is off, and by how much is known; each ends unknown
    quiet       the same without a disturbance: each ends with an answer, and what it reports is right

A line a run, then a line a part. The command ends with 1 when any is off. It wants two cores that have nothing else to do;
twenty of each take an hour and a quarter (`make steady RUNS=3 PART=busy` is short).
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from tests.truth.disturbing import HOW, USERS, Disturbed
from tests.truth.runs import Record, Run, harness, load, serving

TAKES_MS, FOR_S = 20.0, 8
ANSWER, UNKNOWN = "an answer", "unknown"
OWN_SHARE, OWN_MS = 0.10, 1.0


def ramp(out: Path, hold: str) -> tuple[str, str]:
    run = harness(out, "ramp", "--max", "50", "--hold", hold, "--json", within_s=400)
    return _word(run), f"{_figures(run)}  broke at {(run.summary.get('breaking_point') or {}).get('users')}"


def bench(out: Path, hold: str) -> tuple[str, str]:
    del hold
    with serving("times", seconds=0.002) as server:
        run = load(out, server, "bench", "--requests", "200", "--concurrency", "10")
    return _word(run), _figures(run)


def known(how: str) -> Callable[[Path, str], tuple[str, str]]:
    """Before a server whose truth is known."""

    def make(out: Path, hold: str) -> tuple[str, str]:
        del hold
        with serving("times", seconds=TAKES_MS / 1000) as server:
            _aside(server.pid)
            with Disturbed(how) if how in HOW else nullcontext():
                run = load(
                    out, server, "sustain", "--users", str(USERS[how]), "--no-think", "--for", f"{FOR_S}s"
                )
            if not run.reported:
                return "no report", run.stderr[-300:]
            off, waited = _off(run, server.record(), USERS[how]), _waited_s(server.pid)
        told = ", ".join(f"{name} by {value:.1f}" for name, value in off.items())
        more = f"{_figures(run)}  off: {told} ms  (the server waited {waited:.2f} s for a processor)"
        if _is_off(off) != (how in HOW):
            return f"not {'off' if how in HOW else 'right'}", more
        return _word(run), more

    return make


PARTS: dict[str, tuple[Callable[[Path, str], tuple[str, str]], str]] = {
    "ramps": (ramp, ANSWER),
    "benches": (bench, ANSWER),
    "quiet": (known("quiet"), ANSWER),
    **{how: (known(how), UNKNOWN) for how in HOW},
}


def _aside(pid: int) -> None:
    """Nothing is wrong but the generator: the server is not where the harness will put its worker, and goes before all others.

    What a call waited in the kernel for a server that waited for its processor is in no clock of the server's.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(pid, cores[:-1])
    with suppress(OSError, AttributeError):  # who is not root cannot; then the machine has to be quiet
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))


def _waited_s(pid: int) -> float:
    """What it waited is in what a call took, and neither it nor the generator can tell: then the machine is not quiet."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9


def _off(run: Run, record: Record, users: int) -> dict[str, float]:
    """By how many milliseconds the figures are above what the server itself measured of the same calls.

    Of throughput it is the time that a call seems to take.
    """
    step = run.step
    took = record.took_ms(run.window_ns(step, record)) or [TAKES_MS]
    response = step["latency_ms"]["response"]
    found = {
        name: response[name] - took[min(len(took) - 1, int(share * len(took)))]
        for name, share in (("p50", 0.5), ("p95", 0.95))
        if response[name] is not None
    }
    seems_ms = users / step["throughput_rps"] * 1000 if step["throughput_rps"] else float("inf")
    return found | {"a call": seems_ms - sum(took) / len(took)}


def _is_off(off: dict[str, float]) -> bool:
    return any(value > max(OWN_MS, OWN_SHARE * (TAKES_MS + value)) for value in off.values())


def _word(run: Run) -> str:
    if not run.reported:
        return "no report"
    return UNKNOWN if run.summary["verdict"] == "unknown" else ANSWER


def _figures(run: Run) -> str:
    if not run.reported:
        return f"exit {run.exit_code}: {run.stderr[-200:]}"
    health = run.summary["generator"]
    added = " ".join(
        f"{name} +{value:.2f}" for name, value in health["added_ms"].items() if value is not None
    )
    told = f"cpu {health['cpu_max']} wait {health['run_delay_max']} lag {health['lag_ms_p99']}"
    return f"{added}  {told}  {run.reasons}".rstrip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--runs", type=int, default=0, help="of each; 20 by default, and 50 benches")
    parser.add_argument("--hold", default="10s", help="of a level of a ramp")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    table = []
    with tempfile.TemporaryDirectory(prefix="harness-steady-", ignore_cleanup_errors=True) as out:
        for part in options.parts or PARTS:
            make, expected = PARTS[part]
            runs = options.runs or (50 if part == "benches" else 20)
            right = 0
            for number in range(1, runs + 1):
                word, more = make(Path(out), options.hold)
                right += word == expected
                print(f"{part} {number:>2} of {runs}: {word:<10} {more}", flush=True)  # noqa: T201
            table.append((part, expected, right, runs))
    print(f"\n{'part':<10} {'ends with':<12} {'right':>9}")  # noqa: T201
    for part, expected, right, runs in table:
        print(f"{part:<10} {expected:<12} {right:>3} of {runs:<3} {'ok' if right == runs else 'OFF'}")  # noqa: T201
    return 0 if all(right == runs for _, _, right, runs in table) else 1


if __name__ == "__main__":
    sys.exit(main())
