"""Values that a server itself has shown: in its replies, its lists, its command line. They are kept by the name they had.

    {"nodes": [{"name": "a", "id": 7}]}  of list_nodes   -> name: a, id: 7, node: a 7, nodename: a, nodeid: 7
    Allowed directories: /srv/files                      -> path: /srv/files
    [FILE] a.txt                         of path=/srv    -> path: /srv/a.txt
    {"a.txt": 512} or ["a.txt"]                          -> path: a.txt

Whether a learnt value is the right one for an argument is not known: it is tried.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.mcp.schemas import words

Value = str | int | float
VALUES_MOST: Final = 24  # of one name
NAMES_MOST: Final = 2_000
LEAVES_MOST: Final = 4_000
DEPTH_MOST: Final = 12
TEXT_CHARS: Final = 20_000
VALUE_CHARS: Final = 300
_PATH: Final = re.compile(r"(?<![\w:/.])/(?:[^\s/'\"`,;:()<>\[\]{}|]+/?)+")
_URI: Final = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"`,;<>\[\]{}|]+")
_ENTRY: Final = re.compile(r"^\s*\[(FILE|DIR)\]\s+([^\n]+?)(?:\s{2,}[^\n]*)?$", re.MULTILINE)
_FILE: Final = re.compile(r"(?!\w+://)[^\s:][^\n:]{0,200}\.[A-Za-z][A-Za-z0-9]{0,7}")
_COMMIT: Final = re.compile(r"\b[0-9a-f]{40}\b")
_DEVICES: Final = ("/dev/", "/proc/", "/sys/")
_WRAPPINGS: Final = frozenset({"result", "item", "data", "entry", "row", "value", "content"})
_NAMING: Final = ("name", "id", "key", "slug")


@dataclass(slots=True)
class Learnt:
    """The values by name, in one form of it (`words.one_form`); the latest of each name come last."""

    values: dict[str, list[Value]] = field(default_factory=dict)
    count: int = 0  # grows whenever something new is learnt

    def add(self, name: str, value: object) -> None:
        """Keep a value under a name, within bounds."""
        if isinstance(value, bool) or not isinstance(value, str | int | float) or not name:
            return
        if isinstance(value, str) and not 0 < len(value) <= VALUE_CHARS:
            return
        if name not in self.values and len(self.values) >= NAMES_MOST:
            return
        kept = self.values.setdefault(name, [])
        if value not in kept and len(kept) < VALUES_MOST:
            kept.append(value)
            self.count += 1

    def of(self, name: str, schema: Mapping[str, Any]) -> list[Value]:
        """What may fit an argument: values of its own name first, then those of its kind."""
        own = self.values.get(words.one_form(name), [])
        kind = self.values.get(words.kind(name, schema), [])
        return list(dict.fromkeys([*own, *kind]))

    def from_words(self, argv: Iterable[str], *, is_path: Iterable[str]) -> None:
        """Learn from a server's command line: what of it exists on this machine, as paths."""
        there = {*is_path}
        for word in argv:
            value = word.partition("=")[2] or word
            if value in there:
                self.add(words.PATH, value)

    def from_reply(self, tool: str, arguments: Mapping[str, Any], content: Iterable[Any]) -> None:
        """Learn from a reply: its structured content and its texts, which may be JSON."""
        noun = words.singular("".join(words.parts(tool)[1:]))
        base = next(
            (
                value
                for name, value in arguments.items()
                if words.kind(name, {}) == words.PATH and isinstance(value, str)
            ),
            "",
        )
        for part in content:
            value = _json(part) if isinstance(part, str) else part
            if isinstance(value, dict | list):
                for name, leaf in _leaves(value, noun):
                    self.add(name, leaf)
                    if name == words.PATH and base and isinstance(leaf, str) and not leaf.startswith("/"):
                        self.add(name, _joined(base, leaf))
                    self._from_text(str(leaf) if isinstance(leaf, str) else "", base)
                self._from_tree(value, base)
            elif isinstance(value, str):
                self._from_text(value, base)

    def _from_text(self, text: str, base: str) -> None:
        text = text[:TEXT_CHARS]
        for entry in _ENTRY.finditer(text):
            if base:
                self.add(words.PATH, _joined(base, entry[2]))
        for match in _URI.finditer(text):
            self.add(words.URI, match[0].rstrip(".)"))
        for match in _PATH.finditer(text):
            if not match[0].startswith(_DEVICES):
                self.add(words.PATH, match[0].rstrip("."))
        for match in _COMMIT.finditer(text):
            for name in ("revision", "commit"):
                self.add(name, match[0])

    def _from_tree(self, value: Any, base: str) -> None:
        """Learn from a directory's entries as JSON: a name and a type, with the path that was asked for."""
        items = value if isinstance(value, list) else value.get("entries") or value.get("files")
        for item in items[:VALUES_MOST] if base and isinstance(items, list) else ():
            if (
                isinstance(item, dict)
                and isinstance(item.get("name"), str)
                and item.get("type") in {"file", "directory"}
            ):
                self.add(words.PATH, _joined(base, item["name"]))


def _joined(base: str, name: str) -> str:
    return f"{base.rstrip('/')}/{name.strip()}"


def _json(text: str) -> Any:
    if text.lstrip()[:1] not in {"{", "["}:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _leaves(value: Any, noun: str) -> Iterator[tuple[str, object]]:
    """Every plain value with the names that an argument for it could have."""
    left = [LEAVES_MOST]

    def walk(value: Any, above: str, depth: int) -> Iterator[tuple[str, object]]:
        left[0] -= 1
        if depth > DEPTH_MOST or left[0] < 0:
            return
        yield from _files(value)
        if isinstance(value, dict):
            for key, item in value.items():
                if isinstance(item, dict | list):
                    named = words.one_form(str(key))
                    yield from walk(item, above if named in _WRAPPINGS else named, depth + 1)
                    continue
                own = words.one_form(str(key))
                yield own, item
                if own in _NAMING and above:
                    yield above, item
                    yield above + own, item
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict | list):
                    yield from walk(item, above, depth + 1)
                else:
                    yield above, item

    yield from walk(value, noun, 0)


def _files(value: Any) -> Iterator[tuple[str, object]]:
    """The keys of a map, or the texts of a list, that name files."""
    for one in value if isinstance(value, dict | list) else ():
        if isinstance(one, str) and _FILE.fullmatch(one):
            yield words.PATH, one
