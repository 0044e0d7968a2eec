"""The camera's two sensors: a noisy 8-bit colour image, and depth as a stereo camera measures it.

Colour: signal-dependent Gaussian noise of variance ``shot * v + read`` on the linear signal ``v``, then gamma 1/2.2.
Depth: a stereo camera measures disparity ``d = fB / z``, so ``sigma_z = s * z**2 / fB``. The error is mostly correlated
over neighbouring pixels, part of it stays with the pixel; readings are quantised, and missing along depth edges.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import cv2
import numpy as np

from melib.synthetic.streams import STREAMS, stream

#: Focal length times baseline in px mm, of the order of a RealSense D415 (920 px, 55 mm).
FOCAL_BASELINE = 50_600.0
#: What stands behind the head, in metres: a wall the depth sensor can see.
WALL = 1.1

_BANK_SIZE = 1 << 21
_BANK_SEED = 20_240_101
#: Shares of white and window-correlated disparity noise; their squares sum to one.
_WHITE, _CORRELATED = 0.35, 0.9367
#: Correlation of the noise over pixels (Gaussian sigma), and the blur of the matching window.
_CORRELATION_PX, _WINDOW_PX = 2.0, 0.7
#: Narrower correlations are scaled by the kernel's own weights.
_NARROW_PX = 1.5


@dataclass(frozen=True)
class ColourSensor:
    """Noise of the colour image: variance ``shot * v + read`` at linear intensity ``v`` in 0..1."""

    shot: float
    read: float


@dataclass(frozen=True)
class DepthSensor:
    """A depth sensor; the default is an ideal one."""

    disparity_px: float = 0.0  # standard deviation of the disparity noise
    quantum_px: float = 0.0  # step of the disparity; 0 for none
    unit_mm: float = 0.0  # millimetres per count of the 16-bit reading; 0: the reading is the geometry itself
    pattern_mm: float = 0.0  # standard deviation of the error that stays with the pixel
    edge_mm: float = float("inf")  # no reading where depth changes by more than this from one pixel to the next
    dropout: float = 0.0  # share of pixels without a reading, at random
    registration_px: tuple[float, float] = (0.0, 0.0)  # shift (right, down) of depth against colour
    correlation_px: float = _CORRELATION_PX  # sigma over which the disparity noise is alike; 0 makes it white


_STEREO = DepthSensor(disparity_px=0.03, quantum_px=1 / 32, unit_mm=0.1, edge_mm=7.5, dropout=0.0006)
#: The named sensors: the geometry itself, a very good stereo camera, an ordinary one.
DEPTH_LEVELS = {
    "none": DepthSensor(),
    "low": _STEREO,
    "mid": replace(_STEREO, disparity_px=0.08, unit_mm=1.0, pattern_mm=0.3),
}


def draw_colour_sensor(seed: int, *, everyday: bool = False) -> ColourSensor:
    """The colour sensor of a video: some are noisier than others, everyday ones up to twice as much."""
    rng = stream(seed, "colour_sensor")
    worse = float(np.exp(stream(seed, "grain").uniform(-0.5, 0.7))) if everyday else 1.0
    return ColourSensor(shot=worse * float(rng.uniform(1.2e-4, 5e-4)), read=worse * float(rng.uniform(5e-7, 4e-6)))


@functools.lru_cache(maxsize=1)
def _bank() -> np.ndarray:
    """Standard normal numbers; a frame takes a run of them, which is ten times faster than drawing them anew."""
    return np.random.default_rng(_BANK_SEED).standard_normal(_BANK_SIZE, dtype=np.float32)


@functools.lru_cache(maxsize=1)
def _gamma() -> np.ndarray:
    return (255.0 * (np.arange(65_536) / 65_535.0) ** (1 / 2.2) + 0.5).astype(np.uint8)


def _normals(shape: tuple[int, ...], seed: int, frame: int) -> np.ndarray:
    """Standard normal noise of one frame: the bank from a place that a hash of seed and frame chooses."""
    key = np.random.SeedSequence((seed, STREAMS["colour_noise"], frame)).generate_state(1, np.uint64)[0]
    start = int(key % np.uint64(_BANK_SIZE))
    size = int(np.prod(shape))
    if start + size <= _BANK_SIZE:
        return _bank()[start : start + size].reshape(shape)
    return np.take(_bank(), np.arange(start, start + size), mode="wrap").reshape(shape)


def encode_colour(linear: np.ndarray, sensor: ColourSensor, seed: int, frame: int) -> np.ndarray:
    """What the colour sensor makes of linear RGB ``(H, W, 3)``, 1 = full scale: uint8; seed and frame fix the noise."""
    signal = np.maximum(linear, 0.0, dtype=np.float32)
    noise = np.sqrt(signal * np.float32(sensor.shot) + np.float32(sensor.read))
    noise *= _normals(signal.shape, seed, frame)
    signal += noise
    signal *= np.float32(65_535.0)
    return _gamma()[np.clip(signal, 0.0, 65_535.0, out=signal).astype(np.uint16)]


def compress(image: np.ndarray, seed: int, frame: int) -> np.ndarray:
    """What a codec leaves of a frame ``(H, W, 3)`` uint8: JPEG's blocks, with a better frame every now and then."""
    rng = stream(seed, "codec")
    quality, period, better = rng.integers(65, 93), rng.integers(8, 60), rng.integers(0, 6)
    quality += better if frame % period == 0 else 0
    coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]


