"""How things move over time: smooth rises, the envelope of an expression, and slow random sway."""

from __future__ import annotations

import numpy as np

#: Frames per second of every synthetic video.
FPS = 30.0


def minimum_jerk(x: np.ndarray) -> np.ndarray:
    """The smoothest way from 0 at ``x <= 0`` to 1 at ``x >= 1`` (Flash and Hogan 1985)."""
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10.0 - 15.0 * x + 6.0 * x * x)


def envelope(frames: np.ndarray, onset: float, apex: float, release: float, offset: float, skew: float = 1.0):
    """Strength in 0..1: up from onset to apex, held to the release, down to the offset; skew < 1 starts faster."""
    rise = minimum_jerk((frames - onset) / (apex - onset))
    fall = minimum_jerk(np.clip((frames - release) / (offset - release), 0.0, 1.0) ** skew)
    return rise * (1.0 - fall)


def sway(rng: np.random.Generator, n_frames: int, cutoff_hz: float, sd: float) -> np.ndarray:
    """Low-pass noise of the given standard deviation, ``(n_frames,)``: white noise through two one-pole filters."""
    pole = np.exp(-2 * np.pi * cutoff_hz / FPS)
    # Their joint impulse response is short enough to convolve with, which spares the import of SciPy's filters.
    n = np.arange(int(np.ceil(12.0 / (1.0 - pole))))
    response = (n + 1) * pole**n
    response *= sd / np.linalg.norm(response)
    return np.convolve(rng.standard_normal(n_frames + len(n) - 1), response, mode="valid")
