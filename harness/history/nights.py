"""A night: several runs of one scenario, put beside the baseline, and what follows from that.

    no_baseline     nothing to compare with yet: this night is the first of the baseline
    regressed       and again in a second round, made at once, by the same figure
    not_confirmed   the second round did not show it again
    improved, equivalent, inconclusive, not_comparable     as `harness compare` says
    not_compared    the history cannot be asked

A night is good when it has runs that count and was not found slower, not even once: good nights are the baseline of
later ones. The exit code is that of the runs, and 1 for a regression. An inconclusive night fails nothing: the first nights
always are.
"""

from collections.abc import Sequence
from typing import Final, Literal
from xml.etree import ElementTree as ET

import msgspec
from msgspec import Struct

from harness.foundation.errors import FAILED, PASSED, worst
from harness.foundation.untrusted.printable import as_json
from harness.foundation.untrusted.printable import printable as clean
from harness.history.comparison import markdown as comparison_markdown
from harness.history.comparison import terminal as comparison_text
from harness.history.comparison import wording
from harness.history.comparison.comparison import Comparison
from harness.report.markdown import cell, table

NightWord = Literal[
    "no_baseline",
    "regressed",
    "not_confirmed",
    "improved",
    "equivalent",
    "inconclusive",
    "not_comparable",
    "not_compared",
]
TITLES: Final[dict[NightWord, str]] = {
    "no_baseline": "no baseline yet",
    "regressed": "regressed",
    "not_confirmed": "a regression, not confirmed by a second round",
    "improved": "improved",
    "equivalent": "equivalent",
    "inconclusive": "inconclusive",
    "not_comparable": "not comparable",
    "not_compared": "not compared",
}
MARKS: Final[dict[NightWord, str]] = {
    "no_baseline": "🆕",
    "regressed": "❌",
    "not_confirmed": "❓",
    "improved": "🟢",
    "equivalent": "✅",
    "inconclusive": "❓",
    "not_comparable": "❓",
    "not_compared": "❓",
}
HEADS: Final = ("Round", "Run", "Verdict", "Exit code")


class NightRun(Struct, frozen=True, kw_only=True):
    """One run of a night."""

    round: int
    run_id: str
    run_dir: str
    verdict: str
    exit_code: int


class Night(Struct, frozen=True, kw_only=True):
    """A night and what was found: nightly.json, schema 2."""

    night: str
    scenario: str
    runs: tuple[NightRun, ...]
    rounds: tuple[Comparison, ...]  # the comparison, and the one that was to confirm it
    word: NightWord
    why: str
    schema: Literal[2] = 2

    @property
    def exit_code(self) -> int:
        """The worst of the runs, and 1 for a regression."""
        codes = [run.exit_code for run in self.runs]
        return worst(*(codes or [PASSED]), *([FAILED] if self.word == "regressed" else []))

    @property
    def good(self) -> bool:
        """Whether it is part of the baseline of later nights."""
        counts = any(run.verdict != "unknown" for run in self.runs)
        return counts and self.word in {"no_baseline", "improved", "equivalent", "inconclusive"}

    @property
    def headline(self) -> str:
        return f"{self.scenario}: {TITLES[self.word]}"


def decide(rounds: Sequence[Comparison]) -> tuple[NightWord, str]:
    """The word of a night from its comparisons; a regression needs a second one with the same figure."""
    first = rounds[0]
    reasons = "; ".join(first.why)
    if first.verdict != "regressed":
        return first.verdict, reasons
    if len(rounds) == 1:
        return "not_confirmed", f"{reasons}; there was no second round"
    both = regressed(first) & regressed(rounds[1])
    if rounds[1].verdict == "regressed" and both:
        named = ", ".join(f"{name} of {of}" for of, name in sorted(both))
        return "regressed", f"Both rounds: {named}"
    return (
        "not_confirmed",
        f"First round: {reasons}. Second round: {'; '.join(rounds[1].why) or rounds[1].verdict}",
    )


def regressed(comparison: Comparison) -> set[tuple[str, str]]:
    """The figures that regressed."""
    return {(one.of, one.name) for one in comparison.figures if one.word == "regressed"}


def text(night: Night) -> str:
    """For a terminal."""
    parts = [f"  Night     {clean(night.headline)}", f"            {clean(night.why)}" if night.why else ""]
    parts += [comparison_text.text(one) for one in night.rounds]
    return "\n".join(part for part in parts if part)


def markdown(night: Night) -> str:
    """For a pull request and the page of a CI job: always something, also when there is nothing to compare with."""
    rows = [(str(run.round), cell(run.run_id), cell(run.verdict), str(run.exit_code)) for run in night.runs]
    parts = [
        f"# {MARKS[night.word]} Nightly: {cell(night.headline)}",
        cell(night.why),
        table(HEADS, rows) if rows else "No run was made.",
        *(comparison_markdown.markdown(one) for one in night.rounds),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def json_line(night: Night) -> str:
    """One JSON object: the contents of nightly.json."""
    return as_json(msgspec.to_builtins(night)) + "\n"


def junit(night: Night) -> str:
    """A case for each run, and one for the comparison with the baseline."""
    suite = ET.Element("testsuite", {"name": clean(f"nightly {night.scenario}")})
    for run in night.runs:
        case = _case(suite, f"run {run.run_id}")
        if run.verdict == "fail":
            ET.SubElement(case, "failure", {"message": f"exit code {run.exit_code}", "type": "fail"})
        elif run.verdict == "unknown":
            attributes = {"message": f"cannot be trusted: exit code {run.exit_code}", "type": "unknown"}
            ET.SubElement(case, "error", attributes)
    case = _case(suite, "compared with the baseline")
    if night.word == "regressed":
        ET.SubElement(case, "failure", {"message": clean(night.why), "type": night.word})
        lines = [
            f"{of} {name}: {wording.change(one.change, one)} ({wording.interval(one)})"
            for comparison in night.rounds
            for one in comparison.figures
            for of, name in [(one.of, one.name)]
            if one.word == "regressed"
        ]
        ET.SubElement(case, "system-out").text = clean("; ".join(lines))
    elif night.word not in {"improved", "equivalent"}:
        ET.SubElement(case, "skipped", {"message": clean(f"{TITLES[night.word]}: {night.why}")})
    for kind, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(plural, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("tests", str(len(suite)))
    root = ET.Element("testsuites", {"name": "mcp-harness nightly"})
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(suite: ET.Element, name: str) -> ET.Element:
    named = {"classname": suite.get("name", ""), "name": clean(name), "time": "0"}
    return ET.SubElement(suite, "testcase", named)
