"""From a video to brief movements: face, flow, score, intervals, and where in the face it moves."""

from __future__ import annotations

import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from melib import face, features
from melib.files import whole
from melib.models import predict
from melib.own_video.recording import Recent
from melib.own_video.regions import Motion, face_flow, strongest_motion
from melib.own_video.spotter import Band, Spotter
from melib.spotting import name_intervals, per_frame
from melib.video import Video

#: Frames scored per second: more of them lie nearer to each other than a micro-expression needs.
_SCORED_PER_SECOND = 30.0
#: Pairs scored between two savings; a killed run repeats at most so many.
_CHUNK = 128
_COLUMNS = (
    *("subject", "video", "onset", "offset", "emotion", "apex", "score", "onset_s", "apex_s", "offset_s"),
    *("region", "strength_px", "strength_mm", "away_mm", "share", "share_low", "share_high"),
)


@dataclass(frozen=True)
class Movement:
    """One brief movement of a face; frames are inclusive."""

    onset: int
    apex: int
    offset: int
    score: float  # the smoothed score at the apex
    band: Band  # what intervals of such a score were worth on the benchmark
    motion: Motion  # from onset to apex; where the score peaks at the very first frame, from there to the offset
    emotion: str | None = None  # the nearest class, where naming was asked for


@dataclass(frozen=True)
class Finding:
    """What was found in a video."""

    face: face.CroppedVideo
    spotter: Spotter
    score: np.ndarray  # (T - k,), as the network gives it
    smoothed: np.ndarray  # (T - k,), as the rule weighs it
    movements: tuple[Movement, ...]  # in order of time
    named: bool  # whether the movements were given a class

    def table(self) -> pd.DataFrame:
        """The movements, a row each: the challenge's columns (``emotion`` where it was asked for), then our own.

        Times end in ``_s``; ``strength`` is the motion of the region, ``away_mm`` its motion in depth, where there is
        any; ``share`` is explained at :class:`melib.own_video.Band`.
        """
        rows = []
        for found in self.movements:
            frames = {name: getattr(found, name) for name in ("onset", "apex", "offset")}
            motion, band = found.motion, found.band
            rows.append(
                {
                    **{"subject": self.face.subject, "video": self.face.name, **frames, "score": found.score},
                    **{f"{name}_s": frame / self.face.fps for name, frame in frames.items()},
                    **{"emotion": found.emotion, "region": motion.region, "away_mm": motion.away_mm},
                    **{"strength_px": motion.pixels, "strength_mm": motion.millimetres},
                    **{"share": band.share, "share_low": band.low, "share_high": band.high},
                }
            )
        table = pd.DataFrame(rows, columns=_COLUMNS).astype(dict.fromkeys(("onset", "apex", "offset"), "int64"))
        absent = {"emotion": not self.named, "away_mm": self.face.camera is None}
        return table.drop(columns=[name for name, missing in absent.items() if missing])


def analyse(
    video: Video, spotter: Spotter, *, name: bool = False, work: Path | None = None, progress: bool = False, **crop
) -> Finding:
    """Find the brief movements of a face, which is looked for in a video of a whole scene.

    As :func:`melib.own_video.spot_file`, which says what the options are. A run that is killed goes on from the scores
    in folder `work`, which must belong to this video, spotter and choice of face alone.
    """
    found_face = face.crop(video, cache=work, **crop)
    score, logits = score_video(found_face, spotter, work=work, progress=progress)
    positions = spotter.intervals(score, video.fps)
    labels = name_intervals(logits.argmax(axis=1), positions) if name else [None] * len(positions)
    smoothed = spotter.smoothed(score, video.fps)
    movements = []
    for frames, label in zip(positions.tolist(), labels, strict=True):
        height = float(smoothed[frames[1]])
        motion = _motion(found_face, _pair(*frames), spotter)
        emotion = None if label is None else spotter.emotions[label]
        movements.append(Movement(*frames, height, spotter.band(height), motion, emotion))
    return Finding(found_face, spotter, score, smoothed, tuple(movements), name)


def score_video(
    video: Video, spotter: Spotter, *, work: Path | None = None, progress: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Score ``(T - k,)`` and emotion logits ``(T - k, C)`` of every frame of a face video with landmarks.

    Memory does not grow with the length of the video. Pairs lie the spotter's gap apart in *seconds*, whatever the
    frame rate; at rates above 30 per second not every frame is scored, and what lies between is interpolated.
    """
    stride = max(1, round(video.fps / _SCORED_PER_SECOND))
    starts, ends = features.spotting_pairs(video, gap_s=spotter.gap_s, stride=stride)
    gap = int(ends[0] - starts[0])
    recent = Recent(video, gap + stride + 1)
    parts = []
    with tqdm(total=len(starts), unit="pair", desc="score", disable=not progress) as bar:
        for first in range(0, len(starts), _CHUNK):
            pairs = starts[first : first + _CHUNK], ends[first : first + _CHUNK]
            path = None if work is None else work / f"scores-{first:08d}.npz"
            part = _kept(path)
            if part is None:
                planes = np.concatenate(list(features.planes(recent, pairs, spotter.settings)))
                part = predict(spotter.model, planes, device="cpu")
                if path is not None:
                    with whole(path) as unfinished, open(unfinished, "wb") as file:
                        np.savez(file, score=part[0], logits=part[1])
            parts.append(part)
            bar.update(len(pairs[0]))
    score, logits = (np.concatenate(side) for side in zip(*parts, strict=True))
    scored = video.n_frames - gap
    return per_frame(score, starts, scored), per_frame(logits, starts, scored)


def onset_to_apex(finding: Finding, found: Movement) -> tuple[np.ndarray, np.ndarray]:
    """The crops ``(2, H, W, 3)`` at onset and apex, and the flow ``(2, H, W)`` between them, head motion taken out.

    They are read and computed anew: kept for every movement, they would fill the memory of a long video.
    """
    frames, landmarks = _read(finding.face, _pair(found.onset, found.apex, found.offset))
    return frames, face_flow(frames, landmarks, **_ways(finding.spotter))[1]


def _motion(video: Video, pair: tuple[int, int], spotter: Spotter) -> Motion:
    frames, landmarks = _read(video, pair)
    depth = None if video.camera is None else np.concatenate([video.depth(i, i + 1) for i in pair])
    return strongest_motion(frames, landmarks, depth=depth, **_ways(spotter))


def _ways(spotter: Spotter) -> dict[str, str]:
    return {name: value for name, value in asdict(spotter.settings).items() if name in ("method", "stabilization")}


def _pair(onset: int, apex: int, offset: int) -> tuple[int, int]:
    return onset, apex if apex > onset else offset


def _read(video: Video, pair: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([video.frames(i, i + 1) for i in pair]), video.landmarks(pair[0], pair[0] + 1)[0]


def _kept(path: Path | None) -> tuple[np.ndarray, np.ndarray] | None:
    """The scores of a chunk that was finished before; None if there are none, or their file is damaged."""
    if path is None or not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            return kept["score"], kept["logits"]
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
