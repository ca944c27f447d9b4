"""Sides on the command line: runs, patterns, names that somebody else knows; and what of a run directory is compared."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from harness.cli.compare import command
from harness.foundation.errors import UsageError
from harness.history.comparison import run_figures
from harness.history.comparison.comparing import Side, compare
from harness.history.comparison.measured import MeasuredRun
from harness.history.comparison.sides import side
from tests.fakes.measured import run as measured_run
from tests.history.past import HERE, latency, past, step


def told(path: Path, **more: object) -> None:
    """Change the summary of a run."""
    file = path / "summary.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


def test_a_run_a_list_and_a_pattern_are_sides(tmp_path: Path) -> None:
    """Oldest first, each once; what has no result is passed over by a pattern."""
    first, second = past(tmp_path, 1), past(tmp_path, 2)
    past(tmp_path, 3, ended=False)
    (tmp_path / "night" / "latest").symlink_to(second.name)

    assert [one.run_id for one in side(str(first)).runs] == [first.name]
    assert [one.run_id for one in side(f"{second},{first},{first}").runs] == [first.name, second.name]
    assert [one.run_id for one in side(str(tmp_path / "night" / "*")).runs] == [first.name, second.name]
    assert [one.run_id for one in side(str(tmp_path / "night")).runs] == [second.name]


class Known:
    """Knows one name."""

    def find(self, text: str) -> Sequence[MeasuredRun] | None:
        return [measured_run(5), measured_run(1)] if text == "baseline" else None


def test_other_names_are_asked_of_those_who_know_them() -> None:
    """A tag, a branch, the baseline."""
    assert [one.run_id for one in side("baseline", [Known()]).runs] == ["run-1", "run-5"]
    with pytest.raises(UsageError, match="There is no run nobody"):
        side("nobody", [Known()])


@pytest.mark.parametrize("text", ["", " , ", "/nowhere", "/nowhere/*", "x" * 5000, "a\0b", "a\0*"])
def test_a_side_that_is_nothing_is_a_usage_error(text: str) -> None:
    """Three lines, whatever it is."""
    with pytest.raises(UsageError) as caught:
        side(text)
    assert len(caught.value.lines()) == 3


def test_a_run_without_a_result_says_how_to_get_one(tmp_path: Path) -> None:
    """A run that was cut off, or whose summary is damaged."""
    path = past(tmp_path, 1, ended=False)
    with pytest.raises(UsageError, match="no result that can be compared"):
        side(str(path))
    (path / "summary.json").write_text("{")
    with pytest.raises(UsageError, match="no result that can be compared"):
        side(str(path))


def test_the_figures_of_a_run_are_those_of_its_steps_levels_faults_and_operations(tmp_path: Path) -> None:
    """Held steps lead; a ramp's levels and operations follow; the breaking point is known to a level."""
    path = past(tmp_path, 1)
    operation = {
        "operation": "ping",
        "user_class": "LightUser",
        "ok": 90,
        "failed": 10,
        "success_rate": 0.9,
        "throughput_rps": 5.0,
    }
    told(
        path,
        breaking_point={"users": 10, "last_good_users": 5},
        capacity={"peak_rps": 321.0},
        faults=[{"name": "cut", "recover_s": 2.0}, {"name": "slow", "recover_s": None}],
        sessions={"lost": 3},
        target={"server": {"name": "tiny", "version": "1.0"}, "protocol": "sse", "rss_max_mb": 80.0},
        operations=[
            operation | {"latency_ms": latency(8.0)},
            operation | {"operation": "rare", "latency_ms": {"response": {}}},
        ],
        failures=[{"outcome": "reset", "detail": "gone", "count": 4}],
        generator={"saturated": True, "run_delay_max": 0.5},
    )
    found = run_figures.of_directory(path)
    values = {(one.of, one.name): one for one in found.values}

    assert values["sustain", "p95"].leading
    assert values["sustain", "p95"].value == 20.0
    assert not values["ramp at 5 users", "p95"].leading
    assert not values["ping by LightUser", "p95"].leading
    assert values["ping by LightUser", "success"].doubt == pytest.approx(0.0305, abs=0.001)
    assert values["ramp", "breaking point"].doubt == pytest.approx(5 / 12**0.5)
    assert values["ramp", "capacity"].value == 321.0
    assert values["cut", "recovery"].value == 2.0
    assert values["whole run", "sessions lost"].value == 3
    assert values["server", "memory"].value == 80.0
    assert ("slow", "recovery") not in values
    assert ("rare by LightUser", "throughput") not in values
    assert ("whole run", "p95") not in values
    assert found.errors[0].count == 4
    assert len(found.noise) == 2


