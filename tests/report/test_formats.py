"""The other formats: what they say is what the summary says, and their own readers can read them."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from jsonschema import Draft202012Validator

from harness.analysis.calls import histograms
from harness.cli.report import FORMATS as OFFERED
from harness.report import markdown, terminal
from harness.report.hdr import hdr_log
from harness.report.junit import junit
from harness.report.reading import read
from harness.report.registry import FORMATS
from tests.fakes.results import plain
from tests.fakes.runs import MS, Run, faults, ramp

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "summary.schema.json").read_text(encoding="utf-8"))
OBJECTIVES = ["p95 < 300ms", "success_rate >= 99%", "p50 < 1ms", "p999 < 250ms during slow-link"]


@pytest.fixture(scope="module")
def reading(tmp_path_factory):
    """A run that failed, with objectives of every outcome and two faults."""
    return read(faults(objectives=OBJECTIVES).write(tmp_path_factory.mktemp("run")))


def empty():
    run = Run()
    run.end()
    return run


def broken(run):
    run.metadata |= {"started_at": None, "target": None, "workers": None}
    return run


def with_retries():
    """A fault, and a service that its clients keep down."""
    policy = {"attempts": 3, "backoff_s_first": 0.1, "backoff_s_most": 2.0, "budget": None}
    run = Run(name="storm", retries=policy)
    run.fault("slow", 11.0, 5.0)
    after = np.arange(3000) >= 1000
    again = after & (np.arange(3000) % 3 > 0)
    outcome = np.where(after, "timeout", "ok")
    run.level(
        10, seconds=30, rps=100, phase="steady", outcome=outcome, user_class=np.where(again, "U+retry", "U")
    )
    run.health(29, retries_refused=7)
    run.end()
    return run


def test_the_report_says_what_came_of_trying_again(tmp_path):
    """In a line, and in the verdict when it kept the service down."""
    summary = read(with_retries().write(tmp_path)).summary
    text = terminal.render(read(tmp_path), colour=False)

    assert [one.fault for one in summary.retries.kept_down] == ["slow"]
    assert summary.retries.budget_exhausted == 7
    assert "Retries" in text
    assert "retries;" in text
    assert "7 retries were refused because the retry budget was used up" in " ".join(text.split())
    assert "etries kept the service down after slow was healed" in text


RUNS = {
    "clients that try again": with_retries,
    "a ramp with a peak": lambda: ramp(objectives=["p95 < 250ms"]),
    "nothing at all": empty,
    "metadata of another version": lambda: broken(empty()),
}


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_the_summary_follows_its_published_schema(make, tmp_path):
    """Every key, no other, each of its kind."""
    Draft202012Validator.check_schema(SCHEMA)
    summary = plain(read(make().write(tmp_path)).summary)

    assert [error.json_path for error in Draft202012Validator(SCHEMA).iter_errors(summary)] == []


def test_the_schema_notices_what_does_not_belong(reading):
    """A summary with faults is valid; without a key, or with another one, it is not."""
    validator = Draft202012Validator(SCHEMA)

    summary = plain(reading.summary)
    assert validator.is_valid(summary)
    assert not validator.is_valid(summary | {"more": 1})
    assert not validator.is_valid({key: value for key, value in summary.items() if key != "steps"})
    assert not validator.is_valid(summary | {"verdict": "maybe"})


def test_every_format_is_offered():
    """The command's help names what the registry has."""
    assert set(OFFERED) == set(FORMATS)


def test_junit_has_a_case_for_each_objective_and_fault(reading):
    """What does not hold fails, what cannot be answered errs; the counts are those of the cases."""
    suite = ET.fromstring(junit(reading)).find("testsuite")
    seen = {case.get("name"): [child.tag for child in case] for case in suite if case.tag == "testcase"}

    assert seen == {
        "the run can be trusted": [],
        "p95 < 300ms": [],
        "success_rate >= 99%": [],
        "p50 < 1ms": ["failure"],
        "p999 < 250ms during slow-link": ["error"],
        "slow-link": [],
        "cut": [],
    }
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("7", "1", "1")
    (case,) = [one for one in suite.iter("testcase") if one.get("name") == "p50 < 1ms"]
    assert case.find("failure").get("message").startswith("observed 20.5 ms")


