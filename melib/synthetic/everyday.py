"""People as they film themselves: what moves, covers and lights a face that shows nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from melib.synthetic.action_units import components
from melib.synthetic.curves import FPS, envelope, minimum_jerk, sway
from melib.synthetic.streams import stream
from melib.video import Camera

#: What a syllable does: range of the displacement of each action unit, mm. Jaw, rounded, spread, closed, raised lips.
SYLLABLES = (
    {"26": (3.0, 9.0), "16": (0.3, 1.5)},
    {"26": (1.0, 4.0), "18": (1.5, 5.0), "22": (0.5, 2.0)},
    {"26": (1.0, 4.0), "20": (0.5, 2.5), "12": (0.3, 1.5)},
    {"24": (0.5, 2.0), "17": (0.3, 1.5)},
    {"26": (1.5, 5.0), "10": (0.2, 1.0)},
)
#: Share of the largest part of a video that is spoken, mean length of a stretch in seconds, syllables in a second.
MOST_SPEECH, STRETCH_S, SYLLABLES_HZ = 0.95, 4.8, (3.0, 6.0)
_LEAN_S, _TURN_S, _NOD_S, _LIGHT_S, _COVER_S = 5.0, 6.0, 7.0, 7.0, 40.0  # mean seconds from one to the next
# Spread of where a head leans to: radians, and millimetres, of which 20 are 3.6 % nearer; and of the light's strength
# and direction. No draw lies further out than so many spreads.
_LEANING, _LIGHTING = np.array([0.05, 0.05, 0.03, 4.0, 4.0, 20.0]), np.array([0.05, 0.12, 0.08, 0.0])
_MOST_SPREADS = 1.6
COVER_M, _FAR_MM = 0.09, 220.0  # what covers the face: metres before the eyes, and from how far it comes


def _starts(rng: np.random.Generator, n_frames: int, every_s: float) -> np.ndarray:
    return np.sort(rng.uniform(0, n_frames, rng.poisson(n_frames / FPS / every_s)))


def _wander(
    rng: np.random.Generator, n_frames: int, every_s: float, lasts_s: tuple[float, float], spread: np.ndarray
) -> np.ndarray:
    """From one place about zero to the next: ``(n_frames, K)``."""
    here, out, frames = np.zeros(len(spread)), np.zeros((n_frames, len(spread))), np.arange(n_frames)
    for start in _starts(rng, n_frames, every_s):
        there = spread * rng.standard_normal(len(spread)).clip(-_MOST_SPREADS, _MOST_SPREADS)
        out += (there - here) * minimum_jerk((frames - start) / (FPS * rng.uniform(*lasts_s)))[:, None]
        here = there
    return out


def add_speech(weights: np.ndarray, seed: int, names: Sequence[str], peak_mm: np.ndarray) -> None:
    """Let jaw and lips speak, in stretches; some people say next to nothing."""
    rng = stream(seed, "speech")
    loudness, share = rng.lognormal(0.2, 0.25), max(rng.uniform(0.0, MOST_SPEECH), 0.02)
    pause_s = STRETCH_S * (1 - share) / share
    at = FPS * rng.exponential(pause_s)
    while at < len(weights):
        end = at + FPS * (0.8 + rng.exponential(STRETCH_S - 0.8))
        while at < end:
            length = FPS / rng.uniform(*SYLLABLES_HZ)
            # One syllable begins while the last one fades.
            frames = np.arange(np.ceil(at), np.ceil(at + 1.6 * length).clip(max=len(weights)))
            curve = loudness * envelope(frames, at, at + 0.7 * length, at + 0.8 * length, at + 1.6 * length)
            for unit, span in SYLLABLES[rng.integers(len(SYLLABLES))].items():
                moved = rng.uniform(*span)
                for k in map(names.index, components(unit)):
                    weights[frames.astype(int), k] += curve * moved / peak_mm[k]
            at += length
        at += FPS * rng.exponential(pause_s)


def head_motion(seed: int, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation ``(n_frames, 3)``, radians and mm; the camera's motion, too, is given to the head."""
    frames = np.arange(n_frames)
    rotation, translation = np.hsplit(_wander(stream(seed, "leaning"), n_frames, _LEAN_S, (0.5, 3.0), _LEANING), 2)
    rng = stream(seed, "turns")
    for start in _starts(rng, n_frames, _TURN_S):
        angles = rng.standard_normal(3).clip(-_MOST_SPREADS, _MOST_SPREADS) * (0.09, 0.13, 0.06)
        rise, hold = FPS * rng.uniform(0.3, 0.9), FPS * rng.exponential(0.7)
        rotation += (
            envelope(frames, start, start + rise, start + rise + hold, start + 2 * rise + hold)[:, None] * angles
        )
    rng = stream(seed, "nods")
    for start in _starts(rng, n_frames, _NOD_S):
        axis, cycles, size = rng.choice(2, p=(0.7, 0.3)), rng.integers(1, 5), rng.uniform(0.03, 0.11)
        phase = ((frames - start) / FPS * rng.uniform(1.2, 2.6)).clip(0, cycles)
        rotation[:, axis] += size * np.sin(2 * np.pi * phase) * np.sin(np.pi * phase / cycles)
    rng = stream(seed, "restlessness")
    rotation += np.stack([sway(rng, n_frames, 1.5, rng.uniform(0.005, 0.018)) for _ in range(3)], axis=1)
    translation += np.stack([sway(rng, n_frames, 1.0, rng.uniform(0.3, 1.5)) for _ in range(3)], axis=1)
    rng = stream(seed, "camera")
    if rng.random() < 0.6:  # held in a hand; the others stand
        translation[:, :2] += np.stack([sway(rng, n_frames, 2.5, rng.uniform(0.3, 1.1)) for _ in range(2)], axis=1)
        rotation[:, 2] += sway(rng, n_frames, 2.5, rng.uniform(0.001, 0.006))
    return rotation, translation