@pytest.mark.parametrize(
    ("processors", "said"),
    [
        ({"steal_share": 0.02, "clock_mhz_low": None, "clock_mhz_high": None}, "steal time"),
        (
            {"steal_share": 0.0, "clock_mhz_low": 2000, "clock_mhz_high": 2900},
            "the clock of the processors varied",
        ),
        ({"steal_share": 0.005, "clock_mhz_low": 2800, "clock_mhz_high": 2900}, ""),
        ({"steal_share": "much", "clock_mhz_low": [], "clock_mhz_high": None}, ""),
        (None, ""),
    ],
)
def test_what_the_processors_did_is_named_where_the_kernel_tells(
    tmp_path: Path, processors: object, said: str
) -> None:
    """Steal time of a hundredth, and a clock that went up and down by a tenth."""
    noise = run_figures.of_directory(past(tmp_path, 1, processors=processors)).noise

    assert [said in one for one in noise] == ([True] if said else [])


def test_an_update_of_the_kernel_is_the_same_machine_and_is_said(tmp_path: Path) -> None:
    """A comparison across it is what somebody wants to see."""
    release = "Linux-{}-generic-x86_64-with-glibc2.39"
    a, b, windows = (
        run_figures.of_directory(past(tmp_path, day, machine=HERE | {"platform": platform}))
        for day, platform in enumerate((release.format("6.8.0"), release.format("6.14.0"), "Windows-11"), 1)
    )
    found = compare(Side(label="a", runs=(a,)), Side(label="b", runs=(b,)))

    assert a.kind == b.kind
    assert a.kind != windows.kind
    assert any("6.8.0" in note and "6.14.0" in note and "updated" in note for note in found.notes)


def test_a_run_without_a_held_step_is_compared_as_a_whole(tmp_path: Path) -> None:
    """A ramp alone."""
    path = past(tmp_path, 1)
    told(path, steps=[step(0, "ramp", 5), step(1, "ramp", 10)])

    assert {one.of for one in run_figures.of_directory(path).values if one.leading} == {"whole run"}


def test_a_scenario_is_the_same_whoever_is_its_target(tmp_path: Path) -> None:
    """Address, seed and objectives do not change what is asked of a server; its load does."""
    hashes = []
    base = {"name": "a", "load": [{"sustain": {"users": 3}}], "target": {"url": "http://a"}, "seed": 1}
    for number, change in enumerate(
        ({}, {"seed": 2}, {"target": {"url": "http://b"}}, {"objectives": ["p95 < 1s"]}, {"think": True})
    ):
        place = tmp_path / str(number)
        place.mkdir()
        (place / "scenario.yaml").write_text(yaml.safe_dump(base | change))
        hashes.append(run_figures.scenario_hash(place))
    nothing = tmp_path / "nothing"
    nothing.mkdir()

    assert len(set(hashes[:4])) == 1
    assert hashes[4] != hashes[0]
    assert run_figures.scenario_hash(nothing) == ""


def test_the_command_describes_one_pair_and_refuses_a_verdict(tmp_path: Path) -> None:
    """Exit 3; 0 when none is asked for; files on demand."""
    for day in (1, 2):
        (past(tmp_path, day) / "scenario.yaml").write_text("load: []\n")
    sides = [str(path) for path in sorted((tmp_path / "night").iterdir())]
    runner = CliRunner()
    asked = runner.invoke(command, sides, standalone_mode=False)
    described = runner.invoke(
        command, [*sides, "--describe", "--report", str(tmp_path / "out")], standalone_mode=False
    )
    as_json = runner.invoke(command, [*sides, "--json", "--gate-latency", "10%"], standalone_mode=False)

    assert (asked.return_value, described.return_value) == (3, 0)
    assert "One run a side can only describe" in asked.output
    assert "compare.html" in described.output
    assert json.loads(as_json.output)["verdict"] == "inconclusive"
    assert isinstance(runner.invoke(command, [*sides, "--describe", "--force"]).exception, UsageError)
