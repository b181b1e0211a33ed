"""The project's docstrings as reStructuredText: plain text stays plain, code stays code."""

from __future__ import annotations

import re

CODE = re.compile(r"(`[^`]+`)")
# Paragraphs of our own with a name; as fields they stand beside the arguments.
NAMED = re.compile(r"^(Source|Differs):(?= )")


def as_rest(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Rewrite the lines of a docstring in place.

    Args:
        app: Sphinx.
        what: Kind of the object.
        name: Its dotted name.
        obj: The object.
        options: Options of the directive.
        lines: Lines of the docstring.
    """
    example = False
    for number, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            lines[number] = NAMED.sub(r":\1:", escaped(line))


def escaped(line: str) -> str:
    """One line of text, with code as a literal and nothing else as markup.

    Args:
        line: A line of a docstring.

    Returns:
        reStructuredText.

    Example:
        >>> escaped("  Square |h - c|^2 of `h` and *layers.")
        '  Square \\\\|h - c\\\\|^2 of ``h`` and \\\\*layers.'
    """
    parts = CODE.split(line)
    return "".join(f"`{part}`" if CODE.fullmatch(part) else _plain(part) for part in parts)


def _plain(text: str) -> str:
    # An argument's name before its colon is read by napoleon, which escapes it by itself.
    head, colon, tail = text.partition(":")
    if colon and re.fullmatch(r"\s*\*{0,2}\w+", head):
        return head + colon + _marked(tail)
    return _marked(text)


def _marked(text: str) -> str:
    return re.sub(r"([*|\\]|(?<=\w)_(?!\w))", r"\\\1", text)
