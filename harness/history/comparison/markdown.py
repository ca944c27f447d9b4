"""A comparison as Markdown: for a pull request, and for the page of a CI job."""

from harness.history.comparison import wording
from harness.history.comparison.comparison import Comparison
from harness.report.markdown import cell, table

MARK = {"regressed": "❌", "improved": "🟢", "equivalent": "✅", "inconclusive": "❓", "not_comparable": "❓"}


def markdown(found: Comparison) -> str:
    """Verdict first, then the figures that a reader needs; all of them are in the HTML page."""
    figures, more = wording.shown(found)
    rows = [
        [
            *(cell(text) for text in wording.cells(one)[:-1]),
            cell(wording.word(one)) if one.p is None else f"{MARK[one.word]} {cell(wording.word(one))}",
        ]
        for one in figures
    ]
    title = "described" if found.describes else wording.WORDS[found.verdict].lower()
    mark = "📏" if found.describes else MARK[found.verdict]
    parts = [
        f"## {mark} {cell(found.scenario or 'comparison')}: {title}",
        cell(wording.headline(found)),
        "<br>".join(cell(wording.side(letter, one)) for letter, one in (("A", found.a), ("B", found.b))),
        table(wording.HEADS, rows),
        cell(more),
        "\n".join(f"- {cell(text)}" for text in wording.remarks(found)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
