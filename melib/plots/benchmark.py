"""Contact sheets of the synthetic benchmark: people, action units, and what a micro-expression looks like."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.colors import hsv_to_rgb
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from melib.plots.style import COLOURS, figure
from melib.synthetic.action_units import components, head_component
from melib.synthetic.dataset import SyntheticVideo
from melib.synthetic.head import load_head
from melib.synthetic.identity import Subject
from melib.synthetic.render import Renderer
from melib.synthetic.sensor import ColourSensor, encode_colour
from melib.synthetic.timeline import Event
from melib.video import Dataset

_DEPTH_RANGE_MM = 1.0


def flow_colours(flow: np.ndarray, longest: float) -> np.ndarray:
    """Optical flow as colours: hue for the direction, saturation for the length up to `longest`.

    Parameters
    ----------
    flow : (2, H, W) array
        Pixels (right, down); not-a-number is drawn grey.
    longest : float
        Length in pixels of full saturation.

    Returns
    -------
    (H, W, 3) float array
        RGB in 0..1. Red is right, then with the clock (as seen) yellow-green is down.
    """
    right, down = np.nan_to_num(flow)
    hue = np.mod(np.arctan2(down, right) / (2 * np.pi), 1.0)
    length = np.clip(np.hypot(right, down) / longest, 0.0, 1.0)
    colours = hsv_to_rgb(np.stack([hue, length, np.ones_like(hue)], axis=-1))
    colours[np.isnan(flow).any(axis=0)] = 0.8
    return colours


def _wheel(size: int = 61) -> np.ndarray:
    across = np.linspace(-1, 1, size)
    flow = np.stack(np.meshgrid(across, across))
    flow[:, np.hypot(*flow) > 1] = np.nan
    colours = flow_colours(flow, 1.0)
    colours[np.isnan(flow[0])] = 1.0
    return colours


def faces(dataset: Dataset, *, columns: int = 6) -> matplotlib.figure.Figure:
    """The first frame of each subject's first video, under its own light."""
    firsts = [dataset.of([subject])[0] for subject in dataset.subjects]
    rows = -(-len(firsts) // columns)
    drawing, axes = figure(rows, columns, height=1.35 * rows, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, video in zip(axes.flat, firsts, strict=False):
        axis.imshow(video.frames(0, 1)[0])
        axis.set_title(video.subject, fontsize=8)
    return drawing


def action_units(subject: Subject, *, size: int = 128, columns: int = 6) -> matplotlib.figure.Figure:
    """One subject at rest and with each action unit at full strength, both sides together."""
    head = load_head()
    names = list(head.action_units)
    units = list(dict.fromkeys(name.rstrip("LR") for name in names if not name.startswith("gaze"))) + ["30", "35"]
    poses = [("at rest", np.zeros(len(names), np.float32))]
    for unit in sorted(units, key=int):
        weights = np.zeros(len(names), np.float32)
        for label in components(unit):
            component, factor = head_component(label)
            weights[names.index(component)] = factor
        poses.append((f"AU{unit}", weights))
    camera = subject.crop_camera(size)
    renderer = Renderer(subject, camera)
    background = np.full((size, size, 3), 0.2, np.float32)
    rows = -(-len(poses) // columns)
    drawing, axes = figure(rows, columns, height=1.35 * rows, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (title, weights) in zip(axes.flat, poses, strict=False):
        points = subject.points(weights, np.zeros(3), np.zeros(3), np.zeros(2))
        colour, _ = renderer.render(
            points, light=(0.3, 0.4, 0.85), ambient=0.42, specular=0.05, gain=1.0, background=background
        )
        axis.imshow(encode_colour(colour, ColourSensor(0.0, 0.0), 0, 0))
        axis.set_title(title, fontsize=8)
    return drawing


def filmstrip(shown: Sequence[tuple[SyntheticVideo, Event]], *, longest: float = 1.5) -> matplotlib.figure.Figure:
    """Micro-expressions as rows: three frames, measured depth, and the true motion from onset to apex.

    The fifth column is the flow of the expression alone, head held still; the last two hold the head's motion too.

    Parameters
    ----------
    shown : sequence of (SyntheticVideo, Event)
    longest : float
        Flow of full colour, pixels.
    """
    titles = ("onset", "apex", "offset", "measured depth", "flow: face", "flow: all", "depth change: all")
    drawing, axes = figure(len(shown), len(titles), height=1.0 * len(shown) + 0.55, squeeze=False)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=7)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        axis.spines[:].set_visible(False)
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
        change = row[6].imshow(
            np.where(valid, scene_flow[2] * 1e3, np.nan), cmap="RdBu_r", vmin=-_DEPTH_RANGE_MM, vmax=_DEPTH_RANGE_MM
        )
    key = axes[0][4].inset_axes([0.0, 0.0, 0.24, 0.24])
    key.imshow(_wheel())
    key.set_axis_off()
    axes[-1][4].set_xlabel(f"full colour: {longest:g} px", fontsize=6)
    bar = drawing.colorbar(change, ax=axes[:, 6].tolist(), aspect=30)
    bar.set_label("away from the camera (mm)", fontsize=6)
    bar.ax.tick_params(labelsize=6)
    return drawing


def durations_and_amplitudes(dataset: Dataset) -> matplotlib.figure.Figure:
    """Every expression by its duration and its peak displacement, in which the two kinds overlap."""
    drawing, axis = figure(height=3.4)
    styles = {"micro": ("first", "o"), "macro": ("second", "^")}
    for kind, (colour, marker) in styles.items():
        events = [(v.fps, e) for v in dataset.videos for e in v.events if e.true.kind == kind]
        seconds = [event.true.length / fps for fps, event in events]
        amplitudes = [event.amplitude_mm for _, event in events]
        axis.scatter(
            seconds, amplitudes, s=16, marker=marker, color=COLOURS[colour], alpha=0.7, label=f"{kind}-expression"
        )
    axis.set(xscale="log", yscale="log", xlabel="duration (s)", ylabel="peak displacement (mm)")
    for direction, ticks in ((axis.xaxis, (0.2, 0.5, 1, 2, 5)), (axis.yaxis, (0.5, 1, 2, 5))):
        direction.set_major_locator(FixedLocator(ticks))
        direction.set_major_formatter(StrMethodFormatter("{x:g}"))
        direction.set_minor_locator(NullLocator())
    axis.legend()
    return drawing


def timeline(video: SyntheticVideo) -> matplotlib.figure.Figure:
    """What moves in a video over time: action units, lids, head rotation and translation, with the true intervals."""
    head = load_head()
    seconds = np.arange(video.n_frames) / video.fps
    weights = video.action_unit_weights(0, video.n_frames)
    rotation, translation = video.pose(0, video.n_frames)
    lids = [head.action_units.index(name) for name in ("45L", "45R", "gazeUp", "gazeDown")]
    face = np.delete(np.abs(weights * head.peak_mm), lids, axis=1).max(axis=1)
    drawing, axes = figure(4, 1, height=5.0, sharex=True)
    axes[0].plot(seconds, face, color=COLOURS["score"])
    axes[0].set_ylabel("strongest\naction unit (mm)")
    axes[1].plot(seconds, weights[:, lids[0]], color=COLOURS["score"])
    axes[1].set(ylabel="blink", ylim=(-0.05, 1.1))
    styles = (("first", "-"), ("second", "--"), ("third", ":"))
    for axis, curves, names, label in (
        (axes[2], np.rad2deg(rotation), ("pitch", "yaw", "roll"), "rotation\n(degrees)"),
        (axes[3], translation, ("left", "up", "near"), "translation\n(mm)"),
    ):
        for curve, name, (colour, dashes) in zip(curves.T, names, styles, strict=True):
            axis.plot(seconds, curve, dashes, color=COLOURS[colour], label=name)
        axis.set_ylabel(label)
        axis.legend(ncols=3, fontsize=7, loc="lower right", bbox_to_anchor=(1.0, 0.92))
    for event in video.events:
        true = event.true
        micro = true.kind == "micro"
        for axis in axes:
            axis.axvspan(
                true.onset / video.fps,
                (true.offset + 1) / video.fps,
                color=COLOURS["truth"] if micro else COLOURS["chance"],
                alpha=0.35 if micro else 0.2,
                linewidth=0,
            )
        axes[0].annotate(
            f"{true.kind}\n{true.emotion}",
            (true.apex / video.fps, 1.02),
            fontsize=6,
            ha="center",
            xycoords=("data", "axes fraction"),
        )
    axes[-1].set_xlabel("seconds")
    return drawing
