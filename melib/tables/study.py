"""What pages say about the run of one experiment, made from its record alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

#: Metric -> its name in a table.
_NAMES = {
    "tp": "True positives",
    "fp": "False positives",
    "fn": "Missed",
    "false_positives_per_minute": "False positives per minute",
    "precision_spotting": "Precision of spotting",
    "recall_spotting": "Recall of spotting",
    "f1_spotting": "F1 of spotting",
    "f1_analysis": "F1 of analysis",
    "uf1_analysis": "UF1 of analysis",
    "uar_analysis": "UAR of analysis",
    "strs": "STRS",
    "f1_named": "F1 of named intervals",
    "roc_auc_frames": "ROC-AUC of frames",
    "average_precision_frames": "Average precision of frames",
    "uf1_pooled": "UF1, expressions given",
    "uar_pooled": "UAR, expressions given",
}
_NETWORKS = {"mean": "MEAN", "sfamnet": "SFAMNet", "floor": "none: the floor, a classifier of mean motion"}
_COUNTS = ("tp", "fp", "fn")
#: Per-frame ROC-AUC that the spotter must exceed on the suite ``sanity``.
SANITY_ROC_AUC = 0.9
#: ROC-AUC of a score that knows nothing.
COIN = 0.5


#: Said on every page about people who were filmed.
NOT_FOR_PUBLICATION = "made from licensed data: not for publication"


def describe(record: Mapping) -> pd.DataFrame:
    """What the experiment was made of: data, people, labels, network and cost."""
    counts, parameters, dataset = record["counts"], record["parameters"], record["dataset"]
    design = {
        "fresh": "fresh test subjects",
        "loso": "leave one subject out",
    }[parameters["split"]]
    rows = {
        **({} if dataset["synthetic"] else {"Use": NOT_FOR_PUBLICATION}),
        "Data": f"{dataset['name']} {dataset['version']}" + (", synthetic faces" if dataset["synthetic"] else ""),
        **_account(dataset),
        "Design": design,
        "Tested subjects": counts["subjects"],
        "Tested videos": f"{counts['videos']} ({counts['minutes']:.1f} minutes)",
        "Micro-expressions in them": counts["micro_expressions"],
        "Macro-expressions in them": counts["macro_expressions"],
        "Expressions given for recognition": counts["given_expressions"],
        "Network": _NETWORKS[parameters["model"]],
        "Input": _input_words(parameters),
        "Intervals": _rule_words(parameters, record["rules"]),
        "Normalization, stabilization": f"{parameters['normalization']}, {parameters['stabilization']}",
        "k_p from the training subjects (frames)": ", ".join(map(str, sorted(set(record["k_p"])))),
        "Seed, device": f"{parameters['seed']}, {record['provenance']['device']}",
        "Time": f"{record['seconds']:.0f} s",
    }
    return _two_columns(rows)


def spot_then_recognize(record: Mapping) -> pd.DataFrame:
    """The main numbers, each with its interval over subjects, the floor beside it, and what luck scores.

    The floor (logistic regression on the mean motion of four face regions) learns from the same samples and is tested
    under the same rule; the difference is paired over subjects. Where the floor is itself the model, both columns are
    left out.
    """
    parts = {
        "spotting_and_naming": (
            *_COUNTS,
            "false_positives_per_minute",
            "precision_spotting",
            "recall_spotting",
            "f1_spotting",
            "f1_analysis",
            "uf1_analysis",
            "strs",
            "f1_named",
        ),
        "frames_smoothed": ("roc_auc_frames", "average_precision_frames"),
        "frames": ("roc_auc_frames", "average_precision_frames"),
        "recognition": ("uf1_pooled", "uar_pooled"),
    }
    chance = {"spotting_and_naming": "shifted", "recognition": "guessed"}
    suffix = {"frames_smoothed": ", smoothed score", "frames": ", raw score"}
    rows = []
    for part, keys in parts.items():
        null = record["chance"][chance[part]] if part in chance else {}
        rows += [_row(record, part, key, null.get(key), suffix.get(part, "")) for key in keys]
    return _indexed(rows)


def controls(record: Mapping) -> pd.DataFrame:
    """Recognition of given expressions beside the checks that should find nothing."""
    rows = []
    for key in ("uf1_pooled", "uar_pooled"):
        row = {
            "Metric": _NAMES[key],
            "Trained on true labels": number(record["recognition"][key]["value"]),
            **_shuffled_mean("Trained on shuffled labels", record["shuffled"], key),
        }
        if record["floor"] is not None:
            row |= _shuffled_mean("Floor on shuffled labels", record["floor"]["shuffled"], key)
        row["Guessing by frequency (95 %)"] = span(record["chance"]["guessed"][key])
        row["Always the commonest"] = number(record["chance"]["majority"][key]["mean"])
        rows.append(row)
    return _indexed(rows)


def _shuffled_mean(words: str, draws: Sequence[Mapping[str, float]], key: str) -> dict[str, str]:
    return {f"{words} (mean of {len(draws)})": number(sum(draw[key] for draw in draws) / len(draws))}


def shuffled_at_chance(record: Mapping) -> bool:
    """Whether UF1 after training on shuffled labels, meaned over draws, is no better than 95 % of lucky guesses."""
    draws = [draw["uf1_pooled"] for draw in record["shuffled"]]
    return sum(draws) / len(draws) <= record["chance"]["guessed"]["uf1_pooled"]["high"]


def cautions(record: Mapping) -> str:
    """What must be said beside the numbers because of few data (Markdown)."""
    return "\n\n".join(record["cautions"]) or "No caution: enough subjects and true positives."


def verdict(record: Mapping) -> str:
    """The success criteria beside what came out, in words (Markdown)."""
    auc, raw = (record[part]["roc_auc_frames"] for part in ("frames_smoothed", "frames"))
    strs, null = record["spotting_and_naming"]["strs"], record["chance"]["shifted"]["strs"]
    named, guess = record["recognition"]["uf1_pooled"], record["chance"]["guessed"]["uf1_pooled"]
    lines = [
        f"- **Spotting.** ROC-AUC of frames {number(auc['value'])} ({span(auc)}) on people never seen, "
        f"{number(raw['value'])} before smoothing: {against_half(auc)}.",
        f"- **Spot, then recognize.** STRS {number(strs['value'])} ({span(strs)}); the same intervals at random "
        f"times with random names reach {span(null)}: {against_chance(strs, null)}.",
        f"- **Recognition of given expressions.** UF1 {number(named['value'])} ({span(named)}); guessing by "
        f"frequency reaches {span(guess)}: {against_chance(named, guess)}.",
        *_against_floor(record),
        "- **Control.** Recognition trained on shuffled labels "
        + ("is at chance, as it must be." if shuffled_at_chance(record) else "is **above chance: something leaks**."),
    ]
    if record["dataset"]["synthetic"] and record["parameters"]["suite"] == "sanity":
        met = auc["value"] > SANITY_ROC_AUC
        lines.append(
            f"- **Criterion of the suite sanity** (ROC-AUC above {SANITY_ROC_AUC}): "
            + ("met." if met else "**missed.**")
        )
    if not record["dataset"]["synthetic"]:
        lines.append(f"- **{NOT_FOR_PUBLICATION.capitalize()}**.")
    else:
        lines.append("- All of this is measured on synthetic faces and says nothing about filmed ones.")
    return "\n".join(lines)


def _account(dataset: Mapping) -> dict[str, str]:
    """What was used of the label files of a licensed dataset; nothing for the benchmark."""
    if dataset["synthetic"]:
        return {}
    labels = dataset["labels"]
    words = f"{labels['used']} used, {labels['skipped']} rows skipped, {labels['values_changed']} values changed"
    return {"Labels": words, "Videos or folders left out": str(labels["videos_left_out"])}


def _rule_words(parameters: Mapping, rules: Sequence[Mapping]) -> str:
    """Whose rule makes intervals and who chose its constants."""
    owner = parameters["model"] if parameters["intervals_by"] == "own" else parameters["intervals_by"]
    # The floor has no rule of its own: it takes MEAN's.
    words = f"{_NETWORKS['mean' if owner == 'floor' else owner]}'s rule, "
    if parameters["rule"] == "authors":
        return words + "constants of the release"
    thresholds = [rule["threshold"] for rule in rules]
    spread = number(thresholds[0]) if len(rules) == 1 else f"{number(min(thresholds))} to {number(max(thresholds))}"
    return words + f"constants chosen on training subjects only (threshold {spread})"


def _against_floor(record: Mapping) -> list[str]:
    """What the network adds to the floor, in words; nothing where the floor is the model."""
    if record["floor"] is None:
        return []
    said = []
    for name, part, key in (
        ("per-frame ROC-AUC", "frames_smoothed", "roc_auc_frames"),
        ("F1 of spotting", "spotting_and_naming", "f1_spotting"),
        ("STRS", "spotting_and_naming", "strs"),
        ("UF1 of given expressions", "recognition", "uf1_pooled"),
    ):
        difference = record["minus_floor"][part][key]
        said.append(f"{name} {number(difference['value'], sign=True)} ({span(difference)}), {_sign(difference)}")
    return ["- **Network minus floor** (logistic regression on mean motion): " + "; ".join(said) + "."]


def _sign(difference: Mapping[str, float | None]) -> str:
    if difference["low"] is None or difference["high"] is None:
        return "undefined"
    if difference["low"] > 0:
        return "better"
    return "worse" if difference["high"] < 0 else "not told apart"


def _input_words(parameters: Mapping) -> str:
    joined = ", a network for each and the mean of their answers" if "|" in parameters["input"] else ""
    return f"{parameters['input'].replace('|', ' and ')}{joined}; optical flow by {parameters['method']}"


def against_chance(interval: Mapping[str, float | None], null: Mapping[str, float | None]) -> str:
    """Whether a metric is above chance: its whole interval has to lie above the range of chance.

    Parameters
    ----------
    interval : mapping
        ``value, low, high`` of the metric; None where undefined.
    null : mapping
        ``low, high``: what 95 % of lucky answers reach.

    Returns
    -------
    str
        ``"above chance"``, ``"above chance by its value alone"`` (the interval reaches into the range of chance),
        ``"below chance"``, ``"not told from chance"`` or, where there is nothing to compare, ``"undefined"``.
    """
    value, low, high = (interval[key] for key in ("value", "low", "high"))
    if any(each is None or pd.isna(each) for each in (value, null["low"], null["high"])):
        return "undefined"
    if low is not None and low > null["high"]:
        return "above chance"
    if high is not None and high < null["low"]:
        return "below chance"
    return "above chance by its value alone" if value > null["high"] else "not told from chance"


def against_half(interval: Mapping[str, float | None]) -> str:
    """Where the interval of a ROC-AUC lies beside the 0.5 of a score that knows nothing."""
    low, high = interval["low"], interval["high"]
    if low is None or high is None:
        return "undefined, so nothing is said beside the 0.5 of a coin"
    if low > COIN:
        return "above the 0.5 of a coin"
    return "below the 0.5 of a coin" if high < COIN else "its interval holds the 0.5 of a coin"


def _row(record: Mapping, part: str, key: str, null: Mapping[str, float] | None, suffix: str) -> dict[str, str]:
    digits = 0 if key in _COUNTS else 3
    interval = record[part][key]
    row = {
        "Metric": _NAMES[key] + suffix,
        "Value": number(interval["value"], digits),
        "95 % over subjects": span(interval, digits),
    }
    if record["floor"] is not None:
        difference = record["minus_floor"][part][key]
        row["Floor"] = number(record["floor"][part][key]["value"], digits)
        row["Value minus floor (95 %)"] = (
            f"{number(difference['value'], digits, sign=True)} ({span(difference, digits)})"
        )
    return {**row, "Chance (95 %)": "" if null is None else span(null, digits)}


def metric_name(metric: str) -> str:
    """What tables call a metric."""
    return _NAMES.get(metric, metric)


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> str:
    """A number as tables write it; what is undefined (None or NaN) is called so."""
    if value is None or pd.isna(value):
        return "undefined"
    return f"{value:{'+' if sign else ''}.{digits}f}"


def span(interval: Mapping[str, float | None], digits: int = 3) -> str:
    """The limits of an interval as tables write them."""
    return f"{number(interval['low'], digits)} to {number(interval['high'], digits)}"


def with_interval(difference: Mapping[str, float | None]) -> str:
    """A signed difference with its interval: ``+0.020 (-0.010 to 0.050)``."""
    return f"{number(difference['value'], sign=True)} ({span(difference)})"


def _indexed(rows: list[dict[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows).set_index("Metric").rename_axis(None)


def _two_columns(rows: Mapping[str, object]) -> pd.DataFrame:
    return pd.DataFrame({"": [str(value) for value in rows.values()]}, index=list(rows))
