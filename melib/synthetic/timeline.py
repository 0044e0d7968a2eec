"""What happens in a synthetic video: expressions and everything that can be mistaken for one, frame by frame.

Every purpose draws from a stream of its own (:mod:`melib.synthetic.streams`); none but the labels' knows the labels.

Sizes in millimetres are peak displacements on a face of 63 mm inter-ocular distance, before the subject's personal
gains; larger faces move in proportion. Lengths and rates hold for 30 frames per second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from melib.errors import InputError, find
from melib.synthetic import action_units as table
from melib.synthetic import everyday
from melib.synthetic.action_units import draw_action_units, draw_emotion, head_component
from melib.synthetic.curves import FPS, envelope, minimum_jerk, sway
from melib.synthetic.streams import stream
from melib.video import Expression

#: Shorter videos have no room for an expression and its surroundings.
MIN_FRAMES = 30

#: Table of expressions -> its patterns and the share of each class.
CLASSES = {
    "emotions": (table.EMOTION_PATTERNS, table.EMOTION_PRIOR),
    "out_of_plane": (table.OUT_OF_PLANE_PATTERNS, table.OUT_OF_PLANE_PRIOR),
    # The emotions with one part of their patterns alone, to be mixed.
    "emotions_in_plane": (table.IN_PLANE_PATTERNS, table.EMOTION_PRIOR),
    "emotions_out_of_plane": (table.EMOTIONS_OUT_OF_PLANE, table.EMOTION_PRIOR),
    "emotions_without_au14": (table.WITHOUT_AU14_PATTERNS, table.EMOTION_PRIOR),
    "emotions_by_au14": (table.AU14_PATTERNS, table.EMOTION_PRIOR),
}
#: Share of videos without a micro-expression.
SILENT_SHARE = 0.2

# A few events break the rule that strong means macro: short and strong, or weak and slow.
_STRONG_MICRO_SHARE, _STRONG_MICRO_MM, _STRONG_MICRO_LENGTH = 0.08, (2.0, 3.5), 12
_WEAK_MACRO_SHARE, _WEAK_MACRO_MM, _WEAK_MACRO_LENGTH = 0.2, (1.0, 2.0), 36
#: A component is never driven further than this share of its full strength.
_LARGEST_WEIGHT = 1.1

_DRIFTING = ("1L", "1R", "4L", "4R", "12L", "12R", "17", "24L", "24R", "26")
_DRIFT_MM, _DRIFT_HZ = 0.18, 0.25


@dataclass(frozen=True)
class TimelineSettings:
    """What a suite asks of its timelines."""

    classes: str = "emotions"  # which table names and moves the expressions, a key of `CLASSES`
    amplitude: float = 1.0  # factor on the size of micro-expressions
    head_motion: float = 1.0  # factor on sway, posture shifts and the pulse
    macro_rate: float = 1.6  # mean number of macro-expressions in 600 frames
    eyes: bool = True  # whether the subject blinks and looks about
    everyday: bool = False  # whether the subject speaks, leans, nods and so on, see `melib.synthetic.everyday`
    single: bool = False  # exactly one micro-expression and no macro-expression: a clip for recognition

    def __post_init__(self) -> None:
        find(self.classes, CLASSES, "classes")


@dataclass(frozen=True)
class Event:
    """An expression as it is and as a coder wrote it down."""

    true: Expression
    annotated: Expression  # onset, apex and offset off by about a frame (micro) or a few (macro)
    amplitude_mm: float  # peak displacement of an action unit of relative intensity 1
    intensities: tuple[tuple[str, float], ...]  # labelled action units, intensity relative to the amplitude
    hold: float  # frames at the apex before the decay


@dataclass(frozen=True)
class Timeline:
    """Everything that moves in a video of T frames."""

    events: tuple[Event, ...]  # in order of onset
    blinks: np.ndarray  # (n, 2) int, first and last frame of each
    weights: np.ndarray  # (T, K) float32, of each component of the head
    rotation: np.ndarray  # (T, 3) float32, rotation vector of the head, radians, as `Subject.points` takes it
    translation: np.ndarray  # (T, 3) float32, mm to the subject's left, up and towards the camera
    gaze: np.ndarray  # (T, 2) float32, turn of both eyes in the head, radians: to the subject's left, and up
    gain: np.ndarray  # (T,) float32, brightness of the light relative to its mean
    lamp: np.ndarray  # (T, 3) float32, what is added to the scene's direction of light
    covers: np.ndarray  # (T, 6) float32, what passes before the face, see `melib.synthetic.everyday.covers`


def _shape(rng: np.random.Generator, kind: str, n_frames: int, settings: TimelineSettings) -> tuple[int, float, float]:
    """Length in frames, rise as a share of it, and amplitude in millimetres of one event."""
    macro = kind == "macro"
    middle, spread, least, most = (55, 0.5, 18, 200) if macro else (11.5, 0.25, 6, 15)
    length = int(min(np.clip(rng.lognormal(np.log(middle), spread), least, most), n_frames // 3))
    unusual = rng.random()
    if macro:
        rise = np.clip(rng.beta(4, 7), 0.1, 0.7)
        amplitude = np.clip(rng.lognormal(np.log(4.0), 0.4), 2.0, 9.0)
        if unusual < _WEAK_MACRO_SHARE:
            amplitude = rng.uniform(*_WEAK_MACRO_MM)
            length = min(max(length, _WEAK_MACRO_LENGTH), n_frames // 3)
        return length, float(rise), float(amplitude)
    rise = np.clip(rng.beta(4, 6.5), 0.15, 0.7)
    amplitude = np.clip(rng.lognormal(np.log(1.15), 0.35), 0.5, 2.4)
    if unusual < _STRONG_MICRO_SHARE:
        amplitude = rng.uniform(*_STRONG_MICRO_MM)
        length = min(length, _STRONG_MICRO_LENGTH)
    return length, float(rise), float(amplitude * settings.amplitude)


def _place(rng: np.random.Generator, lengths: Sequence[int], n_frames: int) -> np.ndarray:
    """Onsets of events that do not overlap, uniform over the arrangements; neighbours may touch."""
    order = rng.permutation(len(lengths))
    spare = np.sort(rng.integers(0, n_frames - sum(lengths) + 1, len(lengths)))
    ordered = np.asarray(lengths, int)[order]
    onsets = np.empty(len(lengths), int)
    onsets[order] = spare + np.cumsum(ordered) - ordered
    return onsets


def _annotate(rng: np.random.Generator, true: Expression, n_frames: int) -> Expression:
    """The interval a coder gives: each end off by at most a third of the length, so that the order holds."""
    sd, most = (1.0, 3) if true.kind == "micro" else (2.5, 7)
    most = min(most, (true.length - 3) // 3)
    first, middle, last = np.rint(np.clip(rng.normal(0.0, sd, 3), -most, most)).astype(int)
    onset, offset = max(0, true.onset + first), min(n_frames - 1, true.offset + last)
    apex = int(np.clip(true.apex + middle, onset + 1, offset - 1))
    return Expression(int(onset), int(offset), apex, true.kind, true.emotion, true.action_units)


def draw_events(seed: int, n_frames: int, settings: TimelineSettings) -> tuple[Event, ...]:
    """The expressions of a video, in order of onset, which falls anywhere."""
    if n_frames < MIN_FRAMES:
        raise InputError(f"a synthetic video needs at least {MIN_FRAMES} frames, got {n_frames}")
    rng, unit_rng, note_rng = (stream(seed, purpose) for purpose in ("events", "action_units", "annotation"))
    patterns, prior = CLASSES[settings.classes]
    # One video in five holds no micro-expression, the others one and a Poisson number more.
    silent = rng.random() < SILENT_SHARE
    n_micro = 1 + rng.poisson(n_frames / 600)
    n_macro = rng.poisson(settings.macro_rate * n_frames / 600)
    kinds = ["micro"] if settings.single else ["micro"] * (0 if silent else n_micro) + ["macro"] * n_macro
    shapes = [(kind, *_shape(rng, kind, n_frames, settings)) for kind in kinds]
    while sum(length for _, length, _, _ in shapes) > 0.8 * n_frames:  # a short video has no room for all
        shapes.pop()
    onsets = _place(rng, [length for _, length, _, _ in shapes], n_frames)
    events = []
    for onset, (kind, length, rise, amplitude) in zip(onsets.tolist(), shapes, strict=True):
        offset = onset + length - 1
        apex = min(onset + max(2, round(rise * (length - 1))), offset - 2)
        hold = rng.uniform(0.0, 0.15) if kind == "micro" else rng.uniform(0.05, 0.4)
        emotion = draw_emotion(rng, prior)
        intensities = draw_action_units(unit_rng, emotion, patterns)
        true = Expression(onset, offset, apex, kind, emotion, tuple(intensities))
        annotated, hold = _annotate(note_rng, true, n_frames), min(hold * length, offset - apex - 2.0)
        events.append(Event(true, annotated, amplitude, tuple(intensities.items()), hold))
    return tuple(sorted(events, key=lambda event: (event.true.onset, event.true.kind)))


def apex_weights(event: Event, names: Sequence[str], peak_mm: np.ndarray) -> list[tuple[int, float]]:
    """What an expression adds to the weights at its apex: pairs (component, weight), one per labelled action unit."""
    found = []
    for label, intensity in event.intensities:
        component, factor = head_component(label)
        k = names.index(component)
        found.append((k, float(min(event.amplitude_mm * intensity / peak_mm[k], _LARGEST_WEIGHT) * factor)))
    return found


def _add_events(
    weights: np.ndarray, seed: int, events: Sequence[Event], names: Sequence[str], peak_mm: np.ndarray
) -> None:
    """Add the expressions to the weights, each within its own frames."""
    rng = stream(seed, "envelopes")
    for event in events:
        true = event.true
        frames = np.arange(true.onset, true.offset + 1, dtype=float)
        latest = 2 if true.kind == "micro" else 4
        for i, (k, weight) in enumerate(apex_weights(event, names, peak_mm)):
            late_onset, late_apex, skew = rng.integers(0, 2), rng.integers(0, latest), rng.uniform(0.7, 1.1)
            # The first action unit keeps the label's onset and apex; the others may lag.
            onset = true.onset + (late_onset if i else 0)
            apex = min(true.apex + (late_apex if i else 0), true.offset - 2)
            release = max(apex, true.apex + event.hold)
            weights[true.onset : true.offset + 1, k] += weight * envelope(
                frames, onset, apex, release, true.offset, skew
            )


def _add_blinks(weights: np.ndarray, seed: int, names: Sequence[str]) -> np.ndarray:
    """Close the lids every now and then, one time in five only half; return the blinks' frames."""
    n_frames = len(weights)
    rng = stream(seed, "blinks")
    most = int(n_frames / FPS / 0.5) + 1
    starts = (np.cumsum(np.r_[rng.exponential(2.0), 0.5 + rng.exponential(3.2, most)]) * FPS).astype(int)
    depth = rng.choice([1.0, 0.55], len(starts), p=[0.8, 0.2])
    closing, held, opening = (rng.integers(low, high, len(starts)) for low, high in ((2, 4), (0, 2), (3, 6)))
    ends = starts + closing + held + opening
    inside = ends < n_frames
    lids = [names.index("45L"), names.index("45R")]
    for start, close, hold, end, strength in zip(
        *(a[inside] for a in (starts, closing, held, ends, depth)), strict=True
    ):
        curve = strength * envelope(np.arange(start, end + 1.0), start, start + close, start + close + hold, end)
        weights[start : end + 1, lids] = np.maximum(weights[start : end + 1, lids], curve[:, None])
    return np.stack([starts[inside], ends[inside]], axis=1)


