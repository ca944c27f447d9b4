"""Validates a value against a foreign JSON Schema. Pure, and within bounds.

Nothing is fetched that a schema refers to, and no pattern of it is tried: an expression of somebody else's may take for ever. Where more
than the pattern itself depends on one, nobody can say.
"""

from typing import Any, Final

from jsonschema import exceptions, validators
from jsonschema.validators import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from harness.foundation.untrusted.printable import printable

PATTERNS: Final = frozenset({"pattern", "patternProperties"})
DEPENDENT: Final = frozenset({"patternProperties", "not", "oneOf", "if"})  # on whether another part holds
DEPTH_MOST: Final = 50
SHOWN_CHARS: Final = 120


def can_be_held(schema: Any) -> bool:
    """Whether the schema can be checked without text patterns."""
    keys = _keys(schema, 0)
    return not (keys & PATTERNS and keys & DEPENDENT)


def differs(value: Any, schema: Any) -> str:
    """Return how the value differs from the schema; empty if it does not."""
    try:
        plain = _without_patterns(schema, 0)
        kind = validators.validator_for(plain, default=Draft202012Validator)
        kind.check_schema(plain)
        found = exceptions.best_match(kind(plain, registry=Registry()).iter_errors(value))
    except exceptions.SchemaError as error:
        return f"its outputSchema is not a JSON Schema: {printable(error.message, SHOWN_CHARS)}"
    except Unresolvable as error:
        return f"its outputSchema has a reference that does not resolve: {printable(error.ref, SHOWN_CHARS)}"
    except RecursionError:
        return "its outputSchema refers to itself without end"
    if found is None:
        return ""
    where = found.json_path.removeprefix("$").lstrip(".")
    return f"{printable(where or 'the result', SHOWN_CHARS)}: {printable(found.message, SHOWN_CHARS)}"


def _keys(schema: Any, depth: int) -> set[str]:
    """All keys, names of the tool's own among them: rather one too many."""
    if depth > DEPTH_MOST:
        return set()
    if isinstance(schema, dict):
        return set(schema).union(*(_keys(item, depth + 1) for item in schema.values()))
    if isinstance(schema, list):
        return set().union(*(_keys(item, depth + 1) for item in schema))
    return set()


def _without_patterns(schema: Any, depth: int, *, names: bool = False) -> Any:
    """`names`: the keys are names of the tool's own, such as a member called format."""
    if depth > DEPTH_MOST:
        raise RecursionError
    if isinstance(schema, dict):
        return {
            key: _without_patterns(
                item, depth + 1, names=not names and key in {"properties", "$defs", "definitions"}
            )
            for key, item in schema.items()
            if names or key not in PATTERNS
        }
    if isinstance(schema, list):
        return [_without_patterns(item, depth + 1) for item in schema]
    return schema
