"""Sessions that a server forgets: of twelve that are open, seven at one moment.

Each of the seven is found out by one call (404), opened again by one initialize, and counted once.
"""

from collections.abc import Iterator

from tests.truth.rows import Form, Row, exactly
from tests.truth.runs import load, serving

USERS, FORGETS = 12, 7


def rows(form: Form) -> Iterator[Row]:
    hold = "2s" if form.short else "6s"
    with serving("sessions", forgets=FORGETS, at_call=100, least=USERS) as server:
        run = load(form.out, server, "sustain", "--users", str(USERS), "--no-think", "--for", hold)
        record = server.record()
    sessions = run.summary["sessions"]
    found_out = record.counts["calls in a session that is unknown"]
    yield exactly("forgotten, by the server", FORGETS, record.counts["forgotten"])
    yield exactly("calls that found it out, by the server", FORGETS, found_out)
    yield exactly("sessions lost", FORGETS, sessions["lost"])
    yield exactly("sessions opened again", FORGETS, sessions["reopened"])
    yield exactly("calls that ended as session_lost", found_out, run.failures()["session_lost"])
