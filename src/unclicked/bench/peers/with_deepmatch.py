"""DeepMatch: its SDM on TensorFlow 2.15, compiled and trained with Keras as its example does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def build(
    order: dict[str, Any], batches: list[dict[str, Any]]
) -> Callable[[int, dict[str, Any]], float]:
    """Model, batches and optimiser.

    No dropout, no weight decay, and the sampler that costs least: less work than by its defaults.

    Args:
        order: Sizes and `threads`.
        batches: What `child.batches_of` draws.

    Returns:
        A step of Keras.
    """
    import requests
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(order["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(order["threads"])
    tf.compat.v1.disable_eager_execution()
    # It asks a server for its newest release as soon as it is imported; a benchmark asks nobody.
    requests.get = _refuse
    from deepctr.feature_column import SparseFeat, VarLenSparseFeat
    from deepmatch.models import SDM
    from deepmatch.utils import NegativeSampler, sampledsoftmaxloss

    tf.compat.v1.set_random_seed(0)
    tf.keras.backend.set_learning_phase(True)
    dim, items, longest = order["dim"], order["num_items"] + 1, max(order["lengths"])

    def history(name: str, length: int) -> Any:
        feature = SparseFeat(f"{name}_item", items, embedding_dim=dim, embedding_name="item")
        return VarLenSparseFeat(feature, length, "mean", f"{name}_sess_length")

    user = [
        SparseFeat(f"profile{number}", one + 1, embedding_dim=dim)
        for number, one in enumerate(order["profile"])
    ]
    model = SDM(
        [*user, history("short", longest), history("prefer", order["mean_long"])],
        [SparseFeat("item", items, embedding_dim=dim)],
        history_feature_list=["item"],
        units=dim,
        dropout_rate=0.0,
        l2_reg_embedding=0.0,
        sampler_config=NegativeSampler("uniform", order["num_negatives"], "item"),
    )
    optimiser = tf.compat.v1.train.AdagradOptimizer(0.1)
    model.compile(optimizer=optimiser, loss=sampledsoftmaxloss)
    prepared = [_inputs(one, longest, len(user)) for one in batches]

    def step(number: int, order: dict[str, Any]) -> float:
        return float(model.train_on_batch(*prepared[number]))

    return step


def _inputs(batch: dict[str, Any], longest: int, fields: int) -> tuple[dict[str, Any], Any]:
    """A batch as Keras takes it: padded behind, with the lengths beside; and targets unread."""
    import numpy as np

    clicked = batch["clicked"]
    count, length = clicked.shape
    inputs = {
        "item": batch["label"],
        "short_item": np.pad(clicked, ((0, 0), (0, longest - length))),
        "short_sess_length": np.full(count, length),
        "prefer_item": batch["long"],
        "prefer_sess_length": np.full(count, batch["long"].shape[1]),
    }
    profile = {f"profile{number}": batch["profile"][:, number] for number in range(fields)}
    return {name: one.astype(np.int32) for name, one in (inputs | profile).items()}, np.ones(count)


def _refuse(*given: Any, **named: Any) -> Any:
    raise OSError("no question to a server")
