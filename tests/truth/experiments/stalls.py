"""A standstill of one second in twenty at 500 calls a second: coordinated omission shows, or does not.

    share of calls that wait longer than x seconds = (1 - x) / w,  of a measured time of w seconds
    so p99 = 1 - w / 100 and p99.9 = 1 - w / 1000, to which 5 ms of work come: 805 ms and 985 ms for w = 20

Five percent is what is allowed (the generator's and the server's own time to work off five hundred calls are part of it).
A closed load of ten users has ten slow calls, and the p99 of a server that never stood still.
"""

from collections.abc import Iterator

from tests.truth.rows import WAY_MS, Form, Row, between, exactly, within
from tests.truth.runs import load, serving
from tests.truth.servers.stall import TAKES_S

SHARE = 0.05
SETTLES_S = 2  # of a step of 22 s, twenty are measured


def rows(form: Form) -> Iterator[Row]:
    yield from _open(form)
    if form.long:
        yield from _closed(form)


def _open(form: Form) -> Iterator[Row]:
    # In short: half a second in four at 100/s, and the slowest call against what the server measured.
    stands_s, rate, for_s, after_s = (0.5, 100, 5, 2.5) if form.short else (1.0, 500, 22, 12)
    with serving("stall", after_s=after_s, every_s=60, stands_s=stands_s) as server:
        flags = ("--rate", f"{rate}/s", "--for", f"{for_s}s", "--protocol", "plain")
        run = load(form.out, server, "rate", *flags)
        record = server.record()
    table, step = run.step["latency_ms"]["response"], run.step
    took = record.took_ms()
    yield exactly("open: arrivals that were not sent", 0, step["not_sent"])
    yield between(
        "open: slowest call beside the server's own",
        took[-1],
        table["max"],
        took[-1] - 0.05,
        took[-1] + 1_000,
    )
    if form.short:
        return
    w = step["end_s"] - step["start_s"]
    work_ms = TAKES_S * 1000
    for word, above in {"p99": 0.01, "p999": 0.001}.items():
        theory = (stands_s - above * w) * 1000 + work_ms
        yield within(f"open: {word} in ms", theory, table[word], SHARE * theory)
    for word in ("p50", "p90"):
        yield within(f"open: {word} in ms", work_ms, table[word], WAY_MS)
    theory = work_ms + stands_s**2 / 2 / w * 1000
    yield within("open: mean in ms", theory, table["mean"], SHARE * theory + WAY_MS)


def _closed(form: Form) -> Iterator[Row]:
    users = 10
    with serving("stall", after_s=5, every_s=60, stands_s=1.0) as server:
        run = load(form.out, server, "sustain", "--users", str(users), "--no-think", "--for", "12s")
        record = server.record()
    table = run.step["latency_ms"]["response"]
    yield within("closed: p99 in ms, as if it had not stood still", TAKES_S * 1000, table["p99"], 2 * WAY_MS)
    slow = sum(ms > 500 for ms in record.took_ms())
    yield between("closed: calls of half a second and more", users, slow, users - 1, users)
