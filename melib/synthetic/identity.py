"""People who do not exist: shape, strength of expression and looks of a subject, from one seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from melib.errors import InputError
from melib.synthetic import mesh, texture
from melib.synthetic.head import EYES, INSIDE_MOUTH, IOD_MM, Head, at_inter_ocular, eye_centres, load_head
from melib.synthetic.lids import CLEARANCE, EyeView, eye_radius, fit_blink, lid_vertices
from melib.synthetic.raster import rasterize
from melib.synthetic.traits import Traits, sample_gains, sample_look, sample_shape
from melib.video import Camera

#: Random streams of a subject.
IDENTITY, TEXTURE, STRENGTH = 1, 2, 3
#: Side of the crop in inter-ocular distances, and where the eyes' line stands in it: means of the rectangles that
#: dlib's frontal face detector draws (2.40 +- 0.13 and 0.24 +- 0.05).
CROP_SIDE = 2.40
CROP_EYE_LINE = 0.24
#: Of the eyes at rest from the camera.
DISTANCE_M = 0.56

# Action units that open or narrow the eye; a blink takes over from them.
_LID_UNITS = ("5L", "5R", "7L", "7R", "gazeUp", "gazeDown")


@dataclass(frozen=True, eq=False)
class Subject:
    """One synthetic person; made by `make_subject`, arrays are read-only."""

    seed: int
    traits: Traits
    look: texture.Look
    gains: np.ndarray  # (K,) float64, personal strength of each of `load_head().action_units`
    #: (N, 3) float64: the face at rest in head axes (x to the subject's left, y up, z towards the camera), mm, eyes'
    #: midpoint at the origin. Only what a camera in front can ever see is kept of the head's mesh.
    rest: np.ndarray
    triangles: np.ndarray  # (T, 3) int32
    parts: np.ndarray  # (T,) uint8
    uv: np.ndarray  # (U, 2) float32, see `melib.synthetic.texture.texture_coordinates`
    uv_triangles: np.ndarray  # (T, 3) int32
    atlas: np.ndarray  # (H, W, 3) uint16, linear reflectance times 65535
    occlusion: np.ndarray  # (N,) float32, share of ambient light that reaches a vertex
    rest_areas: np.ndarray  # (N,) float64, area around each vertex at rest
    delicate: np.ndarray  # (T,) bool, lids and lips, whose creases are finer than a pixel of a small crop
    distance: float  # of the eyes' midpoint from the camera at rest, along the optical axis, metres
    _fields: tuple[np.ndarray, np.ndarray, np.ndarray] = field(repr=False)
    _eyes: tuple[tuple[np.ndarray, np.ndarray, np.ndarray, float], ...] = field(repr=False)
    _landmarks: np.ndarray = field(repr=False)
    _blinks: np.ndarray = field(repr=False)
    _lid_units: np.ndarray = field(repr=False)

    def points(
        self, weights: np.ndarray, rotation: np.ndarray, translation: np.ndarray, gaze: np.ndarray
    ) -> np.ndarray:
        """Where the surface is: the face with an expression, a pose and a gaze; ``(N, 3)`` metres, camera axes.

        `weights` are those of ``load_head().action_units``: 0 at rest, 1 the full unit, and for 45L and 45R exactly
        closed, which more cannot exceed; as an eye closes, units that open or narrow it give way. `rotation` is the
        head's rotation vector about the neck, radians: x nods (positive looks down), y turns (positive to the subject's
        left), z tilts. `translation` moves the head to the subject's left, up and towards the camera, mm. `gaze` turns
        the eyeballs in the head, radians: to the subject's left, up.
        """
        weights = _vector("weights", weights, len(self.gains))
        rotation = _vector("rotation", rotation, 3)
        translation = _vector("translation", translation, 3)
        gaze = _vector("gaze", gaze, 2)
        closed = np.clip(weights[self._blinks], 0, 1)
        if closed.any():
            weights = weights.copy()
            weights[self._blinks] = np.minimum(weights[self._blinks], 1)
            weights[self._lid_units] *= 1 - np.array([*closed, *closed, closed.max(), closed.max()])
        out = np.empty_like(self.rest)
        mesh.deform(self.rest, *self._fields, weights, out)
        turned = cv2.Rodrigues(np.array([-gaze[1], gaze[0], 0.0]))[0] if gaze.any() else None
        for members, lids, centre, radius in self._eyes:
            if turned is not None:
                mesh.turn(out, members, centre, turned)
            mesh.keep_outside(out, lids, centre, radius)
        mesh.to_camera(
            out, cv2.Rodrigues(rotation)[0], translation, mesh.PIVOT_MM, mesh.EYES_ABOVE_AXIS_MM, self.distance
        )
        return out

    def landmarks(self, points: np.ndarray) -> np.ndarray:
        """The 68 landmarks (iBUG order) on the surface that `points` gave: ``(68, 3)`` metres, camera axes."""
        return points[self._landmarks]

    def full_camera(self) -> Camera:
        """The camera itself: 640 x 480 pixels, with a focal length of 600."""
        return Camera(600.0, 600.0, 319.5, 239.5, 640, 480)

    def crop_camera(self, size: int = 128, *, jitter: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Camera:
        """The camera of a square face crop resized to `size` pixels, of the same pinhole as `full_camera`.

        `jitter` is a face detector's error as shares of the side: of itself, and of the crop's place (right, down).
        """
        scale, right, down = jitter
        side_m = CROP_SIDE * 1e-3 * self.traits.iod_mm * (1 + scale)
        focal = size * self.distance / side_m
        eye_row = (CROP_EYE_LINE - down) * size - 0.5
        centre = (size - 1) / 2 - right * size, eye_row + focal * mesh.EYES_ABOVE_AXIS_MM * 1e-3 / self.distance
        return Camera(focal, focal, *centre, size, size)


def _vector(name: str, value: np.ndarray, length: int) -> np.ndarray:
    array = np.asarray(value, np.float64)
    if array.shape != (length,) or not np.isfinite(array).all():
        raise InputError(f"{name} must be {length} finite numbers, got shape {array.shape}: {array!r:.80}")
    return array


def make_subject(seed: int) -> Subject:
    """The person of a seed, which is not negative."""
    head = load_head()
    traits, shape = sample_shape(np.random.default_rng([seed, IDENTITY]), head)
    gains = sample_gains(np.random.default_rng([seed, STRENGTH]), head)
    paint_stream = np.random.default_rng([seed, TEXTURE])
    look = sample_look(paint_stream, traits)
    rest = at_inter_ocular(shape, head.eyes, traits.iod_mm)
    centres = eye_centres(rest, head.eyes)
    eyes = []
    for side, (members, centre) in enumerate(zip(head.eyes, centres, strict=True)):
        radius = CLEARANCE * eye_radius(rest, members, centre)
        eyes.append((members, lid_vertices(head, rest, side), centre, radius))
        mesh.keep_outside(rest, eyes[-1][1], centre, radius)

    sizes = zip(head.action_units, traits.iod_mm / IOD_MM * gains, strict=True)
    fields = {name: head.units.dense(name, len(rest)) * size for name, size in sizes}
    is_eye = np.isin(head.parts, EYES)
    for name, (_, lids, centre, radius) in zip(("45L", "45R"), eyes, strict=True):
        view = EyeView(head.triangles, is_eye, rest, centre)
        fields[name] = fit_blink(rest, fields[name], view, lids, centre, radius)

    kept = _ever_seen(head, rest, fields)
    triangles = head.triangles[kept]
    used = np.unique(np.r_[triangles.ravel(), head.landmarks])
    number = np.full(len(rest), -1, np.int64)
    number[used] = np.arange(len(used))
    uv, uv_triangles = texture.texture_coordinates(head)
    uv_used, uv_triangles = np.unique(uv_triangles[kept], return_inverse=True)

    ambient = _occlusion(head, rest, eyes)[used]
    delicate = head.masks["lip"] > 0.5
    delicate[np.concatenate([lids for _, lids, _, _ in eyes])] = True
    compact = np.ascontiguousarray(rest[used])
    compact_triangles = number[triangles].astype(np.int32)
    areas = np.empty(len(used))
    mesh.normals_and_areas(compact, compact_triangles, np.empty_like(compact), areas)
    subject = Subject(
        seed=seed,
        traits=traits,
        look=look,
        gains=gains,
        rest=compact,
        triangles=compact_triangles,
        parts=head.parts[kept],
        uv=uv[uv_used],
        uv_triangles=uv_triangles.reshape(-1, 3).astype(np.int32),
        atlas=texture.paint(paint_stream, look, texture.lip_map(head)),
        occlusion=ambient.astype(np.float32),
        rest_areas=areas,
        delicate=delicate[triangles].any(axis=1),
        distance=DISTANCE_M,
        _fields=_sparse([fields[name][used] for name in head.action_units]),
        _eyes=tuple((_kept(number, m), _kept(number, lids), centre, radius) for m, lids, centre, radius in eyes),
        _landmarks=number[head.landmarks],
        _blinks=np.array([head.action_units.index(name) for name in ("45L", "45R")]),
        _lid_units=np.array([head.action_units.index(name) for name in _LID_UNITS]),
    )
    for value in vars(subject).values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return subject


def _kept(number: np.ndarray, members: np.ndarray) -> np.ndarray:
    renumbered = number[members]
    return renumbered[renumbered >= 0]


def _sparse(fields: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = [np.flatnonzero(np.abs(f).max(axis=1) > 0) for f in fields]
    pointer = np.r_[0, np.cumsum([len(r) for r in rows])]
    values = np.concatenate([f[r] for f, r in zip(fields, rows, strict=True)])
    return pointer, np.concatenate(rows).astype(np.int32), values.astype(np.float32)


_EXPRESSIONS = ({"26": 0.6}, {"45L": 1.0, "45R": 1.0}, {"12L": 0.9, "12R": 0.9}, {"28": 0.8}, {"34": 1.0})
_EXPRESSIONS += (dict.fromkeys(("5L", "5R", "16L", "16R", "10L", "10R"), 1.0),)
_VIEW_MM, _VIEW_PIXELS = 520.0, 384


def _ever_seen(head: Head, rest: np.ndarray, fields: dict[str, np.ndarray]) -> np.ndarray:
    """Triangles that show in a wide view under large poses and expressions, and their neighbours: ``(T',)`` int64."""
    seen = np.isin(head.parts, INSIDE_MOUTH)  # an open mouth shows it at every angle
    shots = [(rest, pitch, yaw) for pitch in (-20, 0, 20) for yaw in (-30, 0, 30)]
    for expression in _EXPRESSIONS:
        strained = rest + sum(w * fields[name] for name, w in expression.items())
        shots += [(strained, 0, yaw) for yaw in (-15, 15)]
    for points, pitch, yaw in shots:
        rotation = cv2.Rodrigues(np.radians([pitch, yaw, 0.0]))[0]
        x, y, z = ((points - mesh.PIVOT_MM) @ rotation.T + mesh.PIVOT_MM).T
        depth = 1e3 * DISTANCE_M - z
        zoom = _VIEW_PIXELS / _VIEW_MM * 1e3 * DISTANCE_M / depth
        pixels = np.column_stack([x * zoom, -(y + mesh.EYES_ABOVE_AXIS_MM) * zoom]) + _VIEW_PIXELS / 2
        ids, _ = rasterize(pixels, 1 / depth, head.triangles, _VIEW_PIXELS, _VIEW_PIXELS)
        seen[ids[ids >= 0]] = True
    touched = np.zeros(len(rest), bool)  # neighbours: what poses in between may show
    touched[head.triangles[seen]] = True
    return np.flatnonzero(touched[head.triangles].any(axis=1))


def _occlusion(head: Head, rest: np.ndarray, eyes: list) -> np.ndarray:
    """Ambient light at each vertex, with what the mesh does not hold: lashes, the lids' shadow on the eyeballs."""
    ambient = np.clip(mesh.occlusion(rest, head.triangles), 0, 1) ** 1.1
    for members, lids, centre, radius in eyes:
        height = (rest[members, 1] - centre[1]) / radius
        ambient[members] = 0.80 - 0.40 * np.clip(height, 0, 1)
        at = rest[lids] - centre
        # Lashes and the lids' edge: darkest at the eyeball, gone some millimetres further out; not in the crease above.
        away = np.clip((np.linalg.norm(at, axis=1) * CLEARANCE / radius - 1.045) / 0.06, 0, 1)
        crease = np.clip((np.abs(at[:, 1]) / radius - 0.35) / 0.15, 0, 1)
        ambient[lids] *= 1 - np.where(at[:, 1] > -0.05 * radius, 0.6, 0.25) * (1 - away) * (1 - crease)
    inside = (head.masks["mouth"] > 0.5) & (head.masks["lip"] < 0.3)
    ambient[inside] *= 0.5
    return ambient
