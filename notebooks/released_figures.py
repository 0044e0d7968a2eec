"""Figures about the released weights, from their record: parity, last layers, and the ceilings of the rules."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from released import EDGES, TOLERANCE

from melib.plots.style import COLOURS, figure


def parity(record: Mapping) -> Figure:
    """Largest difference between our outputs and those of the released code, a line per case, beside the limit."""
    rows = record["parity"]
    fig, axis = figure(height=0.35 * max(len(rows), 1) + 1.1)
    levels = np.arange(len(rows))[::-1]
    for network, marker, colour in (("MEAN", "o", "first"), ("SFAMNet", "s", "second")):
        of_it = [i for i, row in enumerate(rows) if row["network"] == network]
        # A difference of exactly 0 has no place on the logarithmic axis; it stands at its left end.
        values = [max(rows[i]["largest_difference"], 1e-9) for i in of_it]
        axis.plot(values, levels[of_it], marker, color=COLOURS[colour], label=network)
    axis.axvline(TOLERANCE, color=COLOURS["missed"], linestyle="--", label="limit")
    axis.set(xlabel="largest difference", xscale="log", xlim=(1e-9, 1e-3), ylim=(-0.6, len(rows) - 0.4))
    axis.set_yticks(levels, [row["case"] for row in rows])
    axis.grid(axis="x")
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def last_layers(record: Mapping) -> Figure:
    """Weights of SFAMNet's last layer, with 4 and with 7 emotions, in units of the range they were first drawn from."""
    fig, axes = figure(1, 2, height=2.8, sharex=True, sharey=True)
    for axis, emotions, colour in zip(axes, (4, 7), ("first", "second"), strict=True):
        layers = [row["fc_recog"] for row in record["sfamnet"] if row["emotions"] == emotions and row["fc_recog"]]
        if layers:
            counts = np.sum([layer["counts"] for layer in layers], axis=0)
            axis.stairs(counts / counts.sum() / np.diff(EDGES), EDGES, fill=True, color=COLOURS[colour])
        files = "1 file" if len(layers) == 1 else f"{len(layers)} files"
        axis.set_title(f"{emotions} emotions, {files}", loc="left")
        for end in (-1, 1):
            axis.axvline(end, color=COLOURS["missed"], linestyle="--")
        axis.set_xlabel("weight / initial range")
    axes[0].set_ylabel("density")
    return fig


def ceilings(record: Mapping) -> Figure:
    """The highest recall that MEAN's fixed length allows, against k_p, beside that of SFAMNet's window of lengths."""
    values = record["rules"]["ceilings"]
    fig, axis = figure(height=2.9)
    axis.set(xlabel="k_p (frames)", ylabel="highest recall", ylim=(0, 1.05))
    if values is None:
        axis.text(0.5, 0.5, "no label file in the folder given", ha="center", transform=axis.transAxes)
        return fig
    half_lengths = [int(k_p) for k_p in values["mean"]]
    axis.plot(half_lengths, list(values["mean"].values()), color=COLOURS["first"], label="MEAN, 2 k_p + 1 frames")
    for k_p, words in ((values["k_p"], "corrected labels"), (values["k_p_raw"], "labels as they are")):
        height = values["mean"][str(k_p)]
        axis.plot(k_p, height, "o", color=COLOURS["first"])
        axis.annotate(f"k_p = {k_p}, {words}", (k_p, height), (8, -12), textcoords="offset points", fontsize=9)
    axis.axhline(values["sfamnet"], color=COLOURS["second"], linestyle="--", label="SFAMNet, its window of lengths")
    fig.legend(loc="outside upper center", ncols=2)
    return fig
