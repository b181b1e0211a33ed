"""Paths of the service that more than its table of routes must know."""

from __future__ import annotations

RECOMMEND = "/recommend"
EVENTS = "/events"
READY = "/ready"
METRICS = "/metrics"
# What follows is the id of a user.
USERS = "/users/"
# Where a request's route is noted for whoever counts, beside what the server knows of it.
ROUTE = "unclicked.route"
