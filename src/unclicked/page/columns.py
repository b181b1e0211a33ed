"""Upright bars drawn by hand: quick, and the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unclicked.page.markup import escaped

WIDTH, HEIGHT = 340.0, 176.0
# Space for the title and the values above, the labels below, in the picture's own units.
TOP, BOTTOM, SIDE = 42.0, 22.0, 4.0
MOST_VALUES, MOST_LABELS = 12, 6
FONT, GAP = 11.5, 5.0


@dataclass(frozen=True)
class Column:
    """One bar.

    Attributes:
        label: What stands below it.
        value: Its height, at least 0.
        text: What stands above it.
        kind: Variable of the page's style that colours it.
        ends: Ends of its interval, where there is one.
    """

    label: str
    value: float
    text: str
    kind: str = "base"
    ends: tuple[float, float] | None = None


def columns(title: str, bars: Sequence[Column]) -> str:
    """Bars side by side, from 0.

    Args:
        title: What is shown; also the beginning of the alternative text.
        bars: The bars, at least one; where their values have no room side by side, or
            beyond 12, only the highest shows its own.

    Returns:
        An `svg` element.
    """
    top = max([bar.value for bar in bars] + [bar.ends[1] for bar in bars if bar.ends]) or 1.0
    room, depth = (WIDTH - 2 * SIDE) / len(bars), HEIGHT - TOP - BOTTOM
    told, (values, step) = _told(bars), _shown(bars, room)
    highest = max(range(len(bars)), key=lambda place: bars[place].value)
    parts = [
        f'<text x="{SIDE:g}" y="14" fill="var(--ink)">{escaped(title)}</text>',
        *(
            _bar(
                bar,
                (SIDE + place * room, room, depth / top),
                shown=(values or place == highest, place % step == 0),
            )
            for place, bar in enumerate(bars)
        ),
        f'<path d="M0 {HEIGHT - BOTTOM:g}H{WIDTH:g}" stroke="var(--line)"/>',
    ]
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" font-size="{FONT:g}" '
        f'aria-label="{escaped(f"{title}: {told}.")}">' + "\n".join(parts) + "</svg>"
    )


def _told(bars: Sequence[Column]) -> str:
    """The main numbers in words: all of a few bars, of many the first, highest and last."""
    if len(bars) <= MOST_VALUES:
        return ", ".join(f"{bar.label} {bar.text}" for bar in bars)
    highest = max(bars, key=lambda bar: bar.value)
    chosen = (("first", bars[0]), ("highest", highest), ("last", bars[-1]))
    return ", ".join(f"{word} {bar.label} {bar.text}" for word, bar in chosen)


def _shown(bars: Sequence[Column], room: float) -> tuple[bool, int]:
    """Whether every bar shows its value, and how many steps it is from label to label."""
    few = len(bars) <= MOST_VALUES
    values = few and max(_width(bar.text) for bar in bars) + GAP <= room
    step = 1 if few else -(-len(bars) // MOST_LABELS)
    while _touch([bar.label for bar in bars], step, room):
        step += 1
    return values, step


def _touch(labels: Sequence[str], step: int, room: float) -> bool:
    """Whether labels run into each other if only every `step`-th is written."""
    before = -GAP
    for place in range(0, len(labels), step):
        anchor, x = _anchored(SIDE + (place + 0.5) * room, labels[place])
        width = _width(labels[place])
        begin = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        if begin < before + GAP:
            return True
        before = begin + width
    return False


def _bar(bar: Column, scale: tuple[float, float, float], *, shown: tuple[bool, bool]) -> str:
    left, room, unit = scale
    base, wide = HEIGHT - BOTTOM, room * (0.78 if room > 6 else 0.9)
    x, middle = left + (room - wide) / 2, left + room / 2
    tall = bar.value * unit
    if bar.value:
        tall = max(tall, 1.0)
    parts = [
        f'<rect x="{x:.1f}" y="{base - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
        f'fill="var(--{bar.kind})"><title>{escaped(f"{bar.label}: {bar.text}")}</title></rect>'
    ]
    above = base - tall
    if bar.ends is not None:
        low, high = (base - end * unit for end in bar.ends)
        above = high
        parts.append(
            f'<path d="M{middle:.1f} {low:.1f}V{high:.1f}M{middle - 4:.1f} {low:.1f}h8'
            f'M{middle - 4:.1f} {high:.1f}h8" stroke="var(--ink)" fill="none"/>'
        )
    value, label = shown
    if value:
        anchor, place = _anchored(middle, bar.text)
        parts.append(
            f'<text x="{place:.1f}" y="{above - 5:.1f}" text-anchor="{anchor}" '
            f'fill="var(--ink)">{escaped(bar.text)}</text>'
        )
    if label:
        anchor, place = _anchored(middle, bar.label)
        parts.append(
            f'<text x="{place:.1f}" y="{HEIGHT - 7:g}" text-anchor="{anchor}" '
            f'fill="var(--soft)">{escaped(bar.label)}</text>'
        )
    return "".join(parts)


def _width(text: str) -> float:
    return len(text) * FONT * 0.58


def _anchored(middle: float, text: str) -> tuple[str, float]:
    """Where a text is tied, so that it does not run out of the picture."""
    half = _width(text) / 2
    if middle - half < 0:
        return "start", 0.0
    if middle + half > WIDTH:
        return "end", WIDTH
    return "middle", middle
