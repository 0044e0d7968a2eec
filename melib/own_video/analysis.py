"""From a video to brief movements: face, flow, score, intervals, and where in the face it moves."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from melib import face, features, flow
from melib.errors import InputError
from melib.features import FeatureSettings
from melib.files import whole
from melib.models import predict
from melib.own_video.recording import Recent, clock, nearest
from melib.own_video.spotter import Band, Spotter
from melib.spotting import name_intervals, per_frame
from melib.video import Video

#: Frames scored per second: more of them lie nearer to each other than a micro-expression needs.
_SCORED_PER_SECOND = 30.0
#: Pairs scored between two savings; a killed run repeats at most so many.
_CHUNK = 128
#: Region -> its landmarks (iBUG order), how far the hull of them is enlarged about its centre, and how far they are
#: also raised, in distances between the eyes: the skin above a brow moves with it. Right and left are the person's own.
_REGIONS = {
    "right brow": (range(17, 22), 1.0, 0.25),
    "left brow": (range(22, 27), 1.0, 0.25),
    "right eye": (range(36, 42), 1.4, 0.0),
    "left eye": (range(42, 48), 1.4, 0.0),
    "nose": (range(29, 36), 1.1, 0.0),
    "mouth": (range(48, 60), 1.2, 0.0),
    "right cheek": ((2, 3, 4, 48, 31, 41), 1.0, 0.0),
    "left cheek": ((14, 13, 12, 54, 35, 46), 1.0, 0.0),
    "chin": ((6, 7, 8, 9, 10, 56, 57, 58), 1.0, 0.0),
}
REGIONS = tuple(_REGIONS)
#: Mean distance between the centres of the eyes of adults, which turns pixels of a face into millimetres.
_EYES_APART_MM = 63.0
#: A region moves as much as the pixels that move more than this share of it: few enough for the corner of a mouth to
#: count, too many for a stray vector.
_PERCENTILE = 90
_COLUMNS = (
    *("subject", "video", "onset", "offset", "emotion", "apex", "score", "onset_s", "apex_s", "offset_s"),
    *("region", "strength_px", "strength_mm", "away_mm", "share", "share_low", "share_high"),
)


@dataclass(frozen=True)
class Motion:
    """The strongest motion of a face between two frames, head motion taken out."""

    region: str  # one of REGIONS
    pixels: float  # how far it moves, in pixels of the crop
    millimetres: float  # the same on the face, whose eyes are taken to be 63 mm apart
    away_mm: float | None  # how far it moves away from the camera, against the whole face; None without depth


@dataclass(frozen=True)
class Movement:
    """One brief movement of a face; frames are inclusive."""

    onset: int
    apex: int
    offset: int
    score: float  # the smoothed score at the apex
    band: Band  # what intervals of such a score were worth on the benchmark
    pair: tuple[int, int]  # the two frames that were compared where the score is highest
    motion: Motion  # from the first of them to the second
    emotion: str | None = None  # the nearest class, where naming was asked for


@dataclass(frozen=True)
class Finding:
    """What was found in a video."""

    face: face.CroppedVideo
    spotter: Spotter
    times: np.ndarray  # (T,) seconds of each frame
    score: np.ndarray  # (n,), as the network gives it, at evenly spaced times, ``fps`` of the video a second
    smoothed: np.ndarray  # (n,), as the rule weighs it
    scored: np.ndarray  # (n,) bool: False where no face was seen, or something lies between the frames compared
    movements: tuple[Movement, ...]  # in order of time
    named: bool  # whether the movements were given a class

    @property
    def seconds(self) -> float:
        """How long the video is."""
        return float(self.times[-1]) + 1 / self.face.fps

    def unscored(self) -> list[tuple[float, float]]:
        """Spans in seconds of what was not scored; the last gap, after which nothing can be compared, is none."""
        edges = np.flatnonzero(np.diff(np.r_[1, self.scored, 1])) / self.face.fps
        return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

    def table(self) -> pd.DataFrame:
        """The movements, a row each: the challenge's columns (``emotion`` where it was asked for), then our own.

        Times end in ``_s``; ``strength`` is the motion of the region, ``away_mm`` its motion in depth, where there is
        any; ``share`` is explained at :class:`melib.own_video.Band`.
        """
        rows = []
        for found in self.movements:
            frames, motion, band = (found.onset, found.apex, found.offset), found.motion, found.band
            seconds = self.times[list(frames)]
            named = self.face.subject, self.face.name, found.onset, found.offset, found.emotion, found.apex, found.score
            strength = motion.region, motion.pixels, motion.millimetres, motion.away_mm
            rows.append((*named, *seconds, *strength, band.share, band.low, band.high))
        table = pd.DataFrame(rows, columns=_COLUMNS).astype(dict.fromkeys(("onset", "apex", "offset"), "int64"))
        absent = {"emotion": not self.named, "away_mm": self.face.camera is None}
        return table.drop(columns=[name for name, missing in absent.items() if missing])


def analyse(
    video: Video, spotter: Spotter, *, name=False, work: Path | None = None, device="auto", progress=False, **crop
) -> Finding:
    """Find the brief movements of a face, which is looked for in a video of a whole scene.

    As :func:`melib.own_video.spot_file`, which says what the options are. A run that is killed goes on from the scores
    in folder `work`, which must belong to this video, spotter and choice of face alone.
    """
    found_face = face.crop(video, cache=work, **crop)
    score, logits, scored = score_video(found_face, spotter, work=work, device=device, progress=progress)
    smoothed, (times, _) = spotter.smoothed(score, video.fps), clock(video)
    positions = spotter.intervals(score, video.fps)
    positions = positions[[scored[onset : offset + 1].all() for onset, _, offset in positions]]
    labels = name_intervals(logits.argmax(axis=1), positions) if name else [None] * len(positions)
    movements = []
    for at, label in zip(positions, labels, strict=True):
        height, emotion = float(smoothed[at[1]]), None if label is None else spotter.emotions[label]
        pair = nearest(times, at[1] / video.fps + np.array([0, spotter.gap_s]))
        crops, landmarks = _both(found_face.frames, pair), found_face.landmarks(pair[0], pair[0] + 1)[0]
        depth = None if found_face.camera is None else _both(found_face.depth, pair)
        motion = strongest_motion(crops, landmarks, spotter.settings, depth=depth)
        frames = nearest(times, at / video.fps).tolist()
        movements.append(Movement(*frames, height, spotter.band(height), tuple(pair.tolist()), motion, emotion))
    return Finding(found_face, spotter, times, score, smoothed, scored, tuple(movements), name)


def pairs_in_time(video: face.CroppedVideo, gap_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Frames that lie a gap apart, about 30 pairs a second: when, first and second frames, and which can be compared.

    Where the clock of a video varies, the frames are those nearest in time. Two cannot be compared if no face was seen
    there, a pause or a cut lies between them, or no two frames are about a gap apart.
    """
    (times, breaks), stride = clock(getattr(video, "source", video)), max(1, round(video.fps / _SCORED_PER_SECOND))
    when = np.arange(0, times[-1] - gap_s + 0.5 / video.fps, stride / video.fps)
    if len(when) == 0 or video.n_frames < 2:
        gap = features.gap_frames(video.fps, gap_s)
        count = f"{video.n_frames} frame{'s' * (video.n_frames != 1)}"
        raise InputError(f"video {video.subject}/{video.name} has {count}: too few for a gap of {gap}")
    starts, ends = nearest(times, when), nearest(times, when + gap_s)
    scene, apart = np.cumsum(breaks), times[ends] - times[starts]
    usable = (scene[starts] == scene[ends]) & (np.abs(apart - gap_s) <= max(gap_s / 4, 0.55 / video.fps))
    seen = getattr(video, "seen", np.ones(video.n_frames, bool))  # a rendered crop shows a face in every frame
    return when, starts, ends, usable & (starts < ends) & seen[starts] & seen[ends]


