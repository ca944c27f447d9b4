"""Arguments that vary."""

import uuid
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.arguments import compile_arguments, varies, with_names

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="abc é", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="xyz", max_size=3), inner, max_size=3)
    ),
)


@given(JSON)
def test_arguments_without_templates_come_out_as_they_went_in(value: object) -> None:
    """Nothing is touched that was not asked to vary."""
    assert compile_arguments(value)(Random(1), 1) == value
    assert not varies(value)


def test_a_string_that_is_one_template_takes_the_template_s_type() -> None:
    """A number stays a number."""
    draw = compile_arguments({"n": "{{random_int 3 3}}", "list": ["{{ random_choice a }}", "{{counter}}"]})

    assert draw(Random(1), 7) == {"n": 3, "list": ["a", 7]}


def test_a_template_inside_text_becomes_text() -> None:
    """Several in one string, text before, between and after."""
    draw = compile_arguments("row {{random_int 5 5}} of {{random_choice x}}!")

    assert draw(Random(1), 1) == "row 5 of x!"
    assert varies({"a": ["row {{counter}}"]})


def test_the_same_seed_draws_the_same() -> None:
    """UUIDs too, and they are valid ones."""
    draw = compile_arguments(["{{uuid}}", "{{random_int 1 1000000}}"])

    assert draw(Random(7), 1) == draw(Random(7), 1) != draw(Random(8), 1)
    assert uuid.UUID(draw(Random(7), 1)[0]).version == 4


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{nope}}", "unknown template"),
        ("{{random_int 5 1}}", "no less than the first"),
        ("{{random_int one 2}}", "takes two whole numbers"),
        ("{{random_int 1}}", "takes two whole numbers"),
        ("{{random_choice}}", "takes the words to choose from"),
        ("{{uuid 4}}", "takes nothing"),
    ],
)
def test_a_template_that_cannot_work_is_refused_when_it_is_read(text: str, why: str) -> None:
    """Not at the ten thousandth call."""
    with pytest.raises(ValueError, match=why):
        compile_arguments({"deep": [text]})


def test_names_are_filled_in_and_templates_stay() -> None:
    """In keys and inside of text, with blanks or without; what is no name is left as it is."""
    given = {
        "{{run}}": ["a {{ entry }} b", {"n": "{{random_int 1 2}}"}],
        "other": "{{nope}} {{entry x}}",
        "n": 1,
    }

    assert with_names(given, {"run": "r", "entry": "e-1"}) == {
        "r": ["a e-1 b", {"n": "{{random_int 1 2}}"}],
        "other": "{{nope}} {{entry x}}",
        "n": 1,
    }


@pytest.mark.parametrize(
    "text", ["{{random_int hunter2secret 2}}", "{{nope hunter2secret}}", "{{uuid hunter2secret}}"]
)
def test_what_a_template_was_given_may_be_a_secret_and_is_not_repeated(text: str) -> None:
    """Somebody writes a password where a template's argument goes."""
    with pytest.raises(ValueError, match="template") as raised:
        compile_arguments(text)

    assert "hunter2secret" not in str(raised.value)
