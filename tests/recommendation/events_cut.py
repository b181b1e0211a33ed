"""A run read with either cut of the unclicked lists."""

from __future__ import annotations

from dataclasses import replace

from unclicked.run import Run


def with_cut(run: Run, cut: str) -> Run:
    """A run whose unclicked lists end at another moment.

    Args:
        run: The run.
        cut: "now" or "session_start".

    Returns:
        The same with that cut.
    """
    data = run.config.data
    changed = data.model_copy(update={"unclicked": data.unclicked.model_copy(update={"cut": cut})})
    config = run.config.model_copy(update={"data": changed})
    return replace(run, facts=replace(run.facts, config=config))
