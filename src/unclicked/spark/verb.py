"""What the verb `prepare` does with `--engine spark`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unclicked.config import DataConfig
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import UserError
from unclicked.spark.preparing import prepare_on_spark
from unclicked.spark.session import open_session


def start_and_prepare(
    log: Sequence[str | Path],
    out: Path,
    *,
    master: str | None,
    items: Path | None = None,
    users: Path | None = None,
    config: DataConfig | None = None,
    overwrite: bool = False,
    not_with_spark: dict[str, Any] | None = None,
) -> PreparedDataset:
    """Start Spark, prepare a data set and stop Spark.

    Args:
        log: Parquet files or folders of them, in any file system that Spark reads.
        out: Folder to make.
        master: Spark's master URL; None takes what `spark-submit` or Spark's files say.
        items: Table of items, if there is one.
        users: Table of users, if there is one.
        config: Column names and rules; the defaults without.
        overwrite: Whether another data set in `out` may be replaced.
        not_with_spark: Options of the command line that Spark has no answer to, with what was
            given; a value that counts as false was not given.

    Returns:
        The data set, opened.

    Raises:
        UserError: If such an option was given, or as `prepare_on_spark`.
    """
    for option, value in (not_with_spark or {}).items():
        if value:
            raise UserError(
                "OPTION",
                option,
                "has no meaning with --engine spark. Leave it out, or prepare without Spark.",
            )
    session = open_session(master)
    try:
        return prepare_on_spark(
            session, log, out, items=items, users=users, config=config, overwrite=overwrite
        )
    finally:
        session.stop()
