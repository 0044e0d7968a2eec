"""Pictures of what was found: the score along the video, and each movement with its flow."""

from __future__ import annotations

import matplotlib.figure
import numpy as np

from melib.own_video.analysis import Finding, Movement, onset_to_apex
from melib.plots.motion import draw_arrows, draw_wheel, flow_colours
from melib.plots.style import COLOURS, figure

#: Below the timeline stand the movements of the highest scores; more would be too small to see.
_SHOWN = 4
#: Flow in pixels of the crop at which colours are full: the scale is the same in all pictures, so they compare.
FULL_PX = 2.0


def timeline(finding: Finding) -> matplotlib.figure.Figure:
    """The score of each frame with the intervals found, above the movements of the highest scores.

    Parameters
    ----------
    finding : Finding

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = sorted(sorted(finding.movements, key=lambda found: -found.score)[:_SHOWN], key=lambda found: found.onset)
    if not shown:
        fig, axes = figure(height=2.8)
        draw_score(axes, finding)
        return fig
    fig, panels = figure(3, _SHOWN, height=6.4, height_ratios=(1.4, 1, 1))
    for panel in panels[0]:
        panel.remove()
    draw_score(fig.add_subplot(panels[0, 0].get_gridspec()[0, :]), finding)
    for column, found in enumerate(shown):
        number = finding.movements.index(found) + 1
        frames, flow = onset_to_apex(finding, found)
        _draw_movement(panels[1:, column], found, frames[1], flow, title=f"{number}: {found.motion.region}")
    for panel in panels[1:, len(shown) :].flat:
        panel.remove()
    return fig


def movement(finding: Finding, found: Movement) -> matplotlib.figure.Figure:
    """The onset of a movement, its apex under arrows of the motion since, and that motion in colours."""
    fig, panels = figure(1, 3, height=2.7)
    frames, flow = onset_to_apex(finding, found)
    panels[0].imshow(frames[0])
    _bare(panels[0], f"onset, frame {found.onset}")
    _draw_movement(panels[1:], found, frames[1], flow, title=f"apex, frame {found.apex}")
    return fig


def draw_score(axes: matplotlib.axes.Axes, finding: Finding) -> None:
    """Draw the score over time, the threshold, and a numbered bar for each movement found."""
    fps = finding.face.fps
    seconds = np.arange(len(finding.score)) / fps
    axes.plot(seconds, finding.score, color=COLOURS["chance"], linewidth=0.7, label="score")
    axes.plot(seconds, finding.smoothed, color=COLOURS["score"], linewidth=1.5, label="smoothed")
    threshold = finding.spotter.threshold
    axes.axhline(threshold, color=COLOURS["missed"], linestyle="--", linewidth=1, label="threshold")
    low = min(float(finding.score.min()), threshold)
    unit = max(float(finding.score.max()), threshold) - low or 1.0
    for number, found in enumerate(finding.movements, start=1):
        start, length = found.onset / fps, (found.offset - found.onset + 1) / fps
        bar = [(start, length)], (low - 0.16 * unit, 0.08 * unit)
        style = {"facecolor": COLOURS["found"], "edgecolor": "white", "label": "found" if number == 1 else None}
        axes.broken_barh(*bar, **style)
        axes.annotate(str(number), (start + length / 2, low - 0.05 * unit), ha="center", fontsize=7)
    axes.set(xlabel="time, s", ylabel="score (no unit)", xlim=(0, finding.face.n_frames / fps))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, fontsize="small")


def _draw_movement(panels: np.ndarray, found: Movement, apex: np.ndarray, flow: np.ndarray, *, title: str) -> None:
    """The apex under arrows, and the flow in colours with its wheel."""
    arrows, colours = panels
    draw_arrows(arrows, apex, flow, step=10)
    _bare(arrows, title)
    colours.imshow(flow_colours(flow, FULL_PX))
    wheel = colours.inset_axes((0.76, 0.02, 0.22, 0.22))
    draw_wheel(wheel, FULL_PX)
    wheel.set_title("")  # too long for so small a picture; the caption says it
    _bare(colours, f"{found.motion.millimetres:.1f} mm, score {found.score:.2f}")


def _bare(panel: matplotlib.axes.Axes, title: str) -> None:
    panel.set(xticks=[], yticks=[], xlabel="", ylabel="")
    panel.grid(visible=False)
    panel.spines[:].set_visible(False)
    panel.set_title(title, fontsize="small")
