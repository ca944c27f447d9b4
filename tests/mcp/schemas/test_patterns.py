"""Text of a foreign expression, and a check of it that ends."""

from random import Random

import pytest

from harness.mcp.schemas.patterns import NoTextError, drawn, matches


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z]+$",
        r"^\d{4}-\d\d$",
        "^(red|green|blue)$",
        r"^(?P<a>x|y)-(?P=a)$",
        "^[^a-y]{3}$",
        r"^[\w.]{2,}@x\.y$",
        "^a?b*c+?$",
        "",
        r"^\S+\s\S+$",
    ],
)
def test_what_is_drawn_matches(pattern) -> None:
    for seed in range(20):
        assert matches(pattern, drawn(pattern, Random(seed))) is True


@pytest.mark.parametrize("pattern", [r"^[a-z0-9]+(?:-[a-z0-9]+)*$", "(a+)+$", "(?:a|aa)+$", "(?:a?a)+$"])
def test_an_expression_that_might_take_for_ever_is_drawn_from_and_not_tried(pattern) -> None:
    assert drawn(pattern, Random(1))
    assert matches(pattern, "a" * 60 + "!") is None


def test_a_long_text_is_not_searched_for_many_repetitions() -> None:
    assert matches(".*a.*b.*c.*d", "a" * 300) is None


@pytest.mark.parametrize("pattern", ["(?=x)y", "x{1000000}", "[", "a" * 2000, r"\p{L}", "(?!a)a", 7, None])
def test_what_cannot_be_drawn_says_so(pattern) -> None:
    with pytest.raises(NoTextError):
        drawn(pattern, Random(1))
