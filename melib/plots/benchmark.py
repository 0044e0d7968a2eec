"""Contact sheets of the synthetic benchmark: its people, and what a micro-expression looks like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from melib.plots.motion import draw_wheel, flow_colours
from melib.plots.style import bare, figure, panels
from melib.video import Dataset

if TYPE_CHECKING:
    from melib.synthetic.dataset import SyntheticVideo
    from melib.synthetic.timeline import Event


def faces(dataset: Dataset, *, columns: int = 6) -> Figure:
    """The first frame of each subject's first video, under its own light."""
    fig, axes = panels(len(dataset.subjects), columns, height=1.35)
    for axis, subject in zip(axes, dataset.subjects, strict=True):
        axis.imshow(dataset.of([subject])[0].frames(0, 1)[0])
        axis.set_title(subject, fontsize=8)
    return fig


def filmstrip(shown: Sequence[tuple[SyntheticVideo, Event]], *, longest: float = 1.5) -> Figure:
    """Micro-expressions as rows: three frames, measured depth, and the true motion from onset to apex.

    The fifth column is the flow of the expression alone, head held still; the last two hold the head's motion too.
    Depth is drawn over the range of the face, its change on a scale of 1 mm either way.

    Parameters
    ----------
    shown : sequence of (SyntheticVideo, Event)
    longest : float
        Flow of full colour, pixels.
    """
    titles = ("onset", "apex", "offset", "measured depth", "flow: face", "flow: all", "depth: all")
    fig, axes = figure(len(shown), len(titles), height=1.0 * len(shown) + 0.55, squeeze=False)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=7)
    for axis in axes.flat:
        bare(axis)
    for row, (video, event) in zip(axes, shown, strict=True):
        true = event.true
        for axis, at in zip(row, (true.onset, true.apex, true.offset), strict=False):
            axis.imshow(video.frames(at, at + 1)[0])
        units = "+".join(dict.fromkeys(label.rstrip("LR") for label in true.action_units))
        row[0].set_ylabel(f"{true.emotion}\nAU {units}\n{event.amplitude_mm:.1f} mm", fontsize=6)
        depth = video.depth(true.apex, true.apex + 1)[0]
        alone, _, seen = video.expression_motion(event)
        flow, scene_flow, valid = video.true_motion(true.onset, true.apex)
        near, far = np.quantile(depth[valid & (depth > 0)], [0.01, 0.95])
        row[3].imshow(np.where(depth > 0, depth, np.nan), cmap="viridis_r", vmin=near, vmax=far)
        row[4].imshow(flow_colours(np.where(seen, alone, np.nan), longest))
        row[5].imshow(flow_colours(np.where(valid, flow, np.nan), longest))
        change = row[6].imshow(np.where(valid, scene_flow[2] * 1e3, np.nan), cmap="RdBu_r", vmin=-1, vmax=1)
    wheel = axes[0][4].inset_axes([0.0, 0.0, 0.24, 0.24])
    draw_wheel(wheel, longest)
    wheel.set_title("")  # too long for so small a picture; the label below the column says it
    axes[-1][4].set_xlabel(f"full colour: {longest:g} px", fontsize=6)
    bar = fig.colorbar(change, ax=axes[:, 6].tolist(), aspect=30)
    bar.set_label("away from the camera (mm)", fontsize=6)
    bar.ax.tick_params(labelsize=6)
    return fig
