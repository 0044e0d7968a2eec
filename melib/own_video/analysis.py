"""From a video to brief movements: face, flow, score, intervals, and where in the face it moves."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from melib import face, features, flow
from melib.errors import InputError
from melib.features import FeatureSettings
from melib.features.compute import eyes_apart
from melib.files import whole
from melib.models import FrameValues, score_frames
from melib.models.window import DISTANCES
from melib.own_video.recording import clock, nearest
from melib.own_video.spotter import Spotter
from melib.spotting import Spotted, window_intervals
from melib.video import Video

#: Rows of frame pairs a second that a network is shown, about: so many it has learnt from.
_ROWS_PER_SECOND = 30.0
#: Rows scored between two savings, at least as many as a killed run repeats; rows to either side that their scores
#: rest on; and rows for which the place of the face is taken to be that of the first.
_PIECE, _REACH, _STEADY = 960, sum(DISTANCES), 32
#: A shorter stretch is not scored: no movement of a face comes and goes in it.
_SHORTEST_S = 0.5
#: So many movements, of the highest scores, get a picture.
_PICTURED = 24
#: At a lower rate a micro-expression of a fifth of a second lasts three frames or fewer.
_SLOW = 20.0
#: So many times the marks a minute of the benchmark are more than a face at rest gives; of fewer marks none are many.
_FLOODED, _FEW = 2.0, 3
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
    *("region", "strength_px", "strength_mm", "share", "share_low", "share_high"),
)


class Scores(NamedTuple):
    """What a network says of a video, in rows, about 30 a second."""

    seconds: np.ndarray  # (n,) where each row lies: halfway between the frames that are compared
    probability: np.ndarray  # (n,) of a micro-expression; 0 where nothing was scored
    scored: np.ndarray  # (n,) bool: False where no face was seen, or something lies between the frames compared
    spotted: Spotted  # in frames of the video, in order of time


@dataclass(frozen=True)
class Finding:
    """What was found in a video."""

    face: face.CroppedVideo
    spotter: Spotter
    times: np.ndarray  # (T,) seconds of each frame
    scores: Scores
    movements: pd.DataFrame  # a row each in order of time, as in intervals.csv
    pictures: Mapping[int, np.ndarray]  # of movements by place: the two frames compared, side by side, (H, 2 W, 3)

    @property
    def span(self) -> tuple[float, float]:
        """From when to when the video was looked at, in seconds."""
        first, stop = self.face.span
        return float(self.times[first]), float(self.times[stop - 1]) + 1 / self.face.fps

    @property
    def rate(self) -> float:
        """Marks in a minute of what was scored."""
        per_minute = 60 / float(np.median(np.diff(self.scores.seconds)))
        return len(self.movements) * per_minute / int(self.scores.scored.sum())

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd about the video, the face and the marks, a sentence each."""
        video, usual = self.face.source, self.spotter.rate
        lost, length = sum(stop - start for start, stop in self.unscored()), self.span[1] - self.span[0]
        lacking = getattr(video, "missing", 0) + len(getattr(video, "undecodable", ()))
        said = {
            f"{lacking} of {video.n_frames} frames have no image that can be read: the nearest stands in.": lacking,
            f"Of the video {lost / length:.0%} ({lost:.1f} of {length:.1f} s) was not scored, grey in the timeline: "
            "no face to be measured was seen there, or too briefly, or a cut or a pause lies there.": lost,
            f"There are {self.rate:.1f} marks a minute, on the benchmark {usual:.1f}: somebody speaks, head or camera "
            "move, or there is noise. Do not trust them.": len(self.movements) >= _FEW and self.rate > _FLOODED * usual,
            f"At {video.fps:g} frames per second a micro-expression lasts a few frames: many will be missed.": video.fps
            < _SLOW,
        }
        noted = *getattr(video, "notes", ()), *self.face.notes
        return (*noted, *(note for note, applies in said.items() if applies))

    def unscored(self) -> list[list[float]]:
        """Spans in seconds of what was not scored; the last gap, after which nothing can be compared, is none."""
        seconds, half = self.scores.seconds, self.spotter.gap_s / 2
        begins = np.r_[seconds - half, seconds[-1] + half]
        return begins[np.flatnonzero(np.diff(np.r_[True, self.scores.scored, True]))].reshape(-1, 2).tolist()


