"""Triangles to pixels: a z-buffer rasteriser at video rate, compiled by numba.

It samples at pixel centres (that of the top-left pixel is ``(0, 0)``) and draws only triangles that face the camera.
"""

from __future__ import annotations

import math

import numba
import numpy as np

NO_TRIANGLE = -1
#: Twice the smallest area, in square pixels, that a triangle must cover to be drawn.
SMALLEST_AREA = 1e-9
#: Down to this barycentric coordinate a pixel centre is in a triangle, or rounding could leave a hole between two.
ON_EDGE = -1e-9

_INDEX = np.uintp


@numba.njit(cache=True, error_model="numpy")
def rasterize(points, inverse_depth, triangles, height, width):
    """The nearest triangle at every pixel centre ``(H, W)`` int32, and its inverse depth, float64.

    `points` are vertices in pixels ``(N, 2)``, `inverse_depth` one over their distance along the optical axis, and
    `triangles` counter-clockwise as seen from the front with y up. Where there is none, the answers are -1 and 0.
    """
    ids = np.full((height, width), NO_TRIANGLE, np.int32)
    nearest = np.zeros((height, width))
    for t in range(triangles.shape[0]):
        a, b, c = _INDEX(triangles[t, 0]), _INDEX(triangles[t, 1]), _INDEX(triangles[t, 2])
        ax, ay = points[a, 0], points[a, 1]
        bx, by = points[b, 0] - ax, points[b, 1] - ay
        cx, cy = points[c, 0] - ax, points[c, 1] - ay
        area = bx * cy - cx * by
        if area >= -SMALLEST_AREA:  # turned away, since y points down
            continue
        left = max(int(math.ceil(ax + min(0.0, bx, cx))), 0)
        right = min(int(math.floor(ax + max(0.0, bx, cx))), width - 1)
        top = max(int(math.ceil(ay + min(0.0, by, cy))), 0)
        bottom = min(int(math.floor(ay + max(0.0, by, cy))), height - 1)
        if left > right or top > bottom:
            continue
        inverse = 1.0 / area
        wb_right, wb_down = cy * inverse, -cx * inverse
        wc_right, wc_down = -by * inverse, bx * inverse
        za, zb, zc = inverse_depth[a], inverse_depth[b], inverse_depth[c]
        for y in range(top, bottom + 1):
            wb_row, wc_row = (y - ay) * wb_down, (y - ay) * wc_down
            ids_row, nearest_row = ids[_INDEX(y)], nearest[_INDEX(y)]
            for x in range(left, right + 1):
                wb = (x - ax) * wb_right + wb_row
                wc = (x - ax) * wc_right + wc_row
                wa = 1.0 - wb - wc
                z = wa * za + wb * zb + wc * zc
                # One branch instead of four: which way it goes is hard to foresee.
                if (wa >= ON_EDGE) & (wb >= ON_EDGE) & (wc >= ON_EDGE) & (z > nearest_row[_INDEX(x)]):
                    nearest_row[_INDEX(x)] = z
                    ids_row[_INDEX(x)] = t
    return ids, nearest


@numba.njit(cache=True, inline="always", error_model="numpy")
def corner_weights(points, inverse_depth, triangles, t, x, y, z):
    """Perspective-correct barycentric coordinates of a triangle's second and third vertex, where `rasterize` drew it.

    An attribute that is linear on the triangle in space and interpolated with them is exact.
    """
    a, b, c = _INDEX(triangles[t, 0]), _INDEX(triangles[t, 1]), _INDEX(triangles[t, 2])
    ax, ay = points[a, 0], points[a, 1]
    bx, by = points[b, 0] - ax, points[b, 1] - ay
    cx, cy = points[c, 0] - ax, points[c, 1] - ay
    inverse = 1.0 / (bx * cy - cx * by)
    wb = (x - ax) * (cy * inverse) + (y - ay) * (-cx * inverse)
    wc = (x - ax) * (-by * inverse) + (y - ay) * (bx * inverse)
    return np.float32(wb * inverse_depth[b] / z), np.float32(wc * inverse_depth[c] / z)


@numba.njit(cache=True, error_model="numpy")
def interpolate(attributes, points, inverse_depth, triangles, ids, nearest):
    """Vertex attributes ``(N, C)`` at the pixels that `rasterize` found: ``(H, W, C)``, 0 without a triangle."""
    height, width = ids.shape
    out = np.zeros((height, width, attributes.shape[1]), attributes.dtype)
    for y in range(height):
        for x in range(width):
            t = ids[y, x]
            if t >= 0:
                wb, wc = corner_weights(points, inverse_depth, triangles, t, x, y, nearest[y, x])
                wa = np.float32(1) - wb - wc
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                for k in range(attributes.shape[1]):
                    out[y, x, k] = attributes[a, k] * wa + attributes[b, k] * wb + attributes[c, k] * wc
    return out
