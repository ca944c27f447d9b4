"""Short benches against a fast server: none is unknown, and none has a call more than was asked for.

A bench of a tenth of a second is over before the generator reports twice: what is reported from after it says nothing of it.
A machine that does something else for a moment may disturb the bench itself: that is unknown for a good reason, and rare.
"""

from collections.abc import Iterator

from tests.truth.rows import Form, Row, between, exactly
from tests.truth.runs import load, serving

BENCHES, REQUESTS = 50, 200
OWN, OWN_MOST = "over the measured part itself", 2


def rows(form: Form) -> Iterator[Row]:
    asked = 0
    reasons: list[str] = []
    many = 1 if form.short else BENCHES
    for _ in range(many):
        with serving("times", seconds=0.002) as server:
            run = load(form.out, server, "bench", "--requests", str(REQUESTS), "--concurrency", "10")
            asked += server.record().asked["tools/call"]
        if run.summary["verdict"] == "unknown":
            reasons.append("; ".join(run.summary["reasons"]))
    own = [reason for reason in reasons if OWN in reason]
    other = [reason for reason in reasons if OWN not in reason]
    yield exactly("calls that the server got", many * REQUESTS, asked)
    if form.long:
        yield exactly(
            f"benches of {many} unknown for what was outside of them", 0, len(other), "; ".join(other)
        )
        yield between(f"benches of {many} that were disturbed themselves", 0, len(own), 0, OWN_MOST)
