"""SFAMNet: counted, and the fast path of its streams computes what PyTorch's own operations compute."""

import pytest
import torch
from drawn_planes import generator, planes

from melib.models import SFAMNet


@pytest.fixture
def model():
    return SFAMNet(5, generator=generator())


def streams(model, x, fuse):
    model.streams.fuse = fuse
    return model.streams(x)


def test_parameter_count_is_that_of_the_released_files():
    # A stream: 75 + 225 + 3 + gate (3 + 1 + 3 + 3) + 98 = 411, unused norms 14. Heads: 1808 each, 393, 393 an emotion.
    sizes = {SFAMNet(5): 0, SFAMNet(8): 3 * 393, SFAMNet(5, attention=False): -3 * 108}
    for network, more in sizes.items():
        expected = 3 * (411 + 14) + 2 * 1808 + 393 + 5 * 393 + more
        assert sum(parameter.numel() for parameter in network.parameters()) == expected


@pytest.mark.parametrize("n", [1, 37], ids=lambda n: f"{n} samples")
def test_features_and_gradients_are_those_of_separate_operations(model, n):
    x = torch.from_numpy(planes(n)) - 0.5
    weights = [p for name, p in model.streams.named_parameters() if not name.startswith("unused")]
    towards = torch.randn((n, 9, 14, 14), generator=generator(1))
    fused, plain = streams(model, x, True), streams(model, x, False)
    assert type(fused.grad_fn) is not type(plain.grad_fn), "the two paths are different code"
    torch.testing.assert_close(fused, plain, atol=1e-4, rtol=1e-4)
    gradients = (torch.autograd.grad(found, weights, towards) for found in (fused, plain))
    for got, expected in zip(*gradients, strict=True):
        # Where two values are equal to rounding, the paths may name different ones the maximum.
        torch.testing.assert_close(got, expected, atol=1e-3 * expected.abs().max().item(), rtol=0)


def test_the_bits_do_not_depend_on_the_other_samples(model):
    x = torch.from_numpy(planes(40))
    with torch.no_grad():
        together = streams(model, x, True)
        assert torch.equal(together[17:40], streams(model, x[17:40], True))


@pytest.mark.parametrize("where", ["planes", "weights"])
def test_nan_is_passed_on(model, where):
    x = torch.from_numpy(planes(4))
    with torch.no_grad():
        if where == "planes":
            x[2, 0, 5, 5] = torch.nan
        else:
            model.streams.attention.where.weight[0, 0, 0, 0] = torch.nan
        spot, _ = model(x)
    assert torch.isnan(spot).tolist() == ([False, False, True, False] if where == "planes" else [True] * 4)
