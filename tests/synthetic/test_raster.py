import numpy as np

from melib.synthetic.raster import interpolate, rasterize


def test_vertices_on_whole_pixels_leave_no_hole():
    x, y = np.meshgrid(np.arange(0.0, 33, 4), np.arange(0.0, 33, 4))
    corner = np.array([row * 9 + column for row in range(8) for column in range(8)])
    quads = np.column_stack([corner, corner + 9, corner + 10, corner + 1])
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    assert (rasterize(np.column_stack([x.ravel(), y.ravel()]), np.ones(81), triangles, 33, 33)[0] >= 0).all()


def test_interpolated_position_is_the_point_where_the_pixels_ray_meets_the_plane():
    focal, corners = 50.0, np.array([[-0.5, -0.4, 1.0], [-0.3, 0.6, 2.5], [0.8, 0.1, 1.4]])
    points = focal * corners[:, :2] / corners[:, 2:] + 32
    triangle = np.array([[0, 1, 2]], np.int32)
    ids, nearest = rasterize(points, 1 / corners[:, 2], triangle, 64, 64)
    position = interpolate(corners, points, 1 / corners[:, 2], triangle, ids, nearest)
    hit = ids >= 0
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    rows, columns = np.nonzero(hit)
    rays = np.column_stack([(columns - 32) / focal, (rows - 32) / focal, np.ones(len(rows))])
    expected = rays * (normal @ corners[0] / (rays @ normal))[:, None]
    assert hit.sum() > 200
    np.testing.assert_allclose(position[hit], expected, atol=2e-7)
    np.testing.assert_allclose(1 / nearest[hit], expected[:, 2], rtol=1e-12)
