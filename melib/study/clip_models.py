"""What learns on clips: two classifiers on mean motion, the networks, and rows that look at no motion.

``floor``
    Mean motion of four regions and logistic regression, the floor of :mod:`melib.training`.
``grid``
    The same with 36 cells and a stronger regularisation (:data:`STRENGTH`). It is what the sweeps use: cheap, and free
    to give a useless plane little weight.
``mean``, ``sfamnet``
    The networks. MEAN's spotting stage, from which recognition inherits, learns moving against still pairs of the
    training clips; SFAMNet learns both tasks on them at once, still pairs being neutral.
``action units``
    The same classifier given the true action units and their strength: what perfect sight of them would be worth.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from melib.models import predict
from melib.study.clip_sheets import CELLS, grid_means
from melib.study.clips import MOVING, NETWORKS, STILL, ClipParameters, ClipSamples
from melib.study.parameters import CLASSES, LEARNING_RATES
from melib.synthetic.action_units import OPPOSITES
from melib.synthetic.head import load_head
from melib.training import MEANSettings, SFAMNetSettings, retrain_recognition, train_mean, train_sfamnet

#: Inverse strength of the grid's regularisation. It is one constant, tried on training subjects alone: where each row
#: chose its own on few subjects, the choice made larger differences than what the rows were to be compared for.
STRENGTH = 0.01


def answer(parameters: ClipParameters, train: ClipSamples, test: ClipSamples) -> tuple[np.ndarray, list[np.ndarray]]:
    """What a model that learnt on the training clips says of the tested ones.

    Returns
    -------
    answers : numpy.ndarray
        Names ``(N,)``, or for spotting ``(2N,)`` with the moving pairs first.
    controls : list of numpy.ndarray
        The same after learning from shuffled labels, once a draw; none unless the row asks for controls.
    """
    if parameters.model in NETWORKS:
        return _network(parameters, train, test)
    draws = parameters.sizes.floor_draws if parameters.controls else 0
    dealt = (train.shuffled(parameters.seed, draw) for draw in range(draws))
    return _classify(parameters, train, test), [_classify(parameters, each, test) for each in dealt]


def mean_motion(planes: np.ndarray, cells: int) -> np.ndarray:
    """Mean motion in so many cells down and across: ``(N, 3 * cells ** 2)`` from ``(N, 3, side, side)``."""
    means = planes if planes.shape[-1] == CELLS else grid_means(planes)
    side = CELLS // cells
    means = np.asarray(means, np.float64).reshape(len(means), 3, cells, side, cells, side).mean((3, 5))
    return means.reshape(len(means), -1)


def action_unit_strengths(samples: ClipSamples) -> np.ndarray:
    """Millimetres of each true action unit, left and right apart: ``(N, K)``."""
    names = [*load_head().action_units, *OPPOSITES]
    found = np.zeros((len(samples.clips), len(names)))
    for row, clip in zip(found, samples.clips, strict=True):
        event = clip.events[0]
        for label, intensity in event.intensities:
            row[names.index(label)] = event.amplitude_mm * intensity
    return found


def _classify(parameters: ClipParameters, train: ClipSamples, test: ClipSamples) -> np.ndarray:
    known, asked = (_inputs(parameters, samples) for samples in (train, test))
    pairs = parameters.question == "spotting"
    labels = np.repeat([MOVING, STILL], len(train.clips)) if pairs else train.emotions
    # The few numbers of the floor and of the action units need no more than the floor's regularisation.
    strength = STRENGTH if parameters.model == "grid" else 1.0
    classifier = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
    return make_pipeline(StandardScaler(), classifier).fit(known, labels).predict(asked)


def _inputs(parameters: ClipParameters, samples: ClipSamples) -> np.ndarray:
    if parameters.model == "action units":
        return action_unit_strengths(samples)
    pairs = range(2 if parameters.question == "spotting" else 1)
    planes = np.concatenate([samples.planes[:, pair] for pair in pairs])
    return mean_motion(planes, 2 if parameters.model == "floor" else CELLS)


def _network(parameters: ClipParameters, train: ClipSamples, test: ClipSamples) -> tuple[np.ndarray, list[np.ndarray]]:
    model, controls = _trained(parameters, train), []
    for draw in range(parameters.sizes.network_draws if parameters.controls else 0):
        dealt = train.shuffled(parameters.seed, draw)
        if parameters.model == "sfamnet":
            control = _trained(parameters, dealt)
        else:  # MEAN keeps what it has learnt of spotting, on which its recognition stands
            settings = _settings(parameters)
            labels = _codes(parameters, dealt)
            control, _ = retrain_recognition(model, dealt.planes[:, 0], labels, settings=settings, seed=parameters.seed)
        controls.append(_named(parameters, control, test))
    return _named(parameters, model, test), controls


def _settings(parameters: ClipParameters) -> MEANSettings | SFAMNetSettings:
    sizes, rate = parameters.sizes, LEARNING_RATES[parameters.model]
    steps = max(1, round(parameters.effort * sizes.steps))
    if parameters.model == "sfamnet":
        return SFAMNetSettings(steps=steps, batch=sizes.batch, rate=rate)
    return MEANSettings(spot_steps=steps, recognition_steps=steps, batch=sizes.batch, rate=rate)


def _codes(parameters: ClipParameters, samples: ClipSamples) -> np.ndarray:
    names = CLASSES[parameters.classes]
    return np.array([names.index(emotion) for emotion in samples.emotions])


def _trained(parameters: ClipParameters, train: ClipSamples):
    classes, labels = len(CLASSES[parameters.classes]), _codes(parameters, train)
    both = np.concatenate([train.planes[:, 0], train.planes[:, 1]])
    targets = np.repeat([1.0, 0.0], len(train.clips)).astype(np.float32)
    settings, common = _settings(parameters), {"seed": parameters.seed, "device": "cpu"}
    if parameters.model == "mean":
        return train_mean(both, targets, train.planes[:, 0], labels, classes=classes, settings=settings, **common)[0]
    frame_labels = np.concatenate([labels, np.full(len(labels), classes)])
    return train_sfamnet(
        both, targets, frame_labels, train.planes[:, 0], labels, classes=classes + 1, settings=settings, **common
    )[0]


def _named(parameters: ClipParameters, model, test: ClipSamples) -> np.ndarray:
    names = np.array(parameters.names)
    _, logits = predict(model, test.planes[:, 0], device="cpu")
    # That there is an expression is given, so neutral, SFAMNet's last class, is no answer.
    return names[logits[:, : len(names)].argmax(axis=1)]
