"""A comparison in every format: the verdict first, nothing foreign gets out, the file is what its schema says."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from msgspec import structs

from harness.cli import compare as cli
from harness.foundation.errors import UsageError
from harness.history.comparison import files, terminal, wording
from harness.history.comparison.comparing import Rules, Side, compare
from harness.history.comparison.comparison import Compared, Comparison
from harness.history.comparison.page import drawing
from tests.fakes.measured import run, turns

SLOWER = compare(*turns("ABBAABBAAB", slower=1.15))


def test_the_command_knows_every_format() -> None:
    """Without importing them for its help."""
    assert tuple(files.FORMATS) == cli.FORMATS


def test_a_terminal_shows_each_figure_and_ends_with_the_verdict() -> None:
    """Aligned, with the interval and p; a name stands once."""
    lines = terminal.text(SLOWER).splitlines()
    table = [line.split() for line in lines if line.split()[:1] in (["steady"], ["p95"])]

    assert lines[1].strip() == "A = a: 5 runs, version 1.0"
    assert table[0][1] == "throughput"
    assert table[-1][0] == "p95"
    assert table[-1][-1] == "regressed"
    assert re.search(r"\+1\d\.\d%\s+\+\d+\.\d to \+\d+\.\d%\s+<?0\.\d+\s+regressed", "\n".join(lines))
    assert lines[-1].strip() == "REGRESSED   B is worse than A: steady: throughput, steady: p50, steady: p95."


def test_json_is_one_object_that_reads_back_as_it_was() -> None:
    """compare.json, schema 1."""
    line = files.json_line(SLOWER)

    assert line.count("\n") == 1
    assert msgspec.json.decode(line, type=Comparison) == SLOWER
    assert json.loads(line)["schema"] == 1


def test_markdown_has_the_verdict_in_its_title() -> None:
    """And a mark for every word."""
    page = files.FORMATS["markdown"](SLOWER)

    assert page.startswith("## ❌ night: regressed")
    assert "❌ regressed |" in page


def test_junit_fails_what_regressed_and_errs_when_it_cannot_tell() -> None:
    """A CI shows both for what they are; what only describes fails nothing."""
    failing = ET.fromstring(files.FORMATS["junit"](SLOWER))
    blind = ET.fromstring(files.FORMATS["junit"](compare(*turns("AB"))))
    described = ET.fromstring(files.FORMATS["junit"](compare(*turns("AB"), Rules(describes=True))))

    assert [case.get("name") for case in failing.iter("testcase") if case.find("failure") is not None] == [
        "throughput",
        "p50",
        "p95",
    ]
    assert failing.get("failures") == "3"
    assert blind.get("errors") == "1"
    assert described.get("errors") == "0"


def test_the_page_is_self_contained_and_draws_every_interval() -> None:
    """No script, nothing loaded, a drawing with a label for each figure."""
    page = files.FORMATS["html"](SLOWER)

    assert "<script" not in page
    assert not re.search(r'(src|href)="', page)
    assert "prefers-color-scheme:dark" in page
    assert page.count('role="img"') == len(SLOWER.figures)


def test_an_interval_far_beyond_the_gate_stays_in_its_drawing() -> None:
    """And one without a gate has none."""
    wide = structs.replace(SLOWER.figures[0], interval=(-0.9999, 900.0), change=40.0)
    drawn = drawing(wide)

    assert drawn is not None
    assert all(0 <= float(x) <= 220 for x in re.findall(r'(?:x1|x2|cx)="([\d.]+)"', drawn.text))
    assert drawing(structs.replace(wide, gate=None)) is None


@pytest.mark.parametrize("name", files.FORMATS)
def test_nothing_foreign_reaches_a_terminal_or_a_page(name: str) -> None:
    """Names of steps and errors come from servers and files of others."""
    evil = "x\x1b[2J<script>alert(1)</script>|::error::"
    a = Side(label=evil, runs=(run(0), run(200)))
    b = Side(label="b", runs=(run(100, of=evil, errors=[evil]), run(300, of=evil, errors=[evil])))
    text = files.FORMATS[name](compare(a, b, Rules(describes=True)))

    assert "\x1b" not in text
    assert name in {"json", "terminal"} or "<script>" not in text
    assert not re.search(r"^\s*::error::", text, re.MULTILINE)


def test_many_new_errors_are_counted_not_listed() -> None:
    """Ten are shown."""
    b = Side(label="b", runs=(run(100, errors=[f"e{n}" for n in range(14)]),))
    told = wording.remarks(compare(Side(label="a", runs=(run(0),)), b, Rules(describes=True)))

    assert sum(text.startswith("New kind of error") for text in told) == 10
    assert "4 more new kinds of errors" in told


@pytest.mark.parametrize(
    ("unit", "ratio", "change", "said"),
    [
        ("ms", True, 0.1234, "+12.3%"),
        ("ms", True, 40.0, "\N{MULTIPLICATION SIGN}41.0"),
        ("share", False, -0.0123, "-1.23 points"),
        ("s", False, 2.0, "+2.0 s"),
        ("count", False, 3.0, "+3.0"),
        ("ms", True, None, "\N{EN DASH}"),
    ],
)
def test_changes_are_said_in_the_unit_of_their_figure(
    unit: str, ratio: bool, change: float | None, said: str
) -> None:
    """A ratio in percent, a share in points."""
    one: Compared = structs.replace(SLOWER.figures[0], unit=unit, ratio=ratio)

    assert wording.change(change, one) == said


def test_megabytes_are_shown() -> None:
    """Three digits."""
    assert [wording.show(value, "mb") for value in (96.44, 1234.5, None)] == [
        "96.4 MB",
        "1,234 MB",
        "\N{EN DASH}",
    ]


def test_every_file_is_written_and_a_place_that_cannot_be_is_said(tmp_path: Path) -> None:
    """Four files; a file where the directory should be."""
    files.write(SLOWER, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(files.FILES)

    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="Cannot write"):
        files.write(SLOWER, tmp_path / "taken" / "deeper")


def test_operations_are_counted_in_a_terminal_and_shown_when_asked() -> None:
    """A dozen operations would hide the rest."""
    a, b = turns("ABBAABBAAB")
    more = [
        Side(
            label=side.label,
            runs=tuple(
                structs.replace(
                    one,
                    values=(
                        *one.values,
                        *(structs.replace(v, of="ping by LightUser", leading=False) for v in one.values),
                    ),
                )
                for one in side.runs
            ),
        )
        for side in (a, b)
    ]
    found = compare(*more)

    assert (
        "4 figures of operations and levels are not in the table: 4 equivalent, 0 inconclusive"
        in terminal.text(found)
    )
    assert "ping by LightUser" in terminal.text(found, everything=True)
