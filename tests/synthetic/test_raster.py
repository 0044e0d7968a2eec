import numpy as np
import pytest

from melib.synthetic.raster import interpolate, rasterize, rasterize_reference


def both(points, inverse_depth, triangles, height, width):
    ids = np.empty((height, width), np.int32)
    weights, nearest = np.zeros((height, width, 2), np.float32), np.empty((height, width))
    rasterize(points, inverse_depth, triangles, ids, weights, nearest)
    return (ids, weights, nearest), rasterize_reference(points, inverse_depth, triangles, height, width)


@pytest.mark.parametrize("seed", range(5))
def test_compiled_and_reference_rasteriser_agree_at_every_pixel(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-20, 70, (300, 2))
    inverse_depth = 1 / rng.uniform(0.3, 2, 300)
    triangles = rng.integers(0, 300, (400, 3)).astype(np.int32)
    (ids, weights, nearest), (ids_r, weights_r, nearest_r) = both(points, inverse_depth, triangles, 48, 60)
    np.testing.assert_array_equal(ids, ids_r)
    np.testing.assert_array_equal(nearest, nearest_r)
    np.testing.assert_array_equal(weights[ids >= 0], weights_r[ids >= 0])
    assert 0.5 < (ids >= 0).mean()


def test_vertices_on_whole_pixels_leave_no_hole_and_no_disagreement():
    x, y = np.meshgrid(np.arange(0.0, 33, 4), np.arange(0.0, 33, 4))
    points = np.column_stack([x.ravel(), y.ravel()])
    n = x.shape[1]
    corner = np.array([row * n + column for row in range(n - 1) for column in range(n - 1)])
    quads = np.column_stack([corner, corner + n, corner + n + 1, corner + 1])
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    (ids, _, _), (ids_r, _, _) = both(points, np.ones(len(points)), triangles, 33, 33)
    assert (ids >= 0).all()
    np.testing.assert_array_equal(ids, ids_r)


def test_interpolated_position_is_the_point_where_the_pixels_ray_meets_the_plane():
    focal, corners = 50.0, np.array([[-0.5, -0.4, 1.0], [-0.3, 0.6, 2.5], [0.8, 0.1, 1.4]])
    points = focal * corners[:, :2] / corners[:, 2:] + 32
    triangle = np.array([[0, 1, 2]], np.int32)
    ids, weights, nearest = both(points, 1 / corners[:, 2], triangle, 64, 64)[0]
    position = interpolate(corners, triangle, ids, weights)
    hit = ids >= 0
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    rows, columns = np.nonzero(hit)
    rays = np.column_stack([(columns - 32) / focal, (rows - 32) / focal, np.ones(len(rows))])
    expected = rays * (normal @ corners[0] / (rays @ normal))[:, None]
    assert hit.sum() > 200
    np.testing.assert_allclose(position[hit], expected, atol=2e-7)
    np.testing.assert_allclose(1 / nearest[hit], expected[:, 2], rtol=1e-12)


def test_the_nearer_of_two_triangles_is_seen_whatever_their_order():
    points = np.array([[0.0, 0], [0, 20], [20, 0], [0, 0], [0, 20], [20, 0]])
    inverse_depth = np.array([1.0, 1, 1, 2, 2, 2])
    for near, triangles in ((1, [[0, 1, 2], [3, 4, 5]]), (0, [[3, 4, 5], [0, 1, 2]])):
        for ids, _, nearest in both(points, inverse_depth, np.array(triangles, np.int32), 10, 10):
            assert (ids == near).all()
            np.testing.assert_allclose(nearest, 2.0)


def test_triangles_turned_away_and_outside_the_image_are_not_drawn():
    points = np.array([[0.0, 0], [0, 20], [20, 0], [100, 100], [100, 120], [120, 100]])
    triangles = np.array([[0, 2, 1], [3, 4, 5]], np.int32)
    for ids, _, nearest in both(points, np.ones(6), triangles, 10, 10):
        assert (ids == -1).all()
        assert (nearest == 0).all()