def light(seed: int, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Brightness ``(n_frames,)`` about 1, and what is added to the direction of the lamp ``(n_frames, 3)``."""
    rng = stream(seed, "room")
    size, hz, phase = 0.05 * rng.random() ** 2, rng.uniform(0.5, 14.0), rng.uniform(0, 2 * np.pi)
    changes = _wander(rng, n_frames, _LIGHT_S, (0.1, 1.5), _LIGHTING)
    return (1 + size * np.sin(2 * np.pi * hz / FPS * np.arange(n_frames) + phase)) * (1 + changes[:, 0]), changes[:, 1:]


def covers(seed: int, n_frames: int) -> np.ndarray:
    """What passes before the face: ``(n_frames, 6)``, a radius of 0 where nothing does.

    Its tip in mm right and down of the optical axis, the angle at which it leaves the picture, radius and number of its
    fingers, and its brightness relative to skin.
    """
    rng, frames, out = stream(seed, "covers"), np.arange(n_frames), np.zeros((n_frames, 6))
    for start in _starts(rng, n_frames, _COVER_S):
        hand = rng.random() < 0.7
        tip, angle = rng.uniform((-40, -30), (40, 60)), rng.uniform(0.3, 2.8) * (1 if hand else -1)
        rise, hold = FPS * rng.uniform(0.3, 0.8), FPS * rng.exponential(0.7)
        inside = (frames > start) & (frames < start + 2 * rise + hold)
        there = envelope(frames, start, start + rise, start + rise + hold, start + 2 * rise + hold)[inside, None]
        what = (rng.uniform(7, 10), rng.integers(2, 5), 1.0) if hand else (rng.uniform(1.5, 4), 1, 0.15)
        out[inside, :2] = tip + _FAR_MM * (1 - there) * (np.cos(angle), np.sin(angle))
        out[inside, 2:] = (angle, *what)
    return out


def cover(where: np.ndarray, camera: Camera, distance: float) -> np.ndarray:
    """How far one of the `covers` hides each pixel, and how bright it is there: ``(2, H, W)`` float32."""
    x, y, angle, radius, fingers, brightness = where.astype(float)
    if not radius:
        return np.zeros((2, camera.height, camera.width), np.float32)
    row, column = np.mgrid[: camera.height, : camera.width]
    mm = 1e3 * (distance - COVER_M) / camera.fx  # of a pixel, there
    right, down = mm * (column - camera.cx) - x, mm * (row - camera.cy) - y
    along, across = right * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - right * np.sin(angle)
    # From the nearest finger; each begins at the tip and leaves the picture.
    pitch, middle = 2.1 * radius, (fingers - 1) / 2
    across -= pitch * (np.rint(across / pitch + middle).clip(0, fingers - 1) - middle)
    away = np.hypot(across, np.minimum(along, 0))
    shade = brightness * np.sqrt((1.1 - (away / radius) ** 2).clip(0.1))
    return np.stack([((radius - away) / mm + 0.5).clip(0, 1), shade]).astype(np.float32)
