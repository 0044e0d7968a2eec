"""The two classical methods that OpenCV brings: dense inverse search (DIS) and Farneback's polynomials.

References
----------
T. Kroeger, R. Timofte, D. Dai, L. Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016,
doi:10.1007/978-3-319-46493-0_29.
G. Farneback, "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003, doi:10.1007/3-540-45103-X_50.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np


def dis(
    a: np.ndarray,
    b: np.ndarray,
    *,
    finest_scale: int = 0,
    patch_size: int = 8,
    patch_stride: int = 4,
    variational_iterations: int = 5,
) -> np.ndarray:
    """Dense inverse search in the fine setting of this study, OpenCV's implementation from its "medium" preset.

    Deterministic: it runs on one thread. Floating-point images are rounded to whole grey levels, the only kind the
    implementation reads.

    Parameters
    ----------
    a, b : numpy.ndarray
        Grey images ``(B, H, W)``, uint8 or floating point in 0..255.
    finest_scale : int
        Level of the pyramid at which the search stops: 0 searches at full resolution (needed for motion below a
        pixel), each step up halves it, and is faster and coarser.
    patch_size : int
        Side in pixels of the patches that are matched: larger is steadier and blurs small motion.
    patch_stride : int
        Distance in pixels between patches: smaller is denser, smoother and slower.
    variational_iterations : int
        Sweeps of the variational refinement on each level: more spreads motion into areas without texture.

    Returns
    -------
    numpy.ndarray
        Flow ``(B, 2, H, W)``, float32 pixels (right, down).
    """
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    method.setFinestScale(finest_scale)
    method.setPatchSize(patch_size)
    method.setPatchStride(patch_stride)
    method.setVariationalRefinementIterations(variational_iterations)
    return _each_pair(lambda first, second: method.calc(first, second, None), a, b)


def farneback(
    a: np.ndarray,
    b: np.ndarray,
    *,
    levels: int = 3,
    window: int = 15,
    iterations: int = 5,
    neighbourhood: int = 7,
    smoothing: float = 1.5,
) -> np.ndarray:
    """Farneback's polynomial expansion, OpenCV's implementation with a pyramid of factor 2.

    Parameters
    ----------
    a, b : numpy.ndarray
        Grey images ``(B, H, W)``, uint8 or floating point in 0..255 (rounded to whole grey levels).
    levels : int
        Levels of the pyramid: more follow larger motion.
    window : int
        Side in pixels of the averaging window: larger is steadier against noise and blurs small motion.
    iterations : int
        Iterations on each level.
    neighbourhood : int
        Side in pixels of the neighbourhood a polynomial is fitted to.
    smoothing : float
        Standard deviation in pixels of the weights of that fit; 1.5 goes with 7 pixels, 1.1 with 5.

    Returns
    -------
    numpy.ndarray
        Flow ``(B, 2, H, W)``, float32 pixels (right, down).
    """

    def method(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return cv2.calcOpticalFlowFarneback(
            first, second, None, 0.5, levels, window, iterations, neighbourhood, smoothing, 0
        )

    return _each_pair(method, a, b)


def _each_pair(method: Callable[[np.ndarray, np.ndarray], np.ndarray], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Apply a method of OpenCV pair by pair: ``(B, H, W)`` twice -> ``(B, 2, H, W)``."""
    flow = np.empty((len(a), 2, *a.shape[1:]), np.float32)
    with _one_thread():
        for index, (first, second) in enumerate(zip(a, b, strict=True)):
            flow[index] = method(_grey_levels(first), _grey_levels(second)).transpose(2, 0, 1)
    return flow


def _grey_levels(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8:
        image = np.rint(image).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(image)


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV on one thread for a while: bits then do not depend on the number of cores."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
