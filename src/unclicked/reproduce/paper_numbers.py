"""What the paper's tables print, and the grids of its sensitivity figures."""

from __future__ import annotations

from collections.abc import Mapping

from unclicked.errors import UserError

DATA_SETS = ("Taobao", "Tmall")
METRICS = ("HR@50", "MRR@50", "R@50", "F1@50", "HR@80", "MRR@80", "R@80", "F1@80")
BASE = "SDM"
FULL = "SRU2B"
BASELINES = ("DNN", "GRU4REC", "NARM", "SHAN", "BINN", BASE)
VARIANTS = (
    "SRU2B (w/o conf+metric)",
    "SRU2B (w/o metric)",
    "SRU2B (w/o fusion+sym)",
    "SRU2B (w/o sym)",
    FULL,
)
PAIRS = ("SRU2B-unclick&lab", "SRU2B-lab&clk", "SRU2B-unclick&clk")

# Margins m* of Figure 4 and weights lambda of Figure 5, and what the paper found best.
MARGINS = (0.01, 0.1, 1.0, 3.0, 5.0, 10.0)
WEIGHTS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 20.0, 30.0, 50.0)
BEST_MARGIN = 5.0
BEST_WEIGHT = 10.0

# Table 1: numbers of users, items and samples, and mean lengths.
STATISTICS: Mapping[str, Mapping[str, float]] = {
    "Taobao": {
        "users": 358_978,
        "items": 1_078_723,
        "training samples": 1_041_094,
        "test samples": 17_048,
        "short-term clicks": 13.49,
        "long-term clicks": 20.87,
        "unclicked items": 71.32,
    },
    "Tmall": {
        "users": 446_464,
        "items": 908_214,
        "training samples": 1_229_271,
        "test samples": 20_134,
        "short-term clicks": 12.30,
        "long-term clicks": 18.74,
        "unclicked items": 64.26,
    },
}

# Table 2, and Table 3 (Taobao, lists of 50 alone) for the pair losses; percent, in the order of
# METRICS.
_RESULTS: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "Taobao": {
        "DNN": (29.95, 6.65, 1.44, 1.14, 36.74, 6.99, 2.01, 1.19),
        "GRU4REC": (32.39, 7.85, 1.62, 1.26, 39.25, 8.20, 2.22, 1.30),
        "NARM": (32.68, 8.20, 1.66, 1.30, 40.27, 8.52, 2.29, 1.34),
        "SHAN": (34.00, 8.84, 1.81, 1.40, 40.93, 9.20, 2.45, 1.41),
        "BINN": (36.24, 8.70, 1.73, 1.38, 43.30, 8.64, 2.34, 1.39),
        "SDM": (36.27, 8.86, 1.81, 1.42, 43.70, 9.25, 2.46, 1.45),
        "SRU2B (w/o conf+metric)": (36.77, 9.12, 1.82, 1.43, 44.43, 9.45, 2.48, 1.46),
        "SRU2B (w/o metric)": (37.07, 9.12, 1.84, 1.45, 44.80, 9.53, 2.54, 1.49),
        "SRU2B (w/o fusion+sym)": (37.13, 9.09, 1.89, 1.47, 44.87, 9.51, 2.58, 1.52),
        "SRU2B (w/o sym)": (37.37, 9.29, 1.87, 1.47, 45.28, 9.71, 2.58, 1.52),
        "SRU2B": (37.97, 9.41, 1.92, 1.50, 45.44, 9.75, 2.61, 1.53),
        "SRU2B-unclick&lab": (36.69, 8.79, 1.83, 1.43),
        "SRU2B-lab&clk": (36.91, 9.29, 1.85, 1.45),
        "SRU2B-unclick&clk": (37.34, 9.40, 1.86, 1.46),
    },
    "Tmall": {
        "DNN": (30.45, 7.01, 1.68, 1.27, 37.64, 7.38, 2.36, 1.33),
        "GRU4REC": (34.38, 8.94, 1.98, 1.49, 41.17, 9.14, 2.65, 1.48),
        "NARM": (34.75, 8.96, 2.03, 1.52, 41.89, 9.30, 2.74, 1.52),
        "SHAN": (35.12, 9.48, 2.15, 1.59, 42.29, 9.87, 2.83, 1.55),
        "BINN": (37.20, 9.17, 2.04, 1.54, 45.10, 9.65, 2.83, 1.59),
        "SDM": (37.81, 9.52, 2.15, 1.61, 45.19, 9.87, 2.89, 1.61),
        "SRU2B (w/o conf+metric)": (38.22, 9.75, 2.19, 1.64, 45.80, 10.18, 2.97, 1.66),
        "SRU2B (w/o metric)": (38.56, 9.67, 2.20, 1.64, 46.39, 10.11, 3.00, 1.67),
        "SRU2B (w/o fusion+sym)": (38.69, 9.81, 2.21, 1.65, 46.37, 10.25, 3.00, 1.67),
        "SRU2B (w/o sym)": (38.80, 9.81, 2.21, 1.66, 46.81, 10.25, 3.02, 1.68),
        "SRU2B": (38.91, 9.89, 2.21, 1.66, 46.57, 10.21, 3.04, 1.69),
    },
}

