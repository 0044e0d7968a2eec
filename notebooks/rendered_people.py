"""The command tried where the truth is known: benchmark videos filmed into files, and what was found in them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from melib.face import Box
from melib.metrics import intervals, spotting
from melib.own_video import Finding, Scores, pictures
from melib.synthetic.curves import FPS
from melib.synthetic.dataset import SyntheticVideo
from melib.synthetic.head import load_head
from melib.synthetic.identity import CROP_EYE_LINE, CROP_SIDE
from melib.synthetic.suites import find_suite
from melib.video import Video, truth_table, video_table


def strangers(numbers: Iterable[int], frames: int, *, view: str) -> list[SyntheticVideo]:
    """A video each of people whom neither network, nor threshold, nor calibration (subjects up to 199) has seen."""
    return [SyntheticVideo(find_suite("default"), "test", 200 + n, 0, frames, view=view) for n in numbers]


def file_of(video: Video, folder: str | Path) -> Path:
    """The video filmed into a folder as a simple camera would, in MPEG-4 with its losses; named by its subject."""
    path = Path(folder) / f"{video.subject}.mp4"
    code, (height, width) = cv2.VideoWriter_fourcc(*"mp4v"), video.frames(0, 1).shape[1:3]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, video.fps, (width, height))
    if not writer.isOpened():
        raise OSError(f"{path} cannot be written")
    for frame in range(video.n_frames):
        writer.write(cv2.cvtColor(video.frames(frame, frame + 1)[0], cv2.COLOR_RGB2BGR))
    writer.release()
    return path


class TrueFace:
    """A detector that knows one benchmark video: its box, to be given, is the benchmark's own crop."""

    name = "truth"

    def __init__(self, video: SyntheticVideo) -> None:
        self._points = video.landmarks(0, 1)[0].astype(float)
        right, left = self._points[36:42].mean(axis=0), self._points[42:48].mean(axis=0)
        side = round(CROP_SIDE * np.hypot(*(right - left)))
        corner = np.round((right + left) / 2 - (side / 2, CROP_EYE_LINE * side)).astype(int)
        self.box = Box(*corner.tolist(), side, side)

    def landmarks(self, rgb: np.ndarray, box: Box) -> np.ndarray:
        return ((self._points - self.box[:2] + 0.5) * (box.width / self.box.width) - 0.5).astype(np.float32)


class Trial(NamedTuple):
    """What one way of looking found in some videos."""

    found: pd.DataFrame  # subject, video, onset, apex, offset, score
    frames: pd.DataFrame  # subject, video, frame, its score


def trial(results: list[tuple[SyntheticVideo, Scores]]) -> Trial:
    """What was found in some videos, under the names of the videos."""
    tables, frames = [], []
    for video, scores in results:
        name, number = {"subject": video.subject, "video": video.name}, np.arange(video.n_frames)
        table = pd.DataFrame(scores.spotted.intervals, columns=["onset", "apex", "offset"])
        tables.append(table.assign(score=scores.spotted.scores, **name))
        score = np.interp(number / video.fps, scores.seconds, scores.probability)
        frames.append(pd.DataFrame({**name, "frame": number, "score": score}))
    return Trial(pd.concat(tables, ignore_index=True), pd.concat(frames))


def summary(trials: dict[str, Trial], videos: list[SyntheticVideo]) -> pd.DataFrame:
    """How well each way of looking spotted, a row each; the ROC-AUC is NaN where no frame is positive."""
    truth = truth_table(videos, kinds=("micro",))
    minutes = float((video_table(videos)["frames"] / FPS).sum() / 60)
    rows = {}
    for name, one in trials.items():
        counts = intervals.evaluate(truth, one.found)
        rows[name] = {
            "Marks": len(one.found),
            "Right": counts["tp"],
            "Missed": counts["fn"],
            "False alarms a minute": counts["fp"] / minutes,
            "F1": spotting.evaluate(truth, one.found)["f1_micro"],
            "ROC-AUC of frames": spotting.roc_auc_frames(truth, one.frames) if len(truth) else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def loss_words(found: float, reference: float, allowed: float) -> str:
    """Whether the ROC-AUC of frames lies within what is allowed of that on the study's crops; NaN if it has none."""
    if np.isnan(found) or np.isnan(reference):
        return "**Criterion: undecided**, because no frame is positive and nothing can be said of the ranking."
    gain = round(found - reference, 6)
    where = "the same" if gain == 0 else f"{abs(gain):.3f} {'higher' if gain > 0 else 'lower'}"
    state, side = ("met", "within") if abs(gain) <= allowed else ("missed", "beyond")
    return (
        f"**Criterion: {state}**, because the ROC-AUC of frames is {found:.3f} from file and detector and "
        f"{reference:.3f} on the study's crops: {where}, {side} the {allowed:g} allowed for."
    )


def causes(one: Trial, videos: list[SyntheticVideo]) -> pd.DataFrame:
    """What went on at each false alarm: ``subject, video, onset, offset, score, what``."""
    hit = intervals.match(truth_table(videos, kinds=("micro",)), one.found).prediction
    false = one.found.drop(index=hit).drop(columns="apex").reset_index(drop=True)
    by_name, said = {(video.subject, video.name): video for video in videos}, []
    for row in false.itertuples():
        video = by_name[row.subject, row.video]
        kinds = {e.kind for e in video.true_expressions if e.onset <= row.offset and row.onset <= e.offset}
        blink = "a blink" if _blinks(video, row.onset, row.offset + 1).any() else "head motion, gaze, light or noise"
        moved = "a macro-expression" if "macro" in kinds else blink
        said.append("a micro-expression, but misplaced" if "micro" in kinds else moved)
    return false.assign(what=said)


def _blinks(video: SyntheticVideo, start: int, stop: int) -> np.ndarray:
    """In which frames ``(n,)`` a lid is closed by more than a fifth."""
    lids = [load_head().action_units.index(f"45{side}") for side in "LR"]
    return video.action_unit_weights(start, stop)[:, lids].max(axis=1) > 0.2


def timeline_with_truth(finding: Finding, video: SyntheticVideo) -> Figure:
    """The score with the intervals found, above the true expressions and the blinks."""
    fig, (above, below) = pictures.figure(2, 1, height=4.2, height_ratios=(3, 1), sharex=True)
    pictures.draw_score(above, finding)
    above.set_xlabel("")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], _blinks(video, 0, video.n_frames), [0]]))).reshape(-1, 2)
    micro, macro = ([(e.onset, e.length) for e in video.expressions if e.kind == kind] for kind in ("micro", "macro"))
    lanes = {
        "blink": ([(start, stop - start) for start, stop in edges], "#56B4E9", ".."),
        "macro-expression": (macro, pictures.COLOURS["chance"], "//"),
        "micro-expression": (micro, "#009E73", ""),
    }
    for height, (spans, colour, hatch) in enumerate(lanes.values()):
        seconds = [(start / video.fps, length / video.fps) for start, length in spans]
        below.broken_barh(seconds, (height - 0.35, 0.7), facecolor=colour, hatch=hatch, edgecolor="white")
    below.set_yticks(range(len(lanes)), lanes, fontsize="small")
    below.set(xlabel="time, min:s", ylim=(-0.6, len(lanes) - 0.4))
    below.grid(visible=False)
    return fig
