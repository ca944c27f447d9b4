"""HTML as values: what is not markup is escaped."""

import pytest

from harness.report.markup import Html, el, join


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (el("p", "a < b & c"), "<p>a &lt; b &amp; c</p>"),
        (el("p", el("b", "x"), None, " y"), "<p><b>x</b> y</p>"),
        (el("td", "1", cls="num"), '<td class="num">1</td>'),
        (el("div", aria_label='"><x>'), '<div aria-label="&quot;&gt;&lt;x&gt;"></div>'),
        (el("meta", charset="utf-8"), '<meta charset="utf-8">'),
        (el("p", "a\x1b\x00\u202eb"), "<p>a\ufffd\ufffd\ufffdb</p>"),  # direction marks can lie about a text
        (join([Html("<hr>"), "<"]), "<hr>&lt;"),
    ],
)
def test_elements(found, text):
    """Text is escaped, markup is not, nothing is nothing."""
    assert found.text == text
