"""The user tower as an ONNX file, compared with the model before it may be served."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unclicked import artefact
from unclicked.bundle import contents
from unclicked.bundle.made_up import batches
from unclicked.bundle.user_tower import UserTower, tower_inputs
from unclicked.errors import ArtefactError, UserError
from unclicked.recommendation import Answerer
from unclicked.recommendation.inputs import Known

FORMAT, OPSET, SEED = 1, 18, 31
# Users of the trace, and of the comparisons: none of the latter was traced.
TRACED, COMPARED = 2, (1, 3, 17)
RELATIVE = 1e-4
# A protobuf file may hold 2 GB; a larger one keeps its tensors in a file beside it.
LARGEST = 2**31 - 2**26


def onnx_extra() -> Callable[[Path, Answerer], dict[str, Any]]:
    """A further form of a bundle: the user tower as ONNX, for services without torch.

    Lists have fixed lengths and are padded on the right with 0; the number of users is free. Row k
    of `items.parquet`, counted from 1, is item index k; an unknown item is the number of items
    plus one.

    Returns:
        What `export_bundle` takes among its extras; it raises an ArtefactError where the file's
        user vectors are not the model's within 1e-4 of the largest number of each.

    Raises:
        UserError: If a package is not installed.
    """
    _packages()
    return _write


def _packages() -> Any:
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(
            "ONNX", str(error.name), 'is not installed. Install it: pip install ".[onnx]".'
        ) from None
    return onnxruntime


def _write(folder: Path, answerer: Answerer) -> dict[str, Any]:
    runtime = _packages()
    source = answerer.source
    if next(source.model.parameters()).device.type != "cpu":
        raise UserError("ONNX", "device", "the model is not on the CPU. Open the run there.")
    tower = UserTower(source.model, source.config).eval()
    path = folder / contents.TOWER
    size = sum(one.nbytes for one in (*tower.parameters(), *tower.buffers()))
    _export(tower, answerer, path, beside=size > LARGEST)
    absolute, relative = _parity(runtime, tower, answerer, path)
    if not relative <= RELATIVE:
        raise ArtefactError(
            "ONNX-PARITY",
            contents.TOWER,
            f"gives user vectors that differ by {relative:.1e} of their largest number, expected "
            f"at most {RELATIVE:.0e}. Leave the tower out, or export with other versions.",
        )
    facts = {
        "format": FORMAT,
        "opset": OPSET,
        "inputs": {
            name: {"type": "int64", "shape": ["batch", length]}
            for name, length in tower.lengths.items()
        },
        "output": {"user": {"type": "float32", "shape": ["batch", source.config.model.dim]}},
        "padding": 0,
        "items": source.model.num_items,
        "unknown_item": source.model.num_items + 1,
        "item_order": "row k of items.parquet, counted from 1, is item index k",
        "profile": list(source.profile_vocabularies) if tower.columns else [],
        "values": "numbers of field and profile values count from 1 in catalogue/fieldN.parquet "
        "and profiles/N.parquet; unknown ones are the number of values plus one",
        "largest_difference": {"absolute": absolute, "relative": relative},
        "compared": {"users": list(COMPARED), "lengths": _lengths(tower)},
        "versions": _versions(),
    }
    artefact.write_json(folder / contents.TOWER_FACTS, facts)
    return {name: facts[name] for name in ("opset", "largest_difference", "compared")}


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "onnx", "onnxscript", "onnxruntime")}


def _export(tower: UserTower, answerer: Answerer, path: Path, *, beside: bool) -> None:
    known = _users(answerer, TRACED, min(2, tower.lengths["clicked"]), unclicked=1)
    inputs = tower_inputs(tower.lengths, next(batches(answerer, known)))
    given = tuple(torch.from_numpy(inputs[name]) for name in tower.lengths)
    rows = {0: torch.export.Dim("batch")}
    try:
        with _quiet(), torch.no_grad():
            # Strict, because len(tensor) of a module would else fix the number of users.
            program = torch.export.export(
                tower, given, dynamic_shapes=(tuple(rows for _ in given),), strict=True
            )
            written = torch.onnx.export(
                program,
                dynamo=True,
                input_names=list(tower.lengths),
                output_names=["user"],
                opset_version=OPSET,
                custom_translation_table={torch.ops.aten.sort.stable: _stable_sort},
                verbose=False,
            )
            if written is None:
                raise RuntimeError("nothing was written")
            _strip(written.model)
            written.save(path, external_data=beside)
    except Exception as error:
        # Whatever a module of the user's own, or the exporter, could not do.
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            "ONNX", contents.TOWER, f"cannot be written ({type(error).__name__}: {reason})."
        ) from error


def _stable_sort(
    values: Any, *, stable: bool = True, dim: int = -1, descending: bool = False
) -> Any:
    """ONNX has no sort: TopK of all, whose equal values keep their order."""
    from onnxscript import opset18

    op: Any = opset18
    count = op.Shape(values, start=dim, end=dim + 1) if dim != -1 else op.Shape(values, start=-1)
    ordered, places = op.TopK(op.Cast(values, to=7), count, axis=dim, largest=int(descending))
    return op.CastLike(ordered, values), places


def _strip(model: Any) -> None:
    """Leave out where in which file on this machine each node came from."""
    for graph in (model.graph, *(one.graph for one in model.functions.values())):
        graph.metadata_props.clear()
        for node in graph.all_nodes():
            node.metadata_props.clear()
            node.doc_string = None
            for value in node.outputs:
                value.metadata_props.clear()
        for value in (*graph.inputs, *graph.initializers.values()):
            value.metadata_props.clear()
    model.metadata_props.clear()


@contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    sink = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(sink), redirect_stderr(sink):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _lengths(tower: UserTower) -> list[int]:
    longest = tower.lengths["clicked"]
    return sorted({1, max(1, longest // 2), longest})


def _parity(runtime: Any, tower: UserTower, answerer: Answerer, path: Path) -> tuple[float, float]:
    """Largest difference of a number, and of that to the largest number of its user vector."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    absolute = relative = 0.0
    model = answerer.source.model
    for users in COMPARED:
        for length in _lengths(tower):
            for unclicked in (0, 1, tower.lengths.get("unclicked", 1)):
                known = _users(answerer, users, length, unclicked)
                for batch in batches(answerer, known):
                    with torch.no_grad():
                        wanted = model.user_vectors(batch).numpy()
                    found = session.run(None, tower_inputs(tower.lengths, batch))[0]
                    gap = np.abs(found.astype(np.float64) - wanted).max(axis=1)
                    # A vector of almost nothing is measured against the others.
                    scale = np.abs(wanted).max(axis=1)
                    scale = np.maximum(scale, 1e-3 * scale.max()).clip(min=1e-12)
                    # A NaN must not be lost in a maximum.
                    absolute = float(np.maximum(absolute, gap.max()))
                    relative = float(np.maximum(relative, (gap / scale).max()))
    return absolute, relative


def _users(answerer: Answerer, count: int, length: int, unclicked: int) -> list[Known]:
    """Made-up users: so many clicks, every other one with long-term clicks before them."""
    source = answerer.source
    rng = np.random.default_rng([SEED, count, length, unclicked])
    words = source.profile_vocabularies.values()
    known = []
    for number in range(count):
        before = int(rng.integers(0, 2 * source.config.data.clicked.max_long)) * (number % 2)
        # V + 1, the unknown item, is among them.
        clicked = rng.integers(1, source.model.num_items + 2, before + length).tolist()
        most = min(unclicked, source.model.num_items)
        listed = (rng.permutation(source.model.num_items)[:most] + 1).tolist()
        showings = rng.integers(1, 5, len(listed)).tolist()
        profile = [int(rng.integers(0, len(one) + 2)) for one in words]
        known.append(Known(clicked, length, listed, showings, [], profile, {}))
    return known
