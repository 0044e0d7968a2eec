"""The networks of the study and how they are run.

The two published ones have one contract: ``forward(planes)`` takes ``(B, 3, 42, 42)`` float32 and returns the spotting
score ``(B,)`` and the emotion logits ``(B, C)``. :class:`WindowNet`, this study's own, takes windows of such planes,
``(B, T, 3, 42, 42)``, and says more of each. ``network.classes`` is C.
"""

from melib.models.inference import check_planes, choose_device, late_fusion, predict
from melib.models.mean import MEAN
from melib.models.released import load_mean, load_model, load_sfamnet, nonfinite_tensors, save_model
from melib.models.sfamnet import SFAMNet
from melib.models.window import FrameValues, WindowNet, score_frames, window_targets

__all__ = ["MEAN", "FrameValues", "SFAMNet", "WindowNet", "check_planes", "choose_device", "late_fusion", "load_mean"]
__all__ += ["load_model", "load_sfamnet", "nonfinite_tensors", "predict", "save_model", "score_frames"]
__all__ += ["window_targets"]
