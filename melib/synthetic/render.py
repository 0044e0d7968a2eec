"""Pictures, depth and true motion of a subject before a camera."""

from __future__ import annotations

import math

import cv2
import numba
import numpy as np

from melib.errors import InputError
from melib.synthetic.head import EYES, LEFT_EYE, RIGHT_EYE, SKIN
from melib.synthetic.identity import Subject
from melib.synthetic.mesh import normals_and_areas
from melib.synthetic.raster import corner_weights, rasterize
from melib.synthetic.texture import TEXEL_PER_MM
from melib.video import Camera

_SAMPLES = 2  # along each side of a pixel on an edge
_WRINKLE = 0.55  # share of the light that skin loses where it is fully compressed
_VISIBLE_SLACK_M = 0.0015  # a point this far behind the surface seen is still the surface
_F, _INDEX = np.float32, np.uintp
_ONE, _ZERO, _TINY = _F(1), _F(0), _F(1e-12)
_UNIT16 = _F(1 / 65535)


@numba.njit(cache=True, inline="always", error_model="numpy")
def _colour(t, weights, triangles, uv_triangles, part, surface, uv, atlas, light, half, ambient, specular):
    """Light that leaves one point of the surface: wrapped Lambert, sky light, Blinn highlight."""
    a, b, c = _INDEX(triangles[t, 0]), _INDEX(triangles[t, 1]), _INDEX(triangles[t, 2])
    wb, wc = weights
    wa = _ONE - wb - wc
    nx = wa * surface[a, 0] + wb * surface[b, 0] + wc * surface[c, 0]
    ny = wa * surface[a, 1] + wb * surface[b, 1] + wc * surface[c, 1]
    nz = wa * surface[a, 2] + wb * surface[b, 2] + wc * surface[c, 2]
    open_sky = wa * surface[a, 3] + wb * surface[b, 3] + wc * surface[c, 3]
    length = _ONE / _F(math.sqrt(nx * nx + ny * ny + nz * nz + _TINY))
    nx, ny, nz = nx * length, ny * length, nz * length
    a, b, c = _INDEX(uv_triangles[t, 0]), _INDEX(uv_triangles[t, 1]), _INDEX(uv_triangles[t, 2])
    u = wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]
    v = wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]
    column, row = int(u), int(v)  # texture coordinates stay inside the atlas
    fu, fv = u - _F(column), v - _F(row)
    # Red light wanders further through skin, so it wraps further around the shape.
    facing = nx * light[0] + ny * light[1] + nz * light[2]
    red_wrap = max((facing + _F(0.35)) * _F(1 / 1.35), _ZERO)
    wrap = max((facing + _F(0.22)) * _F(1 / 1.22), _ZERO)
    sky = ambient * (_F(0.825) + _F(0.175) * ny) * open_sky
    shade = _F(0.45) + _F(0.55) * open_sky
    glance = max(nx * half[0] + ny * half[1] + nz * half[2], _ZERO)
    glance2 = glance * glance
    glance4 = glance2 * glance2
    glance8 = glance4 * glance4
    shine = _ZERO
    if part == SKIN:
        shine = specular * glance8 * glance4 * glance2 * open_sky
    elif part == LEFT_EYE or part == RIGHT_EYE:
        glance32 = glance8 * glance8 * glance8 * glance8
        glance64 = glance32 * glance32
        shine = _F(0.6) * glance64 * glance64 * glance64
    top, bottom = _ONE - fv, fv
    left, right = _ONE - fu, fu
    i, j = _INDEX(row), _INDEX(column)
    upper, lower, next_j = atlas[i], atlas[i + _INDEX(1)], j + _INDEX(1)
    r = top * (left * upper[j, 0] + right * upper[next_j, 0])
    r += bottom * (left * lower[j, 0] + right * lower[next_j, 0])
    g = top * (left * upper[j, 1] + right * upper[next_j, 1])
    g += bottom * (left * lower[j, 1] + right * lower[next_j, 1])
    b_ = top * (left * upper[j, 2] + right * upper[next_j, 2])
    b_ += bottom * (left * lower[j, 2] + right * lower[next_j, 2])
    lit_red = (red_wrap * shade + sky) * _UNIT16
    lit = (wrap * shade + sky) * _UNIT16
    return r * lit_red + shine, g * lit + shine, b_ * lit + shine


