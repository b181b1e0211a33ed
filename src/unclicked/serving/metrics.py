"""What the service counts, for Prometheus: answers in one process, batches in the other."""

from __future__ import annotations

import os
from collections.abc import Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from unclicked.serving.settings import FIGURES
from unclicked.serving.trouble_log import TroubleLog

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Answered:
    """Answers of a worker, counted by the process that sends them."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        self._requests = Counter(
            "unclicked_requests", "Answered requests.", ["route", "status"], registry=own
        )
        self._latency = Histogram(
            "unclicked_request_seconds",
            "Time of a request in the service.",
            ["route"],
            buckets=SECONDS,
            registry=own,
        )
        # Looked up by label once, since that takes longer than counting.
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def request(self, route: str, status: int, seconds: float | None) -> None:
        """Count an answered request.

        Args:
            route: Its route, as the code names it.
            status: HTTP status.
            seconds: How long it took; None for what was refused unread, whose nothing would make
                the times look best where the service is busiest.
        """
        key = (route, status)
        if key not in self._known:
            self._known[key] = (
                self._requests.labels(route, str(status)),
                self._latency.labels(route),
            )
        answered, latency = self._known[key]
        answered.inc()
        if seconds is not None:
            latency.observe(seconds)

    def text(self) -> bytes:
        """The figures of this process; nothing with several workers, where `Computed` has all."""
        return b"" if os.environ.get(FIGURES) else generate_latest(self._registry)


class Computed:
    """What the process that holds the model counts; with several workers it adds up everything."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        self._batch = Histogram(
            "unclicked_batch_size", "Users computed together.", buckets=SIZES, registry=own
        )
        self._compute = Histogram(
            "unclicked_batch_seconds", "Time to compute a batch.", buckets=SECONDS, registry=own
        )
        self.waiting = Gauge(
            "unclicked_queue_depth", "Users that wait.", multiprocess_mode="livesum", registry=own
        )
        self._reloads = Counter(
            "unclicked_reloads", "Bundles that appeared.", ["model", "result"], registry=own
        )
        self.ignored = Counter(
            "unclicked_ignored_ids",
            "What requests held and their answers could not use.",
            ["list"],
            registry=own,
        )
        self._kept = Gauge(
            "unclicked_users_kept",
            "Users whose events lie in the memory of the service; none with Redis.",
            multiprocess_mode="livesum",
            registry=own,
        )
        self._dropped = Counter(
            "unclicked_users_dropped",
            "Users whose events had to go before their time, because others came.",
            registry=own,
        )
        self._model = Gauge(
            "unclicked_model_info",
            "1 where the bundle of that hash answers under that name.",
            ["model", "sha256"],
            multiprocess_mode="livemax",
            registry=own,
        )
        self._served: set[tuple[str, str]] = set()
        self._log = TroubleLog()

    def drop(self) -> None:
        """Count a user who had to go before her time, and say so in the log."""
        self._dropped.inc()
        self._log(
            "kept events: more users than --max-users; those of whoever was asked for longest ago "
            "were dropped. Raise it, or keep them in Redis (--state redis://HOST:6379/0)."
        )

    def serves(self, hashes: Mapping[str, str]) -> None:
        """Take down which bundles answer.

        Args:
            hashes: Name of a model to its hash.
        """
        now = set(hashes.items())
        for one in self._served - now:
            self._model.labels(*one).set(0)
            # Of several workers' figures, which lie in files, none can be removed.
            if not os.environ.get(FIGURES):
                self._model.remove(*one)
        for one in now:
            self._model.labels(*one).set(1)
        self._served = now

    def keep(self, users: int) -> None:
        """Take down how many users are kept here.

        Args:
            users: Their number.
        """
        self._kept.set(users)

    def batch(self, size: int, seconds: float) -> None:
        """Count a computed batch.

        Args:
            size: Users in it.
            seconds: How long it took.
        """
        self._batch.observe(size)
        self._compute.observe(seconds)

    def reload(self, model: str, well: bool) -> None:
        """Count a bundle that appeared.

        Args:
            model: Name of the model.
            well: Whether it is served now.
        """
        self._reloads.labels(model, "ok" if well else "refused").inc()

    def text(self) -> tuple[bytes, str]:
        """All figures as Prometheus reads them, and their content type."""
        registry = self._registry
        if os.environ.get(FIGURES):
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST
