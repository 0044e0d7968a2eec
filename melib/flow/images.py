"""What the flow methods ask of their input, checked in one place and said in one sentence; arrays and tensors alike."""

from __future__ import annotations

import math
import sys
from numbers import Integral

import numpy as np
from scipy import ndimage

from melib.errors import InputError

#: Smallest side of an image, in pixels: below it no pyramid level holds a neighbourhood to compare.
SMALLEST_SIDE = 16
#: A median depth beyond this many metres is taken for millimetres: no face is filmed from there.
FARTHEST = 20.0


def is_tensor(array) -> bool:
    """Whether an object is a PyTorch tensor, found out without importing PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def library_of(array):
    """PyTorch for a tensor, else NumPy: functions of one name and meaning in both serve arrays and tensors."""
    return sys.modules["torch"] if is_tensor(array) else np


def picked(planes, at):
    """Values ``(..., C, N)`` of planes ``(..., C, H, W)`` at pixels numbered row by row, ``(..., N)``."""
    flat, at = planes.reshape(*planes.shape[:-2], -1), at[..., None, :]
    return flat.take_along_dim(at, -1) if is_tensor(flat) else np.take_along_axis(flat, at, -1)


def middle(values, use):
    """Median ``(..., 1)`` of those of values ``(..., N)`` that are used (bool); NaN where none is."""
    if not is_tensor(values):
        rows = (each.reshape(-1, values.shape[-1]) for each in (values, np.broadcast_to(use, values.shape)))
        return np.array([np.median(row[used]) for row, used in zip(*rows, strict=True)]).reshape(*values.shape[:-1], 1)
    # Of an even number PyTorch takes the lower middle one.
    hidden = values.masked_fill(~use, math.nan)
    return (hidden.nanmedian(-1, keepdim=True).values - (-hidden).nanmedian(-1, keepdim=True).values) / 2


def fill_nearest(planes, known):
    """Planes ``(B, C, H, W)`` whose unknown pixels take the value of the nearest known one, ``(B, H, W)`` bool."""
    if is_tensor(planes):
        from melib.flow.depth import nearest
    else:
        nearest = _nearest
    at = library_of(planes).stack([nearest(each) for each in known])
    return picked(planes, at).reshape(planes.shape)


def _nearest(known: np.ndarray) -> np.ndarray:
    rows, columns = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return (rows * known.shape[1] + columns).ravel()


def check_shapes(**given) -> None:
    """Refuse arrays that do not fit together: ``flow=(flow, "B 2 H W")``; letters are sizes, ``...`` any axes."""
    sizes: dict[str, int] = {}
    for name, (array, wanted) in given.items():
        shape, axes = np.shape(array), wanted.split()
        if axes[0] == "...":
            axes = axes[1:]
            shape = shape[max(0, len(shape) - len(axes)) :]
        fits = len(shape) == len(axes)
        for axis, size in zip(axes, shape, strict=False):
            fits &= size == (int(axis) if axis.isdigit() else sizes.setdefault(axis, size))
        if not fits:
            known = "".join(f"; {axis} = {size}" for axis, size in sizes.items())
            raise InputError(f"{name} must be ({wanted.replace(' ', ', ')}), got {np.shape(array)}{known}")


def check_numbers(low: float, high: float, *, whole: bool = False, **numbers: float) -> None:
    """Refuse parameters outside ``low..high``, and with ``whole`` those that are no whole numbers."""
    for name, number in numbers.items():
        if not low <= number <= high or (whole and not isinstance(number, Integral)):
            raise InputError(f"{name} must be a {'whole ' * whole}number in {low:g}..{high:g}, got {number}")


def check_pair(a, b) -> None:
    """Refuse two batches of images that no method can compare; the message says why, and the mend."""
    _check_alike("image a", a, a)
    _check_alike("image b", b, a)
    if a.dtype != b.dtype:
        raise InputError(f"images differ in type: {a.dtype} and {b.dtype}; convert both to uint8")
    if a.ndim not in (2, 3) or a.shape[-1] in (3, 4):
        raise InputError(f"images must be (B, H, W) or (H, W), got shape {tuple(a.shape)}; turn colour into grey first")
    if min(a.shape[-2:]) < SMALLEST_SIDE:
        raise InputError(f"images of shape {tuple(a.shape)} are too small: {SMALLEST_SIDE} pixels a side at least")
    if a.shape[0] == 0:
        raise InputError("the batch holds no images")
    for name, image in (("image a", a), ("image b", b)):
        if image.dtype == np.uint8 or str(image.dtype) == "torch.uint8":
            continue
        low, high = _extremes(name, image, "use uint8, or floating point in 0..255")
        if low < -0.5 or high > 255.5:
            raise InputError(f"{name} holds values from {low:g} to {high:g}: grey levels must lie in 0..255")
        if low >= 0 and high <= 1 and low < high:
            raise InputError(f"{name} lies within {low:g}..{high:g}, which looks like 0..1: multiply by 255")


def check_depth(name: str, depth, images) -> None:
    """Refuse a depth map that does not fit its images, holds no reading, or is not in metres, 0 = no reading."""
    _check_alike(name, depth, images)
    low, high = _extremes(name, depth, "convert to float32 metres (raw readings often count millimetres)")
    if low < 0:
        raise InputError(f"{name} holds negative values ({low:g}): depth is metres from the camera, 0 = no reading")
    if getattr(depth, "is_meta", False):
        return
    if high == 0:
        raise InputError(f"{name} holds no reading at all (every pixel is 0)")
    readings = depth[depth > 0]
    median = float(readings.median() if is_tensor(readings) else np.median(readings))
    if median > FARTHEST:
        raise InputError(f"{name} has a median of {median:g} m, which looks like millimetres: divide by 1000")


def _check_alike(name: str, array, images) -> None:
    """Refuse what is no array, or not of the kind, the device and the shape of the first images."""
    if not (isinstance(array, np.ndarray) or is_tensor(array)):
        raise InputError(f"{name} is a {type(array).__name__}: pass a NumPy array or a PyTorch tensor")
    if is_tensor(array) != is_tensor(images):
        raise InputError(f"of {name} and the first images one is a tensor and one an array: pass all of a kind")
    if is_tensor(array) and array.device != images.device:
        raise InputError(f"{name} lies on {array.device}, the first images on {images.device}: move one")
    if array.shape != images.shape:
        raise InputError(f"{name} has shape {tuple(array.shape)}, the first images {tuple(images.shape)}")


def _extremes(name: str, array, mend: str) -> tuple[float, float]:
    """Least and largest value of a finite floating-point array; 0 and 0 on the meta device, which holds no values."""
    kind = str(array.dtype).removeprefix("torch.")
    if "float" not in kind:
        raise InputError(f"{name} is of type {kind}: {mend}")
    if getattr(array, "is_meta", False):
        return 0.0, 0.0
    low, high = float(array.min()), float(array.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"{name} holds NaN or infinity: leave such pixels out of images, and set them to 0 in depth")
    return low, high
