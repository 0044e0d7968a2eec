import numpy as np
import pytest

from melib.synthetic.raster import NO_TRIANGLE, ON_EDGE, SMALLEST_AREA, interpolate, rasterize


def reference(points, inverse_depth, triangles, height, width):
    """What `rasterize` computes, triangle after triangle over the whole image."""
    y, x = np.mgrid[:height, :width].astype(float)
    ids, nearest = np.full((height, width), NO_TRIANGLE, np.int32), np.zeros((height, width))
    weights = np.zeros((height, width, 2), np.float32)
    for t, corners in enumerate(triangles):
        a, z = points[corners[0]], inverse_depth[corners]
        b, c = points[corners[1:]] - a
        area = b[0] * c[1] - c[0] * b[1]
        if area >= -SMALLEST_AREA:
            continue
        inverse, dx, dy = 1.0 / area, x - a[0], y - a[1]
        wb = dx * (c[1] * inverse) + dy * (-c[0] * inverse)
        wc = dx * (-b[1] * inverse) + dy * (b[0] * inverse)
        wa = 1.0 - wb - wc
        depth = wa * z[0] + wb * z[1] + wc * z[2]
        # The nearest wins; at equal depth the triangle that comes first.
        seen = (np.minimum(wa, np.minimum(wb, wc)) >= ON_EDGE) & (depth > nearest)
        ids[seen], nearest[seen] = t, depth[seen]
        weights[seen] = np.stack([wb * z[1], wc * z[2]], -1)[seen] / depth[seen, None]
    return ids, nearest, weights


def both(points, inverse_depth, triangles, height, width):
    seen = rasterize(points, inverse_depth, triangles, height, width)
    expected = reference(points, inverse_depth, triangles, height, width)
    for found, wanted in zip(seen, expected, strict=False):
        np.testing.assert_array_equal(found, wanted)
    return *seen, expected[2]


@pytest.mark.parametrize("seed", range(3))
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