def _draw_gaze(seed: int, n_frames: int) -> np.ndarray:
    """Fixations of at least 8 frames joined by saccades of three frames, ``(n_frames, 2)`` radians."""
    rng = stream(seed, "gaze")
    most = n_frames // 8 + 1
    lengths = 8 + rng.exponential(25.0, most).astype(int)
    targets = rng.normal(0.0, 1.0, (most, 2)) * (0.09, 0.05)
    steps = np.pad(np.repeat(targets, lengths, axis=0)[:n_frames], ((1, 1), (0, 0)), mode="edge")
    return (steps[:-2] + steps[1:-1] + steps[2:]) / 3


def _draw_pose(seed: int, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotation ``(n_frames, 3)`` in radians and translation ``(n_frames, 3)`` in millimetres of the head."""
    rng = stream(seed, "rotation")
    ranges = ((0.35, 0.5, 1.3), (0.35, 0.6, 1.8), (0.30, 0.3, 0.8))  # cut-off, range of the sd in degrees
    rotation = np.stack([sway(rng, n_frames, hz, np.deg2rad(rng.uniform(*sd))) for hz, *sd in ranges], axis=1)
    rng = stream(seed, "translation")
    ranges = ((0.30, 0.6, 1.8), (0.30, 0.5, 1.5), (0.25, 1.0, 4.0))  # cut-off, range of the sd in millimetres
    translation = np.stack([sway(rng, n_frames, hz, rng.uniform(*sd)) for hz, *sd in ranges], axis=1)
    time = np.arange(n_frames) / FPS
    # The heart lifts the head by a tenth of a millimetre.
    rng = stream(seed, "pulse")
    rate, phase = rng.uniform(0.95, 1.35), rng.uniform(0, 2 * np.pi)
    translation[:, 1] += 0.08 * np.sin(2 * np.pi * rate * time + phase)
    # Postures are drawn about the same mean, so a long video does not walk out of the picture.
    rng = stream(seed, "posture")
    degrees, millimetres = np.zeros(3), np.zeros(3)
    for start in np.sort(rng.integers(0, n_frames, rng.poisson(n_frames / 500))):
        ramp = slice(start, None)
        curve = minimum_jerk(np.arange(n_frames - start) / rng.integers(15, 46))[:, None]
        turned = rng.normal(0.0, 1.0, 3) * (1.5, 2.5, 1.0) / np.sqrt(2)
        moved = rng.normal(0.0, 1.0, 3) * (2.0, 2.0, 4.0) / np.sqrt(2)
        rotation[ramp] += np.deg2rad(turned - degrees) * curve
        translation[ramp] += (moved - millimetres) * curve
        degrees, millimetres = turned, moved
    return rotation, translation


def _draw_gain(seed: int, n_frames: int) -> np.ndarray:
    """Mains flicker, slow drift and, in three videos of ten, a lamp switched on or off; ``(n_frames,)`` about 1."""
    rng = stream(seed, "flicker")
    frames = np.arange(n_frames)
    size, hz, phase = 0.004 * rng.uniform(0.3, 2.0), rng.uniform(0.5, 10.0), rng.uniform(0, 2 * np.pi)
    gain = 1.0 + size * np.sin(2 * np.pi * hz * frames / FPS + phase)
    gain += sway(rng, n_frames, 0.15, rng.uniform(0.004, 0.015))
    stepped, step, start = rng.random() < 0.3, rng.normal(0.0, 0.03), rng.integers(0, n_frames)
    return gain * (1.0 + step * minimum_jerk((frames - start) / 4)) if stepped else gain


def draw_timeline(
    seed: int, n_frames: int, settings: TimelineSettings, names: Sequence[str], peak_mm: np.ndarray
) -> Timeline:
    """Everything that moves in a video; `names` and `peak_mm` (at weight 1) are of the head's components."""
    events = draw_events(seed, n_frames, settings)
    names = list(names)
    weights = np.zeros((n_frames, len(names)), np.float32)
    rng = stream(seed, "tonic")
    for name in _DRIFTING:
        k = names.index(name)
        weights[:, k] = np.maximum(sway(rng, n_frames, _DRIFT_HZ, _DRIFT_MM / peak_mm[k]), 0.0)
    _add_events(weights, seed, events, names, peak_mm)
    gaze, blinks = np.zeros((n_frames, 2)), np.empty((0, 2), int)
    if settings.eyes:
        blinks = _add_blinks(weights, seed, names)
        gaze = _draw_gaze(seed, n_frames)
        # The upper lid follows the eye.
        weights[:, names.index("gazeUp")] = 0.8 * np.clip(3.0 * gaze[:, 1], 0.0, 1.0)
        weights[:, names.index("gazeDown")] = 0.8 * np.clip(-3.0 * gaze[:, 1], 0.0, 1.0)
    rotation, translation = _draw_pose(seed, n_frames)
    gain, lamp, covers = _draw_gain(seed, n_frames), np.zeros((n_frames, 3)), np.zeros((n_frames, 6))
    if settings.everyday:
        everyday.add_speech(weights, seed, names, peak_mm)
        turned, moved = everyday.head_motion(seed, n_frames)
        brighter, lamp = everyday.light(seed, n_frames)
        rotation, translation, gain = rotation + turned, translation + moved, gain * brighter
        covers = everyday.covers(seed, n_frames)
    head = rotation * settings.head_motion, translation * settings.head_motion
    moving = (each.astype(np.float32) for each in (*head, gaze, gain, lamp, covers))
    return Timeline(events, blinks, weights, *moving)
