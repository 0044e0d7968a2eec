"""From a video to brief movements: face, flow, score, intervals, and where in the face it moves."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from melib import face, features
from melib.errors import InputError
from melib.files import whole
from melib.models import predict
from melib.own_video.regions import Motion, face_flow, strongest_motion
from melib.own_video.spotter import Band, Spotter
from melib.recording import Recent
from melib.spotting import name_intervals, per_frame
from melib.video import Video

#: Frames scored per second: more of them lie nearer to each other than a micro-expression needs.
_SCORED_PER_SECOND = 30.0
#: Pairs scored between two savings; a killed run repeats at most so many.
_CHUNK = 128


@dataclass(frozen=True)
class Movement:
    """One brief movement of a face.

    Attributes
    ----------
    onset, apex, offset : int
        Frames, all inclusive.
    score : float
        The smoothed score at the apex.
    band : Band
        What intervals of such a score were worth on the benchmark.
    motion : Motion
        From onset to apex; where the score peaks at the very first frame, from there to the offset.
    emotion : str or None
        The nearest class, where naming was asked for.
    """

    onset: int
    apex: int
    offset: int
    score: float
    band: Band
    motion: Motion
    emotion: str | None = None


@dataclass(frozen=True)
class Finding:
    """What was found in a video.

    Attributes
    ----------
    face : melib.face.CroppedVideo
    spotter : Spotter
    score, smoothed : numpy.ndarray
        ``(T - k,)``: as the network gives it, and as the rule weighs it.
    movements : tuple of Movement
        In order of time.
    named : bool
        Whether the movements were given a class.
    """

    face: face.CroppedVideo
    spotter: Spotter
    score: np.ndarray
    smoothed: np.ndarray
    movements: tuple[Movement, ...]
    named: bool

    def table(self) -> pd.DataFrame:
        """The movements in the challenge's columns and our own.

        Returns
        -------
        pandas.DataFrame
            ``subject, video, onset, offset``, then ``emotion`` where it was asked for, then ``apex, score, onset_s,
            apex_s, offset_s, region, strength_px, strength_mm``, ``away_mm`` where there is depth, and ``share,
            share_low, share_high``: see :class:`melib.own_video.Band`.
        """
        fps = self.face.fps
        rows = [
            {
                "subject": self.face.subject,
                "video": self.face.name,
                "onset": found.onset,
                "offset": found.offset,
                "emotion": found.emotion,
                "apex": found.apex,
                "score": found.score,
                "onset_s": found.onset / fps,
                "apex_s": found.apex / fps,
                "offset_s": found.offset / fps,
                "region": found.motion.region,
                "strength_px": found.motion.pixels,
                "strength_mm": found.motion.millimetres,
                "away_mm": found.motion.away_mm,
                "share": found.band.share,
                "share_low": found.band.low,
                "share_high": found.band.high,
            }
            for found in self.movements
        ]
        table = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({name: "int64" for name in _FRAME_COLUMNS})
        absent = {"emotion": not self.named, "away_mm": self.face.camera is None}
        return table.drop(columns=[name for name, missing in absent.items() if missing])


_FRAME_COLUMNS = ("onset", "apex", "offset")
_COLUMNS = (
    *("subject", "video", "onset", "offset", "emotion", "apex", "score", "onset_s", "apex_s", "offset_s"),
    *("region", "strength_px", "strength_mm", "away_mm", "share", "share_low", "share_high"),
)


def analyse(
    video: Video,
    spotter: Spotter,
    *,
    name: bool = False,
    detector: face.Detector | None = None,
    track: bool = False,
    work: Path | None = None,
    progress: bool = False,
) -> Finding:
    """Find the brief movements of a face.

    Parameters
    ----------
    video : Video
        Of a whole scene or of a face: the face is looked for and cut out.
    spotter : Spotter
    name : bool
        Also give each movement the nearest class of the network's invented action-unit table.
    detector, track
        As for :func:`melib.face.crop`.
    work : path, optional
        Folder in which scores are kept as they come, for a run that is killed. It must belong to this video, spotter
        and choice of face alone.
    progress : bool
        Show a bar on stderr.

    Returns
    -------
    Finding

    Raises
    ------
    melib.face.FaceError
        If there is no face, or a tiny one.
    ValueError
        If the video is too short for one pair of frames, or a kept score is damaged.
    """
    found_face = face.crop(video, detector=detector, track=track, cache=work)
    score, logits = score_video(found_face, spotter, work=work, progress=progress)
    positions = spotter.intervals(score, video.fps)
    labels = name_intervals(logits.argmax(axis=1), positions) if name else [None] * len(positions)
    smoothed = spotter.smoothed(score, video.fps)
    movements = []
    for (onset, apex, offset), label in zip(positions.tolist(), labels, strict=True):
        movements.append(
            Movement(
                onset=onset,
                apex=apex,
                offset=offset,
                score=float(smoothed[apex]),
                band=spotter.band(float(smoothed[apex])),
                motion=_motion(found_face, _pair(onset, apex, offset), spotter),
                emotion=None if label is None else spotter.emotions[label],
            )
        )
    return Finding(found_face, spotter, score, smoothed, tuple(movements), name)


def score_video(
    video: Video, spotter: Spotter, *, work: Path | None = None, progress: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Score every frame of a face video, in memory that does not grow with its length.

    Pairs lie the spotter's gap apart in *seconds*, whatever the frame rate; at rates above 30 per second not every
    frame is scored, and what lies between is interpolated.

    Parameters
    ----------
    video : Video
        With landmarks.
    spotter, work, progress
        As for :func:`analyse`.

    Returns
    -------
    score : ndarray, (T - k,) float32
    emotion_logits : ndarray, (T - k, C) float32
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
            part = _kept(path, len(pairs[0]))
            if part is None:
                planes = np.concatenate(list(features.planes(recent, pairs, spotter.settings)))
                part = predict(spotter.model, planes, device="cpu")
                if path is not None:
                    _keep(path, part)
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
    settings = finding.spotter.settings
    stable = face_flow(frames, landmarks, method=settings.method, stabilization=settings.stabilization)[1]
    return frames, stable


def _motion(video: Video, pair: tuple[int, int], spotter: Spotter) -> Motion:
    frames, landmarks = _read(video, pair)
    depth = None if video.camera is None else np.concatenate([video.depth(i, i + 1) for i in pair])
    settings = spotter.settings
    choices = {"method": settings.method, "stabilization": settings.stabilization}
    return strongest_motion(frames, landmarks, depth=depth, **choices)


def _pair(onset: int, apex: int, offset: int) -> tuple[int, int]:
    return onset, apex if apex > onset else offset


def _read(video: Video, pair: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([video.frames(i, i + 1) for i in pair]), video.landmarks(pair[0], pair[0] + 1)[0]


def _kept(path: Path | None, count: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The scores of a chunk that was finished before; None if there are none."""
    if path is None or not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            score, logits = kept["score"], kept["logits"]
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"kept scores {path} are damaged ({error}): delete that folder and run again") from error
    if len(score) != count or len(logits) != count:
        raise InputError(f"kept scores {path} are of {len(score)} pairs, not {count}: delete that folder and run again")
    return score, logits


def _keep(path: Path, part: tuple[np.ndarray, np.ndarray]) -> None:
    with whole(path) as unfinished, open(unfinished, "wb") as file:
        np.savez(file, score=part[0], logits=part[1])
