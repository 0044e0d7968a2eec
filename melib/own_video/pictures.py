"""Pictures of what was found: the score along the video, each movement with its flow, and all drawn into the video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from melib.own_video.analysis import Finding, Movement, compared
from melib.plots.motion import draw_arrows, draw_wheel, flow_colours
from melib.plots.style import COLOURS, bare, figure

#: Flow in pixels of the crop at which colours are full: the scale is the same in all pictures, so they compare.
FULL_PX = 2.0
#: How many times longer than the motion an arrow is drawn, and the pixels from one to the next.
ARROW_SCALE, _ARROW_STEP = 8.0, 10
#: Below the timeline stand the movements of the highest scores; more would be too small to see.
_SHOWN = 4
#: The longer side of the video written, and its highest frame rate: encoding takes longer than everything else.
_LONGEST_SIDE, _FASTEST = 480, 30.0
_FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
_STRIP = 14  # height in pixels of the strip with the timeline
_FOUND, _MISSED, _CHANCE = (tuple(bytes.fromhex(COLOURS[name][1:])) for name in ("found", "missed", "chance"))


def timeline(finding: Finding) -> Figure:
    """The score of each frame with the intervals found, above the movements of the highest scores."""
    shown = sorted(sorted(finding.movements, key=lambda found: -found.score)[:_SHOWN], key=lambda found: found.onset)
    if not shown:
        fig, axes = figure(height=2.8)
        draw_score(axes, finding)
        return fig
    fig, panels = figure(3, _SHOWN, height=6.4, height_ratios=(1.4, 1, 1))
    for panel in (*panels[0], *panels[1:, len(shown) :].flat):
        panel.remove()
    draw_score(fig.add_subplot(panels[0, 0].get_gridspec()[0, :]), finding)
    for column, found in enumerate(shown):
        number = finding.movements.index(found) + 1
        frames, flow = compared(finding, found)
        _draw_movement(panels[1:, column], found, frames[1], flow, title=f"{number}: {found.motion.region}")
    return fig


def movement(finding: Finding, found: Movement) -> Figure:
    """The two pictures that were compared, the second under arrows of the motion since, and that motion in colours."""
    fig, panels = figure(1, 3, height=2.7)
    frames, flow = compared(finding, found)
    panels[0].imshow(frames[0])
    _name(panels[0], f"frame {found.pair[0]}")
    _draw_movement(panels[1:], found, frames[1], flow, title=f"frame {found.pair[1]}")
    return fig


def draw_score(axes: Axes, finding: Finding) -> None:
    """Draw the score over time, the threshold, a bar for each movement, and in grey what was not scored."""
    seconds = np.arange(len(finding.score)) / finding.face.fps
    for values, width, colour, label in (
        (finding.score, 0.7, "chance", "score"),
        (finding.smoothed, 1.5, "score", "smoothed"),
    ):
        axes.plot(
            seconds, np.where(finding.scored, values, np.nan), color=COLOURS[colour], linewidth=width, label=label
        )
    for number, (start, stop) in enumerate(finding.unscored()):
        axes.axvspan(start, stop, color=COLOURS["chance"], alpha=0.35, label=None if number else "not scored")
    threshold = finding.spotter.threshold
    axes.axhline(threshold, color=COLOURS["missed"], linestyle="--", linewidth=1, label="threshold")
    low = min(float(finding.score.min()), threshold)
    unit = max(float(finding.score.max()), threshold) - low or 1.0
    for number, found in enumerate(finding.movements, start=1):
        start, end = finding.times[[found.onset, found.offset]]
        length = max(end - start, 1 / finding.face.fps)
        style = {"facecolor": COLOURS["found"], "edgecolor": "white", "label": "found" if number == 1 else None}
        axes.broken_barh([(start, length)], (low - 0.16 * unit, 0.08 * unit), **style)
        axes.annotate(str(number), (start + length / 2, low - 0.05 * unit), ha="center", fontsize=7)
    axes.set(xlabel="time, s", ylabel="score (no unit)", xlim=(0, finding.seconds))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, fontsize="small")


def _draw_movement(panels: np.ndarray, found: Movement, apex: np.ndarray, flow: np.ndarray, *, title: str) -> None:
    """The apex under arrows, and the flow in colours with its wheel."""
    arrows, coloured = panels
    draw_arrows(arrows, apex, flow, step=_ARROW_STEP, scale=ARROW_SCALE)
    _name(arrows, title)
    coloured.imshow(flow_colours(flow, FULL_PX))
    wheel = coloured.inset_axes((0.76, 0.02, 0.22, 0.22))
    draw_wheel(wheel, FULL_PX)
    wheel.set_title("")
    _name(coloured, f"{found.motion.millimetres:.1f} mm, score {found.score:.2f}")


def _name(panel: Axes, title: str) -> None:
    """A small title above a picture, and nothing else around it."""
    bare(panel)
    panel.set(xlabel="", ylabel="")
    panel.set_title(title, fontsize="small")


def write_annotated(finding: Finding, path: Path, *, progress: bool = False) -> None:
    """Write the video as H.264 in MP4, a frame around the face, a timeline below, movements named while they last."""
    import av

    video = finding.face.source
    every = max(1, round(video.fps / _FASTEST))
    height, width = video.frames(0, 1)[0].shape[:2]
    scale = min(1.0, _LONGEST_SIDE / max(height, width))
    # The codec wants even sides.
    size = tuple(max(2, int(side * scale) // 2 * 2) for side in (width, height))
    canvas, tick = (size[0], size[1] + _STRIP), Fraction(1, 90_000)
    strip = _strip(finding, canvas[0])
    with av.open(path, "w", format="mp4") as container:
        # One thread: the bits then do not depend on the number of cores.
        stream = container.add_stream("libx264", options={"crf": "23", "preset": "veryfast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = *canvas, "yuv420p"
        stream.time_base = stream.codec_context.time_base = tick
        for frame in tqdm(range(0, video.n_frames, every), unit="frame", desc="video", disable=not progress):
            image = cv2.resize(video.frames(frame, frame + 1)[0], size, interpolation=cv2.INTER_AREA)
            _draw(image, finding, frame, scale)
            below = strip.copy()
            at = round(finding.times[frame] / finding.seconds * (canvas[0] - 1))
            below[:, max(0, at - 1) : at + 1] = _MISSED
            picture = av.VideoFrame.from_ndarray(np.concatenate([image, below]), format="rgb24")
            picture.pts, picture.time_base = round(finding.times[frame] / tick), tick
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


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


def _strip(finding: Finding, width: int) -> np.ndarray:
    """The strip ``(14, width, 3)`` below the picture: the whole video, a bar where something was found, grey elsewhere
    where nothing was scored."""
    strip = np.full((_STRIP, width, 3), 255, np.uint8)
    strip[0] = _CHANCE
    bars = [(span, _CHANCE) for span in finding.unscored()]
    bars += [(finding.times[[found.onset, found.offset]], _FOUND) for found in finding.movements]
    for span, colour in bars:
        left, right = (round(second / finding.seconds * width) for second in span)
        strip[3:-3, left : max(right, left + 1)] = colour
    return strip
