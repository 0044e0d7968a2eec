"""Reading the authors' released checkpoints, and writing and reading our own.

The released files are ``MEAN_Weights/<DATASET>/{spot,recog,spot_recog}/s<N>.hdf5`` of MEAN (Keras) and
``pretrained_weights/<K>emo/subject_<N>.pkl`` of SFAMNet (PyTorch). Ours are safetensors with a few words of metadata.
"""

from __future__ import annotations

import json
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from melib.errors import InputError
from melib.files import whole
from melib.models.mean import MEAN
from melib.models.sfamnet import STREAMS, SFAMNet
from melib.models.window import WindowNet

NETWORKS = {"MEAN": MEAN, "SFAMNet": SFAMNet, "WindowNet": WindowNet}
#: With which options, beside the number of classes, a network was made.
_OPTIONS = {"MEAN": ("transfer",), "SFAMNet": ("attention",), "WindowNet": ("kinds", "context")}

_HEADS = {"spot": "spot", "recog": "recognition"}  # Keras' layer -> ours
_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def load_mean(path: str | os.PathLike, *, allow_nonfinite: bool = False) -> MEAN:
    """Read a released MEAN checkpoint of any kind, for spotting, recognition, or both, in evaluation mode.

    A head that the file lacks has NaN weights, never taken for a prediction; a spotting file gets two classes.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file; if it is no MEAN checkpoint, or, unless allowed, holds weights that are not finite.

    Notes
    -----
    Layers are told by the order of Keras' counters (``conv2d_63``): streams u, v, strain, spotting, recognition head.
    Keras' kernels are ``(height, width, in, out)``; its flattened map is ``(7, 7, 8)``, ours ``(8, 7, 7)``.
    """
    path = _existing(path)
    try:
        with h5py.File(path) as file:
            root = file["model_weights"] if "model_weights" in file else file
            groups = {name: group for name, group in root.items() if isinstance(group, h5py.Group)}
            layers = {name: _keras_layer(group) for name, group in groups.items() if len(group)}
    except OSError as error:
        raise InputError(f"{path} is no HDF5 file: {error}") from error
    tensors = {f"{layer}/{name}": value for layer, values in layers.items() for name, value in values.items()}
    _refuse_nonfinite(tensors, path, allow_nonfinite)
    convolutions, norms = _in_order(layers, "conv2d"), _in_order(layers, "batch_normalization")
    heads = [name for name in _HEADS if name in layers]
    if not heads or len(norms) != 3 or len(convolutions) != 3 + len(heads):
        raise InputError(f"{path} is not a MEAN checkpoint: it has the layers {', '.join(sorted(layers))}")
    model = MEAN(layers["recog"]["kernel"].shape[1] if "recog" in heads else 2)
    state = model.state_dict()
    for name in state:
        if name.startswith(("spot.", "recognition.")):
            state[name] = torch.full_like(state[name], np.nan)
    ours = [*(f"shared.convolutions.{i}" for i in range(3)), *(f"{_HEADS[head]}.convolution" for head in heads)]
    for name, layer in zip(ours, convolutions, strict=True):
        state |= {f"{name}.weight": layer["kernel"].permute(3, 2, 0, 1), f"{name}.bias": layer["bias"]}
    state |= {f"shared.norm.{name}": torch.cat([norm[keras] for norm in norms]) for name, keras in _NORM.items()}
    for head in heads:
        kernel = layers[head]["kernel"].unflatten(0, (7, 7, 8))  # 7×7×8×C
        state[f"{_HEADS[head]}.dense.weight"] = kernel.permute(3, 2, 0, 1).flatten(1)
        state[f"{_HEADS[head]}.dense.bias"] = layers[head]["bias"]
    model.load_state_dict(state)
    return model.eval()


def load_sfamnet(path: str | os.PathLike, *, allow_nonfinite: bool = False) -> SFAMNet:
    """Read a released SFAMNet checkpoint, as :func:`load_mean` reads MEAN's; neutral counts among its classes.

    A PyTorch state dict, of which nothing is executed. Four of the hundred released folds hold weights not finite.
    """
    path = _existing(path)
    try:
        released = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        # What torch says here may advise to load without weights_only, which would run whatever the file holds.
        raise InputError(
            f"{path} cannot be read as a PyTorch state dict: it is damaged, or holds more than tensors"
        ) from error
    if not isinstance(released, Mapping) or not all(isinstance(value, Tensor) for value in released.values()):
        raise InputError(f"{path} is not an SFAMNet checkpoint: it holds no tensors by name")
    _refuse_nonfinite(released, path, allow_nonfinite)
    names = _sfamnet_names()
    unknown = sorted(set(released) ^ {name for parts in names.values() for name in parts})
    if unknown:
        some = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
        raise InputError(f"{path} is not an SFAMNet checkpoint: tensors missing or unknown: {some}")
    model = SFAMNet(len(released["fc_recog.bias"]))
    state = {}
    for ours, wanted in model.state_dict().items():
        parts = [released[name] for name in names[ours]]
        # The perceptrons of the channel gates are 1x1 convolutions here; a counter is the same in all streams.
        state[ours] = parts[0] if wanted.ndim == 0 else torch.cat(parts).reshape(wanted.shape)
    model.load_state_dict(state)
    return model.eval()


