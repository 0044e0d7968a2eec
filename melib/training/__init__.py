"""Training on NumPy arrays: pseudo-labels, splits by subject, batches, losses and the loop.

Samples are planes ``(N, 3, 42, 42)`` and come in as arrays or memory maps; batches of them go to the device. A seed
fixes every bit of a result on the CPU; no global random state is touched.
"""

from melib.models import choose_device, predict
from melib.training.floor import Floor, region_means, train_floor
from melib.training.folds import group_folds, loso
from melib.training.labels import class_index, half_length, sfamnet_labels, spotting_targets
from melib.training.mean import MEANSettings, retrain_recognition, train_mean
from melib.training.sampling import downsample_negatives
from melib.training.sfamnet import SFAMNetSettings, train_sfamnet
from melib.training.window import WindowSettings, train_window

__all__ = ["Floor", "MEANSettings", "SFAMNetSettings", "WindowSettings", "choose_device", "class_index"]
__all__ += ["downsample_negatives", "group_folds", "half_length", "loso", "predict", "region_means"]
__all__ += ["retrain_recognition", "sfamnet_labels", "spotting_targets", "train_floor", "train_mean", "train_sfamnet"]
__all__ += ["train_window"]
