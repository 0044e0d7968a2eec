import numpy as np

from melib.synthetic.raster import rasterize


def test_vertices_on_whole_pixels_leave_no_hole():
    x, y = np.meshgrid(np.arange(0.0, 33, 4), np.arange(0.0, 33, 4))
    corner = np.array([row * 9 + column for row in range(8) for column in range(8)])
    quads = np.column_stack([corner, corner + 9, corner + 10, corner + 1])
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    assert (rasterize(np.column_stack([x.ravel(), y.ravel()]), np.ones(81), triangles, 33, 33)[0] >= 0).all()