def score_video(
    video: face.CroppedVideo, spotter: Spotter, *, work: Path | None = None, device="auto", progress: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score ``(n,)`` and emotion logits ``(n, C)`` at evenly spaced times, and which times were scored ``(n,)``.

    Memory does not grow with the length of the video. Pairs lie the spotter's gap apart in *seconds*, whatever the
    frame rate; at rates above 30 per second not every frame is scored, and what lies between is interpolated. Times
    that were not scored have the lowest score.
    """
    when, starts, ends, usable = pairs_in_time(video, spotter.gap_s)
    if not usable.any():
        raise InputError(
            f"video {video.subject}/{video.name} shows no face for {spotter.gap_s:g} s on end: film longer"
        )
    rows = np.flatnonzero(usable)
    recent, parts = Recent(video, int((ends - starts).max() + np.diff(starts, prepend=0).max()) + 1), []
    for first in tqdm(range(0, len(rows), _CHUNK), unit="chunk", desc="score", disable=not progress):
        path = None if work is None else work / f"scores-{first:08d}.npz"
        part = None if path is None else _kept(path)
        if part is None:
            pairs = tuple(side[rows[first : first + _CHUNK]] for side in (starts, ends))
            planes = np.concatenate(list(features.planes(recent, pairs, spotter.settings, device=device)))
            part = predict(spotter.model, planes, device=device)
            if path is not None:
                with whole(path) as unfinished, open(unfinished, "wb") as file:
                    np.savez(file, score=part[0], logits=part[1])
        parts.append(part)
    places, count, found = np.rint(when * video.fps).astype(int), round(float(when[-1] * video.fps)) + 1, []
    for side in zip(*parts, strict=True):
        known = np.concatenate(side)
        values = np.repeat(known.min(axis=0, keepdims=True), len(when), axis=0)
        values[rows] = known
        found.append(per_frame(values, places, count))
    return *found, usable[np.rint(np.interp(np.arange(count), places, np.arange(len(when)))).astype(int)]


def compared(finding: Finding, found: Movement) -> tuple[np.ndarray, np.ndarray]:
    """The two crops ``(2, H, W, 3)`` of a movement that were compared, and the flow ``(2, H, W)`` between them.

    Head motion is taken out. They are read and computed anew: kept for every movement, they would fill the memory of a
    long video.
    """
    frames = _both(finding.face.frames, found.pair)
    landmarks = finding.face.landmarks(found.pair[0], found.pair[0] + 1)[0]
    return frames, face_flow(frames, landmarks, finding.spotter.settings)[1]


def _both(read: Callable, pair: Sequence[int]) -> np.ndarray:
    return np.concatenate([read(i, i + 1) for i in map(int, pair)])


def _kept(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """The scores of a chunk that was finished before; None if there are none, or their file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return kept["score"], kept["logits"]
    except (FileNotFoundError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def region_masks(landmarks: np.ndarray, height: int, width: int) -> dict[str, np.ndarray]:
    """Pixels ``(H, W)`` bool of each region of :data:`REGIONS`; where two overlap, the earlier has them."""
    points, taken, masks = np.asarray(landmarks, float), np.zeros((height, width), bool), {}
    for name, (chosen, enlarged, raised) in _REGIONS.items():
        own = points[list(chosen)]
        own = np.concatenate([own, own - (0, raised * _eyes_apart(points))])
        centre = own.mean(axis=0)
        masks[name] = flow.face_mask(centre + enlarged * (own - centre), height, width) & ~taken
        taken |= masks[name]
    return masks


def face_flow(frames: np.ndarray, landmarks: np.ndarray, settings: FeatureSettings) -> tuple[np.ndarray, np.ndarray]:
    """Flow ``(2, H, W)`` between two frames ``(2, H, W, 3)`` of a face, as it is and with head motion taken out.

    The landmarks are those of the first frame. Of the settings ``rigid``, which needs a camera, becomes ``affine``.
    """
    first, second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[None] for frame in frames)
    found = flow.optical_flow(first, second, method=settings.method)
    mode = "affine" if settings.stabilization == "rigid" else settings.stabilization
    return found[0], flow.stabilize(found, mode, landmarks=np.asarray(landmarks)[None])[0]


def strongest_motion(
    frames: np.ndarray, landmarks: np.ndarray, settings: FeatureSettings, *, depth: np.ndarray | None = None
) -> Motion:
    """Which region of a face moves most between two frames; with their depth ``(2, H, W)`` also to or fro."""
    found, stable = face_flow(frames, landmarks, settings)
    length = np.hypot(*stable)
    masks = region_masks(landmarks, *length.shape)
    strengths = {name: np.percentile(length[mask], _PERCENTILE) for name, mask in masks.items() if mask.any()}
    if not strengths:
        raise InputError("no part of the face lies in the picture: its landmarks are all outside")
    region = max(strengths, key=strengths.get)
    pixels, away = strengths[region], None if depth is None else _away(depth, found, masks[region], landmarks)
    return Motion(region, float(pixels), float(pixels * _EYES_APART_MM / _eyes_apart(landmarks)), away)


def _eyes_apart(landmarks: np.ndarray) -> float:
    points = np.asarray(landmarks, float)
    return float(np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0)))


def _away(depth: np.ndarray, motion: np.ndarray, region: np.ndarray, landmarks: np.ndarray) -> float | None:
    """Median change of depth of a region along a flow, less that of the face, in millimetres."""
    height, width = region.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    # The nearest reading: between a reading and a hole there is no depth.
    there = cv2.remap(depth[1], columns + motion[0], rows + motion[1], cv2.INTER_NEAREST)
    known = (depth[0] > 0) & (there > 0)
    face = flow.face_mask(landmarks, height, width)
    if not (known & region).any() or not (known & face).any():
        return None
    change = 1e3 * (there - depth[0])
    return float(np.median(change[known & region]) - np.median(change[known & face]))
