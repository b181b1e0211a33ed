"""From samples to batches of arrays: padded clicks, ragged unclicked lists, labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unclicked.data.catalogue import Catalogue
from unclicked.data.long_term import distinct_values
from unclicked.data.rules import Samples

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """B samples and R of their positions (rows); items are places in `items`.

    Attributes:
        items: int64 [n], distinct item indices of the batch, ascending; the first is 0, padding.
        clicked: int64 [B, T], places of the short-term clicks, 0 beyond the last.
        mask: bool [B, T], True at a click.
        long_items: int64 [B, M], places of the distinct long-term items.
        long_fields: Field name to int64 [B, M_f], numbers of its distinct long-term values.
        user: int64 [B], row of the user plus one; 0 is an unknown user.
        profile: int64 [B, P], numbers of the profile values.
        row_sample: int64 [R], sample of each row.
        row_position: int64 [R], position of each row.
        row_is_last: bool [R], True at a sample's last trained position.
        unclicked: int64, places of the unclicked items of L distinct lists; rows share lists.
        unclicked_offsets: int64 [L + 1], where each list begins.
        unclicked_counts: int32, showings of each.
        unclicked_list: int64 [R], list of each row.
        labels: int64 [R, K], item indices of the next clicks, 0 where there are fewer.
    """

    items: Ints
    clicked: Ints
    mask: NDArray[np.bool_]
    long_items: Ints
    long_fields: dict[str, Ints]
    user: Ints
    profile: Ints
    row_sample: Ints
    row_position: Ints
    row_is_last: NDArray[np.bool_]
    unclicked: Ints
    unclicked_offsets: Ints
    unclicked_counts: NDArray[np.int32]
    unclicked_list: Ints
    labels: Ints

    def label_places(self) -> Ints:
        """Places of the labels in `items`, int64 [R, K]."""
        return np.searchsorted(self.items, self.labels)


@dataclass(frozen=True)
class BatchBuilder:
    """What batches are cut from.

    Attributes:
        samples: Samples of one split.
        click_item: int32 [C], item index of every click.
        catalogue: The items and their fields.
        profiles: int32 [U, P].
        max_long: Long-term values kept.
        num_labels: K.
        cut: Which unclicked list a row gets.
        rows: "all" positions with a label, the "last" of them, the "final" click where it has a
            label, or the "query": the final click, which needs none.
        need_unclicked: Whether unclicked lists are looked up at all.
        long: Which long-term lists are made: of "fields", of "items", "none" or "both"; one that is
            not made has no column.
        new_users: Whether `samples.user` counts rows of `profiles` only: nobody's id is known.
    """

    samples: Samples
    click_item: NDArray[np.int32]
    catalogue: Catalogue
    profiles: NDArray[np.int32]
    max_long: int
    num_labels: int
    cut: Literal["session_start", "now"]
    rows: Literal["all", "last", "final", "query"]
    need_unclicked: bool = True
    new_users: bool = False
    long: str = "both"

    def build(self, chosen: Ints) -> Batch:
        """The batch of some samples.

        Args:
            chosen: int64 [B], numbers of samples.

        Returns:
            Their batch.
        """
        samples = self.samples
        start, end = samples.start[chosen], samples.end[chosen]
        length = end - start
        time = np.arange(int(length.max()))
        mask = time < length[:, None]
        clicked = np.where(
            mask, self.click_item[np.where(mask, start[:, None] + time, 0)], 0
        ).astype(np.int64)
        row_sample, row_position, labels = self._rows(chosen, mask)
        flat, offsets, counts, lists = self._unclicked(chosen[row_sample], row_position)
        long_fields, long_items = self._long(samples.long_start[chosen], start)
        items = _distinct([np.zeros(1), clicked, flat, long_items, labels])
        user = samples.user[chosen]
        return Batch(
            items=items,
            clicked=np.searchsorted(items, clicked),
            mask=mask,
            long_items=np.searchsorted(items, long_items),
            long_fields=long_fields,
            user=np.zeros_like(user) if self.new_users else user + 1,
            profile=self.profiles[user].astype(np.int64),
            row_sample=row_sample,
            row_position=row_position,
            row_is_last=_changes_after(row_sample),
            unclicked=np.searchsorted(items, flat),
            unclicked_offsets=offsets,
            unclicked_counts=counts,
            unclicked_list=lists,
            labels=labels,
        )

    def _rows(self, chosen: Ints, mask: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
        """Rows of the batch and their labels."""
        samples = self.samples
        if self.rows == "query":
            sample = np.arange(len(chosen))
            position = samples.end[chosen] - samples.start[chosen] - 1
            return sample, position, np.zeros((len(chosen), self.num_labels), dtype=np.int64)
        after = samples.start[chosen][:, None] + np.arange(mask.shape[1]) + 1
        valid = mask & (after < samples.label_end[chosen][:, None])
        if self.rows == "final":
            valid[:, :-1] &= ~mask[:, 1:]
        if self.rows == "last":
            valid &= np.cumsum(valid, axis=1) == valid.sum(axis=1)[:, None]
        sample, position = np.nonzero(valid)
        at = after[sample, position][:, None] + np.arange(self.num_labels)
        there = at < samples.label_end[chosen][sample][:, None]
        labels = np.where(there, self.click_item[np.where(there, at, 0)], 0)
        return sample, position, labels.astype(np.int64)

    def _unclicked(
        self, sample: Ints, position: Ints
    ) -> tuple[Ints, Ints, NDArray[np.int32], Ints]:
        """Items of the distinct lists one after the other, where each begins, showings; row's list.

        All rows of a sample have one list where it is cut at the session's start, and rows with no
        showing between them have one where it is not: each is read and averaged once.
        """
        samples = self.samples
        if not self.need_unclicked:
            nothing = np.zeros(0, dtype=np.int64)
            lists = np.zeros(len(sample), dtype=np.int64)
            return nothing, np.zeros(2, dtype=np.int64), nothing.astype(np.int32), lists
        if self.cut == "session_start":
            row = samples.row_start[sample]
        else:
            row = samples.row_now[samples.position_offsets[sample] + position]
        row, lists = np.unique(row, return_inverse=True)
        begin, length = samples.row_offsets[row], samples.row_offsets[row + 1]
        length = length - begin
        offsets = np.zeros(len(row) + 1, dtype=np.int64)
        np.cumsum(length, out=offsets[1:])
        place = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], length)
        items = samples.row_items[place].astype(np.int64)
        return items, offsets, samples.row_counts[place], lists

    @cached_property
    def _id_field(self) -> tuple[Ints, NDArray[np.int32]]:
        """The id as if it were a field: item k has the one value k, item 0 has none."""
        count = len(self.catalogue.items)
        offsets = np.maximum(np.arange(count + 3) - 1, 0)
        return offsets, np.arange(1, count + 2, dtype=np.int32)

    def _long(self, begin: Ints, end: Ints) -> tuple[dict[str, Ints], Ints]:
        """Distinct long-term values of every field, and the distinct long-term items."""
        count = len(self.catalogue.items)
        offsets, codes = self._id_field
        nothing = np.zeros((len(begin), 0), dtype=np.int64)
        if self.long == "none":
            return {}, nothing
        items = distinct_values(
            begin, end, self.click_item, offsets, codes, self.max_long, count + 1
        )
        if self.long == "items":
            return {}, items
        fields = {"item_id": items}
        for name, field in self.catalogue.fields.items():
            fields[name] = distinct_values(
                begin,
                end,
                self.click_item,
                field.offsets,
                field.codes,
                self.max_long,
                field.vocabulary.unknown,
            )
        # No item vector is asked for that nobody will look at.
        return fields, nothing if self.long == "fields" else items


def _changes_after(values: Ints) -> NDArray[np.bool_]:
    """True where the next value is another one, and at the end."""
    result = np.ones(len(values), dtype=np.bool_)
    result[:-1] = values[1:] != values[:-1]
    return result


def _distinct(parts: list[NDArray[Any]]) -> Ints:
    """Distinct values, ascending; a plain sort is much faster here than numpy's own unique."""
    joined = np.concatenate([part.ravel() for part in parts]).astype(np.int64)
    joined.sort()
    distinct: Ints = joined[np.append(True, joined[1:] != joined[:-1])]
    return distinct


