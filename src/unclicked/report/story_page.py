"""One user's story as HTML."""

from __future__ import annotations

from typing import Any

from unclicked.report.markup import cell, chips, escaped, table
from unclicked.report.story import MIN_CLICKED, MIN_UNCLICKED, Story


def story_section(story: Story) -> str:
    """What one user clicked and passed over, and both lists.

    Args:
        story: The story.

    Returns:
        HTML.
    """
    size = len(story.ids("after"))
    skipped = [f"{value or 'item'} \N{MULTIPLICATION SIGN}{n}" for value, n in _values(story)]
    return "\n".join(
        [
            f"<p>User {escaped(story.user_id)} of the test. The model sees what she did up to "
            "that moment and nothing after it.</p>",
            "<h3>She clicked, in this order</h3>",
            chips(_named(story, one) for one in story.clicked),
            f"<h3>She was shown {len(story.unclicked)} items and passed them over</h3>",
            chips(skipped) if story.labels else "",
            f"<details><summary>all {len(story.unclicked)} items</summary>"
            + chips(_named(story, one) for one in story.unclicked)
            + "</details>",
            "<h3>Her list, without and with what she passed over</h3>",
            _lists(story),
            f"<p>{_moved(story)}</p>",
            f'<p class="note">{_legend(story, size)}</p>',
        ]
    )


def _values(story: Story) -> list[tuple[str, int]]:
    return story.counted(story.unclicked) if story.labels else []


def _named(story: Story, item_id: Any) -> str:
    label = story.labels.get(item_id, "")
    return f"{item_id} \N{MIDDLE DOT} {label}" if label else str(item_id)


def _lists(story: Story) -> str:
    before, after = story.ids("before"), story.ids("after")
    came, went = set(story.moved_in()), set(story.moved_out())
    rows = []
    for place in range(max(len(before), len(after))):
        left = _item(story, before, place, went, "out")
        right = _item(story, after, place, came, "in")
        rows.append(f"<tr>{cell(str(place + 1), 'number quiet')}{left}{right}</tr>")
    heading = [("rank", "number"), ("clicks alone", ""), ("with her skips", "")]
    return table("lists", heading, rows)


def _item(story: Story, ids: list[Any], place: int, moved: set[Any], kind: str) -> str:
    if place >= len(ids):
        return cell("")
    item_id = ids[place]
    label = story.labels.get(item_id, "")
    marked = f'<span class="{kind}">{escaped(item_id)}</span>' if item_id in moved else None
    quiet = f' <span class="quiet">{escaped(label)}</span>' if label else ""
    passed = ' <span class="tag">passed over</span>' if item_id in story.unclicked else ""
    later = ' <span class="tag hit">clicked later</span>' if item_id in story.later else ""
    return cell((marked or escaped(item_id)) + quiet + passed + later)


def _moved(story: Story) -> str:
    came = story.moved_in()
    size = len(story.ids("after"))
    sentence = f"{len(came)} of {size} items are new in the second list."
    if not story.labels:
        return sentence
    frequent = story.frequent()
    share = {
        when: sum(story.labels.get(one) in frequent for one in story.ids(when))
        for when in ("before", "after")
    }
    named = ", ".join(map(escaped, frequent))
    return (
        f"{sentence} Items from the categories she passed over most ({named}): "
        f"{share['before']} before, {share['after']} after."
    )


def _legend(story: Story, size: int) -> str:
    hits = {w: sum(one in story.later for one in story.ids(w)) for w in ("before", "after")}
    return (
        "Struck out: not in the second list; coloured: not in the first. Clicked later that day, "
        f"which no model saw: {hits['before']} of {size} before, {hits['after']} after. One user "
        "shows how it works, not how well. She is the first user by id with at least "
        f"{MIN_CLICKED} clicks and {MIN_UNCLICKED} unclicked items, a rule that looks at no list."
    )
