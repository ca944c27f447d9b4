"""Near its limit: a server that fails in 6 of 100 calls, and one that fails in 4, at a limit of 95 %.

The first breaks somewhere on the way through six levels, the second nowhere. Each is to be right in 95 of 100 ramps, so of
`TRIES` at most one may be wrong by chance (more than one: one time in a hundred and forty; the decision itself is simulated by
the thousand in decisions.py). What each ramp has as failed is what the server counted, and the server's own share is within the
binomial's reach of what it was told to fail.
"""

from collections.abc import Iterator

from tests.truth.rows import Form, Row, between, exactly, share
from tests.truth.runs import load, serving

TRIES, MOST, STEP = 3, 18, 3


def rows(form: Form) -> Iterator[Row]:
    covered = ramps = 0
    for fails, breaks in ((0.06, True), (0.04, False)):
        tries = 1 if form.short else TRIES
        right = 0
        for number in range(1, tries + 1):
            with serving("failing", share=fails, takes_s=0.01, seed=number) as server:
                run = load(form.out, server, "ramp", "--max", str(MOST), "--step", str(STEP), "--hold", "2s")
                counted = server.record().outcomes()
            right += (run.summary["breaking_point"] is not None) == breaks
            low, high = run.summary["intervals"]["success_rate"]
            covered, ramps = covered + (low <= 1 - fails <= high), ramps + 1
            calls, failed = sum(counted.values()), counted["tool_error"]
            name = f"{fails:.0%} failures, ramp {number}"
            yield exactly(f"{name}: failed", failed, run.calls()["failed"])
            yield share(f"{name}: share by the server", fails, calls, failed / calls)
        if form.long:
            which = "broke" if breaks else "did not break"
            yield between(f"{fails:.0%} failures: ramps that {which}", TRIES, right, TRIES - 1, TRIES)
    if form.long:
        # 95 of 100 intervals should: three misses of six is one time in five hundred.
        yield between("intervals of success with the truth in them", ramps, covered, ramps - 2, ramps)
