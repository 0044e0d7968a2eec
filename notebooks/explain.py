"""How the two networks are built, and where one looks: what hiding a part costs, what SFAMNet's attention passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from melib.errors import InputError
from melib.models.inference import check_planes, predict
from melib.models.sfamnet import CHANNELS, SFAMNet
from melib.plots.style import COLOURS, figure

#: The stages of each network: what stands in the stream of every plane, what in each of the two heads, and their names.
STAGES = {
    "MEAN": (
        ("conv 5×5\nReLU", "batch norm", "max-pool 3\ndropout .3"),
        ("conv 5×5 → 8\nReLU", "max-pool 2\ndropout .2", "392 → "),
        ("1. spotting head", "2. recognition head,\non the frozen streams"),
    ),
    "SFAMNet": (
        ("conv 5×5, ReLU\nconv 5×5", "CBAM\n+ shortcut, ReLU", "max-pool 3"),
        ("conv 5×5 → 8", "max-pool 3\nstride 2", "392 → "),
        ("spotting head", "recognition head,\ntrained together"),
    ),
}


def occlusion(
    model: nn.Module, planes: np.ndarray, *, patch: int = 7, device: str | torch.device = "cpu"
) -> np.ndarray:
    """How much the spotting score falls when a square of one plane, ``patch`` pixels wide, is replaced by 0.

    ``(N, 3, 42 / patch, 42 / patch)`` float32, positive where the network found evidence. After Zeiler and Fergus,
    "Visualizing and understanding convolutional networks", ECCV 2014.
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
    """What share SFAMNet's two gates (CBAM) let by of each map ``(N, 3, 3)`` and of each pixel ``(N, 3, 42, 42)``."""
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


def architecture(name: str, planes: Sequence[str], outputs: tuple[str, str], channels: int) -> Figure:
    """The stages of MEAN or SFAMNet from left to right: three streams, joined to ``channels`` maps, and two heads."""
    stream, head, titles = STAGES[name]
    fig, axis = figure(height=3.2)
    axis.set(xlim=(-0.5, 8.0), ylim=(-0.6, 2.6), title=name)
    axis.axis("off")

    def line(start: tuple[float, float], end: tuple[float, float]) -> None:
        look = {"arrowstyle": "-", "color": COLOURS["score"], "linewidth": 0.9}
        axis.annotate("", end, start, arrowprops=look, zorder=1)

    def boxes(y: float, texts: Sequence[str], colours: Sequence[str], *, start: float, step: float) -> None:
        for number, (text, colour) in enumerate(zip(texts, colours, strict=True)):
            x, edge = start + number * step, {"edgecolor": COLOURS["score"], "linewidth": 0.8}
            box = {"boxstyle": "round,pad=0.35", "facecolor": colour, **edge}
            axis.text(x, y, text, ha="center", va="center", fontsize=6.6, bbox=box, zorder=2)
            if number:
                line((x - step, y), (x, y))

    for row, words in zip((2, 1, 0), planes, strict=True):
        boxes(row, (f"{words}\n42×42", *stream), ("white", *[COLOURS["fourth"]] * 3), start=0, step=1)
        line((3, row), (4, 1))
    boxes(1, (f"joined\n{channels}×14×14",), ("white",), start=4, step=1)
    rows = zip((1.7, 0.3), (2.2, -0.25), outputs, titles, ("second", "third"), strict=True)
    for row, above, words, title, colour in rows:
        axis.text(6.05, above, title, ha="center", va="center", fontsize=8)
        line((4, 1), (5, row))
        boxes(row, (*head[:2], head[2] + words), [COLOURS[colour]] * 3, start=5, step=1.05)
    return fig
