"""What is trained and tested in an experiment: its network, or the floor beside it, under one contract.

A network that reads several inputs by late fusion is several networks, each trained on the planes of its own input,
whose scores and probabilities are meaned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax
from torch import nn

from melib import features, provenance, spotting
from melib.models import late_fusion, predict
from melib.study import networks
from melib.study.data import EmotionSamples, Reader, SpottingSamples, spotting_pairs
from melib.study.kept import Kept
from melib.study.parameters import tier_sizes
from melib.training import Floor
from melib.video import Video

#: Parameters that say what is done with a network's answers, and nothing of its training.
NOT_LEARNT = ("intervals_by", "rule", "p", "shuffled")

#: The samples of some people for one input, to learn both tasks from.
Samples = tuple[SpottingSamples, EmotionSamples]


@dataclass(frozen=True)
class Trained:
    """Networks of one training (or floors), one for each input, that answer together.

    Attributes
    ----------
    models : tuple of MEAN, SFAMNet or Floor
    readers : tuple of Reader
        Where each finds its planes.
    device : torch.device
    """

    models: tuple[nn.Module | Floor, ...]
    readers: tuple[Reader, ...]
    device: torch.device

    def predict(self, planes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Scores ``(n,)`` and probabilities of the classes ``(n, C)``, float32, from the planes of each input."""
        outputs = [
            model.predict(each) if isinstance(model, Floor) else predict(model, each, device=self.device)
            for model, each in zip(self.models, planes, strict=True)
        ]
        spot, logits = outputs[0] if len(outputs) == 1 else late_fusion(outputs)
        return spot.astype(np.float32), softmax(logits, axis=1).astype(np.float32)

    def score_frames(self, video: Video) -> tuple[np.ndarray, np.ndarray]:
        """Score the frames of a video, interpolated where the stride left frames out.

        Returns
        -------
        score : ndarray, (T - k,) float32
        probabilities : ndarray, (T - k, C) float32
        """
        parameters = self.readers[0].parameters
        pairs = spotting_pairs(video, parameters)
        score, probabilities = self.predict([reader.planes(video, pairs) for reader in self.readers])
        n_scored = video.n_frames - features.gap_frames(video.fps, parameters.resolved().gap_s)
        return spotting.per_frame(score, pairs[0], n_scored), spotting.per_frame(probabilities, pairs[0], n_scored)

    def name(self, samples: Sequence[EmotionSamples]) -> pd.DataFrame:
        """The names that given expressions get: ``subject, emotion, named``, a row per expression.

        That there is an expression is given, so neutral, which SFAMNet knows as its last class, is no answer.
        """
        emotions = self.readers[0].parameters.emotions
        probabilities = self.predict([each.planes for each in samples])[1][:, : len(emotions)]
        return pd.DataFrame(
            {
                "subject": samples[0].subjects,
                "emotion": [emotions[index] for index in samples[0].labels],
                "named": [emotions[index] for index in probabilities.argmax(axis=1)],
            }
        )


