"""TencentGR as the competition gave it out: `seq.jsonl` line by line, `item_feat_dict.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

import pyarrow as pa

from unclicked.errors import UserError
from unclicked.sources.tencentgr_events import (
    ID_RULE,
    ITEM_FEATURES,
    MAX_INTEGER,
    USER_FEATURES,
    USER_LISTS,
    Events,
    is_id,
    table_schema,
    wrong_value,
)

CHUNK_CHARS: Final = 1 << 20
ROWS_AT_ONCE: Final = 1 << 16
Row = list[int | None]


def read_sequences(path: Path, events: Events) -> pa.Table:
    """Reads the users' sequences: each line a list of records of one user.

    A record is `[user_id, item_id, user_feature, item_feature, action_type, timestamp]`; where
    item_id is null it is the user's profile, of which a user has one.

    Args:
        path: `seq.jsonl`.
        events: Takes the events; flushed at the end.

    Returns:
        Profiles: user_id and a column for each of `USER_FEATURES`.

    Raises:
        UserError: A line is no JSON or holds something else.
    """
    schema = table_schema("user_id", USER_FEATURES)
    parts, rows = [schema.empty_table()], []
    for number, line in enumerate(_lines(path), start=1):
        if line.isspace():
            continue
        profile = _read_line(line, f"{path}:{number}", events)
        if profile is not None:
            rows.append(profile)
        if len(rows) >= ROWS_AT_ONCE:
            parts.append(_table(rows, schema))
            rows = []
    events.flush()
    return pa.concat_tables([*parts, _table(rows, schema)])


def read_item_features(path: Path) -> pa.Table:
    """Reads the features of all items, some at a time.

    Args:
        path: `item_feat_dict.json`, one object of item -> object of feature -> number.

    Returns:
        Column item_id and a column for each of `ITEM_FEATURES`.

    Raises:
        UserError: It is no such JSON.
    """
    schema = table_schema("item_id", ITEM_FEATURES)
    parts, rows = [schema.empty_table()], []
    for key, features in _members(path):
        where = f"{path} item '{key}'"
        if not key.isascii() or not key.isdigit() or len(key) > 18:
            raise wrong_value(key, "the number of an item", where)
        rows.append([int(key), *_features(features, ITEM_FEATURES, (), where)])
        if len(rows) >= ROWS_AT_ONCE:
            parts.append(_table(rows, schema))
            rows = []
    return pa.concat_tables([*parts, _table(rows, schema)])


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        message = f"cannot be read ({error.strerror or error}). Fetch the file again."
        raise UserError("IMPORT-JSON", str(path), message) from error


def _read_line(line: bytes, where: str, events: Events) -> Row | None:
    """Hands over the events of a line; returns the profile, if there is one."""
    try:
        records = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _no_json(where, error) from error
    if not isinstance(records, list):
        raise wrong_value(records, "a list of records", where)
    user = None
    profile: Row | None = None
    for place, record in enumerate(records):
        here = f"{where} record {place}"
        if not isinstance(record, list) or len(record) != 6:
            raise wrong_value(record, "a list of six values", here)
        if not is_id(record[0]):
            raise wrong_value(record[0], ID_RULE, f"{here} user_id")
        user = record[0] if user is None else user
        if record[0] != user:
            raise wrong_value(record[0], f"user {user} as before it", here)
        if record[1] is not None:
            events.add(user, record[1], record[4], record[5], here)
            continue
        found = [user, *_features(record[2], USER_FEATURES, USER_LISTS, f"{here} user_feature")]
        if profile not in (None, found):
            raise wrong_value(record[2], "one profile for each user", here)
        profile = found
    return profile


def _features(found: Any, wanted: tuple[str, ...], left: tuple[str, ...], where: str) -> Row:
    """Values of the wanted features, None where one is missing."""
    if not isinstance(found, dict):
        raise wrong_value(found, "an object of features", where)
    for name, value in found.items():
        if name not in wanted and name not in left:
            expected = f"one of {', '.join((*wanted, *left))}"
            raise wrong_value(name, expected, where)
        good = type(value) is int and -MAX_INTEGER <= value < MAX_INTEGER
        if name in wanted and value is not None and not good:
            raise wrong_value(value, "a whole number", f"{where} feature {name}")
    return [found.get(name) for name in wanted]


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [pa.array(list(column), pa.int64()) for column in columns]
    return pa.table(arrays, schema=schema)


def _members(path: Path) -> Iterator[tuple[str, Any]]:
    """Names and values of a JSON object that is too large to be held at once."""
    try:
        with path.open(encoding="utf-8") as file:
            yield from _Members(file, path)
    except (OSError, UnicodeDecodeError) as error:
        raise _no_json(str(path), error) from error


class _Members:
    """Reads an object member by member; a member must fit into one chunk of the file."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self.file, self.path = file, path
        self.text, self.place = "", 0
        self.decoder = json.JSONDecoder()
        self.last = "the beginning"

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        self._take("{")
        more = self._next() != "}"
        while more:
            key = self._value()
            if not isinstance(key, str):
                raise self._broken("a name in quotes")
            self._take(":")
            if self._next() != "{":
                raise self._broken(f"an object of features for item '{key}'")
            yield key, self._value()
            self.last = f"item '{key}'"
            more = self._next() != "}"
            if more:
                self._take(",")
        self._take("}")
        if self._next():
            raise self._broken("the end of the file")

    def _next(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            while self.place < len(self.text):
                if not self.text[self.place].isspace():
                    return self.text[self.place]
                self.place += 1
            if not self._read_on():
                return ""

    def _take(self, mark: str) -> None:
        if self._next() != mark:
            raise self._broken(f"'{mark}'")
        self.place += 1

    def _value(self) -> Any:
        self._next()
        while True:
            try:
                value, self.place = self.decoder.raw_decode(self.text, self.place)
            except (ValueError, RecursionError) as error:
                # It may go on in the next chunk, but a value of its own chunk's length is broken.
                if len(self.text) - self.place > CHUNK_CHARS or not self._read_on():
                    raise self._broken("a whole JSON value") from error
            else:
                return value

    def _read_on(self) -> bool:
        chunk = self.file.read(CHUNK_CHARS)
        self.text, self.place = self.text[self.place :] + chunk, 0
        return bool(chunk)

    def _broken(self, expected: str) -> UserError:
        found = self.text[self.place : self.place + 40]
        where = f"{self.path} after {self.last}"
        return wrong_value(found or None, expected, where)


def _no_json(where: str, error: Exception) -> UserError:
    message = f"cannot be read as JSON ({str(error)[:160]}). Fetch the file again."
    return UserError("IMPORT-JSON", where, message)
