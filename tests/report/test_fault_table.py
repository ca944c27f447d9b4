"""The fault table: what it says of each fault, and that it stays a page."""

import re

from harness.report import terminal
from harness.report.fault_table import MOST, faults
from harness.report.reading import read
from tests.fakes.runs import Run


def shown(path, build):
    """The section as text, cells apart."""
    run = Run()
    build(run)
    run.level(5, seconds=60, rps=50, kind="sustain")
    run.end()
    found = faults(read(run.write(path)))
    return None if found is None else re.sub(r"(<[^>]*>)+", "|", found.text)


def test_a_run_without_faults_has_no_such_section(tmp_path):
    """Nothing to say."""
    assert shown(tmp_path, lambda run: None) is None


def test_a_fault_is_told_from_what_was_asked_to_how_it_ended(tmp_path):
    """Kind, link, parameters, time; verified, exposed, recovered; three lines of figures."""
    canaries = {"through_ms": 203.0, "beside_ms": 2.0, "expected_ms": 200.0}
    text = shown(tmp_path, lambda run: run.fault("slow", 20, 10, link="database", **canaries))

    assert "slow|latency on the database link: latency 200ms|20s to 30s" in text
    assert "✓ verified|501 calls|5 connections|before|899|100%|20.0 ms|20.0 ms|at once" in text
    assert "|during|501|100%|20.0 ms|20.0 ms|after|1,500|" in text  # thirty seconds at most
    assert "|2.00 ms|203 ms|+201 ms|+200 ms|+0.00 ms|0.0\N{MULTIPLICATION SIGN}|" in text


STATES = {
    "did not happen": {"skipped": "no such link"},
    "not verified": {"why": "nothing was slower"},
    "left over": {"unhealed": "no answer"},
}


def test_what_went_wrong_is_said_with_its_reason(tmp_path):
    """Skipped, unverified, left over."""
    for number, (state, how) in enumerate(STATES.items()):
        text = shown(tmp_path / str(number), lambda run, how=how: run.fault("slow", 20, 10, **how))

        assert f"{state}|{next(iter(how.values()))}|" in text


def test_a_fault_that_touched_nothing_and_one_that_was_not_recovered_from(tmp_path):
    """After the load; and with a load that stays slow."""
    assert "? touched no call|" in shown(tmp_path / "a", lambda run: run.fault("late", 80, 10))
    run = Run()
    run.fault("slow", 20, 10)
    ms = [20.0] * 1000 + [200.0] * 2000
    run.level(20, seconds=60, rps=50, kind="sustain", ms=ms)
    run.end()
    reading = read(run.write(tmp_path / "b"))

    text = re.sub(r"(<[^>]*>)+", "|", faults(reading).text)
    assert "not recovered|31 s after healing" in text
    assert (reading.summary.verdict, reading.summary.exit_code) == ("fail", 1)


def test_what_was_not_told_by_canaries_has_no_details(tmp_path):
    """Nothing to fold away."""
    assert "How each was verified" not in shown(tmp_path, lambda run: run.fault("slow", 20, 10))


def test_a_cut_link_brings_no_canary_back(tmp_path):
    """Which is said, and is not a blank."""
    text = shown(tmp_path, lambda run: run.fault("cut", 20, 10, kind="down", beside_ms=2.0))

    assert "|cut|2.00 ms|no reply|" in text


def test_many_faults_stay_a_page(tmp_path):
    """The rest is counted."""

    def many(run):
        for number in range(MOST + 7):
            run.fault(f"fault-{number}", 2 + number, 0.5)

    text = shown(tmp_path, many)

    assert "7 more faults are in summary.json." in text
    assert len(text) < 30_000


def test_what_a_fault_did_itself_is_counted_out(tmp_path):
    """Rude clients: the most frequent first; here, and on a terminal."""

    def rude(run):
        run.fault("rude-expired", 20, 10, kind="rude", link="door")
        run.event(30, "fault_did", name="rude-expired", did={"ended": 12, "reused": 1060, "hung_up_on": 0})
        for number in range(terminal.FAULTS_MOST):
            run.fault(f"fault-{number}", 30.2 + number / 2, 0.3)
        run.fault("rude-sessions", 50, 3, kind="rude", link="door")
        run.event(53, "fault_did", name="rude-sessions", did={"opened": 3})

    assert "|1,060 reused, 12 ended, 0 hung up on|" in shown(tmp_path, rude)
    said = terminal.render(read(tmp_path), colour=False)
    assert re.search(r"Rude +rude-expired: 1,060 reused, 12 ended", said)
    assert re.search(r"^ +rude-sessions: 3 opened", said, re.MULTILINE)
