"""HTML as values: text is escaped unless it is HTML already, so nothing a server said can become markup.

el("td", "<script>", cls="num")  ->  <td class="num">&lt;script&gt;</td>
"""

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from harness.foundation.untrusted.printable import html_without_commands

VOID: Final = frozenset({"meta", "br"})


@dataclass(frozen=True, slots=True)
class Html:
    """Text that is markup. Make it with `el`, or from text that the harness itself wrote."""

    text: str


Node = Html | str | None


def el(tag: str, *children: Node, cls: str = "", **attributes: str) -> Html:
    """An HTML element; children that are None are left out. `data_label` becomes `data-label`."""
    named = {"class": cls, **attributes} if cls else attributes
    given = "".join(
        f' {name.replace("_", "-")}="{html.escape(value, quote=True)}"' for name, value in named.items()
    )
    if tag in VOID:
        return Html(f"<{tag}{given}>")
    return Html(f"<{tag}{given}>{join(children).text}</{tag}>")


def join(nodes: Iterable[Node]) -> Html:
    """Join nodes into one."""
    return Html("".join(_text(node) for node in nodes))


def _text(node: Node) -> str:
    if node is None:
        return ""
    if isinstance(node, Html):
        return node.text
    # Characters that no HTML may hold (a server can send any) are shown as what they are: not text.
    shown = "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in node
    )
    return html_without_commands(html.escape(shown))
