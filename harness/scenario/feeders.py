"""Feeders: rows of a file whose values stand in the arguments of calls, as `{{people.id}}`.

    data: {people: {file: people.csv, order: own, numbers: [id]}}

On the command line that is `--data people=people.csv,order=own,numbers=id`. The file is read by `harness.load.feeders`.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from harness.foundation.units import said
from harness.scenario.arguments import REPLY, TEMPLATES
from harness.scenario.quantities import STRICT

Order = Literal["own", "in_order", "random", "once"]
KINDS: Final = (".csv", ".jsonl", ".ndjson", ".parquet")
FEEDERS_MOST: Final = 20
_NAME = re.compile(r"[A-Za-z_]\w{0,31}", re.ASCII)


def _file(value: str) -> str:
    if not value.lower().endswith(KINDS):
        raise ValueError(f"is the path of a file that ends in {', '.join(KINDS)}")
    return value


def _columns(value: object) -> object:
    return [value] if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """A file, who gets which of its rows, and which columns of a CSV file are numbers."""

    __pydantic_config__ = STRICT
    file: Annotated[str, AfterValidator(_file)]
    order: Order = "own"
    numbers: Annotated[list[str], BeforeValidator(_columns), Field(max_length=200)] = field(
        default_factory=list
    )


def check_feeders(value: dict[str, Feeder]) -> dict[str, Feeder]:
    """Check the names: they stand in templates."""
    if len(value) > FEEDERS_MOST:
        raise ValueError(f"has {len(value)} files; {FEEDERS_MOST} are the most")
    for name in value:
        if name == REPLY or name in TEMPLATES or not _NAME.fullmatch(name):
            raise ValueError(
                f"{said(name)} cannot stand in a template; take letters, digits and _, such as people"
            )
    return value


def feeder_from_flag(text: str) -> tuple[str, dict[str, str | list[str]]]:
    """Read the flag `people=people.csv,order=random,numbers=id+price`."""
    name, equals, rest = text.partition("=")
    file, *more = rest.split(",")
    if not equals or not name.strip() or not file.strip():
        raise ValueError("it is NAME=FILE, and then order=... and numbers=... after commas")
    data: dict[str, str | list[str]] = {"file": file.strip()}
    for part in more:
        key, equals, value = part.partition("=")
        if not equals or key.strip() not in {"order", "numbers"}:
            raise ValueError(
                f"after the file come order=own|in_order|random|once and numbers=COLUMN+COLUMN, not {said(part)}"
            )
        data[key.strip()] = value.strip().split("+") if key.strip() == "numbers" else value.strip()
    return name.strip(), data
