"""What a server has shown is found again under the names that arguments have for it."""

import pytest

from harness.mcp.schemas import templates
from harness.mcp.schemas.learnt import Learnt
from harness.mcp.schemas.words import conventional, kind, one_form, parts, quoted


@pytest.mark.parametrize(
    ("tool", "arguments", "content", "name", "expected"),
    [
        ("list_users", {}, ['{"users": [{"id": 7, "name": "ann"}]}'], "userId", [7]),
        ("list_users", {}, [[{"id": 7}, {"id": 9}]], "user_id", [7, 9]),
        ("list_databases", {}, [["shop", "bank"]], "database", ["shop", "bank"]),
        ("read_graph", {}, [{"entities": [{"name": "x"}]}], "entityName", ["x"]),
        ("list_allowed_directories", {}, ["Allowed directories:\n/srv/files"], "path", ["/srv/files"]),
        ("list_directory", {"path": "/srv"}, ["[FILE] a b.txt\n[DIR] sub"], "source", ["/srv/a b.txt", "/srv/sub"]),
        ("directory_tree", {"path": "/srv/"}, ['[{"name": "a", "type": "file"}]'], "file", ["/srv/a"]),
        ("about", {}, ["see file:///x/y, or https://a.b/c."], "uri", ["file:///x/y", "https://a.b/c"]),
        ("git_log", {}, ["commit 0123456789012345678901234567890123456789"], "revision", ["0123456789" * 4]),
        ("list_workbooks", {}, [{"a b.xlsx": 5368, "total": 1}], "path", ["a b.xlsx"]),
        ("list_workbooks", {"directory": "/srv"}, [["a.xlsx", "a sentence. And more", "a"]], "path", ["a.xlsx", "/srv/a.xlsx"]),
        ("look", {}, ["diff /dev/null /srv/a"], "path", ["/srv/a"]),
        ("flags", {}, [{"on": True, "nothing": None}], "on", []),
    ],
)  # fmt: skip
def test_a_reply_teaches_values_by_name(tool, arguments, content, name, expected) -> None:
    learnt = Learnt()
    learnt.from_reply(tool, arguments, content)

    assert learnt.of(name, {}) == expected


def test_what_is_kept_is_bounded() -> None:
    learnt = Learnt()
    learnt.from_reply("list", {}, [{"id": list(range(5000)), "text": "x" * 10_000}, "[" * 5000])

    assert len(learnt.of("id", {})) == 24
    assert not learnt.of("text", {})


@pytest.mark.parametrize(
    ("name", "form", "kind_of"),
    [("repo_path", "repopath", "path"), ("nodeIDs", "nodeid", ""), ("HTTPUrl", "httpurl", "uri"), ("paths", "path", "path"), ("status", "status", ""), ("queries", "query", "")],
)  # fmt: skip
def test_a_name_has_one_form_in_any_spelling(name, form, kind_of) -> None:
    assert (one_form(name), kind(name, {})) == (form, kind_of)
    assert "".join(parts(name))


def test_quoted_words_of_a_description_are_values() -> None:
    said = {"description": "local branches ('local'), all(\"all\"), not 'none'; the user's own, it's"}

    assert quoted(said) == ["local", "all"]


def test_a_template_is_filled_with_what_the_server_proposes_then_with_usual_values() -> None:
    found = list(templates.filled("demo://{type}/{id}{?page}", Learnt(), {"type": ["text"]}))

    assert found[0] == "demo://text/1?page=1"
    assert all("{" not in uri for uri in found)


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ("Time to convert in 24-hour format (HH:MM)", ["12:30"]),
        ("the start, as YYYY-MM-DD", ["2026-01-15"]),
        ("HH:MM:SS", ["12:30:00"]),
        ("any word", []),
    ],
)
def test_a_format_that_only_the_description_names_is_followed(described: str, expected: list[str]) -> None:
    """As servers of time do."""
    assert conventional("time", {"description": described}, "") == expected
