"""A load generator that is disturbed on purpose, before a server that takes 20 ms for each call: its throughput is off.

Its own part has to be seen, and the run has to end unknown. `make steady` does it twenty times.
"""

import re
from collections.abc import Iterator
from statistics import fmean

from tests.truth.disturbing import HOW, USERS, Disturbed
from tests.truth.rows import Form, Row, exactly, within
from tests.truth.runs import load, serving

TAKES_S = 0.02
_SAYS = re.compile(r"it added ([\d.]+) ms to [\d.]+ ms a call")


def rows(form: Form) -> Iterator[Row]:
    for how in ["limited"] if form.short else HOW:
        with serving("times", seconds=TAKES_S) as server, Disturbed(how):
            run = load(form.out, server, "sustain", "--users", str(USERS[how]), "--no-think", "--for", "6s")
            took_ms = fmean(server.record().took_ms() or [0.0])
        yield exactly(f"{how}: the verdict", "unknown", run.summary["verdict"])
        yield exactly(f"{how}: saturated", "True", str(run.summary["generator"]["saturated"]))
        if how == "limited" and form.long:
            off_ms = USERS[how] / run.step["throughput_rps"] * 1000 - took_ms
            says = _SAYS.search(run.reasons)
            yield within(f"{how}: ms added to a call", off_ms, float(says[1]) if says else None, 0.1 * off_ms)
