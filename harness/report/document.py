"""A self-contained HTML document: no network, no script, light and dark, for screen, phone and print."""

from importlib.resources import files
from typing import Final

from harness.report import svg
from harness.report.markup import Html, Node, el

# The page loads nothing and runs no script, even if a server put markup into a name.
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)


def document(title: str, *content: Node, style: str = "") -> str:
    """The document with this content, in the style of the report and with more of its own."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        el("style", Html(_css() + style)),
    )
    body = el("body", el("main", *content))
    return f"<!doctype html>\n{el('html', head, body, lang='en').text}\n"


def _css() -> str:
    themes = (
        f":root{{color-scheme:light dark;{svg.variables(1)}--font:{svg.FONT}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{svg.variables(2)}}}}}\n"
        f"@media print{{:root{{color-scheme:light;{svg.variables(1)}}}}}\n"
    )
    return themes + files("harness.report").joinpath("page.css").read_text(encoding="utf-8")
