"""The benchmark: RGB-D videos of rendered heads with exact ground truth.

Nobody was filmed for it. One mesh (`head`) becomes people (`identity`, `texture`) who are drawn (`raster`, `render`)
with expressions on a timeline. On top of RGB and depth it knows what no real dataset does: where every point went.
"""
