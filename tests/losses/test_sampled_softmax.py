"""The loss against worked numbers, a loop over rows, and the full softmax as its limit."""

from __future__ import annotations

import math

import pytest
import torch

from unclicked.errors import UserError
from unclicked.losses.sampled_softmax import refined_softmax, sampled_softmax
from unclicked.sampling import LogUniform

ITEMS = torch.tensor([[0.5, 0.1], [-0.3, 0.4], [0.2, -0.6], [0.9, 0.3], [-0.7, -0.2], [0.0, 1.0]])
USERS = torch.tensor([[1.0, -0.5], [0.2, 0.8]])


def worked(labels, removal=True):
    """The worked example: six items by rank, so row rank + 1 of the table; three negatives."""
    sampler = LogUniform(6)
    table = torch.cat([torch.zeros(1, 2), ITEMS])
    counts = sampler.expected_count(torch.arange(6), 5)
    assert counts.tolist() == pytest.approx(
        [0.889406, 0.689103, 0.550627, 0.456101, 0.388534, 0.338112], abs=5e-7
    )
    log_counts = torch.log(counts).float()
    negatives = torch.tensor([0, 1, 4])
    label = torch.tensor(labels)
    if not removal:
        # A twin of the hit item under another row of the table is no hit any more.
        table = torch.cat([table, table[1:2]])
    negative_rows = negatives + 1 if removal else torch.tensor([7, 2, 5])
    return sampled_softmax(
        USERS, label + 1, torch.ones_like(label, dtype=torch.bool), negative_rows, table,
        log_counts[label], log_counts[negatives],
    )  # fmt: skip


def test_worked_example():
    loss = worked([[0, 3], [5, 5]])
    assert loss.tolist() == pytest.approx([1.111919, 1.022488], abs=2e-6)
    assert float(loss.mean()) == pytest.approx(1.067203, abs=2e-6)


def test_worked_example_without_removal_of_the_hit():
    assert float(worked([[0, 3], [5, 5]], removal=False)[0]) == pytest.approx(1.296520, abs=2e-6)


def naive(user, labels, negatives, table, log_labels, log_negatives):
    losses = []
    for r in range(len(user)):
        terms, true = [], []
        for k, label in enumerate(labels[r]):
            logit = float(user[r] @ table[label]) - float(log_labels[r][k])
            terms.append(logit)
            true.append(logit)
        for s, negative in enumerate(negatives):
            if negative not in labels[r]:
                terms.append(float(user[r] @ table[negative]) - float(log_negatives[s]))
        losses.append(
            math.log(sum(math.exp(x) for x in terms)) - sum(true) / len(true) if true else 0.0
        )
    return losses


def test_equals_a_loop_over_rows_with_any_number_of_labels():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        table = torch.randn(21, 4, generator=generator, dtype=torch.float64)
        user = torch.randn(6, 4, generator=generator, dtype=torch.float64)
        labels = torch.randint(1, 21, (6, 5), generator=generator)
        count = torch.randint(0, 6, (6,), generator=generator)
        mask = torch.arange(5) < count[:, None]
        negatives = torch.randperm(20, generator=generator)[:7] + 1
        log_l = torch.randn(6, 5, generator=generator, dtype=torch.float64)
        log_n = torch.randn(7, generator=generator, dtype=torch.float64)
        found = sampled_softmax(user, labels, mask, negatives, table, log_l, log_n)
        rows = [labels[r, : count[r]].tolist() for r in range(6)]
        expected = naive(user, rows, negatives.tolist(), table, log_l, log_n)
        assert found.tolist() == pytest.approx(expected, abs=1e-10)


def test_the_whole_catalogue_is_the_full_softmax():
    generator = torch.Generator().manual_seed(5)
    table = torch.randn(31, 8, generator=generator)
    user = torch.randn(9, 8, generator=generator)
    label = torch.randint(1, 31, (9, 1), generator=generator)
    sampler = LogUniform(30)
    drawn = sampler.draw(30, generator)
    loss = sampled_softmax(
        user, label, torch.ones(9, 1, dtype=torch.bool), drawn.index, table,
        sampler.log_expected(label, drawn), drawn.log_expected,
    )  # fmt: skip
    expected = torch.nn.functional.cross_entropy(
        user @ table[1:].T, label[:, 0] - 1, reduction="none"
    )
    assert torch.allclose(loss, expected, atol=1e-5)


def test_five_equal_labels_never_go_below_ln_5():
    table = torch.zeros(7, 2)
    table[1] = 40.0
    loss = sampled_softmax(
        torch.ones(1, 2), torch.ones(1, 5, dtype=torch.int64), torch.ones(1, 5, dtype=torch.bool),
        torch.tensor([2, 3]), table, torch.zeros(1, 5), torch.zeros(2),
    )  # fmt: skip
    assert float(loss) == pytest.approx(math.log(5), abs=1e-5)


