"""Moving the vertices of a subject, and what follows from where they are: normals, areas, occlusion."""

from __future__ import annotations

import math

import numba
import numpy as np

from melib.synthetic.raster import rasterize

#: The neck joint about which the head turns, in head axes (mm).
PIVOT_MM = np.array([0.0, -60.0, -90.0])
#: The eyes stand this much above the camera's axis at rest, which keeps the bust's lower edge out of view.
EYES_ABOVE_AXIS_MM = 15.0

_OCCLUSION_VIEWS = 48
_OCCLUSION_PIXELS = 160
_OCCLUSION_SLACK_MM = 3.5  # a vertex this close behind the surface still counts as on it


@numba.njit(cache=True, error_model="numpy")
def deform(rest, pointer, index, value, weights, out):
    """``out = rest + sum_k weights[k] * field_k``; fields as in `melib.synthetic.head.Fields`, values in mm."""
    for i in range(rest.shape[0]):
        for axis in range(3):
            out[i, axis] = rest[i, axis]
    for k in range(weights.shape[0]):
        w = weights[k]
        if w != 0.0:
            for j in range(pointer[k], pointer[k + 1]):
                i = index[j]
                for axis in range(3):
                    out[i, axis] += w * value[j, axis]


@numba.njit(cache=True, error_model="numpy")
def turn(points, members, centre, rotation):
    """Turn the member vertices about a centre, in place."""
    for m in range(members.shape[0]):
        i = members[m]
        x, y, z = points[i, 0] - centre[0], points[i, 1] - centre[1], points[i, 2] - centre[2]
        for axis in range(3):
            points[i, axis] = centre[axis] + rotation[axis, 0] * x + rotation[axis, 1] * y + rotation[axis, 2] * z


@numba.njit(cache=True, error_model="numpy")
def keep_outside(points, members, centre, radius):
    """Push member vertices that are inside a sphere radially onto it, in place: a lid slides over the eyeball."""
    for m in range(members.shape[0]):
        i = members[m]
        x, y, z = points[i, 0] - centre[0], points[i, 1] - centre[1], points[i, 2] - centre[2]
        length = math.sqrt(x * x + y * y + z * z)
        if 0.0 < length < radius:
            grow = radius / length
            points[i, 0] = centre[0] + x * grow
            points[i, 1] = centre[1] + y * grow
            points[i, 2] = centre[2] + z * grow


@numba.njit(cache=True, error_model="numpy")
def to_camera(points, rotation, translation, pivot, above_axis, distance):
    """Rigid motion in head axes (mm), then camera axes (x right, y down, z away) in metres, in place."""
    for i in range(points.shape[0]):
        x, y, z = points[i, 0] - pivot[0], points[i, 1] - pivot[1], points[i, 2] - pivot[2]
        moved_x = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z + pivot[0] + translation[0]
        moved_y = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z + pivot[1] + translation[1]
        moved_z = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z + pivot[2] + translation[2]
        points[i, 0] = 1e-3 * moved_x
        points[i, 1] = -1e-3 * (moved_y + above_axis)
        points[i, 2] = distance - 1e-3 * moved_z


@numba.njit(cache=True, error_model="numpy")
def normals_and_areas(points, triangles, normals, areas):
    """Unit vertex normals (area-weighted) and, per vertex, the summed area of its triangles (twice, squared units)."""
    n = points.shape[0]
    for i in range(n):
        areas[i] = 0.0
        for axis in range(3):
            normals[i, axis] = 0.0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        area = math.sqrt(nx * nx + ny * ny + nz * nz)
        for v in (a, b, c):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
            areas[v] += area
    for i in range(n):
        length = math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2)
        if length > 0.0:
            for axis in range(3):
                normals[i, axis] /= length


def occlusion(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Share of the sky's light that reaches each vertex ``(N, 3)`` (head axes, mm): 0..1.

    The mesh is looked at from all sides but from behind; a vertex counts a view, weighted with the cosine of incidence,
    where it lies on the surface seen.
    """
    normals, areas = np.empty_like(points), np.empty(len(points))
    normals_and_areas(points, triangles, normals, areas)
    size = _OCCLUSION_PIXELS
    lit, total = np.zeros(len(points)), np.zeros(len(points))
    golden = (1 + 5**0.5) / 2
    for view in range(_OCCLUSION_VIEWS):
        z = 1 - (2 * view + 1) / _OCCLUSION_VIEWS
        if z < -0.35:
            continue
        around = 2 * np.pi * view / golden
        towards = np.array([np.sqrt(1 - z * z) * np.cos(around), np.sqrt(1 - z * z) * np.sin(around), z])
        right = np.cross([0.0, 1.0, 0.0] if abs(towards[1]) < 0.9 else [1.0, 0.0, 0.0], towards)
        right /= np.linalg.norm(right)
        x, y, height = points @ right, points @ np.cross(towards, right), points @ towards
        scale = (size - 8) / max(np.ptp(x), np.ptp(y))
        pixels = np.column_stack([(x - x.min()) * scale + 4, (y.max() - y) * scale + 4])
        # A linear stand-in for inverse depth: larger is nearer, and positive.
        level = height - height.min() + 1.0
        _, nearest = rasterize(pixels, level, triangles, size, size)
        column, row = np.rint(pixels).astype(int).T
        cosine = np.clip(normals @ towards, 0, 1)
        lit += cosine * (level > nearest[row, column] - _OCCLUSION_SLACK_MM - 1.0 / scale)
        total += cosine
    return np.where(total > 0.3, lit / np.maximum(total, 1e-6), 0.3)
