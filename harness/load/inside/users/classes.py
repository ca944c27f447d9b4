"""The user classes of a run: those of locustfiles/ with their weights, or the workload's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from locust.util.load_locustfile import load_locustfile

from harness.load.engine import LoadSpec
from harness.scenario.catalogue import CLIENTS, USER_CLASSES


def locustfiles() -> Path:
    """Return the directory locustfiles/: beside the package in the repository, inside it in a wheel."""
    package = Path(__file__).parents[3]
    carried = package / "workspace" / "locustfiles"
    return carried if carried.is_dir() else package.parent / "locustfiles"


def load_classes(spec: LoadSpec) -> list[type[Any]]:
    """Return the user classes of this run with their weights.

    The master and all workers get the same list.
    """
    if spec.replay:
        return [_load("replay.py")["ReplayUser"]]
    if spec.clients:
        return _weighted(
            _load("clients.py"), {CLIENTS[key].class_name: each for key, each in spec.clients.items()}
        )
    if spec.workload:
        module = _load("workload.py")
        return [module["WorkloadUser"]]
    return _weighted(
        _load("mcp.py"), {USER_CLASSES[key].class_name: weight for key, weight in spec.mix.items()}
    )


def _load(name: str) -> dict[str, type[Any]]:
    classes, _shapes = load_locustfile(str(locustfiles() / name))
    return dict(classes)


def _weighted(classes: Mapping[str, type[Any]], weights: Mapping[str, int]) -> list[type[Any]]:
    chosen = []
    for name, weight in weights.items():
        if weight:
            user_class = classes[name]
            user_class.weight = weight
            chosen.append(user_class)
    return chosen
