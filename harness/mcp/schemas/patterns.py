"""Text that matches a regular expression of somebody else's, and a check of it that cannot take for ever.

An expression in which something without a bound is repeated without a bound may need longer than anybody lives: such a
one is drawn from, and not tried. What looks ahead or behind can be tried, and not drawn from.
"""

import re
from collections.abc import Callable
from random import Random
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

PATTERN_CHARS: Final = 1_000
TEXT_CHARS: Final = 300
REPEATS_MORE: Final = 3  # than the least, where there is no bound
MANY: Final = 1_000
STEPS_MOST: Final = 10_000_000  # of a search that goes back at every repetition
_REPEATS: Final = frozenset({codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT})
_INSIDE: Final = frozenset({codes.SUBPATTERN, codes.ASSERT, codes.ASSERT_NOT})
_CATEGORY: Final = {
    codes.CATEGORY_DIGIT: "0123456789",
    codes.CATEGORY_WORD: "abcdefghijklmnopqrstuvwxyz0123456789_",
    codes.CATEGORY_SPACE: " ",
    codes.CATEGORY_NOT_DIGIT: "abcdef",
    codes.CATEGORY_NOT_WORD: " -.",
    codes.CATEGORY_NOT_SPACE: "abcdef0123",
}
_USUAL: Final = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. /:@#"


class NoTextError(Exception):
    """No text can be drawn from this expression."""


def matches(pattern: object, text: str) -> bool | None:
    """Whether the text has a match; None if that is not tried."""
    parsed = _parsed(pattern)
    if parsed is None or len(text) > TEXT_CHARS or _wild(parsed, repeated=False):
        return None
    if (len(text) + 1) ** (_loose(parsed) + 1) > STEPS_MOST:
        return None
    return re.search(str(pattern), text) is not None


def drawn(pattern: object, rng: Random) -> str:
    """A text that matches; NoTextError if none can be drawn."""
    parsed = _parsed(pattern)
    if parsed is None:
        raise NoTextError
    try:
        text = _sequence(parsed, rng, {})
    except (ValueError, RecursionError, OverflowError) as error:
        raise NoTextError from error
    if matches(pattern, text) is False:
        raise NoTextError
    return text


def readable(pattern: str) -> bool:
    """Whether this is an expression that Python has, and not too long a one."""
    return _parsed(pattern) is not None


def _parsed(pattern: object) -> Any:
    if not isinstance(pattern, str) or len(pattern) > PATTERN_CHARS:
        return None
    try:
        re.compile(pattern)
        return parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return None


def _wild(tree: Any, *, repeated: bool) -> bool:
    """Whether a repetition of no exact number, or a choice, stands within another repetition."""
    return any(_is_wild(code, given, repeated) for code, given in tree)


def _is_wild(code: Any, given: Any, repeated: bool) -> bool:
    if code in _REPEATS:
        least, most, inner = given
        return (most != least and repeated) or least > MANY or _wild(inner, repeated=repeated or most > 1)
    if code == codes.BRANCH:
        return repeated or any(_wild(one, repeated=False) for one in given[1])
    if code in _INSIDE:
        return _wild(given[-1], repeated=repeated)
    return code in {codes.GROUPREF_EXISTS, codes.ATOMIC_GROUP}


def _loose(tree: Any) -> int:
    """How many repetitions are without an exact number."""
    count = 0
    for code, given in tree:
        if code in _REPEATS:
            count += (given[0] != given[1]) + _loose(given[2])
        elif code == codes.BRANCH:
            count += sum(map(_loose, given[1]))
        elif code in _INSIDE:
            count += _loose(given[-1])
    return count


def _sequence(tree: Any, rng: Random, groups: dict[int, str]) -> str:
    text = ""
    for code, given in tree:
        text += _one(code, given, rng, groups)
        if len(text) > TEXT_CHARS:
            raise NoTextError
    return text


def _one(code: Any, given: Any, rng: Random, groups: dict[int, str]) -> str:
    if code not in _ONE:
        raise NoTextError
    return _ONE[code](given, rng, groups)


def _other_than(given: Any, rng: Random, _groups: dict[int, str]) -> str:
    return rng.choice([char for char in _USUAL if char != chr(given)])


def _repeated(given: Any, rng: Random, groups: dict[int, str]) -> str:
    least, most, inner = given
    if least > TEXT_CHARS:
        raise NoTextError
    times = rng.randint(least, min(most, least + REPEATS_MORE))
    return "".join(_sequence(inner, rng, groups) for _ in range(times))


def _group(given: Any, rng: Random, groups: dict[int, str]) -> str:
    text = _sequence(given[-1], rng, groups)
    if given[0] is not None:
        groups[given[0]] = text
    return text


def _in(given: Any, rng: Random, _groups: dict[int, str]) -> str:
    inside: list[str] = []
    turned = False
    for code, value in given:
        if code == codes.NEGATE:
            turned = True
        elif code == codes.LITERAL:
            inside.append(chr(value))
        elif code == codes.RANGE:
            inside += [chr(char) for char in range(value[0], min(value[1], value[0] + MANY) + 1)]
        elif code == codes.CATEGORY:
            inside += _CATEGORY.get(value, "")
    chosen = [char for char in _USUAL if char not in inside] if turned else inside
    plain = [char for char in chosen if char.isalnum()] or chosen
    if not plain:
        raise NoTextError
    return rng.choice(plain)


_ONE: Final[dict[Any, Callable[[Any, Random, dict[int, str]], str]]] = {
    codes.LITERAL: lambda given, _rng, _groups: chr(given),
    codes.NOT_LITERAL: _other_than,
    codes.ANY: lambda _given, rng, _groups: rng.choice("abcdefghij"),
    codes.IN: _in,
    codes.MAX_REPEAT: _repeated,
    codes.MIN_REPEAT: _repeated,
    codes.POSSESSIVE_REPEAT: _repeated,
    codes.BRANCH: lambda given, rng, groups: _sequence(rng.choice(given[1]), rng, groups),
    codes.SUBPATTERN: _group,
    codes.GROUPREF: lambda given, _rng, groups: groups.get(given, ""),
    codes.AT: lambda _given, _rng, _groups: "",
}
