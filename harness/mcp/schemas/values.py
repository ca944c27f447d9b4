"""Draws a value of a JSON Schema.

    const, enum, examples, default      one of what the schema itself says
    $ref, allOf, anyOf, oneOf           followed, joined, chosen from
    object                              what is required always, the rest now and then
    array, number, string               within the bounds, of the format, after the pattern

What a schema can say in other ways (`not`, `if`, `dependentSchemas`, `contains`) is not solved: what is drawn is held
against the schema afterwards (`arguments`), and drawn again. Where a text may be anything, values that the server has
shown come first, then words of the description (`words`, `learnt`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from harness.mcp.json_object import JsonObject
from harness.mcp.schemas import patterns, texts, words
from harness.mcp.schemas.learnt import Learnt
from harness.mcp.schemas.merging import UnknownReferenceError, merged, resolved

DEPTH_MOST: Final = 16
DEEP: Final = 5  # from here on only what is required
STEPS_MOST: Final = 3_000
ITEMS_MOST: Final = 200
SPAN: Final = 9  # of a number that has one bound, or none
_OF_KEYWORD: Final = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "minimum": "number",
    "maximum": "number",
    "multipleOf": "number",
    "pattern": "string",
    "format": "string",
    "minLength": "string",
    "maxLength": "string",
}


class NoValueError(Exception):
    """The schema allows no value, or none that could be found within bounds; the text says why."""


@dataclass(slots=True)
class Drawing:
    """One draw: the whole schema, the source of chance, and what is known of the server."""

    root: Any
    rng: Random
    learnt: Learnt = field(default_factory=Learnt)
    about: str = ""  # what the tool says of itself
    optional: float = 0.0  # the chance of what is not required
    first: bool = False  # the likeliest value of each, instead of any
    least: bool = False  # of numbers the least, whatever the schema proposes
    steps: int = 0

    def value(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """A value for this part of the schema; `name` is the argument's."""
        self.steps += 1
        if depth > DEPTH_MOST or self.steps > STEPS_MOST:
            raise NoValueError("its schema leads round and round, or is too large")
        if schema is False:
            raise NoValueError("its schema allows no value")
        if not isinstance(schema, Mapping):
            return texts.word(self.rng, 0, None)
        schema = self._whole(schema, depth)
        for key in ("anyOf", "oneOf"):
            if isinstance(schema.get(key), list) and schema[key] and not self._said(schema):
                return self._branch(schema, key, name, depth)
        listed, kind = self._said(schema), self._type(schema)
        proposed = kind in {"integer", "number"} and not {"const", "enum"} & schema.keys()
        if listed and not (proposed and (self.least or (not self.first and self.rng.random() < 0.5))):
            return listed[0] if self.first else self.rng.choice(listed)
        return self._of_type(kind, schema, name, depth)

    def _whole(self, schema: Mapping[str, Any], depth: int) -> JsonObject:
        """The schema with its references followed and its `allOf` joined."""
        whole = dict(schema)
        for _ in range(DEPTH_MOST):
            reference = whole.pop("$ref", None) or whole.pop("$dynamicRef", None)
            parts = whole.pop("allOf", None)
            if reference is None and not parts:
                return whole
            self.steps += 1
            if self.steps > STEPS_MOST:
                break
            if reference is not None:
                try:
                    other = resolved(self.root, reference)
                except UnknownReferenceError:
                    raise NoValueError(
                        f"its schema refers to {str(reference)[:80]}, which is not in it"
                    ) from None
                whole = merged(other, whole) if isinstance(other, Mapping) else whole
            for part in parts if isinstance(parts, list) else ():
                whole = (
                    merged(whole, self._whole(part, depth + 1))
                    if isinstance(part, Mapping) and depth < DEPTH_MOST
                    else whole
                )
        raise NoValueError("its schema leads round and round, or is too large")

    @staticmethod
    def _said(schema: Mapping[str, Any]) -> list[Any]:
        """The values that the schema itself names."""
        if "const" in schema:
            return [schema["const"]]
        enum = schema.get("enum")
        if isinstance(enum, list):
            return enum
        examples = schema.get("examples")
        listed = [*examples] if isinstance(examples, list) else []
        if "example" in schema:
            listed.append(schema["example"])
        if "default" in schema and schema["default"] not in listed and schema["default"] is not None:
            listed.insert(0, schema["default"])
        return listed

    def _branch(self, schema: JsonObject, key: str, name: str, depth: int) -> Any:
        """A value of one of the branches; of several only the first that has one."""
        outside = {word: value for word, value in schema.items() if word != key}
        branches = [part for part in schema[key] if isinstance(part, Mapping)]
        if not self.first:
            self.rng.shuffle(branches)
        branches.sort(key=lambda part: part.get("type") == "null")
        why = NoValueError("its schema allows no value")
        for part in branches:
            try:
                return self.value(merged(outside, part), name, depth + 1)
            except NoValueError as error:
                why = error
        raise why

    def _type(self, schema: Mapping[str, Any]) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kinds = [one for one in kind if isinstance(one, str) and one != "null"]
            if not kinds:
                return "null"
            return kinds[0] if self.first else self.rng.choice(kinds)
        if isinstance(kind, str):
            return kind
        return next((named for word, named in _OF_KEYWORD.items() if word in schema), "string")

    def _of_type(self, kind: str, schema: JsonObject, name: str, depth: int) -> Any:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer" | "number":
                return self._number(schema, name, whole=kind == "integer")
            case "boolean":
                return False if self.first else self.rng.random() < 0.5
            case "null":
                return None
            case _:
                return self._text(schema, name)

    def _object(self, schema: JsonObject, depth: int) -> JsonObject:
        members = schema.get("properties")
        members = members if isinstance(members, Mapping) else {}
        needed = schema.get("required")
        needed = [key for key in needed if isinstance(key, str)] if isinstance(needed, list) else []
        chosen = list(dict.fromkeys(needed))
        for key in members:
            if key not in chosen and depth < DEEP and self.optional and self.rng.random() < self.optional:
                chosen.append(key)
        chosen += _depending(schema.get("dependentRequired"), chosen)
        least = _count(schema.get("minProperties"), 0)
        chosen += [key for key in members if key not in chosen][: max(0, least - len(chosen))]
        drawn_members: JsonObject = {}
        for key in chosen:
            try:
                drawn_members[key] = self.value(members.get(key, True), key, depth + 1)
            except NoValueError:
                if key in needed:
                    raise
        other = schema.get("additionalProperties")
        for number in range(len(drawn_members), least):
            drawn_members[f"key{number + 1}"] = self.value(True if other is None else other, "", depth + 1)
        return drawn_members

    def _array(self, schema: JsonObject, name: str, depth: int) -> list[Any]:
        fixed = schema.get("prefixItems") or (
            schema.get("items") if isinstance(schema.get("items"), list) else []
        )
        fixed = fixed if isinstance(fixed, list) else []
        inner = schema.get("items")
        inner = schema.get("contains", True) if isinstance(inner, list) or inner is None else inner
        least = max(_count(schema.get("minItems"), 0), 1 if "contains" in schema else 0)
        most = _count(schema.get("maxItems"), max(least, len(fixed), 3 if depth < DEEP else 1))
        size = max(least, min(most, max(len(fixed), 1 if self.first else self.rng.randint(1, 3))))
        if inner is False:
            size = min(size, len(fixed))
        if size > ITEMS_MOST:
            raise NoValueError(f"its schema asks for a list of {size:,} items")
        items: list[Any] = []
        again = 0
        while len(items) < size:
            place = len(items)
            item = self.value(fixed[place] if place < len(fixed) else inner, words.singular(name), depth + 1)
            if schema.get("uniqueItems") is True and item in items:
                again += 1
                if again > 40:
                    if len(items) >= least:
                        break
                    raise NoValueError("its schema asks for more different items than there are")
                continue
            items.append(item)
        return items

    def _number(self, schema: JsonObject, name: str, *, whole: bool) -> int | float:
        low, high = _bounds(schema, whole=whole)
        step = schema.get("multipleOf")
        if isinstance(step, int | float) and not isinstance(step, bool) and step > 0:
            first = math.ceil(
                (low if low is not None else min(step, high if high is not None else step)) / step
            )
            last = math.floor(high / step) if high is not None else first + SPAN
            if last < first:
                raise NoValueError("its schema allows no number")
            number = (first if self.first else self.rng.randint(first, min(last, first + SPAN))) * step
            return int(number) if whole or float(number).is_integer() else round(number, 10)
        known = (
            [one for one in self.learnt.of(name, schema) if isinstance(one, int | float)]
            if low is None and high is None
            else []
        )
        if known:
            value = known[0] if self.first else self.rng.choice(known)
            return int(value) if whole else value
        if low is None:
            low = min(1.0, high) if high is not None else 1.0
        if high is None:
            high = low + SPAN
        if whole:
            return int(low) if self.first else self.rng.randint(int(low), int(min(high, low + 99)))
        if self.first and low != 0:
            return int(low) if float(low).is_integer() else low
        return round(self.rng.uniform(low, high), 3) if high - low > 0.01 else (low + high) / 2

    def _text(self, schema: JsonObject, name: str) -> str:
        least, most = _count(schema.get("minLength"), 0), _count(schema.get("maxLength"), None)
        if least > texts.LENGTH_MOST:
            raise NoValueError(f"its schema asks for a text of {least:,} characters")
        likely = [
            text
            for text in self._likely(schema, name)
            if len(text) >= least
            and (most is None or len(text) <= most)
            and patterns.matches(schema.get("pattern", ""), text) is not False
        ]
        if likely and (self.first or self.rng.random() < 0.9):
            return likely[0] if self.first or self.rng.random() < 0.5 else self.rng.choice(likely)
        form = texts.FORMATS.get(str(schema.get("format")))
        if form is not None:
            text = form(self.rng)
            if patterns.matches(schema.get("pattern", ""), text) is not False:
                return text
        if isinstance(schema.get("pattern"), str):
            for _ in range(20):
                try:
                    text = patterns.drawn(schema["pattern"], self.rng)
                except patterns.NoTextError:
                    continue
                if len(text) >= least and (most is None or len(text) <= most):
                    return text
        if likely:
            return likely[0]
        return texts.word(self.rng, least, most)

    def _likely(self, schema: JsonObject, name: str) -> list[str]:
        """What a text of this name may well be."""
        known = [str(one) for one in self.learnt.of(name, schema)]
        if schema.get("format") in texts.FORMATS:
            return known if schema["format"] in {"uri", "uuid"} else []
        return [*words.quoted(schema), *known, *words.conventional(name, schema, self.about)]


