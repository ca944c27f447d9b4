"""The lock of tools: what counts as a change, and what is no lock."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.foundation.errors import UsageError
from harness.verify.spec import lock


def tool(name: str = "add", **schema: Any) -> dict[str, Any]:
    return {"name": name, "description": "Adds.", "inputSchema": schema}


NUMBER = {
    "type": "object",
    "properties": {"title": {"type": "number", "title": "First"}},
    "required": ["title"],
}
CHANGES = [
    ([], ["add is gone"]),
    ([tool(**NUMBER), tool("sub")], ["sub is new"]),
    ([tool(**NUMBER | {"description": "Of two.", "title": "Sum", "$comment": "words"})], []),
    ([tool(**NUMBER | {"required": []})], ['add: inputSchema.required was ["title"], is []']),
    (
        [tool(**NUMBER | {"properties": {}})],
        ["add: inputSchema.properties.title is gone"],
    ),
    (
        [tool(**NUMBER | {"properties": {"title": {"type": "string"}, "more": {}}})],
        [
            'add: inputSchema.properties.title.type was "number", is "string"',
            "add: inputSchema.properties.more is new",
        ],
    ),
    ([tool(**NUMBER) | {"outputSchema": {"type": "object"}}], ["add: outputSchema is new"]),
]


@pytest.mark.parametrize(("now", "told"), CHANGES)
def test_what_a_client_relies_on_is_a_change_and_words_are_none(now: list[Any], told: list[str]) -> None:
    assert lock.differences(lock.locked([tool(**NUMBER)]), now) == told


def test_a_file_is_read_as_it_was_written_whatever_the_order(tmp_path: Path) -> None:
    """Of tools, of keys, and of what is required."""
    path = tmp_path / lock.NAME
    tools = [tool("b", required=["y", "x"], type="object"), tool("a")]
    path.write_text(lock.text_of(tools))

    assert list(json.loads(path.read_text())["tools"]) == ["a", "b"]
    assert (
        lock.differences(lock.read_file(path), [tool("a"), tool("b", type="object", required=["x", "y"])])
        == []
    )


def test_many_differences_are_bounded_and_so_is_their_depth() -> None:
    many = [tool(f"t{number:02}") for number in range(14)]
    deep: Any = {"type": "string"}
    other: Any = {"type": "number"}
    for _ in range(2 * lock.DEPTH_MOST):
        deep, other = {"items": deep}, {"items": other}

    assert lock.differences({}, many)[lock.DIFFERENCES_MOST :] == ["and 4 more"]
    (line,) = lock.differences(lock.locked([tool(**deep)]), [tool(**other)])
    assert line.startswith("add: inputSchema.items.")
    assert line.endswith(" changed")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "Cannot read the lock"),
        ("{", "Cannot read the lock"),
        ("[]", "is not a lock of tools"),
        ("{}", "is not a lock of tools"),
        ('{"tools": {"add": 1}}', "is not a lock of tools"),
    ],
)
def test_what_is_no_lock_is_said_with_what_writes_one(tmp_path: Path, text: str | None, what: str) -> None:
    path = tmp_path / lock.NAME
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as raised:
        lock.read_file(path)

    assert what in raised.value.what
    assert "--learn" in raised.value.todo
