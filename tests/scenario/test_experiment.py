"""Experiments: what the harness reads in a file that is Chaos Toolkit's."""

from pathlib import Path

import pytest
import yaml
from chaoslib.experiment import ensure_experiment_is_valid

from harness.foundation.errors import UsageError
from harness.scenario.experiment import read_experiment

CHAOS = sorted((Path(__file__).parents[2] / "chaos").glob("*.yaml"))
APPLY = "{type: action, name: a, provider: {type: python, module: harness.faults.toolkit, func: apply, arguments: %s}}"


@pytest.mark.parametrize("path", CHAOS, ids=lambda path: path.stem)
def test_every_experiment_that_ships_is_valid_and_heals_what_it_applies(path: Path) -> None:
    """Valid for Chaos Toolkit, its faults known, each of them named in the method's end and in the rollbacks."""
    ensure_experiment_is_valid(yaml.safe_load(path.read_text(encoding="utf-8")))

    experiment = read_experiment(path)
    assert experiment.faults
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for part in ("method", "rollbacks"):
        healed = {
            step["provider"]["arguments"]["name"] for step in data[part] if step["provider"]["func"] == "heal"
        }
        assert healed == {fault.name for fault in experiment.faults}


def test_faults_are_found_wherever_they_stand(tmp_path: Path) -> None:
    """In the method, in rollbacks; the actions of others are left to them."""
    path = tmp_path / "e.yaml"
    other = (
        "{type: action, name: b, provider: {type: python, module: other, func: apply, arguments: {fault: x}}}"
    )
    slow, down = (
        APPLY % f'{{fault: "{text}"}}' for text in ("latency:latency=1s,name=slow", "down:link=database")
    )
    path.write_text(f"title: t\nmethod: [{slow}, {other}]\nrollbacks: [{down}]\n")

    found = read_experiment(path)
    assert found.title == "t"
    assert [(fault.name, fault.kind, fault.link) for fault in found.faults] == [
        ("slow", "latency", "client"),
        ("down", "down", "database"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "Cannot read the experiment"),
        ("a: [", "is neither YAML nor JSON"),
        ("[]", "is not a Chaos Toolkit experiment"),
        ("title: t\nmethod: {}", "is not a Chaos Toolkit experiment"),
        (f"title: t\nmethod: [{APPLY % '{}'}]", "the fault 'None' cannot be applied"),
        (f"title: t\nmethod: [{APPLY % '{fault: latncy}'}]", "did you mean latency?"),
        (f"title: t\nmethod: [{APPLY % '{fault: latency}'}]", "latency: is missing"),
    ],
)
def test_what_could_never_be_played_is_refused_beforehand(
    tmp_path: Path, text: str | None, message: str
) -> None:
    """Before anything starts: exit 2, and what would be right."""
    path = tmp_path / "e.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_experiment(path)

    assert message in str(caught.value)
