"""The verb `recommend`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unclicked.cli import shared
from unclicked.errors import UserError, command

if TYPE_CHECKING:
    from unclicked.ranker import Ranker
    from unclicked.recommendation import Answerer, Request

Ids = Annotated[
    list[str] | None,
    typer.Option(
        metavar="IDS",
        help="Ids, the last one latest. Spaces belong to an id; one with a comma needs --requests.",
    ),
]
_LISTS = ("clicked", "long_term", "unclicked", "exclude")
_IGNORED = {
    "clicked": "unknown clicked items",
    "long_term": "unknown long-term items",
    "unclicked": "unknown unclicked items",
    "also_clicked": "unclicked items that the session clicked",
    "exclude": "unknown items to exclude",
    "profile": "unknown profile values",
}
_NAMED = 10
_EVENTS = ("--clicked", "--unclicked", "--long-term")
_STDIN = "standard input"


def recommend(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or a bundle.")],
    clicked: Ids = None,
    unclicked: Ids = None,
    long_term: Annotated[
        list[str] | None,
        typer.Option(metavar="IDS", help="Ids clicked before the session of --clicked."),
    ] = None,
    profile: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A profile value. Repeatable.")
    ] = None,
    requests: Annotated[
        Path | None,
        typer.Option(help="JSON lines: id, clicked, long_term, unclicked, profile; - reads stdin."),
    ] = None,
    all_users: Annotated[
        bool, typer.Option("--all-users", help="Everybody in the data set, as of its end.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Parquet file for --all-users; goes on where it stopped.")
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Where the run's data set lies now, for --all-users.")
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", help="Length of the list.")] = 10,
    exclude: Ids = None,
    exclude_seen: Annotated[
        bool, typer.Option("--exclude-seen", help="Leave out the clicked and unclicked items.")
    ] = False,
    threads: shared.Threads = 0,
    device: shared.Device = "cpu",
    as_json: shared.AsJson = False,
) -> None:
    """List items for a user from events alone.

    The user need not have been seen in training.

    Example: unclicked recommend runs/unclicked --clicked a,b --unclicked x,y --top-k 10
    """
    from unclicked.recommendation import Request

    lists = dict(zip(_EVENTS, (clicked, unclicked, long_term), strict=True))
    ways = [option for option, given in lists.items() if given is not None]
    ways += ["--requests"] if requests is not None else []
    ways += ["--all-users"] if all_users else []
    _refuse_mixed(ways, out, dataset, profile)
    shared.set_threads(threads)
    shared.check_device(device)
    ids = shared.split_list(exclude)
    if all_users and out is not None:
        ranker = shared.open_ranker(run, dataset, device)
        _everybody(ranker, dataset, out, top_k, ids, exclude_seen, as_json)
    elif requests is not None:
        _from_file(run, device, _read_requests(requests, ids, top_k, exclude_seen))
    else:
        seen, passed = shared.split_list(clicked), shared.split_list(unclicked)
        values, earlier = _profile(profile or []), shared.split_list(long_term)
        one = Request(seen, passed, values, ids, top_k, exclude_seen, long_term=earlier)
        _for_one(run, device, one, as_json)


def _refuse_mixed(
    ways: list[str], out: Path | None, dataset: Path | None, profile: list[str] | None
) -> None:
    """Refuse options that do not go together; `ways`: those that say for whom lists are."""
    choice = "--clicked and/or --unclicked, or --requests, or --all-users with --out"
    if not ways:
        raise UserError("ARGUMENTS", "recommend", f"needs {choice}.")
    apart = [option for option in ways if option not in _EVENTS]
    if len(ways) > 1 and apart:
        found = f"found {' and '.join(ways)} together, expected one way to ask: {choice}."
        raise UserError("ARGUMENTS", "recommend", f"{found} Leave the others out.")
    all_users = apart == ["--all-users"]
    for option, given in {"--out": out, "--dataset": dataset}.items():
        if given is not None and not all_users:
            found = f"found with {ways[0]}, but goes with --all-users alone. Leave it out."
            raise UserError("ARGUMENTS", option, found)
    if all_users and out is None:
        raise UserError("ARGUMENTS", "--all-users", "needs --out FILE.parquet for its lists.")
    if profile and apart:
        why = "a data set has its users' own" if all_users else "a request has its own"
        raise UserError("ARGUMENTS", "--profile", f"goes with --clicked; {why}.")


def _for_one(run: Path, device: str, request: Request, as_json: bool) -> None:
    from unclicked.bundle import open_source
    from unclicked.recommendation import recommend as answer

    source = open_source(run, device=device, warn=shared.warn)
    _warn_length([request], len(source.catalogue.items))
    found = answer(source, [request])[0]
    if as_json:
        shared.print_json(found)
        return
    _print(found)
    shared.say_next(command("recommend", run, "--requests", "FILE.jsonl"), as_json)


def _from_file(run: Path, device: str, asked: list[tuple[str, Any, Request]]) -> None:
    """Answer requests, of which each has its place and its name."""
    from unclicked.bundle import open_source
    from unclicked.recommendation import Answerer

    source = open_source(run, device=device, warn=shared.warn)
    _warn_length([request for _, _, request in asked], len(source.catalogue.items))
    answerer = Answerer(source, getattr(source, "index", None))
    try:
        answers = answerer.answer([request for _, _, request in asked])
    except UserError:
        _name_the_line(answerer, asked)
        raise
    for (_, name, _), one in zip(asked, answers, strict=True):
        shared.print_json({"id": name} | one)
    _warn_ignored(answers)


def _warn_length(requests: list[Request], items: int) -> None:
    longest = max((one.top_k for one in requests), default=0)
    if longest > items:
        shared.warn(f"the catalogue has {items:,} items; lists of {longest:,} end there.")


def _name_the_line(answerer: Answerer, asked: list[tuple[str, Any, Request]]) -> None:
    """Say the error of the first wrong request with its place; ids are not looked up twice else."""
    for where, _, request in asked:
        try:
            answerer.inputs.known([request])
        except UserError as error:
            raise UserError(error.name, f"{where} {error.where}", error.message) from None


def _everybody(
    run: Ranker,
    dataset: Path | None,
    out: Path,
    top_k: int,
    exclude: list[str],
    exclude_seen: bool,
    as_json: bool,
) -> None:
    from unclicked.recommend_all import recommend_all

    data = shared.open_dataset_of(run.path, dataset)
    result = recommend_all(
        run, data, out, top_k=top_k, exclude=exclude, exclude_seen=exclude_seen, warn=shared.warn
    )
    if as_json:
        shared.print_json(result)
        return
    _warn_ignored([result])
    typer.echo(
        f"{out}: {result['rows']:,} rows for {result['users']:,} users, of whom "
        f"{result['fallback_users']:,} never clicked and get the most clicked items"
    )
    shared.say_next(command("recommend", run.path, "--requests", "FILE.jsonl"), as_json)


def _profile(pairs: list[str]) -> dict[str, str]:
    for text in pairs:
        if "=" not in text:
            raise UserError("PROFILE", f"--profile {text}", "expected NAME=VALUE.")
    return dict(text.split("=", 1) for text in pairs)


def _read_requests(
    path: Path, exclude: list[str], top_k: int, exclude_seen: bool
) -> list[tuple[str, Any, Request]]:
    """Place, name and content of every request; blank lines are none."""
    from unclicked.recommendation import Request

    named = _STDIN if str(path) == "-" else str(path)
    try:
        raw = typer.get_binary_stream("stdin").read() if named == _STDIN else path.read_bytes()
        # Some editors begin a file with a mark of its encoding, which is no JSON.
        lines = raw.decode("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or error
        raise UserError("REQUESTS", named, f"cannot be read ({what}). Check the path.") from None
    asked = []
    # Not splitlines: JSON may hold the other line breaks of Unicode as they are.
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        where = f"{named}:{number}"
        content = _one_request(text, where)
        lists = {name: content.get(name, []) for name in _LISTS}
        profile = {str(k): str(v) for k, v in content.get("profile", {}).items()}
        request = Request(
            lists["clicked"],
            lists["unclicked"],
            profile,
            [*lists["exclude"], *exclude],
            content.get("top_k", top_k),
            exclude_seen,
            long_term=lists["long_term"],
        )
        asked.append((where, content.get("id"), request))
    if not asked:
        shared.warn(f"{named} holds no request.")
    return asked


def _one_request(text: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(text, object_pairs_hook=lambda pairs: _each_once(pairs, where))
    except (ValueError, RecursionError) as error:
        raise UserError("REQUESTS", where, f"is no JSON ({error}).") from None
    allowed = ["id", *_LISTS, "profile", "top_k"]
    if not isinstance(content, dict):
        found = f"found {text.strip()!r:.40}, expected an object with keys of {', '.join(allowed)}."
        raise UserError("REQUESTS", where, found)
    if strange := [key for key in content if key not in allowed]:
        raise UserError("REQUESTS", where, shared.expected(strange[0], allowed))
    for name in _LISTS:
        values = content.get(name, [])
        if not isinstance(values, list):
            found = f"found {values!r:.60}, expected a list of ids."
            raise UserError("REQUESTS", f"{where} {name}", found)
        for place, one in enumerate(values):
            if not isinstance(one, str | int) or isinstance(one, bool):
                found = f"found {json.dumps(one):.60}, expected an id: text or a whole number."
                raise UserError("REQUESTS", f"{where} {name}[{place}]", found)
    if not isinstance(content.get("profile", {}), dict):
        raise UserError("REQUESTS", f"{where} profile", "expected an object.")
    length = content.get("top_k", 1)
    if not isinstance(length, int) or isinstance(length, bool) or length < 1:
        raise UserError("REQUESTS", f"{where} top_k", "expected a whole number of at least 1.")
    return content


def _each_once(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        count = Counter(key for key, _ in pairs)
        twice = next(key for key, number in count.items() if number > 1)
        raise UserError("REQUESTS", f"{where} {twice:.60}", "stands there twice. Keep one.")
    return found


def _print(answer: dict[str, Any]) -> None:
    for item in answer["items"]:
        typer.echo(f"{item['rank']:>4}  {item['item_id']}  {item['score']:.4f}")
    _warn_ignored([answer])
    if answer["fallback"]:
        shared.warn("no known clicked item: these are the most clicked items of the training days.")


def _warn_ignored(answers: list[dict[str, Any]]) -> None:
    """Say once what was ignored, in one answer or in many."""
    for name, what in _IGNORED.items():
        lists = [one.get("ignored", {}).get(name, []) for one in answers]
        found = list(dict.fromkeys(value for values in lists for value in values))
        if not found:
            continue
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        where = (
            f" in {sum(map(bool, lists))} of {len(answers)} requests" if len(answers) > 1 else ""
        )
        named = ", ".join(map(repr, found[:_NAMED]))
        shared.warn(f"{what} were ignored{where}: {named}{more}")
