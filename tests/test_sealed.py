"""JSON of ours: equal content is equal bytes, and a change is found."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unclicked import sealed
from unclicked.errors import ArtefactError, ResourceError, UserError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4))
def test_what_is_written_and_read_keeps_its_seal(content: dict[str, Any]) -> None:
    content.pop(sealed.SEAL, None)
    text = json.dumps(sealed.seal(content))
    sealed.check_seal(Path("x"), json.loads(text))


def test_keys_that_json_turns_into_text() -> None:
    content = json.loads(json.dumps(sealed.seal({"k": {10: (1, 2), 9: 0.1}})))
    sealed.check_seal(Path("x"), content)


def test_every_changed_digit_is_found() -> None:
    text = json.dumps(sealed.seal({"dim": 16, "rate": 0.05, "names": ["a1", "b2"]}))
    for place, letter in enumerate(text):
        if letter.isdigit():
            other = text[:place] + str((int(letter) + 1) % 10) + text[place + 1 :]
            with pytest.raises(ArtefactError, match="Make it anew"):
                sealed.check_seal(Path("x"), json.loads(other))


@pytest.mark.parametrize("text", ['{"a": NaN}', r'{"a": "\ud800"}', '{"sha256": 1}'])
def test_content_that_we_never_write(text: str) -> None:
    with pytest.raises(ArtefactError, match="Make it anew"):
        sealed.check_seal(Path("x"), json.loads(text))


def test_content_without_a_hash() -> None:
    with pytest.raises(ArtefactError, match="holds no hash of itself"):
        sealed.check_seal(Path("x"), {"a": 1})


def test_a_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    sealed.replace_json(path, {"n": 1})
    sealed.replace_json(path, {"n": 2})
    assert sealed.read_json(path)["n"] == 2
    sealed.check_seal(path, sealed.read_json(path))
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]

    def fail(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ResourceError, match=r"a\.json: cannot be written \(Input/output error"):
        sealed.replace_json(path, {"n": 3})
    assert sealed.read_json(path)["n"] == 2


def test_what_is_no_file_of_ours_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_bytes(b" " * (sealed.MOST_BYTES + 1))
    (tmp_path / "deep").write_text("[" * 100_000)
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name in ("pipe", "long", "deep", "bytes", "missing", "."):
        with pytest.raises(ArtefactError):
            sealed.read_json(tmp_path / name)


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": -Infinity}', "[" * 10**5]
)
def test_json_that_two_readers_could_read_differently_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").write_text(text)
    with pytest.raises(ArtefactError, match="ARTEFACT-JSON"):
        sealed.read_json(tmp_path / "a")


@pytest.mark.parametrize(
    ("name", "expected", "message"),
    [
        (
            "none",
            sealed.DATASET,
            "is not there, .* data set. Make one: unclicked prepare LOG --out",
        ),
        ("none", sealed.RUN, "is not there, .* run. Make one: unclicked train DATASET --out"),
        (
            "file",
            sealed.DATASET,
            "file: is a file, expected the folder of a data set. Make one: .* --out FOLDER$",
        ),
        ("run", sealed.DATASET, "run: is a run, not a data set. Give a data set, as"),
        ("bundle", sealed.DATASET, "is a bundle, not a data set. Give a data set, as"),
        (
            "run",
            sealed.BUNDLE,
            "is a run, not a bundle. Export it first: unclicked export .*/run --out BUNDLE$",
        ),
        (
            "data",
            sealed.BUNDLE,
            "is a data set, not a bundle. Train .* train .*/data --out RUN, unclicked export RUN",
        ),
        ("data", sealed.RUN, "not a run. Train on it first: unclicked train .*/data --out RUN$"),
        ("bundle", sealed.RUN, "not a run. Give the run that it was exported from.$"),
        ("a run", sealed.BUNDLE, "unclicked export '.*/a run' --out BUNDLE$"),
    ],
)
def test_a_slip_of_the_hand_is_said_as_one(
    tmp_path: Path, name: str, expected: str, message: str
) -> None:
    (tmp_path / "file").write_text("")
    for kind in ("run", "a run", "data", "bundle", "other"):
        (tmp_path / kind).mkdir()
    (tmp_path / "run" / "run.json").write_text("{")
    (tmp_path / "a run" / "run.json").write_text("{")
    (tmp_path / "bundle" / "manifest.json").write_text('{"kind": "unclicked bundle"}')
    (tmp_path / "data" / "manifest.json").write_text('{"kind": "unclicked prepared data set"}')
    (tmp_path / "other" / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=message):
        sealed.refuse_mistaken(tmp_path / name, expected)
    sealed.refuse_mistaken(tmp_path / "run", sealed.RUN)
    sealed.refuse_mistaken(tmp_path / "data", sealed.DATASET)
    # What may be a damaged one is judged by its reader.
    for kind in (sealed.RUN, sealed.DATASET):
        sealed.refuse_mistaken(tmp_path / "other", kind)


def test_a_folder_that_is_none_of_ours(tmp_path: Path) -> None:
    for name in ("empty", "notes", "road/bundles/b", "road/bundles/a", "road/runs/a"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "notes" / "a.txt").write_text("mine")
    (tmp_path / "road" / "runs" / "a" / "manifest.json").write_text("{}")
    for name in ("a", "b"):
        path = tmp_path / "road" / "bundles" / name / "manifest.json"
        path.write_text('{"kind": "unclicked bundle"}')
    told = {}
    for name in ("empty", "notes", "road"):
        with pytest.raises(ArtefactError) as caught:
            sealed.refuse_mistaken(tmp_path / name, sealed.BUNDLE)
        assert (caught.value.exit_code, caught.value.name) == (3, "ARTEFACT-MISSING")
        assert caught.value.where == str(tmp_path / name / "manifest.json")
        told[name] = caught.value.message
    make = "Make one: unclicked export RUN --out FOLDER"
    assert told["empty"] == f"is not there, so this is no whole bundle, but an empty folder. {make}"
    assert told["notes"] == f"is not there, so this is no whole bundle. {make}"
    meant = " or ".join(str(tmp_path / "road" / "bundles" / name) for name in ("a", "b"))
    assert told["road"] == (
        f"is not there, so this is no whole bundle. Did you mean {meant}? {make}"
    )
    with pytest.raises(ArtefactError, match="no whole data set. Make one: unclicked prepare LOG"):
        sealed.refuse_mistaken(tmp_path / "road", sealed.DATASET)
    # Of a run its reader says more.
    sealed.refuse_mistaken(tmp_path / "notes", sealed.RUN)
