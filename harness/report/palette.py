"""The colours and the font of our pages, light and dark; charts are drawn in placeholders for them (`svg`)."""

from typing import Final

# placeholder -> variable, light, dark
COLOURS: Final[dict[str, tuple[str, str, str]]] = {
    "#0000a1": ("ink", "#1c2128", "#e6e9ee"),
    "#0000a2": ("muted", "#5d6672", "#9aa4b2"),
    "#0000a3": ("grid", "#e4e8ed", "#2c333d"),
    "#0000a4": ("paper", "#ffffff", "#171b21"),
    "#0000b1": ("blue", "#2563c9", "#6aa5f8"),
    "#0000b2": ("bad", "#c0362c", "#ff8177"),
    "#0000b3": ("fault", "#7a3fc4", "#c19bf5"),
    "#0000c1": ("q-low", "#7fb0de", "#3f70a8"),
    "#0000c2": ("q-mid", "#3577bd", "#6ba6e4"),
    "#0000c3": ("q-high", "#143f73", "#c9e1fb"),
    "#0000d1": ("kind-1", "#c0362c", "#ff8177"),
    "#0000d2": ("kind-2", "#d98324", "#f0a75c"),
    "#0000d3": ("kind-3", "#0f8378", "#4cc5b8"),
    "#0000d4": ("kind-4", "#8a7a12", "#d8c14f"),
    "#0000d5": ("kind-5", "#4453b8", "#93a0f2"),
    "#0000d6": ("kind-6", "#a8457f", "#ec8fc2"),
}
INK, MUTED, GRID, PAPER, BLUE, BAD, FAULT, Q_LOW, Q_MID, Q_HIGH, *KINDS = COLOURS

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def variables(theme: int) -> str:
    """The colours as CSS declarations; theme 1 is light, theme 2 dark."""
    return "".join(f"--{names[0]}:{names[theme]};" for names in COLOURS.values())
