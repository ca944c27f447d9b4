"""A load generator that is disturbed on purpose, before a server that takes 20 ms for each call: what it reports is off.

Its own part has to be seen (`generator.added_ms`), and the run has to end unknown. `make steady` does it twenty times.
"""

from collections.abc import Iterator

from tests.truth.disturbing import HOW, Disturbed
from tests.truth.rows import Form, Row, exactly, within
from tests.truth.runs import load, serving

TAKES_S, STOPPED_MS = 0.02, 80.0


def rows(form: Form) -> Iterator[Row]:
    for how in ["limited"] if form.short else HOW:
        with serving("times", seconds=TAKES_S) as server, Disturbed(how):
            run = load(form.out, server, "sustain", "--users", "10", "--no-think", "--for", "6s")
        yield exactly(f"{how}: the verdict", "unknown", run.summary["verdict"])
        yield exactly(f"{how}: saturated", "True", str(run.summary["generator"]["saturated"]))
        if how == "limited" and form.long:
            # It may run for 20 ms of each 100: a call that takes 20 ms is read when it goes on.
            added_ms = run.summary["generator"]["added_ms"]["p50"]
            yield within(f"{how}: ms added to p50", STOPPED_MS, added_ms, 10.0)