def _correlated(rng: np.random.Generator, shape: tuple[int, int], spread: float = _CORRELATION_PX) -> np.ndarray:
    """Unit-variance Gaussian noise with a Gaussian correlation over pixels; white for a spread of 0."""
    white = rng.standard_normal(shape, dtype=np.float32)
    if not spread:
        return white
    if spread < _NARROW_PX:  # a kernel of few pixels is no Gaussian: its own weights say by how much it shrinks
        kernel = cv2.getGaussianKernel(2 * int(np.ceil(4 * spread)) + 1, spread)
        scale = np.float32(1 / (kernel**2).sum())
    else:  # a Gaussian kernel of width s shrinks the variance of white noise to 1 / (4 pi s^2)
        scale = np.float32(2 * np.sqrt(np.pi) * spread)
    return cv2.GaussianBlur(white, (0, 0), spread) * scale


@functools.lru_cache(maxsize=4)
def _pattern(seed: int, shape: tuple[int, int]) -> np.ndarray:
    return _correlated(stream(seed, "depth_pattern"), shape)


def measure_depth(depth: np.ndarray, sensor: DepthSensor, seed: int, frame: int) -> np.ndarray:
    """The sensor's raw reading of true depth ``(H, W)`` (metres, 0: the wall is seen); seed and frame fix the noise.

    Counts of `sensor.unit_mm` as uint16, 0 = no reading; of an ideal sensor float32 metres (:func:`to_metres`: either).
    """
    scene = np.where(depth > 0, depth, np.float32(WALL))
    if any(sensor.registration_px):
        right, down = sensor.registration_px
        shift = np.float32([[1, 0, right], [0, 1, down]])
        scene = cv2.warpAffine(scene, shift, scene.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if not sensor.unit_mm:
        return scene
    rng = stream(seed, "depth_noise", frame)
    millimetres = scene * np.float32(1e3)
    # The Sobel kernel sums to eight times the slope per pixel.
    across = cv2.Sobel(millimetres, cv2.CV_32F, 1, 0)
    along = cv2.Sobel(millimetres, cv2.CV_32F, 0, 1)
    missing = across * across + along * along > (8.0 * sensor.edge_mm) ** 2
    missing |= rng.random(scene.shape, dtype=np.float32) < sensor.dropout
    disparity = np.float32(FOCAL_BASELINE) / cv2.GaussianBlur(millimetres, (0, 0), _WINDOW_PX)
    noise = _correlated(rng, scene.shape, sensor.correlation_px) * np.float32(_CORRELATED)
    noise += rng.standard_normal(scene.shape, dtype=np.float32) * np.float32(_WHITE)
    disparity += noise * np.float32(sensor.disparity_px)
    if sensor.quantum_px:
        disparity = np.rint(disparity / np.float32(sensor.quantum_px)) * np.float32(sensor.quantum_px)
    reading = np.float32(FOCAL_BASELINE) / disparity
    if sensor.pattern_mm:
        reading += _pattern(seed, scene.shape) * np.float32(sensor.pattern_mm)
    counts = np.clip(np.rint(reading / np.float32(sensor.unit_mm)), 0, 65_535)
    counts[missing] = 0
    return counts.astype(np.uint16)


def to_metres(raw: np.ndarray, sensor: DepthSensor) -> np.ndarray:
    """Depth in metres, float32, of the raw reading of :func:`measure_depth`; 0 stays "no reading"."""
    if not sensor.unit_mm:
        return raw
    return raw.astype(np.float32) * np.float32(sensor.unit_mm / 1e3)
