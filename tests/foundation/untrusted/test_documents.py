"""Text from outside: within bounds, never guessed at, and an error that says where."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.foundation.untrusted.documents import (
    BYTES_MAX,
    DocumentError,
    json_value,
    read_text,
    short,
    yaml_value,
)

LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
MERGED_LAUGHS = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{" + ", ".join(f"k{k}: *a{n - 1}" for k in range(9)) + "}\n" for n in range(1, 40)
)

REFUSED_YAML = {
    "billion laughs in lists": (LAUGHS, "stands for more than 100,000 values"),
    "billion laughs in mappings": (MERGED_LAUGHS, "stands for more than 100,000 values"),
    "billion laughs by merging": (
        "a0: &a0 {x: [1,2,3,4,5,6,7,8,9]}\n"
        + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 40)),
        "stands for more than 100,000 values",
    ),
    "a list that contains itself": ("a: &a [*a]", "contains it"),
    "a mapping that contains itself": ("&a {b: {c: *a}}", "contains it"),
    "3,000 brackets": ("[" * 3000, "nested more than 50 levels deep"),
    "3,000 dashes": ("- " * 3000 + "x", "nested more than 50 levels deep"),
    "5,000 digits": (f"seed: {'9' * 5000}", "more than 30 digits"),
    "a key twice": ("seed: 1\nname: x\nseed: 2\n", "line 3, column 1: the key 'seed' stands twice"),
    "eight": ("seed: 010", "can be read in two ways"),
    "ninety": ("at: 1:30", "can be read in two ways"),
    "ninety and a half": ("at: 1:30.5", "can be read in two ways"),
    "binary": ("seed: 0b11", "can be read in two ways"),
    "not a number": ("rate: .nan", "not a number that can be compared"),
    "infinity": ("rate: -.inf", "not a number that can be compared"),
    "too large": ("rate: 1.0e+999", "not a number that can be compared"),
    "an object": ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    "a truth value that is none": (
        "a: 1\nb: !!bool maybe",
        "line 2, column 4: a value is not what its tag says",
    ),
    "a date that is none": ("!!timestamp x", "line 1, column 1: a value is not what its tag says"),
    "a number that is none": ("a: !!float x", "not what its tag says"),
    "no number at all": ("seed: !!int ''", "can be read in two ways"),
    "a set with a list in it": ("!!set {[a]: }", ""),
    "pairs that are none": ("!!pairs [a]", ""),
    "a control character": ("name: \x07", ""),
    "10 MB": ("name: " + "x" * 10_000_000, "larger than"),
    "a long key twice": (f"{'k' * 900}: 1\n{'k' * 900}: 2", "stands twice"),
    "two documents": ("a: 1\n---\nb: 2", ""),
}


@pytest.mark.parametrize("name", REFUSED_YAML)
def test_yaml_beyond_the_bounds_is_refused_with_the_reason(name):
    text, why = REFUSED_YAML[name]
    with pytest.raises(DocumentError) as raised:
        yaml_value(text)

    assert why in str(raised.value)
    assert len(str(raised.value)) < 500


REFUSED_JSON = {
    "100,000 brackets": ("[" * 100_000, "nested more than 50 levels deep"),
    "100,000 braces": ('{"a":' * 100_000, "nested more than 50 levels deep"),
    "a key twice": ('{"a": 1, "a": 2}', "line 1, column 10: the key 'a' stands twice"),
    "a key twice, by an escape": ('{"a": 1,\n "\\u0061": 2}', "line 2, column 2: the key 'a' stands twice"),
    "not a number": ('{"a": NaN}', "line 1, column 7: NaN is not a number"),
    "infinity": ("[-Infinity]", "line 1, column 2: -Infinity is not a number"),
    "too large": ("[1e999]", "1e999 is not a number that can be compared"),
    "5,000 digits": ("9" * 5000, "more than 30 digits"),
    "no JSON": ("{a: 1}", "line 1 column 2"),
}


@pytest.mark.parametrize("name", REFUSED_JSON)
def test_json_beyond_the_bounds_is_refused_with_the_reason(name):
    text, why = REFUSED_JSON[name]
    with pytest.raises(DocumentError) as raised:
        json_value(text)

    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}", {"base": {"x": 1, "y": 2}, "more": {"x": 1, "y": 3}}),
        ("a: &a [1]\nb: [*a, *a]", {"a": [1], "b": [[1], [1]]}),
        ("seed: 0\nhex: 0xff\nmany: 1_000\nless: -3\nrate: 2.5\nbig: 1.0e+3",
         {"seed": 0, "hex": 255, "many": 1000, "less": -3, "rate": 2.5, "big": 1000.0}),
        ("text: '010'", {"text": "010"}),
        ("protocol: 2025-11-25", {"protocol": "2025-11-25"}),
        ("", None),
    ],
)  # fmt: skip
def test_ordinary_yaml_is_read_as_ever(text, value):
    assert yaml_value(text) == value


HOSTILE_TEXTS = {
    "quotes without an end": '"' + '\\"' * 400_000,
    "a quote at the end": "[" + '"a",' * 200_000 + '"',
    "letters": "a" * 900_000,
    "minus signs": "-" * 900_000,
    "blanks behind a key": '{"a"' + " " * 900_000,
}


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_the_time_to_refuse_a_text_grows_with_its_length_alone(name):
    """With the square of its length these would take hours: the limit of the test run would end them."""
    with pytest.raises(DocumentError):
        json_value(HOSTILE_TEXTS[name])


def test_brackets_inside_text_are_no_levels():
    assert json_value('{"a": "' + "[" * 200 + '\\"{"}') == {"a": "[" * 200 + '"{'}


def test_a_file_is_not_read_further_than_it_may_be_long(tmp_path: Path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"x" * (BYTES_MAX + 1))
    with pytest.raises(DocumentError, match="larger than"):
        read_text(path)


def test_what_is_repeated_in_a_message_is_short():
    assert short("x" * 10_000_000) == f"{'x' * 60}... (10,000,000 characters)"


@given(st.text(max_size=200))
def test_any_text_is_a_value_or_an_error_for_the_user(text):
    for read in (yaml_value, json_value):
        try:
            read(text)
        except DocumentError as error:
            assert str(error)  # noqa: PT017
