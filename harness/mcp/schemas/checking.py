"""Holds a value against a foreign JSON Schema, within bounds: nothing is fetched, and no search takes for ever.

What the schema refers to outside of itself, and expressions that might take for ever, are not looked at.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from jsonschema import FormatChecker, exceptions, validators
from jsonschema.validators import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from harness.foundation.untrusted.printable import printable
from harness.mcp.schemas import patterns

REFERENCES_MOST: Final = 3_000
DEPTH_MOST: Final = 60
SHOWN_CHARS: Final = 160
# Those that are checked without help of other packages, and without an expression of somebody else's.
FORMATS: Final = ("date", "email", "ipv4", "ipv6", "uuid")
_CHECKER: Final = FormatChecker(FORMATS)


class TooMuchError(Exception):
    """A schema that cannot be followed within bounds."""


def differs(value: Any, schema: Any) -> str:
    """How the value differs from the schema; empty if it does not."""
    left = [REFERENCES_MOST]
    try:
        plain = _without_names(schema, 0)
        kind = validators.validator_for(plain, default=Draft202012Validator)
        kind.check_schema(plain)
        bounded = validators.extend(
            kind,
            {
                "pattern": _pattern,
                **{
                    word: partial(_counted, check=kind.VALIDATORS[word], left=left)
                    for word in ("$ref", "$dynamicRef")
                    if word in kind.VALIDATORS
                },
            },
        )
        checked = bounded(plain, registry=Registry(), format_checker=_CHECKER)
        best = exceptions.best_match(checked.iter_errors(value))
    except exceptions.SchemaError as error:
        return f"the schema is no JSON Schema: {printable(error.message, SHOWN_CHARS)}"
    except Unresolvable as error:
        return f"the schema refers to what is not in it: {printable(str(error.ref), SHOWN_CHARS)}"
    except (RecursionError, TooMuchError):
        return "the schema leads round and round"
    except (TypeError, ValueError, ArithmeticError, re.error) as error:
        return f"the schema cannot be followed: {printable(str(error), SHOWN_CHARS)}"
    if best is None:
        return ""
    where = best.json_path.removeprefix("$").lstrip(".")
    return printable(f"{where or 'the arguments'}: {best.message}", SHOWN_CHARS)


def _pattern(_validator: Any, pattern: Any, text: Any, _schema: Any) -> Iterator[Any]:
    if isinstance(text, str) and patterns.matches(pattern, text) is False:
        yield exceptions.ValidationError(f"{text!r} does not match {pattern!r}")


def _counted(validator: Any, value: Any, instance: Any, schema: Any, *, check: Any, left: list[int]) -> Any:
    """Follow a reference, but not more of them than there may be: they can double at every level."""
    left[0] -= 1
    if left[0] < 0:
        raise TooMuchError
    return check(validator, value, instance, schema)


def _without_names(schema: Any, depth: int) -> Any:
    """The schema without expressions for names of members, and without those that are not Python's (`\\p{L}`)."""
    if depth > DEPTH_MOST:
        raise RecursionError
    if isinstance(schema, Mapping):
        return {
            key: _without_names(item, depth + 1)
            for key, item in schema.items()
            if not (key == "patternProperties" and isinstance(item, Mapping))
            and not (key == "pattern" and isinstance(item, str) and not patterns.readable(item))
        }
    if isinstance(schema, list):
        return [_without_names(item, depth + 1) for item in schema]
    return schema
