"""The lock of tools: their names and schemas as they were when somebody said that they are good; a JSON file that a review can read.

Descriptions are for models, and change; what a client relies on is the name, the arguments and the result.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.foundation.errors import UsageError
from harness.foundation.untrusted import documents
from harness.foundation.untrusted.documents import short
from harness.foundation.untrusted.printable import printable
from harness.mcp.json_object import JsonObject

NAME: Final = "tools.lock.json"
KEPT: Final = ("inputSchema", "outputSchema")
DIFFERENCES_MOST: Final = 10
DEPTH_MOST: Final = 30
_WORDS: Final = frozenset({"title", "description", "examples", "$comment"})  # of no consequence


def locked(tools: Sequence[Mapping[str, Any]]) -> JsonObject:
    """What is kept of a list of tools."""
    return {
        str(tool["name"]): {key: _bare(tool[key]) for key in KEPT if tool.get(key) is not None}
        for tool in sorted(tools, key=lambda tool: str(tool["name"]))
    }


def text_of(tools: Sequence[Mapping[str, Any]]) -> str:
    """The file."""
    return json.dumps({"tools": locked(tools)}, indent=2, ensure_ascii=False) + "\n"


def read_file(path: Path) -> JsonObject:
    """What was kept."""
    try:
        data = documents.json_value(documents.read_text(path))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"Cannot read the lock {short(str(path), 120)}",
            short(str(error), 300),
            "harness verify --url URL --learn writes one",
        ) from error
    tools = data.get("tools") if isinstance(data, dict) else None
    if not isinstance(tools, dict) or not all(isinstance(each, dict) for each in tools.values()):
        raise UsageError(
            f"{short(str(path), 120)} is not a lock of tools",
            "It has no mapping named `tools`",
            "harness verify --url URL --learn writes one",
        )
    return tools


def differences(kept: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is not as it was, a line each."""
    now = locked(tools)
    changes = [f"{_shown(name)} is gone" for name in kept if name not in now]
    changes += [f"{_shown(name)} is new" for name in now if name not in kept]
    for name in kept:
        if name in now:
            changes += [f"{_shown(name)}: {line}" for line in _apart(kept[name], now[name], "", 0)]
    more = len(changes) - DIFFERENCES_MOST
    return changes[:DIFFERENCES_MOST] + ([f"and {more} more"] if more > 0 else [])


def _apart(was: Any, now: Any, path: str, depth: int) -> Iterator[str]:
    if was == now or depth > DEPTH_MOST:
        if was != now:
            yield f"{path} changed"
        return
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*was, *now]):
            step = f"{path}.{key}".lstrip(".")
            if key not in now:
                yield f"{_shown(step)} is gone"
            elif key not in was:
                yield f"{_shown(step)} is new"
            else:
                yield from _apart(was[key], now[key], step, depth + 1)
        return
    yield f"{_shown(path)} was {_shown(json.dumps(was))}, is {_shown(json.dumps(now))}"


def _bare(schema: Any, *, names: bool = False) -> Any:
    """A schema without its words; `names`: the keys are names of somebody's own, such as an argument called title."""
    if isinstance(schema, dict):
        return {
            key: _bare(item, names=not names and key in {"properties", "$defs", "definitions"})
            for key, item in sorted(schema.items())
            if names or key not in _WORDS
        }
    if isinstance(schema, list):
        plain = [_bare(item) for item in schema]
        return sorted(plain) if all(isinstance(item, str) for item in plain) else plain
    return schema


def _shown(text: str) -> str:
    return printable(text, 80)
