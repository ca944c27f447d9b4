"""The words and numbers of a comparison as people read them, whatever the format."""

from typing import Final

from harness.analysis.statistics.rounding import BLANK
from harness.analysis.statistics.rounding import show as show_known
from harness.history.comparison.comparison import Compared, Comparison, SideSaid

WORDS: Final = {
    "regressed": "Regressed",
    "improved": "Improved",
    "equivalent": "Equivalent",
    "inconclusive": "Inconclusive",
    "not_comparable": "Not comparable",
}
# The outcome of a report (its colour and mark) that goes with a word.
OUTCOME: Final = {
    "regressed": "fail",
    "improved": "pass",
    "equivalent": "pass",
    "inconclusive": "unknown",
    "not_comparable": "unknown",
}
ORDERS: Final = {
    "together": "the runs of the two sides alternated; a drift of the machine is subtracted",
    "in turn": "all runs of one side were made before those of the other; a linear drift of the machine is subtracted",
    "apart": "the sides were measured in separate sittings; the change is judged by how much sittings differ",
    "vouched": "all runs were made under the same conditions, says --same-conditions",
    "one sitting each": "each side was measured in its own single sitting",
    "one run a side": "one run a side",
}
ERRORS_MOST: Final = 10
HEADS: Final = ("Of", "Figure", "A", "B", "Change", "95 % interval", "p", "Word")


def show(value: float | None, unit: str) -> str:
    """A value with its unit."""
    if value is not None and unit == "mb":
        return f"{value:,.0f} MB" if value >= 100 else f"{value:.1f} MB"
    return show_known(value, unit)


def change(value: float | None, one: Compared) -> str:
    """A change: a share more or less, points of a success rate, else in the figure's unit."""
    if value is None:
        return BLANK
    if one.ratio:
        return f"{value:+.1%}" if abs(value) < 10 else f"\N{MULTIPLICATION SIGN}{1 + value:,.1f}"
    if one.unit == "share":
        return f"{value * 100:+.2f} points"
    return f"{value:+.1f} s" if one.unit == "s" else f"{value:+.1f}"


def interval(one: Compared) -> str:
    """From, to."""
    if one.interval is None:
        return BLANK
    low, high = (change(end, one) for end in one.interval)
    for suffix in (" points", " s", "%"):
        if low.endswith(suffix) and high.endswith(suffix):
            low = low.removesuffix(suffix)
    return f"{low} to {high}"


def chance(one: Compared) -> str:
    if one.p is None:
        return BLANK
    return "<0.001" if one.p < 0.001 else f"{one.p:.3f}" if one.p < 0.995 else "1"


def word(one: Compared) -> str:
    """The word, and how many more repeats would give an inconclusive figure another one."""
    if one.word != "inconclusive" or one.p is None:
        return WORDS[one.word].lower() if one.p is not None else BLANK
    more = "more than 50" if one.more_repeats is None else str(one.more_repeats)
    return f"inconclusive ({more} more)"


def cells(one: Compared) -> tuple[str, ...]:
    """One row of a table, under HEADS."""
    a, b = show(one.a, one.unit), show(one.b, one.unit)
    return one.of, one.name, a, b, change(one.change, one), interval(one), chance(one), word(one)


def side(letter: str, one: SideSaid) -> str:
    """One side in a line."""
    many = f"{one.n} run" + ("" if one.n == 1 else "s")
    version = f", version {' and '.join(one.versions)}" if one.versions else ""
    return f"{letter} = {one.label}: {many}{version}"


def headline(comparison: Comparison) -> str:
    """The verdict in a sentence."""
    if comparison.describes and comparison.verdict != "regressed":
        return "This comparison only describes; it decides nothing."
    if comparison.verdict == "regressed":
        return f"B is worse than A: {', '.join(comparison.why[:6])}" + (
            " and more." if len(comparison.why) > 6 else "."
        )
    if comparison.verdict == "improved":
        return f"B is better than A: {', '.join(comparison.why[:6])}" + (
            " and more." if len(comparison.why) > 6 else "."
        )
    if comparison.verdict == "equivalent":
        return "No deciding figure became worse by more than its gate."
    return f"{comparison.why[0][:1].upper()}{comparison.why[0][1:]}." if comparison.why else ""


def remarks(comparison: Comparison) -> list[str]:
    """Return the lines below the table: reasons, new errors, runs that were left out, noise."""
    rest = comparison.why[1:] if comparison.verdict in {"inconclusive", "not_comparable"} else ()
    if comparison.describes and comparison.verdict == "not_comparable":
        rest = comparison.why
    new = [
        f"New kind of error in B: {one.outcome}{f' ({one.detail})' if one.detail else ''}, {one.count:,} calls"
        for one in comparison.errors_new[:ERRORS_MOST]
    ]
    if len(comparison.errors_new) > ERRORS_MOST:
        new.append(f"{len(comparison.errors_new) - ERRORS_MOST} more new kinds of errors")
    left = [
        f"Left out of {letter}: {text}"
        for letter, one in (("A", comparison.a), ("B", comparison.b))
        for text in one.left_out
    ]
    order = [f"Order: {ORDERS[comparison.order]}"] if comparison.order else []
    return [*new, *(f"{text[:1].upper()}{text[1:]}" for text in rest), *left, *comparison.notes, *order]


def shown(comparison: Comparison) -> tuple[list[Compared], str]:
    """The figures of a short table: the leading ones, and of the rest those that changed; and what was left out, in words."""
    short = [one for one in comparison.figures if one.leading or one.word in {"regressed", "improved"}]
    rest = [one for one in comparison.figures if one not in short]
    if not rest:
        return short, ""
    same = sum(one.word == "equivalent" for one in rest)
    words = (
        f": {same} equivalent, {len(rest) - same} inconclusive"
        if any(one.p is not None for one in rest)
        else ""
    )
    return (
        short,
        f"{len(rest)} figures of operations and levels are not in the table{words}. --all shows them.",
    )
