"""A clip of the benchmark for scrubbing in a page: frames, depth, motion since the onset, and a score per frame.

What a browser gets is small: two sheets of pictures and the motion on a coarse grid. ``book/assets/viewer.js`` does the
rest; without it a page shows the sheet of frames and the score.
"""

from __future__ import annotations

import base64
import html
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from matplotlib import colormaps
from PIL import Image

from melib import flow
from melib.plots.style import COLOURS

if TYPE_CHECKING:
    from melib.synthetic.dataset import SyntheticVideo
    from melib.synthetic.timeline import Event

#: Side of a cell, in pixels of the frame, over which motion is averaged for the browser.
CELL = 4
#: Motion is sent in whole steps of this many pixels, at most 127 of them either way.
STEP_PX = 1 / 32
#: Pictures in a row of a sheet.
COLUMNS = 8


@dataclass(frozen=True)
class Clip:
    """Some frames of a video around one expression, with their motion and a score."""

    video: SyntheticVideo
    event: Event
    start: int  # frame of the video that comes first
    colour: np.ndarray  # (n, H, W, 3) uint8
    depth: np.ndarray  # (n, H, W) float32 metres as the sensor measured them, 0 = no reading
    motion: dict[str, np.ndarray]  # "estimated" and "true": (n, 2, h, w) pixels since the onset, averaged over cells
    score: np.ndarray  # (n,) mean length over the face of the motion from a frame to that `gap` frames later, pixels
    gap: int

    @property
    def interval(self) -> tuple[int, int]:
        """Onset and offset of the true expression, counted from the first frame of the clip."""
        return self.event.true.onset - self.start, self.event.true.offset - self.start


def make_clip(video: SyntheticVideo, event: Event, *, before: int, frames: int, gap: int) -> Clip:
    """Render a clip and measure its motion, head motion taken out: by DIS from the frames, and as it truly is.

    Parameters
    ----------
    video : SyntheticVideo
    event : Event
        One of the video's expressions.
    before, frames : int
        Frames before the true onset, and in all.
    gap : int
        Frames between the two members of a pair; so many more are read for the score.

    Returns
    -------
    Clip
        Off the face its motion is 0.

    Raises
    ------
    IndexError
        If the video does not hold these frames.
    """
    start, stop = event.true.onset - before, event.true.onset - before + frames
    video.check_range(start, stop + gap)
    colour, landmarks = video.frames(start, stop + gap), video.landmarks(start, stop + gap)
    grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in colour])
    face = flow.face_mask(landmarks[before], *grey.shape[1:])
    from_onset = np.broadcast_to(grey[before], (frames, *grey.shape[1:]))
    estimated = flow.optical_flow(from_onset, grey[:frames], method="dis")
    moved, _, valid = zip(*(video.true_motion(event.true.onset, frame) for frame in range(start, stop)), strict=True)
    valid = np.stack(valid)
    true = np.where(valid[:, None], np.stack(moved), 0).astype(np.float32)
    motion = {
        "estimated": _still_cells(estimated, np.broadcast_to(face, (frames, *face.shape))),
        "true": _still_cells(true, valid & face),
    }
    pairs = flow.optical_flow(grey[:frames], grey[gap:], method="dis")
    pairs = flow.stabilize(pairs, "affine", landmarks=landmarks[:frames])
    masks = flow.face_mask(landmarks[:frames], *grey.shape[1:])
    score = (np.linalg.norm(pairs, axis=1) * masks).sum((1, 2)) / masks.sum((1, 2))
    return Clip(video, event, start, colour[:frames], video.depth(start, stop), motion, score, gap)


def _still_cells(motion: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Motion of the face without that of the head, averaged over cells."""
    still = flow.stabilize(motion, "affine", face=face) * face[:, None]
    n, _, height, width = still.shape
    return still.reshape(n, 2, height // CELL, CELL, width // CELL, CELL).mean((3, 5))


def markup(clip: Clip, *, alt: str, assets: str = "../../_static") -> str:
    """The viewer as HTML without any address outside the book.

    ``alt`` says what the frames show to those who cannot see them; ``viewer.js`` and ``viewer.css`` lie in ``assets``.
    """
    _, height, width, _ = clip.colour.shape
    onset, offset = clip.interval
    data = {"frames": len(clip.colour), "columns": COLUMNS, "width": width, "height": height, "fps": clip.video.fps}
    data |= {"onset": onset, "apex": clip.event.true.apex - clip.start, "offset": offset}
    data |= {"score": [round(float(value), 4) for value in clip.score], "cell": CELL, "step": STEP_PX}
    # As bytes, frame by frame, right before down.
    steps = {key: np.clip(np.rint(each / STEP_PX), -127, 127).astype(np.int8) for key, each in clip.motion.items()}
    data["motion"] = {name: base64.b64encode(each.tobytes()).decode() for name, each in steps.items()}
    return (
        f'<link rel="stylesheet" href="{assets}/viewer.css">\n'
        '<div class="mev">\n'
        f'<img class="mev-colour" alt="{html.escape(alt, quote=True)}" src="{_sheet(clip.colour)}">\n'
        f'<img class="mev-depth" alt="The same frames as depth maps." src="{_sheet(_depth_colours(clip))}" hidden>\n'
        f"{_curve(clip)}\n"
        f'<script type="application/json">{json.dumps(data)}</script>\n'
        "</div>\n"
        f'<script src="{assets}/viewer.js"></script>'
    )


def _sheet(pictures: np.ndarray) -> str:
    """Pictures ``(n, H, W, 3)`` side by side as one WebP, as an address that holds its own data."""
    n, height, width, _ = pictures.shape
    sheet = np.full((-(-n // COLUMNS) * height, COLUMNS * width, 3), 255, np.uint8)
    for k, picture in enumerate(pictures):
        top, left = k // COLUMNS * height, k % COLUMNS * width
        sheet[top : top + height, left : left + width] = picture
    Image.fromarray(sheet).save(buffer := io.BytesIO(), format="WEBP", quality=85, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _depth_colours(clip: Clip) -> np.ndarray:
    """Depth in the colours of the dataset card, over the range of the face: near is light, no reading is white."""
    onset, first = clip.event.true.onset, clip.depth[clip.interval[0]]
    face = flow.face_mask(clip.video.landmarks(onset, onset + 1)[0], *first.shape)
    near, far = np.quantile(first[face & (first > 0)], [0.01, 0.99])
    share = np.clip((clip.depth - near) / (far - near), 0, 1)
    pictures = (colormaps["viridis_r"](share)[..., :3] * 255).round().astype(np.uint8)
    pictures[clip.depth <= 0] = 255
    return pictures


def _curve(clip: Clip, width: int = 600, height: int = 110) -> str:
    """The score over the frames as SVG, the true expression shaded; the page moves the line of class mev-now."""
    onset, offset = clip.interval
    across, up = width / len(clip.score), 84 / max(float(clip.score.max()), 1e-6)
    points = " ".join(f"{(k + 0.5) * across:.1f},{height - 8 - up * v:.1f}" for k, v in enumerate(clip.score))
    return (
        f'<svg class="mev-curve" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="Score of each frame; frames {onset} to {offset} are the true micro-expression.">'
        f'<rect x="{onset * across:.1f}" y="0" width="{(offset - onset + 1) * across:.1f}" height="{height}" '
        f'fill="{COLOURS["truth"]}" fill-opacity="0.35"/>'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="2"/>'
        f'<line class="mev-now" x1="{across / 2:.1f}" x2="{across / 2:.1f}" y1="0" y2="{height}" '
        f'stroke="{COLOURS["missed"]}" stroke-width="3"/></svg>'
    )