def save_model(model: nn.Module, path: str | os.PathLike, **metadata: str) -> None:
    """Write a network of this study as safetensors, whole or not at all; the metadata are kept beside the weights."""
    network = type(model).__name__
    arguments = {name: getattr(model, name) for name in ("classes", *_OPTIONS[network])}
    header = {"network": network, "arguments": json.dumps(arguments), "metadata": json.dumps(metadata)}
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    with whole(path) as part:
        save_file(tensors, part, header)


def load_model(path: str | os.PathLike, *, allow_nonfinite: bool = False) -> tuple[nn.Module, dict[str, str]]:
    """A network written by :func:`save_model`, in evaluation mode, and the metadata given when it was saved.

    A missing file raises FileNotFoundError; one not by :func:`save_model`, or with weights not finite, ValueError.
    """
    path = _existing(path)
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise InputError(f"{path} is no safetensors file: {error}") from error
    if header.get("network") not in NETWORKS:
        raise InputError(f"{path} names no network of this study: {header.get('network')!r}")
    _refuse_nonfinite(tensors, path, allow_nonfinite)
    model = NETWORKS[header["network"]](**json.loads(header["arguments"]))
    model.load_state_dict(tensors)
    return model.eval(), json.loads(header["metadata"])


def nonfinite_tensors(tensors: Mapping[str, Tensor]) -> list[str]:
    """Names of the tensors that hold a NaN or an infinite value."""
    return [name for name, value in tensors.items() if not torch.isfinite(value).all()]


def _existing(path: str | os.PathLike) -> Path:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    return path


def _refuse_nonfinite(tensors: Mapping[str, Tensor], path: Path, allow: bool) -> None:
    bad = [] if allow else nonfinite_tensors(tensors)
    if bad:
        raise InputError(
            f"{path} holds NaN or infinite weights in {len(bad)} of {len(tensors)} tensors: {', '.join(bad)}; "
            "allow_nonfinite=True loads it all the same"
        )


def _keras_layer(group: h5py.Group) -> dict[str, Tensor]:
    """The tensors of a layer, named without Keras' prefix and ``:0``."""
    values = {}

    def keep(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            values[name.rsplit("/", 1)[-1].removesuffix(":0")] = torch.from_numpy(item[()])

    group.visititems(keep)
    return values


def _in_order(layers: Mapping[str, dict[str, Tensor]], kind: str) -> list[dict[str, Tensor]]:
    """Layers ``kind``, ``kind_1``, ``kind_2``, ... in the order of their numbers."""
    numbered = [(int(m[1] or 0), name) for name in layers if (m := re.fullmatch(rf"{kind}(?:_(\d+))?", name))]
    return [layers[name] for _, name in sorted(numbered)]


def _sfamnet_names() -> dict[str, list[str]]:
    """Our tensors, each with the released ones that are joined to it, stream by stream."""
    inside = {
        "conv1.weight": "conv1.weight",
        "conv2.weight": "conv2.weight",
        "shortcut.weight": "downsample.0.weight",
        "attention.squeeze.weight": "cbam.ChannelGate.mlp.1.weight",
        "attention.squeeze.bias": "cbam.ChannelGate.mlp.1.bias",
        "attention.expand.weight": "cbam.ChannelGate.mlp.3.weight",
        "attention.expand.bias": "cbam.ChannelGate.mlp.3.bias",
        "attention.where.weight": "cbam.SpatialGate.spatial.conv.weight",
    }
    for i, norm in enumerate(("bn1", "bn2", "cbam.SpatialGate.spatial.bn")):
        for tensor in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            inside[f"unused_norms.{i}.{tensor}"] = f"{norm}.{tensor}"
    names = {f"streams.{ours}": [f"c{s}.0.{theirs}" for s in range(1, STREAMS + 1)] for ours, theirs in inside.items()}
    for head, convolution, dense in (("spot", "conv1", "fc_spot"), ("recognition", "conv2", "fc_recog")):
        for tensor in ("weight", "bias"):
            names[f"{head}.convolution.{tensor}"] = [f"{convolution}.{tensor}"]
            names[f"{head}.dense.{tensor}"] = [f"{dense}.{tensor}"]
    return names
