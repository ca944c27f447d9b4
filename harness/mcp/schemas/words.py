"""What the name and the description of an argument say of its values, where its schema says no more than "a text".

nodeId, node_ids -> nodeid     one form of a name, so that an argument finds what a reply called nearly the same
"('local', 'remote')"          quoted words in a description are values
"""

import re
from collections.abc import Mapping
from typing import Any, Final

QUOTED_MOST: Final = 12
WORD_CHARS: Final = 60
DESCRIPTION_CHARS: Final = 2_000
# Kinds of values that have many names.
PATH, URI = "path", "uri"
_PATHS: Final = (  # noqa: SIM905 - a sentence reads better than a list of strings
    "path paths dir directory directories folder folders file files filename filepath root cwd source "
    "destination repo repository workspace project"
).split()
_URIS: Final = ("uri", "uris", "url", "urls", "link")
_COMMITS: Final = frozenset({"revision", "rev", "ref", "commit", "sha", "branch", "treeish"})
_ENDS: Final = frozenset({"target", "base", "head", "from", "to", "object"})
_OF_COMMITS: Final = re.compile(r"\b(commit|branch|revision)(e?s)?\b", re.IGNORECASE)
_CLOCKS: Final = {
    "HH:MM:SS": "12:30:00",
    "HH:MM": "12:30",
    "YYYY-MM-DD": "2026-01-15",
}  # as descriptions name formats
_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_QUOTED: Final = re.compile(
    r"(?<![\w])['\"`\u2018\u201c]([^'\"`\u2019\u201d\n]{1,60})['\"`\u2019\u201d](?!\w)"
)
_NOT_FROM: Final = ("except ", "not ", "never ", "without ")


def parts(name: str) -> list[str]:
    """The words of a name in any of the usual spellings, in lower case."""
    return [word.lower() for word in _PARTS.findall(name[:WORD_CHARS])]


def one_form(name: str) -> str:
    """The words of a name in one, without a plural."""
    return singular("".join(parts(name)))


def singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def kind(name: str, schema: Mapping[str, Any]) -> str:
    """`path` or `uri` if the argument is one by its name or format, else nothing."""
    words = parts(name)
    if schema.get("format") in {"uri", "uri-reference", "iri"} or (words and words[-1] in _URIS):
        return URI
    if words and (words[-1] in _PATHS or words[0] in {"path", "paths"}):
        return PATH
    return ""


def quoted(schema: Mapping[str, Any]) -> list[str]:
    """The words that the description puts in quotes."""
    description = schema.get("description")
    if not isinstance(description, str):
        return []
    description = description[:DESCRIPTION_CHARS]
    words = [
        match[1].strip()
        for match in _QUOTED.finditer(description)
        if not description[max(0, match.start() - 24) : match.start()].lower().endswith(_NOT_FROM)
    ]
    return [word for word in dict.fromkeys(words) if word][:QUOTED_MOST]


def conventional(name: str, schema: Mapping[str, Any], about: str) -> list[str]:
    """What such an argument usually may be, whatever the server; `about` is what the tool says of itself."""
    words = parts(name)
    description = str(schema.get("description") or "")[:DESCRIPTION_CHARS]
    if _COMMITS.intersection(words) or _OF_COMMITS.search(description):
        return ["HEAD"]
    if _ENDS.intersection(words) and _OF_COMMITS.search(about[:DESCRIPTION_CHARS]):
        return ["HEAD"]
    for clock, value in _CLOCKS.items():
        if re.search(rf"\b{clock}\b", description):
            return [value]
    return ["1"] if words[-1:] == ["id"] else []
