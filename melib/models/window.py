"""WindowNet: a network that sees two seconds of motion, and says of each moment what it is part of.

One frame pair cannot tell a movement that comes and goes within half a second from the beginning of a longer one, from
a blink or from a turn of the head. Here a look at each pair is followed by convolutions over time. Every row, one for
each pair, then votes: which kind of expression it lies in, how far it is to onset and offset, which emotion is shown.

The network is this study's own. That each row points at both ends of what it lies in is the way of dense detectors
(Tian et al., "FCOS: fully convolutional one-stage object detection", ICCV 2019), and so are the losses (Lin et al.,
"Focal loss for dense object detection", ICCV 2017; Yu et al., "UnitBox", ACM Multimedia 2016), here along time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from melib.errors import InputError
from melib.models.inference import check_planes, choose_device
from melib.models.mean import dropout_mask
from melib.video import KINDS, Expression

POOLED, SIDE = 3, 14  # pixels of a plane along each side that become one cell, and cells along each side
CELLS = 3 * SIDE * SIDE
HIDDEN, CHANNELS = 128, 64
DISTANCES = (1, 2, 4, 8, 16, 1)  # rows between those that a block joins: together 32 to each side
DROPOUT = 0.1
LONGEST = 40.0  # rows to an end of a micro-expression, at most

NONE = -1  # the emotion of a row that shows none
MARK_SPREAD = 1.2  # rows: of the bump about onset, apex and offset
KIND_WEIGHTS = (1.0, 0.5, 0.3)  # in the loss: what is sought, and what it is mistaken for
FOCUS = 1.5  # power by which the losses pass over rows that are right already
ENDS_WEIGHT, MARKS_WEIGHT = 0.5, 0.5
FEWEST = 20  # rows among which the loss of a batch is shared out at least


class FrameValues(NamedTuple):
    """What is said of the T rows of a video, or is true of them; batches of windows have an axis more.

    In what a network returns, probabilities are logits and distances logarithms.
    """

    kinds: np.ndarray | Tensor  # (T, 2 or 3): probability of lying in a micro-, in a macro-expression, in a blink
    ends: np.ndarray | Tensor  # (T, 2): rows to the onset and to the offset of the micro-expression, from .5 upwards
    marks: np.ndarray | Tensor  # (T, 3): probability of being onset, apex, offset
    emotions: np.ndarray | Tensor  # (T, C): probability of each emotion; where it is the truth, (T,): which, or -1


class TimeBlock(nn.Module):
    """A residual step over time: each row with the two at a distance before and after it, or at distance 0 by itself.

    The norm is over the channels of a row. One over a stretch of time would let scores depend on where it begins.
    """

    def __init__(self, distance: int) -> None:
        super().__init__()
        self.distance = distance
        self.norm = nn.LayerNorm(CHANNELS)
        self.join = nn.Linear(CHANNELS * (3 if distance else 1), CHANNELS)
        self.mix = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, x: Tensor, noise: torch.Generator | None = None) -> Tensor:
        y = self.norm(x)  # B×T×64
        if self.distance:
            far = functional.pad(y, (0, 0, self.distance, self.distance))  # beyond the video there is nothing
            y = torch.cat([far[:, : -2 * self.distance], y, far[:, 2 * self.distance :]], dim=-1)  # B×T×192
        return x + self.mix(_dropped(functional.gelu(self.join(y)), noise))


class WindowNet(nn.Module):
    """Network over windows of motion.

    Parameters
    ----------
    classes : int
        Number of emotions C.
    kinds : int
        2: micro- and macro-expressions, which labels tell. 3: blinks as well, which only the benchmark knows.
    context : bool
        True: convolutions over 65 rows. False is the ablation, in which each pair is judged alone.
    generator : torch.Generator, optional
        Draws the initial weights as PyTorch does by default: uniform within ``1 / sqrt(fan-in)``, biases too.

    Notes
    -----
    Time is counted in rows: whatever the frame rate, let there be about 30 a second.
    """

    def __init__(
        self, classes: int, *, kinds: int = 2, context: bool = True, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        if classes < 2 or kinds not in (2, 3):
            raise InputError(f"WindowNet needs at least 2 emotions and 2 or 3 kinds, got {classes} and {kinds}")
        self.classes, self.kinds, self.context = classes, kinds, context
        self.look = nn.Linear(CELLS, CHANNELS)
        self.widen, self.narrow = nn.Linear(CHANNELS, HIDDEN), nn.Linear(HIDDEN, CHANNELS)
        self.blocks = nn.ModuleList(TimeBlock(distance if context else 0) for distance in DISTANCES)
        self.norm = nn.LayerNorm(CHANNELS)
        self.parts = (kinds, 2, 3, classes)
        self.heads = nn.Linear(CHANNELS, sum(self.parts))
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                bound = layer.weight[0].numel() ** -0.5
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        # Most rows lie in nothing and are no mark, and an end is some five rows away.
        for values, start in zip(self.heads.bias.data.split(self.parts), (-3.0, np.log(5.0), -3.0), strict=False):
            values.fill_(start)

    def forward(self, planes: Tensor) -> FrameValues:
        """Logits ``(B, T, ...)`` of windows ``(B, T, 3, 42, 42)``, the planes of successive frame pairs."""
        return self.of_cells(_cells(planes))

    def of_cells(self, x: Tensor, noise: torch.Generator | None = None) -> FrameValues:
        """The same from cells ``(B, T, 588)``. Given a generator, dropout is drawn from it: for training."""
        y = self.look(x)  # B×T×64
        y = y + self.narrow(_dropped(functional.gelu(self.widen(y)), noise))
        for block in self.blocks:
            y = block(y, noise)
        return FrameValues(*self.heads(self.norm(y)).split(self.parts, dim=-1))


def _dropped(x: Tensor, noise: torch.Generator | None) -> Tensor:
    return x if noise is None else x * dropout_mask(x.shape, DROPOUT, noise)


def _cells(planes: Tensor) -> Tensor:
    return functional.avg_pool2d(planes.flatten(0, -4), POOLED).reshape(*planes.shape[:-3], CELLS)


def pooled(planes: np.ndarray) -> np.ndarray:
    """Cells ``(T, 588)`` float32 of planes ``(T, 3, 42, 42)``: means of 3 x 3 pixels; a memory map is read in parts."""
    check_planes(planes)
    parts = (torch.from_numpy(np.array(planes[i : i + 512], np.float32)) for i in range(0, len(planes), 512))
    return np.concatenate([_cells(part).numpy() for part in parts] or [np.empty((0, CELLS), np.float32)])


def mirrored(x: np.ndarray) -> np.ndarray:
    """Cells ``(..., 588)`` of the mirrored face: the first plane points right, and is turned round as well."""
    turned = x.reshape(*x.shape[:-1], 3, SIDE, SIDE)[..., ::-1] * np.array([-1, 1, 1], x.dtype)[:, None, None]
    return turned.reshape(x.shape)


def window_targets(
    frames: np.ndarray, expressions: Iterable[Expression], classes: Sequence[str], blinks: np.ndarray | None = None
) -> FrameValues:
    """What is true of the rows of a video, to be learnt.

    ``frames`` ``(T,)`` tell where in the video each row lies, evenly spaced: halfway between the two frames of its
    pair. An expression without an apex gets no apex mark; one whose emotion is not among the ``classes``, in the order
    of the network's, is to be spotted, not named. ``blinks`` ``(n, 2)``, first and last frame of each, are the third
    kind, as only the benchmark knows them. Fewer than two rows raise InputError.
    """
    frames = np.asarray(frames)
    if len(frames) < 2:
        raise InputError(f"a video needs at least 2 rows of frame pairs, got {len(frames)}")
    step = frames[1] - frames[0]
    kinds = np.zeros((len(frames), len(KINDS) + (blinks is not None)), np.float32)
    ends, marks = np.full((len(frames), 2), 0.5, np.float32), np.zeros((len(frames), 3), np.float32)
    emotions = np.full(len(frames), NONE)
    for first, last in () if blinks is None else blinks:
        kinds[(first <= frames) & (frames <= last), len(KINDS)] = 1
    for each in expressions:
        inside = (each.onset <= frames) & (frames <= each.offset)
        kinds[inside, KINDS.index(each.kind)] = 1
        if each.kind != "micro":
            continue
        ends[inside] = np.stack([frames - each.onset, each.offset - frames], axis=1)[inside] / step + 0.5
        emotions[inside] = list(classes).index(each.emotion) if each.emotion in classes else NONE
        for column, mark in enumerate((each.onset, each.apex, each.offset)):
            if mark is not None:
                bump = np.exp(-0.5 * ((frames - mark) / step / MARK_SPREAD) ** 2)
                marks[:, column] = np.maximum(marks[:, column], bump)
    return FrameValues(kinds, ends, marks, emotions)


def spotting_loss(found: FrameValues, wanted: FrameValues) -> Tensor:
    """Loss of kinds, ends and marks of windows ``(B, T, ...)``."""
    entropy = functional.binary_cross_entropy_with_logits(found.kinds, wanted.kinds, reduction="none")
    # What lies in an expression counts three times: it is rare.
    focal = (1 - torch.exp(-entropy)) ** FOCUS * entropy * (1 + 2 * wanted.kinds)
    weights = entropy.new_tensor(KIND_WEIGHTS[: entropy.shape[-1]])
    kinds = (weights * focal / wanted.kinds.sum((0, 1)).clamp(min=FEWEST)).sum()
    # One less the IoU of the interval that a row points at and of the true one: both hold that row.
    distances = found.ends.exp().clamp(max=LONGEST)
    iou = torch.minimum(distances, wanted.ends).sum(-1) / torch.maximum(distances, wanted.ends).sum(-1)
    inside = wanted.kinds[..., 0]
    ends = ((1 - iou) * inside).sum() / inside.sum().clamp(min=1)
    entropy = functional.binary_cross_entropy_with_logits(found.marks, wanted.marks, reduction="none")
    off = (torch.sigmoid(found.marks) - wanted.marks).abs()
    marks = 2 * (off**FOCUS * entropy).sum() / wanted.marks.sum().clamp(min=FEWEST / 2)
    return kinds + ENDS_WEIGHT * ends + MARKS_WEIGHT * marks


def naming_loss(found: FrameValues, wanted: FrameValues, weights: Tensor) -> Tensor:
    """Cross-entropy of the rows that show an emotion, weighted by class ``(C,)``."""
    named = wanted.emotions != NONE
    entropy = functional.cross_entropy(found.emotions[named], wanted.emotions[named], reduction="none")
    weight = weights[wanted.emotions[named]]
    return (weight * entropy).sum() / weight.sum().clamp(min=1)


def score_frames(model: WindowNet, planes: np.ndarray, *, device: str | torch.device = "auto") -> FrameValues:
    """What a network, moved to the device, says of a whole video: probabilities, and distances in rows.

    Planes ``(T, 3, 42, 42)`` of its frame pairs, in order, may be a memory map; values are ``(T, ...)`` float32.
    """
    device = choose_device(device)
    with torch.inference_mode():
        found = model.to(device).of_cells(torch.from_numpy(pooled(planes)).to(device)[None])
        ends = found.ends.exp().clamp(max=LONGEST)
        values = found.kinds.sigmoid(), ends, found.marks.sigmoid(), found.emotions.softmax(-1)
    return FrameValues(*(value[0].cpu().numpy() for value in values))
