"""The head that all synthetic subjects share: mesh, action units, identity targets, landmarks.

The data come from ``melib/assets/head.npz``, made by ``tools/build_head.py`` out of MakeHuman / MPFB2 and the Face
Units pack, all CC0 1.0 (see ``melib/assets/NOTICE-CC0``). Axes of everything here: x to the subject's left, y up,
z towards the camera, millimetres, origin midway between the eyeballs' centres.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from melib.errors import InputError

ASSET = Path(__file__).resolve().parents[1] / "assets" / "head.npz"
FORMAT = 1
IOD_MM = 63.0  # inter-ocular distance (between the eyeballs' centres) of the mean face
STEP_MM = 0.01

# Parts of the mesh, the values of `Head.parts`.
SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, MOUTH, EAR = range(7)
MASKS = ("lip", "lid", "mouth", "ear")


@dataclass(frozen=True)
class Fields:
    """Named displacement fields over the mesh, kept sparse.

    Attributes
    ----------
    names : tuple of str
    pointer : (K + 1,) int64
        Field k owns the entries ``pointer[k] : pointer[k + 1]``.
    index : (nnz,) uint16
        The vertex an entry moves.
    steps : (nnz, 3) int16
        Its displacement in units of 0.01 mm.
    """

    names: tuple[str, ...]
    pointer: np.ndarray
    index: np.ndarray
    steps: np.ndarray

    def entries(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Vertices ``(n,)`` that a field moves, and their displacements ``(n, 3)`` float64 in millimetres."""
        k = self.names.index(name)
        part = slice(self.pointer[k], self.pointer[k + 1])
        return self.index[part].astype(np.int64), self.steps[part] * STEP_MM

    def dense(self, name: str, n_vertices: int) -> np.ndarray:
        """A field on all vertices: ``(n_vertices, 3)`` float64 millimetres."""
        out = np.zeros((n_vertices, 3))
        index, displacement = self.entries(name)
        out[index] = displacement
        return out


@dataclass(frozen=True, eq=False)  # compared and hashed as the object it is
class Head:
    """The mesh and what can be done to it; all arrays are read-only.

    Attributes
    ----------
    shape : (N, 3) float32
        MakeHuman's neutral shape at its own scale, to which the identity targets belong.
    vertices : (N, 3) float32
        The mean face (the young adult targets of both sexes and three ancestries in equal parts) at an
        inter-ocular distance of 63 mm.
    triangles : (T, 3) int32
        Counter-clockwise seen from outside. Each position occurs once in the mesh, so there is nothing to weld;
        texture seams live in `melib.synthetic.texture`.
    parts : (T,) uint8
        SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, MOUTH (inside of the mouth) or EAR.
    masks : dict of str to (N,) float32
        ``lip``, ``lid``, ``mouth`` and ``ear`` in 0..1.
    landmarks : (68,) int64
        The vertex of each landmark, iBUG order.
    action_units : tuple of str
        ``1L``, ``1R``, ... ``45R`` in FACS order (L, R: the subject's left and right; no letter: both), then the
        lids' followers of the gaze, ``gazeUp`` and ``gazeDown``.
    peak_mm : (K,) float64
        Largest displacement of the skin at weight 1 on the mean face. A weight for a wanted size in millimetres is
        that size over the peak.
    units, targets : Fields
        Displacements of the action units (for the mean face) and of identity (for `shape`).
    eyes : tuple of two int64 arrays
        Vertices of the left and of the right eyeball.
    """

    shape: np.ndarray
    vertices: np.ndarray
    triangles: np.ndarray
    parts: np.ndarray
    masks: dict[str, np.ndarray]
    landmarks: np.ndarray
    action_units: tuple[str, ...]
    peak_mm: np.ndarray
    units: Fields
    targets: Fields
    eyes: tuple[np.ndarray, np.ndarray]


