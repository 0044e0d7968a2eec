"""Analytic scenes: textured images whose motion is known exactly because the texture is a formula."""

import numpy as np


class Texture:
    """A smooth random texture, a sum of waves of ``shortest`` to six times so many pixels, to be sampled anywhere."""

    def __init__(self, seed=0, shortest=6.0, waves=60):
        random = np.random.default_rng([seed, 77])
        frequency = 2 * np.pi / random.uniform(shortest, 6 * shortest, waves)
        angle = random.uniform(0, 2 * np.pi, waves)
        self.wave = np.stack([frequency * np.cos(angle), frequency * np.sin(angle)])
        self.phase = random.uniform(0, 2 * np.pi, waves)

    def __call__(self, x, y):
        total = np.zeros(np.shape(x))
        for wave_x, wave_y, phase in zip(*self.wave, self.phase, strict=True):
            total += np.cos(wave_x * x + wave_y * y + phase)
        return np.clip(128 + 45 * total / np.sqrt(self.phase.size / 2), 0, 255)


def grid(height, width):
    """Pixel coordinates ``(x, y)``, each ``(H, W)``."""
    y, x = np.mgrid[:height, :width].astype(float)
    return x, y


def shifted_pair(height=64, width=64, shift=(0.6, -0.3), seed=0, dtype=np.uint8):
    """Images ``a`` and ``b`` where everything moves by ``shift`` = (right, down) pixels."""
    texture = Texture(seed)
    x, y = grid(height, width)
    a, b = texture(x, y), texture(x - shift[0], y - shift[1])
    if dtype is np.uint8:
        a, b = np.rint(a), np.rint(b)
    return a.astype(dtype), b.astype(dtype)


def endpoint_error(flow, truth, border=4):
    """Mean length of the error, ``(..., 2, H, W)`` against a shift (2,) or a flow, a border left out."""
    truth = np.asarray(truth, float)
    if truth.ndim == 1:
        truth = truth[:, None, None]
    inner = slice(border, -border)
    return np.linalg.norm(flow - truth, axis=-3)[..., inner, inner].mean()
