"""What a nightly run says of itself and the run before: files, text, Markdown."""

import json
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from harness.history import night
from harness.history.pair import ONLY_DESCRIBES
from harness.report.json import summary_json
from harness.report.reading import Reading, read
from tests.fakes.runs import Run


def made(root: Path, day: int, ms: float, **facts: object) -> Reading:
    """A run of one held level, read."""
    name = f"202601{day:02}T030000Z-abc123"
    run = Run(name="night", metadata={"run_id": name, "started_at": f"2026-01-{day:02}T03:00:00Z", **facts})
    run.level(5, kind="sustain", phase="steady", ms=ms)
    run.end()
    reading = read(run.write(root / "night" / name))
    (reading.run_dir / "summary.json").write_text(summary_json(reading))
    return reading


def test_a_first_night_has_nothing_beside_it_and_says_so(tmp_path: Path) -> None:
    """Runs on other machines do not count; the files are there all the same."""
    made(tmp_path, 1, 20.0, machine={"host": "there"})

    said = night.write(reading := made(tmp_path, 2, 20.0), tmp_path)

    assert said.pair is None
    assert "on this machine (1 on other machines)" in said.text()
    assert json.loads((reading.run_dir / "nightly.json").read_text())["pair"] is None
    assert (reading.run_dir / "nightly.md").read_text() == said.markdown()


def test_a_second_night_stands_beside_the_first(tmp_path: Path) -> None:
    """Was, is, change; that it only describes; and what spoils even that."""
    made(tmp_path, 1, 20.0, versions={"locust": "2.46.0|x"})

    said = night.write(reading := made(tmp_path, 2, 30.0, versions={"locust": "2.47.0"}), tmp_path)
    text, page = said.text(), (reading.run_dir / "nightly.md").read_text()

    assert "Beside 20260101T030000Z-abc123 (2026-01-01 03:00 UTC)" in text
    assert [line.split() for line in text.splitlines() if line.split()[:2] == ["steady", "p95"]] == [
        ["steady", "p95", "20.0", "ms", "30.0", "ms", "+50.0%"]
    ]
    assert ONLY_DESCRIBES in text
    assert "Not alike: locust was 2.46.0|x, is 2.47.0." in text
    assert "| steady | p95 | 20.0 ms | 30.0 ms | +50.0% |" in page
    assert "cannot tell noise from change" in page
    assert r"2.46.0\|x" in page
    assert json.loads((reading.run_dir / "nightly.json").read_text())["pair"]["only_describes"] is True


def test_a_run_that_cannot_be_trusted_is_named(tmp_path: Path) -> None:
    """Neither can the change."""
    made(tmp_path, 1, 20.0)
    read_again = made(tmp_path, 2, 20.0)
    this = replace(read_again, summary=structs.replace(read_again.summary, verdict="unknown"))

    assert "This run cannot be trusted" in night.write(this, tmp_path).text()
