"""Pictures of what was found: the score along the video, and all drawn into the video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from tqdm import tqdm

from melib.own_video.analysis import Finding
from melib.plots.style import COLOURS, figure

#: A line of the timeline shows so many seconds, or a sixth of a longer video; numbers nearer than this share overlap.
_LINE_S, _MOST_LINES, _APART = 60.0, 6, 0.025
#: The longer side of the video written, and its highest frame rate: encoding takes longer than everything else.
_LONGEST_SIDE, _FASTEST = 480, 30.0
_FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
_FOUND, _CHANCE = (tuple(bytes.fromhex(COLOURS[name][1:])) for name in ("found", "chance"))


def clock_time(seconds: float, *, exact: bool = True) -> str:
    """A time as mm:ss.mmm, or as mm:ss."""
    thousandths = round(1000 * seconds)
    text = f"{thousandths // 60_000:02d}:{thousandths // 1000 % 60:02d}"
    return f"{text}.{thousandths % 1000:03d}" if exact else text


def timeline(finding: Finding) -> Figure:
    """The score along the video with the movements found, a long one in several lines."""
    first, stop = finding.span
    lines = int(min(_MOST_LINES, max(1, np.ceil((stop - first) / _LINE_S))))
    fig, panels = figure(lines, 1, height=1.2 + 1.6 * lines, squeeze=False)
    edges = np.linspace(first, stop, lines + 1)
    for axes, *span in zip(panels[:, 0], edges[:-1], edges[1:], strict=True):
        draw_score(axes, finding, span)
    for axes in panels[1:, 0]:
        axes.get_legend().remove()
    for axes in panels[:-1, 0]:
        axes.set_xlabel("")
    return fig


def draw_score(axes: Axes, finding: Finding, span: tuple[float, float] | None = None) -> None:
    """Draw the probability over a span of time, each movement with its score, and in grey what was not scored."""
    (first, stop), scores = span or finding.span, finding.scores
    shown = np.where(scores.scored, scores.probability, np.nan)
    axes.plot(scores.seconds, shown, color=COLOURS["score"], linewidth=1, label="probability")
    axes.axhline(finding.spotter.threshold, color=COLOURS["missed"], linestyle="--", linewidth=1, label="least score")
    for start, end in finding.unscored():
        axes.axvspan(start, end, color=COLOURS["chance"], alpha=0.35, linewidth=0)
    axes.fill_between([], [], color=COLOURS["chance"], alpha=0.35, label="not scored")
    axes.plot("apex_s", "score", "o", data=finding.movements, color=COLOURS["found"], ms=4, label="score of a mark")
    last = -np.inf
    for number, found in enumerate(finding.movements.itertuples(), start=1):
        start, end = finding.times[[found.onset, found.offset]]
        axes.broken_barh([(start, end - start)], (-0.16, 0.1), facecolor=COLOURS["found"])
        middle = (start + end) / 2
        if first <= middle < stop and middle - last > _APART * (stop - first):
            axes.annotate(str(number), (middle, -0.05), ha="center", fontsize=7)
            last = middle
    axes.set(xlabel="time, min:s", ylabel="probability", xlim=(first, stop), ylim=(-0.2, 1.02))
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(lambda seconds, _: clock_time(seconds, exact=False))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, fontsize="small")


def write_annotated(finding: Finding, path: Path) -> None:
    """Write the video as H.264 in MP4: a frame around the face, the time, and the movements while they last."""
    import av

    video, (first, stop) = finding.face.source, finding.face.span
    every = max(1, round(video.fps / _FASTEST))
    height, width = video.frames(first, first + 1)[0].shape[:2]
    scale = min(1.0, _LONGEST_SIDE / max(height, width))
    tick = Fraction(1, 90_000)
    with av.open(path, "w", format="mp4") as container:
        # With one thread, and none of x264's trees, the bits depend neither on cores nor on where memory lies.
        stream = container.add_stream("libx264", options=dict(crf="23", preset="veryfast", threads="1", mbtree="0"))
        stream.pix_fmt, stream.time_base, stream.codec_context.time_base = "yuv420p", tick, tick
        # The codec wants even sides.
        stream.width, stream.height = size = [max(2, int(side * scale) // 2 * 2) for side in (width, height)]
        for frame in tqdm(range(first, stop, every), unit="frame", desc="video", disable=None):
            image = cv2.resize(video.frames(frame, frame + 1)[0], size, interpolation=cv2.INTER_AREA)
            _draw(image, finding, frame, scale)
            picture = av.VideoFrame.from_ndarray(image, format="rgb24")
            picture.pts, picture.time_base = round((finding.times[frame] - finding.span[0]) / tick), tick
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _draw(image: np.ndarray, finding: Finding, frame: int, scale: float) -> None:
    found = finding.movements
    now = found[(found.onset <= frame) & (frame <= found.offset)].region
    if finding.face.seen[frame]:
        left, top, side, _ = finding.face.window(frame)
        corners = (np.array([[left, top], [left + side, top + side]]) * scale).astype(int).tolist()
        cv2.rectangle(image, *corners, _CHANCE if now.empty else _FOUND, 1 if now.empty else 3)
    text = clock_time(finding.times[frame]) + ("" if finding.face.seen[frame] else " not scored")
    text += "".join(f"  {place + 1}: {region}" for place, region in now.items())
    # Light on dark, so that it can be read on any picture.
    (width, height), baseline = cv2.getTextSize(text, *_FONT)
    cv2.rectangle(image, (4, 18 - height), (12 + width, 22 + baseline), (0, 0, 0), cv2.FILLED)
    cv2.putText(image, text, (8, 22), _FONT[0], _FONT[1], (255, 255, 255), _FONT[2], cv2.LINE_AA)