def test_gradients_in_float64():
    generator = torch.Generator().manual_seed(2)
    table = torch.randn(9, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    user = torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(1, 9, (4, 3), generator=generator)
    mask = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 0]], dtype=torch.bool)
    negatives = torch.tensor([1, 4, 7, 8])

    def loss(user, table):
        zeros = torch.zeros(4, 3, dtype=torch.float64)
        return sampled_softmax(
            user, labels, mask, negatives, table, zeros, torch.zeros(4, dtype=torch.float64)
        )

    assert torch.autograd.gradcheck(loss, (user, table))


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(UserError, match=r"user \(2, 3\)"):
        sampled_softmax(
            torch.zeros(2, 3), torch.ones(2, 1, dtype=torch.int64),
            torch.ones(2, 1, dtype=torch.bool), torch.tensor([1]), torch.zeros(4, 2),
            torch.zeros(2, 1), torch.zeros(1),
        )  # fmt: skip


def test_gradients_of_items_named_often_are_the_same_bits_with_two_threads() -> None:
    generator = torch.Generator().manual_seed(4)
    user = torch.randn(2000, 16, generator=generator)
    vectors = torch.randn(40, 16, generator=generator, requires_grad=True)
    labels = torch.randint(1, 40, (2000, 5), generator=generator)
    logged = torch.zeros(2000, 5)
    threads, found = torch.get_num_threads(), set()
    torch.set_num_threads(2)
    try:
        for _ in range(10):
            negatives = torch.arange(1, 20)
            loss = sampled_softmax(
                user, labels, labels > 0, negatives, vectors, logged, torch.zeros(19)
            )
            (gradient,) = torch.autograd.grad(loss.mean(), vectors)
            found.add(gradient.numpy().tobytes())
    finally:
        torch.set_num_threads(threads)
    assert len(found) == 1


def refined_by_a_loop(user, labels, negatives, table, chances, log_expected):
    """The published form: 1 - p without a gradient, times the loss against others alone."""
    losses = []
    for r in range(len(user)):
        of_labels = []
        for k, label in enumerate(labels[r]):
            if label == 0:
                continue
            others = [
                user[r] @ table[one] - log_expected[s] + math.log(1 - float(chances[r][k]))
                for s, one in enumerate(negatives)
                if one not in labels[r]
            ]
            total = torch.logsumexp(torch.stack(others), dim=0)
            score = user[r] @ table[label]
            part = torch.exp(score) / (torch.exp(score) + torch.exp(total))
            of_labels.append((1 - part.detach()) * (total - score))
        losses.append(torch.stack(of_labels).mean())
    return torch.stack(losses)


def test_refined_has_the_gradients_of_the_published_form():
    generator = torch.Generator().manual_seed(4)
    sampler = LogUniform(9)
    labels = torch.tensor([[3, 0], [2, 7], [9, 1]])
    negatives = torch.tensor([1, 2, 5, 8])
    expected = torch.log(sampler.expected_count(negatives - 1, 6, 4))
    chances = sampler.probability((labels - 1).clamp(min=0))
    found = []
    for refined in (True, False):
        user = torch.randn(3, 4, generator=generator.manual_seed(5), dtype=torch.float64)
        table = torch.randn(10, 4, generator=generator.manual_seed(6), dtype=torch.float64)
        user.requires_grad_()
        table.requires_grad_()
        given = (user, labels, negatives, table, chances, expected)
        loss = (
            refined_softmax(user, labels, labels > 0, *given[2:])
            if refined
            else refined_by_a_loop(*given)
        )
        loss.sum().backward()
        found.append((user.grad, table.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
        assert float(one.abs().max()) > 0.1


def test_refined_of_the_whole_catalogue_is_the_full_softmax():
    table = torch.cat([torch.zeros(1, 2), ITEMS])
    label = torch.tensor([[4], [1]])
    loss = refined_softmax(
        USERS, label, label > 0, torch.arange(1, 7), table, torch.zeros(2, 1), torch.zeros(6)
    )
    full = torch.nn.functional.cross_entropy(USERS @ ITEMS.T, label[:, 0] - 1, reduction="none")
    torch.testing.assert_close(loss, full)


def test_refined_with_nothing_left_to_tell_from_is_zero():
    table = torch.cat([torch.zeros(1, 2), ITEMS]).requires_grad_()
    labels = torch.tensor([[4, 1], [2, 0]])
    loss = refined_softmax(
        USERS, labels, labels > 0, torch.tensor([1, 4]), table, torch.zeros(2, 2), torch.zeros(2)
    )
    loss.sum().backward()
    first, second = loss.detach().tolist()
    assert first == 0 < second
    assert bool(torch.isfinite(table.grad).all())
