"""The skip signal in plain Python: loops over categories, and a general optimiser."""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize


def twin_rows(samples, click_item, moments, others, value_of, cut):
    """For each moment: user, label, and one row of numbers for every category."""
    num_values = max(value_of) + 1
    rows = []
    for number in range(len(moments)):
        s, t = int(moments.sample[number]), int(moments.position[number])
        start, here = int(samples.start[s]), int(samples.start[s]) + t
        assert here + 1 < samples.label_end[s]
        label = value_of[click_item[here + 1]]
        short = [value_of[click_item[i]] for i in range(start, here + 1)][::-1]
        first = max(int(samples.long_start[s]), start - 200)
        long = [value_of[click_item[i]] for i in range(first, start)][::-1]
        run = 0
        while run < len(short) and short[run] == short[0]:
            run += 1
        lists = []
        for one in (samples, others):
            place = one.row_start[s] if cut == "session_start" else None
            if place is None:
                place = one.row_now[one.position_offsets[s] + t]
            span = range(int(one.row_offsets[place]), int(one.row_offsets[place + 1]))
            lists.append([value_of[one.row_items[i]] for i in span])
        table = []
        for k in range(num_values):
            a, b = short.count(k), long.count(k)
            mine = run if short[0] == k else 0
            line = [
                float(a > 0),
                math.log(1 + a),
                sum(0.8**age for age, value in enumerate(short) if value == k),
                float(mine > 0),
                math.log(1 + mine),
                float(b > 0),
                math.log(1 + b),
                sum(0.96**age for age, value in enumerate(long) if value == k),
            ]
            for items in lists:
                known = [value for value in items if value >= 0]
                c = known.count(k)
                share = c / max(len(known), 1)
                line += [float(c > 0), math.log(1 + c), share, float(c > 0 and a > 0)]
                line += [float(c > 0 and b > 0)]
            table.append(line)
        rows.append((int(moments.user[number]), label, table))
    return rows


def twin_log_likelihood(weights, log_share, table, label):
    """Log of the chosen category's share of exponentials."""
    scores = [
        weights[0] * log_share[k] + sum(w * x for w, x in zip(weights[1:], table[k], strict=True))
        for k in range(len(table))
    ]
    top = max(scores)
    return scores[label] - top - math.log(sum(math.exp(score - top) for score in scores))


def twin_fit(tables, labels, log_share):
    """Most likely weights under a pull of strength one to popularity alone."""
    tables, labels = np.array(tables), np.array(labels)
    features = np.concatenate(
        [np.broadcast_to(log_share[None, :, None], (*tables.shape[:2], 1)), tables], axis=2
    )
    centre = np.zeros(features.shape[2])
    centre[0] = 1.0

    def loss(weights):
        scores = features @ weights
        scores = scores - scores.max(axis=1, keepdims=True)
        share = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        value = -np.log(share[rows, labels]).sum() + ((weights - centre) ** 2).sum() / 2
        share[rows, labels] -= 1
        return value, np.einsum("nk,nkp->p", share, features) + weights - centre

    return optimize.minimize(loss, centre, jac=True, method="BFGS", options={"gtol": 1e-4}).x
