"""Short benches against a fast server: none is unknown, and none has a call more than was asked for.

A bench of a tenth of a second is over before the generator reports twice: what is reported from after it says nothing of it.
"""

from collections.abc import Iterator

from tests.truth.rows import Form, Row, exactly
from tests.truth.runs import load, serving

BENCHES, REQUESTS = 50, 200


def rows(form: Form) -> Iterator[Row]:
    unknown = asked = 0
    many = 1 if form.short else BENCHES
    why: set[str] = set()
    for _ in range(many):
        with serving("times", seconds=0.002) as server:
            run = load(form.out, server, "bench", "--requests", str(REQUESTS), "--concurrency", "10")
            asked += server.record().asked["tools/call"]
        unknown += run.summary["verdict"] == "unknown"
        why.update(run.summary["reasons"] if run.summary["verdict"] == "unknown" else ())
    yield exactly("calls that the server got", many * REQUESTS, asked)
    if form.long:
        yield exactly(f"benches of {many} that are unknown", 0, unknown)
        yield exactly("why", "", "; ".join(sorted(why)))
