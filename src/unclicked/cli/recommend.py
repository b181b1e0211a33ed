"""The verb `recommend`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unclicked.cli import shared
from unclicked.errors import UserError

if TYPE_CHECKING:
    from unclicked.recommendation import Request
    from unclicked.run import Run

Ids = Annotated[list[str] | None, typer.Option(metavar="IDS", help="Ids, the last one latest.")]
_LISTS = ("clicked", "long_term", "unclicked", "exclude")
_IGNORED = {
    "clicked": "clicked items",
    "long_term": "long-term items",
    "unclicked": "unclicked items",
    "exclude": "items to exclude",
    "profile": "profile values",
}
_NAMED = 10


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
        Path | None, typer.Option(help="JSON lines: id, clicked, long_term, unclicked, profile.")
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

    named = any(one is not None for one in (clicked, unclicked, long_term))
    asks = [named, requests is not None, all_users]
    _refuse_mixed(asks, out, dataset, profile)
    shared.set_threads(threads)
    shared.check_device(device)
    ids = shared.split_list(exclude)
    if all_users and out is not None:
        from unclicked.run import open_run

        _everybody(open_run(run, device=device), dataset, out, top_k, ids, exclude_seen, as_json)
    elif requests is not None:
        _from_file(run, device, *_read_requests(requests, ids, top_k, exclude_seen))
    else:
        seen, passed = shared.split_list(clicked), shared.split_list(unclicked)
        values, earlier = _profile(profile or []), shared.split_list(long_term)
        one = Request(seen, passed, values, ids, top_k, exclude_seen, long_term=earlier)
        _for_one(run, device, one, as_json)


def _refuse_mixed(
    asks: list[bool], out: Path | None, dataset: Path | None, profile: list[str] | None
) -> None:
    """Refuse options that do not go together; `asks`: events, a file of requests, everybody."""
    _, from_file, all_users = asks
    if sum(asks) != 1 or all_users != (out is not None) or (dataset is not None and not all_users):
        raise UserError(
            "ARGUMENTS",
            "recommend",
            "needs --clicked and/or --unclicked, or --requests, or --all-users with --out.",
        )
    if profile and (from_file or all_users):
        why = "a request has its own" if from_file else "a data set has its users' own"
        raise UserError("ARGUMENTS", "--profile", f"goes with --clicked; {why}.")


def _for_one(run: Path, device: str, request: Request, as_json: bool) -> None:
    from unclicked.bundle import open_source
    from unclicked.recommendation import recommend as answer

    found = answer(open_source(run, device=device, warn=shared.warn), [request])[0]
    if as_json:
        shared.print_json(found)
        return
    _print(found)
    shared.say_next(f"unclicked recommend {run} --requests FILE.jsonl", as_json)


def _from_file(run: Path, device: str, names: list[Any], requests: list[Request]) -> None:
    from unclicked.bundle import open_source
    from unclicked.recommendation import recommend as answer

    answers = answer(open_source(run, device=device, warn=shared.warn), requests)
    for name, one in zip(names, answers, strict=True):
        shared.print_json({"id": name} | one)
    _warn_ignored(answers)


def _everybody(
    run: Run,
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
    shared.say_next(f"unclicked recommend {run.path} --requests FILE.jsonl", as_json)


def _profile(pairs: list[str]) -> dict[str, str]:
    for text in pairs:
        if "=" not in text:
            raise UserError("PROFILE", f"--profile {text}", "expected NAME=VALUE.")
    return dict(text.split("=", 1) for text in pairs)


def _read_requests(
    path: Path, exclude: list[str], top_k: int, exclude_seen: bool
) -> tuple[list[Any], list[Request]]:
    from unclicked.recommendation import Request

    try:
        # Not splitlines: JSON may hold the other line breaks of Unicode as they are.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("REQUESTS", str(path), f"cannot be read ({error}).") from None
    names, asked = [], []
    for number, text in enumerate(lines, start=1):
        where = f"{path}:{number}"
        content = _one_request(text, where)
        names.append(content.get("id"))
        lists = {name: content.get(name, []) for name in _LISTS}
        profile = {str(k): str(v) for k, v in content.get("profile", {}).items()}
        asked.append(
            Request(
                lists["clicked"],
                lists["unclicked"],
                profile,
                [*lists["exclude"], *exclude],
                content.get("top_k", top_k),
                exclude_seen,
                long_term=lists["long_term"],
            )
        )
    return names, asked


def _one_request(text: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError("REQUESTS", where, f"is no JSON ({error}).") from None
    allowed = {"id", "profile", "top_k", *_LISTS}
    if not isinstance(content, dict) or not set(content) <= allowed:
        raise UserError("REQUESTS", where, f"expected an object with keys of {sorted(allowed)}.")
    for name in _LISTS:
        values = content.get(name, [])
        plain = isinstance(values, list) and all(
            isinstance(one, str | int) and not isinstance(one, bool) for one in values
        )
        if not plain:
            raise UserError("REQUESTS", f"{where} {name}", "expected a list of ids.")
    if not isinstance(content.get("profile", {}), dict):
        raise UserError("REQUESTS", f"{where} profile", "expected an object.")
    length = content.get("top_k", 1)
    if not isinstance(length, int) or isinstance(length, bool) or length < 1:
        raise UserError("REQUESTS", f"{where} top_k", "expected a whole number of at least 1.")
    return content


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
        shared.warn(f"unknown {what} were ignored{where}: {named}{more}")
