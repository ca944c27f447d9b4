"""`harness nightly`: which scenario it runs, and that it can be run."""

import os
from pathlib import Path

import pytest
import yaml

from harness.cli.main import run
from harness.cli.nightly import default_path
from harness.scenario.plan.build import build
from harness.scenario.read import read_file, scenario_of

ROOT = Path(__file__).parents[2]


def test_the_nightly_scenario_takes_about_ten_minutes_and_has_everything() -> None:
    """A ramp, a while at the last good level, faults with room for their recovery, objectives."""
    scenario = scenario_of(read_file(ROOT / "scenarios" / "nightly.yaml"), "nightly")
    plan = build(scenario)

    assert 540 <= plan.duration_s <= 660
    assert (plan.steps[0].kind, plan.steps[-1].users) == ("ramp", "last_good")
    assert len(plan.faults) == 2
    assert scenario.objectives


def test_the_scenario_of_the_directory_comes_first_then_the_one_that_came_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So it runs anywhere, and is anybody's to change; what is wrong with it is said by its path."""
    monkeypatch.chdir(tmp_path)
    assert default_path() == ROOT / "scenarios" / "nightly.yaml"
    assert run(["nightly", "--workers", "0"]) == 2
    assert f"{ROOT}/scenarios/nightly.yaml has no workers" in capsys.readouterr().err

    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "nightly.yaml").write_text("load: []\n")
    assert run(["nightly"]) == 2
    assert "scenarios/nightly.yaml cannot be run as it is" in capsys.readouterr().err
    assert run(["nightly", "elsewhere.yaml"]) == 2
    assert os.listdir(tmp_path) == ["scenarios"]  # noqa: PTH208 - names


def test_the_workflow_runs_it_every_night_and_keeps_what_it_found() -> None:
    """On a cron, with no right to write; the run directory is kept however it ended."""
    text = (ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    (job,) = workflow["jobs"].values()
    runs = "\n".join(step.get("run", "") for step in job["steps"])

    assert workflow[True]["schedule"]  # YAML 1.1 takes the key `on` for a truth
    assert workflow["permissions"] == {"contents": "read"}
    assert "harness nightly" in runs
    assert "harness toxiproxy install" in runs
    (keeping,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert keeping["if"] == "always()"
