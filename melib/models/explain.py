"""Where a network looks: what its score loses when a part of a plane is hidden, and what SFAMNet's attention passes."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from melib.errors import InputError
from melib.models.inference import check_planes, predict
from melib.models.sfamnet import CHANNELS, SFAMNet


def occlusion(
    model: nn.Module, planes: np.ndarray, *, patch: int = 7, device: str | torch.device = "cpu"
) -> np.ndarray:
    """How much the spotting score falls when a square of one plane is replaced by 0, which means no motion.

    Squares are ``patch`` pixels wide, a divisor of 42. Returns ``(N, 3, 42 / patch, 42 / patch)`` float32, positive
    where the network found evidence. After Zeiler and Fergus, "Visualizing and understanding convolutional networks",
    ECCV 2014.
    """
    check_planes(planes)
    side = planes.shape[-1]
    if patch < 1 or side % patch:
        raise InputError(f"squares of {patch} pixels do not fill a plane of {side}: use a divisor of {side}")
    whole, _ = predict(model, planes, device=device)
    steps = side // patch
    lost = np.empty((len(planes), planes.shape[1], steps, steps), np.float32)
    for plane, row, column in np.ndindex(lost.shape[1:]):
        holed = np.array(planes, np.float32)
        holed[:, plane, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch] = 0
        lost[:, plane, row, column] = whole - predict(model, holed, device=device)[0]
    return lost


def attention_maps(model: SFAMNet, planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What SFAMNet's two gates (CBAM) let by, as shares between 0 and 1.

    Returns the share of each map, plane by plane, ``(N, 3, 3)``, and that of each pixel of each plane,
    ``(N, 3, 42, 42)``; float32.
    """
    check_planes(planes)
    streams = model.streams
    if streams.attention is None:
        raise InputError("this SFAMNet was made with attention=False: it has no attention maps")
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        layer.register_forward_hook(lambda _, __, output, name=name: seen.__setitem__(name, output))
        for name, layer in (("expand", streams.attention.expand), ("where", streams.attention.where))
    ]
    fuse, streams.fuse = streams.fuse, False  # the fused computation does not call the layers one by one
    try:
        with torch.inference_mode():
            streams(torch.from_numpy(np.array(planes, np.float32)).to(streams.conv1.weight.device))
    finally:
        streams.fuse = fuse
        for hook in hooks:
            hook.remove()
    # The perceptron saw the mean and the maximum of each map, one after the other; their answers add up.
    channels = torch.sigmoid(seen["expand"].view(2, len(planes), CHANNELS).sum(0))
    places = torch.sigmoid(seen["where"])
    return channels.unflatten(1, (3, -1)).cpu().numpy(), places.cpu().numpy()
