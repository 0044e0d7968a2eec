"""The video itself with what was found drawn into it, as VP9 in MP4, which browsers play."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from melib.own_video.analysis import Finding
from melib.own_video.pictures import COLOURS

#: The longer side of the video written, and its highest frame rate: encoding takes longer than everything else.
_LONGEST_SIDE, _FASTEST = 480, 30.0
_FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
_STRIP = 14  # height in pixels of the strip with the timeline
_FOUND, _MISSED, _CHANCE = (tuple(bytes.fromhex(COLOURS[name][1:])) for name in ("found", "missed", "chance"))


def write_annotated(finding: Finding, path: Path, *, progress: bool = False) -> None:
    """Write the video with a frame around the face, a timeline below, and each movement named while it lasts.

    Frame rates above 30 per second are brought down by leaving frames out. One frame at a time is in memory.
    """
    video = finding.face.source
    every = max(1, round(video.fps / _FASTEST))
    height, width = video.frames(0, 1)[0].shape[:2]
    scale = min(1.0, _LONGEST_SIDE / max(height, width))
    # The codec wants even sides.
    size = tuple(max(2, int(side * scale) // 2 * 2) for side in (width, height))
    canvas = (size[0], size[1] + _STRIP)
    strip = _timeline(finding, canvas[0])
    code = cv2.VideoWriter_fourcc(*"vp09")
    writer = cv2.VideoWriter(os.fspath(path), cv2.CAP_FFMPEG, code, video.fps / every, canvas)
    if not writer.isOpened():
        raise OSError(f"{path} cannot be written: no room, no right to, or a build of OpenCV without the codec VP9")
    try:
        for frame in tqdm(range(0, video.n_frames, every), unit="frame", desc="video", disable=not progress):
            image = cv2.resize(video.frames(frame, frame + 1)[0], size, interpolation=cv2.INTER_AREA)
            _draw(image, finding, frame, scale)
            below = strip.copy()
            at = round(frame / max(1, video.n_frames - 1) * (canvas[0] - 1))
            below[:, max(0, at - 1) : at + 1] = _MISSED
            writer.write(cv2.cvtColor(np.concatenate([image, below]), cv2.COLOR_RGB2BGR))
    finally:
        writer.release()


def _draw(image: np.ndarray, finding: Finding, frame: int, scale: float) -> None:
    now = [number for number, found in enumerate(finding.movements) if found.onset <= frame <= found.offset]
    left, top, width, height = finding.face.window(frame)
    first, last = ((int(scale * x), int(scale * y)) for x, y in ((left, top), (left + width, top + height)))
    cv2.rectangle(image, first, last, _FOUND if now else _CHANCE, 3 if now else 1)
    for line, number in enumerate(now):
        text = f"{number + 1}: {finding.movements[number].motion.region}"
        # Light on dark, so that it can be read on any picture.
        (width, height), baseline = cv2.getTextSize(text, *_FONT)
        bottom = 22 + 20 * line
        cv2.rectangle(image, (4, bottom - height - 4), (12 + width, bottom + baseline), (0, 0, 0), cv2.FILLED)
        cv2.putText(image, text, (8, bottom), _FONT[0], _FONT[1], (255, 255, 255), _FONT[2], cv2.LINE_AA)


def _timeline(finding: Finding, width: int) -> np.ndarray:
    """The strip ``(14, width, 3)`` below the picture: the whole video, with a bar where something was found."""
    strip = np.full((_STRIP, width, 3), 255, np.uint8)
    strip[0] = _CHANCE
    for found in finding.movements:
        left, right = (round(frame / finding.face.n_frames * width) for frame in (found.onset, found.offset + 1))
        strip[3:-3, left : max(right, left + 1)] = _FOUND
    return strip
