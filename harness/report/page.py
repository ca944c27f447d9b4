"""One self-contained page of ours: no network, no script, light and dark, for screen, phone and print.

document("A title", el("header", ...), section(...))  ->  <!doctype html>...
"""

from importlib.resources import files
from typing import Final

from harness.report.markup import Html, Node, el
from harness.report.palette import FONT, variables

# The page loads nothing and runs no script, even if a server put markup into a name.
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)


def document(title: str, *content: Node, css: str = "") -> str:
    """A whole page; `css` comes after what all pages have."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        el("style", Html(_css() + css)),
    )
    return f"<!doctype html>\n{el('html', head, el('body', el('main', *content)), lang='en').text}\n"


def _css() -> str:
    themes = (
        f":root{{color-scheme:light dark;{variables(1)}--font:{FONT}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{variables(2)}}}}}\n"
        f"@media print{{:root{{color-scheme:light;{variables(1)}}}}}\n"
    )
    return themes + files("harness.report").joinpath("page.css").read_text(encoding="utf-8")
