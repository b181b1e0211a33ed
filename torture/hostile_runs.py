"""Hostile runs, settings and requests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from torture import hostile_files as files
from torture.hostile_case import Act, Case, with_bytes, with_json, with_link, with_text


def run_cases() -> list[Case]:
    """Every hostile run, stored evaluation, file of settings and file of requests."""
    return [
        *_run_json(), *_tensors(), *_states(), *_beside(), *_evaluations(), *_configs(),
        *_requests(),
    ]  # fmt: skip


def _settings(table: str, **values: Any) -> Callable[[Any], None]:
    return lambda content: content["config"][table].update(values)


def _run_json() -> Iterator[Case]:
    changes: dict[str, Callable[[Any], Any]] = {
        "encoder is a class path": _settings("model", encoder="os.system"),
        "encoder with a target": _settings("model", encoder_options={"_target_": "os.system"}),
        "a thousand layers": _settings("model", encoder_options={"num_layers": 10**9}),
        "fields of a billion numbers": _settings("model", field_dims={"item_id": 10**9}),
        "fields below 0": _settings("model", field_dims={"item_id": -4}),
        "width of a billion": _settings("model", dim=10**9),
        "another width": _settings("model", dim=32),
        "another plug-in": _settings("model", fusion="none", metric="none"),
        "an unknown setting": _settings("train", _target_="os.system"),
        "a seed beyond 64 bits": _settings("train", seed=10**40),
        "infinite margin": lambda c: c["config"]["model"].update(margin=1e308 * 10),
        "lists of 10^12": _settings("evaluate", top_k=[10**12]),
        "no settings": lambda c: c.pop("config"),
        "preset of another type": lambda c: c.update(preset=["a"]),
        "path of another type": lambda c: c["dataset"].update(path=7),
        "path to nowhere": lambda c: c["dataset"].update(path="/proc/self/mem"),
        "path with a zero": lambda c: c["dataset"].update(path="a\0b"),
        "an encoder of one's own": lambda c: c.update(own_encoder="os.system"),
        "machine of another type": lambda c: c.update(machine="fast"),
        "another format": lambda c: c.update(format="2"),
        "a list": lambda c: [c],
    }
    for what, change in changes.items():
        yield Case(f"run.json: {what}", "run", with_json("run.json", change))
    bad = {"100,000 levels": files.NESTED, "digits": '{"format": ' + "9" * 10_000 + "}"}
    for what, text in bad.items():
        yield Case(f"run.json: {what}", "run", with_text("run.json", text))
    yield Case("run.json is a device", "run", with_link("run.json", "/dev/zero"))
    yield Case("run.json is a pickle", "run", with_bytes("run.json", files.pickled))


def _newest(name: str) -> Callable[[Path], Path]:
    return lambda root: max((root / "checkpoints").iterdir()) / name


def _all_checkpoints(name: str, act: Callable[[Path, Path], object]) -> Act:
    def every(root: Path, canary: Path) -> None:
        for folder in (root / "checkpoints").iterdir():
            act(folder / name, canary)

    return every


def _tensors() -> Iterator[Case]:
    one = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    many = {f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(100_000)}
    made: dict[str, Callable[[Path], bytes]] = {
        "pickle": files.pickled,
        "archive of torch": files.torch_archive,
        "archive with objects": files.zipped,
        "an empty file": lambda c: b"",
        "100,000 tensors": lambda c: files.tensors(many),
        "header of 90 MB": lambda c: files.tensors(b'{"a":"' + b"x" * 90_000_000 + b'"}'),
        "header longer than the file": lambda c: files.tensors({"a": one}, bytes(8), 2**40),
        "header of 2^64 - 1": lambda c: files.tensors({"a": one}, bytes(8), 2**64 - 1),
        "header of 100,000 levels": lambda c: files.tensors(files.NESTED.encode()),
        "overlapping tensors": lambda c: files.tensors({"a": one, "b": one}, bytes(8)),
        "shape beyond 64 bits": lambda c: files.tensors(
            {"a": {**one, "shape": [2**62, 2**62]}}, bytes(8)
        ),
        "offsets beyond the file": lambda c: files.tensors(
            {"a": {**one, "data_offsets": [0, 2**50]}}, bytes(8)
        ),
        "offsets that fall": lambda c: files.tensors(
            {"a": {**one, "data_offsets": [8, 0]}}, bytes(8)
        ),
        "an unknown type": lambda c: files.tensors({"a": {**one, "dtype": "P32"}}, bytes(8)),
        "other names": lambda c: files.tensors({"__class__": one}, bytes(8)),
    }
    for what, make in made.items():
        act = _all_checkpoints("model.safetensors", partial(_write_bytes, make))
        yield Case(f"weights: {what}", "run", act)
    changes: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
        "NaN": lambda t: t[min(t)].flatten()[:1].fill_(float("nan")),
        "infinity": lambda t: t[max(t)].flatten()[:1].fill_(float("inf")),
        "half precision": lambda t: t.update({n: one.half() for n, one in t.items()}),
        "one tensor less": lambda t: t.pop(min(t)),
        "one tensor more": lambda t: t.update(extra=torch.zeros(1)),
        "another shape": lambda t: t.update({min(t): torch.zeros(7, 7)}),
    }
    for what, change in changes.items():
        edit = partial(_edit_tensors, change)
        yield Case(f"weights: {what}", "run", _all_checkpoints("model.safetensors", edit))
        act = _all_checkpoints("optimizer.safetensors", edit)
        yield Case(f"optimiser: {what}", "resume", act)
    below = partial(_edit_tensors, lambda t: t.update({n: -one for n, one in t.items()}))
    act = _all_checkpoints("optimizer.safetensors", below)
    yield Case("optimiser: sums below 0", "resume", act)


def _write_bytes(make: Callable[[Path], bytes], path: Path, canary: Path) -> None:
    path.write_bytes(make(canary))


def _edit_tensors(
    change: Callable[[dict[str, torch.Tensor]], object], path: Path, canary: Path
) -> None:
    files.change_tensors(path, change)


def _states() -> Iterator[Case]:
    values: dict[str, Any] = {
        "step": -1, "epoch": "1", "batch": 10**40, "best_step": 10**12, "best_value": 7.5,
        "bad_epochs": None, "finished": 1, "history": {"a": 1}, "__class__": "os.system",
    }  # fmt: skip
    for name, value in values.items():

        def act(path: Path, canary: Path, name: str = name, value: Any = value) -> None:
            files.change_json(path, lambda state: state["progress"].update({name: value}))

        yield Case(f"state: {name} = {str(value)[:12]}", "run", _all_checkpoints("state.json", act))
    for what, text in (
        ("100,000 levels", files.NESTED),
        ("a list", "[]"),
        ("NaN", '{"progress": NaN}'),
    ):

        def write(path: Path, canary: Path, text: str = text) -> None:
            path.write_text(text, encoding="utf-8")

        yield Case(f"state: {what}", "run", _all_checkpoints("state.json", write))

    def swap(root: Path, canary: Path) -> None:
        newest, other = sorted((root / "checkpoints").iterdir(), reverse=True)[:2]
        shutil.rmtree(newest)
        other.rename(newest)

    yield Case("checkpoint under another step", "run", swap)


def _beside() -> Iterator[Case]:
    """Files that other programs would load; here nobody reads them."""
    names = (
        "model.pt", "pytorch_model.bin", "weights.npz", "model.joblib", "model.npy", ".metadata",
        "optimizer.pt", "training_args.bin", "__init__.py", "conftest.py", "sitecustomize.py",
    )  # fmt: skip
    for name in names:

        def act(root: Path, canary: Path, name: str = name) -> None:
            content = files.torch_archive(canary)
            if name.endswith(".py"):
                content = f"open({str(canary)!r}, 'w')\n".encode()
            for folder in (root, *(root / "checkpoints").iterdir()):
                (folder / name).write_bytes(content)

        yield Case(f"beside the weights: {name}", "run", act, ignored=True)


def _evaluations() -> Iterator[Case]:
    name = "evaluation/test"
    made: dict[str, Callable[[Path], bytes]] = {
        "pickle": files.pickled, "archive": files.zipped, "empty": lambda canary: b"",
    }  # fmt: skip
    for what, make in made.items():
        yield Case(f"evaluation: {what}", "evaluation", with_bytes(f"{name}.parquet", make))
    values: dict[str, pa.Array] = {
        "other columns": pa.array([1, 2]), "nested": pa.array([[1.0], [2.0]]),
    }  # fmt: skip
    for what, array in values.items():

        def act(root: Path, canary: Path, array: pa.Array = array) -> None:
            files.write_values(root / f"{name}.parquet", array, "user_id")

        yield Case(f"evaluation: {what}", "evaluation", act)
    for what, text in (("100,000 levels", files.NESTED), ("a list", "[1]"), ("NaN", "NaN")):
        yield Case(f"evaluation summary: {what}", "evaluation", with_text(f"{name}.json", text))
    yield Case(
        "evaluation users", "evaluation", with_json(f"{name}.json", lambda s: s.update(users="x"))
    )
    hashed = with_json(f"{name}.json", lambda s: s.update(dataset_sha256=7))
    yield Case("evaluation of no data set", "evaluation", hashed)


def _configs() -> Iterator[Case]:
    texts = {
        "unknown key": "[model]\n_target_ = 'os.system'\n",
        "unknown table": "[hydra]\nrun = 1\n",
        "wrong type": "[model]\ndim = '64'\n",
        "class path": "[model]\nencoder = 'os.system'\n",
        "options with a target": "[model.encoder_options]\n_target_ = 'os.system'\n",
        "key twice": "[model]\ndim = 8\ndim = 9\n",
        "NaN": "[model]\nmargin = nan\n",
        "infinity": "[model]\nmargin = inf\n",
        "digits": f"[train]\nseed = {'9' * 10_000}\n",
        "beyond 64 bits": f"[model]\ndim = {10**30}\n",
        "100,000 levels": f"a = {files.NESTED}\n",
        "100,000 dots": f"{'.'.join('a' * 50_000)} = 1\n",
        "100,000 tables": "".join(f"[a{n}]\n" for n in range(100_000)),
        "text of 2 MB": f"[model]\nencoder = '{'x' * 2_000_000}'\n",
        "no TOML": "\x00\x01\x02",
        "YAML": "!!python/object/apply:os.system ['true']\n",
        "line breaks": "[model]\n'a\\nerror[X] y' = 1\n\"b\\nc\" = 2\n",
        "width of a billion": "[model]\ndim = 1000000000\n",
        "fields of a billion": "[model.field_dims]\nitem_id = 1000000000\n",
        "lists of a billion": "[evaluate]\ntop_k = [1000000000000]\n",
    }
    for what, text in texts.items():
        yield Case(f"settings: {what}", "config", with_text("settings.toml", text))
    yield Case("settings: pickle", "config", with_bytes("settings.toml", files.pickled))
    yield Case("settings: a folder", "config", lambda root, c: (root / "settings.toml").mkdir())

    def device(root: Path, canary: Path) -> None:
        (root / "settings.toml").symlink_to("/dev/zero")

    yield Case("settings: a device", "config", device)


def _requests() -> Iterator[Case]:
    texts = {
        "100,000 levels": files.NESTED,
        "digits": '{"clicked": [' + "9" * 10_000 + "]}",
        "NaN": '{"top_k": NaN}',
        "infinite length": '{"clicked": [], "top_k": 1e999}',
        "an unknown key": '{"_target_": "os.system"}',
        "half a character": '{"clicked": ["\\ud800"]}',
        "nested ids": '{"clicked": [["a"]]}',
        "a list": "[]",
        "no JSON": "\x00",
    }
    for what, text in texts.items():
        yield Case(f"request: {what}", "requests", with_text("requests.jsonl", text + "\n"))
    longest = with_text("requests.jsonl", '{"clicked": [], "top_k": 1000000000000000}\n')
    yield Case("request: a list of 10^15 items", "requests", longest, ignored=True)
    yield Case("request: pickle", "requests", with_bytes("requests.jsonl", files.pickled))
