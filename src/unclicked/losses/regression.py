"""The squared error of the user vector as a guess of its labels' vectors."""

from __future__ import annotations

from torch import Tensor

from unclicked.errors import UserError


def squared_error(user: Tensor, label_vectors: Tensor, label_mask: Tensor) -> Tensor:
    """Mean, over a row's labels, of the squared distance from the user vector to the label's.

    Label vectors must not follow: were they trained on this loss, all vectors equal would be its
    best value. Pass vectors that do not change, or detached ones.

    Args:
        user: User vectors, float [R, D].
        label_vectors: float [R, K, D]; whatever stands where there is no label is ignored.
        label_mask: bool [R, K], True where the label exists.

    Returns:
        float [R], not reduced, at least 0; 0 for a row without labels.

    Raises:
        UserError: If shapes do not fit.

    Source: the loss of the BINN paper (KDD 2018), which has one label, the next item.
    Differs: several labels are averaged; dimensions are summed, not averaged, so that the loss
        has the unit of the metric loss's distances whatever the width.

    Example:
        Squared distances 9 + 16 = 25 and 1; the third label does not exist.

        >>> import torch
        >>> labels = torch.tensor([[[3.0, 4.0], [0.0, 1.0], [9.0, 9.0]]])
        >>> squared_error(torch.zeros(1, 2), labels, torch.tensor([[True, True, False]]))
        tensor([13.])
    """
    rows, width = len(user), user.shape[-1]
    fits = user.ndim == 2 and label_vectors.shape == (rows, label_mask.shape[-1], width)
    if not fits or label_mask.shape != label_vectors.shape[:2]:
        raise UserError(
            "LOSS-SHAPE",
            "squared_error",
            f"found user {list(user.shape)}, label_vectors {list(label_vectors.shape)}, label_mask "
            f"{list(label_mask.shape)}, expected [R, D], [R, K, D], [R, K].",
        )
    difference = user.unsqueeze(1) - label_vectors
    # Masked before the square: NaN at padding would spoil the gradient through it.
    distance = difference.masked_fill(~label_mask.unsqueeze(-1), 0.0).square().sum(dim=-1)
    return distance.sum(dim=1) / label_mask.sum(dim=1).clamp(min=1)