@numba.njit(cache=True, error_model="numpy")
def _shade(
    pixels, inverse_depth, ids, nearest, fine_pixels, fine_ids, fine_nearest, triangles, uv_triangles, parts, delicate,
    surface, uv, atlas, filtered, light, half, ambient, specular, gain, background,
):  # fmt: skip
    """Colour every pixel: one sample of the filtered texture; on edges, lids and lips the mean of finer samples."""
    height, width = ids.shape
    out = np.empty((height, width, 3), np.float32)
    share = gain / _F(_SAMPLES * _SAMPLES)
    for y in range(height):
        for x in range(width):
            t = ids[y, x]
            part = -1 if t < 0 else int(parts[t])
            edge = t >= 0 and delicate[t]
            low, high = 1e30, 0.0
            for sy in range(_SAMPLES):
                for sx in range(_SAMPLES):
                    fy, fx = _INDEX(y * _SAMPLES + sy), _INDEX(x * _SAMPLES + sx)
                    fine = fine_ids[fy, fx]
                    if (-1 if fine < 0 else int(parts[fine])) != part:
                        edge = True
                    z = fine_nearest[fy, fx]
                    low, high = min(low, z), max(high, z)
            if high - low > 0.006 * high:
                edge = True
            if edge:
                r, g, b = _ZERO, _ZERO, _ZERO
                for sy in range(_SAMPLES):
                    for sx in range(_SAMPLES):
                        fy, fx = y * _SAMPLES + sy, x * _SAMPLES + sx
                        fine = fine_ids[fy, fx]
                        if fine < 0:
                            colour = (background[y, x, 0], background[y, x, 1], background[y, x, 2])
                        else:
                            weights = corner_weights(
                                fine_pixels, inverse_depth, triangles, fine, fx, fy, fine_nearest[fy, fx]
                            )
                            colour = _colour(
                                fine, weights, triangles, uv_triangles, parts[fine], surface, uv, atlas, light, half,
                                ambient, specular,
                            )  # fmt: skip
                        r, g, b = r + colour[0], g + colour[1], b + colour[2]
                out[y, x, 0], out[y, x, 1], out[y, x, 2] = r * share, g * share, b * share
            elif t < 0:
                for channel in range(3):
                    out[y, x, channel] = background[y, x, channel] * gain
            else:
                weights = corner_weights(pixels, inverse_depth, triangles, t, x, y, nearest[y, x])
                colour = _colour(
                    t, weights, triangles, uv_triangles, parts[t], surface, uv, filtered, light, half, ambient,
                    specular,
                )  # fmt: skip
                out[y, x, 0], out[y, x, 1], out[y, x, 2] = colour[0] * gain, colour[1] * gain, colour[2] * gain
    return out


