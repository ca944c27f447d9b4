"""A scenario as plain values, as scenario.yaml stores it: an objective and an abort rule are their text again."""

from dataclasses import fields, is_dataclass
from typing import Any

from harness.scenario.model import Scenario
from harness.scenario.objectives import AbortRule, Objective


def written(scenario: Scenario) -> dict[str, Any]:
    """The scenario as mappings, lists, texts and numbers."""
    return {field.name: _plain(getattr(scenario, field.name)) for field in fields(scenario)}


def _plain(value: Any) -> Any:
    if isinstance(value, Objective | AbortRule):
        return value.text
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
