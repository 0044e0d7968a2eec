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

import numpy as np
from matplotlib import colormaps
from PIL import Image

from melib import flow
from melib.plots.style import COLOURS
from melib.study.flow_truth import gray
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
    """Some frames of a video around one expression.

    Attributes
    ----------
    video : SyntheticVideo
    event : Event
    start : int
        Frame of the video that comes first.
    colour : (n, H, W, 3) uint8 array
    depth : (n, H, W) float32 array
        Metres as the sensor measured them, 0 = no reading.
    motion : dict of (n, 2, h, w) float32 arrays
        Motion from the onset to each frame, head motion taken out, in pixels (right, down) and averaged over cells:
        ``"estimated"`` from the frames, ``"true"`` from the benchmark; 0 off the face.
    score : (n,) float64 array
        Mean length in pixels, over the face, of the estimated motion from each frame to the one ``gap`` frames later.
    gap : int
    """

    video: SyntheticVideo
    event: Event
    start: int
    colour: np.ndarray
    depth: np.ndarray
    motion: dict[str, np.ndarray]
    score: np.ndarray
    gap: int

    @property
    def interval(self) -> tuple[int, int]:
        """Onset and offset of the true expression, counted from the first frame of the clip."""
        return self.event.true.onset - self.start, self.event.true.offset - self.start


def make_clip(video: SyntheticVideo, event: Event, *, before: int, frames: int, gap: int) -> Clip:
    """Render a clip and measure its motion.

    Parameters
    ----------
    video : SyntheticVideo
    event : Event
        One of the video's expressions.
    before : int
        Frames before the true onset.
    frames : int
        Frames in all; `gap` more are read for the score.
    gap : int
        Frames between the two members of a pair.

    Raises
    ------
    IndexError
        If the video does not hold these frames.
    """
    onset = event.true.onset
    start, stop = onset - before, onset - before + frames
    video.check_range(start, stop + gap)
    colour = video.frames(start, stop + gap)
    grey, landmarks = gray(colour), video.landmarks(start, stop + gap)
    from_onset = np.broadcast_to(grey[before], (frames, *grey.shape[1:]))
    face = flow.face_mask(landmarks[before], *grey.shape[1:])
    true, seen = [], []
    for frame in range(start, stop):
        moved, _, valid = video.true_motion(onset, frame)
        true.append(np.where(valid, moved, 0))
        seen.append(valid & face)
    found = {
        "estimated": flow.optical_flow(from_onset, grey[:frames], method="dis"),
        "true": np.stack(true).astype(np.float32),
    }
    faces = {"estimated": np.broadcast_to(face, (frames, *face.shape)), "true": np.stack(seen)}
    motion = {}
    for name, whole in found.items():
        still = flow.stabilize(whole, "affine", face=faces[name]) * faces[name][:, None]
        height, width = (size // CELL for size in still.shape[2:])
        motion[name] = still.reshape(frames, 2, height, CELL, width, CELL).mean((3, 5))
    pairs = flow.optical_flow(grey[:frames], grey[gap:], method="dis")
    pairs = flow.stabilize(pairs, "affine", landmarks=landmarks[:frames])
    masks = flow.face_mask(landmarks[:frames], *grey.shape[1:])
    score = (np.linalg.norm(pairs, axis=1) * masks).sum((1, 2)) / masks.sum((1, 2))
    return Clip(video, event, start, colour[:frames], video.depth(start, stop), motion, score, gap)


def markup(clip: Clip, *, alt: str, assets: str = "../../_static") -> str:
    """The viewer as HTML, without any address outside the book.

    Parameters
    ----------
    clip : Clip
    alt : str
        What the frames show, for those who cannot see them.
    assets : str
        Where the page finds ``viewer.js`` and ``viewer.css``.
    """
    _, height, width, _ = clip.colour.shape
    onset, offset = clip.interval
    data = {
        "frames": len(clip.colour),
        "columns": COLUMNS,
        "width": width,
        "height": height,
        "cell": CELL,
        "step": STEP_PX,
        "fps": clip.video.fps,
        "onset": onset,
        "apex": clip.event.true.apex - clip.start,
        "offset": offset,
        "score": [round(float(value), 4) for value in clip.score],
        "motion": {name: _packed(motion) for name, motion in clip.motion.items()},
    }
    words = html.escape(alt, quote=True)
    return (
        f'<link rel="stylesheet" href="{assets}/viewer.css">\n'
        '<div class="mev">\n'
        f'<img class="mev-colour" alt="{words}" src="{_sheet(clip.colour)}">\n'
        f'<img class="mev-depth" alt="The same frames as depth maps." src="{_sheet(_depth_colours(clip))}" hidden>\n'
        f"{_curve(clip)}\n"
        f'<script type="application/json">{json.dumps(data)}</script>\n'
        "</div>\n"
        f'<script src="{assets}/viewer.js"></script>'
    )


def _packed(motion: np.ndarray) -> str:
    """Motion as bytes in base64, frame by frame, right before down."""
    steps = np.clip(np.rint(motion / STEP_PX), -127, 127).astype(np.int8)
    return base64.b64encode(steps.tobytes()).decode()


def _sheet(pictures: np.ndarray) -> str:
    """Pictures ``(n, H, W, 3)`` side by side as one WebP, as an address that holds its own data."""
    n, height, width, _ = pictures.shape
    rows = -(-n // COLUMNS)
    sheet = np.full((rows * height, COLUMNS * width, 3), 255, np.uint8)
    for k, picture in enumerate(pictures):
        row, column = divmod(k, COLUMNS)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = picture
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="WEBP", quality=85, method=4)
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
    n, (onset, offset) = len(clip.score), clip.interval
    across = width / n
    top = max(float(clip.score.max()), 1e-6)
    points = " ".join(f"{(k + 0.5) * across:.1f},{height - 8 - 84 * v / top:.1f}" for k, v in enumerate(clip.score))
    return (
        f'<svg class="mev-curve" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="Score of each frame; frames {onset} to {offset} are the true micro-expression.">'
        f'<rect x="{onset * across:.1f}" y="0" width="{(offset - onset + 1) * across:.1f}" height="{height}" '
        f'fill="{COLOURS["truth"]}" fill-opacity="0.35"/>'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="2"/>'
        f'<line class="mev-now" x1="{across / 2:.1f}" x2="{across / 2:.1f}" y1="0" y2="{height}" '
        f'stroke="{COLOURS["missed"]}" stroke-width="3"/></svg>'
    )
