"""No tensor is made on a device by name: what CUDA needs, shown without CUDA on PyTorch's meta device.

The meta device computes shapes only. An operation between a meta tensor and one made on another device raises, and a
hook looks at every tensor that any operation returns.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from melib.flow import optical_flow, scene_flow
from melib.models import MEAN, SFAMNet
from melib.video import Camera


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


def images(dtype):
    return torch.empty((3, 18, 20), dtype=dtype, device="meta")


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float64])
def test_tvl1_stays_on_the_device_of_its_images(dtype):
    few = {"warps": 1, "iterations": 2}
    with OnlyMeta() as mode:
        flow = optical_flow(images(dtype), images(dtype), method="tvl1", tolerance=0.0, local_mean=2.0, **few)
    assert flow.device.type == "meta" and flow.shape == (3, 2, 18, 20)
    assert mode.strangers == []


def test_scene_flow_stays_on_the_device_of_its_images():
    gray, depth = images(torch.uint8), images(torch.float32)
    camera = Camera(300.0, 300.0, 10.0, 9.0, 20, 18)
    with OnlyMeta() as mode:
        outputs = scene_flow(gray, depth, gray, depth, camera, depth_noise=depth)
    assert [tuple(output.shape) for output in outputs] == [(3, 3, 18, 20), (3, 2, 18, 20), (3, 18, 20)]
    assert all(output.device.type == "meta" for output in outputs)
    assert mode.strangers == []


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
        images(torch.float32) * torch.zeros(())
    assert mode.strangers
