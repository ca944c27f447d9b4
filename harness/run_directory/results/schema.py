"""Generate the JSON Schema of summary.json from the structs that it is written from.

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
    """The JSON Schema of summary.json; whole numbers are `number`, because JSON has one kind of number."""
    whole = msgspec.json.schema(Summary)
    parts = {name: _tidy(part) for name, part in whole["$defs"].items()}
    return {"$schema": DIALECT, **parts.pop("Summary"), "title": TITLE, "$defs": parts}


def text() -> str:
    """The schema as the text of docs/summary.schema.json."""
    return json.dumps(schema(), indent=1) + "\n"


def _tidy(part: Any) -> Any:
    """Put descriptions on one line, drop titles, and merge `integer or number` into `number`."""
    if isinstance(part, list):
        return [_tidy(one) for one in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _tidy(value) for key, value in part.items() if key != "title"}
    if isinstance(description := kept.get("description"), str):
        kept["description"] = " ".join(description.split())
    if "anyOf" in kept:
        wide = [one | {"type": "integer"} for one in kept["anyOf"] if one.get("type") == "number"]
        kept["anyOf"] = [one for one in kept["anyOf"] if one not in wide]
        if len(kept["anyOf"]) == 1:
            kept |= kept.pop("anyOf")[0]
    return kept


if __name__ == "__main__":
    click.echo(text(), nl=False)
