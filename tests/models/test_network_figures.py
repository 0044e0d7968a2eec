"""The diagrams of the networks say how the networks are built."""

from __future__ import annotations

import pytest
import torch

from melib.models import MEAN, SFAMNet, mean, sfamnet
from melib.plots.networks import architecture


@pytest.mark.parametrize(("network", "channels"), [(MEAN(4), mean.FEATURES[0]), (SFAMNet(5), sfamnet.CHANNELS)])
def test_the_joined_maps_of_the_diagram_are_those_of_the_network(network, channels):
    streams = network.shared if isinstance(network, MEAN) else network.streams
    joined = streams(torch.zeros(1, 3, 42, 42)).shape[1:]
    drawn = architecture(type(network).__name__, "uvs", ("score", "C"), channels)
    words = [text.get_text() for text in drawn.axes[0].texts]
    assert f"joined\n{'×'.join(map(str, joined))}" in words
    assert f"{network.spot.dense.in_features} → score" in words
