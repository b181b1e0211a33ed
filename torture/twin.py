"""The equations once more in plain NumPy, one row and one loop at a time, for comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def squared(left: Floats, right: Floats) -> float:
    """Squared Euclidean distance of two vectors [D].

    Args:
        left: float64 [D].
        right: float64 [D].

    Returns:
        The sum of squared differences.

    Example:
        >>> squared(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
        5.0
    """
    return float(sum((a - b) * (a - b) for a, b in zip(left, right, strict=True)))


def hinge(value: float) -> float:
    """The positive part of a number.

    Args:
        value: Any number.

    Returns:
        The number, or 0 below 0.
    """
    return value if value > 0 else 0.0


def metric_loss(name: str, h: Floats, n: Floats, c: Floats, margin: float, form: str) -> float:
    """Metric loss of one row.

    Args:
        name: `asymmetric`, `symmetric`, `clicked_label`, `clicked_unclicked` or `label_unclicked`.
        h: Clicked vector, float64 [D].
        n: Unclicked vector, float64 [D].
        c: Label vector, float64 [D].
        margin: The margin, or the sum of both.
        form: `one_hinge` or `two_hinges` of the symmetric form, `hinge` or `plain` of the pairs.

    Returns:
        The loss.

    Source: Eq. 4 and both lines of Eq. 5; the pairs of Table 3.

    Example:
        >>> h, n, c = np.array([0.0, 0.0]), np.array([-2.0, 1.0]), np.array([1.0, 0.0])
        >>> metric_loss("symmetric", h, n, c, 11.0, "one_hinge")
        0.0
        >>> metric_loss("symmetric", h, n, c, 11.0, "two_hinges")
        1.5
    """
    hc, hn, cn = squared(h, c), squared(h, n), squared(c, n)
    if name == "asymmetric":
        return hinge(hc - hn + margin)
    if name == "symmetric" and form == "two_hinges":
        return hinge(hc - hn + margin / 2) + hinge(hc - cn + margin / 2)
    if name == "symmetric":
        return hinge(2 * hc - hn - cn + margin)
    if name == "clicked_label":
        return hc
    apart = hn if name == "clicked_unclicked" else cn
    return -apart if form == "plain" else hinge(margin - apart)


def list_vector(items: Floats, weight: Floats, bias: Floats) -> Floats:
    """Vector of a list of items: tanh(W mean + b), and 0 for an empty list.

    Args:
        items: float64 [n, D], the items that are there.
        weight: W, float64 [D, D].
        bias: b, float64 [D].

    Returns:
        float64 [D].

    Source: Eq. 3.
    """
    if not len(items):
        return np.zeros(weight.shape[0])
    mean = [sum(float(item[d]) for item in items) / len(items) for d in range(items.shape[1])]
    return np.array(
        [math.tanh(_dot(row, mean) + float(b)) for row, b in zip(weight, bias, strict=True)]
    )


def fused(kind: str, h: Floats, n: Floats, gate: tuple[Floats, Floats], activation: str) -> Floats:
    """User vector from clicked and unclicked vectors.

    Args:
        kind: `none`, `subtract` or `confidence`.
        h: Clicked vector, float64 [D].
        n: Unclicked vector, float64 [D].
        gate: W [D, 2 D] and b [D] of the confidence network.
        activation: `sigmoid` or `identity`.

    Returns:
        float64 [D].

    Source: Eq. 6 to 8.
    """
    if kind == "none":
        return h.copy()
    if kind == "subtract":
        return np.array([a - b for a, b in zip(h, n, strict=True)])
    both = [*h.tolist(), *n.tolist()]
    values = [_dot(row, both) + float(b) for row, b in zip(gate[0], gate[1], strict=True)]
    if activation == "sigmoid":
        values = [1 / (1 + math.exp(-value)) for value in values]
    return np.array([a - g * b for a, g, b in zip(h, values, n, strict=True)])


def probability(rank: int, num_items: int) -> float:
    """Chance of a frequency rank under the log-uniform law.

    Args:
        rank: 0 for the most frequent.
        num_items: V.

    Returns:
        ln((k + 2) / (k + 1)) / ln(V + 1).

    Example:
        >>> round(probability(0, 10), 6)
        0.289065
    """
    return math.log((rank + 2) / (rank + 1)) / math.log(num_items + 1)


def expected_count(rank: int, num_items: int, tries: int, num_negatives: int) -> float:
    """How often a rank is expected in a draw of distinct items.

    Args:
        rank: 0 for the most frequent.
        num_items: V.
        tries: Draws that were needed.
        num_negatives: Distinct items that were asked for.

    Returns:
        S P where nothing was drawn twice, else 1 - (1 - P)^tries.

    Example:
        >>> round(expected_count(3, 10, 7, 4), 6), round(expected_count(3, 10, 4, 4), 6)
        (0.495273, 0.372232)
    """
    chance = probability(rank, num_items)
    if tries == num_negatives:
        return num_negatives * chance
    return 1 - math.exp(tries * math.log1p(-chance)) if chance < 1 else 1.0


def softmax_loss(
    user: Floats,
    labels: Sequence[int],
    negatives: Sequence[int],
    vectors: Floats,
    expected: Mapping[int, float],
) -> float:
    """Sampled softmax of one row with several labels.

    Args:
        user: float64 [D].
        labels: Items of the row, at least one; repeated ones stay repeated.
        negatives: Drawn items, shared by all rows.
        vectors: float64 [V + 1, D].
        expected: Expected count of every item named.

    Returns:
        log-sum-exp over labels and negatives that are no label, less the labels' mean logit.

    Example:
        >>> rows = np.array([[0, 0], [.5, .1], [-.3, .4], [.2, -.6], [.9, .3], [-.7, -.2], [0, 1]])
        >>> counts = dict(enumerate([1, .889406, .689103, .550627, .456101, .388534, .338112]))
        >>> round(softmax_loss(np.array([1, -0.5]), [1, 4], [1, 2, 5], rows, counts), 5)
        1.11192
    """

    def logit(item: int) -> float:
        return _dot(vectors[item], user.tolist()) - math.log(expected[item])

    true = [logit(item) for item in labels]
    everything = true + [logit(item) for item in negatives if item not in labels]
    largest = max(everything)
    total = largest + math.log(sum(math.exp(value - largest) for value in everything))
    return total - sum(true) / len(true)


def ranked_by_scores(scores: Sequence[float], ids: Sequence[int], top_k: int) -> list[int]:
    """Items by descending score, ties by ascending id.

    Args:
        scores: Score of each item.
        ids: What decides between equal scores.
        top_k: Length of the list.

    Returns:
        Places of the items.

    Example:
        >>> ranked_by_scores([1.0, 2.0, 2.0], [5, 9, 7], 2)
        [2, 1]
    """
    order = list(range(len(scores)))
    order.sort(key=lambda place: (-scores[place], ids[place]))
    return order[:top_k]


def metrics(ranked: Sequence[int], truth: set[int], top_k: int) -> dict[str, float]:
    """Measures of one user's list.

    Args:
        ranked: Items, best first, each once.
        truth: What the user clicked.
        top_k: Length judged.

    Returns:
        HR, MRR, P, R, F1 and NDCG.

    Example:
        >>> found = metrics([11, 12, 13], {12, 15, 40}, 3)
        >>> found["MRR"], round(found["F1"], 6)
        (0.5, 0.333333)
    """
    places = [place for place, item in enumerate(ranked[:top_k], start=1) if item in truth]
    precision, recall = len(places) / top_k, len(places) / len(truth)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(len(truth), top_k) + 1))
    return {
        "HR": 1.0 if places else 0.0,
        "MRR": 1 / places[0] if places else 0.0,
        "P": precision,
        "R": recall,
        "F1": 2 * precision * recall / (precision + recall) if places else 0.0,
        "NDCG": sum(1 / math.log2(place + 1) for place in places) / ideal,
    }


def unit(vector: Floats) -> Floats:
    """A vector of length 1 in the same direction; 0 stays 0.

    Args:
        vector: float64 [D].

    Returns:
        float64 [D].
    """
    length = math.sqrt(sum(float(value) ** 2 for value in vector))
    return vector / length if length > 0 else vector.copy()


def _dot(left: Sequence[float] | Floats, right: Sequence[float]) -> float:
    return math.fsum(float(a) * float(b) for a, b in zip(left, right, strict=True))