def test_a_run_that_cannot_be_trusted_errs_in_junit(tmp_path):
    """Cut off, with a fault that was left over: the measurement errs, the fault fails."""
    run = Run()
    run.fault("slow", 3, 2, unhealed="still there")
    run.level(5)
    cases = ET.fromstring(junit(read(run.write(tmp_path)))).findall(".//testcase")

    assert [[child.tag for child in case] for case in cases] == [["error"], ["failure"]]
    assert "cut off" in cases[0].find("error").get("message")


EVIL = "| `x` <img src=x> [a](http://x) **b**\x1b[31m\x00"


def test_what_a_server_says_stays_in_its_cell(tmp_path):
    """In Markdown and in XML: no markup, no control character, no line of its own."""
    run = Run(name="evil", objectives=["success_rate >= 99%"], metadata={"target": {"url": EVIL}})
    run.level(5, failing=0.5, detail=EVIL)
    run.end()
    found = read(run.write(tmp_path))

    text = markdown.markdown(found)
    ET.fromstring(junit(found))
    assert "\x1b" not in text
    assert "<img" not in text.replace("\\<img", "")
    rows = [line for line in text.splitlines() if "http_status" in line]
    assert [line.replace("\\|", "").count("|") for line in rows] == [6]


def test_markdown_tells_the_whole_story_in_short(reading, tmp_path):
    """Verdict, objectives with their margin, faults; a ramp says where it broke."""
    text = markdown.markdown(reading)

    assert text.startswith("## ❓ faults: unknown")
    assert "| ❌ | `p50 < 1ms` | 20.5 ms |" in text
    assert "| slow-link |" in text
    assert "Breaking point: 40 users" in markdown.markdown(read(ramp().write(tmp_path))).replace("\\", "")


def test_a_ci_job_gets_the_summary_on_its_page(tmp_path):
    """Added to what is there; elsewhere nothing is written."""
    page = tmp_path / "page.md"
    page.write_text("before\n", encoding="utf-8")

    markdown.publish("## run", {markdown.STEP_SUMMARY: str(page)})
    markdown.publish("## run", {})

    assert page.read_text(encoding="utf-8") == "before\n## run\n"


def test_the_hdr_log_holds_every_ok_call_with_three_digits(reading):
    """Decoded and added up, its percentiles are those of the summary."""
    whole = HdrHistogram(1, 24 * 3_600_000_000, 3)
    for line in hdr_log(reading).splitlines():
        if line.startswith("Tag=response,"):
            whole.decode_and_add(line.rsplit(",", 1)[1])

    response = reading.summary.latency_ms.response
    assert whole.get_total_count() == reading.summary.totals.ok
    for name, percent in (("p50", 50), ("p95", 95), ("p99", 99)):
        assert whole.get_value_at_percentile(percent) / 1000 == pytest.approx(response.at(name), rel=0.002)


def test_rounding_is_that_of_an_hdr_histogram():
    """Small values are exact; large ones lie less than a thousandth below the truth."""
    us = np.concatenate([np.arange(0, 5000), np.logspace(3, 10, 500).astype(np.int64)])
    rounded = histograms.rounded(us * (MS // 1000))

    assert (rounded[1:2048] == us[1:2048]).all()
    assert rounded[0] == 1
    assert ((rounded <= np.maximum(us, 1)) & (rounded > us * 0.999 - 1)).all()


def test_a_log_without_a_known_start_has_no_base_time(tmp_path):
    """Times then count from the run's start alone."""
    assert "BaseTime" not in hdr_log(read(broken(empty()).write(tmp_path)))
