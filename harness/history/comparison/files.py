"""The formats of a comparison, by name, and the files that are written of one."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.printable import as_json
from harness.history.comparison.comparison import Comparison
from harness.history.comparison.terminal import text
from harness.run_directory.directory import write_whole
from harness.run_directory.disk_space import blame


def json_line(comparison: Comparison) -> str:
    """One JSON object: the contents of compare.json."""
    return as_json(msgspec.to_builtins(comparison)) + "\n"


def junit(comparison: Comparison) -> str:
    """JUnit XML."""
    from harness.history.comparison.junit import junit as made

    return made(comparison)


def markdown(comparison: Comparison) -> str:
    """For a pull request; a terminal does not wait for what only this and the page import."""
    from harness.history.comparison.markdown import markdown as made

    return made(comparison)


def page(comparison: Comparison) -> str:
    """One self-contained page."""
    from harness.history.comparison.page import page as made

    return made(comparison)


FORMATS: Final[dict[str, Callable[[Comparison], str]]] = {
    "terminal": lambda comparison: text(comparison) + "\n",
    "json": json_line,
    "html": page,
    "junit": junit,
    "markdown": markdown,
}
FILES: Final = {
    "compare.json": "json",
    "compare.html": "html",
    "compare.xml": "junit",
    "compare.md": "markdown",
}


def write(comparison: Comparison, place: Path) -> None:
    """Write every file of a comparison into this directory, which is made when it is not there."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, form in FILES.items():
            write_whole(place / name, FORMATS[form](comparison))
    except OSError as error:
        raise blame(error) or UsageError(
            f"Cannot write to {place}",
            error.strerror or str(error),
            "Give a writable directory with --report",
        ) from error
