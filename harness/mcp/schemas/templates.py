"""What a template of a resource, and a prompt, need: the schema of a prompt's arguments, the addresses a template makes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from harness.mcp.json_object import JsonObject
from harness.mcp.schemas.learnt import Learnt

FILLED_MOST: Final = 8
_VARIABLE: Final = re.compile(r"\{([+#./;?&]?)([A-Za-z0-9_.,*:-]+)\}")
NOTHING: Final[Mapping[str, list[str]]] = {}
_USUAL: Final = ("1", "2", "hello", "a")


def prompt_schema(prompt: Mapping[str, Any], completed: Mapping[str, list[str]] = NOTHING) -> JsonObject:
    """The arguments of a prompt as a schema: all of them are texts; `completed` is what the server itself proposes."""
    given = prompt.get("arguments")
    named = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    named = [one for one in named if isinstance(one.get("name"), str)]
    properties: JsonObject = {}
    for one in named:
        described = one.get("description")
        properties[one["name"]] = {
            "type": "string",
            "minLength": 1,
            **({"description": described} if isinstance(described, str) else {}),
            **({"examples": values} if (values := completed.get(one["name"])) else {}),
        }
    needed = [one["name"] for one in named if one.get("required") is True]
    return {"type": "object", "properties": properties, "required": needed}


def variables(template: str) -> list[str]:
    """The names of a template's variables."""
    return [_plain(name) for match in _VARIABLE.finditer(template) for name in match[2].split(",")]


def _plain(name: str) -> str:
    return name.rstrip("*").partition(":")[0]


def filled(template: str, learnt: Learnt, completed: Mapping[str, list[str]] = NOTHING) -> Iterator[str]:
    """Addresses of a template (RFC 6570): with values learnt under the names of its variables, then with usual ones."""
    seen: set[str] = set()
    for number in range(FILLED_MOST):

        def value(match: re.Match[str], number: int = number) -> str:
            operator, names = match[1], match[2].split(",")
            texts = []
            for name in names:
                plain = _plain(name)
                known = [str(one) for one in learnt.of(plain, {})]
                choices = [*completed.get(plain, ()), *known, *_USUAL]
                text = choices[number % len(choices)]
                safe = "/" if operator in {"+", "#"} else ""
                texts.append(
                    f"{plain}={quote(text, safe)}" if operator in {"?", "&", ";"} else quote(text, safe)
                )
            first = operator if operator in {"#", ".", "/", ";", "?", "&"} else ""
            between = {"?": "&", "&": "&", ";": ";", "/": "/", ".": "."}.get(operator, ",")
            return first + between.join(texts)

        uri = _VARIABLE.sub(value, template)
        if uri not in seen:
            seen.add(uri)
            yield uri
