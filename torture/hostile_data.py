"""Hostile data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from torture import hostile_files as files
from torture.hostile_case import (
    Case,
    put,
    with_array,
    with_bytes,
    with_json,
    with_link,
    with_text,
)

POINTING = (
    "user", "start", "end", "long_start", "label_end", "row_start", "row_now", "position_offsets",
    "row_offsets", "truth_offsets", "row_counts",
)  # fmt: skip


def data_cases() -> list[Case]:
    """Every hostile data set."""
    return [*_arrays(), *_ranges(), *_data_json(), *_vocabularies(), *_manifests()]


def _arrays() -> Iterator[Case]:
    """Files in the place of arrays that are none, or lie about themselves."""
    whole = files.npy_header
    made: dict[str, Callable[[Path], bytes]] = {
        "array of objects": files.object_array,
        "archive of arrays": files.zipped,
        "pickle": files.pickled,
        "archive of torch": files.torch_archive,
        "10 MB header": lambda c: files.npy(whole("(3,)", more="#" * 10_000_000)),
        "header of 4 GB by its length": lambda c: files.npy(whole("(3,)"), length=2**32 - 1),
        "header with code": lambda c: files.npy("__import__('os').system('true')\n"),
        "header of 9,000 brackets": lambda c: files.npy("(" * 9_000 + "\n"),
        "shape of 2^62": lambda c: files.npy(whole(f"({2**62},)"), bytes(80)),
        "shape beyond 64 bits": lambda c: files.npy(whole(f"({10**30},)"), bytes(80)),
        "negative shape": lambda c: files.npy(whole("(-5,)"), bytes(80)),
        "other type": lambda c: files.npy(whole("(10,)", "<f8"), bytes(80)),
        "other byte order": lambda c: files.npy(whole("(10,)", ">i8"), bytes(80)),
        "structured type": lambda c: files.npy(whole("(10,)", "V8"), bytes(80)),
        "two axes": lambda c: files.npy(whole("(5, 2)"), bytes(80)),
        "bytes after the array": lambda c: files.npy(whole("(5,)"), bytes(80)),
    }
    for name, make in made.items():
        yield Case(f"array: {name}", "data", with_bytes("train/start.npy", make))


def _ranges() -> Iterator[Case]:
    """Numbers that point outside of what they count; hashes agree."""
    far, below = 2**31 - 1, -5
    for name in ("click_item", "train/row_items", "test/truth_items", "validation/row_items"):
        for value in (far, 0, below):
            yield Case(
                f"{name} = {value}", "data", with_array(f"{name}.npy", partial(put, 3, value))
            )
    for name in POINTING:
        # Any number of showings may be true.
        for value in (below,) if name == "row_counts" else (far, below):
            act = with_array(f"train/{name}.npy", partial(put, 1, value))
            yield Case(f"train/{name} = {value}", "data", act)
        yield Case(f"train/{name} cut", "data", with_array(f"train/{name}.npy", lambda a: a[:-1]))
    yield Case("end before start", "data", with_array("test/end.npy", lambda a: a * 0))
    yield Case("offsets that fall", "data", with_array("train/row_offsets.npy", lambda a: a[::-1]))
    yield Case("first offset 1", "data", with_array("train/row_offsets.npy", partial(put, 0, 1)))
    for name in ("catalogue/field0_codes", "profiles"):
        for value in (far, below):
            yield Case(
                f"{name} = {value}", "data", with_array(f"{name}.npy", partial(put, 2, value))
            )
    yield Case("field offsets", "data", with_array("catalogue/field1_offsets.npy", lambda a: a + 1))
    yield Case("ranks twice", "data", with_array("catalogue/id_rank.npy", lambda a: a * 0))
    yield Case("rank far", "data", with_array("catalogue/id_rank.npy", partial(put, 1, 2**40)))
    yield Case("clicks below 0", "data", with_array("catalogue/clicks.npy", lambda a: a - 10**6))
    yield Case("clicks ascending", "data", with_array("catalogue/clicks.npy", lambda a: a[::-1]))
    yield Case("fewer users", "data", with_array("profiles.npy", lambda a: a[:5]))


def _data_json() -> Iterator[Case]:
    for name in ("profiles.json", "catalogue/fields.json", "card.json", "train/counts.json"):
        yield Case(f"{name}: 100,000 levels", "data", with_text(name, files.NESTED))
        yield Case(f"{name}: another type", "data", with_text(name, "17"))
    bad = {"digits": "9" * 10_000, "NaN": "NaN", "twice": '{"a": 1, "a": 2}', "cut": "{"}
    for what, text in bad.items():
        yield Case(f"card.json: {what}", "data", with_text("card.json", text))
    yield Case("names twice", "data", with_text("catalogue/fields.json", '["a", "a", "b", "c"]'))
    yield Case(
        "names that lead out", "data", with_json("profiles.json", lambda n: ["../x"] * len(n))
    )
    yield Case("more names than files", "data", with_json("profiles.json", lambda n: [*n, "more"]))


def _vocabularies() -> Iterator[Case]:
    """Parquet files in the place of ids."""
    made: dict[str, Callable[[Path], pa.Array]] = {
        "fractions": lambda p: pa.array([0.5, 1.5]),
        "nulls": lambda p: pa.array(["a", None]),
        "a value twice": lambda p: pa.array(["a", "a"]),
        "lists": lambda p: pa.array([["a"], ["b"]]),
        "an extension type": lambda p: pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([b"x" * 16], pa.binary(16))
        ),
        "text that is no UTF-8": lambda p: pa.Array.from_buffers(
            pa.string(),
            1,
            [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe")],
        ),
        "50 million equal ids": lambda p: pa.array(np.zeros(50_000_000, dtype=np.int64)),
        "one id of 300 MB": lambda p: pa.array(["x" * 300_000_000]),
        "none at all": lambda p: pa.array([], pa.int64()),
    }
    for what, make in made.items():

        def act(root: Path, canary: Path, make: Callable[[Path], pa.Array] = make) -> None:
            files.write_values(root / "users.parquet", make(root))

        yield Case(f"ids: {what}", "data", act)
    yield Case("ids: pickle", "data", with_bytes("users.parquet", files.pickled))
    yield Case("ids: archive", "data", with_bytes("catalogue/items.parquet", files.zipped))
    yield Case("ids: an empty file", "data", with_bytes("users.parquet", lambda canary: b""))

    def other_column(root: Path, canary: Path) -> None:
        files.write_values(root / "users.parquet", pa.array(["a"]), "other")

    yield Case("ids: another column", "data", other_column)


def _listed(name: str, facts: Any) -> Callable[[Any], None]:
    def change(manifest: Any) -> None:
        manifest["files"][name] = facts

    return change


def _manifests() -> Iterator[Case]:
    """Manifests that name what they must not; their own seal agrees."""
    facts = {"sha256": "0" * 64, "bytes": 10}
    for name in ("../../secret", "/etc/passwd", "a\0b", "x" * 5000, "", "."):
        yield Case(
            f"manifest names {name[:20]!r}",
            "data",
            with_json("manifest.json", _listed(name, facts)),
        )
    changes: dict[str, Callable[[Any], Any]] = {
        "sizes that lie": _listed("click_item.npy", {"sha256": "0" * 64, "bytes": 2**60}),
        "facts of another type": _listed("click_item.npy", "none"),
        "no files": lambda m: m.pop("files"),
        "files as a list": lambda m: m.update(files=["a"]),
        "another version": lambda m: m.update(schema_version=10**30),
        "no version": lambda m: m.pop("schema_version"),
        "no settings": lambda m: m.pop("config"),
        "an unknown setting": lambda m: m["config"].update(_target_="os.system"),
        "a setting out of range": lambda m: m["config"]["clicked"].update(max_short=-1),
        "a setting of another type": lambda m: m["config"].update(unclicked="all"),
        "another kind": lambda m: m.update(kind={"a": "b" * 10_000}),
        "a list": lambda m: [1, 2],
    }
    for what, change in changes.items():
        yield Case(f"manifest: {what}", "data", with_json("manifest.json", change))
    for what, text in (
        ("100,000 levels", files.NESTED),
        ("NaN", '{"kind": NaN}'),
        ("1e999", '{"kind": 1e999}'),
    ):
        yield Case(f"manifest: {what}", "data", with_text("manifest.json", text))
    yield Case(
        "manifest: half a character", "data", with_text("manifest.json", '{"kind": "\\ud800"}')
    )
    yield Case("link out of the folder", "data", with_link("click_item.npy", "/etc/passwd"))
    yield Case("link to itself", "data", with_link("click_item.npy", "click_item.npy"))
    yield Case("link to a device", "data", with_link("card.json", "/dev/zero"))
    yield Case("manifest is a device", "data", with_link("manifest.json", "/dev/zero"))
