"""The JSON Schema of summary.json, made of the structs that it is written from.

python -m harness.run_directory.results.schema > docs/summary.schema.json
"""

import json
from typing import Any, Final

import click
import msgspec

from harness.run_directory.results.summary import Summary

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TITLE: Final = "summary.json of mcp-harness, schema 1"


def schema() -> dict[str, Any]:
    """Whole numbers are numbers: JSON has one kind of them."""
    found = msgspec.json.schema(Summary)
    parts = {name: _tidy(part) for name, part in found["$defs"].items()}
    return {"$schema": DIALECT, **parts.pop("Summary"), "title": TITLE, "$defs": parts}


def text() -> str:
    """As it stands in docs."""
    return json.dumps(schema(), indent=1) + "\n"


def _tidy(part: Any) -> Any:
    """Descriptions on one line; no second name for what has one; a whole number or a number is a number."""
    if isinstance(part, list):
        return [_tidy(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {key: _tidy(value) for key, value in part.items() if key != "title"}
    if isinstance(said := found.get("description"), str):
        found["description"] = " ".join(said.split())
    if "anyOf" in found:
        wide = [one | {"type": "integer"} for one in found["anyOf"] if one.get("type") == "number"]
        found["anyOf"] = [one for one in found["anyOf"] if one not in wide]
        if len(found["anyOf"]) == 1:
            found |= found.pop("anyOf")[0]
    return found


if __name__ == "__main__":
    click.echo(text(), nl=False)
