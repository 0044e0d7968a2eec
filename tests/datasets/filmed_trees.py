"""Rendered faces in the layouts of the datasets, and a detector that knows where they are."""

import functools
from pathlib import Path

import cv2
import dataset_trees as trees
import numpy as np

from melib import face
from melib.synthetic.dataset import open_clips


class FixedDetector:
    """Knows where the face of every rendered frame is: detection has tests of its own, and takes its time."""

    name = "fixed"
    box = face.Box(4, 4, 120, 120)

    def detect(self, rgb):
        return [face.Face(self.box, self.landmarks(rgb, self.box), 1.0)] if rgb.max() > 40 else []

    def landmarks(self, rgb, box):
        angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
        circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * [0.35, 0.35] + 0.5
        circle[[17, 26, 19, 24]] = (0.15, 0.25), (0.85, 0.25), (0.3, 0.2), (0.7, 0.2)
        circle[[41, 46, 50, 57, 60, 64]] = (0.3, 0.4), (0.7, 0.4), (0.45, 0.7), (0.5, 0.85), (0.38, 0.77), (0.62, 0.77)
        return (circle * [box.width, box.height] + [box.left, box.top]).astype(np.float32)


@functools.cache
def _clip():
    """Frames ``(T, H, W, 3)``, depth ``(T, H, W)`` in millimetres, and the onset, apex and offset in them."""
    video = open_clips(subjects=1, clips=1).videos[0]
    (event,) = video.expressions
    start = event.onset - 8
    stop = start + trees.FRAMES
    millimetres = np.round(1000 * video.depth(start, stop)).astype(np.uint16)
    return video.frames(start, stop), millimetres, (8, event.apex - start, min(event.offset - start, trees.FRAMES - 1))


def film(folder: Path, person: int, name: str = "{}.jpg", *, first=1, grey=False, depth=None, count=trees.FRAMES):
    """Write the clip, of odd people its mirror image, with its depth into another folder where one is named."""
    frames, millimetres, _ = _clip()
    kind = cv2.COLOR_RGB2GRAY if grey else cv2.COLOR_RGB2BGR
    for place, kept in ((folder, frames), (depth, millimetres)):
        if place is not None:
            place.mkdir(parents=True)
            for number, image in enumerate(kept[:count, :, :: -1 if person % 2 else 1], start=first):
                file = place / (name.format(number) if place is folder else f"{number}.png")
                assert cv2.imwrite(str(file), cv2.cvtColor(image, kind) if place is folder else image)


def moved(base=1):
    """Onset, apex and offset of the rendered expression, counted from a base."""
    return tuple(frame + base for frame in _clip()[2])


def casme3(root: Path) -> Path:
    """Three people with two videos each; the last also has a video without any expression."""
    emotions = ("disgust", "happy"), ("happy", "fear"), ("surprise", "others")
    micro = [
        (f"spNO.{person}", video, *moved(), "4", "I", emotion)
        for person, pair in enumerate(emotions, 1)
        for video, emotion in zip("ab", pair, strict=True)
    ]
    trees.casme3_labels(root / "annotation", micro, [("spNO.1", "a", 30, 33, 36, "4", "Macro-expression", "I")])
    for person, video, *_ in [*micro, ("spNO.3", "c")]:
        film(root / "RGB" / person / video / "color", int(person[-1]), depth=root / "Depth" / person / video / "depth")
    return root


def casme_sq(root: Path) -> Path:
    """A third person with macro-expressions alone."""
    told = {(1, "disgust1"): "negative", (1, "happy5"): "positive"}
    told |= {(2, "disgust1"): "others", (2, "happy5"): "positive", (2, "disgust2"): "surprise"}
    rows = [(who, f"{name}_1", *moved(), 4, told[who, name], "micro-expression", "") for who, name in told]
    rows.append((3, "anger1_1", 20, 25, 30, 4, "negative", "macro-expression", "anger"))
    trees.casme_sq_labels(root / "CAS(ME)^2code_final(Updated).xlsx", rows)
    for video in ("15_0101teeth", "15_0508funny", "16_0101teeth", "16_0508funny", "16_0102worms", "19_0401girl"):
        film(root / "rawpic" / f"s{video[:2]}" / video, int(video[:2]), "img{:03d}.jpg")
    return root


def samm_lv(root: Path) -> Path:
    """Grey, 200 fps; one micro-expression without apex, one whose emotion the clips' sheet does not name."""
    onset, apex, offset = moved()
    videos = ("006_1", "006_2", "007_1", "007_2", "011_1", "011_2")
    apexes = dict.fromkeys(videos, apex) | {"007_1": -1}
    rows = [trees.samm_lv_row(f"{video}_1", onset, apexes[video], offset, "Micro - 1/2") for video in videos]
    trees.samm_lv_labels(root, rows)
    emotions = ("Anger", "Happiness", "Anger", "Happiness", "Surprise")
    trees.samm_codes(root, [(f"{video}_1", emotion) for video, emotion in zip(videos, emotions, strict=False)])
    for video in videos:
        film(root / "SAMM_longvideos" / video, int(video[2]), video + "_{:04d}.jpg", grey=True)
    return root


def casme2(root: Path) -> Path:
    rows = [
        trees.casme2_row(person, f"EP0{take}_01", *moved(), emotion)
        for person, pair in enumerate((("disgust", "happiness"), ("happiness", "others"), ("surprise", "disgust")), 1)
        for take, emotion in enumerate(pair, 1)
    ]
    trees.casme2_labels(root, rows)
    for person, name, *_ in rows:
        film(root / "CASME2-RAW" / f"sub{person:02d}" / name, person, "img{}.jpg")
    return root


def smic(root: Path, sensor: str = "HS") -> Path:
    onset, _, offset = moved(100)
    names = ("s01_ne_01", "s01_po_01", "s03_po_01", "s03_sur_01", "s04_ne_01", "s04_sur_01")
    home = root / "SMIC-E_raw image" / f"{sensor}_long" / f"SMIC-{sensor}-E"
    trees.smic_labels(home, [trees.smic_row(name, 100, onset, offset) for name in names], sensor)
    for name in names:
        film(home / sensor / name[:3] / name, int(name[2]), "image{:06d}.jpg", first=100)
    return root


TREES = {"casme3": casme3, "casme_sq": casme_sq, "samm_lv": samm_lv, "casme2": casme2} | {
    f"smic_{sensor}": lambda root, sensor=sensor: smic(root, sensor.upper()) for sensor in ("hs", "vis", "nir")
}