@dataclass(frozen=True)
class System:
    """How an experiment trains its network or, with ``floor``, the floor.

    Attributes
    ----------
    readers : tuple of Reader
        One for each input.
    device : torch.device
    kept : Kept
        Where trainings are kept and gone on with.
    floor : bool
        Train the floor, on the pseudo-labels that the network learns.
    ready : mapping
        Networks that were trained beforehand, as one stack: path among the kept ones to network and losses.
    """

    readers: tuple[Reader, ...]
    device: torch.device
    kept: Kept
    floor: bool = False
    ready: Mapping[str, networks.Trained] = field(default_factory=dict)

    def samples(self, videos: Sequence[Video], clips: Sequence[Video]) -> tuple[Samples, ...]:
        """What there is to learn from long videos and clips of single expressions, for each input."""
        return tuple(
            (reader.spotting_samples(videos), reader.emotion_samples((*videos, *clips))) for reader in self.readers
        )

    def train(
        self,
        samples: Sequence[Samples],
        *,
        seed: int,
        name: str,
        passing: bool = False,
        spotting_only: bool = False,
        left_out: Sequence[str] = (),
    ) -> Trained:
        """Train on samples.

        The networks of late fusion share the seed, so each is the network that its input alone would give.

        Parameters
        ----------
        samples : sequence
            From :meth:`samples`.
        seed : int
        name : str
            Of this training among those of the run.
        passing, spotting_only : bool
            See :meth:`melib.study.kept.Kept.network` and :func:`melib.study.networks.train_with_history`.
        left_out : sequence of str
            Subjects that are not learnt from; kept with the weights.
        """
        models = []
        for reader, (spot, emotions) in zip(self.readers, samples, strict=True):
            given = reader.parameters
            if self.floor:
                models.append(networks.train_floor_beside(given, spot, emotions, seed=seed))
                continue
            path = f"{name}/{given.input}"
            fit = partial(networks.train_with_history, given, spot, emotions, seed=seed, device=self.device)
            fit = partial(fit, spotting_only=spotting_only)
            # A network of a stack agrees with one that was trained alone, but not to the last bit: no pool.
            same = None if path in self.ready else _training(reader, spot, emotions, seed, self.device, spotting_only)
            if path in self.ready:
                fit = partial(self.ready.get, path)
            said = {"input": given.input, "seed": str(seed), "left_out": " ".join(left_out)}
            network = self.kept.network(path, fit, passing=passing, same=same, **said)
            models.append(network.to(self.device))
        return Trained(tuple(models), self.readers, self.device)

    def together(self, samples: Sequence[Sequence[Samples]], *, seeds: Sequence[int], names: Sequence[str]) -> System:
        """This system with the networks of all folds trained as one stack for each input, unless all are kept.

        Parameters
        ----------
        samples : sequence
            From :meth:`samples`, one a fold.
        seeds : sequence of int
        names : sequence of str
            As :meth:`train` will be given them.
        """
        ready = {}
        for number, reader in enumerate(self.readers):
            paths = [f"{name}/{reader.parameters.input}" for name in names]
            if all(self.kept.has(path) for path in paths):
                continue
            trained = networks.train_stacked(
                reader.parameters,
                [of_fold[number] for of_fold in samples],
                seeds=seeds,
                device=self.device,
            )
            ready.update(zip(paths, trained, strict=True))
        return replace(self, ready=ready)

    def train_on_shuffled(self, trained: Trained, samples: Sequence[Samples], *, seed: int, name: str) -> Trained:
        """The control: emotions learnt from labels that were dealt out anew among the expressions."""
        models = []
        for model, reader, (spot, emotions) in zip(trained.models, self.readers, samples, strict=True):
            if self.floor:
                models.append(networks.floor_on_shuffled(model, emotions, seed=seed))
                continue
            fit = partial(networks.train_on_shuffled, reader.parameters, model, spot, emotions)
            fit = partial(fit, seed=seed, device=self.device)
            models.append(self.kept.network(f"{name}/{reader.parameters.input}", fit, passing=True))
        return Trained(tuple(models), self.readers, self.device)


def _training(
    reader: Reader,
    spot: SpottingSamples,
    emotions: EmotionSamples,
    seed: int,
    device: torch.device,
    spotting_only: bool,
) -> dict[str, object]:
    """What decides every bit of a training, as plain types; not the rule that will read its scores."""
    given = reader.parameters
    unseen = {"data_root": "", "seed": 0, **{name: None for name in NOT_LEARNT}}
    learnt = [spot.targets, spot.frame_labels, emotions.planes, emotions.labels]
    digest = hashlib.sha256()
    for array in learnt:
        if array is not None:
            digest.update(np.ascontiguousarray(array).tobytes())
    return {
        "parameters": {**asdict(given), **unseen},
        "sizes": asdict(tier_sizes(given.tier)),
        "settings": asdict(networks.training_settings(given)),
        "dataset": [reader.dataset.name, reader.dataset.version],
        "videos": spot.videos,
        "samples": digest.hexdigest(),
        "subjects": emotions.subjects,
        "seed": seed,
        "spotting_only": spotting_only,
        "device": str(device),
        "code": provenance.computing_hash(),
        "packages": provenance.package_versions(),
    }
