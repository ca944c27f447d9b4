"""Read YAML or JSON from outside into plain values, within bounds and without guessing.

Bounds. A document has at most `BYTES_MAX` bytes, `NODES_MAX` values once its aliases are followed, and `DEPTH_MAX` levels;
a number has at most `DIGITS_MAX` digits. So no file can make a reader hang or overflow.

Refused, because readers disagree on what they mean: a key that stands twice, `010` (eight for YAML 1.1), `1:30` (ninety),
NaN and infinity. A `DocumentError` says what is wrong and in which line. It never repeats more than `ECHO_MAX` characters.
"""

import json
import math
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

from harness.foundation.secrets.hiding import hide

BYTES_MAX: Final = 1_000_000
NODES_MAX: Final = 100_000
DEPTH_MAX: Final = 50
DIGITS_MAX: Final = 30
ECHO_MAX: Final = 60

_PLAIN_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)")
_TOKEN: Final = re.compile(
    r'(?P<name>"(?:[^"\\]|\\.)*+")\s*+:|"(?:[^"\\]|\\.)*+"?|[\[\]{}]|(?P<number>[-+.\w]++)', re.DOTALL
)


class DocumentError(ValueError):
    """The text is not what it should be; the message is for the user."""


def read_text(path: Path) -> str:
    """A file as text, unless it is too large; OSError and UnicodeDecodeError as usual."""
    with path.open("rb") as file:
        data = file.read(BYTES_MAX + 1)
    _check_size(len(data))
    return data.decode("utf-8")


def yaml_value(text: str) -> Any:
    """The one document that the text holds."""
    _check_size(len(text))
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - it is the safe loader, within bounds
    except yaml.MarkedYAMLError as error:  # its message would repeat a part of the file
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        message = ", ".join(part for part in (error.context, error.problem) if part)
        raise DocumentError(f"{where}{short(message, 300)}") from error
    except yaml.YAMLError as error:
        raise DocumentError(short(" ".join(str(error).split()), 300)) from error


def json_value(text: str) -> Any:
    """The value that the text holds."""
    _check_size(len(text))
    _check_tokens(text)
    try:
        return json.loads(text)
    except ValueError as error:
        raise DocumentError(str(error)) from error


def short(text: str, most: int = ECHO_MAX) -> str:
    """Cut a text from outside so that it fits into a message."""
    text = hide(text)  # before the cut: a part of a secret would not be recognised
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def _check_size(size: int) -> None:
    if size > BYTES_MAX:
        raise DocumentError(f"it is larger than {BYTES_MAX:,} bytes")


def _check_tokens(text: str) -> None:
    """Refuse JSON that Python accepts: too deep, a key twice, odd numbers. The error names the place."""
    keys: list[set[str]] = []  # the keys of each open object or list
    for token in _TOKEN.finditer(text):
        word, name = token[0], token["name"]
        if word in ("[", "{"):
            keys.append(set())
            if len(keys) > DEPTH_MAX:
                raise _at(text, token, f"it is nested more than {DEPTH_MAX} levels deep")
        elif word in ("]", "}"):
            del keys[-1:]
        elif name is not None and keys:
            key = _name(name)
            if key in keys[-1]:
                raise _at(text, token, f"the key {short(key)!r} stands twice")
            keys[-1].add(key)
        elif token["number"] is not None:
            _check_number(text, token)


def _check_number(text: str, token: re.Match[str]) -> None:
    word = token[0]
    if word.lstrip("-").isdigit():
        if len(word) > DIGITS_MAX:
            raise _at(text, token, f"a number has more than {DIGITS_MAX} digits")
        return
    if not _is_finite(word):
        raise _at(text, token, f"{short(word)} is not a number that can be compared")


def _is_finite(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:  # not a number: the reader will report it
        return True


def _name(quoted: str) -> str:
    """A key as it is read: escapes may write one in two ways."""
    try:
        return str(json.loads(quoted))
    except ValueError:
        return quoted


def _at(text: str, token: re.Match[str], why: str) -> DocumentError:
    line, before = text.count("\n", 0, token.start()) + 1, text.rfind("\n", 0, token.start())
    return DocumentError(f"line {line}, column {token.start() - before}: {why}")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, within the bounds above."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = 0  # counted with every alias expanded
        self._depth = 0
        self._sizes: dict[str, int] = {}  # anchor -> its number of nodes, once it is complete
        self._incomplete: set[str] = set()

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Count the nodes behind an alias, so that a few lines cannot expand to billions of values."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            if anchor in self._incomplete:
                raise self._error(
                    f"the alias *{short(str(anchor))} stands for something that contains it", event
                )
            self._count(self._sizes.get(str(anchor), 1), event)
            return super().compose_node(parent, index)
        before = self._nodes
        self._count(1, event)
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._error(f"it is nested more than {DEPTH_MAX} levels deep", event)
        if anchor is not None:
            self._incomplete.add(anchor)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if anchor is not None:
            self._incomplete.discard(anchor)
            self._sizes[anchor] = self._nodes - before
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Add the place to an error that only a tag causes: `!!bool maybe`, a date in a thirteenth month."""
        try:
            return super().construct_object(node, deep)
        except DocumentError:
            raise
        except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
            raise self._error("a value is not what its tag says", node) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that stands twice; a key that `<<` merges in may be overridden."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise self._error(f"the key {short(key.value)!r} stands twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        text = str(node.value)
        if len(text) > DIGITS_MAX:
            raise self._error(f"a number has more than {DIGITS_MAX} digits", node)
        if not _PLAIN_INTEGER.fullmatch(text):
            raise self._error(
                f"{text} can be read in two ways: leave out the zero in front, or quote it", node
            )
        return int(super().construct_yaml_int(node))

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        text = str(node.value)
        if ":" in text:
            raise self._error(f"{short(text)} can be read in two ways: quote it", node)
        value = float(super().construct_yaml_float(node))
        if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - only NaN differs from itself
            raise self._error(f"{short(text)} is not a number that can be compared", node)
        return value

    def _count(self, more: int, event: yaml.Event) -> None:
        self._nodes += more
        if self._nodes > NODES_MAX:
            raise self._error(f"it stands for more than {NODES_MAX:,} values", event)

    @staticmethod
    def _error(why: str, where: yaml.Event | yaml.Node) -> DocumentError:
        mark = where.start_mark
        return DocumentError(f"line {mark.line + 1}, column {mark.column + 1}: {why}" if mark else why)


for _tag, _construct in (("int", _Loader.construct_yaml_int), ("float", _Loader.construct_yaml_float)):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _construct)

# `protocol: 2025-11-25` is the text that it looks like: nothing here takes a date.
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
