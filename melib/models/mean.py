"""MEAN: a shallow three-stream network with two outputs, spotting and recognition.

Source: Liong, See and Chan, "Spot-then-recognize: a micro-expression analysis network for seamless evaluation of long
videos", Signal Processing: Image Communication 110:116875, 2023, doi:10.1016/j.image.2022.116875; the released graph.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from melib.errors import InputError

FILTERS = (3, 3, 8)  # of the streams u, v and optical strain
STREAM_PENALTY = 1e-3  # L2 on the kernels of the streams
HEAD_PENALTY = 1e-1  # L2 on the kernels of the two 5x5 head convolutions
STREAM_DROPOUT = 0.3
HEAD_DROPOUT = 0.2
FEATURES = (sum(FILTERS), 14, 14)  # what the shared module hands to a head
FLAT = 8 * 7 * 7


class Streams(nn.Module):
    """The shared module: one small convolution per plane, side by side.

    The three streams have the same steps, so everything after their convolutions runs on the 14 joined channels;
    batch normalisation and pooling work per channel and give what three separate ones would.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(1, n, 5, padding=2) for n in FILTERS)
        # Keras' momentum .99 keeps 99 % of the old value, which PyTorch calls .01.
        self.norm = nn.BatchNorm2d(sum(FILTERS), eps=1e-3, momentum=0.01)

    def forward(self, planes: Tensor) -> Tensor:
        # B×3×42×42: every plane goes to its own convolution.
        maps = [convolution(planes[:, i : i + 1]) for i, convolution in enumerate(self.convolutions)]
        x = functional.relu(torch.cat(maps, dim=1))  # B×14×42×42
        return functional.max_pool2d(self.norm(x), 3)  # B×14×14×14

    def penalty(self) -> Tensor:
        """The L2 term of the loss."""
        return STREAM_PENALTY * sum(convolution.weight.square().sum() for convolution in self.convolutions)


class Head(nn.Module):
    """What stands on the shared module, once for each task."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(sum(FILTERS), 8, 5, padding=2)
        self.dense = nn.Linear(FLAT, outputs)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        x = functional.relu(self.convolution(features))  # B×8×14×14
        x = functional.max_pool2d(x, 2).flatten(1)  # B×392, channel by channel (Keras flattens pixel by pixel)
        return self.dense(x if mask is None else x * mask)  # B×outputs

    def penalty(self) -> Tensor:
        """The L2 term of the loss."""
        return HEAD_PENALTY * self.convolution.weight.square().sum()


class MEAN(nn.Module):
    """Micro-expression analysis network.

    Parameters
    ----------
    classes : int
        Number of emotions C.
    transfer : bool
        True as published: the recognition head stands on the shared module. False is the ablation, in which it has
        streams of its own and nothing is transferred.
    generator : torch.Generator, optional
        Draws the initial weights as Keras does by default: kernels uniform after Glorot, biases 0.

    Notes
    -----
    Dropout is an argument of :meth:`forward` and not a layer: whoever trains draws the masks with
    :meth:`dropout_masks` from a generator of their own, so that a seed fixes every bit, and several folds can be
    trained as one stack without sharing noise. Without masks nothing is dropped.

    Departures from the release: logits instead of softmax probabilities (the loss takes them), channels first, and
    therefore another order of the flattened 8x7x7 map, which :func:`melib.models.load_mean` accounts for.
    """

    def __init__(self, classes: int, *, transfer: bool = True, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if classes < 2:
            raise InputError(f"a recognition head needs at least 2 classes, got {classes}")
        self.classes = classes
        self.transfer = transfer
        self.shared = Streams()
        self.spot = Head(1)
        self.recognition = Head(classes)
        self.recognition_streams = None if transfer else Streams()
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(layer.weight, generator=generator)
                nn.init.zeros_(layer.bias)

    def forward(self, planes: Tensor, masks: tuple[Tensor, Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Linear scores ``(B,)`` and emotion logits ``(B, C)`` of planes ``(B, 3, 42, 42)``.

        The planes are optical flow right, down, and optical strain; scores are trained towards 1 near a
        micro-expression. Masks, from :meth:`dropout_masks`, are for training only.
        """
        on_features, on_spot, on_recognition = masks if masks is not None else (None, None, None)
        shared = self.shared(planes)
        own = shared if self.recognition_streams is None else self.recognition_streams(planes)
        if on_features is not None:
            shared, own = shared * on_features, own * on_features
        return self.spot(shared, on_spot).squeeze(1), self.recognition(own, on_recognition)

    @staticmethod
    def dropout_masks(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Masks for the shared features and the two flattened maps: 0 where dropped, else 1 / (1 - rate)."""
        return (
            dropout_mask((batch, *FEATURES), STREAM_DROPOUT, generator),
            dropout_mask((batch, FLAT), HEAD_DROPOUT, generator),
            dropout_mask((batch, FLAT), HEAD_DROPOUT, generator),
        )


def dropout_mask(shape: tuple[int, ...], rate: float, generator: torch.Generator) -> Tensor:
    """A mask that keeps each value with probability ``1 - rate`` and leaves the expectation as it was."""
    kept = torch.rand(shape, generator=generator, device=generator.device) >= rate
    return kept / (1 - rate)
