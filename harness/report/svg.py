"""matplotlib figures to SVG that takes its colours and its font from the page around it.

Figures are drawn in placeholder colours (`INK`, `BLUE`, ...), which become CSS variables in the SVG: one
picture serves light and dark. Text stays text. The same figure always gives the same bytes: no date, no
random ids. An SVG that stands alone carries the variables itself.
"""

import re
from io import StringIO
from typing import Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from harness.report.palette import COLOURS, FONT, GRID, INK, MUTED, variables

STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "figure.facecolor": "none",
    "hatch.linewidth": 0.8,
    "image.composite_image": False,
    "grid.color": GRID,
    "grid.linewidth": 1,
    "legend.frameon": False,
    "legend.fontsize": 11,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "xtick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.color": GRID,
    "ytick.labelcolor": MUTED,
    "ytick.left": False,
    "ytick.major.size": 0,
}


def to_svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an SVG element for a page; `label` says in words what it shows."""
    out = StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None})  # type: ignore[no-untyped-call]
    body = out.getvalue()
    body = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = body[body.index("<svg") :]
    for placeholder, (variable, _, _) in COLOURS.items():
        body = body.replace(placeholder, f"var(--{variable})")
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px var(--font)", body)
    body = _unnamed(re.sub(r"\n\s*", "\n", body), name)
    view = re.search(r'viewBox="([^"]*)"', body)
    assert view is not None
    opened = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{view[1]}" role="img" aria-label="{_attribute(label)}" '
        f'style="stroke-linejoin: round; stroke-linecap: butt">'
    )
    return re.sub(r"<svg[^>]*>", lambda _: opened, body, count=1).strip()


def alone(svg: str) -> str:
    """The SVG as a file of its own."""
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0]
    style = (
        f"<style>:root{{{variables(1)}--font:{FONT};background:var(--paper)}}"
        f"@media (prefers-color-scheme:dark){{:root{{{variables(2)}}}}}</style>"
    )
    return (
        svg.replace("<svg ", f'<svg width="{width}" height="{height}" ', 1).replace(">", f">{style}", 1)
        + "\n"
    )


def _unnamed(body: str, name: str) -> str:
    """Keep only ids that are referred to, prefixed with the chart's name: a page holds many charts."""
    used = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", body))
    body = re.sub(
        r' id="([^"]*)"', lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", body
    )
    return re.sub(r"(url\(|href=\")#", rf"\1#{name}-", body)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
