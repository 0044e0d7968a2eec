"""SFAMNet's streams on one CPU core, forward and backward, several times faster than as separate operations.

Not needed to understand the networks: the same arithmetic, faster. It is that of
:class:`melib.models.sfamnet.AttentionStreams`, which stays the definition; a test compares outputs and gradients.

PyTorch's convolutions are made for wide layers; with one to three channels most of their work is moving data about.
Here sixteen samples lie side by side (one per lane of a vector register), a row of an image is one long loop, and a
stream's steps all run over the same few hundred kilobytes. Of values tied for a maximum the first gets the gradient.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from torch import Tensor

LANES = 16
SIDE, POOLED = 42, 14
WIDE = SIDE * LANES
PAD5 = (SIDE + 4, (SIDE + 4) * LANES)  # an image with a border of 2, as a 5x5 convolution wants it
PAD7 = (SIDE + 6, (SIDE + 6) * LANES)
CACHED = {"cache": True, "fastmath": {"contract", "reassoc", "nsz"}}  # sums may be reordered; NaN stays NaN


@njit(**CACHED)
def _correlate5(images, kernels, out):
    """out[o] = sum over i of kernels[o, i] * images[i]; images padded by 2."""
    for o in range(out.shape[0]):
        for row in range(SIDE):
            line = out[o, row]
            line[:] = 0.0
            for i in range(images.shape[0]):
                for d in range(5):
                    x = images[i, row + d]
                    a, b, c, e, f = kernels[o, i, d]
                    for t in range(WIDE):
                        line[t] += (
                            a * x[t]
                            + b * x[t + LANES]
                            + c * x[t + 2 * LANES]
                            + e * x[t + 3 * LANES]
                            + f * x[t + 4 * LANES]
                        )


@njit(**CACHED)
def _correlate7(images, kernels, out):
    """As :func:`_correlate5` with 7x7 kernels and images padded by 3."""
    for o in range(out.shape[0]):
        for row in range(SIDE):
            line = out[o, row]
            line[:] = 0.0
            for i in range(images.shape[0]):
                for d in range(7):
                    x = images[i, row + d]
                    a, b, c, e, f, g, h = kernels[o, i, d]
                    for t in range(WIDE):
                        line[t] += (
                            a * x[t]
                            + b * x[t + LANES]
                            + c * x[t + 2 * LANES]
                            + e * x[t + 3 * LANES]
                            + f * x[t + 4 * LANES]
                            + g * x[t + 5 * LANES]
                            + h * x[t + 6 * LANES]
                        )


@njit(**CACHED)
def _kernel_gradient5(images, gradient, out):
    """Add the gradient of 5x5 kernels: out[o, i, d, e] += sum of gradient[o] * images[i] shifted by (d, e)."""
    for o in range(out.shape[0]):
        for i in range(out.shape[1]):
            for d in range(5):
                a = b = c = e = f = np.float32(0)
                for row in range(SIDE):
                    x, v = images[i, row + d], gradient[o, row]
                    for t in range(WIDE):
                        a += v[t] * x[t]
                        b += v[t] * x[t + LANES]
                        c += v[t] * x[t + 2 * LANES]
                        e += v[t] * x[t + 3 * LANES]
                        f += v[t] * x[t + 4 * LANES]
                for tap, total in enumerate((a, b, c, e, f)):
                    out[o, i, d, tap] += total


@njit(**CACHED)
def _kernel_gradient7(images, gradient, out):
    """As :func:`_kernel_gradient5` for 7x7 kernels."""
    for o in range(out.shape[0]):
        for i in range(out.shape[1]):
            for d in range(7):
                a = b = c = e = f = g = h = np.float32(0)
                for row in range(SIDE):
                    x, v = images[i, row + d], gradient[o, row]
                    for t in range(WIDE):
                        a += v[t] * x[t]
                        b += v[t] * x[t + LANES]
                        c += v[t] * x[t + 2 * LANES]
                        e += v[t] * x[t + 3 * LANES]
                        f += v[t] * x[t + 4 * LANES]
                        g += v[t] * x[t + 5 * LANES]
                        h += v[t] * x[t + 6 * LANES]
                for tap, total in enumerate((a, b, c, e, f, g, h)):
                    out[o, i, d, tap] += total


@njit(**CACHED)
def _pad(images, border, out):
    """Copy images into the middle of a padded array whose border is 0."""
    for i in range(images.shape[0]):
        for row in range(SIDE):
            out[i, row + border, border * LANES : border * LANES + WIDE] = images[i, row]


@njit(**CACHED)
def _flipped(kernels):
    """The kernels that take a gradient back through a correlation."""
    outs, ins, size = kernels.shape[0], kernels.shape[1], kernels.shape[2]
    back = np.empty((ins, outs, size, size), np.float32)
    for o in range(outs):
        for i in range(ins):
            for d in range(size):
                for e in range(size):
                    back[i, o, d, e] = kernels[o, i, size - 1 - d, size - 1 - e]
    return back


@njit(**CACHED)
def _sigmoid(x):
    return np.float32(1) / (np.float32(1) + np.exp(-x))


@njit(**CACHED)
def _forward(planes, w1, w2, shortcut, squeeze, squeeze_bias, expand, expand_bias, where):
    """Features (B, 9, 14, 14), and what the way back needs, by block of 16 samples and stream."""
    n = planes.shape[0]
    blocks = (n + LANES - 1) // LANES
    out = np.empty((n, 9, POOLED, POOLED), np.float32)
    image = np.zeros((blocks, 3, 1, *PAD5), np.float32)
    first = np.zeros((blocks, 3, 3, *PAD5), np.float32)
    second = np.empty((blocks, 3, 3, SIDE, WIDE), np.float32)
    pools = np.zeros((blocks, 3, 2, 3, LANES), np.float32)  # mean and maximum of each map
    top = np.zeros((blocks, 3, 3, LANES), np.int32)  # where the maximum is
    gate = np.empty((blocks, 3, 3, LANES), np.float32)
    summary = np.zeros((blocks, 3, 2, *PAD7), np.float32)  # maximum and mean over the maps
    winner = np.empty((blocks, 3, SIDE, WIDE), np.uint8)
    mask = np.empty((blocks, 3, SIDE, WIDE), np.float32)
    chosen = np.empty((blocks, 3, 3, POOLED, POOLED * LANES), np.uint8)  # 0..8 in the 3x3 cell; 9: nothing above 0
    work = np.empty((3, SIDE, WIDE), np.float32)
    best = np.empty(LANES, np.float32)
    for block in range(blocks):
        lanes = min(LANES, n - block * LANES)
        for s in range(3):
            for lane in range(lanes):
                for row in range(SIDE):
                    for column in range(SIDE):
                        value = planes[block * LANES + lane, s, row, column]
                        image[block, s, 0, row + 2, (column + 2) * LANES + lane] = value
            _correlate5(image[block, s], w1[s], work)
            for f in range(3):
                for row in range(SIDE):
                    for t in range(WIDE):
                        value = work[f, row, t]
                        first[block, s, f, row + 2, t + 2 * LANES] = value if value > 0 else np.float32(0)
            y = second[block, s]
            _correlate5(first[block, s], w2[s], y)

            mean, peak = pools[block, s]
            for f in range(3):
                peak[f, :] = y[f, 0, :LANES]
                for row in range(SIDE):
                    for column in range(SIDE):
                        for lane in range(LANES):
                            value = y[f, row, column * LANES + lane]
                            mean[f, lane] += value
                            if value > peak[f, lane]:
                                peak[f, lane] = value
                                top[block, s, f, lane] = row * SIDE + column
                mean[f] /= np.float32(SIDE * SIDE)
            for lane in range(LANES):
                hidden = np.float32(0)
                for kind in range(2):
                    h = squeeze_bias[s]
                    for f in range(3):
                        h += squeeze[s, f] * pools[block, s, kind, f, lane]
                    hidden += max(h, np.float32(0))
                for f in range(3):
                    gate[block, s, f, lane] = _sigmoid(expand[s, f] * hidden + np.float32(2) * expand_bias[s, f])

            g = gate[block, s]
            for row in range(SIDE):
                for column in range(SIDE):
                    for lane in range(LANES):
                        t = column * LANES + lane
                        a, b, c = y[0, row, t] * g[0, lane], y[1, row, t] * g[1, lane], y[2, row, t] * g[2, lane]
                        number, most = np.uint8(0), a
                        if b > most:
                            number, most = np.uint8(1), b
                        if c > most:
                            number, most = np.uint8(2), c
                        winner[block, s, row, t] = number
                        summary[block, s, 0, row + 3, t + 3 * LANES] = most
                        summary[block, s, 1, row + 3, t + 3 * LANES] = (a + b + c) / np.float32(3)
            _correlate7(summary[block, s], where[s : s + 1], mask[block, s : s + 1])
            for row in range(SIDE):
                for t in range(WIDE):
                    mask[block, s, row, t] = _sigmoid(mask[block, s, row, t])

            for f in range(3):
                for row in range(SIDE):
                    for column in range(SIDE):
                        for lane in range(LANES):
                            t = column * LANES + lane
                            work[f, row, t] = (
                                y[f, row, t] * g[f, lane] * mask[block, s, row, t]
                                + shortcut[s, f] * image[block, s, 0, row + 2, t + 2 * LANES]
                            )
                for row in range(POOLED):
                    for column in range(POOLED):
                        number = chosen[block, s, f, row, column * LANES : (column + 1) * LANES]
                        best[:] = 0
                        number[:] = 9
                        for k in range(9):
                            line = work[f, 3 * row + k // 3]
                            start = (3 * column + k % 3) * LANES
                            for lane in range(LANES):
                                if line[start + lane] > best[lane]:
                                    best[lane] = line[start + lane]
                                    number[lane] = k
                        for lane in range(lanes):
                            out[block * LANES + lane, 3 * s + f, row, column] = best[lane]
    return out, (image, first, second, pools, top, gate, summary, winner, mask, chosen)


@njit(**CACHED)
def _backward(gradient, saved, w2, shortcut, squeeze, squeeze_bias, expand, expand_bias, where):
    """Gradients of the weights, in the order of :func:`_forward`, from that of the features."""
    image, first, second, pools, top, gate, summary, winner, mask, chosen = saved
    d_w1 = np.zeros((3, 3, 1, 5, 5), np.float32)
    d_w2 = np.zeros((3, 3, 3, 5, 5), np.float32)
    d_shortcut = np.zeros((3, 3), np.float32)
    d_squeeze = np.zeros((3, 3), np.float32)
    d_squeeze_bias = np.zeros(3, np.float32)
    d_expand = np.zeros((3, 3), np.float32)
    d_expand_bias = np.zeros((3, 3), np.float32)
    d_where = np.zeros((3, 2, 7, 7), np.float32)
    back2, back_where = np.empty_like(w2), np.empty((3, 2, 1, 7, 7), np.float32)
    for s in range(3):
        back2[s] = _flipped(w2[s])
        back_where[s] = _flipped(where[s : s + 1])
    d_y = np.empty((3, SIDE, WIDE), np.float32)
    d_mask = np.empty((1, SIDE, WIDE), np.float32)
    d_summary = np.empty((2, SIDE, WIDE), np.float32)
    d_first = np.empty((3, SIDE, WIDE), np.float32)
    padded5 = np.zeros((3, *PAD5), np.float32)
    padded7 = np.zeros((1, *PAD7), np.float32)
    d_gate = np.empty((3, LANES), np.float32)
    third = np.float32(1) / np.float32(3)
    for block in range(image.shape[0]):
        lanes = min(LANES, gradient.shape[0] - block * LANES)
        for s in range(3):
            y, g, x = second[block, s], gate[block, s], image[block, s, 0]
            # Only the pixel that won its 3x3 cell has a gradient.
            d_y[:] = 0
            d_mask[:] = 0
            for f in range(3):
                for row in range(POOLED):
                    for column in range(POOLED):
                        for lane in range(lanes):
                            k = chosen[block, s, f, row, column * LANES + lane]
                            if k < 9:
                                d = gradient[block * LANES + lane, 3 * s + f, row, column]
                                i, t = 3 * row + k // 3, (3 * column + k % 3) * LANES + lane
                                d_shortcut[s, f] += d * x[i + 2, t + 2 * LANES]
                                d_mask[0, i, t] += d * y[f, i, t] * g[f, lane]
                                d_y[f, i, t] += d * mask[block, s, i, t]
            for row in range(SIDE):
                for t in range(WIDE):
                    m = mask[block, s, row, t]
                    d_mask[0, row, t] *= m * (np.float32(1) - m)
            _kernel_gradient7(summary[block, s], d_mask, d_where[s : s + 1])
            _pad(d_mask, 3, padded7)
            _correlate7(padded7, back_where[s], d_summary)

            # Through the gate: d_y holds the gradient of the gated maps and becomes that of the maps.
            d_gate[:] = 0
            for f in range(3):
                for row in range(SIDE):
                    for column in range(SIDE):
                        for lane in range(LANES):
                            t = column * LANES + lane
                            d = d_y[f, row, t] + d_summary[1, row, t] * third
                            if winner[block, s, row, t] == f:
                                d += d_summary[0, row, t]
                            d_gate[f, lane] += d * y[f, row, t]
                            d_y[f, row, t] = d * g[f, lane]
            for lane in range(lanes):
                hidden, d_hidden = np.float32(0), np.float32(0)
                for kind in range(2):
                    h = squeeze_bias[s]
                    for f in range(3):
                        h += squeeze[s, f] * pools[block, s, kind, f, lane]
                    hidden += max(h, np.float32(0))
                for f in range(3):
                    d = d_gate[f, lane] * g[f, lane] * (np.float32(1) - g[f, lane])
                    d_expand[s, f] += d * hidden
                    d_expand_bias[s, f] += np.float32(2) * d
                    d_hidden += d * expand[s, f]
                for kind in range(2):
                    h = squeeze_bias[s]
                    for f in range(3):
                        h += squeeze[s, f] * pools[block, s, kind, f, lane]
                    if h > 0:
                        d_squeeze_bias[s] += d_hidden
                        for f in range(3):
                            d_squeeze[s, f] += d_hidden * pools[block, s, kind, f, lane]
                            d = d_hidden * squeeze[s, f]
                            if kind == 0:
                                d /= np.float32(SIDE * SIDE)
                                for row in range(SIDE):
                                    for column in range(SIDE):
                                        d_y[f, row, column * LANES + lane] += d
                            else:
                                place = top[block, s, f, lane]
                                d_y[f, place // SIDE, place % SIDE * LANES + lane] += d

            _kernel_gradient5(first[block, s], d_y, d_w2[s])
            _pad(d_y, 2, padded5)
            _correlate5(padded5, back2[s], d_first)
            for f in range(3):
                for row in range(SIDE):
                    for t in range(WIDE):
                        if first[block, s, f, row + 2, t + 2 * LANES] == 0:
                            d_first[f, row, t] = 0
            _kernel_gradient5(image[block, s], d_first, d_w1[s])
    return d_w1, d_w2, d_shortcut, d_squeeze, d_squeeze_bias, d_expand, d_expand_bias, d_where


class FusedStreams(torch.autograd.Function):
    """``features = FusedStreams.apply(planes, *weights)``; the planes themselves get no gradient.

    The weights are those of the streams in the order conv1, conv2, shortcut, squeeze, its bias, expand, its bias,
    where; planes ``(B, 3, 42, 42)`` and features ``(B, 9, 14, 14)`` are float32 on the CPU.
    """

    @staticmethod
    def forward(ctx, planes: Tensor, *weights: Tensor) -> Tensor:
        arrays = tuple(
            np.ascontiguousarray(weight.detach().numpy()).reshape(shape)
            for weight, shape in zip(weights, SHAPES, strict=True)
        )
        out, ctx.saved = _forward(np.ascontiguousarray(planes.detach().numpy()), *arrays)
        ctx.arrays = arrays
        ctx.shapes = [weight.shape for weight in weights]
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        gradients = _backward(np.ascontiguousarray(gradient.numpy()), ctx.saved, *ctx.arrays[1:])
        return None, *(torch.from_numpy(g).reshape(shape) for g, shape in zip(gradients, ctx.shapes, strict=True))


SHAPES = ((3, 3, 1, 5, 5), (3, 3, 3, 5, 5), (3, 3), (3, 3), (3,), (3, 3), (3, 3), (3, 2, 7, 7))
