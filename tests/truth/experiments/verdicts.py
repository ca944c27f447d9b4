"""Words and exit codes that are certain: nothing worked, an objective that no call meets, a server that ends at once.

every call a tool error        fails, after the first calls; a tool that only reads is tried before, and the run is refused
a ramp, four of five fail      fails: broken at its first level
p99 < 1ms, all calls at 20 ms  missed, in four hundred calls as in a million; p50 < 100ms holds
a server that works            is measured: exit 0
a command that ends at once    is a target that is not there, with its last words
"""

import sys
from collections.abc import Iterator

import yaml

from tests.truth.rows import Form, Row, between, exactly
from tests.truth.runs import harness, load, serving

WORDS = "the tool says no"
SUSTAIN = ("sustain", "--users", "4", "--no-think", "--for", "3s")
ENDS = "import sys; sys.exit('no licence found')"


def rows(form: Form) -> Iterator[Row]:
    yield from _nothing_works(form)
    yield from _objectives(form)
    yield from _ends_early(form)


def _nothing_works(form: Form) -> Iterator[Row]:
    with serving("failing", share=1.0, takes_s=0.02) as server:
        run = load(form.out, server, *SUSTAIN)
        asked = server.record().asked["tools/call"]
    yield exactly("every call fails: exit code", 1, run.exit_code)
    yield exactly("every call fails: the server's words are there", True, WORDS in f"{run.summary}")
    yield between("every call fails: calls until it stops", 20, asked, 20, 400)
    if form.short:
        return
    with serving("failing", share=1.0, read_only=True) as server:
        run = load(form.out, server, *SUSTAIN)
        asked = server.record().asked["tools/call"]
    yield exactly("every call of a reading tool fails: exit code", 2, run.exit_code)
    yield between("every call of a reading tool fails: tried before", 1, asked, 1, 3)
    yield exactly("every call of a reading tool fails: its words", True, WORDS in run.stderr)
    with serving("failing", share=0.8, takes_s=0.02) as server:
        run = load(form.out, server, "ramp", "--max", "4", "--step", "2", "--hold", "1s")
    yield exactly(
        "four calls of five fail, a ramp broken at its start: exit code", 1, run.exit_code, run.reasons
    )
    with serving("failing", share=0.01, takes_s=0.02) as server:
        run = load(form.out, server, *SUSTAIN)
    yield exactly("one call of a hundred fails, no objective: exit code", 0, run.exit_code, run.reasons)


def _objectives(form: Form) -> Iterator[Row]:
    with serving("times", seconds=0.02) as server:
        run = load(form.out, server, "bench", "--requests", "400", "--concurrency", "4", "--slo", "p99 < 1ms")
        yield exactly(
            "p99 < 1ms, 400 calls at 20 ms: objective", "fail", run.summary["objectives"][0]["outcome"]
        )
        if form.long:
            yield exactly("p99 < 1ms, 400 calls at 20 ms: exit code", 1, run.exit_code, run.reasons)
            run = load(
                form.out, server, "bench", "--requests", "400", "--concurrency", "4", "--slo", "p50 < 100ms"
            )
            yield exactly("p50 < 100ms, 400 calls at 20 ms: exit code", 0, run.exit_code, run.reasons)


def _ends_early(form: Form) -> Iterator[Row]:
    path = form.out / "ends.yaml"
    target = {"command": [sys.executable, "-c", ENDS], "url": "http://127.0.0.1:9/mcp"}
    steps = [{"name": "steady", "sustain": {"users": 1, "for": "2s"}}]
    path.write_text(yaml.safe_dump({"target": target, "workload": [{"call": "wait"}], "load": steps}))
    run = harness(form.out, "run", str(path), "--json")
    yield exactly("a command that ends at once: exit code", 4, run.exit_code)
    yield exactly("a command that ends at once: its words", True, "no licence found" in run.stderr)
