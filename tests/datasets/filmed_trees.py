"""Small rendered trees in the layouts of the datasets, and a detector that knows where their faces are."""

from __future__ import annotations

from pathlib import Path

import casme_trees
import clip_trees
import dataset_trees as trees
import numpy as np

from melib import face

EVERY = range(1, trees.FRAMES + 1)


class FixedDetector:
    """Knows where the face of every rendered frame is: detection has tests of its own, and takes its time."""

    name = "fixed"
    box = face.Box(88, 62, 190, 190)

    def detect(self, rgb):
        return [face.Face(self.box, self.landmarks(rgb, self.box), 1.0)] if rgb.max() > 40 else []

    def landmarks(self, rgb, box):
        angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
        circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * [0.35, 0.35] + 0.5
        circle[[17, 26, 19, 24]] = (0.15, 0.25), (0.85, 0.25), (0.3, 0.2), (0.7, 0.2)
        circle[[41, 46, 50, 57, 60, 64]] = (0.3, 0.4), (0.7, 0.4), (0.45, 0.7), (0.5, 0.85), (0.38, 0.77), (0.62, 0.77)
        return (circle * [box.width, box.height] + [box.left, box.top]).astype(np.float32)


def moved(base=1):
    """Onset, apex and offset of the rendered expression, counted from a base."""
    expression = trees.clip(0).expression
    return expression.onset + base, expression.apex + base, expression.offset + base


def casme3(root: Path) -> Path:
    """Three people with two videos each; the last also has a video without any expression."""
    emotions = ("disgust", "happy"), ("happy", "fear"), ("surprise", "others")
    micro = [
        (f"spNO.{person}", video, *moved(), "4", "I", emotion)
        for person, pair in enumerate(emotions, 1)
        for video, emotion in zip("ab", pair, strict=True)
    ]
    casme_trees.casme3_labels(root / "annotation", micro, [("spNO.1", "a", 30, 33, 36, "4", "Macro-expression", "I")])
    for person, video, *_ in [*micro, ("spNO.3", "c")]:
        trees.write_frames(root / "RGB" / person / video / "color", EVERY, subject=int(person[-1]))
        trees.write_depth(root / "Depth" / person / video / "depth", EVERY, subject=int(person[-1]))
    return root


def casme_sq(root: Path) -> Path:
    """A third person with macro-expressions alone."""
    rows = [
        (1, "disgust1_1", *moved(), 4, "negative", "micro-expression", "disgust"),
        (1, "happy5_1", *moved(), 12, "positive", "micro-expression", "happiness"),
        (2, "disgust1_1", *moved(), 4, "others", "micro-expression", "disgust"),
        (2, "happy5_1", *moved(), 12, "positive", "micro-expression", "happiness"),
        (2, "disgust2_1", *moved(), 12, "surprise", "micro-expression", "happiness"),
        (3, "anger1_1", 20, 25, 30, 4, "negative", "macro-expression", "anger"),
    ]
    casme_trees.casme_sq_labels(root / "CAS(ME)^2code_final(Updated).xlsx", rows)
    for person, video in (
        ("s15", "15_0101disgustingteeth"),
        ("s15", "15_0508funnyinnovations"),
        ("s16", "16_0101disgustingteeth"),
        ("s16", "16_0508funnyinnovations"),
        ("s16", "16_0102eatingworms"),
        ("s19", "19_0401girlcrashing"),
    ):
        trees.write_frames(root / "rawpic" / person / video, EVERY, "img{:03d}.jpg".format, subject=int(person[1:]))
    return root


def samm_lv(root: Path) -> Path:
    """Grey, 200 fps; one micro-expression without apex, one whose emotion the clips' sheet does not name."""
    onset, apex, offset = moved()
    rows = [
        clip_trees.samm_lv_row("006_1_1", onset, apex, offset, "Micro - 1/2"),
        clip_trees.samm_lv_row("006_2_1", onset, apex, offset, "Micro - 1/2"),
        clip_trees.samm_lv_row("007_1_1", onset, -1, offset, "Micro - 1/2"),
        clip_trees.samm_lv_row("007_2_1", onset, apex, offset, "Micro - 1/2"),
        clip_trees.samm_lv_row("011_1_1", onset, apex, offset, "Micro - 1/2"),
        clip_trees.samm_lv_row("011_2_1", onset, apex, offset, "Micro - 1/2"),
    ]
    trees.write_book(root / "SAMM_LongVideos_V2_Release.xlsx", FACS_Movement_Only=clip_trees.samm_lv_sheet(rows))
    named = [("006_1_1", "Anger"), ("006_2_1", "Happiness"), ("007_1_1", "Anger"), ("007_2_1", "Happiness")]
    named += [("011_1_1", "Surprise")]
    trees.write_book(root / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx", MICRO_ONLY=clip_trees.samm_sheet(named))
    for video in ("006_1", "006_2", "007_1", "007_2", "011_1", "011_2"):
        name = (video + "_{:04d}.jpg").format
        trees.write_frames(root / "SAMM_longvideos" / video, EVERY, name, grey=True, subject=int(video[2]))
    return root


def casme2(root: Path) -> Path:
    rows = [
        clip_trees.casme2_row(person, f"EP0{take}_01", *moved(), emotion)
        for person, pair in enumerate((("disgust", "happiness"), ("happiness", "others"), ("surprise", "disgust")), 1)
        for take, emotion in enumerate(pair, 1)
    ]
    trees.write_book(root / "CASME2-coding-20190701.xlsx", Sheet1=clip_trees.casme2_sheet(rows))
    for person, name, *_ in rows:
        trees.write_frames(root / "CASME2-RAW" / f"sub{person:02d}" / name, EVERY, "img{}.jpg".format, subject=person)
    return root


def smic(root: Path, sensor: str = "HS") -> Path:
    """No apexes at all."""
    onset, _, offset = moved(100)
    rows = [
        clip_trees.smic_row(f"s{person:02d}_{code}_01", 100, onset, offset)
        for person, pair in ((1, ("ne", "po")), (3, ("po", "sur")), (4, ("ne", "sur")))
        for code in pair
    ]
    home = root / "SMIC-E_raw image" / f"{sensor}_long" / f"SMIC-{sensor}-E"
    trees.write_book(home / f"SMIC-{sensor}-E_annotation.xlsx", Sheet1=clip_trees.smic_sheet(rows))
    for person, name, *_ in rows:
        folder = home / sensor / f"s{person:02d}" / name
        trees.write_frames(folder, range(100, 140), "image{:06d}.jpg".format, first=100, subject=person)
    return root


TREES = {"casme3": casme3, "casme_sq": casme_sq, "samm_lv": samm_lv, "casme2": casme2} | {
    f"smic_{sensor}": lambda root, sensor=sensor: smic(root, sensor.upper()) for sensor in ("hs", "vis", "nir")
}
