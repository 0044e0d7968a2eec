"""Figures of the page on motion: a flow over its image, brightness that stays with the skin, and what depth adds."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from matplotlib.figure import Figure

from melib.plots.motion import draw_arrows, draw_wheel, flow_colours
from melib.plots.style import COLOURS, figure, panels


def flow_figure(image: np.ndarray, flow: np.ndarray) -> Figure:
    """An image with its flow as arrows, beside the flow in colours, full where 99 % of its vectors are shorter."""
    limit = float(np.nanpercentile(np.hypot(*flow), 99)) or 1.0
    fig, (left, right) = figure(1, 2, height=3.6)
    draw_arrows(left, image, flow)
    right.imshow(flow_colours(flow, limit))
    right.grid(visible=False)
    draw_wheel(right.inset_axes((0.72, 0.02, 0.2, 0.2)), limit)
    left.set_title("flow over the first frame")
    right.set(title="flow in colours", xlabel="x, pixels", ylabel="y, pixels")
    return fig


def constancy_figure(first: np.ndarray, second: np.ndarray, flow: np.ndarray, face: np.ndarray) -> Figure:
    """How far brightness is constant: the second image minus the first, as it is and followed along a flow.

    Grey images ``(H, W)`` in 0..255, a flow ``(2, H, W)`` in pixels, and the face ``(H, W)``, all else left white.
    """
    y, x = np.mgrid[: flow.shape[1], : flow.shape[2]]
    there = (x + flow[0]).astype(np.float32), (y + flow[1]).astype(np.float32)
    followed = cv2.remap(second.astype(np.float32), *there, cv2.INTER_LINEAR)
    differences = {"at the same pixel": second, "at the same point of the skin": followed}
    fig, axes = panels(3, 3)
    axes[0].imshow(first, cmap="gray", vmin=0, vmax=255)
    axes[0].set_title("onset", fontsize="small")
    for panel, (name, other) in zip(axes[1:], differences.items(), strict=True):
        shown = np.ma.masked_where(~face, other.astype(float) - first)
        picture = panel.imshow(shown, cmap="RdBu_r", vmin=-25, vmax=25)
        panel.set_title(f"apex - onset,\n{name}", fontsize="small")
    fig.colorbar(picture, ax=axes[1:], label="grey levels", extend="both", shrink=0.8)
    return fig


def depth_contrast_figure(record: Mapping) -> Figure:
    """UF1 of each input of the ``out_of_plane`` comparison, and what motion away from the camera adds to it."""
    fig, (left, right) = figure(1, 2, height=3.4, width_ratios=(1.2, 1))
    for axes, part, colour in ((left, "scores", "first"), (right, "differences", "second")):
        rows = record[part]
        value, low, high = ([row[key] for row in rows.values()] for key in ("value", "low", "high"))
        place = np.arange(len(rows))[::-1]
        axes.hlines(place, low, high, color=COLOURS[colour])
        axes.plot(value, place, "o", color=COLOURS[colour])
        axes.set_yticks(place, [name.replace(", ", ",\n") for name in rows], fontsize="small")
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(visible=True, axis="x")
    left.set(xlabel="UF1", xlim=(0, 1))
    right.axvline(0, color=COLOURS["chance"], linestyle="--")
    right.set_xlabel("UF1 minus that of\noptical flow alone")
    return fig
