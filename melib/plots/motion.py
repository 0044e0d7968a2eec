"""Pictures of motion: the flow's colour wheel, arrows, depth, and scene flow in millimetres."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.errors import InputError
from melib.plots.style import COLOURS, figure


def flow_colours(flow: np.ndarray, limit: float) -> np.ndarray:
    """A flow as colours: the hue tells the direction, the strength of the colour the length; white does not move.

    Parameters
    ----------
    flow : numpy.ndarray
        ``(2, H, W)`` pixels (right, down); NaN is drawn grey.
    limit : float
        Length in pixels at which colours are full; longer vectors are drawn as this long.

    Returns
    -------
    numpy.ndarray
        ``(H, W, 3)`` RGB in 0..1. Red is right, then with the clock: yellow-green down, cyan left, violet up.

    Raises
    ------
    ValueError
        If the flow has another shape or the limit is not positive.
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


def draw_flow(axes: Axes, flow: np.ndarray, *, limit: float | None = None) -> None:
    """Draw a flow ``(2, H, W)`` in colours, with its wheel in the lower right corner.

    Without a limit, colours are full at the 99th percentile of the vectors' lengths.
    """
    limit = _limit(np.hypot(*flow)) if limit is None else limit
    axes.imshow(flow_colours(flow, limit))
    draw_wheel(axes.inset_axes((0.72, 0.02, 0.2, 0.2)), limit)
    _pixel_axes(axes)