def _depending(depends: object, chosen: list[str]) -> list[str]:
    """What has to be there because something else is."""
    names: list[str] = []
    if not isinstance(depends, Mapping):
        return names
    for key in chosen:
        more = depends.get(key)
        for one in more if isinstance(more, list) else ():
            if isinstance(one, str) and one not in chosen and one not in names:
                names.append(one)
    return names


def _count(value: object, otherwise: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or value != value:  # noqa: PLR0124 - NaN
        return otherwise
    return int(min(value, 1e9))


def _bounds(schema: Mapping[str, Any], *, whole: bool) -> tuple[float | None, float | None]:
    """The least and the most a number may be; a bound that is excluded is left by a step."""
    step = 1 if whole else 0.001
    lows = [_limit(schema.get("minimum"), whole, math.ceil)]
    highs = [_limit(schema.get("maximum"), whole, math.floor)]
    over, under = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    lows.append(
        lows[0] + step if over is True and lows[0] is not None else _beyond(over, step, whole, up=True)
    )
    highs.append(
        highs[0] - step if under is True and highs[0] is not None else _beyond(under, step, whole, up=False)
    )
    low = max((one for one in lows if one is not None), default=None)
    high = min((one for one in highs if one is not None), default=None)
    if low is not None and high is not None and low > high:
        raise NoValueError("its schema allows no number")
    return low, high


def _limit(value: object, whole: bool, rounded: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if abs(value) >= 2**53 - 1:  # a bound that says no more than "any"
        return None
    return rounded(value) if whole else value


def _beyond(value: object, step: float, whole: bool, *, up: bool) -> Any:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or abs(value) >= 2**53 - 1
    ):
        return None
    if whole:
        return math.floor(value) + 1 if up else math.ceil(value) - 1
    return value + step if up else value - step
