"""Pictures of motion: the flow's colour wheel, arrows, and maps on one scale."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.errors import InputError
from melib.plots.style import COLOURS, figure, panels


def flow_colours(flow: np.ndarray, limit: float) -> np.ndarray:
    """A flow as colours: the hue tells the direction, the strength of the colour the length; white does not move.

    Of pixels ``(2, H, W)`` (right, down) ``(H, W, 3)`` RGB in 0..1: red is right, then with the clock yellow-green
    down, cyan left, violet up; NaN is grey. At ``limit`` pixels colours are full; longer vectors are drawn as this
    long. Another shape, or a limit that is not positive, raises ValueError.
    """
    flow = np.asarray(flow, float)
    if flow.ndim != 3 or flow.shape[0] != 2:
        raise InputError(f"a flow to be coloured has shape (2, H, W), got {flow.shape}")
    if not limit > 0:
        raise InputError(f"limit must be a positive number of pixels, got {limit}")
    known = np.isfinite(flow).all(0)
    right, down = np.where(known, flow, 0)
    hue = np.arctan2(down, right) / (2 * np.pi) % 1
    strength = np.minimum(np.hypot(right, down) / limit, 1)
    picture = colors.hsv_to_rgb(np.stack([hue, strength, np.ones_like(hue)], -1))
    picture[~known] = 0.7
    return picture


def draw_wheel(axes: Axes, limit: float) -> None:
    """Draw the colour wheel that explains :func:`flow_colours` into some axes, its edge being ``limit`` pixels."""
    y, x = np.mgrid[-1:1:101j, -1:1:101j]
    wheel = flow_colours(np.stack([x, y]), 1.0)
    outside = np.hypot(x, y) > 1
    axes.imshow(np.dstack([wheel, ~outside]), extent=(-1, 1, 1, -1))
    axes.set_title(f"{limit:.2g} px at the edge", fontsize="x-small", pad=2)
    axes.set_axis_off()


def draw_arrows(axes: Axes, image: np.ndarray, flow: np.ndarray, *, step: int = 8, scale: float = 8.0) -> None:
    """Draw a flow ``(2, H, W)`` over a grey or RGB image, every ``step`` pixels an arrow ``scale`` times as long."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    rows, columns = np.mgrid[step // 2 : flow.shape[1] : step, step // 2 : flow.shape[2] : step]
    right, down = scale * flow[:, rows, columns]
    axes.quiver(columns, rows, right, down, color="#E69F00", angles="xy", scale_units="xy", scale=1, width=0.006)
    axes.grid(visible=False)
    axes.set(xlabel=f"x, pixels (arrows {scale:g} times as long as the motion)", ylabel="y, pixels")


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


def flows_figure(flows: Mapping[str, np.ndarray], *, limit: float, columns: int = 4) -> Figure:
    """Flows ``(2, H, W)`` under their names, in colours of one scale; not-a-number is grey."""
    fig, axes = panels(len(flows), columns)
    for panel, (name, flow) in zip(axes, flows.items(), strict=True):
        panel.imshow(flow_colours(flow, limit))
        panel.set_title(name, fontsize="small")
    draw_wheel(axes[-1].inset_axes((0.74, 0.02, 0.24, 0.24)), limit)
    return fig


def maps_figure(maps: Mapping[str, np.ndarray], *, label: str, limit: float, columns: int = 4) -> Figure:
    """Maps ``(H, W)`` under their names on one scale ``-limit..limit``, or ``0..limit`` where nothing is negative."""
    fig, axes = panels(len(maps), columns)
    signed = any((one < 0).any() for one in maps.values())
    for panel, (name, one) in zip(axes, maps.items(), strict=True):
        colours = {"cmap": "RdBu_r", "vmin": -limit} if signed else {"cmap": "viridis", "vmin": 0}
        picture = panel.imshow(np.ma.masked_invalid(one), vmax=limit, **colours)
        panel.set_title(name, fontsize="small")
    fig.colorbar(picture, ax=axes, label=label, extend="both" if signed else "max", shrink=0.8)
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
