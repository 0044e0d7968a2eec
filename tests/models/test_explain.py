"""Explanations against networks whose reasons are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from melib.models import SFAMNet
from melib.models.explain import attention_maps, occlusion


def planes(n):
    return np.random.default_rng(0).random((n, 3, 42, 42), dtype=np.float32)


class LooksAtOnePlace(nn.Module):
    """Its score is the sum of rows 7 to 13, columns 28 to 34 of plane 2."""

    classes = 2

    def forward(self, x):
        return x[:, 2, 7:14, 28:35].sum((1, 2)), torch.zeros(len(x), 2)


def test_hiding_a_place_costs_exactly_what_the_network_saw_there():
    x = planes(3)
    expected = np.zeros((3, 3, 6, 6), np.float32)
    expected[:, 2, 1, 4] = x[:, 2, 7:14, 28:35].sum((1, 2))
    np.testing.assert_allclose(occlusion(LooksAtOnePlace(), x), expected, atol=1e-4)


def test_the_attention_maps_are_what_the_network_multiplies_by():
    model = SFAMNet(5, generator=torch.Generator().manual_seed(0)).eval()
    x = planes(4)
    channels, places = attention_maps(model, x)
    assert channels.shape == (4, 3, 3) and places.shape == (4, 3, 42, 42)
    streams, given = model.streams, torch.from_numpy(x)
    with torch.inference_mode():
        maps = streams.conv2(functional.relu(streams.conv1(given))).unflatten(1, (3, 3))
        gated = maps * torch.from_numpy(channels)[..., None, None] * torch.from_numpy(places)[:, :, None]
        rebuilt = functional.max_pool2d(functional.relu(gated.flatten(1, 2) + streams.shortcut(given)), 3)
        assert streams.fuse
        torch.testing.assert_close(rebuilt, streams(given), atol=1e-5, rtol=1e-4)


def test_what_cannot_be_explained_is_refused():
    with pytest.raises(ValueError, match="squares of 5 pixels do not fill a plane of 42"):
        occlusion(LooksAtOnePlace(), planes(1), patch=5)
    with pytest.raises(ValueError, match="attention=False"):
        attention_maps(SFAMNet(5, attention=False), planes(1))
