"""SFAMNet: three attention streams over scene flow, trained for spotting and recognition at once.

Source: Liong, Liong, Chan and See, "SFAMNet: a scene flow attention-based micro-expression network", Neurocomputing
566:126998, 2024, https://doi.org/10.1016/j.neucom.2023.126998, and the authors' released checkpoints. The attention
is CBAM: Woo et al., "CBAM: convolutional block attention module", ECCV 2018.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from melib.errors import InputError
from melib.models.fused import FusedStreams

STREAMS = 3  # one for each plane
FILTERS = 3  # maps in a stream
CHANNELS = STREAMS * FILTERS
FLAT = 8 * 7 * 7
FUSED_AT_ONCE = 64  # samples whose intermediate values are kept together


class AttentionStreams(nn.Module):
    """A residual block with attention for each plane; the three run side by side as groups of one convolution.

    Channels ``3 s .. 3 s + 2`` belong to stream s throughout.
    """

    def __init__(self, attention: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(STREAMS, CHANNELS, 5, padding=2, groups=STREAMS, bias=False)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 5, padding=2, groups=STREAMS, bias=False)
        self.shortcut = nn.Conv2d(STREAMS, CHANNELS, 1, groups=STREAMS, bias=False)
        self.attention = Attention() if attention else None
        # The release creates these and never calls them: they are in its files and in its parameter count.
        self.unused_norms = nn.ModuleList([nn.BatchNorm2d(CHANNELS), nn.BatchNorm2d(CHANNELS), nn.BatchNorm2d(STREAMS)])
        self.fuse = True  # where it can be done; False keeps to PyTorch's own operations

    def forward(self, planes: Tensor) -> Tensor:
        if self.fuse and (weights := self._fusable(planes)):
            return torch.cat([FusedStreams.apply(part, *weights) for part in planes.split(FUSED_AT_ONCE)])
        x = self.conv2(functional.relu(self.conv1(planes)))  # B×9×42×42
        if self.attention is not None:
            x = self.attention(x)
        x = functional.relu(x + self.shortcut(planes))
        return functional.max_pool2d(x, 3)  # B×9×14×14

    def _fusable(self, planes: Tensor) -> list[Tensor]:
        """The weights for :class:`melib.models.fused.FusedStreams` if it can replace the operations above, else []."""
        gate = self.attention
        if gate is None or planes.device.type != "cpu" or planes.requires_grad:
            return []
        weights = [self.conv1.weight, self.conv2.weight, self.shortcut.weight]
        weights += [gate.squeeze.weight, gate.squeeze.bias, gate.expand.weight, gate.expand.bias, gate.where.weight]
        tensors = [planes, *weights]
        # Comparisons hide NaN, so anything that is not finite is left to PyTorch, which passes it on.
        if all(tensor.dtype == torch.float32 and tensor.detach().sum().isfinite() for tensor in tensors):
            return weights
        return []


class Attention(nn.Module):
    """CBAM, within each stream: first which of its maps matter, then where."""

    def __init__(self) -> None:
        super().__init__()
        # The channel gate's perceptron 3 -> 1 -> 3, one for each stream, as grouped 1x1 convolutions.
        self.squeeze = nn.Conv2d(CHANNELS, STREAMS, 1, groups=STREAMS)
        self.expand = nn.Conv2d(STREAMS, CHANNELS, 1, groups=STREAMS)
        self.where = nn.Conv2d(2 * STREAMS, STREAMS, 7, padding=3, groups=STREAMS, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.stack([x.mean((2, 3)), x.amax((2, 3))])  # 2×B×9: both go through the same perceptron
        hidden = functional.relu(self.squeeze(pooled.flatten(0, 1)[:, :, None, None]))
        gate = self.expand(hidden).view_as(pooled).sum(0)  # B×9
        x = x * torch.sigmoid(gate)[:, :, None, None]
        by_stream = x.unflatten(1, (STREAMS, FILTERS))  # B×3×3×42×42
        summary = torch.stack([by_stream.amax(2), by_stream.mean(2)], dim=2).flatten(1, 2)  # B×6×42×42
        where = torch.sigmoid(self.where(summary))  # B×3×42×42
        return (by_stream * where[:, :, None]).flatten(1, 2)


class Head(nn.Module):
    """What stands on the joined streams, once for each task."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(CHANNELS, 8, 5, padding=2)
        self.dense = nn.Linear(FLAT, outputs)

    def forward(self, features: Tensor) -> Tensor:
        x = self.convolution(features)  # B×8×14×14, no rectifier
        x = functional.max_pool2d(x, 3, stride=2, padding=1)  # B×8×7×7
        return self.dense(x.flatten(1))  # B×outputs


class SFAMNet(nn.Module):
    """Scene-flow attention micro-expression network.

    Parameters
    ----------
    classes : int
        Number of logits C: the emotions, and neutral as the last.
    attention : bool
        CBAM in the streams; False is the ablation.
    generator : torch.Generator, optional
        Draws the initial weights as PyTorch does by default: uniform within ``1 / sqrt(fan-in)``, biases too.

    Notes
    -----
    The three streams are groups of one convolution and not three modules, and on a CPU they run fused
    (:mod:`melib.models.fused`): the same numbers in a fraction of the time. With 4 emotions there are 7,249
    parameters, 42 of them in batch normalisations that are never called. What is computed is what the release does.
    """

    def __init__(self, classes: int, *, attention: bool = True, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if classes < 2:
            raise InputError(f"SFAMNet needs at least one emotion beside neutral, got {classes} classes")
        self.classes = classes
        self.attention = attention
        self.streams = AttentionStreams(attention)
        self.spot = Head(1)
        self.recognition = Head(classes)
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                bound = layer.weight[0].numel() ** -0.5
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                if layer.bias is not None:
                    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        # The layout in which narrow convolutions are fastest on a CPU; what they compute follows their weights' layout.
        self.to(memory_format=torch.channels_last)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``(B,)`` between 0 and 1 and emotion logits ``(B, C)`` of planes ``(B, 3, 42, 42)``.

        The planes are scene flow right, down and away, or whatever three the network was trained on.
        """
        features = self.streams(planes)
        return torch.sigmoid(self.spot(features)).squeeze(1), self.recognition(features)
