"""What a released checkpoint holds: finite or not, trained or not, the same as another or not.

Nothing here needs a face: the questions are put to the tensors of a file, and to what the network answers on noise.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import torch
from scipy import stats
from torch import Tensor

from melib.models.inference import predict
from melib.models.released import load_mean, load_sfamnet, nonfinite_tensors

#: The layers of SFAMNet's recognition path that no other output uses.
RECOGNITION_LAYERS = ("conv2", "fc_recog")

#: Where the weights of a last layer are counted, in units of its initial range.
EDGES = np.linspace(-2.5, 2.5, 51)


def sfamnet_files(folder: str | os.PathLike) -> dict[tuple[int, int], Path]:
    """The checkpoints ``<K>emo/subject_<N>.pkl`` below a folder, by (K, N) and in that order."""
    found = {}
    for path in Path(folder).rglob("*emo/subject_*.pkl"):
        emotions, subject = path.parent.name.removesuffix("emo"), path.stem.removeprefix("subject_")
        if emotions.isdecimal() and subject.isdecimal():
            found[int(emotions), int(subject)] = path
    return dict(sorted(found.items()))


def mean_files(folder: str | os.PathLike) -> dict[tuple[str, int, str], Path]:
    """The checkpoints ``<DATASET>/{spot,recog,spot_recog}/s<N>.hdf5`` below a folder, by (dataset, N, kind)."""
    found = {}
    for path in Path(folder).rglob("s*.hdf5"):
        kind, subject = path.parent.name, path.stem.removeprefix("s")
        if kind in ("spot", "recog", "spot_recog") and subject.isdecimal():
            found[path.parent.parent.name, int(subject), kind] = path
    return dict(sorted(found.items()))


def sfamnet_tensors(path: str | os.PathLike) -> dict[str, Tensor]:
    """The tensors of a released SFAMNet checkpoint under their own names.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`melib.models.load_sfamnet`.
    """
    load_sfamnet(path, allow_nonfinite=True)  # refuses whatever is something else
    return torch.load(path, map_location="cpu", weights_only=True)


def mean_tensors(path: str | os.PathLike) -> dict[str, Tensor]:
    """The tensors of a released MEAN checkpoint, by ``layer/tensor``; Keras' counters are left as they are.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`melib.models.load_mean`.
    """
    load_mean(path, allow_nonfinite=True)
    tensors = {}

    def keep(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            tensors[name] = torch.from_numpy(np.asarray(item[()]))

    with h5py.File(path) as file:
        (file["model_weights"] if "model_weights" in file else file).visititems(keep)
    return tensors


def describe(path: str | os.PathLike, tensors: Mapping[str, Tensor]) -> dict:
    """What every file is asked: its SHA-256, how many tensors it has, and which of them are not finite."""
    bad = nonfinite_tensors(tensors)
    return {
        "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        "tensors": len(tensors),
        "not_finite": bad,
    }


def against_initial_range(weight: Tensor, bias: Tensor) -> dict | None:
    """Whether a layer can still be as PyTorch first filled it.

    PyTorch draws weights and biases of a linear layer and of a convolution uniformly within ``1 / sqrt(fan-in)``.
    Values beyond that range have been changed. Values within it that are spread evenly up to its ends, as a
    Kolmogorov-Smirnov test against the uniform distribution sees it, look untouched.

    Parameters
    ----------
    weight, bias : Tensor
        Of one layer; the fan-in is the number of weights that lead to one output.

    Returns
    -------
    dict or None
        ``largest`` magnitude, ``bound``, ``within`` (bool), ``uniform_p`` (of the weights), and ``counts``: weights
        in the bins :data:`EDGES`, in units of the bound, those beyond in the outermost. None for values that are not
        finite.
    """
    values = torch.cat([weight.flatten(), bias.flatten()])
    if not torch.isfinite(values).all():
        return None
    bound = float(np.float32(weight[0].numel() ** -0.5))
    largest = float(values.abs().max())
    relative = weight.flatten().double().numpy() / bound
    inside = np.clip(relative, EDGES[0], EDGES[-1])
    return {
        "largest": largest,
        "bound": bound,
        "within": largest <= bound,
        "uniform_p": float(stats.kstest(relative, stats.uniform(-1, 2).cdf).pvalue),
        "counts": np.histogram(inside, EDGES)[0].tolist(),
    }


def shared(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> dict:
    """Which tensors two files have in common bit for bit.

    Returns
    -------
    dict
        ``finite``: whether both files are finite throughout; ``identical`` and ``different``: names of tensors, those
        of another shape or in one file alone among the different. Tensors that are not finite are in neither list.
    """
    bad = {*nonfinite_tensors(first), *nonfinite_tensors(second)}
    names = [name for name in dict.fromkeys([*first, *second]) if name not in bad]
    same = {name for name in names if name in first and name in second and torch.equal(first[name], second[name])}
    return {
        "finite": not bad,
        "identical": [name for name in names if name in same],
        "different": [name for name in names if name not in same],
    }


def answers(path: str | os.PathLike, planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores and named classes ``(N,)`` of an SFAMNet checkpoint, finite or not, for planes ``(N, 3, 42, 42)``."""
    score, logits = predict(load_sfamnet(path, allow_nonfinite=True), planes, device="cpu")
    return score, logits.argmax(axis=1)
