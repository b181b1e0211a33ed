"""The mathematics against gradient checks and against a second version in plain NumPy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torture import twin
from torture.figures import Figure, count
from unclicked.losses import triplet
from unclicked.losses.sampled_softmax import sampled_softmax
from unclicked.metrics import per_user
from unclicked.plugin import UnclickedPlugin
from unclicked.retrieval import ExactIndex
from unclicked.sampling import LogUniform, SampledNegatives

Floats = NDArray[np.float64]
Parts = dict[str, Any]
BARS = {torch.float64: 1e-10, torch.float32: 1e-5}
FORMS: dict[str, tuple[Callable[..., Tensor], str, str]] = {
    "asymmetric": (triplet.asymmetric, "asymmetric", ""),
    "symmetric": (triplet.symmetric, "symmetric", "one_hinge"),
    "two hinges": (triplet.symmetric_two_hinges, "symmetric", "two_hinges"),
    "lab&clk": (triplet.pair_clicked_label, "clicked_label", "hinge"),
    "unclick&clk": (triplet.pair_clicked_unclicked, "clicked_unclicked", "hinge"),
    "unclick&lab": (triplet.pair_label_unclicked, "label_unclicked", "hinge"),
    "unclick&clk plain": (triplet.pair_clicked_unclicked, "clicked_unclicked", "plain"),
    "unclick&lab plain": (triplet.pair_label_unclicked, "label_unclicked", "plain"),
}
FUSIONS = [("none", "sigmoid"), ("subtract", "sigmoid"), ("confidence", "sigmoid")]
FUSIONS += [("confidence", "identity")]


def draw(rng: np.random.Generator, rows: int = 4, width: int = 5) -> Parts:
    """Random vectors, lists with gaps and weights for one batch; numbers fit float32 exactly."""

    def some(*shape: int) -> Floats:
        return rng.normal(size=shape).astype(np.float32).astype(np.float64)

    mask = rng.random((rows, 6)) < 0.6
    mask[0] = False
    return {
        "h": some(rows, width), "n": some(rows, width), "c": some(rows, width),
        "r": some(rows, width), "items": some(rows, 6, width), "mask": mask,
        "margin": float(np.float32(rng.uniform(0.1, 8))),
        "labels": some(rows, 3, width), "label_mask": rng.random((rows, 3)) < 0.7,
    }  # fmt: skip


def tensor(values: Any, dtype: torch.dtype) -> Tensor:
    """An array as a tensor."""
    return torch.tensor(np.asarray(values), dtype=dtype)


def losses(parts: Parts, dtype: torch.dtype) -> Iterator[tuple[str, Tensor, Floats]]:
    """Every metric loss, from the library and from the twin."""
    h, n, c = (tensor(parts[name], dtype) for name in "hnc")
    margin = parts["margin"]
    for name, (function, kind, form) in FORMS.items():
        more = {"form": form} if form in ("hinge", "plain") else {}
        rows = [
            twin.metric_loss(kind, *row, margin, form)
            for row in zip(parts["h"], parts["n"], parts["c"], strict=True)
        ]
        yield name, function(h, n, c, margin=margin, **more), np.array(rows)
    r = tensor(parts["r"], dtype)
    rows = [
        twin.metric_loss("asymmetric", a, far, near, margin, "")
        for a, near, far in zip(parts["h"], parts["n"], parts["r"], strict=True)
    ]
    yield "intermediate", triplet.intermediate(h, n, c, r, margin=margin), np.array(rows)


def plugged(parts: Parts, dtype: torch.dtype) -> Iterator[tuple[str, Tensor, Floats]]:
    """User vectors and metric losses of the whole plug-in, for every fusion and norm."""
    width = parts["h"].shape[1]
    for fusion, activation in FUSIONS:
        for norm in ("none", "l2"):
            plugin = UnclickedPlugin(
                width, fusion, "symmetric", parts["margin"],
                gate_activation=activation, metric_norm=norm,
            ).float()  # fmt: skip
            with torch.no_grad():
                # Biases begin at zero, where a forgotten one would not show.
                for weight in plugin.parameters():
                    weight.add_(torch.randn_like(weight) * 0.3)
            weights = {
                name: one.detach().double().numpy() for name, one in plugin.named_parameters()
            }
            plugin = plugin.to(dtype)
            out = plugin.train_step(
                tensor(parts["h"], dtype),
                tensor(parts["items"], dtype),
                torch.tensor(parts["mask"]),
                tensor(parts["labels"], dtype),
                torch.tensor(parts["label_mask"]),
            )
            users, metric = plugged_twin(parts, weights, (fusion, activation), norm)
            yield f"{fusion} {activation}", out.user, users
            yield f"metric of {fusion} {norm}", out.metric_loss, metric


def plugged_twin(
    parts: Parts, weights: dict[str, Floats], fusion: tuple[str, str], norm: str
) -> tuple[Floats, Floats]:
    """What the plug-in should give, row by row."""
    read = (weights["unclicked_encoder.linear.weight"], weights["unclicked_encoder.linear.bias"])
    width = parts["h"].shape[1]
    gate = (np.zeros((width, 2 * width)), np.zeros(width))
    if fusion[0] == "confidence":
        gate = (weights["fusion.linear.weight"], weights["fusion.linear.bias"])
    users, metric = [], []
    for row, h in enumerate(parts["h"]):
        listed = parts["items"][row][parts["mask"][row]]
        labels = parts["labels"][row][parts["label_mask"][row]]
        n = twin.list_vector(listed, *read)
        c = twin.list_vector(labels, *read)
        users.append(twin.fused(fusion[0], h, n, gate, fusion[1]))
        if norm == "l2":
            h, n, c = twin.unit(h), twin.unit(n), twin.unit(c)
        counted = len(listed) > 0 and len(labels) > 0
        loss = twin.metric_loss("symmetric", h, n, c, parts["margin"], "one_hinge")
        metric.append(loss if counted else 0.0)
    return np.array(users), np.array(metric)


def softmax(rng: np.random.Generator, dtype: torch.dtype) -> Iterator[tuple[str, Tensor, Floats]]:
    """Sampled softmax with expected counts, accidental hits and rows short of labels."""
    num_items, width, rows = 30, 5, 6
    sampler = LogUniform(num_items)
    drawn = sampler.draw(
        int(rng.integers(2, 12)), torch.Generator().manual_seed(int(rng.integers(2**40)))
    )
    labels = rng.integers(1, num_items + 1, size=(rows, 3))
    labels[0] = int(drawn.index[0])
    short = rng.random((rows, 3)) < 0.3
    short[:, 0] = False
    labels[short] = 0
    vectors = rng.normal(size=(num_items + 1, width)).astype(np.float32).astype(np.float64)
    users = rng.normal(size=(rows, width)).astype(np.float32).astype(np.float64)
    index = torch.tensor(labels)
    found = sampled_softmax(
        tensor(users, dtype),
        index,
        index > 0,
        drawn.index,
        tensor(vectors, dtype),
        sampler.log_expected(index, drawn).to(dtype),
        drawn.log_expected.to(dtype),
    )
    negatives = drawn.index.tolist()
    expected = {
        item: twin.expected_count(item - 1, num_items, drawn.tries, len(negatives))
        for item in range(1, num_items + 1)
    }
    wanted = [
        twin.softmax_loss(user, [item for item in row if item], negatives, vectors, expected)
        for user, row in zip(users, labels.tolist(), strict=True)
    ]
    yield "sampled softmax", found, np.array(wanted)
    counts = sampler.log_expected(torch.arange(1, num_items + 1), drawn).exp()
    yield "expected counts", counts, np.array(list(expected.values()))
    chances = sampler.probability(torch.arange(num_items))
    yield "chances", chances, np.array([twin.probability(k, num_items) for k in range(num_items)])


def lists(rng: np.random.Generator) -> Iterator[tuple[str, Tensor, Floats]]:
    """Exact ranking with ties, and the metrics of its lists."""
    num_items, users, top_k = 25, 8, int(rng.integers(1, 12))
    levels = int(rng.choice([1, 2, 4, 100]))
    # Whole numbers: products are exact, so that equal scores are equal in both versions.
    vectors = rng.integers(0, levels, size=(num_items + 1, 3)).astype(np.float64)
    queries = rng.integers(0, levels, size=(users, 3)).astype(np.float64)
    ids = np.concatenate(([0], rng.permutation(num_items)))
    index = ExactIndex(tensor(vectors, torch.float32), tie_rank=torch.tensor(ids))
    ranked = index.search(tensor(queries, torch.float32), top_k)[1].numpy()
    wanted = []
    for query in queries:
        scores = [float(one @ query) for one in vectors[1:]]
        places = twin.ranked_by_scores(scores, ids[1:].tolist(), top_k)
        wanted.append([place + 1 for place in places])
    yield "ranking with ties", torch.tensor(ranked), np.array(wanted, dtype=np.float64)
    truths = [
        set(rng.choice(num_items, size=int(rng.integers(1, 9)), replace=False) + 1)
        for _ in range(users)
    ]
    found = per_user(ranked, truths, top_k)
    brute = [twin.metrics(row, truth, top_k) for row, truth in zip(wanted, truths, strict=True)]
    for name in ("HR", "MRR", "P", "R", "F1", "NDCG"):
        values = np.array([one[name] for one in brute])
        yield f"metrics: {name}", torch.tensor(found[f"{name}@{top_k}"]), values


def far(found: Tensor, wanted: Floats) -> float:
    """Largest difference, relative to the larger of 1 and the wanted value."""
    values = found.detach().double().numpy()
    if values.shape != wanted.shape:
        return float("inf")
    return float((np.abs(values - wanted) / np.maximum(1, np.abs(wanted))).max())


def compare(batches: int, dtype: torch.dtype, worst: dict[str, float]) -> int:
    """Batches in which everything agrees within the bar of a type."""
    good = 0
    for seed in range(batches):
        rng = np.random.default_rng([7, seed])
        torch.manual_seed(seed)
        parts = draw(rng)
        pairs = [*losses(parts, dtype), *plugged(parts, dtype), *softmax(rng, dtype), *lists(rng)]
        distances = {name: far(found, wanted) for name, found, wanted in pairs}
        good += max(distances.values()) <= BARS[dtype]
        for name, distance in distances.items():
            worst[name] = max(worst.get(name, 0.0), distance)
    return good


def gradients(seeds: int) -> tuple[int, int]:
    """Gradient checks in float64 that hold, of every loss and every fusion."""
    held = tried = 0
    for seed in range(seeds):
        torch.manual_seed(seed)
        h, n, c, r = (torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(4))
        for act, inputs in _checked(h, n, c, r):
            tried += 1
            held += torch.autograd.gradcheck(act, inputs, raise_exception=False)
    return held, tried


def _checked(
    h: Tensor, n: Tensor, c: Tensor, r: Tensor
) -> Iterator[tuple[Callable[..., Any], tuple[Tensor, ...]]]:
    for function, _, form in FORMS.values():
        more = {"form": form} if form in ("hinge", "plain") else {}

        def loss(
            *three: Tensor,
            function: Callable[..., Tensor] = function,
            more: dict[str, str] = more,
        ) -> Tensor:
            return function(*three, margin=6.0, **more)

        yield loss, (h, n, c)
    yield lambda a, b, d, e: triplet.intermediate(a, b, d, e, margin=6.0), (h, n, c, r)
    mask = torch.tensor([[True, True], [True, False], [False, False]])
    items = torch.stack([n, r], dim=1).detach().requires_grad_()
    for fusion, activation in FUSIONS:
        for norm in ("none", "l2"):
            plugin = UnclickedPlugin(
                4, fusion, "symmetric", 6.0, gate_activation=activation, metric_norm=norm
            ).double()
            weights = tuple(plugin.parameters())

            def both(
                a: Tensor, b: Tensor, *others: Tensor, plugin: UnclickedPlugin = plugin
            ) -> tuple[Tensor, Tensor]:
                out = plugin.train_step(a, b, mask, b, mask)
                return out.user, out.metric_loss

            yield both, (h, items, *weights)
    labels = torch.tensor([[1, 2], [3, 0], [2, 2]])
    drawn = SampledNegatives(torch.tensor([1, 4, 3]), 5, torch.randn(3, dtype=torch.float64))
    vectors = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    logged = torch.randn(3, 2, dtype=torch.float64)
    yield (
        lambda user, table: sampled_softmax(
            user, labels, labels > 0, drawn.index, table, logged, drawn.log_expected
        ),
        (h, vectors),
    )


def run(long: bool, folder: Path) -> list[Figure]:
    """Check gradients, and compare with the twin.

    Args:
        long: 200 seeds and 1,000 batches instead of 20 and 100.
        folder: Not used.

    Returns:
        The figures.
    """
    torch.set_num_threads(1)
    started = time.perf_counter()
    held, tried = gradients(200 if long else 20)
    figures = [count("numbers: gradient checks in float64", held, tried)]
    batches = 1000 if long else 100
    for dtype, bar in BARS.items():
        worst: dict[str, float] = {}
        good = compare(batches, dtype, worst)
        name = max(worst, key=lambda one: worst[one])
        figures.append(
            Figure(
                f"numbers: batches equal to the twin in {str(dtype).removeprefix('torch.')}",
                f"{good} of {batches}, largest difference {worst[name]:.1e} ({name})",
                f"all within {bar:g}",
                good == batches,
                time.perf_counter() - started,
            )
        )
    return figures
