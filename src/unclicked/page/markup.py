"""Small pieces of HTML; every text from outside is escaped here."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence


def escaped(value: object) -> str:
    """A text as HTML shows it.

    Args:
        value: Anything with a text form.

    Returns:
        The text without markup of its own.

    Example:
        >>> escaped("<a & b>")
        '&lt;a &amp; b&gt;'
    """
    return html.escape(str(value), quote=True)


def typeset(text: str) -> str:
    """A sentence or number with real minus signs and no line break before a percent sign.

    Args:
        text: Plain text.

    Returns:
        Its HTML.

    Example:
        >>> typeset("-1.2 to +0.3, two-tailed") == "\N{MINUS SIGN}1.2 to +0.3, two-tailed"
        True
    """
    joined = escaped(text).replace(" %", "\N{NO-BREAK SPACE}%")
    return re.sub(r"(?<![\w-])-(?=\d)", "\N{MINUS SIGN}", joined)


def cell(text: str, kind: str = "") -> str:
    """A cell of a table.

    Args:
        text: Its HTML.
        kind: Class names.

    Returns:
        A `td` element.
    """
    return f'<td class="{kind}">{text}</td>' if kind else f"<td>{text}</td>"


def table(name: str, caption: str, heading: Sequence[tuple[str, str]], rows: Iterable[str]) -> str:
    """A table in a box of its own that scrolls sideways where the page is narrow.

    Args:
        name: Its id.
        caption: What it shows, plain text.
        heading: Text and class of each column.
        rows: `tr` elements.

    Returns:
        A `div` element.
    """
    cells = "".join(
        f'<th scope="col" class="{kind}">{text}</th>' if kind else f'<th scope="col">{text}</th>'
        for text, kind in heading
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escaped(caption)}">'
        f'<table id="{escaped(name)}"><caption><span>{typeset(caption)}</span></caption>'
        f"<thead><tr>{cells}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table></div>"
    )


def definitions(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and what they stand for.

    Args:
        pairs: Plain texts.

    Returns:
        A `dl` element.
    """
    inside = "\n".join(f"<dt>{escaped(a)}</dt><dd>{typeset(b)}</dd>" for a, b in pairs)
    return f"<dl>\n{inside}\n</dl>"


def chips(texts: Iterable[str]) -> str:
    """A row of short texts.

    Args:
        texts: Plain texts.

    Returns:
        A `ul` element.
    """
    return '<ul class="chips">' + "".join(f"<li>{escaped(t)}</li>" for t in texts) + "</ul>"


def pictures(drawn: Sequence[str], caption: str) -> str:
    """Pictures side by side, below each other where the page is narrow.

    Args:
        drawn: `svg` elements.
        caption: Plain text below them.

    Returns:
        A `figure` element.
    """
    inside = "\n".join(f"<div>{one}</div>" for one in drawn)
    return (
        f'<figure>\n<div class="pictures">\n{inside}\n</div>\n'
        f"<figcaption>{typeset(caption)}</figcaption>\n</figure>"
    )
