"""Work that was promised: kept, lost, kept twice, refused, and destroyed later.

The server counts its promises and those that it breaks. What is lost or doubled is reported exactly, and fails the run; what
was refused is known to be refused, and a run in which nothing was acknowledged is none that has passed; what was
acknowledged and then destroyed is a failure, for it is gone for certain.
"""

from collections.abc import Iterator
from functools import partial

from tests.truth.rows import Form, Row, between, exactly, one_of
from tests.truth.runs import Record, Run, at_once, scenario, serving

FOR_S, RATE = 6, 5
VERDICTS = {
    "kept": ("pass",),
    "lost": ("fail",),
    "doubled": ("fail",),
    "refused": ("unknown", "fail"),
    "destroyed": ("fail",),
}


def rows(form: Form) -> Iterator[Row]:
    hows = ["lost", "destroyed"] if form.short else list(VERDICTS)
    size = 2 if form.short else 3
    for begin in range(0, len(hows), size):
        batch = hows[begin : begin + size]
        for how, (run, record) in zip(
            batch, at_once([partial(_run, form, how) for how in batch]), strict=True
        ):
            yield from _rows(form, how, run, record)


def _run(form: Form, how: str) -> tuple[Run, Record]:
    with serving("work", how=how) as server:
        run = scenario(
            form.out,
            f"work-{how}",
            server,
            workload=[{"call": "wait"}],
            load=[{"name": "steady", "rate": {"rate": "20/s", "for": f"{3 if form.short else FOR_S}s"}}],
            work={
                "write": {"call": "write", "args": {"entry": "{{entry}}", "note": "{{random_int 1 9}}"}},
                "read": {"call": "read", "args": {}},
                "rate": f"{RATE}/s",
            },
        )
        return run, server.record()


def _rows(form: Form, how: str, run: Run, record: Record) -> Iterator[Row]:
    counts = record.counts
    if how == "refused" and run.exit_code == 2:  # writing was tried before the load
        yield exactly("refused: the server's words are there", True, "writing is forbidden" in run.stderr)
        return
    work = run.summary["work"] or {}
    yield one_of(f"{how}: verdict", VERDICTS[how], run.summary["verdict"], run.reasons)
    if how == "refused":
        yield exactly("refused: entries acknowledged", 0, work.get("acknowledged", 0))
        return
    # Tried once before the load: such a promise may be among them, or not.
    yield between(
        f"{how}: acknowledged",
        counts["promised"],
        work.get("acknowledged"),
        counts["promised"] - 1,
        counts["promised"],
    )
    if how in {"lost", "doubled"}:
        word = "missing" if how == "lost" else "duplicated"
        yield exactly(f"{how}: {word}", counts["broken"], work.get(word))
    if how == "kept":
        yield exactly("kept: missing", 0, work.get("missing"))
        yield exactly("kept: duplicated", 0, work.get("duplicated"))
        yield exactly("kept: entries stored with a template in them", 0, counts["templates not filled in"])
        if form.long:
            # One that is tried before, and one at either end.
            yield between(
                "kept: entries written",
                FOR_S * RATE,
                counts["promised"],
                FOR_S * RATE - 3,
                FOR_S * RATE * 1.3,
            )
