"""No tensor is made on a device by name: what CUDA needs, shown without CUDA on PyTorch's meta device.

The meta device computes shapes only. An operation between a meta tensor and one made on another device raises, and a
hook looks at every tensor that any operation returns.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from melib.models import MEAN, SFAMNet


class OnlyMeta(TorchDispatchMode):
    """Collects the operations that return a tensor elsewhere than on the meta device."""

    def __init__(self):
        super().__init__()
        self.strangers = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor) and leaf.device.type != "meta":
                self.strangers.append(str(function))
        return result


@pytest.mark.parametrize("network", [MEAN(4), MEAN(4, transfer=False), SFAMNet(5), SFAMNet(5, attention=False)])
def test_a_network_stays_on_the_device_of_its_planes(network):
    network = network.to("meta")
    with OnlyMeta() as mode:
        spot, logits = network(torch.empty((3, 3, 42, 42), device="meta"))
    assert spot.device.type == logits.device.type == "meta"
    assert (spot.shape, logits.shape) == ((3,), (3, network.classes))
    assert mode.strangers == []


def test_the_hook_sees_a_tensor_made_elsewhere():
    with OnlyMeta() as mode:
        torch.empty(3, device="meta") * torch.zeros(())
    assert mode.strangers
