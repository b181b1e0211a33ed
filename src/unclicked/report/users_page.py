"""Three users' stories as HTML."""

from __future__ import annotations

from unclicked.page.digits import share
from unclicked.page.markup import cell, chips, escaped, table, typeset
from unclicked.report.facts import ReportFacts
from unclicked.report.per_user import Spread
from unclicked.report.users import ToldUser, ToldUsers

FIRST = 10
FEW = 12
TITLES = {"helped": "Helped", "unharmed": "Unharmed", "harmed": "Harmed"}
MEANINGS = {
    "helped": "the largest gain",
    "unharmed": "no change",
    "harmed": "the largest loss",
}


def users_section(facts: ReportFacts) -> str:
    """What three users clicked, what they were shown and left, and both lists.

    Args:
        facts: What the report is written from.

    Returns:
        HTML; empty where no user is told of.
    """
    if facts.users is None:
        return ""
    lists = [_list_name(facts, name) for name in (facts.base, facts.focus)]
    stories = [_story(facts.users, one, lists) for one in facts.users.users]
    missing = [kind for kind in TITLES if kind not in {one.kind for one in facts.users.users}]
    nobody = "".join(f"<p>{TITLES[kind]}: there is no such user.</p>" for kind in missing)
    rule = f'<p class="note">{typeset(_rule(facts, facts.users))}</p>'
    return "\n".join([rule, *stories, nobody]).rstrip()


def _list_name(facts: ReportFacts, name: str) -> str:
    """Name of a run, with its seed where several were trained."""
    seeds = next((run.seeds for run in facts.runs if run.name == name), 1)
    return name if seeds == 1 else f"{name}, first seed"


def _rule(facts: ReportFacts, told: ToldUsers) -> str:
    metric = f"R@{told.top_k}"
    seeds = max((run.seeds for run in facts.runs), default=1)
    which = " of the first seed" if seeds > 1 else ""
    return (
        f"Chosen by a rule among the {told.eligible:,} users with an unclicked item: the largest "
        f"gain in {metric}{which}, no change, and the largest loss; ties by the longer unclicked "
        "list, then by id (with no change, by the higher recall first). Two of them are extremes. "
        f"{_typical(facts.spreads, metric)}They show how lists change, not how often."
    )


def _typical(spreads: object, metric: str) -> str:
    for one in spreads if isinstance(spreads, list | tuple) else ():
        if isinstance(one, Spread) and one.metric == metric:
            better, equal, worse = (share(n, one.users) for n in (one.better, one.equal, one.worse))
            return f"Of all users, {better} gain, {equal} see no change, {worse} lose. "
    return ""


def _story(told: ToldUsers, one: ToldUser, lists: list[str]) -> str:
    names = told.labels.text
    return "\n".join(
        [
            f'<article class="story {one.kind}">',
            f"<h3>{TITLES[one.kind]}: user {escaped(one.user_id)}</h3>",
            f"<p>{typeset(_result(told, one, lists))}</p>",
            f"<h4>Clicked in this session, in order ({len(one.clicked)})</h4>",
            _some([names(code) for code in one.clicked], last=True),
            f"<h4>Shown before and left ({len(one.unclicked)}, the last shown first)</h4>",
            _some([names(code) for code in reversed(one.unclicked)], last=False),
            _lists(told, one, lists),
            "</article>",
        ]
    )


def _result(told: ToldUsers, one: ToldUser, lists: list[str]) -> str:
    """Hits of both lists, and no more than that."""
    before, after = one.hits(one.base_list), one.hits(one.run_list)
    new = len(set(one.run_list) - set(one.base_list))
    items = "1 new item" if len(one.later) == 1 else f"{len(one.later)} new items"
    return (
        f"Later she clicked {items}. The {told.top_k} items of {lists[0]} hold {before}, those of "
        f"{lists[1]} hold {after}: {MEANINGS[one.kind]}. {new} of the {told.top_k} items differ."
    )


def _some(texts: list[str], *, last: bool) -> str:
    """A few texts, and the rest behind a click."""
    shown = texts[-FEW:] if last else texts[:FEW]
    rest = texts[:-FEW] if last else texts[FEW:]
    if not rest:
        return chips(shown)
    word = "earlier" if last else "more"
    more = f"<details><summary>{len(rest)} {word}</summary>{chips(rest)}</details>"
    return more + chips(shown) if last else chips(shown) + more


def _lists(told: ToldUsers, one: ToldUser, lists: list[str]) -> str:
    """The first ranks of both lists, and every further rank with a hit."""
    longest = max(len(one.base_list), len(one.run_list))
    ranks = [
        place
        for place in range(longest)
        if place < FIRST
        or any(ranked[place : place + 1] and ranked[place] in one.later
               for ranked in (one.base_list, one.run_list))
    ]  # fmt: skip
    rows = [
        f'<tr><th scope="row" class="number quiet">{place + 1}</th>'
        f"{_item(told, one, one.base_list, place)}{_item(told, one, one.run_list, place)}</tr>"
        for place in ranks
    ]
    heading = [("rank", "number"), *((escaped(name), "") for name in lists)]
    caption = f"Both lists: the first {FIRST}, and every further rank up to {told.top_k} with a hit"
    made = table(f"lists-{one.kind}", caption, heading, rows)
    return made.replace("<table ", '<table class="lists" ', 1)


def _item(told: ToldUsers, one: ToldUser, ranked: list[int], place: int) -> str:
    if place >= len(ranked):
        return cell("")
    code = ranked[place]
    name, quiet = told.labels.parts(code)
    beside = f' <span class="quiet">{escaped(quiet)}</span>' if quiet else ""
    left = ' <span class="tag">left before</span>' if code in one.unclicked else ""
    hit = ' <span class="tag hit">\N{CHECK MARK} clicked later</span>' if code in one.later else ""
    return cell(f"{escaped(name)}{beside}{left}{hit}", "found" if hit else "")
