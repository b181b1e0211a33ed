"""What a TencentGR event must be, and events collected into pieces of a log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from unclicked.errors import UserError
from unclicked.sources.imported_log import LogWriter
from unclicked.sources.published_csv import MAX_SECONDS

ITEM_FEATURES: Final = tuple(str(number) for number in (100, 101, 102, 111, 112, *range(114, 123)))
USER_FEATURES: Final = ("103", "104", "105", "109")
# Several values a user: a profile field of a data set holds one.
USER_LISTS: Final = ("106", "107", "108", "110")
ROWS_AT_ONCE: Final = 1 << 18
MAX_INTEGER: Final = 2**63
EVENT_FIELDS: Final = ("item_id", "action_type", "timestamp")
ACTIONS: Final = (0, 1, 2)
CONVERSION: Final = 2
ID_RULE: Final = "a whole number of at least 0"
TIME_RULE: Final = "Unix seconds up to the year 2099"
ACTION_RULE: Final = "0, 1, 2 or null"


def field_name(feature: str) -> str:
    """Name of a feature's column.

    Args:
        feature: Its number in the published files.

    Returns:
        The name.

    Example:
        >>> field_name("100")
        'feature_100'
    """
    return f"feature_{feature}"


def table_schema(key: str, features: tuple[str, ...]) -> pa.Schema:
    """Columns of a side table: the id, and one for each feature.

    Args:
        key: `item_id` or `user_id`.
        features: Numbers of the features.

    Returns:
        The columns, all int64.
    """
    return pa.schema({name: pa.int64() for name in (key, *map(field_name, features))})


class Events:
    """Writes events to a log in pieces and counts those that say more, or less, than a click.

    Args:
        writer: Where the rows go.
    """

    def __init__(self, writer: LogWriter) -> None:
        self.unknown_actions = 0
        self.conversions = 0
        self._writer = writer
        self._rows: list[tuple[int, int, int, bool]] = []

    def add(self, user: int, item: Any, action: Any, timestamp: Any, where: str) -> None:
        """Takes one event.

        Args:
            user: Number of the user.
            item: Number of the item.
            action: 0 shown, 1 clicked, 2 converted; None is counted and left out.
            timestamp: Unix seconds.
            where: Place of the event, for messages.

        Raises:
            UserError: A value is not what it should be.
        """
        if not is_id(item):
            raise wrong_value(item, ID_RULE, f"{where} item_id")
        if type(timestamp) is not int or not 0 < timestamp < MAX_SECONDS:
            raise wrong_value(timestamp, TIME_RULE, f"{where} timestamp")
        if action is None:
            self.unknown_actions += 1
            return
        if type(action) is not int or action not in ACTIONS:
            raise wrong_value(action, ACTION_RULE, f"{where} action_type")
        self.conversions += action == CONVERSION
        self._rows.append((user, item, timestamp, action > 0))
        if len(self._rows) >= ROWS_AT_ONCE:
            self.flush()

    def add_columns(self, columns: dict[str, pa.Array], place: Callable[[int], str]) -> None:
        """Takes many events, and writes them at once.

        Args:
            columns: user_id (checked), item_id, action_type and timestamp, integers [events].
            place: Place of the event of a number, for messages.

        Raises:
            UserError: A value is not what it should be.
        """
        item, action, timestamp = (columns[name] for name in EVENT_FIELDS)
        bad_action = pc.invert(pc.is_in(action, pa.array([*ACTIONS, None], action.type)))
        rules = {
            "item_id": (pc.less(item, 0), ID_RULE),
            "action_type": (bad_action, ACTION_RULE),
            "timestamp": (
                pc.or_(pc.less(timestamp, 1), pc.greater_equal(timestamp, MAX_SECONDS)),
                TIME_RULE,
            ),
        }
        for name, (bad, rule) in rules.items():
            row = pc.index(pc.fill_null(bad, True), True).as_py()
            if row >= 0:
                raise wrong_value(columns[name][row].as_py(), rule, f"{place(row)} {name}")
        self.unknown_actions += action.null_count
        self.conversions += pc.sum(pc.equal(action, CONVERSION), min_count=0).as_py()
        known = action.is_valid()
        written = {
            "user_id": columns["user_id"].filter(known),
            "item_id": item.filter(known),
            "timestamp": timestamp.filter(known).cast(pa.int64()).cast(pa.timestamp("s", "UTC")),
            "clicked": pc.greater(action.filter(known), 0),
        }
        self._writer.write(written)

    def flush(self) -> None:
        """Writes what was collected."""
        if not self._rows:
            return
        user, item, timestamp, clicked = zip(*self._rows, strict=True)
        self._rows = []
        columns = {
            "user_id": pa.array(user, pa.int64()),
            "item_id": pa.array(item, pa.int64()),
            "timestamp": pa.array(timestamp, pa.timestamp("s", "UTC")),
            "clicked": pa.array(clicked, pa.bool_()),
        }
        self._writer.write(columns)


def is_id(value: Any) -> bool:
    """Whether a value is the number of a user or an item.

    Args:
        value: Anything.

    Returns:
        True for a whole number of at least 0.

    Example:
        >>> is_id(3), is_id(-1), is_id(True), is_id(None)
        (True, False, False, False)
    """
    return type(value) is int and 0 <= value < MAX_INTEGER


def wrong_value(value: Any, expected: str, where: str) -> UserError:
    """Says that a value cannot stand.

    Args:
        value: What was found.
        expected: What must be there.
        where: Its place.

    Returns:
        The error to raise.
    """
    found = "nothing" if value is None else repr(value)[:80]
    return UserError(
        "IMPORT-VALUE", where, f"found {found}, expected {expected}. Fetch the file again."
    )
