"""Many dimensions as two, by t-SNE: neighbours stay neighbours, distances do not."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unclicked.errors import NumericError, UserError

Floats = NDArray[np.float64]

PERPLEXITY = 30.0
# Fewer points than this have no neighbourhoods to keep.
FEWEST = 8


def figures_module(name: str) -> ModuleType:
    """A module that comes with the extra `figures`.

    Args:
        name: Full name of the module.

    Returns:
        The module.

    Raises:
        UserError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = error.name or name
        raise UserError(
            "REPRODUCE-EXTRA",
            missing.partition(".")[0],
            'is not installed, and this picture needs it. Run: pip install ".[figures]".',
        ) from None


def project(
    vectors: Floats, *, seed: int, measure: Literal["euclidean", "cosine"] = "euclidean"
) -> Floats:
    """Points in the plane whose neighbours are those of the vectors.

    Starts from the two first principal components and runs on one core, so that the same vectors
    and seed give the same points on the same machine.

    Args:
        vectors: float64 [N, D], at least 8 and finite.
        seed: Seed of what is drawn at random, at least 0.
        measure: How vectors are compared; `cosine` looks at directions alone.

    Returns:
        float64 [N, 2]; where the points lie and how large the picture is means nothing.

    Raises:
        UserError: There are too few vectors, or openTSNE is not installed.
        NumericError: The vectors, or the points that come of them, are not finite.

    Source: section 5.4; van der Maaten and Hinton (2008).
    """
    if len(vectors) < FEWEST:
        raise UserError(
            "REPRODUCE-FEW",
            f"{len(vectors)} vectors",
            f"are too few for a map, expected at least {FEWEST}. Take a larger data set.",
        )
    if not np.isfinite(vectors).all():
        raise NumericError("REPRODUCE-FINITE", "vectors", "found NaN or infinity.")
    engine = figures_module("openTSNE").TSNE(
        perplexity=min(PERPLEXITY, (len(vectors) - 1) / 3),
        initialization="pca",
        metric=measure,
        neighbors="exact",
        negative_gradient_method="bh",
        n_jobs=1,
        random_state=seed,
    )
    points = np.asarray(engine.fit(vectors), dtype=np.float64)
    if not np.isfinite(points).all():
        raise NumericError("REPRODUCE-FINITE", "t-SNE", "gave NaN; are all vectors the same?")
    return points
