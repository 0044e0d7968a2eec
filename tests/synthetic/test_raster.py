import numpy as np
import pytest

from melib.synthetic.raster import NO_TRIANGLE, ON_EDGE, SMALLEST_AREA, interpolate, rasterize


def reference(points, inverse_depth, triangles, height, width):
    """What `rasterize` computes, in plain numpy: every pixel of every triangle's bounding box is a row."""
    corners = points[triangles]
    a = corners[:, 0]
    b, c = corners[:, 1] - a, corners[:, 2] - a
    area = b[:, 0] * c[:, 1] - c[:, 0] * b[:, 1]
    first = np.maximum(np.ceil(np.minimum(np.minimum(b, c), 0.0) + a), 0).astype(np.int64)
    last = np.floor(np.maximum(np.maximum(b, c), 0.0) + a)
    last = np.minimum(last, (width - 1, height - 1)).astype(np.int64)
    drawn = np.flatnonzero((area < -SMALLEST_AREA) & (first <= last).all(1))
    size = (last - first + 1)[drawn]
    count = size.prod(1)
    t = np.repeat(drawn, count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    columns = np.repeat(size[:, 0], count)
    x, y = first[t, 0] + offset % columns, first[t, 1] + offset // columns
    inverse = 1.0 / area[t]
    dx, dy = x - a[t, 0], y - a[t, 1]
    wb = dx * (c[t, 1] * inverse) + dy * (-c[t, 0] * inverse)
    wc = dx * (-b[t, 1] * inverse) + dy * (b[t, 0] * inverse)
    wa = 1.0 - wb - wc
    inside = (wa >= ON_EDGE) & (wb >= ON_EDGE) & (wc >= ON_EDGE)
    t, wa, wb, wc, pixel = t[inside], wa[inside], wb[inside], wc[inside], (y * width + x)[inside]
    z = inverse_depth[triangles[t]]
    depth = wa * z[:, 0] + wb * z[:, 1] + wc * z[:, 2]
    order = np.lexsort((t, -depth, pixel))  # the nearest wins; at equal depth the triangle that comes first
    winners = order[np.r_[True, np.diff(pixel[order]) > 0]] if order.size else order
    ids, nearest = np.full(height * width, NO_TRIANGLE, np.int32), np.zeros(height * width)
    weights = np.zeros((height * width, 2), np.float32)
    at = pixel[winners]
    ids[at], nearest[at] = t[winners], depth[winners]
    weights[at] = np.stack([wb[winners] * z[winners, 1], wc[winners] * z[winners, 2]], 1) / depth[winners, None]
    return ids.reshape(height, width), nearest.reshape(height, width), weights.reshape(height, width, 2)


def both(points, inverse_depth, triangles, height, width):
    seen = rasterize(points, inverse_depth, triangles, height, width)
    expected = reference(points, inverse_depth, triangles, height, width)
    for found, wanted in zip(seen, expected, strict=False):
        np.testing.assert_array_equal(found, wanted)
    return *seen, expected[2]


@pytest.mark.parametrize("seed", range(5))
def test_compiled_and_reference_rasteriser_agree_at_every_pixel(seed):
    rng = np.random.default_rng(seed)
    points, inverse_depth = rng.uniform(-20, 70, (300, 2)), 1 / rng.uniform(0.3, 2, 300)
    triangles = rng.integers(0, 300, (400, 3)).astype(np.int32)
    ids, nearest, weights = both(points, inverse_depth, triangles, 48, 60)
    assert 0.5 < (ids >= 0).mean()
    # A value of 1 at the second corner alone, and at the third alone: what comes out are the weights themselves.
    for corner in (0, 1):
        apart = np.arange(1200).reshape(400, 3)
        value = np.zeros((1200, 1), np.float32)
        value[apart[:, corner + 1]] = 1
        spread = points[triangles].reshape(-1, 2), inverse_depth[triangles].ravel(), apart
        np.testing.assert_array_equal(interpolate(value, *spread, ids, nearest)[..., 0], weights[..., corner])


def test_vertices_on_whole_pixels_leave_no_hole():
    x, y = np.meshgrid(np.arange(0.0, 33, 4), np.arange(0.0, 33, 4))
    corner = np.array([row * 9 + column for row in range(8) for column in range(8)])
    quads = np.column_stack([corner, corner + 9, corner + 10, corner + 1])
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    assert (both(np.column_stack([x.ravel(), y.ravel()]), np.ones(81), triangles, 33, 33)[0] >= 0).all()


def test_interpolated_position_is_the_point_where_the_pixels_ray_meets_the_plane():
    focal, corners = 50.0, np.array([[-0.5, -0.4, 1.0], [-0.3, 0.6, 2.5], [0.8, 0.1, 1.4]])
    points = focal * corners[:, :2] / corners[:, 2:] + 32
    triangle = np.array([[0, 1, 2]], np.int32)
    ids, nearest, _ = both(points, 1 / corners[:, 2], triangle, 64, 64)
    position = interpolate(corners, points, 1 / corners[:, 2], triangle, ids, nearest)
    hit = ids >= 0
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    rows, columns = np.nonzero(hit)
    rays = np.column_stack([(columns - 32) / focal, (rows - 32) / focal, np.ones(len(rows))])
    expected = rays * (normal @ corners[0] / (rays @ normal))[:, None]
    assert hit.sum() > 200
    np.testing.assert_allclose(position[hit], expected, atol=2e-7)
    np.testing.assert_allclose(1 / nearest[hit], expected[:, 2], rtol=1e-12)
