"""How much faster SFAMNet trains here than as published, measured side by side in one run.

The peer is the published architecture built plainly from its description: three stream modules one after the other,
the whole batch at once, folds one after the other with the held-out subject evaluated after every update. Both sides
start from the same weights and see the same batches; the script stops if their losses differ.

    python benchmarks/training_speed.py

takes a few minutes on two cores and about 4 GB of memory. Ratios are wall times of the peer divided by ours.
"""

from __future__ import annotations

import argparse
import time

import joblib
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from melib.models import SFAMNet, predict
from melib.spotting import sfamnet_intervals
from melib.training import SFAMNetSettings, train_sfamnet
from melib.training.loop import fit
from melib.training.sfamnet import PART, JointStage, sfamnet_stage

EMOTIONS = 4


class PlainStream(nn.Module):
    """A residual block with CBAM on one plane, layer by layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 5, padding=2, bias=False)
        self.conv2 = nn.Conv2d(3, 3, 5, padding=2, bias=False)
        self.shortcut = nn.Conv2d(1, 3, 1, bias=False)
        self.squeeze = nn.Linear(3, 1)
        self.expand = nn.Linear(1, 3)
        self.where = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, plane: Tensor) -> Tensor:
        x = self.conv2(functional.relu(self.conv1(plane)))
        size = x.shape[2:]
        gate = 0
        for pool in (functional.avg_pool2d, functional.max_pool2d):
            gate = gate + self.expand(functional.relu(self.squeeze(pool(x, size).flatten(1))))
        x = x * torch.sigmoid(gate)[:, :, None, None].expand_as(x)
        summary = torch.cat([x.max(1, keepdim=True)[0], x.mean(1, keepdim=True)], dim=1)
        x = x * torch.sigmoid(self.where(summary))
        return functional.max_pool2d(functional.relu(x + self.shortcut(plane)), 3)


class PlainSFAMNet(nn.Module):
    """The published network: three streams one after the other, two heads."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.streams = nn.ModuleList(PlainStream() for _ in range(3))
        self.spot_convolution = nn.Conv2d(9, 8, 5, padding=2)
        self.spot_dense = nn.Linear(392, 1)
        self.recognition_convolution = nn.Conv2d(9, 8, 5, padding=2)
        self.recognition_dense = nn.Linear(392, classes)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.cat([stream(planes[:, i : i + 1]) for i, stream in enumerate(self.streams)], dim=1)
        spot = functional.max_pool2d(self.spot_convolution(x), 3, stride=2, padding=1).flatten(1)
        recognition = functional.max_pool2d(self.recognition_convolution(x), 3, stride=2, padding=1).flatten(1)
        return torch.sigmoid(self.spot_dense(spot)).squeeze(1), self.recognition_dense(recognition)


def plain_copy(model: SFAMNet) -> PlainSFAMNet:
    """The peer with the weights of one of our networks."""
    peer, ours = PlainSFAMNet(model.classes), model.state_dict()
    state = {}
    for name, value in peer.state_dict().items():
        if name.startswith("streams."):
            _, stream, layer, tensor = name.split(".")
            inside = f"attention.{layer}" if layer in ("squeeze", "expand", "where") else layer
            whole = ours[f"streams.{inside}.{tensor}"]
            state[name] = whole.chunk(3)[int(stream)].reshape(value.shape)
        else:
            head, layer = name.split("_")
            state[name] = ours[f"{head}.{layer}"]
    peer.load_state_dict(state)
    return peer


def samples(rng: np.random.Generator, frames: int, expressions: int) -> tuple[np.ndarray, ...]:
    """Planes of noise with the labels that training asks for; speed does not depend on what they show."""
    targets = (np.arange(frames) % 2).astype(np.float32)
    labels = np.where(targets > 0, rng.integers(0, EMOTIONS, frames), EMOTIONS)
    return (
        rng.random((frames, 3, 42, 42), dtype=np.float32),
        targets,
        labels,
        rng.random((expressions, 3, 42, 42), dtype=np.float32),
        np.arange(expressions) % EMOTIONS,
    )


def agree(ours: np.ndarray, theirs: np.ndarray, what: str) -> None:
    """Stop unless the losses agree to 1e-5."""
    worst = float(np.abs(ours - theirs).max())
    if not worst < 1e-5:
        raise SystemExit(f"the losses of {what} differ by {worst:.1e}: the peer is not the same network")
    print(f"{what}: losses agree to {worst:.0e}")


