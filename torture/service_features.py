"""No skew: users' logs sent to the service give the lists that preparation makes of them."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from torture.figures import Figure, count, none
from torture.service import HOST, JSON, Service, service
from torture.world import small_config
from unclicked.bundle import export_bundle
from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.data.rules import Rules, latest_samples
from unclicked.data.stored_log import load_log, stored_timelines
from unclicked.run import open_run
from unclicked.sources.simulate import simulate
from unclicked.start import train

SHORT, LONG = 200, 10_000
DAY = 86_400_000_000
# Requests are of different moments: the end of the log, and some time before it.
BACK_DAYS = (0.0, 0.7, 2.3)
Lists = dict[str, list[Any]]


def run(long: bool, folder: Path) -> list[Figure]:
    """Send whole logs of users and compare what the model read with what preparation stored.

    Args:
        long: 10,000 users instead of 200.
        folder: Where to work.

    Returns:
        Users compared, and users whose lists differ.
    """
    started = time.perf_counter()
    data = _dataset(folder, LONG if long else SHORT)
    config = small_config(data, train={"max_epochs": 1, "num_negatives": 20})
    train(data, folder / "run", config)
    export_bundle(open_run(folder / "run"), folder / "bundle")
    same, differ, wanted, read = 0, [], 0, 0
    with service(folder / "bundle", "--max-body", "4096", "--watch-seconds", "0") as one:
        for user, body, expected in _asked(data):
            wanted += 1
            found = _sent(one, body)
            read += len(found["unclicked"])
            if found == expected:
                same += 1
            else:
                differ.append(user)
    seconds = time.perf_counter() - started
    return [
        count("features: users served with the prepared lists", same, wanted, seconds=seconds),
        none("features: users with other lists", len(differ)),
        Figure("features: unclicked items compared", f"{read:,}", "some", read > 0),
    ]


def _dataset(folder: Path, num_users: int) -> PreparedDataset:
    log = folder / "log"
    simulate(log, preset="planted", num_users=num_users)
    return prepare([log / "impressions.parquet"], folder / "data", items=log / "items.parquet")


def _asked(data: PreparedDataset) -> Iterator[tuple[Any, dict[str, Any], Lists]]:
    """Each user's rows as a body, and what preparation's rules make of them at its moment."""
    timelines, rules = stored_timelines(data), Rules.from_config(data.config)
    last = int(timelines.impression_time_us.max()) + 1
    moments = [last - round(days * DAY) for days in BACK_DAYS]
    prepared = [latest_samples(timelines, rules, now_us=now) for now in moments]
    row_of = [{int(u): n for n, u in enumerate(one.user)} for one in prepared]
    log = load_log(data)
    names = ("item_id", "timestamp_us", "clicked")
    columns = [log[name].to_pylist() for name in names]
    offsets = timelines.impression_offsets
    for user in range(len(data.users)):
        which = user % len(moments)
        if user not in row_of[which]:
            continue
        rows = range(int(offsets[user]), int(offsets[user + 1]))
        events = [
            {"item_id": columns[0][n], "timestamp": columns[1][n], "clicked": columns[2][n]}
            for n in rows
        ]
        body = {"events": events, "now": moments[which], "time_unit": "us", "explain": True}
        samples, number = prepared[which], row_of[which][user]
        clicks = timelines.click_item
        row = int(samples.row_now[samples.position_offsets[number + 1] - 1])
        ranges = {
            "clicked": clicks[int(samples.start[number]) : int(samples.end[number])],
            "long_term": clicks[int(samples.long_start[number]) : int(samples.start[number])],
            "unclicked": samples.row_items[slice(*samples.row_offsets[row : row + 2].tolist())],
        }
        decode = data.catalogue.items.decode
        lists = {name: decode(np.asarray(one, np.int64)) for name, one in ranges.items()}
        yield data.users.decode([user + 1])[0], body, lists


def _sent(one: Service, body: dict[str, Any]) -> Lists:
    connection = http.client.HTTPConnection(HOST, one.port, timeout=60)
    try:
        connection.request("POST", "/recommend", json.dumps(body), JSON)
        told = json.loads(connection.getresponse().read())["explain"]
    finally:
        connection.close()
    return {name: told[name] for name in ("clicked", "long_term", "unclicked")}
