"""Arguments of one tool: drawn from its schema, and valid by it."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from harness.mcp.json_object import JsonObject
from harness.mcp.messages import encode
from harness.mcp.schemas.checking import differs
from harness.mcp.schemas.learnt import Learnt
from harness.mcp.schemas.values import Drawing, NoValueError

TRIES: Final = 12  # to draw what is valid
_CHANCES: Final = (0.0, 1.0, 0.0, 0.5)  # of what is not required, draw by draw


def drawn(schema: Any, rng: Random, learnt: Learnt | None = None, about: str = "") -> Iterator[JsonObject]:
    """Ever more arguments that are valid, and different: at first only what is required, with the likeliest values,
    then everything with the least of all numbers: what takes as long as it is told to shall not take long.

    NoValueError if not even one can be found. It ends where nothing new is drawn.
    """
    schema = schema if isinstance(schema, dict) else {}
    seen: set[bytes] = set()
    why = ""
    failed = number = 0
    while failed < TRIES:
        drawing = Drawing(
            schema,
            rng,
            learnt or Learnt(),
            about,
            optional=_CHANCES[min(number, len(_CHANCES) - 1)],
            first=number < 2,
            least=number == 1,
        )
        number += 1
        try:
            value = drawing.value(schema | {"type": "object"})
        except NoValueError as error:
            why = str(error)
            failed += 1
            continue
        wrong = differs(value, schema)
        if wrong or not isinstance(value, dict):
            why = wrong
            failed += 1
            continue
        try:
            body = encode(value)
        except UnicodeEncodeError:  # half of a surrogate pair, which no JSON of ours may carry
            why = "its schema wants text that is no Unicode"
            failed += 1
            continue
        if body in seen:
            failed += 1
            continue
        seen.add(body)
        failed = 0
        yield value
    if not seen:
        raise NoValueError(why)
