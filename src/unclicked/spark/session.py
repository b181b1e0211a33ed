"""The way to Apache Spark: what must be installed, a session, and its errors in one line."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from unclicked.errors import ResourceError, UserError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Rows that go to Python at once; with Spark's own 10,000 the crossing takes longer than the work.
BATCH_ROWS = 65_536
CAUSE = re.compile(
    r"^(?:Caused by: |: )?(?:[\w.$]+\.)?(\w*(?:Error|Exception)): (?!Traceback)(.+)$", re.MULTILINE
)


def need_spark() -> None:
    """Make sure that PySpark, what it needs in Python, and Java are there.

    Raises:
        UserError: If something is missing; the message says how to install it.
    """
    for name in ("pyspark", "pandas"):
        if importlib.util.find_spec(name) is None:
            raise UserError(
                "SPARK",
                "--engine spark",
                f'needs {name}, which is not installed. Install the extra: pip install ".[spark]".',
            )
    home = os.environ.get("JAVA_HOME")
    java = Path(home) / "bin" / "java" if home else None
    if shutil.which("java") is None if java is None else not java.is_file():
        where = "on the PATH (JAVA_HOME is not set)" if java is None else f"at {java} (JAVA_HOME)"
        raise UserError(
            "SPARK-JAVA",
            "--engine spark",
            f"found no java {where}, which Apache Spark runs on. Install Java 17 or 21.",
        )


def open_session(master: str | None = None) -> SparkSession:
    """Start Spark in this process, or join the session that runs already.

    Args:
        master: Such as `local[4]`, `yarn` or `spark://host:7077`; None takes what `spark-submit` or
            Spark's own files say, and all cores of this machine where they say nothing.

    Returns:
        The session; the caller stops it.

    Raises:
        UserError: If PySpark or Java is missing, or Spark does not start with that master.
    """
    need_spark()
    from pyspark.sql import SparkSession

    settings: dict[str, bool | float | int | str | None] = {
        "spark.sql.execution.arrow.maxRecordsPerBatch": BATCH_ROWS,
        "spark.ui.showConsoleProgress": sys.stderr.isatty(),
    }
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not submitted and (master or "local").startswith("local"):
        # Another Python may be the first on the PATH; and nobody asked for a web page.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        settings["spark.ui.enabled"] = False
    builder = SparkSession.builder.appName("unclicked prepare").config(map=settings)
    if master is not None:
        builder = builder.master(master)
    try:
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        return session
    except Exception as error:
        raise UserError(
            "SPARK",
            f"--master {master}" if master else "Spark",
            f"does not start ({cause_of(error)}). Look at what Spark itself wrote above.",
        ) from None


def refuse_connect(session: SparkSession) -> None:
    """Refuse a session of Spark Connect, which shares no data with its executors.

    Args:
        session: The session.

    Raises:
        UserError: If it is one.
    """
    if type(session).__module__.startswith("pyspark.sql.connect"):
        raise UserError(
            "SPARK",
            "session",
            "is one of Spark Connect, expected a classic one. Run it with spark-submit, or "
            "with SparkSession.builder.master(...).",
        )


@contextmanager
def spark_told(stage: str) -> Iterator[None]:
    """Tell in one line what Spark reports over several pages.

    Args:
        stage: What was being done.

    Yields:
        Nothing.

    Raises:
        ResourceError: If a job failed, a machine or the connection was lost.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        raise ResourceError(
            "SPARK",
            stage,
            f"Spark failed ({cause_of(error)}). Its log says more; correct that and run it again.",
        ) from None


def cause_of(error: Exception) -> str:
    """The one line of a long report that says why.

    Args:
        error: What was raised.

    Returns:
        At most 300 characters: the last error that the text names, or its first line.

    Example:
        >>> cause_of(Exception("Job aborted:\\n  at a.b\\nValueError: 3 is odd\\n  at c"))
        'ValueError: 3 is odd'
    """
    text = str(error).strip()
    named = CAUSE.findall(text)
    line = ": ".join(named[-1]) if named else (text.splitlines() or [type(error).__name__])[0]
    return line[:300]