def draw_arrows(axes: Axes, image: np.ndarray, flow: np.ndarray, *, step: int = 8, scale: float = 8.0) -> None:
    """Draw a flow as arrows over an image.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    image : numpy.ndarray
        ``(H, W)`` grey or ``(H, W, 3)`` RGB, 0..255.
    flow : numpy.ndarray
        ``(2, H, W)`` pixels (right, down).
    step : int
        Pixels between two arrows.
    scale : float
        How many times longer than the motion an arrow is drawn; written below the picture.
    """
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    rows, columns = np.mgrid[step // 2 : flow.shape[1] : step, step // 2 : flow.shape[2] : step]
    right, down = scale * flow[:, rows, columns]
    axes.quiver(columns, rows, right, down, color="#E69F00", angles="xy", scale_units="xy", scale=1, width=0.006)
    _pixel_axes(axes)
    axes.set_xlabel(f"x, pixels (arrows {scale:g} times as long as the motion)")


def draw_depth(axes: Axes, depth: np.ndarray) -> None:
    """Draw a depth map ``(H, W)`` in metres, 0 = no reading (left white), with a colour bar in millimetres."""
    shown = np.ma.masked_equal(1e3 * np.asarray(depth, float), 0)
    if shown.count() == 0:
        raise InputError("the depth map holds no reading")
    # The face is nearest; what lies far behind it would take the whole scale.
    nearest = np.percentile(shown.compressed(), 1)
    picture = axes.imshow(shown, cmap="viridis_r", vmin=nearest, vmax=nearest + 150)
    axes.figure.colorbar(picture, ax=axes, label="depth, mm", extend="max", shrink=0.8)
    _pixel_axes(axes)


def draw_change(
    axes: Axes, change: np.ndarray, *, label: str, limit: float | None = None, valid: np.ndarray | None = None
) -> None:
    """Draw one component of scene flow ``(H, W)`` in metres with a colour bar in millimetres, blue below 0, red above.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    change : numpy.ndarray
        ``(H, W)`` metres.
    label : str
        What it is, such as ``"away"``; the unit is added.
    limit : float, optional
        Millimetres at both ends of the scale; by default the 99th percentile of the valid magnitudes.
    valid : numpy.ndarray, optional
        ``(H, W)`` bool; the rest is left white.
    """
    shown = np.ma.masked_invalid(1e3 * np.asarray(change, float))
    if valid is not None:
        shown = np.ma.masked_where(~np.asarray(valid, bool), shown)
    limit = _limit(np.abs(shown.compressed())) if limit is None else limit
    picture = axes.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.figure.colorbar(picture, ax=axes, label=f"{label}, mm", extend="both", shrink=0.8)
    _pixel_axes(axes)


def flow_figure(image: np.ndarray, flow: np.ndarray, *, limit: float | None = None) -> Figure:
    """An image with its flow as arrows, beside the flow in colours."""
    drawing, (left, right) = figure(1, 2, height=3.6)
    draw_arrows(left, image, flow)
    draw_flow(right, flow, limit=limit)
    left.set_title("flow over the first frame")
    right.set_title("flow in colours")
    return drawing


def scene_flow_figure(
    depth: np.ndarray, scene_flow: np.ndarray, *, limit: float | None = None, valid: np.ndarray | None = None
) -> Figure:
    """Depth ``(H, W)`` and the three components of a scene flow ``(3, H, W)``, in millimetres on one scale."""
    drawing, axes = figure(2, 2, height=6.0)
    draw_depth(axes[0, 0], depth)
    axes[0, 0].set_title("depth of the first frame")
    if limit is None:
        used = scene_flow if valid is None else scene_flow[:, np.asarray(valid, bool)]
        limit = _limit(1e3 * np.abs(used))
    for panel, change, label in zip(axes.flat[1:], scene_flow, ("right", "down", "away"), strict=True):
        draw_change(panel, change, label=label, limit=limit, valid=valid)
        panel.set_title(f"motion {label}")
    return drawing


def flows_figure(flows: Mapping[str, np.ndarray], *, limit: float, columns: int = 4) -> Figure:
    """Flows ``(2, H, W)`` under their names, in colours of one scale; not-a-number is grey."""
    drawing, axes = _panels(len(flows), columns)
    for panel, (name, flow) in zip(axes, flows.items(), strict=True):
        panel.imshow(flow_colours(flow, limit))
        panel.set_title(name, fontsize="small")
    draw_wheel(axes[-1].inset_axes((0.74, 0.02, 0.24, 0.24)), limit)
    return drawing


def maps_figure(maps: Mapping[str, np.ndarray], *, label: str, limit: float, columns: int = 4) -> Figure:
    """Maps ``(H, W)`` under their names on one scale ``-limit..limit``, or ``0..limit`` where nothing is negative."""
    drawing, axes = _panels(len(maps), columns)
    signed = any((one < 0).any() for one in maps.values())
    for panel, (name, one) in zip(axes, maps.items(), strict=True):
        colours = {"cmap": "RdBu_r", "vmin": -limit} if signed else {"cmap": "viridis", "vmin": 0}
        picture = panel.imshow(np.ma.masked_invalid(one), vmax=limit, **colours)
        panel.set_title(name, fontsize="small")
    drawing.colorbar(picture, ax=axes, label=label, extend="both" if signed else "max", shrink=0.8)
    return drawing


def constancy_figure(first: np.ndarray, second: np.ndarray, flow: np.ndarray, face: np.ndarray) -> Figure:
    """How far brightness is constant: the second image minus the first, as it is and followed along a flow.

    Parameters
    ----------
    first, second : numpy.ndarray
        ``(H, W)`` grey, 0..255.
    flow : numpy.ndarray
        ``(2, H, W)`` pixels.
    face : numpy.ndarray
        ``(H, W)`` bool; the rest is left white.
    """
    y, x = np.mgrid[: flow.shape[1], : flow.shape[2]]
    there = (x + flow[0]).astype(np.float32), (y + flow[1]).astype(np.float32)
    followed = cv2.remap(second.astype(np.float32), *there, cv2.INTER_LINEAR)
    differences = {
        "at the same pixel": second.astype(float) - first,
        "at the same point of the skin": followed.astype(float) - first,
    }
    drawing, axes = _panels(3, 3)
    axes[0].imshow(first, cmap="gray", vmin=0, vmax=255)
    axes[0].set_title("onset", fontsize="small")
    for panel, (name, difference) in zip(axes[1:], differences.items(), strict=True):
        shown = np.ma.masked_where(~face, difference)
        picture = panel.imshow(shown, cmap="RdBu_r", vmin=-25, vmax=25)
        panel.set_title(f"apex - onset,\n{name}", fontsize="small")
    drawing.colorbar(picture, ax=axes[1:], label="grey levels", extend="both", shrink=0.8)
    return drawing


def depth_contrast_figure(record: Mapping) -> Figure:
    """UF1 of each input of the ``out_of_plane`` comparison, and what motion away from the camera adds to it."""
    drawing, (left, right) = figure(1, 2, height=3.4, width_ratios=(1.2, 1))
    for axes, rows, colour in (
        (left, record["scores"], COLOURS["first"]),
        (right, record["differences"], COLOURS["second"]),
    ):
        names = list(rows)
        value, low, high = (np.array([rows[name][key] for name in names]) for key in ("value", "low", "high"))
        place = np.arange(len(names))[::-1]
        axes.hlines(place, low, high, color=colour)
        axes.plot(value, place, "o", color=colour)
        axes.set_yticks(place, [name.replace(", ", ",\n") for name in names], fontsize="small")
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.grid(visible=True, axis="x")
    left.set(xlabel="UF1", xlim=(0, 1))
    right.axvline(0, color=COLOURS["chance"], linestyle="--")
    right.set_xlabel("UF1 minus that of\noptical flow alone")
    return drawing


def _panels(count: int, columns: int) -> tuple[Figure, np.ndarray]:
    """Square axes without ticks, ``columns`` in a row; those left over are removed."""
    columns = min(count, columns)
    rows = -(-count // columns)
    drawing, axes = figure(rows, columns, height=7.2 / columns * rows + 0.2, squeeze=False)
    for panel in axes.flat:
        panel.set(xticks=[], yticks=[])
        panel.grid(visible=False)
        panel.spines[:].set_visible(False)
    for panel in axes.flat[count:]:
        panel.remove()
    return drawing, axes.ravel()[:count]


def _limit(lengths: np.ndarray) -> float:
    """A scale for some magnitudes that single outliers do not set; 1 if nothing moves."""
    lengths = np.asarray(lengths, float)
    lengths = lengths[np.isfinite(lengths)]
    largest = float(np.percentile(lengths, 99)) if lengths.size else 0.0
    return largest if largest > 0 else 1.0


def _pixel_axes(axes: Axes) -> None:
    axes.grid(False)
    axes.set_xlabel("x, pixels")
    axes.set_ylabel("y, pixels")
