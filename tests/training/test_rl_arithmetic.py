"""Advantages, clipping, KL and GAE against numbers worked out by hand."""

import math

import pytest
import torch

from abcscribe.training.advantages import (
    KlController,
    clipped_policy_loss,
    clipped_value_loss,
    gae,
    group_advantages,
    kl_estimate,
    token_mean,
    whitened,
)

NAN = math.nan


def close(found: torch.Tensor, wanted: list) -> bool:
    return torch.allclose(found, torch.tensor(wanted, dtype=found.dtype), atol=1e-6)


def test_an_advantage_is_the_distance_from_the_group_in_its_spreads() -> None:
    # Means .5 and .4; spreads .5 and sqrt((.01 + .01 + .16 + .04) / 4) is not needed: the second group is (0, .8).
    assert close(group_advantages(torch.tensor([[1.0, 0.0], [0.0, 0.8]])), [[1, -1], [-1, 1]])
    assert close(group_advantages(torch.tensor([[1.0, 0.0], [0.0, 0.8]]), by_spread=False), [[0.5, -0.5], [-0.4, 0.4]])
    root = math.sqrt(2 / 3)  # (1, 2, 3): mean 2, spread sqrt(2 / 3)
    assert close(group_advantages(torch.tensor([[1.0, 2.0, 3.0]])), [[-1 / root, 0, 1 / root]])


def test_equal_answers_and_unscorable_ones_teach_nothing() -> None:
    assert close(group_advantages(torch.tensor([[0.7, 0.7, 0.7]])), [[0, 0, 0]])
    assert close(group_advantages(torch.tensor([[1.0, NAN, 0.0]])), [[1, 0, -1]])
    assert close(group_advantages(torch.tensor([[NAN, NAN], [NAN, 0.5]])), [[0, 0], [0, 0]])


def test_the_clip_takes_away_what_goes_too_far() -> None:
    now = torch.log(torch.tensor([1.5, 1.5, 0.5, 0.5, 1.1]))
    found = clipped_policy_loss(now, torch.zeros(5), torch.tensor([2.0, -2.0, 2.0, -2.0, 1.0]), low=0.2, high=0.3)
    assert close(found.ratio, [1.5, 1.5, 0.5, 0.5, 1.1])
    assert close(found.loss, [-2.6, 3.0, -1.0, 1.6, -1.1])  # min(1.5 * 2, 1.3 * 2), and so on
    assert found.clipped.tolist() == [True, False, False, True, False]


def test_a_clipped_token_has_no_gradient() -> None:
    now = torch.tensor([math.log(1.5), math.log(1.1)], requires_grad=True)
    clipped_policy_loss(now, torch.zeros(2), torch.ones(2)).loss.sum().backward()
    assert now.grad is not None
    assert close(now.grad, [0, -1.1])


def test_the_estimate_of_the_kl() -> None:
    now, reference = torch.log(torch.tensor([0.5, 0.25])), torch.log(torch.tensor([0.25, 0.5]))
    assert close(kl_estimate(now, reference), [0.5 - math.log(0.5) - 1, 2 - math.log(2) - 1])
    # Its expectation is the KL: sum of p (q/p - log q/p - 1) = -sum of p log q/p for p = (.5, .5), q = (.25, .75)
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75])
    assert float((p * kl_estimate(p.log(), q.log())).sum()) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))


def test_gae_of_three_tokens() -> None:
    # Surprises: .6 - .5, .7 - .6, 1 - .7; with lambda a half: .3, .1 + .15, .1 + .125
    rewards, values = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0.5, 0.6, 0.7]])
    advantages, returns = gae(rewards, values, torch.ones(1, 3), discount=1.0, trace=0.5)
    assert close(advantages, [[0.225, 0.25, 0.3]])
    assert close(returns, [[0.725, 0.85, 1.0]])


def test_gae_discounts() -> None:
    # 2 - .5 = 1.5; .9 * .5 - 1 = -.55, + .9 * .5 * 1.5
    advantages, _ = gae(torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.5]]), torch.ones(1, 2), 0.9, 0.5)
    assert close(advantages, [[-0.55 + 0.675, 1.5]])


def test_gae_ends_where_an_answer_ends() -> None:
    rewards, values = torch.tensor([[0.0, 1.0, 9.0]]), torch.tensor([[0.5, 0.5, 9.0]])
    advantages, returns = gae(rewards, values, torch.tensor([[1.0, 1.0, 0.0]]), trace=1.0)
    assert close(advantages, [[0.5, 0.5, 0]])
    assert close(returns, [[1, 1, 0]])


def test_a_value_that_leaps_gets_no_credit_for_it() -> None:
    values, then, returns = torch.tensor([0.9, 0.1]), torch.tensor([0.5, 0.2]), torch.tensor([1.0, 1.0])
    # .5 + .2 = .7 is further from 1 than .9; .1 is within the clip
    assert close(clipped_value_loss(values, then, returns, clip=0.2), [0.5 * 0.09, 0.5 * 0.81])


def test_the_controller_moves_the_weight_towards_the_target() -> None:
    controller = KlController(0.1, target=0.02, horizon=10)
    controller.update(0.022)  # 10 % too much
    assert controller.weight == pytest.approx(0.1 * 1.01)
    controller.update(5.0)  # an outlier counts as 20 %
    assert controller.weight == pytest.approx(0.1 * 1.01 * 1.02)
    fixed = KlController(0.1, target=None)
    fixed.update(5.0)
    assert fixed.weight == 0.1


def test_a_token_of_a_long_answer_counts_like_any_other() -> None:
    values = torch.tensor([[1.0, 0.0, 0.0], [3.0, 3.0, 3.0]], requires_grad=True)
    mask = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    mean = token_mean(values, mask, 4)
    mean.backward()
    assert float(mean.detach()) == 2.5
    assert values.grad is not None
    assert close(values.grad, [[0.25, 0, 0], [0.25, 0.25, 0.25]])


def test_whitening_ignores_the_padding() -> None:
    assert close(whitened(torch.tensor([[1.0, 3.0, 99.0]]), torch.tensor([[1.0, 1.0, 0.0]])), [[-1, 1, 0]])
