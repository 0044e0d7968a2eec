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
    """Strength in 0..1 of a movement at the given frames.

    0 up to the onset, a minimum-jerk rise to 1 at the apex, held to the release, and a minimum-jerk decay to 0 at the
    offset. ``skew`` below 1 lets the decay start faster and end slower.
    """
    rise = minimum_jerk((frames - onset) / (apex - onset))
    fall = minimum_jerk(np.clip((frames - release) / (offset - release), 0.0, 1.0) ** skew)
    return rise * (1.0 - fall)


def sway(rng: np.random.Generator, n_frames: int, cutoff_hz: float, sd: float) -> np.ndarray:
    """Low-pass noise of the given standard deviation, ``(n_frames,)``: white noise through two equal one-pole filters.

    Their joint impulse response, ``(n + 1) pole**n``, is short enough to be convolved with; SciPy's filter would do
    the same, but importing it takes a fifth of the memory that a rendering process may use.
    """
    pole = np.exp(-2 * np.pi * cutoff_hz / FPS)
    n = np.arange(int(np.ceil(12.0 / (1.0 - pole))))
    response = (n + 1) * pole**n
    response *= sd / np.linalg.norm(response)
    return np.convolve(rng.standard_normal(n_frames + len(n) - 1), response, mode="valid")
