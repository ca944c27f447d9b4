"""Arguments of a tool call that vary: templates inside JSON strings.

    {{random_int 1 100}}   a whole number, both ends included
    {{random_choice a b}}  one of the words
    {{uuid}}               a random UUID
    {{counter}}            1, 2, 3, ... for each user (of `work`: for each entry)
    {{people.id}}          a value of a feeder's row (`data`)
    {{reply.items[0].id}}  a value of the reply before, in a journey; or of an earlier one, by the name that its step gave it

A string that is nothing but one template becomes the template's own type (`"{{random_int 1 9}}"` a number);
inside other text it becomes text. Without templates the arguments are encoded once, which is faster.
Names such as `{{entry}}` and `{{run}}` of `work` are filled in before (`with_names`).
"""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from harness.foundation.untrusted.documents import short
from harness.mcp.json_path import MISSING, JsonPath, read_path

_TEMPLATE = re.compile(r"\{\{\s*(\w+)([.\[][^{}\s]*)?((?:\s+[^{}\s]+)*)\s*\}\}")
REPLY: Final = "reply"

Draw = Callable[[Random, int], Any]


class NoValueError(LookupError):
    """Nothing stands where a template looks."""


@dataclass(slots=True)
class Values:
    """What templates such as `{{people.id}}` mean now: set before arguments are drawn, which takes no turn of anybody else."""

    now: Mapping[str, Any] = field(default_factory=dict)

    def find(self, name: str, path: JsonPath, text: str) -> Any:
        """Return the value, or raise NoValueError."""
        value = path.find(self.now[name]) if name in self.now else MISSING
        if value is MISSING:
            raise NoValueError(f"nothing at {text}")
        return value


def _random_int(low: str, high: str) -> Draw:
    first, last = int(low), int(high)
    if first > last:
        raise ValueError
    return lambda rng, _count: rng.randint(first, last)


def _random_choice(*words: str) -> Draw:
    if not words:
        raise ValueError
    return lambda rng, _count: rng.choice(words)


def _uuid() -> Draw:
    return lambda rng, _count: str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _counter() -> Draw:
    return lambda _rng, count: count


TEMPLATES: dict[str, Callable[..., Draw]] = {
    "random_int": _random_int,
    "random_choice": _random_choice,
    "uuid": _uuid,
    "counter": _counter,
}

TAKES = {
    "random_int": "two whole numbers, the second no less than the first: {{random_int 1 100}}",
    "random_choice": "the words to choose from: {{random_choice a b}}",
    "uuid": "nothing: {{uuid}}",
    "counter": "nothing: {{counter}}",
}


def varies(value: Any) -> bool:
    """Whether there is a template anywhere in it."""
    if isinstance(value, str):
        return bool(_TEMPLATE.search(value))
    if isinstance(value, dict):
        return any(map(varies, value.values()))
    return isinstance(value, list) and any(map(varies, value))


def names_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield name and path of every template that looks at a row or a reply."""
    if isinstance(value, str):
        yield from (
            (match[1], match[2] or "") for match in _TEMPLATE.finditer(value) if match[2] or match[1] == REPLY
        )
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from names_in(item)


def compile_arguments(value: Any, values: Values | None = None) -> Draw:
    """A function that draws the arguments of one call; ValueError says what is wrong with a template."""
    if isinstance(value, dict):
        fields = {key: compile_arguments(item, values) for key, item in value.items()}
        return lambda rng, count: {key: draw(rng, count) for key, draw in fields.items()}
    if isinstance(value, list):
        items = [compile_arguments(item, values) for item in value]
        return lambda rng, count: [draw(rng, count) for draw in items]
    if isinstance(value, str) and varies(value):
        return _compile_text(value, values or Values())
    return lambda _rng, _count: value


def with_names(value: Any, names: Mapping[str, str]) -> Any:
    """Replace `{{name}}` wherever it stands, also in keys; other templates stay."""
    if isinstance(value, dict):
        return {with_names(key, names): with_names(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [with_names(item, names) for item in value]
    if not isinstance(value, str):
        return value
    return _TEMPLATE.sub(
        lambda match: match[0] if match[2] or match[3] else names.get(match[1], match[0]), value
    )


def _compile_text(text: str, values: Values) -> Draw:
    draws = [_compile_template(match, values) for match in _TEMPLATE.finditer(text)]
    if _TEMPLATE.fullmatch(text):
        return draws[0]
    between = _TEMPLATE.split(text)[:: _TEMPLATE.groups + 1]

    def draw(rng: Random, count: int) -> str:
        drawn = [str(one(rng, count)) for one in draws]
        return "".join(piece for pair in zip(between, [*drawn, ""], strict=True) for piece in pair)

    return draw


def _compile_template(match: re.Match[str], values: Values) -> Draw:
    """Compile one template; an error does not repeat its parameters, which may hold a secret."""
    name, words = match[1], match[3].split()
    if (match[2] or name == REPLY) and not words:
        text = f"{name}{match[2] or ''}"
        try:
            path = read_path(f"${match[2] or ''}")
        except ValueError as error:
            raise ValueError(f"{{{{{short(text)}}}}} {error}") from None
        return lambda _rng, _count: values.find(name, path, text)
    if name not in TEMPLATES:
        shown = short(name) + (" ..." if words else "")
        raise ValueError(f"unknown template {{{{{shown}}}}}; there are {', '.join(TEMPLATES)}")
    try:
        return TEMPLATES[name](*words)
    except (TypeError, ValueError):
        raise ValueError(f"the template {name} takes {TAKES[name]}") from None
