"""What the record of the released weights says, as tables and as the numbers that prose names.

Everything is worded as what the looked-at files contain: a folder with part of the release gives findings about that
part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

#: Outputs agree if they differ by less: single precision, two implementations.
TOLERANCE = 1e-5

#: SFAMNet's release: 100 folds, each with 4 and with 7 emotions.
SFAMNET_FILES = 200

_NOTHING = "none of the files given can show it"


def files(record: Mapping) -> pd.DataFrame:
    """The checkpoints that were looked at: kind and setting -> which subjects' folds."""
    rows = {}
    for emotions in sorted({row["emotions"] for row in record["sfamnet"]}):
        subjects = [row["subject"] for row in record["sfamnet"] if row["emotions"] == emotions]
        rows[f"SFAMNet, {emotions} emotions"] = len(subjects), _listed(subjects)
    for dataset in sorted({row["dataset"] for row in record["mean"]}):
        of_it = [row for row in record["mean"] if row["dataset"] == dataset]
        kinds = ", ".join(sorted({row["kind"] for row in of_it}))
        rows[f"MEAN, {dataset} ({kinds})"] = len(of_it), _listed(sorted({row["subject"] for row in of_it}))
    return pd.DataFrame(rows.values(), index=list(rows), columns=["files", "folds (subject left out)"])


def parity(record: Mapping) -> pd.DataFrame:
    """Recorded case -> what was compared, how many numbers, the largest difference, and whether it is small enough."""
    table = pd.DataFrame(
        record["parity"], columns=["case", "network", "compared", "values", "largest_difference"]
    ).set_index("case")
    table["agrees"] = table["largest_difference"] < TOLERANCE
    table["largest_difference"] = table["largest_difference"].map("{:.1e}".format)
    return table.rename(columns={"largest_difference": "largest difference"})


def findings(record: Mapping) -> pd.DataFrame:
    """Each finding: a question (index), which files were ``asked``, and what was ``found`` in them."""
    sfamnet, mean = record["sfamnet"], record["mean"]
    bad = [row for row in sfamnet if row["not_finite"]]
    rows = {
        "Do our networks give the outputs of the released code?": (
            f"recorded cases: {len(record['parity'])}",
            _parity_words(record),
        ),
        "Are all weights finite?": (
            f"files of SFAMNet: {len(sfamnet)}, of MEAN: {len(mean)}",
            _finite_words(sfamnet, mean),
        ),
        "What does a file answer that is not finite?": (
            f"files of SFAMNet: {len(bad)}, random inputs to each: {record['settings']['probes']}",
            _answer_words(bad),
        ),
        **{
            f"Does the last layer for names (fc_recog) differ from untrained values, {emotions} emotions?": _range_row(
                record, emotions, "fc_recog"
            )
            for emotions in (4, 7)
        },
        "Does the convolution before it (conv2) differ from untrained values, 7 emotions?": _range_row(
            record, 7, "conv2"
        ),
        "What do the 4-class and the 7-class file of a fold share?": _pairs_row(record["pairs"]),
        "Do MEAN's three files of a fold hold one and the same network?": (
            f"folds with all three files: {len(record['triples'])}",
            _triple_words(record["triples"]),
        ),
    }
    return pd.DataFrame(rows.values(), index=list(rows), columns=["asked", "found"])


def rules(record: Mapping) -> pd.DataFrame:
    """What the released rules can reach: the highest recall that their interval lengths allow on the labels."""
    ceilings = record["rules"]["ceilings"]
    if ceilings is None:
        return pd.DataFrame({"highest recall": []})
    rows = {
        "SFAMNet, lengths of the release": ceilings["sfamnet"],
        f"MEAN, k_p = {ceilings['k_p']} (from the corrected labels)": ceilings["mean"][str(ceilings["k_p"])],
        f"MEAN, k_p = {ceilings['k_p_raw']} (from the labels as they are)": ceilings["mean"][str(ceilings["k_p_raw"])],
    }
    return pd.DataFrame({"highest recall": rows.values()}, index=list(rows))


