"""SFAMNet: counted, and compared with the network built stream by stream from its description."""

import pytest
import torch
from drawn_planes import generator, planes
from torch.nn import functional

from melib.models import SFAMNet


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_parameter_count_is_that_of_the_released_files():
    # A stream: 75 + 225 + 3 + gate (3 + 1 + 3 + 3) + 98 = 411, unused norms 14. Heads: 1808 each, 393, 393 an emotion.
    assert count(SFAMNet(5)) == 3 * (411 + 14) + 2 * 1808 + 393 + 5 * 393 == 7249
    assert count(SFAMNet(8)) == 7249 + 3 * 393
    assert count(SFAMNet(5, attention=False)) == 7249 - 3 * 108


@pytest.mark.parametrize("attention", [True, False])
def test_grouped_streams_equal_three_streams_one_after_the_other(attention):
    model = SFAMNet(5, attention=attention, generator=generator()).double().eval()
    weights = model.state_dict()
    x = torch.from_numpy(planes(3)).double()

    def stream(s):
        def part(name, size):
            return weights[f"streams.{name}"][size * s : size * (s + 1)]

        plane = x[:, s : s + 1]
        y = functional.conv2d(
            functional.relu(functional.conv2d(plane, part("conv1.weight", 3), padding=2)),
            part("conv2.weight", 3),
            padding=2,
        )
        if attention:
            squeeze = part("attention.squeeze.weight", 1)[:, :, 0, 0].T
            expand = part("attention.expand.weight", 3)[:, :, 0, 0].T
            gate = 0
            for pooled in (y.mean((2, 3)), y.amax((2, 3))):
                hidden = functional.relu(pooled @ squeeze + part("attention.squeeze.bias", 1))
                gate = gate + hidden @ expand + part("attention.expand.bias", 3)
            y = y * torch.sigmoid(gate)[:, :, None, None]
            summary = torch.cat([y.amax(1, keepdim=True), y.mean(1, keepdim=True)], 1)
            y = y * torch.sigmoid(functional.conv2d(summary, part("attention.where.weight", 1), padding=3))
        y = functional.relu(y + functional.conv2d(plane, part("shortcut.weight", 3)))
        return functional.max_pool2d(y, 3)

    def head(name):
        y = functional.conv2d(
            features, weights[f"{name}.convolution.weight"], weights[f"{name}.convolution.bias"], padding=2
        )
        y = functional.max_pool2d(y, 3, 2, 1).flatten(1)
        return y @ weights[f"{name}.dense.weight"].T + weights[f"{name}.dense.bias"]

    features = torch.cat([stream(s) for s in range(3)], 1)
    spot, logits = model(x)
    torch.testing.assert_close(spot, torch.sigmoid(head("spot"))[:, 0], atol=1e-12, rtol=0)
    torch.testing.assert_close(logits, head("recognition"), atol=1e-12, rtol=0)
