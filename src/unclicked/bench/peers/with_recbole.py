"""RecBole: its sequential models under its own trainer, with its default loss, a full softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Items:
    """What RecBole's models ask of a data set: how many items there are, padding among them.

    Args:
        count: Items and the padding.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def num(self, field: str) -> int:
        """Values of a field.

        Args:
            field: Its name; all have as many.

        Returns:
            How many.
        """
        return self.count


def build(
    order: dict[str, Any], batches: list[dict[str, Any]]
) -> Callable[[int, dict[str, Any]], float]:
    """Model, batches and trainer.

    AdaGrad as on our side: Adam, its default, keeps one table more. No dropout, no clip, no
    padding: less work than in its usual configuration.

    Args:
        order: Sizes, `threads` and the name of the `model`.
        batches: What `child.batches_of` draws.

    Returns:
        A step of its trainer.
    """
    import torch
    from recbole.config import Config
    from recbole.data.interaction import Interaction
    from recbole.trainer import Trainer
    from recbole.utils import get_model, init_seed

    dim, name = order["dim"], order["model"]
    dropout: dict[str, dict[str, Any]] = {
        "GRU4Rec": {"dropout_prob": 0.0},
        "NARM": {"dropout_probs": [0.0, 0.0]},
        "SASRec": {"hidden_dropout_prob": 0.0, "attn_dropout_prob": 0.0, "inner_size": 2 * dim},
    }
    settings = {
        "embedding_size": dim,
        "hidden_size": dim,
        "loss_type": "CE",
        "train_neg_sample_args": None,
        "MAX_ITEM_LIST_LENGTH": max(order["lengths"]),
        "learner": "adagrad",
        "learning_rate": 0.01,
        "use_gpu": False,
        "train_batch_size": order["batch_size"],
    }
    config = Config(model=name, dataset="drawn", config_dict=settings | dropout[name])
    init_seed(0, False)
    torch.set_num_threads(order["threads"])
    model = get_model(name)(config, Items(order["num_items"] + 1))
    trainer = Trainer(config, model)
    prepared = []
    for one in batches:
        clicked = torch.from_numpy(one["clicked"])
        columns = {
            model.ITEM_SEQ: clicked,
            model.ITEM_SEQ_LEN: torch.full((len(clicked),), clicked.shape[1]),
            model.POS_ITEM_ID: torch.from_numpy(one["label"]),
        }
        prepared.append([Interaction(columns)])

    def step(number: int, order: dict[str, Any]) -> float:
        return float(trainer._train_epoch(prepared[number], 0))

    return step
