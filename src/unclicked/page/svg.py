"""From a matplotlib figure to a piece of HTML that takes its colours and font from the page."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Drawn in colours that nothing else has, each replaced by a variable of the page's style.
COLOURS = {
    "ink": "#010203",
    "line": "#010204",
    "popularity": "#010205",
    "base": "#010206",
    "unclicked": "#010207",
    "shuffled": "#010208",
    "further": "#010209",
    "another": "#01020a",
}
# As wide as a phone's column, so that a point is a pixel there and text stays readable.
WIDTH_INCHES, HEIGHT_INCHES = 4.6, 2.75
STYLE = {
    "svg.fonttype": "none",
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": COLOURS["line"],
    "axes.labelcolor": COLOURS["ink"],
    "axes.titlecolor": COLOURS["ink"],
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.4,
    "xtick.color": COLOURS["line"],
    "ytick.color": COLOURS["line"],
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "text.color": COLOURS["ink"],
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.6,
}
_HEAD = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_STYLE_BLOCK = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_FONT = re.compile(r"font-family: [^;\"]*")
_NAMESPACE = re.compile(r' (?:xmlns(?::xlink)?|version)="[^"]*"')
_SIZE = re.compile(r'(<svg )width="[^"]*" height="[^"]*"')


def draw(name: str, alternative: str, paint: Callable[[Axes], None], height: float = 1.0) -> str:
    """Draw one picture.

    Args:
        name: Short name, unique on the page; the same name and data give the same bytes.
        alternative: What the picture shows, for people who do not see it.
        paint: Draws into the axes it is given.
        height: Height as a multiple of the usual one.

    Returns:
        An `svg` element without a reference to anything outside it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    stream = io.StringIO()
    with matplotlib.rc_context(matplotlib.RcParams(STYLE | {"svg.hashsalt": name})):
        figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES * height), layout="constrained")
        axes = figure.subplots()
        paint(axes)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    return _inline(stream.getvalue(), name, alternative)


def _inline(text: str, name: str, alternative: str) -> str:
    text = _STYLE_BLOCK.sub("", _HEAD.sub("", text), count=1)
    text = _NAMESPACE.sub("", text)
    text = text.replace("xlink:href", "href")
    # Every picture numbers its parts anew, but ids are unique on a page.
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = text.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    text = _FONT.sub("font-family: inherit", text)
    for word, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{word})")
    text = re.sub(r"\s*\n\s*", "\n", text)
    label = html.escape(alternative, quote=True)
    return _SIZE.sub(rf'\1role="img" aria-label="{_plain(label)}"', text, count=1).strip()


def _plain(text: str) -> str:
    """A text without meaning to `re.sub`."""
    return text.replace("\\", r"\\")