def eye_centres(points: np.ndarray, eyes: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Centres ``(2, 3)`` of the left and right eyeball: the middle of their bounding boxes."""
    return np.array([(points[eye].min(0) + points[eye].max(0)) / 2 for eye in eyes])


def at_inter_ocular(points: np.ndarray, eyes: tuple[np.ndarray, np.ndarray], iod_mm: float) -> np.ndarray:
    """Points moved and scaled so that the eyes' midpoint is the origin and their distance is ``iod_mm``.

    Identity targets move and scale the whole body, so every shape passes through here.
    """
    left, right = eye_centres(points, eyes)
    return (points - (left + right) / 2) * (iod_mm / np.linalg.norm(left - right))


def _read_asset(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise FileNotFoundError(
            f"the head asset {path} is missing: reinstall melib or make it with tools/build_head.py"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
            n, n_triangles = arrays["shape"].shape[0], arrays["triangles"].shape[0]
            sound = (
                int(arrays["format"]) == FORMAT
                and arrays["shape"].shape == (n, 3)
                and arrays["triangles"].shape == (n_triangles, 3)
                and arrays["triangles"].max() < n
                and arrays["parts"].shape == (n_triangles,)
                and arrays["landmarks"].shape == (68,)
                and arrays["landmarks"].max() < n
                and all(arrays[f"{name}_mask"].shape == (n,) for name in MASKS)
                and all(_sound_fields(arrays, kind, n) for kind in ("unit", "identity"))
            )
    except (KeyError, ValueError, EOFError, OSError, IndexError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"the head asset {path} is damaged ({error}): reinstall melib") from error
    if not sound:
        raise InputError(f"the head asset {path} is damaged or of another version: reinstall melib")
    return arrays


def _sound_fields(arrays: dict[str, np.ndarray], kind: str, n_vertices: int) -> bool:
    pointer, index, value = (arrays[f"{kind}_{part}"] for part in ("pointer", "index", "value"))
    return (
        pointer.shape == (arrays[f"{kind}_names"].size + 1,)
        and index.shape == (pointer[-1],)
        and value.shape == (3, pointer[-1])
        and index.max() < n_vertices
    )


def read_head(path: Path) -> Head:
    """Read a head asset.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, or of another format version.
    """
    arrays = _read_asset(Path(path))
    fields = {
        kind: Fields(
            tuple(str(name) for name in arrays[f"{kind}_names"]),
            arrays[f"{kind}_pointer"].astype(np.int64),
            arrays[f"{kind}_index"],
            np.ascontiguousarray(arrays[f"{kind}_value"].T),
        )
        for kind in ("unit", "identity")
    }
    triangles, parts = arrays["triangles"].astype(np.int32), arrays["parts"]
    eyes = tuple(np.unique(triangles[parts == part]).astype(np.int64) for part in (LEFT_EYE, RIGHT_EYE))
    shape = arrays["shape"] * STEP_MM
    young = [name for name in fields["identity"].names if name.startswith("macro/") and name.endswith("-young")]
    mean = shape + sum(fields["identity"].dense(name, len(shape)) for name in young) / len(young)
    on_skin = np.zeros(len(shape), bool)
    on_skin[triangles[np.isin(parts, (SKIN, MOUTH, EAR))]] = True
    peaks = []
    for name in fields["unit"].names:
        index, displacement = fields["unit"].entries(name)
        peaks.append(np.linalg.norm(displacement[on_skin[index]], axis=1).max())
    head = Head(
        shape=shape.astype(np.float32),
        vertices=at_inter_ocular(mean, eyes, IOD_MM).astype(np.float32),
        triangles=triangles,
        parts=parts,
        masks={name: arrays[f"{name}_mask"] / np.float32(255) for name in MASKS},
        landmarks=arrays["landmarks"].astype(np.int64),
        action_units=fields["unit"].names,
        peak_mm=np.array(peaks),
        units=fields["unit"],
        targets=fields["identity"],
        eyes=eyes,
    )
    for array in (head.shape, head.vertices, head.triangles, head.parts, head.landmarks, head.peak_mm, *head.eyes):
        array.setflags(write=False)
    for array in (*head.masks.values(), *(a for f in fields.values() for a in (f.pointer, f.index, f.steps))):
        array.setflags(write=False)
    return head


@lru_cache(maxsize=1)
def load_head() -> Head:
    """The head shipped with the package, read once per process.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_head`.
    """
    return read_head(ASSET)
