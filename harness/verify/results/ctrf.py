"""The results as JSON in the Common Test Report Format (ctrf.io); what it has no word for is under `extra`.

CTRF knows passed, failed, skipped, pending and other: what is unknown is `other`, and `rawStatus` says so.
"""

from collections.abc import Mapping

from harness import __version__
from harness.foundation.units import MS_PER_S
from harness.verify.finding import Result
from harness.verify.results.suite import SuiteResult


def ctrf(suite: SuiteResult) -> Mapping[str, object]:
    """One report."""
    counted = suite.count()
    ended_ms = suite.started_ms + int(suite.duration_s * MS_PER_S)
    return {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "results": {
            "tool": {"name": "mcp-harness verify", "version": __version__},
            "summary": {
                "tests": len(suite.results),
                "passed": counted["passed"],
                "failed": counted["failed"],
                "skipped": counted["skipped"],
                "pending": 0,
                "other": counted["unknown"],
                "start": suite.started_ms,
                "stop": ended_ms,
            },
            "tests": [_test(result) for result in suite.results],
            "extra": {
                "target": suite.target,
                "server": suite.server,
                "verdict": suite.verdict(),
                "exit_code": suite.exit_code,
                "interrupted": suite.interrupted,
            },
        },
    }


def _test(result: Result) -> Mapping[str, object]:
    message = {"message": result.why} if result.why else {}
    extra: dict[str, str | int] = {
        "priority": result.priority,
        "category": result.category,
        "tries": result.tries,
    }
    if result.how:
        extra["how"] = result.how
    return {
        "name": result.title,
        "status": "other" if result.outcome == "unknown" else result.outcome,
        "rawStatus": result.outcome,
        "duration": round(result.duration_s * MS_PER_S),
        "start": result.started_ms,
        "suite": result.place.partition("::")[0],
        "tags": [f"p{result.priority}", *([result.category] if result.category else [])],
        "retries": result.tries - 1,
        **message,
        "extra": extra,
    }
