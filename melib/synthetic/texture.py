"""Skin, hair, eyes and cloth: a painted texture for each subject.

The skin is painted on a cylinder wrapped around the mean face and measured in millimetres. Ears, mouth lining, teeth
and tongue take one colour each from tiles beside it, the eyeballs a tile of their own. Colours are linear reflectances.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from melib.synthetic.head import EAR, EYES, MOUTH, TEETH, TONGUE, Head, eye_centres
from melib.synthetic.raster import interpolate, rasterize

TEXEL_PER_MM = 2.6
_HALF_WIDTH_MM = 135.0  # of the unrolled cylinder
_TOP_MM, _BOTTOM_MM = 110.0, -200.0
_CYLINDER_MM = (85.0, 75.0)  # radius that turns angle into arc length; its axis lies this far behind the eyes
_WIDTH = int(2 * _HALF_WIDTH_MM * TEXEL_PER_MM)
_HEIGHT = int((_TOP_MM - _BOTTOM_MM) * TEXEL_PER_MM)
_EYE_TILE = 160
_TILE_LEFT = _WIDTH + 8
_FLAT_TILES = {EAR: 220, TEETH: 300, TONGUE: 380, MOUTH: 460}  # top row of a tile of one colour
_FLAT_SIZE = 60
ATLAS_SHAPE = (_HEIGHT, _TILE_LEFT + _EYE_TILE + 8)

# Skin reflectance at melanin 0, 0.5 and 1, eyeballed from photographs' usual range.
_SKIN = np.array([[0.62, 0.43, 0.33], [0.42, 0.26, 0.18], [0.12, 0.065, 0.042]])
#: The brow's centre line on the unrolled mean face (arc length, height in mm), from the nose outwards.
_BROW = np.array([[9.5, 13.3], [14.0, 15.8], [20.0, 17.7], [27.0, 18.9], [34.0, 18.0], [39.0, 15.4], [43.5, 11.2]])


@dataclass(frozen=True)
class Look:
    """What the paint depends on."""

    melanin: float  # 0 the lightest skin, 1 the darkest
    age: float  # 0 young adult, 1 old: lines, and grey hair above one half
    roughness: float  # strength of each, 0 is none
    bags: float
    moles: float  # expected number
    freckles: float
    lip_red: float
    stubble: float
    hair: tuple[float, float, float]  # linear RGB
    iris: tuple[float, float, float]
    shirt: tuple[float, float, float]
    brow_height: float  # personal offsets of the brow, mm
    brow_arch: float
    brow_width: float  # half of it, mm
    brow_density: float  # 1 is common
    hairline: float  # height of the hair's edge over the forehead, mm above the eyes
    pupil: float  # radius as a share of the eyeball's


@lru_cache(maxsize=1)
def texture_coordinates(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Texels ``(U, 2)`` float32 (column, row; centres at whole numbers), and those of each triangle ``(T, 3)`` int32.

    A vertex has one entry per part of the mesh it belongs to, so that no triangle reaches across two tiles.
    """
    radius, behind = _CYLINDER_MM
    points = head.vertices.astype(np.float64)
    arc = np.arctan2(points[:, 0], points[:, 2] + behind) * radius
    skin = np.column_stack([(arc + _HALF_WIDTH_MM) * TEXEL_PER_MM, (_TOP_MM - points[:, 1]) * TEXEL_PER_MM])
    skin = np.clip(skin, 2, (_WIDTH - 3, _HEIGHT - 3))
    table, parts = [skin], np.zeros(len(head.triangles), np.int64)
    for side, (part, eye) in enumerate(zip(EYES, head.eyes, strict=True)):
        centre = eye_centres(points, head.eyes)[side]
        ball = (points - centre) / np.abs(points[eye] - centre).max()
        middle = np.array([_TILE_LEFT, 8]) + _EYE_TILE / 2
        on_tile = middle + ball[:, :2] * (0.97 * _EYE_TILE / 2) * (1, -1)
        parts[head.parts == part] = len(table)
        table.append(np.clip(on_tile, middle - 0.49 * _EYE_TILE, middle + 0.49 * _EYE_TILE))
    for part, top in _FLAT_TILES.items():
        parts[head.parts == part] = len(table)
        table.append(np.broadcast_to([_TILE_LEFT + _FLAT_SIZE / 2, top + _FLAT_SIZE / 2], points[:, :2].shape))
    corner = parts[:, None] * len(points) + head.triangles
    used, numbered = np.unique(corner, return_inverse=True)
    return np.concatenate(table)[used].astype(np.float32), numbered.reshape(corner.shape).astype(np.int32)


