"""The sheets of the study: which variants of planes its experiments on clips read.

How the sweeps cut and stabilise was chosen on training subjects alone, where it served optical flow with and without
depth best: two strips rather than the whole face, and a rigid head rather than the median.
"""

from __future__ import annotations

from melib.features import STABILIZATIONS, FeatureSettings
from melib.study.clip_sheets import Sheet, Variant
from melib.synthetic.sensor import DEPTH_LEVELS, DepthSensor

#: Stabilisation of the sweeps.
SWEPT = "rigid"
#: Disparity noise, pixels, of the stereo camera on which each factor of the sensor sweep is tried alone.
BASE_NOISE_PX = 0.04
#: Disparity noise, pixels.
NOISE_PX = (0.0, 0.01, 0.02, 0.04, 0.08, 0.16)


def stereo(noise: float = BASE_NOISE_PX, **errors) -> DepthSensor:
    """A stereo camera with disparity noise, fine counts, and no error but those given."""
    return DepthSensor(**{"disparity_px": noise, "unit_mm": 0.01} | errors)


#: Factor of the sensor -> its values -> what sets the sensor apart. Each factor alone, on the base noise.
FACTORS = {
    "correlation": {f"{spread:g} px": {"correlation_px": spread} for spread in (0.0, 1.0, 4.0)},
    "fixed pattern": {f"{size:g} mm": {"pattern_mm": size} for size in (0.3, 1.0)},
    "holes": {"10 % at random": {"dropout": 0.1}, "along edges": {"edge_mm": 7.5}},
    "quantisation": {
        "1/32 px": {"quantum_px": 1 / 32},
        "1/8 px": {"quantum_px": 1 / 8},
        "1 mm": {"unit_mm": 1.0},
    },
    "misregistration": {f"{shift:g} px": {"registration_px": (shift, 0.0)} for shift in (0.5, 1.0, 2.0)},
}
DELAYS = (1, 2)
#: Noise levels at which depth is averaged over time, and the one at which spotting is asked, too.
AVERAGED_PX, AVERAGED_STILL_PX = (0.04, 0.08, 0.16), 0.08


def noise_name(noise: float) -> str:
    """Name of the variant with that disparity noise."""
    return f"noise {noise:g} px"


def _depth(sensor: DepthSensor, **options) -> Variant:
    return Variant(FeatureSettings(input="D", stabilization=SWEPT), sensor=sensor, **options)


def _sensor_variants() -> dict[str, Variant]:
    found = {noise_name(noise): _depth(stereo(noise)) for noise in NOISE_PX}
    for factor, values in FACTORS.items():
        for value, errors in values.items():
            found[f"{factor} {value}"] = _depth(stereo(**errors), still=False)
    for delay in DELAYS:
        found[f"delay {delay}"] = _depth(stereo(), delay=delay, still=False)
    for noise in AVERAGED_PX:
        found[f"averaged, {noise_name(noise)}"] = _depth(stereo(noise), averaged=True, still=noise == AVERAGED_STILL_PX)
    return found | {"level low": _depth(DEPTH_LEVELS["low"])}


def _stabilisation_variants() -> dict[str, Variant]:
    found = {}
    for mode in STABILIZATIONS:
        flow, depth = (FeatureSettings(input=seen, stabilization=mode) for seen in ("O", "D"))
        found[f"O, {mode}"] = Variant(flow)
        found[f"D, {mode}"] = Variant(depth, still=mode == SWEPT)
        found[f"generic, {mode}"] = Variant(depth, generic=True, still=False)
    return found


def _flow_variants() -> dict[str, Variant]:
    return {
        "O, tvl1": Variant(FeatureSettings(method="tvl1", stabilization=SWEPT)),
        "O, farneback": Variant(FeatureSettings(method="farneback", stabilization=SWEPT)),
        "true-O": Variant(FeatureSettings(input="true-O", stabilization=SWEPT)),
    }


def _mixture_variants() -> dict[str, Variant]:
    return {
        "O": Variant(FeatureSettings(stabilization=SWEPT), still=False),
        "D, mid": _depth(DEPTH_LEVELS["mid"], still=False),
        "D, exact": _depth(stereo(0.0), still=False),
    }


def _network_variants() -> dict[str, Variant]:
    seen = {name: Variant(FeatureSettings(input=name)) for name in ("O", "S", "D", "true-O", "true-S")}
    return seen | {
        "D, generic": Variant(FeatureSettings(input="D"), generic=True),
        "O, min-max": Variant(FeatureSettings(input="O", normalization="sample")),
        "D, min-max": Variant(FeatureSettings(input="D", normalization="sample")),
    }


#: Whole planes for networks; all that is swept; and clips whose expressions are mixed.
SHEETS = {
    sheet.name: sheet
    for sheet in (
        Sheet("networks", _network_variants(), whole=True),
        Sheet("sweeps", _stabilisation_variants() | _flow_variants() | _sensor_variants()),
        Sheet(
            "mixtures",
            _mixture_variants(),
            sources={
                "in plane": "emotions_in_plane",
                "out of plane": "emotions_out_of_plane",
                "without AU14": "emotions_without_au14",
                "by AU14": "emotions_by_au14",
            },
        ),
    )
}