def quantities(record: Mapping) -> dict[str, float | int | str]:
    """The numbers that the prose of the page names, by the name under which it does."""
    noise, ceilings = record["rules"]["noise"], record["rules"]["ceilings"]
    return {
        "n_sfamnet": len(record["sfamnet"]),
        "n_sfamnet_released": SFAMNET_FILES,
        "n_mean": len(record["mean"]),
        "n_cases": len(record["parity"]),
        "n_values": sum(row["values"] for row in record["parity"]),
        "tolerance": f"{TOLERANCE:.0e}".replace("e-0", "e-"),
        "largest_difference": f"{_largest(record):.1e}" if record["parity"] else "not measured",
        "n_not_finite": sum(bool(row["not_finite"]) for row in record["sfamnet"]),
        "n_pairs": len(record["pairs"]),
        "n_finite_pairs": sum(row["finite"] for row in record["pairs"]),
        "noise_videos": noise["videos"],
        "noise_silent": noise["silent"],
        "noise_intervals": f"{noise['intervals']:.0f}",
        "n_labels": ceilings["labels"] if ceilings else "no",
        "n_labels_kept": ceilings["kept"] if ceilings else "no",
    }


def verdict(record: Mapping) -> str:
    """Whether the success criterion is met, in words (Markdown)."""
    if not record["parity"]:
        return "**Not tested:** the folder holds no recorded case (`golden/*.npz`) together with its checkpoint."
    odd = [row["case"] for row in record["parity"] if not row["largest_difference"] < TOLERANCE]
    if odd:
        return f"**Missed** in {len(odd)} of {len(record['parity'])} recorded cases: {', '.join(odd)}."
    return f"**Met** in all {len(record['parity'])} recorded cases: the largest difference is {_largest(record):.1e}."


def _largest(record: Mapping) -> float:
    return max(row["largest_difference"] for row in record["parity"])


def _parity_words(record: Mapping) -> str:
    if not record["parity"]:
        return _NOTHING
    agreeing = sum(row["largest_difference"] < TOLERANCE for row in record["parity"])
    return f"within {TOLERANCE:.0e} in {agreeing}; largest difference {_largest(record):.1e}"


def _finite_words(sfamnet: Sequence[Mapping], mean: Sequence[Mapping]) -> str:
    odd = [(f"SFAMNet {row['emotions']} emotions fold {row['subject']}", row) for row in sfamnet]
    odd += [(f"MEAN {row['dataset']} fold {row['subject']} ({row['kind']})", row) for row in mean]
    parts = [f"{name}: {len(row['not_finite'])} of {row['tensors']} tensors" for name, row in odd if row["not_finite"]]
    return "all but " + "; ".join(parts) if parts else "all"


def _answer_words(bad: Sequence[Mapping]) -> str:
    if not bad:
        return _NOTHING
    silent = sum(row["finite_scores"] == 0 and row["spots_nothing"] is True for row in bad)
    first = sum(row["classes_named"] == [0] for row in bad)
    return (
        f"{silent} of {len(bad)} never give a finite score, so no peak is found and nothing is spotted; "
        f"{first} of {len(bad)} name class 0 every time"
    )


def _triple_words(triples: Sequence[Mapping]) -> str:
    if not triples:
        return _NOTHING
    same = sum(not row["different"] for row in triples)
    return f"in {same} of {len(triples)} every tensor that two files both hold is identical bit for bit"


def _range_row(record: Mapping, emotions: int, layer: str) -> tuple[str, str]:
    found = [row[layer] for row in record["sfamnet"] if row["emotions"] == emotions and row[layer]]
    asked = f"files in which the layer is finite: {len(found)}"
    if not found:
        return asked, _NOTHING
    within = [values for values in found if values["within"]]
    words = (
        f"in {len(within)} of {len(found)} all values lie within the initial range ±{found[0]['bound']:.4f}; largest "
        f"magnitude {max(values['largest'] for values in found):.4f}"
    )
    if within:
        least = min(values["uniform_p"] for values in within)
        words += f"; even spread over the range is not contradicted (smallest p of those {len(within)}: {least:.2g})"
        if least < 0.05 / len(within):
            words = words.replace("is not contradicted", "is contradicted")
    return asked, words


def _pairs_row(pairs: Sequence[Mapping]) -> tuple[str, str]:
    finite = [row for row in pairs if row["finite"]]
    asked = f"folds with both files: {len(pairs)}, finite in both: {len(finite)}"
    if not finite:
        return asked, "only finite files can show what is shared: " + _NOTHING
    different = sorted({name for row in finite for name in row["different"]})
    same = min(len(row["identical"]) for row in finite)
    return (
        asked,
        f"at least {same} tensors bit for bit; tensors that differ in some fold: {', '.join(different) or '-'}",
    )


def _listed(subjects: Sequence[int], most: int = 12) -> str:
    shown = ", ".join(map(str, subjects[:most]))
    return shown if len(subjects) <= most else f"{shown} and {len(subjects) - most} more"
