"""Explanations against networks whose reasons are known."""

import numpy as np
import pytest
import torch
from explain import architecture, attention_maps, occlusion
from refusing import refused
from torch import nn
from torch.nn import functional

from melib.models import SFAMNet

PLANES = np.random.default_rng(0).random((3, 3, 42, 42), dtype=np.float32)


class LooksAtOnePlace(nn.Module):
    """Its score is the sum of rows 7 to 13, columns 28 to 34 of plane 2."""

    classes = 2

    def forward(self, x):
        return x[:, 2, 7:14, 28:35].sum((1, 2)), torch.zeros(len(x), 2)


def test_hiding_a_place_costs_exactly_what_the_network_saw_there():
    expected = np.zeros((3, 3, 6, 6), np.float32)
    expected[:, 2, 1, 4] = PLANES[:, 2, 7:14, 28:35].sum((1, 2))
    np.testing.assert_allclose(occlusion(LooksAtOnePlace(), PLANES), expected, atol=1e-4)
    refused("squares of 5 pixels do not fill a plane of 42", occlusion, LooksAtOnePlace(), PLANES, patch=5)


def test_the_attention_maps_are_what_the_network_multiplies_by():
    model = SFAMNet(5, generator=torch.Generator().manual_seed(0)).eval()
    channels, places = attention_maps(model, PLANES)
    assert channels.shape == (3, 3, 3) and places.shape == (3, 3, 42, 42)
    streams, given = model.streams, torch.from_numpy(PLANES)
    with torch.inference_mode():
        maps = streams.conv2(functional.relu(streams.conv1(given))).unflatten(1, (3, 3))
        gated = maps * torch.from_numpy(channels)[..., None, None] * torch.from_numpy(places)[:, :, None]
        rebuilt = functional.max_pool2d(functional.relu(gated.flatten(1, 2) + streams.shortcut(given)), 3)
        assert streams.fuse
        torch.testing.assert_close(rebuilt, streams(given), atol=1e-5, rtol=1e-4)
    refused("attention=False", attention_maps, SFAMNet(5, attention=False), PLANES)


@pytest.mark.parametrize("name", ["MEAN", "SFAMNet"])
def test_the_diagram_joins_the_planes_and_ends_in_both_outputs(name):
    words = [text.get_text() for text in architecture(name, ("a", "b", "c"), ("one", "five"), 24).axes[0].texts]
    assert {"a\n42×42", "b\n42×42", "c\n42×42", "joined\n24×14×14", "392 → one", "392 → five"} <= set(words)