# One ranking's MRR never falls with the length of the list, so this value is none to aim at.
MISPRINTS: Mapping[tuple[str, str, str], str] = {
    (
        "Taobao",
        "BINN",
        "MRR@80",
    ): "The paper prints 8.64, less than its MRR@50 of 8.70, which no ranking can have.",
}


def methods_of(data: str) -> tuple[str, ...]:
    """The methods that the paper reports on a data set, in the order of its tables.

    Args:
        data: "Taobao" or "Tmall".

    Returns:
        Names as the paper prints them; the pair losses last.

    Raises:
        UserError: If the paper has no such data set.

    Source: Tables 2 and 3.

    Example:
        >>> methods_of("Tmall")[:3]
        ('DNN', 'GRU4REC', 'NARM')
    """
    return tuple(_of(data))


def paper_value(data: str, method: str, metric: str) -> float:
    """A result as the paper prints it.

    Args:
        data: "Taobao" or "Tmall".
        method: Name as the paper prints it; brackets around "w/o ..." may be left out.
        metric: One of `METRICS`; the pair losses of Table 3 have those of lists of 50 alone.

    Returns:
        Percent.

    Raises:
        UserError: If the paper reports no such number.

    Source: Tables 2 and 3.

    Example:
        >>> paper_value("Taobao", "SRU2B", "HR@50")
        37.97
        >>> paper_value("Tmall", "SRU2B w/o sym", "MRR@80")
        10.25
    """
    results = _of(data)
    values = paper_values(data, method)
    if not values:
        raise _unknown(f"method {method!r} on {data}", results)
    if metric not in values:
        raise _unknown(f"metric {metric!r} of {method} on {data}", values)
    return values[metric]


def paper_values(data: str, method: str) -> dict[str, float]:
    """All results of a method on a data set, as the paper prints them.

    Args:
        data: "Taobao" or "Tmall".
        method: As for `paper_value`.

    Returns:
        Percent by metric; empty where the paper does not report the method.

    Raises:
        UserError: If the paper has no such data set.

    Source: Tables 2 and 3.

    Example:
        >>> paper_values("Taobao", "SRU2B-lab&clk")
        {'HR@50': 36.91, 'MRR@50': 9.29, 'R@50': 1.85, 'F1@50': 1.45}
        >>> paper_values("Tmall", "SRU2B-lab&clk")
        {}
    """
    by_name = {_plain(name): values for name, values in _of(data).items()}
    return dict(zip(METRICS, by_name.get(_plain(method), ()), strict=False))


def improvement(data: str, method: str, metric: str) -> float:
    """How much better than SDM a method is in the paper, computed from the printed results.

    Args:
        data: "Taobao" or "Tmall".
        method: As for `paper_value`.
        metric: As for `paper_value`.

    Returns:
        Percent of SDM's result; negative where the method is worse.

    Raises:
        UserError: If the paper reports no such number.

    Source: Table 2, right halves of its columns.

    Example:
        >>> round(improvement("Taobao", "SRU2B", "MRR@50"), 2)
        6.21
    """
    base = paper_value(data, BASE, metric)
    return 100 * (paper_value(data, method, metric) / base - 1)


def starred(data: str, method: str, metric: str) -> bool:
    """Whether the paper marks a result as significantly better than all of its baselines.

    Args:
        data: "Taobao" or "Tmall".
        method: As for `paper_value`.
        metric: As for `paper_value`.

    Returns:
        True for the full model, but for its MRR@80 on Tmall.

    Raises:
        UserError: If the paper reports no such number.

    Source: Table 2; p < 0.05, two-tailed paired t-test.

    Example:
        >>> starred("Tmall", "SRU2B", "MRR@50"), starred("Tmall", "SRU2B", "MRR@80")
        (True, False)
    """
    paper_value(data, method, metric)
    return _plain(method) == FULL and (data, metric) != ("Tmall", "MRR@80")


def _of(data: str) -> Mapping[str, tuple[float, ...]]:
    if data not in _RESULTS:
        raise _unknown(f"data set {data!r}", DATA_SETS)
    return _RESULTS[data]


def _plain(method: str) -> str:
    return method.replace("(", "").replace(")", "")


def _unknown(what: str, known: Mapping[str, object] | tuple[str, ...]) -> UserError:
    return UserError("PAPER-NUMBER", what, f"is not in the paper; it has {', '.join(known)}.")
