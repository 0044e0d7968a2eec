"""The two classical methods that OpenCV brings: dense inverse search (DIS) and Farneback's polynomials.

T. Kroeger, R. Timofte, D. Dai, L. Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016,
doi:10.1007/978-3-319-46493-0_29. G. Farneback, "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003,
doi:10.1007/3-540-45103-X_50.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from melib.flow.images import check_numbers

#: Side in pixels of the patches that DIS matches. A stride beyond it leaves pixels unseen: OpenCV ends the process.
_PATCH = 8


def dis(
    a: np.ndarray, b: np.ndarray, *, finest_scale: int = 0, patch_stride: int = 4, variational_iterations: int = 5
) -> np.ndarray:
    """Dense inverse search in the fine setting of this study, OpenCV's implementation from its "medium" preset.

    Deterministic: it runs on one thread. Grey images ``(B, H, W)``, uint8 or floating point in 0..255 (rounded to whole
    grey levels), give flow ``(B, 2, H, W)``, float32 pixels (right, down). A parameter out of range raises ValueError.

    Parameters
    ----------
    finest_scale : int
        Level of the pyramid at which the search stops: 0 is full resolution, each step up half, faster and coarser;
        at most the level at which the search begins, 1 for images of 64 pixels, 2 of 128.
    patch_stride : int
        Distance in pixels between patches, 1 to 8: smaller is denser, smoother and slower.
    variational_iterations : int
        Sweeps of the variational refinement on each level: more spreads motion into areas without texture.
    """
    sides = a.shape[-2:]
    # OpenCV begins here; told to stop at a coarser level, it reads outside of its images.
    coarsest = max(0, min(int(math.log2(max(sides) / (4 * _PATCH)) + 0.5), int(math.log2(min(sides) / _PATCH))))
    check_numbers(0, coarsest, whole=True, finest_scale=finest_scale)
    check_numbers(1, _PATCH, whole=True, patch_stride=patch_stride)
    check_numbers(0, 10_000, whole=True, variational_iterations=variational_iterations)
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    method.setFinestScale(finest_scale)
    method.setPatchSize(_PATCH)
    method.setPatchStride(patch_stride)
    method.setVariationalRefinementIterations(variational_iterations)
    return _each_pair(lambda first, second: method.calc(first, second, None), a, b)


def farneback(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Farneback's polynomial expansion, OpenCV's implementation, on three levels of a pyramid of factor 2.

    Grey images ``(B, H, W)`` as for `dis` give flow ``(B, 2, H, W)``, float32 pixels (right, down). Neighbourhoods of 7
    pixels, weighted by a Gaussian of 1.5, averaged over windows of 15, five iterations a level.
    """
    settings = {"pyr_scale": 0.5, "levels": 3, "winsize": 15, "iterations": 5, "poly_n": 7, "poly_sigma": 1.5}
    return _each_pair(
        lambda first, second: cv2.calcOpticalFlowFarneback(first, second, None, flags=0, **settings), a, b
    )


def _each_pair(method: Callable[[np.ndarray, np.ndarray], np.ndarray], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A method of OpenCV pair by pair, on one thread: bits then do not depend on the number of cores."""
    flow = np.empty((len(a), 2, *a.shape[1:]), np.float32)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for index, (first, second) in enumerate(zip(a, b, strict=True)):
            flow[index] = method(_grey_levels(first), _grey_levels(second)).transpose(2, 0, 1)
    finally:
        cv2.setNumThreads(threads)
    return flow


def _grey_levels(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8:
        image = np.rint(image).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(image)
