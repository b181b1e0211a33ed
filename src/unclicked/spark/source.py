"""The log as Spark reads it: Parquet files, and which of their columns are ours."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from unclicked.data.log_columns import ColumnPlan, is_text, plan_columns
from unclicked.data.schema import ReadOptions
from unclicked.data.text_times import check_timezone
from unclicked.data.times import DAY_SECONDS
from unclicked.errors import UserError
from unclicked.spark.session import cause_of

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import DataFrame, SparkSession

Shared = TypeVar("Shared")

ID_COLUMNS = ("user_id", "item_id")
TYPES = {
    "string": pa.string(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "float": pa.float32(),
    "double": pa.float64(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "void": pa.null(),
}


@dataclass(frozen=True)
class LogPlan:
    """How an executor reads the rows of the log.

    Attributes:
        columns: The columns, under the name of the first path of the log.
        ids: Kind of `user_id` and `item_id`: int64 or string.
        options: Units, zone and limits.
        last_second: Latest time that counts as plausible, the same on every machine.
    """

    columns: ColumnPlan
    ids: dict[str, pa.DataType]
    options: ReadOptions
    last_second: int

    @property
    def optional(self) -> list[str]:
        """Which of the columns that a log may lack are there, as the checked log names them."""
        names = {"clicked_at": "clicked_at_us", "session_id": "session_id"}
        return [ours for name, ours in names.items() if name in self.columns.used]

    @property
    def schema(self) -> pa.Schema:
        """Columns of the checked log."""
        optional = {"clicked_at_us": pa.int64(), "session_id": pa.string()}
        return pa.schema(
            [
                ("user_id", self.ids["user_id"]),
                ("item_id", self.ids["item_id"]),
                ("timestamp_us", pa.int64()),
                ("clicked", pa.bool_()),
                *((name, optional[name]) for name in self.optional),
            ]
        )


@dataclass(frozen=True)
class Source:
    """A log before any row was read.

    Attributes:
        frame: All columns of the files.
        plan: How its rows are to be read.
    """

    frame: DataFrame
    plan: LogPlan

    def rows(self, *, located: bool = False) -> DataFrame:
        """Our columns under our names, ids of their final kind.

        Args:
            located: Whether the file and the row in it come along.

        Returns:
            A lazy table.
        """
        from pyspark.sql import functions as F

        kinds = {
            name: "bigint" if kind == pa.int64() else "string"
            for name, kind in self.plan.ids.items()
        }
        columns = []
        for ours, theirs in self.plan.columns.used.items():
            column = F.col(quoted(theirs))
            columns.append((column.cast(kinds[ours]) if ours in kinds else column).alias(ours))
        if located:
            columns += [F.col("_metadata.file_path"), F.col("_metadata.row_index")]
        return self.frame.select(*columns)

    def share(self, value: Shared) -> Broadcast[Shared]:
        """Give every executor a value once, for all its tasks.

        Args:
            value: Anything that pickles.

        Returns:
            A handle that tasks can take along.
        """
        return self.frame.sparkSession.sparkContext.broadcast(value)


def read_source(session: SparkSession, log: Sequence[str | Path], options: ReadOptions) -> Source:
    """Find the files and the columns of a log, by their footers alone.

    Args:
        session: A Spark session.
        log: Parquet files or folders of them, in any file system that Spark reads.
        options: Names, units and zone.

    Returns:
        The log.

    Raises:
        UserError: If a path is missing or no Parquet, the files differ in a column's type, or a
            column is missing or of a type that cannot be read.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import AnalysisException

    paths = [str(path) for path in log]
    _refuse_other_kinds(paths)
    check_timezone(options.timezone)
    try:
        # Without it, Spark asks one file for its columns and leaves out those of the others.
        frame = session.read.option("mergeSchema", "true").parquet(*paths)
        types = {field.name: _arrow_type(field.dataType.simpleString()) for field in frame.schema}
    except (AnalysisException, Py4JError) as error:
        where = ", ".join(paths[:5])
        raise UserError("DATA-FILE", where, f"cannot be read ({cause_of(error)}).") from None
    columns = plan_columns(Path(paths[0]), types, options)
    ids = {name: _id_kind(columns, name, options) for name in ID_COLUMNS}
    return Source(frame, LogPlan(columns, ids, options, int(time.time()) + DAY_SECONDS))


def quoted(name: str) -> str:
    """A column's name as Spark takes it literally.

    Args:
        name: Any name.

    Returns:
        The name between backticks.

    Example:
        >>> quoted("a.b`c")
        '`a.b``c`'
    """
    return "`" + name.replace("`", "``") + "`"


def _refuse_other_kinds(paths: Sequence[str]) -> None:
    if not paths:
        raise UserError("DATA-FILE", "", "no log was given, expected Parquet files.")
    for path in paths:
        if re.search(r"\.(csv|tsv|json|txt|gz|zip)$", path, flags=re.IGNORECASE):
            raise UserError(
                "DATA-FILE",
                path,
                "Spark reads Parquet alone here. Convert it, or prepare without --engine spark.",
            )


def _arrow_type(name: str) -> pa.DataType:
    decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", name)
    if decimal is not None:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    # What is none of these is refused where it is needed, and listed under Spark's name for it.
    return TYPES.get(name, pa.opaque(pa.binary(), name, "spark"))


def _id_kind(columns: ColumnPlan, name: str, options: ReadOptions) -> pa.DataType:
    text = is_text(columns.types[columns.used[name]])
    if text and options.id_type == "integer":
        raise UserError(
            "DATA-ID",
            f'column "{columns.used[name]}"',
            'holds text, and data.id_type = "integer" reads text as integers without Spark alone. '
            "Write integers, or drop the setting.",
        )
    return pa.string() if text or options.id_type == "text" else pa.int64()