def bucketed_order(length: Ints, num_buckets: int, batch_size: int, seed: int) -> list[Ints]:
    """Batches of one epoch, each from one length bucket, in an order fixed by the seed alone.

    Args:
        length: int64 [S], short-term length of each sample.
        num_buckets: Number of buckets.
        batch_size: Samples in a batch; the last of each bucket may be smaller.
        seed: Seed of the order, different in every epoch.

    Returns:
        Numbers of the samples of each batch; every sample occurs once.

    Source: bucket width (max_length + num_buckets - 1) // num_buckets of the official SDM code.
    Differs: an epoch visits every sample exactly once; the official code repeats and shuffles a
        buffer.

    Example:
        >>> batches = bucketed_order(np.array([1, 9, 1, 9]), 5, 2, seed=0)
        >>> sorted(sorted(batch.tolist()) for batch in batches)
        [[0, 2], [1, 3]]
    """
    rng = np.random.default_rng(seed)
    longest = int(length.max(initial=1))
    width = (longest + num_buckets - 1) // num_buckets
    shuffled = rng.permutation(len(length))
    bucket = np.minimum(num_buckets, length[shuffled] // width)
    batches = []
    for number in np.unique(bucket):
        inside = shuffled[bucket == number]
        batches.extend(np.array_split(inside, range(batch_size, len(inside), batch_size)))
    return [batches[index] for index in rng.permutation(len(batches))]


def in_order(count: int, batch_size: int) -> Iterator[Ints]:
    """Samples one after the other, for judging.

    Args:
        count: Number of samples.
        batch_size: Samples in a batch.

    Yields:
        int64 numbers of samples.
    """
    for begin in range(0, count, batch_size):
        yield np.arange(begin, min(begin + batch_size, count))
