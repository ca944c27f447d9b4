"""Faults on the way to slow and busy servers: they are proved, and healing is, whatever the server's queue is like.

Servers that take 1, 50, 220 and 1,000 ms a call, one call at a time, with 1, 5 and 20 users; Toxiproxy holds answers back for
200 ms. Canaries that ask the server to work would measure its queue. Four runs side by side: they make little load.
"""

from collections.abc import Iterator
from functools import partial

from tests.truth.rows import Form, Row, exactly
from tests.truth.runs import Run, at_once, load, serving

TAKES_S, USERS = (0.001, 0.05, 0.22, 1.0), (1, 5, 20)


def rows(form: Form) -> Iterator[Row]:
    for users in USERS:
        runs = at_once([partial(_run, form, takes_s, users) for takes_s in TAKES_S])
        for takes_s, run in zip(TAKES_S, runs, strict=True):
            name = f"{takes_s * 1000:g} ms a call, {users} users"
            fault = run.fault if run.summary else {}
            yield exactly(f"{name}: proved", True, fault.get("verified"))
            yield exactly(f"{name}: healed", True, fault.get("healed"))
            yield exactly(f"{name}: faults left over", False, run.exit_code == 6)


def _run(form: Form, takes_s: float, users: int) -> Run:
    with serving("queueing", takes_s=takes_s, exponential=False) as server:
        fault = "latency:latency=200ms,at=8s,for=5s"
        flags = ("--users", str(users), "--no-think", "--for", "20s", "--fault", fault)
        return load(form.out, server, "sustain", *flags)
