"""What a reply has to be like, so that it counts as a success: for servers that answer "Database error" as one.

    expect: {contains: note, lacks: "Database error", path: "$.notes[0].id", equal: {"$.notes[0].id": 1}, schema: {type: object}}

On the command line that is `--expect contains=note --expect 'path=$.notes[0].id==1' --expect schema=FILE`. `path`, `equal` and `schema` look at
the value of the reply (`harness.mcp.reply_content`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from harness.foundation.untrusted.documents import DocumentError, json_value, read_text, short
from harness.mcp.json_object import JsonObject
from harness.mcp.json_path import read_path
from harness.scenario.quantities import STRICT

TEXTS_MOST, TEXT_CHARS_MOST = 50, 10_000
KEYS: Final = ("contains", "lacks", "matches", "path", "schema")


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return value


def _path(value: str) -> str:
    read_path(value)
    return value


def _schema(value: JsonObject) -> JsonObject:
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(value).check_schema(value)
    except SchemaError as error:
        raise ValueError(f"is no JSON Schema: {short(error.message, 120)}") from None
    except RecursionError:
        raise ValueError("is no JSON Schema: it is nested too deep") from None
    return value


Text = Annotated[str, Field(min_length=1, max_length=TEXT_CHARS_MOST)]
Texts = Annotated[list[Text], BeforeValidator(_one_or_many), Field(max_length=TEXTS_MOST)]
At = Annotated[Text, AfterValidator(_path)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What a reply has to be like."""

    __pydantic_config__ = STRICT
    contains: Texts = field(default_factory=list)
    lacks: Texts = field(default_factory=list)
    matches: Annotated[Text, AfterValidator(_pattern)] | None = None
    path: Annotated[list[At], BeforeValidator(_one_or_many), Field(max_length=TEXTS_MOST)] = field(
        default_factory=list
    )
    equal: Annotated[dict[At, Any], Field(max_length=TEXTS_MOST)] = field(default_factory=dict)
    schema: Annotated[JsonObject, AfterValidator(_schema)] | None = None


def expect_from_flags(texts: Iterable[str]) -> JsonObject:
    """Read `--expect`: KEY=VALUE each; ValueError says what is wrong."""
    data: JsonObject = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or key not in KEYS:
            raise ValueError(f"it is one of {', '.join(f'{each}=...' for each in KEYS)}")
        if key in {"matches", "schema"} and key in data:
            raise ValueError(f"{key} is given twice")
        if key == "schema":
            data["schema"] = _from_file(value)
        elif key == "matches":
            data["matches"] = value
        elif key == "path" and "==" in value:
            path, _, wanted = value.partition("==")
            data.setdefault("equal", {})[path.strip()] = _wanted(wanted.strip())
        else:
            data.setdefault(key, []).append(value)
    return data


def _wanted(text: str) -> Any:
    """Return the JSON value; a text needs no quotes."""
    try:
        return json_value(text)
    except DocumentError:
        return text


def _from_file(path: str) -> Any:
    try:
        return json_value(read_text(Path(path)))
    except DocumentError as error:
        raise ValueError(f"{short(path, 120)} is not JSON: {error}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{short(path, 120)} cannot be read: {short(str(error), 200)}") from None
