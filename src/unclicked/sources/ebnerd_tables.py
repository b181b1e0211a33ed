"""The columns of EB-NeRD that are read, its articles, and the profiles of its users."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from unclicked.errors import UserError
from unclicked.sources.published_parquet import ParquetBatch, read_parquet

PROFILE: Final = {
    "is_sso_user": "boolean",
    "gender": "integer",
    "postcode": "integer",
    "age": "integer",
}
BEHAVIORS: Final = {
    "user_id": "integer",
    "impression_time": "timestamp",
    "session_id": "integer",
    "article_ids_inview": "list of integers",
    "article_ids_clicked": "list of integers",
    **PROFILE,
}
HISTORY: Final = {
    "user_id": "integer",
    "article_id_fixed": "list of integers",
    "impression_time_fixed": "list of timestamps",
}
ARTICLES: Final = {
    "article_id": "integer",
    "title": "text",
    "category_str": "text",
    "subcategory": "list of integers",
    "article_type": "text",
    "premium": "boolean",
    "topics": "list of texts",
    "sentiment_label": "text",
}


def first_time(path: Path) -> int:
    """Time of the earliest list of a part.

    Args:
        path: `behaviors.parquet`.

    Returns:
        Microseconds since 1970; a time without a zone counts as UTC.

    Raises:
        UserError: The file cannot be read or has no row.
    """
    kinds = {"impression_time": "timestamp"}
    firsts = [pc.min(batch.column("impression_time")) for batch in read_parquet(path, kinds)]
    if not firsts:
        raise UserError("IMPORT-EMPTY", str(path), "found no row. Fetch the file again.")
    return min(int(as_utc(pa.array([moment])).cast(pa.int64())[0].as_py()) for moment in firsts)


def as_utc(times: pa.Array) -> pa.Array:
    """Times of any unit as UTC, cut to microseconds.

    Args:
        times: timestamp [n]; those without a zone count as UTC.

    Returns:
        timestamp in microseconds, UTC [n].
    """
    if times.type.tz is None:
        times = times.cast(pa.timestamp(times.type.unit, "UTC"))
    return times.cast(pa.timestamp("us", "UTC"), safe=False)


def read_articles(path: Path) -> tuple[pa.Table, pa.Table]:
    """Reads the fields and titles of all articles.

    Args:
        path: `articles.parquet`.

    Returns:
        Columns item_id (int64), category (text), subcategory (list of int64), article_type (text),
        premium (bool), topics (list of text) and sentiment_label (text); and columns item_id and
        name.

    Raises:
        UserError: The file or a column is missing or broken, or an id is there twice.
    """
    parts = []
    for batch in read_parquet(path, ARTICLES):
        batch.refuse_gaps(["article_id"])
        parts.append(
            pa.table(
                {name: batch.column(name).cast(_TYPES[kind]) for name, kind in ARTICLES.items()}
            )
        )
    articles = (
        pa.concat_tables(parts)
        if parts
        else pa.schema({name: _TYPES[kind] for name, kind in ARTICLES.items()}).empty_table()
    )
    names = {"article_id": "item_id", "category_str": "category", "title": "name"}
    articles = articles.rename_columns([names.get(name, name) for name in ARTICLES])
    repeated = articles.num_rows - len(pc.unique(articles["item_id"]))
    if repeated:
        message = f"found {repeated} ids twice, expected one row an article. Fetch it again."
        raise UserError("IMPORT-VALUE", f"{path} column 'article_id'", message)
    return articles.drop_columns(["name"]), articles.select(["item_id", "name"])


_TYPES: Final[dict[str, pa.DataType]] = {
    "integer": pa.int64(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "list of integers": pa.list_(pa.int64()),
    "list of texts": pa.list_(pa.string()),
}


class FirstProfiles:
    """Profiles of users as they were at their first list, which later ones do not change."""

    def __init__(self) -> None:
        kinds: dict[str, Any] = {
            "user_id": pa.int64(),
            "impression_time": pa.timestamp("us", "UTC"),
        }
        kinds |= {name: _TYPES[kind] for name, kind in PROFILE.items()}
        self._kinds = pa.schema(kinds)
        self._parts = [self._kinds.empty_table()]

    def add(self, batch: ParquetBatch) -> None:
        """Takes some lists.

        Args:
            batch: Rows of `behaviors.parquet`.
        """
        columns = {name: batch.column(name) for name in self._kinds.names}
        columns["impression_time"] = as_utc(columns["impression_time"])
        self._parts.append(_firsts(pa.table(columns).cast(self._kinds)))
        if len(self._parts) > 64:
            self._parts = [_firsts(pa.concat_tables(self._parts))]

    def table(self, users: pa.Array) -> pa.Table:
        """The profiles.

        Args:
            users: Users of the log, sorted; who is known from a history alone has no profile.

        Returns:
            Column user_id and the profile, one row for each of the users.
        """
        known = _firsts(pa.concat_tables(self._parts))
        place = pc.index_in(users, value_set=known["user_id"].combine_chunks())
        return pa.table({"user_id": users, **{name: known[name].take(place) for name in PROFILE}})


def _firsts(rows: pa.Table) -> pa.Table:
    """The earliest row of each user."""
    rows = rows.sort_by([("user_id", "ascending"), ("impression_time", "ascending")])
    user = rows["user_id"].combine_chunks()
    new = pc.not_equal(user[1:], user[:-1])
    keep = pa.concat_arrays([pa.array([True] * min(1, len(user))), new.cast(pa.bool_())])
    return rows.filter(keep)
