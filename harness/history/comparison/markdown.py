"""A comparison as Markdown: for a pull request, and for the page of a CI job."""

from harness.history.comparison import wording
from harness.history.comparison.comparison import Comparison
from harness.report.markdown import cell, table

MARK = {"regressed": "❌", "improved": "🟢", "equivalent": "✅", "inconclusive": "❓", "not_comparable": "❓"}


def markdown(comparison: Comparison) -> str:
    """Verdict first, then the figures that a reader needs; all of them are in the HTML page."""
    figures, more = wording.shown(comparison)
    rows = [
        [
            *(cell(text) for text in wording.cells(one)[:-1]),
            cell(wording.word(one)) if one.p is None else f"{MARK[one.word]} {cell(wording.word(one))}",
        ]
        for one in figures
    ]
    title = "described" if comparison.describes else wording.WORDS[comparison.verdict].lower()
    mark = "📏" if comparison.describes else MARK[comparison.verdict]
    parts = [
        f"## {mark} {cell(comparison.scenario or 'comparison')}: {title}",
        cell(wording.headline(comparison)),
        "<br>".join(
            cell(wording.side(letter, one)) for letter, one in (("A", comparison.a), ("B", comparison.b))
        ),
        table(wording.HEADS, rows),
        cell(more),
        "\n".join(f"- {cell(text)}" for text in wording.remarks(comparison)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
