"""Where a server breaks that has room for N = 7 calls: at eight users, however the eighth is refused.

429, 503, a JSON-RPC error inside of HTTP 200, a tool's `isError`, a connection that is reset. Failures are counted exactly.
"""

from collections.abc import Iterator

from tests.truth.rows import Form, Row, exactly
from tests.truth.runs import load, serving
from tests.truth.servers.in_flight import REFUSALS


def rows(form: Form) -> Iterator[Row]:
    yield from _room(form, 2, ["429"]) if form.short else _room(form, 7, list(REFUSALS))


def _room(form: Form, n: int, hows: list[str]) -> Iterator[Row]:
    for how in hows:
        # Who is reset waits before the next call, as clients do, the longer the more often: so few calls are refused that
        # the limit has to be high. Below it nobody is refused at all.
        patient = how == "reset"
        takes_s, hold, limit = (0.2, "3s", "99%") if patient else (0.02, "1s", "95%")
        with serving("in_flight", n=n, how=how, takes_s=takes_s) as server:
            levels = (
                "--max",
                str(n + 1 if form.short else n + 2),
                "--step",
                "1",
                "--hold",
                hold,
                "--break-below",
                limit,
            )
            run = load(form.out, server, "ramp", *levels)
            record = server.record()
        found = run.summary["breaking_point"] or {}
        yield exactly(f"room for {n}, {how}: calls at once, by the server", n, record.counts["at once"])
        yield exactly(f"room for {n}, {how}: breaking point", n + 1, found.get("users"))
        yield exactly(f"room for {n}, {how}: last good users", n, found.get("last_good_users"))
        refused = record.counts["refused"]
        yield exactly(
            f"room for {n}, {how}: failures in the report", refused, run.summary["totals"]["failed"]
        )