def analyse(
    video: Video,
    spotter: Spotter,
    *,
    name: bool = False,
    start: float | None = None,
    end: float | None = None,
    work: Path | None = None,
    **crop,
) -> Finding:
    """Find the brief movements of a face, which is looked for in a video of a whole scene.

    The options are those of :func:`melib.own_video.spot_file`. A run that was killed goes on from the scores in folder
    `work`, which must belong to this video, spotter and choice of face alone.
    """
    times = clock(video)[0]
    span = int(np.searchsorted(times, start or 0)), int(np.searchsorted(times, np.inf if end is None else end, "right"))
    if span[0] >= span[1]:
        length = f"video {video.subject}/{video.name} is {times[-1]:.1f} s long"
        raise InputError(f"{length}: nothing lies between the start and the end that are asked for")
    found_face = face.crop(video, span=span, track=crop.get("box") is None, **crop)
    scores = score_video(found_face, spotter, work=work)
    spotted, rows, pictures = scores.spotted, [], {}
    pictured = np.argsort(-spotted.scores, kind="stable")[:_PICTURED]
    for place, (onset, apex, offset) in enumerate(spotted.intervals.tolist()):
        score, emotion = float(spotted.scores[place]), spotter.emotions[spotted.emotions[place]]
        pair = (onset, apex) if onset < apex else (apex, offset)
        crops = np.concatenate([found_face.frames(i, i + 1) for i in pair])
        landmarks = found_face.landmarks(pair[0], pair[0] + 1)[0]
        motion = strongest_motion(face_flow(crops, landmarks, spotter.settings), landmarks)
        band, seconds = spotter.band(score), times[[onset, apex, offset]]
        named = video.subject, video.name, onset, offset, emotion, apex, score
        rows.append((*named, *seconds, *motion, band.share, band.low, band.high))
        if place in pictured:
            pictures[place] = np.hstack(crops)
    table = pd.DataFrame(rows, columns=_COLUMNS).astype(dict.fromkeys(("onset", "apex", "offset"), "int64"))
    return Finding(found_face, spotter, times, scores, table if name else table.drop(columns="emotion"), pictures)


