"""Figures of the experiments on clips: gains with their intervals against dose, noise, action unit, and training."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.axes
import matplotlib.figure
import numpy as np
import pandas as pd

from melib.plots.style import COLOURS, cut_beyond_one, figure
from melib.study.depth_experiments import SMALLEST_EFFECT
from melib.study.depth_question import depth_error_mm, distance_with_error, real_shares
from melib.synthetic.identity import DISTANCE_M
from melib.synthetic.sensor import DEPTH_LEVELS

_MARKERS = ("o", "s", "^", "D")
_ORDER = ("first", "second", "third", "fourth")
_NOISE = (
    f"disparity noise (px)\ndepth error at {DISTANCE_M:g} m (mm)\n"
    f"distance of a camera with {DEPTH_LEVELS['mid'].disparity_px:g} px (m)"
)
_GAIN = "gain in UF1 from depth (no unit)"


def dose_response(gains: Mapping[str, pd.DataFrame]) -> matplotlib.figure.Figure:
    """Gain against the share of expressions that move out of plane, with the share in real labels marked.

    Parameters
    ----------
    gains : mapping of str to pandas.DataFrame
        Label -> table by share, from :func:`melib.study.depth_question.dose_gains`.
    """
    fig, axes = figure(height=3.6)
    shares = sorted({share for table in gains.values() for share in table.index})
    places = {share: place for place, share in enumerate(shares)}
    _series(axes, {label: table.rename(index=places) for label, table in gains.items()})
    real = real_shares().set_index("least_share")["share"]
    for least, share in real.items():
        place = float(np.interp(share, shares, range(len(shares))))
        axes.axvline(place, color=COLOURS["missed"], linestyle=":", linewidth=1.5)
        words = f"real labels with a unit\n≥ {least:.0%} out of plane: {share:.1%}"
        axes.annotate(words, (place, 0.98), xycoords=("data", "axes fraction"), fontsize=7, va="top", ha="left")
    axes.set_xticks(range(len(shares)), [f"{share:.0%}" for share in shares])
    axes.set(xlabel="share of expressions that move out of plane (% of clips, uneven steps)", ylabel=_GAIN)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return fig


def sensor_noise(gains: Mapping[str, Mapping[str, pd.DataFrame]]) -> matplotlib.figure.Figure:
    """Gain against disparity noise, also as depth error and as distance of an ordinary stereo camera.

    Parameters
    ----------
    gains : mapping of str to mapping of str to pandas.DataFrame
        Title of a panel -> label -> table by noise, from :func:`melib.study.depth_question.noise_gains`.
    """
    fig, panels = figure(1, len(gains), height=4.0, sharey=True, squeeze=False)
    noises = sorted({noise for panel in gains.values() for table in panel.values() for noise in table.index})
    places = {noise: place for place, noise in enumerate(noises)}
    ticks = [f"{noise:g}\n{depth_error_mm(noise):.2f}\n{distance_with_error(noise):.2f}" for noise in noises]
    for axes, (title, tables) in zip(panels[0], gains.items(), strict=True):
        _series(axes, {label: table.rename(index=places) for label, table in tables.items()})
        axes.set_xticks(range(len(noises)), ticks)
        axes.set(title=title, xlabel=_NOISE)
        axes.legend(loc="best", fontsize=8)
    panels[0][0].set_ylabel(_GAIN)
    return fig


def gains_in_a_row(table: pd.DataFrame, xlabel: str = _GAIN) -> matplotlib.figure.Figure:
    """A dot and an interval for each row of a table ``value, low, high``, beside zero and the smallest effect."""
    fig, axes = figure(height=0.9 + 0.24 * len(table))
    _bands(axes, vertical=True)
    for height, found in enumerate(table.itertuples()):
        axes.plot([found.low, found.high], [height, height], color=COLOURS["found"], linewidth=2)
        axes.plot(found.value, height, "o", color=COLOURS["score"], markersize=5)
    cut_beyond_one(axes, range(len(table)), table["low"], table["high"])
    axes.set_yticks(range(len(table)), [str(name) for name in table.index])
    axes.invert_yaxis()
    axes.set(xlabel=xlabel)
    axes.grid(axis="x", alpha=0.3)
    return fig


def convergence(values: Mapping[str, pd.DataFrame]) -> matplotlib.figure.Figure:
    """A score against the number of updates.

    Parameters
    ----------
    values : mapping of str to pandas.DataFrame
        Network -> ``value, low, high`` by number of updates.
    """
    fig, axes = figure(height=3.2)
    _series(axes, values, bands=False)
    axes.set_xscale("log", base=2)
    steps = sorted({step for table in values.values() for step in table.index})
    axes.set_xticks(steps, [f"{step:g}" for step in steps])
    axes.minorticks_off()
    axes.set(xlabel="updates in each stage (number)", ylabel="UF1 on left-out training subjects (no unit)")
    axes.legend()
    return fig


def _series(axes: matplotlib.axes.Axes, tables: Mapping[str, pd.DataFrame], *, bands: bool = True) -> None:
    if bands:
        _bands(axes, vertical=False)
    for number, (label, table) in enumerate(tables.items()):
        table = table.sort_index()
        # Beside each other, so that no interval hides another.
        x = table.index.to_numpy(float) + (0.08 * (number - (len(tables) - 1) / 2) if bands else 0)
        below, above = table["value"] - table["low"], table["high"] - table["value"]
        style = {"marker": _MARKERS[number % 4], "color": COLOURS[_ORDER[number % 4]], "capsize": 2, "linewidth": 1.2}
        axes.errorbar(x, table["value"], yerr=np.maximum([below, above], 0), label=label, **style)
        if bands:
            cut_beyond_one(axes, x, table["low"], table["high"], along="y")


def _bands(axes: matplotlib.axes.Axes, *, vertical: bool) -> None:
    line, band = (axes.axvline, axes.axvspan) if vertical else (axes.axhline, axes.axhspan)
    band(-SMALLEST_EFFECT, SMALLEST_EFFECT, color=COLOURS["chance"], alpha=0.2, linewidth=0)
    line(0, color=COLOURS["score"], linewidth=1)
