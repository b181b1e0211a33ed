"""A page as one HTML file that asks for nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unclicked.errors import ResourceError
from unclicked.page.markup import escaped
from unclicked.page.style import STYLE

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def document(title: str, about: str, lead: str, sections: Sequence[tuple[str, str]]) -> str:
    """A whole HTML document.

    Args:
        title: Its heading, plain text.
        about: A few words above the heading, plain text; empty for none.
        lead: HTML below the heading.
        sections: Heading and HTML of each section; one without HTML is left out.

    Returns:
        The document; the same parts give the same bytes.
    """
    kicker = " \N{MIDDLE DOT} ".join(escaped(one) for one in ("unclicked", about) if one)
    body = "\n".join(
        f"<section>\n<h2>{escaped(name)}</h2>\n{content}\n</section>"
        for name, content in sections
        if content
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{escaped(POLICY)}">
<link rel="icon" href="data:,">
<title>{escaped(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<p class="kicker">{kicker}</p>
<h1>{escaped(title)}</h1>
{lead}
</header>
<main>
{body}
</main>
</body>
</html>
"""


def write_page(path: Path, text: str) -> None:
    """Write a page aside and let it appear whole.

    Args:
        path: The HTML file; an older one is replaced.
        text: The document.

    Raises:
        ResourceError: If the file cannot be written.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise ResourceError("REPORT-WRITE", str(path), f"cannot be written ({error}).") from error
