"""Figures about the released weights: parity, last layers, and the ceilings of the rules."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
import numpy as np

from melib.plots.style import COLOURS, figure
from melib.study.released import EDGES


def parity(record: Mapping, tolerance: float) -> matplotlib.figure.Figure:
    """Largest difference between our outputs and those of the released code, a line per recorded case.

    Parameters
    ----------
    record : mapping
        From :func:`melib.study.released.ask_weights`.
    tolerance : float
        Drawn as the limit.
    """
    rows = record["parity"]
    found, axis = figure(height=0.35 * max(len(rows), 1) + 1.1)
    levels = np.arange(len(rows))[::-1]
    for network, marker, colour in (("MEAN", "o", "first"), ("SFAMNet", "s", "second")):
        of_it = [i for i, row in enumerate(rows) if row["network"] == network]
        # A difference of exactly 0 has no place on the logarithmic axis; it stands at its left end.
        values = [max(rows[i]["largest_difference"], 1e-9) for i in of_it]
        axis.plot(values, levels[of_it], marker, color=COLOURS[colour], label=network)
    axis.axvline(tolerance, color=COLOURS["missed"], linestyle="--", label="limit")
    axis.set_xscale("log")
    axis.set_xlim(1e-9, 1e-3)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.set_yticks(levels, [row["case"] for row in rows])
    axis.set_xlabel("largest difference")
    axis.grid(axis="x")
    found.legend(loc="outside upper center", ncols=3)
    return found


def last_layers(record: Mapping) -> matplotlib.figure.Figure:
    """Weights of SFAMNet's last layer, with 4 and with 7 emotions, in units of the range they were first drawn from."""
    found, axes = figure(1, 2, height=2.8, sharex=True, sharey=True)
    width = EDGES[1] - EDGES[0]
    for axis, emotions, colour in zip(axes, (4, 7), ("first", "second"), strict=True):
        layers = [row["fc_recog"] for row in record["sfamnet"] if row["emotions"] == emotions and row["fc_recog"]]
        if layers:
            counts = np.sum([layer["counts"] for layer in layers], axis=0)
            axis.stairs(counts / counts.sum() / width, EDGES, fill=True, color=COLOURS[colour])
        files = "1 file" if len(layers) == 1 else f"{len(layers)} files"
        axis.set_title(f"{emotions} emotions, {files}", loc="left")
        for end in (-1, 1):
            axis.axvline(end, color=COLOURS["missed"], linestyle="--")
        axis.set_xlabel("weight / initial range")
    axes[0].set_ylabel("density")
    return found


def ceilings(record: Mapping) -> matplotlib.figure.Figure:
    """The highest recall that MEAN's fixed length allows, against k_p, beside that of SFAMNet's window of lengths."""
    values = record["rules"]["ceilings"]
    found, axis = figure(height=2.9)
    axis.set_xlabel("k_p (frames)")
    axis.set_ylabel("highest recall")
    axis.set_ylim(0, 1.05)
    if values is None:
        axis.text(0.5, 0.5, "no label file in the folder given", ha="center", transform=axis.transAxes)
        return found
    half_lengths = [int(k_p) for k_p in values["mean"]]
    axis.plot(half_lengths, list(values["mean"].values()), color=COLOURS["first"], label="MEAN, 2 k_p + 1 frames")
    for k_p, words in ((values["k_p"], "corrected labels"), (values["k_p_raw"], "labels as they are")):
        height = values["mean"][str(k_p)]
        axis.plot(k_p, height, "o", color=COLOURS["first"])
        axis.annotate(f"k_p = {k_p}, {words}", (k_p, height), (8, -12), textcoords="offset points", fontsize=9)
    axis.axhline(values["sfamnet"], color=COLOURS["second"], linestyle="--", label="SFAMNet, its window of lengths")
    found.legend(loc="outside upper center", ncols=2)
    return found
