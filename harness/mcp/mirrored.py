"""2026-07-28: tool arguments that the schema wants repeated in headers, so that proxies can route by them.

    {"region": {"type": "string", "x-mcp-header": "Region"}}   ->   Mcp-Param-Region: us-west1

- A header's name is a token, and used once in a tool, whatever its case.
- What is repeated is a text, a whole number or a truth value, found by names of `properties` alone: never below
  `items`, `anyOf`, `$ref` or their like. An argument that is null or absent has no header.
- A tool that breaks these rules must not be called at all: the header could be forged.
- What is no printable ASCII, has blanks at an edge or looks like the sentinel travels as `=?base64?...?=`.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Headers

MARK: Final = "x-mcp-header"
KINDS: Final = frozenset({"string", "integer", "boolean"})
DEPTH_MAX: Final = 32
# Header name -> the property names that lead to the argument.
Mirrored = Mapping[str, Sequence[str]]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def header_value(text: str) -> str:
    """Encode any text so that a header can carry it."""
    if _PLAIN.fullmatch(text) and not text.startswith("=?base64?"):
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode()}?="


def mirrored(schema: object) -> dict[str, list[str]]:
    """Which arguments of a tool go into which headers; ValueError when the tool must not be called."""
    headers: dict[str, list[str]] = {}
    for path, name, kind in _marks(schema, (), 0):
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header")
        if path is None:
            raise ValueError(f"{name} is not where properties lead")
        if not _is_plain(kind):
            raise ValueError(
                f"{name} is on {kind or 'no type'}, not on a text, a whole number or a truth value"
            )
        if name.lower() in {known.lower() for known in headers}:
            raise ValueError(f"{name} is used twice")
        headers[name] = list(path)
    return headers


def sort_out(
    tools: Iterable[JsonObject],
) -> tuple[list[JsonObject], dict[str, dict[str, list[str]]], dict[str, str]]:
    """Return the callable tools, their mirrored arguments, and why the other tools must not be called."""
    good: list[JsonObject] = []
    wanted: dict[str, dict[str, list[str]]] = {}
    refused: dict[str, str] = {}
    for tool in tools:
        try:
            headers = mirrored(tool.get("inputSchema"))
        except ValueError as error:
            refused[tool["name"]] = str(error)
            continue
        good.append(tool)
        if headers:
            wanted[tool["name"]] = headers
    return good, wanted, refused


def param_headers(wanted: Mirrored, arguments: Mapping[str, Any]) -> Headers:
    """The headers that one call needs for its mirrored arguments."""
    values = ((name, _reached(arguments, path)) for name, path in wanted.items())
    return tuple(
        (f"Mcp-Param-{name}", header_value(_shown(value))) for name, value in values if value is not None
    )


def _marks(
    node: object, path: tuple[str, ...] | None, depth: int
) -> Iterator[tuple[tuple[str, ...] | None, object, object]]:
    """Yield each mark of a schema: its path (None: not reached by properties alone), name and type."""
    if depth > DEPTH_MAX:
        raise ValueError("its schema is too deep to be read")
    if isinstance(node, list):
        for item in node:
            yield from _marks(item, None, depth + 1)
    if not isinstance(node, dict):
        return
    if MARK in node:
        yield path or None, node[MARK], node.get("type")
    for key, below in node.items():
        if key == "properties" and isinstance(below, dict):
            for name, item in below.items():
                yield from _marks(item, None if path is None else (*path, name), depth + 1)
        elif key not in {"const", "default", "enum", "examples", MARK}:  # values, not schemas
            yield from _marks(below, None, depth + 1)


def _is_plain(kind: object) -> bool:
    """Whether the type is one of KINDS, possibly with null."""
    kinds = (
        {kind} if isinstance(kind, str) else {*map(str, kind)} - {"null"} if isinstance(kind, list) else set()
    )
    return bool(kinds) and kinds <= KINDS


def _reached(arguments: object, path: Sequence[str]) -> object:
    for name in path:
        arguments = arguments.get(name) if isinstance(arguments, Mapping) else None
    return arguments


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
