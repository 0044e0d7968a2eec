"""What every flow method asks of its images, checked in one place and said in one sentence."""

from __future__ import annotations

import math
import sys

import numpy as np

from melib.errors import InputError

#: Smallest side of an image, in pixels: below it no pyramid level holds a neighbourhood to compare.
SMALLEST_SIDE = 16


def is_tensor(array) -> bool:
    """Whether an object is a PyTorch tensor, found out without importing PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def check_pair(a, b) -> None:
    """Refuse two batches of grey images that no flow method can compare.

    Parameters
    ----------
    a, b : numpy.ndarray or torch.Tensor
        ``(B, H, W)`` or ``(H, W)``, uint8 or floating point in 0..255.

    Raises
    ------
    ValueError
        With the reason and the mend: no array, mixed kinds, devices, shapes or types, a wrong number of axes, an image
        smaller than 16 pixels a side, an empty batch, NaN or infinity, values outside 0..255 or a range of 0..1.
    """
    for name, image in (("a", a), ("b", b)):
        if not (isinstance(image, np.ndarray) or is_tensor(image)):
            raise InputError(f"image {name} is a {type(image).__name__}: pass a NumPy array or a PyTorch tensor")
    check_same_home("image b", b, "image a", a)
    if a.shape != b.shape:
        raise InputError(f"images differ in shape: {tuple(a.shape)} and {tuple(b.shape)}")
    if a.dtype != b.dtype:
        raise InputError(f"images differ in type: {a.dtype} and {b.dtype}; convert both to uint8")
    if a.ndim not in (2, 3):
        raise InputError(f"images must be (B, H, W) or (H, W), got shape {tuple(a.shape)}; turn colour into grey first")
    if min(a.shape[-2:]) < SMALLEST_SIDE:
        hint = "; turn colour into grey first" if a.ndim == 3 and a.shape[-1] in (3, 4) else ""
        raise InputError(
            f"images of {a.shape[-2]} x {a.shape[-1]} pixels are too small: {SMALLEST_SIDE} a side at least{hint}"
        )
    if a.shape[0] == 0:
        raise InputError("the batch holds no images")
    for name, image in (("a", a), ("b", b)):
        check_grey(name, image)


def check_same_home(name: str, array, other_name: str, other) -> None:
    """Raise ValueError unless both are arrays, or both tensors on one device."""
    if is_tensor(array) != is_tensor(other):
        raise InputError(f"of {name} and {other_name} one is a tensor and one an array: pass all of a kind")
    if is_tensor(array) and array.device != other.device:
        raise InputError(f"{name} lies on {array.device}, {other_name} on {other.device}: move one")


def check_grey(name: str, image) -> None:
    """Raise ValueError unless an image is uint8, or floating point, finite and on the scale 0..255.

    Tensors on PyTorch's meta device carry no values; only their type is looked at.
    """
    kind = str(image.dtype).removeprefix("torch.")
    if kind == "uint8":
        return
    if "float" not in kind:
        raise InputError(f"image {name} is of type {kind}: use uint8, or floating point in 0..255")
    if getattr(image, "is_meta", False):
        return
    low, high = float(image.min()), float(image.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"image {name} holds NaN or infinity: fill or leave out such pixels first")
    if low < -0.5 or high > 255.5:
        raise InputError(f"image {name} holds values from {low:g} to {high:g}: grey levels must lie in 0..255")
    if low >= 0 and high <= 1 and low < high:
        raise InputError(
            f"image {name} lies within {low:g}..{high:g}, which looks like a scale of 0..1: multiply by 255"
        )
