"""Lists for users that were never seen before, from their events alone."""

from __future__ import annotations

from unclicked.recommendation.answerer import Answerer, recommend
from unclicked.recommendation.request import Event, Request, Source

__all__ = ["Answerer", "Event", "Request", "Source", "recommend"]
