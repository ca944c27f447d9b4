"""Holds a successful reply against what the scenario expects: one that does not fit is `unexpected`.

What cannot be decided within a bound of time is no success either (`harness.load.within_bound`). Replies that failed anyway stay what they are. The result is decoded for that, which costs time: only where something is expected.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from harness.load.within_bound import BOUND_S, TooLongError, bounded
from harness.mcp import outcome
from harness.mcp.json_path import MISSING, read_path
from harness.mcp.judge import printable
from harness.mcp.messages import Reply, encode
from harness.mcp.reply_content import texts_of, value_of

Check = Callable[[str, Any], str]  # of the texts and the value; what is wrong, or ""
WORDS: Final = 40
SEARCHED_CHARS: Final = 1_000_000


def expectation(asked: Mapping[str, Any]) -> Callable[[Reply], Reply]:
    """Return what decides the outcome of a reply."""
    checks = [*_checks(asked)]
    searches = bool(asked.get("matches") or asked.get("schema") is not None)

    def reason(texts: str, value: Any) -> str:
        return next((why for check in checks if (why := check(texts, value))), "")

    def decided(reply: Reply) -> Reply:
        if reply.outcome != outcome.OK:
            return reply
        result = reply.value()
        texts = "\n".join(texts_of(result)) or (encode(result).decode() if result is not None else "")
        value = value_of(result)
        texts = texts[:SEARCHED_CHARS]
        try:
            why = bounded(lambda: reason(texts, value)) if searches else reason(texts, value)
        except TooLongError:
            why = f"not decided in {BOUND_S:g} s of processor time, by what it is to match"
        if not why:
            return reply
        return msgspec.structs.replace(reply, outcome=outcome.UNEXPECTED, detail=printable(f"{why}: {texts}"))

    return decided


def _checks(asked: Mapping[str, Any]) -> list[Check]:
    checks: list[Check] = [_contains(text) for text in asked.get("contains") or ()]
    checks += [_lacks(text) for text in asked.get("lacks") or ()]
    if asked.get("matches"):
        checks.append(_matches(asked["matches"]))
    checks += [_there(path) for path in asked.get("path") or ()]
    checks += [_equal(path, wanted) for path, wanted in (asked.get("equal") or {}).items()]
    if asked.get("schema") is not None:
        checks.append(_schema(asked["schema"]))
    return checks


def _contains(wanted: str) -> Check:
    return lambda texts, _value: "" if wanted in texts else f"without {_short(wanted)}"


def _lacks(unwanted: str) -> Check:
    return lambda texts, _value: f"with {_short(unwanted)}" if unwanted in texts else ""


def _matches(pattern: str) -> Check:
    search = re.compile(pattern, re.MULTILINE).search
    return lambda texts, _value: "" if search(texts) else f"does not match {_short(pattern)}"


def _there(path: str) -> Check:
    find = read_path(path).find
    return lambda _texts, value: f"nothing at {_short(path)}" if find(value) is MISSING else ""


def _equal(path: str, wanted: Any) -> Check:
    find = read_path(path).find

    def check(_texts: str, value: Any) -> str:
        differences = find(value)
        if differences is MISSING:
            return f"nothing at {_short(path)}"
        same = differences == wanted and isinstance(differences, bool) == isinstance(wanted, bool)
        return "" if same else f"another value at {_short(path)}"

    return check


def _schema(schema: Mapping[str, Any]) -> Check:
    from jsonschema.validators import validator_for

    validator = validator_for(schema)(schema)

    def check(_texts: str, value: Any) -> str:
        try:
            error = next(validator.iter_errors(value), None)
        except RecursionError:
            return "too deep for the schema"
        return "" if error is None else f"not the schema at {_short(error.json_path)}"

    return check


def _short(text: str) -> str:
    return repr(text if len(text) <= WORDS else f"{text[:WORDS]}...")
