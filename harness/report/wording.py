"""The sentences of a report: plain English, the same in every format."""

from datetime import UTC, datetime
from typing import Any

from harness.catalogue import METRICS
from harness.report.reading import Reading

WORDS = {"pass": "Passed", "fail": "Failed", "unknown": "Unknown"}


def verdict(summary: dict[str, Any]) -> tuple[str, list[str]]:
    """Why the verdict is what it is: one sentence, and what is to be said besides."""
    reasons = list(summary["reasons"])
    outcomes = [row["outcome"] for row in summary["objectives"]]
    if not reasons:
        return _held(len(outcomes)), []
    if summary["verdict"] == "fail" and 1 < outcomes.count("fail") == len(reasons):
        return f"{len(reasons)} of {len(outcomes)} objectives do not hold.", reasons
    return f"{_sentence(reasons[0])}.", reasons[1:]


def _held(count: int) -> str:
    if not count:
        return "No objective was set, and the measurement can be trusted."
    return "The objective holds." if count == 1 else f"All {count} objectives hold."


def moment(summary: dict[str, Any]) -> str:
    """When the run began, as a person would write it."""
    text = str(summary["started_at"] or "")
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%-d %B %Y, %H:%M} UTC"
    except ValueError:
        return text


def breaking_point(reading: Reading) -> str:
    """Where it broke, or that it did not; nothing for a run without a limit."""
    found = reading.summary["breaking_point"]
    if found:
        good = found["last_good_users"]
        before = f"{good} users was the last good level" if good else "no lower level was good"
        confirmed = (
            "confirmed by running the level again" if found["confirmed"] else "not confirmed by a second run"
        )
        return f"{found['users']} users: {found['reason']} ({confirmed}); {before}"
    limited = {
        step.get("phase") for step in reading.plan.get("steps") or [] if step.get("break_below") is not None
    }
    users = [step.users for step in reading.steps if step.name in limited and step.users]
    return f"no breaking point up to {max(users)} users" if users else ""


def outcomes(summary: dict[str, Any]) -> list[tuple[str, int]]:
    """ok first, then each kind of failure with its count, the most frequent first."""
    failed: dict[str, int] = {}
    for row in summary["failures"]:
        failed[row["outcome"]] = failed.get(row["outcome"], 0) + row["count"]
    rest = sorted(failed.items(), key=lambda pair: -pair[1])
    neither = summary["totals"]["neither"]
    return [("ok", summary["totals"]["ok"]), *rest, *([("left out", neither)] if neither else [])]


def server(summary: dict[str, Any]) -> str:
    """The name and version of the server, as far as it gave them."""
    found = summary["target"]["server"] or {}
    return " ".join(str(part) for part in (found.get("name"), found.get("version")) if part)


def _sentence(text: str) -> str:
    """A capital letter, unless it begins with an objective, which is quoted as it stands."""
    return text if text.split(" ", 1)[0] in METRICS else text[:1].upper() + text[1:]
