"""Faults on the way to slow and busy servers: they are proved, and healing is, whatever the server's queue is like.

Servers that take 1, 50, 220 and 1,000 ms a call, one call at a time, with 1, 5 and 20 users; Toxiproxy holds answers back for
200 ms. Canaries that ask the server to work would measure its queue. Six runs side by side: most make little load.
"""

from collections.abc import Iterator
from functools import partial

from tests.truth.rows import Form, Row, exactly
from tests.truth.runs import Run, at_once, load, serving

TAKES_S, USERS = (0.001, 0.05, 0.22, 1.0), (1, 5, 20)
SIDE_BY_SIDE = 6


def rows(form: Form) -> Iterator[Row]:
    kinds = [(takes_s, users) for users in USERS for takes_s in TAKES_S]
    for begin in range(0, len(kinds), SIDE_BY_SIDE):
        batch = kinds[begin : begin + SIDE_BY_SIDE]
        for (takes_s, users), run in zip(
            batch, at_once([partial(_run, form, *kind) for kind in batch]), strict=True
        ):
            name = f"{takes_s * 1000:g} ms a call, {users} users"
            yield exactly(f"{name}: proved", True, run.fault["verified"], run.reasons)
            yield exactly(f"{name}: healed", True, run.fault["healed"], run.reasons)
            yield exactly(f"{name}: faults left over", False, run.exit_code == 6)


def _run(form: Form, takes_s: float, users: int) -> Run:
    with serving("queueing", takes_s=takes_s, exponential=False) as server:
        fault = "latency:latency=200ms,at=8s,for=5s"
        flags = ("--users", str(users), "--no-think", "--for", "20s", "--fault", fault)
        return load(form.out, server, "sustain", *flags)
