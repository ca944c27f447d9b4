"""What somebody else says moves no cursor, and gives a CI no orders."""

import html
import json

import pytest

from harness.foundation.untrusted.printable import MOST, as_json, html_without_commands, lines, printable


@pytest.mark.parametrize(
    "text",
    ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "a\rb", "\u202etxt", "\x00", "\u2028", "tab\there"],
)
def test_control_characters_are_replaced(text):
    shown = printable(f"x{text}y")
    assert shown.isprintable()
    assert shown.startswith("x")
    assert shown.endswith("y")


@pytest.mark.parametrize("text", ["::error::boom", "  ::set-output name=x::y", "x\n::stop-commands::t", "##[error]x",
                                  "a ##vso[task.complete]", "\t::add-mask::x"])  # fmt: skip
def test_no_line_is_a_command_of_a_ci(text):
    shown = lines(text)
    assert not any(line.lstrip().startswith("::") for line in shown.splitlines())
    assert "##[" not in shown
    assert "##vso[" not in shown


@pytest.mark.parametrize("text", ["##[error]x", "a ##vso[task.complete]", "\\##[x", "####[x"])
def test_json_says_the_same_without_a_command(text):
    shown = as_json({text: [text]})
    assert json.loads(shown) == {text: [text]}
    assert "##[" not in shown
    assert "##vso[" not in shown


@pytest.mark.parametrize("text", ["::error::boom", "x\n ::stop::t", "a ##[error]x", "##VSO[x"])
def test_a_page_shows_the_same_without_a_command(text):
    shown = html_without_commands(html.escape(text))
    assert html.unescape(shown) == text
    assert not any(line.lstrip().startswith("::") for line in shown.splitlines())
    assert "##[" not in shown
    assert "##vso[" not in shown.lower()


def test_ordinary_text_stays_as_it_is():
    text = "Target: échø 1.0 at http://[::1]:8000/mcp, 2025-11-25\n  5 users  100% ok"
    assert lines(text) == text


def test_a_line_is_capped():
    assert len(lines("x" * 10_000_000)) == MOST


def test_a_million_empty_lines_are_read_once():
    """Not once for each of them: that would take hours."""
    assert lines("\n" * 1_000_000 + "::error::x").endswith("\n: :error::x")