@numba.njit(cache=True, error_model="numpy")
def _motion(triangles, points_a, pixels_a, inverse_depth_a, ids, nearest, points_b, pixels_b, nearest_b):
    """Follow the surface point under every pixel centre of a to b."""
    height, width = ids.shape
    flow, scene = np.zeros((2, height, width), np.float32), np.zeros((3, height, width), np.float32)
    valid = np.zeros((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            t = ids[y, x]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            weights = corner_weights(pixels_a, inverse_depth_a, triangles, t, x, y, nearest[y, x])
            wb, wc = float(weights[0]), float(weights[1])
            wa = 1.0 - wb - wc
            for axis in range(3):
                scene[axis, y, x] = _F(
                    wa * (points_b[a, axis] - points_a[a, axis])
                    + wb * (points_b[b, axis] - points_a[b, axis])
                    + wc * (points_b[c, axis] - points_a[c, axis])
                )
            # Both ends are projected from the rounded weights, so their rounding cancels and a still point stays still.
            za, zb, zc = wa * points_a[a, 2], wb * points_a[b, 2], wc * points_a[c, 2]
            z = za + zb + zc
            from_x = (za * pixels_a[a, 0] + zb * pixels_a[b, 0] + zc * pixels_a[c, 0]) / z
            from_y = (za * pixels_a[a, 1] + zb * pixels_a[b, 1] + zc * pixels_a[c, 1]) / z
            za, zb, zc = wa * points_b[a, 2], wb * points_b[b, 2], wc * points_b[c, 2]
            z = za + zb + zc
            u = (za * pixels_b[a, 0] + zb * pixels_b[b, 0] + zc * pixels_b[c, 0]) / z
            v = (za * pixels_b[a, 1] + zb * pixels_b[b, 1] + zc * pixels_b[c, 1]) / z
            flow[0, y, x], flow[1, y, x] = _F(u - from_x), _F(v - from_y)
            # Seen in b? The point must lie on the nearest surface at one of the four pixels around it.
            column, row = int(math.floor(u)), int(math.floor(v))
            for r in (row, row + 1):
                for q in (column, column + 1):
                    if 0 <= r < height and 0 <= q < width and nearest_b[r, q] > 0.0:
                        if z < 1.0 / nearest_b[r, q] + _VISIBLE_SLACK_M:
                            valid[y, x] = True
    return flow, scene, valid


class Renderer:
    """Renders a subject with a camera, such as ``subject.crop_camera()``."""

    def __init__(self, subject: Subject, camera: Camera):
        self.subject, self.camera = subject, camera
        n = len(subject.rest)
        self._normals, self._areas = np.empty((n, 3)), np.empty(n)
        self._surface = np.empty((n, 4), np.float32)
        # Between neighbouring pixels lie this many texels; what is finer would alias, so it is filtered out.
        texels = subject.distance / camera.fx * 1e3 * TEXEL_PER_MM
        sigma = 0.36 * texels - 0.3
        self._filtered = cv2.GaussianBlur(subject.atlas, (0, 0), sigma) if sigma > 0.3 else subject.atlas
        self._is_eye = np.zeros(n, bool)
        self._is_eye[subject.triangles[np.isin(subject.parts, EYES)]] = True

    def render(
        self,
        points: np.ndarray,
        *,
        light: np.ndarray,
        ambient: float,
        specular: float,
        gain: float,
        background: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """One frame without sensor noise: colour ``(H, W, 3)``, and metres along the optical axis ``(H, W)``, float32.

        Colour is linear RGB, 1 is white, highlights may exceed it; the depth of the background is 0. ``points``
        ``(N, 3)`` are those of ``subject.points``, ``light`` ``(3,)`` points towards the lamp (right in the image, up,
        towards the camera), ``ambient`` is the sky light relative to the lamp, such as 0.4, ``specular`` the strength
        of the skin's highlight, such as 0.05, ``gain`` the exposure of everything, ``background`` ``(H, W, 3)`` linear
        RGB. A background of another shape and a light without direction raise ValueError.
        """
        subject, height, width = self.subject, self.camera.height, self.camera.width
        background = np.ascontiguousarray(background, np.float32)
        if background.shape != (height, width, 3):
            raise InputError(f"the background must have shape {(height, width, 3)}, got {background.shape}")
        light = np.asarray(light, np.float64)
        if light.shape != (3,) or not np.linalg.norm(light) > 0:
            raise InputError(f"light must be a direction of 3 numbers, got {light!r}")
        light = light / np.linalg.norm(light)
        half = light + (0, 0, 1)
        half /= max(np.linalg.norm(half), 1e-6)

        pixels, inverse_depth, ids, nearest = self._look(points)
        # Sample centres of the finer grid lie between pixel centres.
        fine = (pixels + 0.5) * _SAMPLES - 0.5
        fine_ids, fine_nearest = rasterize(fine, inverse_depth, subject.triangles, height * _SAMPLES, width * _SAMPLES)
        normals_and_areas(points, subject.triangles, self._normals, self._areas)
        self._surface[:, 0] = self._normals[:, 0]
        self._surface[:, 1:3] = -self._normals[:, 1:]  # up and towards the camera
        self._surface[:, 3] = subject.occlusion * self._wrinkles()
        colour = _shade(
            pixels, inverse_depth, ids, nearest, fine, fine_ids, fine_nearest, subject.triangles, subject.uv_triangles,
            subject.parts, subject.delicate, self._surface, subject.uv, subject.atlas, self._filtered,
            light.astype(np.float32), half.astype(np.float32), np.float32(ambient), np.float32(specular),
            np.float32(gain), background,
        )  # fmt: skip
        depth = np.zeros(ids.shape, np.float32)
        np.divide(1.0, nearest, out=depth, where=ids >= 0, casting="same_kind")
        return colour, depth

    def true_motion(self, points_a: np.ndarray, points_b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where the surface seen at the pixel centres of frame a is in frame b; exact for the rendered mesh.

        Flow ``(2, H, W)`` in pixels (right, down) and scene flow ``(3, H, W)`` in metres (right, down, away), float32,
        0 on the background; and ``(H, W)`` bool, where the point is in view and not hidden in b.
        """
        pixels_b, _, _, nearest_b = self._look(points_b)
        return _motion(self.subject.triangles, points_a, *self._look(points_a), points_b, pixels_b, nearest_b)

    def _look(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Pixels and inverse depth of the vertices; nearest triangle and its inverse depth at the pixel centres."""
        pixels, inverse_depth = self.camera.project(points), 1.0 / points[:, 2]
        seen = rasterize(pixels, inverse_depth, self.subject.triangles, self.camera.height, self.camera.width)
        return pixels, inverse_depth, *seen

    def _wrinkles(self) -> np.ndarray:
        """Skin pushed together darkens, as furrows too fine for the mesh would."""
        squeezed = 1 - 1e6 * self._areas / np.maximum(self.subject.rest_areas, 1e-9)
        shade = 1 - _WRINKLE * np.clip(squeezed, 0, 0.6)
        shade[self._is_eye] = 1
        return shade
