"""What importers of public logs share: finding files, and what stands beside the rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unclicked.errors import UserError, command

SEARCH_DEPTH: Final = 3
TESTED: Final = (
    "Of the public logs only KuaiRand-Pure was imported from its real files in this project; the "
    "others, this one too, were tested on small files written in the published format."
)
Settings = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Origin:
    """Where a log is from and what its users owe its authors.

    Args:
        source: Name of the data set.
        licence: Name of its licence.
        licence_line: One sentence on the origin and what the licence asks for.
        citation: How the authors want to be cited.
    """

    source: str
    licence: str
    licence_line: str
    citation: str


@dataclass(frozen=True)
class SideTables:
    """What stands beside the impressions.

    Args:
        items: Column item_id and categorical fields, one row an item.
        users: Column user_id and profile fields, one row a user.
        names: Columns item_id and name, for people; None where the log has no names.
    """

    items: pa.Table
    users: pa.Table
    names: pa.Table | None = None


def check_call(source: Path, label: str | None, labels: Sequence[str]) -> str:
    """Makes sure that the folder is there and the label is one of the log's.

    Args:
        source: Folder as downloaded.
        label: What was asked for; None takes the first of `labels`.
        labels: What can count as a click.

    Returns:
        The label.

    Raises:
        UserError: No such folder, or no such label.
    """
    if not source.is_dir():
        raise UserError("IMPORT-SOURCE", str(source), "no such folder. Name the data's folder.")
    if label is None:
        return labels[0]
    if label not in labels:
        choices = " or ".join(labels)
        raise UserError("IMPORT-LABEL", "label", f"found '{label}', expected {choices}. Choose it.")
    return label


def find_files(source: Path, pattern: str) -> list[Path]:
    """Files of a name, at most three folders down.

    Args:
        source: Folder to look in.
        pattern: Name, or pattern of names.

    Returns:
        The nearer ones first, then in the order of their paths.
    """
    found: list[Path] = []
    for depth in range(SEARCH_DEPTH + 1):
        found += sorted(path for path in source.glob("*/" * depth + pattern) if path.is_file())
    return found


def find_file(source: Path, name: str) -> Path:
    """The one file of a name that lies nearest to the source.

    Args:
        source: Folder to look in, three folders deep.
        name: Name of the file.

    Returns:
        Its path.

    Raises:
        UserError: There is none, or there are several equally near.
    """
    found = find_files(source, name)
    if not found:
        message = f"found no {name} up to three folders down. Name the folder that holds it."
        raise UserError("IMPORT-SOURCE", str(source), message)
    same = [path for path in found if len(path.parts) == len(found[0].parts)]
    if len(same) > 1:
        message = f"found {len(same)} files named {name}, expected one. Name one's folder."
        raise UserError("IMPORT-SOURCE", str(source), message)
    return found[0]


def config_text(settings: Settings) -> str:
    """A configuration file in which every setting has its reason above it.

    Args:
        settings: Table, such as `data.unclicked`, -> pairs of a reason and a line of TOML.

    Returns:
        The text.

    Example:
        >>> print(config_text({"data": [("Days are local.", 'timezone = "UTC"')]}), end="")
        [data]
        # Days are local.
        timezone = "UTC"
    """
    blocks = []
    for table, lines in settings.items():
        body = [f"# {reason}\n{line}" for reason, line in lines]
        blocks.append("\n".join([f"[{table}]", *body]) + "\n")
    return "\n".join(blocks)


def source_text(origin: Origin, changes: Sequence[str]) -> str:
    """Provenance, licence and changes of an imported log, as Markdown.

    Args:
        origin: Where it is from.
        changes: One sentence or more for each thing that was changed, chosen or assumed.

    Returns:
        The text of `SOURCE.md`.
    """
    points = "\n".join(f"- {change}" for change in changes)
    return (
        f"# Source\n\n{origin.licence_line}\n\nPlease cite: {origin.citation}\n\n{TESTED}\n\n"
        f"This folder is an adaptation; the licence of the original holds for it. Changes:\n\n"
        f"{points}\n"
    )


def finish(
    folder: Path,
    out: Path,
    origin: Origin,
    *,
    shown: pa.Array,
    tables: SideTables,
    counts: Mapping[str, Any],
    changes: Sequence[str],
    settings: Settings,
) -> dict[str, Any]:
    """Writes everything but the impressions.

    Args:
        folder: Folder to write into.
        out: What the folder will be called, for the command that comes next.
        origin: Where the log is from.
        shown: Distinct item ids of the impressions.
        tables: Items, users and names.
        counts: What was counted and which files were read.
        changes: Points of `SOURCE.md`.
        settings: Tables of `config.toml`; what items without fields need is added.

    Returns:
        What `source.json` holds, and `next`, the command that comes next.
    """
    extra: list[tuple[str, str]] = []
    items = tables.items
    if tables.names is not None:
        # Not a join: it takes no column of lists.
        named = pc.index_in(items["item_id"], value_set=tables.names["item_id"].combine_chunks())
        items = items.append_column("name", tables.names["name"].take(named.combine_chunks()))
        extra.append(("Names for people, which are no feature.", 'item_name = "name"'))
    pq.write_table(items, folder / "items.parquet")
    pq.write_table(tables.users, folder / "users.parquet")
    known = pc.is_in(shown, value_set=tables.items["item_id"].combine_chunks())
    missing = len(shown) - (pc.sum(known).as_py() or 0)
    fields = [name for name in tables.users.column_names if name != "user_id"]
    facts = {**asdict(origin), **counts, "items_without_fields": missing, "user_fields": fields}
    if missing:
        extra.append(
            ("Some items of the log are not in the item table.", 'missing_item = "unknown"')
        )
    if extra:
        settings = {"data": [*extra, *settings.get("data", [])]} | {
            table: lines for table, lines in settings.items() if table != "data"
        }
    document = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    (folder / "source.json").write_text(document, encoding="utf-8")
    (folder / "SOURCE.md").write_text(source_text(origin, changes), encoding="utf-8")
    (folder / "config.toml").write_text(config_text(settings), encoding="utf-8")
    words: list[object] = [out / "impressions.parquet", "--items", out / "items.parquet"]
    words += ["--users", out / "users.parquet", "--config", out / "config.toml"]
    return facts | {"next": command("prepare", *words, "--out", f"{out.name}-data")}