def paint(rng: np.random.Generator, look: Look, lips: np.ndarray) -> np.ndarray:
    """A subject's texture, ``(*ATLAS_SHAPE, 3)`` uint16: linear reflectance times 65535; `lips` is from `lip_map`."""
    skin, base = _skin(rng, look)
    x, y = _grid()
    shade = 1 - 0.16 * look.bags * _bump(np.abs(x), y, (26, -13), (12, 5.5))  # under the eyes; on the upper lids
    shade *= 1 - 0.13 * _bump(np.abs(x), y, (27, 5), (14, 6))
    for factor in (shade, _lines(rng, look), _spots(rng, x, y, look)):
        skin *= factor[..., None]
    lip_colour = base * (0.90, 0.66, 0.66) * (1, look.lip_red, look.lip_red) * rng.uniform(0.95, 1.05)
    _mix(skin, 0.85 * lips, lip_colour, 1 + 0.10 * _noise(rng, [(40, 0.4), (5, 0.5), (2.5, 0.4)]))
    if look.stubble > 0:
        skin *= (1 - look.stubble * _stubble(rng, x, y, lips))[..., None]
    _mix(skin, _brows(rng, look), look.hair)
    scalp, strands = _scalp(rng, x, y, look), _noise(rng, [(3, 1)], (_HEIGHT // 6, _WIDTH))  # drawn out: combed down
    _mix(skin, scalp, look.hair, 1 + 0.3 * cv2.resize(strands, (_WIDTH, _HEIGHT)))
    collar = -150 + 0.0035 * x * x - 0.2 * np.maximum(np.abs(x) - 60, 0)
    _mix(skin, _step((collar - y) / 0.8), look.shirt, 1 + 0.08 * _noise(rng, [(60, 0.6), (3, 0.5)]))

    atlas = np.empty((*ATLAS_SHAPE, 3), np.uint16)
    atlas[:] = _encoded(base)
    for channel in range(3):
        atlas[:, :_WIDTH, channel] = _encoded(skin[..., channel])
    atlas[8 : 8 + _EYE_TILE, _TILE_LEFT : _TILE_LEFT + _EYE_TILE] = _encoded(_eye(rng, look))
    flat = {TEETH: (0.60, 0.56, 0.48), TONGUE: (0.30, 0.10, 0.09), MOUTH: (0.20, 0.07, 0.06)}
    flat[EAR] = base * (1.02, 0.95, 0.95)
    for part, top in _FLAT_TILES.items():
        atlas[top : top + _FLAT_SIZE, _TILE_LEFT:] = _encoded(flat[part])
    return atlas


def _encoded(reflectance: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(reflectance, 0.004, 0.95) * 65535).astype(np.uint16)


@lru_cache(maxsize=1)
def lip_map(head: Head) -> np.ndarray:
    """The lips of the mean face on the unrolled skin: ``(H, W)`` float32 in 0..1."""
    uv, triangles = texture_coordinates(head)
    outside = head.parts == 0
    seen = triangles[outside]
    # Values go with texture entries; a vertex' entry on the skin keeps the vertex' value.
    value = np.zeros((len(uv), 1), np.float32)
    value[seen] = np.clip((head.masks["lip"][head.triangles[outside]] - 0.15) / 0.5, 0, 1)[..., None]
    front = np.zeros(len(uv))
    front[seen] = head.vertices[head.triangles[outside], 2]
    unrolled = uv.astype(np.float64), 1 / (500 - front), seen
    lips = interpolate(value, *unrolled, *rasterize(*unrolled, _HEIGHT, _WIDTH))
    return cv2.GaussianBlur(lips[..., 0], (0, 0), 1.2)


@lru_cache(maxsize=1)
def _grid() -> tuple[np.ndarray, np.ndarray]:
    """Arc length and height (mm) of the skin's texels."""
    row, column = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    return column / np.float32(TEXEL_PER_MM) - _HALF_WIDTH_MM, _TOP_MM - row / np.float32(TEXEL_PER_MM)


def _texels(points: np.ndarray) -> np.ndarray:
    """Texels (column, row) of points (arc length, height) in mm."""
    return (np.asarray(points) * (1, -1) + (_HALF_WIDTH_MM, _TOP_MM)) * TEXEL_PER_MM


def _noise(rng: np.random.Generator, octaves, shape=(_HEIGHT, _WIDTH)) -> np.ndarray:
    """Smooth noise: a sum of (wavelength in texels, amplitude)."""
    out = np.zeros(shape, np.float32)
    for wavelength, amplitude in octaves:
        coarse = [max(2, int(n / wavelength) + 2) for n in shape]
        grid = rng.standard_normal(coarse, dtype=np.float32)
        out += np.float32(amplitude) * cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return out


def _step(x: np.ndarray) -> np.ndarray:
    """A soft step from 0 to 1, about 4 wide."""
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


def _bump(x: np.ndarray, y: np.ndarray, at: tuple[float, float], size: tuple[float, float]) -> np.ndarray:
    return np.exp(-(((x - at[0]) / size[0]) ** 2) - ((y - at[1]) / size[1]) ** 2)


def _mix(image: np.ndarray, share: np.ndarray, colour, brightness: np.ndarray | float = 1.0) -> None:
    """Lay a colour over the image, in place; channel by channel, which keeps the peak of memory low."""
    for channel in range(3):
        image[..., channel] += share * (np.float32(colour[channel]) * brightness - image[..., channel])


def skin_colour(melanin: float) -> np.ndarray:
    """Linear RGB of skin without blush or spot."""
    return np.array([np.interp(melanin, (0, 0.5, 1), channel) for channel in _SKIN.T])


def _skin(rng: np.random.Generator, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """The mottled skin and its mean colour."""
    base = skin_colour(look.melanin) * (1 + 0.05 * rng.standard_normal()) * (1 + 0.015 * rng.standard_normal(3))
    x, y = _grid()
    side = np.abs(x)
    mottle = 1 + 0.06 * _noise(rng, [(120, 0.5), (60, 0.35), (30, 0.25)])
    mottle += 0.045 * look.roughness * _noise(rng, [(14, 0.5), (7, 0.6), (4, 0.5), (2.2, 0.4)])
    red = 0.6 * _bump(side, y, (34, -36), (17, 15)) + 0.7 * _bump(x, y, (0, -38), (11, 14))
    red = np.clip(red + 0.25 * _noise(rng, [(50, 1), (25, 0.6)]), -1, 2)
    skin = np.empty((_HEIGHT, _WIDTH, 3), np.float32)
    for channel, blush in enumerate((0.07, -0.06, -0.05)):
        skin[..., channel] = np.float32(base[channel]) * mottle * (1 + np.float32(blush) * red)
    return skin, base


def _lines(rng: np.random.Generator, look: Look) -> np.ndarray:
    """Folds that deepen with age: beside the nose, under the eyes, on the forehead; and the dent over the chin."""
    out = np.ones((_HEIGHT, _WIDTH), np.float32)

    def line(points, width_mm: float, strength: float) -> None:
        mask = np.zeros((_HEIGHT, _WIDTH), np.float32)
        at = np.rint(_texels(points) * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(mask, [at], False, 1.0, max(1, int(width_mm * TEXEL_PER_MM)), cv2.LINE_AA, 4)
        np.multiply(out, 1 - strength * cv2.GaussianBlur(mask, (0, 0), 0.7 * width_mm * TEXEL_PER_MM), out=out)

    for side in (-1, 1):
        line([(side * 15, -42), (side * 20, -52), (side * 25, -63), (side * 27, -72)], 1.6, 0.08 + 0.28 * look.age)
        line([(side * 12, -11), (side * 18, -16), (side * 27, -18)], 1.3, 0.04 + 0.20 * look.age)
    for fold in range(3):
        height = 36 + 9 * fold + 2 * rng.standard_normal()
        wave = [(x, height + 2 * np.sin(x / 14 + fold) + 0.5 * rng.standard_normal()) for x in range(-33, 34, 6)]
        line(wave, 1.1, 0.02 + 0.15 * look.age)
    line([(-9, -94), (0, -96), (9, -94)], 2.0, 0.12)
    return out


def _spots(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, look: Look) -> np.ndarray:
    """Moles and freckles."""
    out = np.ones((_HEIGHT, _WIDTH), np.float32)
    for _ in range(rng.poisson(look.moles)):
        at, size = (rng.uniform(-65, 65), rng.uniform(-100, 45)), rng.uniform(0.5, 1.4)
        out *= 1 - rng.uniform(0.2, 0.6) * _bump(x, y, at, (1.4 * size, 1.4 * size))
    if look.freckles > 0:
        n = int(400 * look.freckles)
        column, row = np.rint(_texels(np.column_stack([rng.normal(0, 30, n), rng.normal(-25, 16, n)]))).astype(int).T
        marks = np.zeros((_HEIGHT, _WIDTH), np.float32)
        marks[row.clip(0, _HEIGHT - 1), column.clip(0, _WIDTH - 1)] = rng.uniform(0.5, 1.6, n)
        out *= 1 - 0.35 * np.clip(6 * cv2.GaussianBlur(marks, (0, 0), 1.5), 0, 1)
    return out


def _stubble(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, lips: np.ndarray) -> np.ndarray:
    side = np.abs(x)
    area = _step((-46 - 0.10 * side - y) / 4) * _step((14 - side + 0.9 * (y + 46)) / -6)
    area *= (1 - lips) * _step((82 - side) / 6) * _step((y + 128) / 5)
    hairs = (_noise(rng, [(2.0, 1.0), (1.3, 1.0)]) > 0.3).astype(np.float32)
    return area * (0.22 + 0.4 * cv2.GaussianBlur(hairs, (0, 0), 0.8))


def _brows(rng: np.random.Generator, look: Look) -> np.ndarray:
    """Cover of the brows in 0..1: short fine hairs that leave the centre line, over a soft shade."""
    hairs = np.zeros((_HEIGHT, _WIDTH), np.float32)
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(_BROW, axis=0), axis=1))]
    length /= length[-1]
    for side in (-1, 1):
        n = int(420 * look.brow_density)
        along = rng.beta(1.1, 1.25, n)
        centre = np.column_stack([np.interp(along, length, _BROW[:, axis]) for axis in (0, 1)])
        centre[:, 1] += look.brow_height + look.brow_arch * np.sin(np.pi * along)
        # Thick towards the nose, fine at the tail, rounded at both ends.
        width = look.brow_width * (1.15 - 0.75 * along) * np.sqrt(np.clip(along / 0.12, 0.15, 1))
        across = np.clip(rng.normal(0, 0.55, n), -1.2, 1.2)
        centre[:, 1] += across * width
        # Hairs stand up at the nose and lie along the brow, pointing down, at the tail.
        angle = np.radians(62 - 85 * along - 20 * across * along + 9 * rng.standard_normal(n))
        reach = rng.uniform(2.2, 4.2, n) * (1 - 0.25 * along)
        tip = centre + reach[:, None] * np.column_stack([np.cos(angle), 0.6 * np.sin(angle)])
        cover = rng.uniform(0.35, 0.9, n)
        start, end = (np.rint(_texels(at * (side, 1)) * 16).astype(np.int32) for at in (centre, tip))
        single = np.zeros_like(hairs)
        for a, b, strength in zip(start.tolist(), end.tolist(), cover.tolist(), strict=True):
            cv2.line(single, a, b, strength, 1, cv2.LINE_AA, 4)
        hairs = np.maximum(hairs, single)
    fine, shade = cv2.GaussianBlur(hairs, (0, 0), 0.7), cv2.GaussianBlur(hairs, (0, 0), 3.2)
    return np.clip(0.75 * fine + 0.45 * shade, 0, 0.9)


def _scalp(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, look: Look) -> np.ndarray:
    """Cover of the painted hair: over the forehead, down the temples to the ears, and behind."""
    side = np.abs(x)
    edge = look.hairline - 0.010 * np.minimum(side, 62) ** 2 - 3.2 * np.clip(side - 62, 0, None)
    edge = np.maximum(edge, -16) + 2.2 * _noise(rng, [(30, 0.6), (10, 0.7)])
    return np.clip((y - edge) / 6 + 0.5, 0, 1).astype(np.float32)


def _eye(rng: np.random.Generator, look: Look) -> np.ndarray:
    """The eyeball seen from the front: sclera, iris with a dark rim, pupil."""
    shape = (_EYE_TILE, _EYE_TILE)
    row, column = (np.mgrid[0:_EYE_TILE, 0:_EYE_TILE].astype(np.float32) + 0.5) / (_EYE_TILE / 2) - 1
    radius, angle = np.hypot(column, row) / 0.97, np.arctan2(row, column)
    eye = np.array([0.60, 0.56, 0.53], np.float32) * (1 - 0.35 * np.clip((radius - 0.35) / 0.6, 0, 1) ** 1.5)[..., None]
    iris = 0.43
    rays = _noise(rng, [(20, 0.3)], shape) + 0.2 * np.sin(37 * angle + 3 * _noise(rng, [(30, 1)], shape))
    shade = (1 + 0.35 * rays) * (0.75 + 0.5 * radius / iris) * (1 - 0.65 * np.clip((radius / iris - 0.8) / 0.2, 0, 1))
    _mix(eye, _step((iris - radius) * 60), look.iris, shade)
    _mix(eye, _step((look.pupil - radius) * 70), (0.006, 0.006, 0.006))
    return eye
