"""The head that all synthetic subjects share: mesh, action units, identity targets, landmarks.

The data come from ``melib/assets/head.npz``, made by ``tools/build_head.py`` out of MakeHuman / MPFB2 and the Face
Units pack, all CC0 1.0 (see ``melib/assets/NOTICE-CC0``). Axes of everything here: x to the subject's left, y up,
z towards the camera, millimetres, origin midway between the eyeballs' centres.
"""

from __future__ import annotations

import hashlib
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
EYES, INSIDE_MOUTH = (LEFT_EYE, RIGHT_EYE), (MOUTH, TEETH, TONGUE)
MASKS = ("lip", "lid", "mouth", "ear")


@dataclass(frozen=True)
class Fields:
    """Named displacement fields over the mesh, kept sparse."""

    names: tuple[str, ...]
    pointer: np.ndarray  # (K + 1,) int64; field k owns the entries pointer[k] : pointer[k + 1]
    index: np.ndarray  # (nnz,) uint16, the vertex an entry moves
    steps: np.ndarray  # (nnz, 3) int16, its displacement in units of 0.01 mm

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
    """The mesh and what can be done to it; all arrays are read-only."""

    #: (N, 3) float32: MakeHuman's neutral shape at its own scale, to which the identity targets belong.
    shape: np.ndarray
    #: (N, 3) float32: the mean face (young adult targets of both sexes and three ancestries in equal parts).
    vertices: np.ndarray
    #: (T, 3) int32, counter-clockwise seen from outside. Each position occurs once: there is nothing to weld.
    triangles: np.ndarray
    parts: np.ndarray  # (T,) uint8: SKIN, LEFT_EYE, ..., EAR
    masks: dict[str, np.ndarray]  # lip, lid, mouth, ear -> (N,) float32 in 0..1
    landmarks: np.ndarray  # (68,) int64, the vertex of each, iBUG order
    #: 1L, 1R, ... 45R in FACS order (L, R: the subject's left and right; no letter: both), then gazeUp and gazeDown.
    action_units: tuple[str, ...]
    #: (K,) float64, mm: largest displacement of the skin at weight 1 on the mean face; a size over it is a weight.
    peak_mm: np.ndarray
    units: Fields  # displacements of the action units, for the mean face
    targets: Fields  # displacements of identity, for `shape`
    eyes: tuple[np.ndarray, np.ndarray]  # vertices of the left and of the right eyeball


def eye_centres(points: np.ndarray, eyes: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Centres ``(2, 3)`` of the left and right eyeball: the middle of their bounding boxes."""
    return np.array([(points[eye].min(0) + points[eye].max(0)) / 2 for eye in eyes])


def at_inter_ocular(points: np.ndarray, eyes: tuple[np.ndarray, np.ndarray], iod_mm: float) -> np.ndarray:
    """Points moved and scaled so that the eyes' midpoint is the origin and their distance is `iod_mm`."""
    left, right = eye_centres(points, eyes)
    return (points - (left + right) / 2) * (iod_mm / np.linalg.norm(left - right))


def _read_asset(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise FileNotFoundError(
            f"the head asset {path} is missing: reinstall melib or make it with tools/build_head.py"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:  # the archive's checksums tell a damaged array
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"the head asset {path} is damaged ({error}): reinstall melib") from error
    if arrays.get("format") != FORMAT:
        raise InputError(f"the head asset {path} is damaged or of another version: reinstall melib")
    return arrays


def read_head(path: Path) -> Head:
    """Read a head asset; refuse a file that is missing, damaged or of another version."""
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
    eyes = tuple(np.unique(triangles[parts == part]).astype(np.int64) for part in EYES)
    shape = arrays["shape"] * STEP_MM
    young = [name for name in fields["identity"].names if name.startswith("macro/") and name.endswith("-young")]
    mean = shape + sum(fields["identity"].dense(name, len(shape)) for name in young) / len(young)
    on_skin = np.zeros(len(shape), bool)
    on_skin[triangles[np.isin(parts, (SKIN, MOUTH, EAR))]] = True
    entries = (fields["unit"].entries(name) for name in fields["unit"].names)
    peaks = [np.linalg.norm(displacement[on_skin[index]], axis=1).max() for index, displacement in entries]
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
    plain = (head.shape, head.vertices, head.triangles, head.parts, head.landmarks, head.peak_mm, *head.eyes)
    sparse = (array for field in fields.values() for array in (field.pointer, field.index, field.steps))
    for array in (*plain, *head.masks.values(), *sparse):
        array.setflags(write=False)
    return head


@lru_cache(maxsize=1)
def load_head() -> Head:
    """The head shipped with the package, read once per process."""
    return read_head(ASSET)


def asset_hash() -> str:
    """SHA-256 of the head asset."""
    return hashlib.sha256(ASSET.read_bytes()).hexdigest()