def rows_of(video: Video, gap_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The frame pairs of a video that are scored, about 30 a second: when, first and second frames, which are usable.

    A pair lies at the time halfway between its frames, those nearest to where they should be. It is of no use if no
    face was seen there, a pause or a cut lies between, or the two are not about a gap apart. At high rates frames are
    left out, at low ones pairs repeated: a network counts time in rows.
    """
    times, breaks = clock(getattr(video, "source", video))
    first, stop = getattr(video, "span", (0, video.n_frames))
    often = video.fps / _ROWS_PER_SECOND
    step = max(1, round(often)) / max(1, round(1 / often)) / video.fps
    gap = max(1, round(gap_s / step))
    when = np.arange(times[first], times[stop - 1] + step / 2, step)
    frames = nearest(times, when - 1e-6).clip(first, stop - 1)  # of two as near it is always the earlier
    starts, ends, scene = frames[:-gap], frames[gap:], np.cumsum(breaks)
    seen = getattr(video, "seen", np.ones(video.n_frames, bool))  # a rendered crop shows a face in every frame
    usable = (scene[starts] == scene[ends]) & (starts < ends) & seen[starts] & seen[ends]
    usable &= np.abs(times[ends] - times[starts] - gap_s) <= max(gap_s / 4, 0.55 / video.fps)
    return when[:-gap] + gap * step / 2, starts, ends, usable


def score_video(video: Video, spotter: Spotter, *, work: Path | None = None) -> Scores:
    """What a spotter says of a face: of each stretch in which it was seen without a break, as if it were all there is.

    Memory does not grow with the length of the video, but for a few numbers a row.
    """
    seconds, starts, ends, usable = rows_of(video, spotter.gap_s)
    times = clock(getattr(video, "source", video))[0]
    stretches = np.flatnonzero(np.diff(np.r_[False, usable, False])).reshape(-1, 2)
    lasts = times[ends[stretches[:, 1] - 1]] - times[starts[stretches[:, 0]]]
    stretches = stretches[(lasts >= _SHORTEST_S) & (np.diff(stretches)[:, 0] > 1)]
    if len(stretches) == 0:
        name = f"video {video.subject}/{video.name}"
        raise InputError(f"{name} shows no face to be measured for {_SHORTEST_S:g} s on end: film longer")
    probability, scored, found = np.zeros(len(usable), np.float32), np.zeros(len(usable), bool), []
    with tqdm(total=int(np.diff(stretches).sum()), unit="pair", desc="score", disable=None) as bar:
        for first, stop in stretches.tolist():
            pairs = starts[first:stop], ends[first:stop]
            values = _values(video, pairs, spotter, work, bar)
            probability[first:stop], scored[first:stop] = values.kinds[:, 0], True
            begin, end = times[pairs[0][0]], times[pairs[1][-1]]
            # Frames of an even clock, from the stretch's first one on: what lies outside of it is not pointed at.
            even = (seconds[first:stop] - begin) * video.fps
            marks = window_intervals(values, even, round((end - begin) * video.fps) + 1).above(spotter.threshold)
            for where, score, emotion in zip(marks.intervals, marks.scores, marks.emotions, strict=True):
                found.append((*nearest(times, begin + where / video.fps), score, emotion))
    table = np.array(sorted(each for each in found if each[0] < each[2]), float).reshape(-1, 5)
    spotted = Spotted(table[:, :3].astype(int), table[:, 3], table[:, 4].astype(int))
    return Scores(seconds, probability, scored, spotted)


def _values(video: Video, pairs: features.Pairs, spotter: Spotter, work: Path | None, bar: tqdm) -> FrameValues:
    """What the network says of a stretch: in pieces that overlap as far as it sees, so that none is cut off."""
    parts, count, view = [], len(pairs[0]), copy.copy(video)
    for first in range(0, count, _PIECE):
        path = None if work is None else work / f"scores-{pairs[0][first]:08d}.npz"
        if path is not None and path.exists():
            with np.load(path, allow_pickle=False) as kept:
                part = FrameValues(**kept)
        else:
            low, high, planes = max(0, first - _REACH), min(count, first + _PIECE + _REACH), []
            for start in range(low, high, _STEADY):
                some = tuple(side[start : min(start + _STEADY, high)] for side in pairs)
                # A face may come nearer: planes are made by the landmarks of their own second.
                landmarks = video.landmarks(some[0][0], some[0][0] + 1)
                view.landmarks = lambda *_, found=landmarks: found
                planes += features.planes(view, some, spotter.settings)
                bar.update(sum(first <= row < first + _PIECE for row in range(start, start + len(some[0]))))
            known = score_frames(spotter.model, np.concatenate(planes))
            part = FrameValues(*(each[first - low : first - low + _PIECE] for each in known))
            if path is not None:
                with whole(path) as unfinished, open(unfinished, "wb") as file:
                    np.savez(file, **part._asdict())
        parts.append(part)
    return FrameValues(*(np.concatenate(side) for side in zip(*parts, strict=True)))


def region_masks(landmarks: np.ndarray, height: int, width: int) -> dict[str, np.ndarray]:
    """Pixels ``(H, W)`` bool of each region of :data:`REGIONS`; where two overlap, the earlier has them."""
    points, taken, masks = np.asarray(landmarks, float), np.zeros((height, width), bool), {}
    for name, (chosen, enlarged, raised) in _REGIONS.items():
        own = points[list(chosen)]
        own = np.concatenate([own, own - (0, raised * eyes_apart(points))])
        centre = own.mean(axis=0)
        masks[name] = flow.face_mask(centre + enlarged * (own - centre), height, width) & ~taken
        taken |= masks[name]
    return masks


def face_flow(frames: np.ndarray, landmarks: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """Flow ``(2, H, W)`` between two frames ``(2, H, W, 3)`` of a face, the way of its landmarks taken out."""
    first, second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[None] for frame in frames)
    found = flow.optical_flow(first, second, method=settings.method)
    return flow.stabilize(found, settings.stabilization, landmarks=np.asarray(landmarks)[None])[0]


def strongest_motion(motion: np.ndarray, landmarks: np.ndarray) -> tuple[str, float, float]:
    """Which region of a face moves most by a flow ``(2, H, W)`` of it, and how far: in pixels, and in millimetres."""
    length = np.hypot(*motion)
    masks = region_masks(landmarks, *length.shape)
    strengths = {name: np.percentile(length[mask], _PERCENTILE) for name, mask in masks.items() if mask.any()}
    region = max(strengths, key=strengths.get)
    pixels = float(strengths[region])
    return region, pixels, pixels * _EYES_APART_MM / eyes_apart(landmarks)
