"""Outside text to a `Spec`, strictly: an unknown key is an error that names its path.

`${NAME}` is taken from the environment; a variable that is not set is an error. Credentials (auth.good, auth.bad) come from nowhere else.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from harness.client.preflight import check_headers
from harness.foundation.errors import UsageError
from harness.foundation.secrets import hiding, sources
from harness.foundation.untrusted import documents
from harness.foundation.untrusted.documents import DocumentError, short
from harness.verify.spec import backends, model
from harness.verify.spec.model import Spec

NAME: Final = "verify.yaml"
ERRORS_MOST: Final = 5
_SPEC = TypeAdapter(Spec)
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_CLASSES: Final[dict[str, type]] = {
    "": model.Spec,
    "identity": model.Identity,
    "auth": model.Auth,
    "tools": model.Tools,
    "write": model.ToolCall,
    "read": model.ToolCall,
    "remove": model.ToolCall,
    "sessions": model.Sessions,
    "limits": model.Limits,
    "health": model.Health,
    "target": model.Command,
}


def read_file(path: Path, environ: Mapping[str, str] = os.environ) -> Spec:
    """A file, checked; its secrets are known from here on."""
    try:
        data = documents.yaml_value(documents.read_text(path))
    except DocumentError as error:
        raise UsageError(
            f"{short(str(path), 120)} is not valid YAML",
            str(error),
            "Correct it there; docs/verify.md says what it may hold",
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"Cannot read {short(str(path), 120)}",
            short(str(error), 300),
            "harness verify --url URL --learn writes one",
        ) from error
    return spec_of({} if data is None else data, str(path), environ)


def spec_of(data: Any, source: str, environ: Mapping[str, str] = os.environ) -> Spec:
    """The checked values; `source` is named in errors."""
    if not isinstance(data, dict):
        raise UsageError(
            f"{source} is not a mapping",
            "It must have keys such as identity and tools",
            "See docs/verify.md",
        )
    _check_credentials(data.get("auth"), source)
    for path, text in backends.addresses(data):
        if not isinstance(text, str) or not _VARIABLE.search(text):
            raise UsageError(
                f"{source}: {path} holds an address itself",
                "It may hold a password, so it is not shown",
                "Read it from the environment: ${NAME}",
            )
    try:
        spec = _SPEC.validate_python(_filled_in(data, environ, ""))
    except ValidationError as error:
        lines = [short(_explained(details), 300) for details in error.errors()[:ERRORS_MOST]]
        raise UsageError(
            f"{source} cannot be used as it is", "\n".join(dict.fromkeys(lines)), "See docs/verify.md"
        ) from error
    for headers in (spec.auth.good, spec.auth.bad) if spec.auth else ():
        check_headers(headers)
    _check_together(spec, source)
    return spec


def _check_together(spec: Spec, source: str) -> None:
    """Raise for a key that is of no use without another one."""
    if spec.read is not None and spec.write is None:
        raise UsageError(
            f"{source}: read must find what write wrote", "There is no write", "Add write, or drop read"
        )
    if spec.remove is not None and spec.write is None:
        raise UsageError(
            f"{source}: remove must remove what write wrote",
            "There is no write",
            "Add write, or drop remove",
        )
    if spec.target is not None and spec.target.apart == "schema" and spec.database is None:
        raise UsageError(
            f"{source}: target.apart: schema is a schema of the database",
            "There is no database",
            "Add database {dsn: ${DATABASE_URL}}, or drop it: then the server gets a PostgreSQL of its own",
        )
    on_record = spec.tasks is not None and (spec.tasks.row or spec.tasks.history)
    if spec.database is None and on_record:
        raise UsageError(
            f"{source}: tasks.row and tasks.history are tables of the database",
            "There is no database",
            "Add database {dsn: ${DATABASE_URL}}, or drop them",
        )


def _check_credentials(auth: Any, source: str) -> None:
    for key in ("good", "bad"):
        headers = auth.get(key) if isinstance(auth, dict) else None
        for name, value in headers.items() if isinstance(headers, dict) else ():
            if not isinstance(value, str) or not _VARIABLE.search(value):
                raise UsageError(
                    f"{source}: auth.{key}.{short(str(name))} holds a credential itself",
                    "It may be a secret, so it is not shown",
                    "Read it from the environment: ${NAME}",
                )


def _filled_in(value: Any, environ: Mapping[str, str], path: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled_in(item, environ, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_filled_in(item, environ, f"{path}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, str) or path.lstrip(".") in backends.COMMANDS:
        return value
    for name in _VARIABLE.findall(value):
        if name not in environ:
            raise UsageError(
                f"{short(path.lstrip('.'))}: the environment variable {short(name)} is not set",
                f"It is taken from ${{{short(name)}}}",
                f"export {short(name)}=...",
            )
        sources.reference(name, environ[name])
        if path.startswith((".auth.good", ".auth.bad")):
            hiding.learn(environ[name])
    text = _VARIABLE.sub(lambda match: environ[match[1]], value)
    if path.lstrip(".") in backends.ADDRESSES:
        sources.url(text)
    if "\0" in text:
        raise UsageError(
            f"{short(path.lstrip('.'))} holds a NUL character", "It cannot be sent", "Leave it out"
        )
    return text


def _explained(details: ErrorDetails) -> str:
    """One line: the path of the key, what is wrong, what would be right."""
    where = "".join(_steps(details["loc"])).lstrip(".") or "verify.yaml"
    match details["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f"{where}: unknown key{_known(details['loc'])}"
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f"{where}: is missing"
        case "value_error":
            return f"{where}: {details['ctx']['error']}"
        case _:
            shown = (
                ""
                if where.startswith(("auth.", *backends.ADDRESSES))
                else f" (got {short(repr(details['input']))})"
            )
            return f"{where}: {details['msg'].removeprefix('Input ')}{shown}"


def _steps(loc: tuple[int | str, ...]) -> Iterator[str]:
    for part in loc:
        if isinstance(part, int):
            yield f"[{part}]"
        elif not part.startswith(("function-", "literal", "constrained-", "dataclass", "[key]")):
            yield f".{part}"


def _known(loc: tuple[int | str, ...]) -> str:
    path = "".join(_steps(loc[:-1])).lstrip(".")
    fields = _CLASSES.get(path) or backends.class_of(path.split("."))
    if fields is None:
        return ""
    names = list(fields.__dataclass_fields__)  # type: ignore[attr-defined]
    close = difflib.get_close_matches(str(loc[-1])[:100], names, 1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"
