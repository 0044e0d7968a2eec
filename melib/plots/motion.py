"""Pictures of motion: the flow's colour wheel, arrows, and maps on one scale."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.errors import InputError
from melib.plots.style import panels


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
    axes.set_title(f"edge: {limit:.2g} px", fontsize="x-small", pad=2)
    axes.set_axis_off()


def draw_arrows(axes: Axes, image: np.ndarray, flow: np.ndarray, *, step: int = 8, scale: float = 8.0) -> None:
    """Draw a flow ``(2, H, W)`` over a grey or RGB image, every ``step`` pixels an arrow ``scale`` times as long."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    rows, columns = np.mgrid[step // 2 : flow.shape[1] : step, step // 2 : flow.shape[2] : step]
    right, down = scale * flow[:, rows, columns]
    axes.quiver(columns, rows, right, down, color="#E69F00", angles="xy", scale_units="xy", scale=1, width=0.006)
    axes.grid(visible=False)
    axes.set(xlabel=f"x, pixels (arrows {scale:g} times as long as the motion)", ylabel="y, pixels")


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
