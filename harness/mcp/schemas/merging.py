"""One schema out of several that hold together: what a `$ref` refers to, the parts of an `allOf`, a branch of an `anyOf`."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from harness.mcp.json_object import JsonObject

_ANCHORS: Final = ("$anchor", "$dynamicAnchor")


class UnknownReferenceError(Exception):
    """A reference to what is not in the schema."""


def resolved(root: Any, reference: object) -> Any:
    """What a reference within the schema refers to."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise UnknownReferenceError
    if not reference.startswith("#/") and reference != "#":
        return _anchored(root, reference[1:])
    value = root
    for part in reference[2:].split("/") if reference != "#" else ():
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        if (
            isinstance(value, list)
            and key.isascii()
            and key.isdigit()
            and len(key) < 6
            and int(key) < len(value)
        ):
            value = value[int(key)]
        elif isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            raise UnknownReferenceError
    return value


def _anchored(root: Any, name: str) -> Any:
    definitions = root.get("$defs") if isinstance(root, Mapping) else None
    for one in definitions.values() if isinstance(definitions, Mapping) else ():
        if isinstance(one, Mapping) and any(one.get(anchor) == name for anchor in _ANCHORS):
            return one
    raise UnknownReferenceError


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> JsonObject:
    """A schema that holds where both hold, as far as that can be said without solving them."""
    result: JsonObject = dict(one)
    for key, value in other.items():
        have = result.get(key)
        if have is None:
            result[key] = value
        elif key not in _FIRST_STAYS:
            result[key] = _JOINED.get(key, _second)(have, value)
    return result


def _second(_have: Any, value: Any) -> Any:
    return value


def _members(have: Any, value: Any) -> Any:
    if not isinstance(have, Mapping) or not isinstance(value, Mapping):
        return value
    return {**have, **{name: _both(have.get(name), item) for name, item in value.items()}}


def _all_of(have: Any, value: Any) -> Any:
    """The items of both lists, each once."""
    if not isinstance(have, list) or not isinstance(value, list):
        return value
    return [*have, *(item for item in value if item not in have)]


def _in_both(have: Any, value: Any) -> Any:
    if not isinstance(have, list) or not isinstance(value, list):
        return value
    return [item for item in have if item in value]


def _higher(have: Any, value: Any) -> Any:
    return max(have, value) if _numbers(have, value) else value


def _lower(have: Any, value: Any) -> Any:
    return min(have, value) if _numbers(have, value) else value


def _both(one: Any, other: Any) -> Any:
    return merged(one, other) if isinstance(one, Mapping) and isinstance(other, Mapping) else other


def _numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _type(one: Any, other: Any) -> Any:
    """The types that both allow."""
    first = one if isinstance(one, list) else [one]
    second = other if isinstance(other, list) else [other]
    narrowed = {("number", "integer"), ("integer", "number")}
    common = [kind for kind in first if kind in second] or [
        "integer" for a in first for b in second if (a, b) in narrowed
    ]
    return common[0] if len(common) == 1 else common or other


_FIRST_STAYS: Final = frozenset({"anyOf", "oneOf", "description", "title", "default"})
_JOINED: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "properties": _members,
    "required": _all_of,
    "allOf": _all_of,
    "enum": _in_both,
    "type": _type,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), _higher),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _lower),
}
