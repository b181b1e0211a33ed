"""The whole road on a simulated log, from impressions to a report."""

from __future__ import annotations

from unclicked.quickstart.road import NUM_USERS, quickstart

__all__ = ["NUM_USERS", "quickstart"]
