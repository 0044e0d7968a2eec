"""The fast path of SFAMNet's streams computes what PyTorch's own operations compute."""

import numpy as np
import pytest
import torch

from melib.models import SFAMNet


@pytest.fixture
def model():
    return SFAMNet(5, generator=torch.Generator().manual_seed(0))


def planes(n, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 1, (n, 3, 42, 42)).astype(np.float32))


def streams(model, x, fuse):
    model.streams.fuse = fuse
    return model.streams(x)


@pytest.mark.parametrize("n", [1, 16, 37], ids=lambda n: f"{n} samples")
def test_features_and_gradients_are_those_of_separate_operations(model, n):
    x = planes(n)
    weights = [p for name, p in model.streams.named_parameters() if not name.startswith("unused")]
    towards = torch.randn((n, 9, 14, 14), generator=torch.Generator().manual_seed(1))
    fused, plain = streams(model, x, True), streams(model, x, False)
    assert type(fused.grad_fn) is not type(plain.grad_fn), "the two paths are different code"
    torch.testing.assert_close(fused, plain, atol=1e-4, rtol=1e-4)
    for got, expected in zip(
        torch.autograd.grad(fused, weights, towards), torch.autograd.grad(plain, weights, towards), strict=True
    ):
        # Where two values are equal to rounding, the paths may name different ones the maximum.
        torch.testing.assert_close(got, expected, atol=1e-3 * expected.abs().max().item(), rtol=0)


def test_gradients_agree_with_finite_differences(model):
    """Independent of autograd: the loss along a random direction in all weights, by central differences in float64."""
    x = planes(3)
    names = [name for name, _ in model.streams.named_parameters() if not name.startswith("unused")]
    weights = [model.streams.get_parameter(name) for name in names]
    towards = torch.randn((3, 9, 14, 14), generator=torch.Generator().manual_seed(1))
    directions = [torch.randn(w.shape, generator=torch.Generator().manual_seed(i)) for i, w in enumerate(weights)]
    gradients = torch.autograd.grad(streams(model, x, True), weights, towards)
    slope = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True)).item()
    model.double()

    def loss(step):
        with torch.no_grad():
            for weight, direction in zip(weights, directions, strict=True):
                weight += step * direction
            value = (model.streams(x.double()) * towards).sum().item()
            for weight, direction in zip(weights, directions, strict=True):
                weight -= step * direction
        return value

    assert slope == pytest.approx((loss(1e-7) - loss(-1e-7)) / 2e-7, rel=1e-3)


def test_the_bits_do_not_depend_on_the_other_samples(model):
    x = planes(40)
    with torch.no_grad():
        together = streams(model, x, True)
        assert torch.equal(together[17:40], streams(model, x[17:40], True))


@pytest.mark.parametrize("where", ["planes", "weights"])
def test_nan_is_passed_on(model, where):
    x = planes(4)
    with torch.no_grad():
        if where == "planes":
            x[2, 0, 5, 5] = torch.nan
        else:
            model.streams.attention.where.weight[0, 0, 0, 0] = torch.nan
        spot, _ = model(x)
    assert torch.isnan(spot).any()
    if where == "planes":
        assert torch.isnan(spot).tolist() == [False, False, True, False]


def test_saliency_can_be_taken_through_the_planes(model):
    x = planes(2).requires_grad_()
    model(x)[0].sum().backward()
    assert x.grad.abs().sum() > 0
