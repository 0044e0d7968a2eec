"""The figures of the networks say what the networks do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from melib.models import MEAN, SFAMNet, mean, sfamnet
from melib.plots import networks as figures


@pytest.mark.parametrize(("name", "channels"), [("MEAN", mean.FEATURES[0]), ("SFAMNet", sfamnet.CHANNELS)])
def test_the_joined_maps_of_the_figure_are_those_of_the_network(name, channels):
    network = MEAN(4) if name == "MEAN" else SFAMNet(5)
    streams = network.shared if name == "MEAN" else network.streams
    joined = streams(torch.zeros(1, 3, 42, 42)).shape[1:]
    words = [text.get_text() for text in figures.architecture(name, "uvs", ("score", "C"), channels).axes[0].texts]
    assert f"joined\n{'×'.join(map(str, joined))}" in words
    assert f"{network.spot.dense.in_features} → score" in words


def test_the_explanation_shows_a_map_for_each_plane():
    rng = np.random.default_rng(0)
    planes, lost = rng.random((2, 3, 42, 42)), rng.random((2, 3, 6, 6)) - 0.5
    shown = [axis.images[0].get_array() for axis in figures.where_it_looks(planes, lost, planes, "uvs").axes[:9]]
    np.testing.assert_allclose(shown[4], lost.mean(0)[1])
    np.testing.assert_allclose(shown[6], planes.mean(0)[0])
