"""Triangles to pixels: a z-buffer rasteriser, twice.

`rasterize` runs at video rate (compiled by numba); `rasterize_reference` says the same in plain numpy and is what the
compiled version is tested against. Both sample at pixel centres (the centre of the top-left pixel is ``(0, 0)``), draw
only triangles that face the camera, and return perspective-correct barycentric coordinates, so a vertex attribute
interpolated with them is exact on the triangle.
"""

from __future__ import annotations

import math

import numba
import numpy as np

NO_TRIANGLE = -1
#: Twice the smallest area, in square pixels, that a triangle must cover to be drawn.
SMALLEST_AREA = 1e-9
#: A pixel centre on the edge of two triangles belongs to both down to this barycentric coordinate, or rounding could
#: leave a hole between them.
ON_EDGE = -1e-9


@numba.njit(cache=True, error_model="numpy")
def rasterize(points, inverse_depth, triangles, ids, weights, nearest):
    """Find the nearest triangle at every pixel centre.

    Parameters
    ----------
    points : (N, 2) float64
        Projected vertices in pixels (x right, y down).
    inverse_depth : (N,) float64
        One over the distance along the optical axis; positive.
    triangles : (T, 3) integer
        Vertices of the triangles; counter-clockwise as seen from the front with y up.
    ids : (H, W) int32, written
        Triangle at the pixel, -1 where there is none.
    weights : (H, W, 2) float32, written
        Perspective-correct barycentric coordinates of the triangle's second and third vertex; untouched where
        there is no triangle.
    nearest : (H, W) float64, written
        Inverse depth at the pixel, 0 where there is no triangle.
    """
    height, width = ids.shape
    for y in range(height):
        for x in range(width):
            ids[y, x] = NO_TRIANGLE
            nearest[y, x] = 0.0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
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
            for x in range(left, right + 1):
                wb = (x - ax) * wb_right + wb_row
                wc = (x - ax) * wc_right + wc_row
                wa = 1.0 - wb - wc
                if wa >= ON_EDGE and wb >= ON_EDGE and wc >= ON_EDGE:
                    z = wa * za + wb * zb + wc * zc
                    if z > nearest[y, x]:
                        nearest[y, x] = z
                        ids[y, x] = t
                        weights[y, x, 0] = wb * zb / z
                        weights[y, x, 1] = wc * zc / z


def rasterize_reference(points, inverse_depth, triangles, height: int, width: int):
    """What `rasterize` computes, in plain numpy.

    Returns
    -------
    ids : (H, W) int32
    weights : (H, W, 2) float32
        Zero where there is no triangle.
    nearest : (H, W) float64
    """
    corners = points[triangles]
    a = corners[:, 0]
    b, c = corners[:, 1] - a, corners[:, 2] - a
    area = b[:, 0] * c[:, 1] - c[:, 0] * b[:, 1]
    low = np.minimum(np.minimum(b, c), 0.0) + a
    high = np.maximum(np.maximum(b, c), 0.0) + a
    first = np.maximum(np.ceil(low), 0).astype(np.int64)
    last = np.minimum(np.floor(high), (width - 1, height - 1)).astype(np.int64)
    drawn = np.flatnonzero((area < -SMALLEST_AREA) & (first <= last).all(1))

    # Every pixel of every bounding box, one row each.
    size = (last - first + 1)[drawn]
    count = size.prod(1)
    t = np.repeat(drawn, count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    columns = np.repeat(size[:, 0], count)
    x = first[t, 0] + offset % columns
    y = first[t, 1] + offset // columns
    inverse = 1.0 / area[t]
    dx, dy = x - a[t, 0], y - a[t, 1]
    wb = dx * (c[t, 1] * inverse) + dy * (-c[t, 0] * inverse)
    wc = dx * (-b[t, 1] * inverse) + dy * (b[t, 0] * inverse)
    wa = 1.0 - wb - wc
    inside = (wa >= ON_EDGE) & (wb >= ON_EDGE) & (wc >= ON_EDGE)
    t, wa, wb, wc, pixel = t[inside], wa[inside], wb[inside], wc[inside], (y * width + x)[inside]
    z = inverse_depth[triangles[t]]
    depth = wa * z[:, 0] + wb * z[:, 1] + wc * z[:, 2]

    # The nearest wins; at equal depth the triangle that comes first.
    order = np.lexsort((t, -depth, pixel))
    winners = order[np.r_[True, np.diff(pixel[order]) > 0]] if order.size else order
    at = pixel[winners]
    ids = np.full(height * width, NO_TRIANGLE, np.int32)
    weights = np.zeros((height * width, 2), np.float32)
    nearest = np.zeros(height * width)
    ids[at] = t[winners]
    weights[at, 0] = wb[winners] * z[winners, 1] / depth[winners]
    weights[at, 1] = wc[winners] * z[winners, 2] / depth[winners]
    nearest[at] = depth[winners]
    return ids.reshape(height, width), weights.reshape(height, width, 2), nearest.reshape(height, width)


def interpolate(attributes, triangles, ids, weights) -> np.ndarray:
    """Vertex attributes at the pixels.

    Parameters
    ----------
    attributes : (N, C)
        Any quantity that is linear on the triangles in space.
    triangles : (T, 3) integer
    ids, weights : (H, W) and (H, W, 2)
        From `rasterize`.

    Returns
    -------
    (H, W, C) array of the attributes' type
        Zero where there is no triangle.
    """
    out = np.zeros((*ids.shape, attributes.shape[1]), attributes.dtype)
    hit = ids >= 0
    corners = attributes[triangles[ids[hit]]]
    wb, wc = np.moveaxis(weights[hit], -1, 0)[..., None].astype(attributes.dtype)
    out[hit] = corners[:, 0] * (1 - wb - wc) + corners[:, 1] * wb + corners[:, 2] * wc
    return out