def step_ratio(batch: int, steps: int) -> None:
    """Time of an update, the peer's and ours in turn."""
    settings = SFAMNetSettings(batch=batch)
    data = samples(np.random.default_rng(0), 2 * batch, 64)
    stage, draw = sfamnet_stage(*data, classes=EMOTIONS + 1, settings=settings, seed=0, device=torch.device("cpu"))
    peer = JointStage(plain_copy(stage.model), stage.class_weights, settings)
    drawn = draw()

    def timed(which: JointStage, part: int | None) -> tuple[np.ndarray, float]:
        start = time.perf_counter()
        losses = fit(which, lambda: drawn, steps=1, rate=settings.rate, part=part)
        return losses, time.perf_counter() - start

    timed(JointStage(SFAMNet(EMOTIONS + 1), stage.class_weights, settings), PART)  # compiles, or reads the cache
    times, losses = [], []
    for _ in range(steps):
        (theirs, slow), (ours, fast) = timed(peer, None), timed(stage, PART)
        times.append((slow, fast))
        losses.append((ours, theirs))
    ours, theirs = (np.concatenate(side) for side in zip(*losses, strict=True))
    agree(ours, theirs, f"{steps} updates at batch {batch}")
    slow, fast = np.min(times, axis=0)
    print(f"update at batch {batch}: peer {slow:.2f} s, ours {fast:.2f} s, ratio {slow / fast:.1f}\n")


def loso_ratio(subjects: int, frames: int, batch: int, steps: int, processes: int) -> None:
    """Time of leave-one-subject-out: fold by fold with an evaluation after every update, and ours."""
    settings = SFAMNetSettings(steps=steps, batch=batch)
    data = samples(np.random.default_rng(1), subjects * frames, subjects * EMOTIONS)
    whose = np.repeat(np.arange(subjects), frames)
    expressed = np.repeat(np.arange(subjects), EMOTIONS)
    owners = (whose, whose, whose, expressed, expressed)
    folds = [
        [array[owner != held_out] for array, owner in zip(data, owners, strict=True)] for held_out in range(subjects)
    ]
    common = {"classes": EMOTIONS + 1, "settings": settings, "seed": 0, "device": torch.device("cpu")}

    start = time.perf_counter()
    theirs = []
    for held_out, fold in enumerate(folds):
        stage, draw = sfamnet_stage(*fold, **common)
        peer = JointStage(plain_copy(stage.model), stage.class_weights, settings)
        optimiser = torch.optim.Adam(peer.parameters(), lr=settings.rate)
        for _ in range(steps):
            losses = peer(*peer.prepare(*draw()))
            optimiser.zero_grad()
            losses[0].backward()
            optimiser.step()
            theirs.append(losses.detach().numpy())
            spot, _ = predict(peer.model, data[0][whose == held_out], device="cpu", batch=batch)
            sfamnet_intervals(spot)
    slow = time.perf_counter() - start

    start = time.perf_counter()
    trained = joblib.Parallel(n_jobs=processes)(joblib.delayed(train_alone)(fold, **common) for fold in folds)
    for held_out, (model, _) in enumerate(trained):
        spot, _ = predict(model, data[0][whose == held_out], device="cpu")
        sfamnet_intervals(spot)
    fast = time.perf_counter() - start
    agree(np.concatenate([history["joint"] for _, history in trained]), np.stack(theirs), f"{subjects} folds")
    print(
        f"leave-one-subject-out, {subjects} subjects, {frames} frames each, {steps} updates of {batch}: "
        f"peer {slow:.0f} s, ours in {processes} processes {fast:.0f} s, ratio {slow / fast:.1f}"
    )


def train_alone(fold: list[np.ndarray], **common) -> tuple[SFAMNet, dict[str, np.ndarray]]:
    """Train the network of a fold on one thread."""
    torch.set_num_threads(1)
    return train_sfamnet(*fold, **common)


def main() -> None:
    """Print both ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch for the peer's operations and ours")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--frames", type=int, default=200, help="frames of a subject")
    parser.add_argument("--fold-batch", type=int, default=256)
    parser.add_argument("--fold-steps", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"PyTorch {torch.__version__}, {arguments.threads} thread(s)\n")
    step_ratio(arguments.batch, arguments.steps)
    loso_ratio(arguments.subjects, arguments.frames, arguments.fold_batch, arguments.fold_steps, arguments.processes)


if __name__ == "__main__":
    main()
