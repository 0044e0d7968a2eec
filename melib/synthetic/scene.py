"""What stays the same within a video and differs between videos: light, background, crop and colour sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from melib.synthetic.sensor import ColourSensor, draw_colour_sensor
from melib.synthetic.streams import stream


@dataclass(frozen=True)
class Scene:
    """The setting of a video."""

    light: tuple[float, float, float]  # direction towards the lamp: right in the image, up, towards the camera
    ambient: float  # light from all sides, relative to the lamp
    specular: float  # highlight of the skin, relative to the lamp
    brightness: float  # factor on the whole exposure
    crop_jitter: tuple[float, float, float]  # relative change of the side; of the centre (right, down), in sides
    background_colour: tuple[float, float, float]  # linear RGB of the wall
    background_slope: tuple[float, float]  # relative change of the wall's brightness across and down the picture
    colour_sensor: ColourSensor


def draw_scene(seed: int, *, everyday: bool = False) -> Scene:
    """The setting of the video with this seed, which knows nothing of the labels; everyday cameras differ more."""
    rng = stream(seed, "light")
    light = (float(rng.uniform(-0.55, 0.55)), float(rng.uniform(0.15, 0.6)), 0.85)
    ambient, brightness, specular = (float(rng.uniform(*span)) for span in ((0.34, 0.5), (0.85, 1.15), (0.03, 0.07)))
    jitter = stream(seed, "crop").normal(0.0, 0.01, 3).clip(-0.03, 0.03)
    rng = stream(seed, "background")
    colour = rng.uniform(0.05, 0.5) * (1.0 + 0.05 * rng.standard_normal(3))
    slope = 0.25 * rng.standard_normal(2).clip(-2.5, 2.5)
    drawn = (tuple(each.tolist()) for each in (jitter, colour, slope))
    return Scene(light, ambient, specular, brightness, *drawn, draw_colour_sensor(seed, everyday=everyday))


def paint_background(scene: Scene, width: int, height: int) -> np.ndarray:
    """The wall behind the head: linear RGB ``(height, width, 3)`` float32."""
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :] * np.float32(scene.background_slope[0])
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None] * np.float32(scene.background_slope[1])
    return (1 + across + down)[..., None] * np.float32(scene.background_colour)
