"""`harness compare --gateway` beside a gateway that holds every request back for a known time.

What it adds is that time, and what passing bytes on takes: under a millisecond of an idle machine.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.fakes.gateway_server import gateway
from tests.fakes.holding_server import holding
from tests.truth.rows import Form, Row, between, exactly

SCENARIO = """
name: through
workload: [{call: echo}]
load: [{name: steady, sustain: {users: 2, for: 4s}}]
think: false
"""
PASSING_ON_MS = 2.0


def rows(form: Form) -> Iterator[Row]:
    for added_ms in (5.0, 20.0) if form.long else (20.0,):
        with holding() as url, gateway(int(url.rpartition(":")[2].partition("/")[0]), added_ms) as through:
            told = _told(form, url, through)
        found = told["gateway"]
        p50 = next(one["added_ms"] for one in found["added"] if one["name"] == "p50")
        yield between(
            f"{added_ms:g} ms added to p50", added_ms, p50["value"], added_ms, added_ms + PASSING_ON_MS
        )
        low, high = p50["interval"]
        yield exactly(
            "  its interval is as wide as that, too",
            True,
            high >= added_ms and low <= added_ms + PASSING_ON_MS,
        )
        yield exactly("  nothing is lost", 0, found["failed_through"][0])
        yield exactly("  its processor is seen", True, found["cpu_ms_a_call"] is not None)


def _told(form: Form, url: str, through: str) -> dict[str, Any]:
    scenario = form.out / "through.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    argv = [
        *(sys.executable, "-m", "harness", "compare", "--scenario", str(scenario), "--repeats", "4"),
        *("--a", url, "--gateway", through, "--json", "--out", str(form.out)),
    ]
    environment = os.environ | {"HARNESS_HISTORY": "off"}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=400, check=False, env=environment)
    return json.loads(done.stdout)  # type: ignore[no-any-return]
