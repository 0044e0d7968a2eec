"""``melib score`` from two files to numbers, and to one clear line where a file is bad."""

import json

import pandas as pd
import pytest

from melib.__main__ import main
from melib.metrics import _report, strs, uncertainty


@pytest.fixture
def files(tables, videos, tmp_path):
    paths = {name: str(tmp_path / f"{name}.csv") for name in ("truth", "pred", "list")}
    for name, table in zip(paths, (*tables, videos), strict=True):
        table.to_csv(paths[name], index=False)
    return paths


def printed_json(capsys, *arguments) -> dict:
    assert main(["score", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_holds_the_stable_keys_and_the_values_of_evaluate(files, tables, capsys):
    result = printed_json(capsys, files["pred"], files["truth"])
    wanted = strs.evaluate(*tables)
    assert result["false_positives_per_minute"] is None
    del wanted["false_positives_per_minute"]
    assert {key: result[key] for key in wanted} == pytest.approx(wanted)
    assert isinstance(result["tp"], int)
    assert result["intervals"] is result["chance"] is None
    assert any("--videos LIST.csv" in note for note in result["notes"])


def test_options_reach_the_metrics(files, tables, videos, capsys):
    result = printed_json(
        capsys,
        *(files["pred"], files["truth"], "--protocol", "mean", "--emotions", "negative, positive"),
        *("--videos", files["list"], "--bootstrap", "100"),
    )
    options = {"videos": videos, "emotions": ["negative", "positive"], "protocol": "mean"}
    assert {key: result[key] for key in strs.KEYS} == pytest.approx(strs.evaluate(*tables, **options))
    table = uncertainty.bootstrap(strs.tally(*tables, **options), n_resamples=100).table
    assert result["intervals"]["strs"] == pytest.approx(table.loc["strs", ["low", "high"]].tolist())
    assert result["subjects"] == 9  # the silent one counts
    for null in ("shifted", "exchanged"):
        assert result["chance"][null]["strs"]["high"] < result["strs"]
        assert result["chance"][null]["strs"]["at_chance"] is False
    assert not any("--videos" in note for note in result["notes"])


def test_the_table_shows_values_intervals_and_the_caution(files, tables, capsys):
    assert main(["score", files["pred"], files["truth"], "--bootstrap", "50"]) == 0
    text = capsys.readouterr().out
    scores = strs.evaluate(*tables)
    assert f"STRS{scores['strs']:>{41 - len('  STRS') + 2}.4f}  [" in text
    assert f"true positives{scores['tp']:>{41 - len('  true positives') + 2}d}  [" in text
    assert "Few data: 8 subjects (fewer than 30)" in text
    assert "they need the length of every video" in text.replace("\n", " ")


def test_with_a_list_of_videos_the_table_shows_false_positives_per_minute_and_chance(files, capsys):
    assert main(["score", files["pred"], files["truth"], "--videos", files["list"]]) == 0
    text = capsys.readouterr().out
    assert "false positives per minute" in text
    assert "Chance: predictions shifted in time" in text
    assert "Chance: predictions permuted among videos" in text


def test_the_table_says_which_values_are_at_chance_and_which_below(files):
    result = _report.report(files["truth"], files["pred"], videos=files["list"])
    reached = result["strs"]
    for low, high, ending in (
        (0.0, 1.0, "  at chance"),
        (reached + 0.1, 1.0, "  below chance"),
        (0.0, reached / 2, "]"),
    ):
        null = {"mean": (low + high) / 2, "low": low, "high": high, "at_chance": low <= reached <= high}
        result["chance"] = {name: {"strs": null} for name in ("shifted", "exchanged")}
        said = [line for line in _report.text(result).splitlines() if line.startswith("  STRS")]
        assert len(said) == 3, "the value itself, and each null"
        assert all(line.endswith(ending) for line in said[1:])


def test_what_is_undefined_is_neither_at_chance_nor_above(files, tables, capsys):
    tables[1][:0].to_csv(files["pred"], index=False)
    options = ("--protocol", "strs-metric", "--videos", files["list"])
    result = printed_json(capsys, files["pred"], files["truth"], *options)
    assert result["strs"] is None
    assert set(result["chance"]["shifted"]["strs"].values()) == {None}
    assert main(["score", files["pred"], files["truth"], *options]) == 0


def test_a_list_that_lacks_a_video_says_so(files, videos, tmp_path, capsys):
    videos[videos.subject != 8].to_csv(tmp_path / "short.csv", index=False)
    result = printed_json(capsys, files["pred"], files["truth"], "--videos", str(tmp_path / "short.csv"))
    assert result["chance"] is result["false_positives_per_minute"] is None
    assert any("lacks 2 of the videos scored, such as 8/v0" in note for note in result["notes"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(offset=t.onset - 1), "pred.csv, line 2: offset"),
        (lambda t: t.drop(columns="emotion"), "pred.csv, line 1: no column emotion"),
        (lambda t: t.assign(onset=["x", *t.onset[1:]]), "pred.csv, line 2: onset 'x' is not a number"),
        (lambda t: t.assign(emotion=[*t.emotion[:-1], "suprise"]), "unknown emotion 'suprise'; known are negative,"),
        (lambda t: pd.concat([t, t[:1]]), "is a duplicate of an earlier row"),
    ],
)
def test_a_bad_row_gives_one_line_and_exit_code_2(files, tables, capsys, change, words):
    change(tables[1]).to_csv(files["pred"], index=False)
    assert main(["score", files["pred"], files["truth"]]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert files["pred"] in captured.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--bootstrap", "5"), "at least 20"),
        (("--emotions", "a,,b"), "names an empty emotion"),
        (("--videos", "nowhere.csv"), "nowhere.csv"),
        (("--protocol", "lax"), "unknown protocol 'lax'"),
    ],
)
def test_bad_options_give_one_line_and_exit_code_2(files, capsys, options, words):
    assert main(["score", files["pred"], files["truth"], *options]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def test_a_truth_without_a_labelled_micro_expression_is_refused(files, tables, capsys):
    tables[0][:0].to_csv(files["truth"], index=False)
    assert main(["score", files["pred"], files["truth"]]) == 2
    assert "truth.csv, line 2: there is no labelled" in capsys.readouterr().err


def test_a_silent_system_scores_0(files, tables, capsys):
    tables[1][:0].to_csv(files["pred"], index=False)
    result = printed_json(capsys, files["pred"], files["truth"], "--videos", files["list"])
    assert (result["tp"], result["strs"], result["false_positives_per_minute"]) == (0, 0, 0)
    assert "There is no predicted interval." in result["notes"]


def test_no_emotion_and_an_unscored_one_are_answers_not_slips(files, tables, capsys):
    for answer in ("neutral", "others"):
        tables[1].assign(emotion=answer).to_csv(files["pred"], index=False)
        assert printed_json(capsys, files["pred"], files["truth"])["f1_analysis"] == 0


def test_likely_slips_are_pointed_out(files, tables, capsys):
    tables[1].assign(subject="x" + tables[1].subject.astype(str)).to_csv(files["pred"], index=False)
    result = printed_json(capsys, files["pred"], files["truth"], "--emotions", "negative,postive")
    assert any("No prediction lies in a video that has a label" in note for note in result["notes"])
    assert any("No row of either file names postive" in note for note in result["notes"])


def test_the_command_knows_every_protocol_and_every_metric(capsys):
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    assert f"{', '.join(strs.PROTOCOLS[:-1])} or {strs.PROTOCOLS[-1]}" in " ".join(capsys.readouterr().out.split())
    assert tuple(_report._TITLES) == strs.KEYS


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("protocol", strs.PROTOCOLS)
def test_few_rows_that_leave_metrics_undefined_give_no_stray_warnings(tmp_path, capsys, protocol):
    truth = pd.DataFrame({"subject": [1, 2, 3], "video": "v", "onset": 0, "offset": 9, "emotion": ["a", "b", "a"]})
    truth.to_csv(tmp_path / "truth.csv", index=False)
    truth.assign(onset=[0, 50, 60], offset=[9, 59, 69]).to_csv(tmp_path / "pred.csv", index=False)
    files = [str(tmp_path / name) for name in ("pred.csv", "truth.csv")]
    result = printed_json(capsys, *files, "--protocol", protocol, "--bootstrap", "200")
    assert result["tp"] == 1
    assert len(result["intervals"]["strs"]) == 2


def test_a_label_behind_the_listed_end_of_its_video_is_refused(files, tables, videos, capsys):
    last = tables[0].groupby(["subject", "video"])["offset"].max().loc[1, "v0"]
    first = (videos.subject.astype(str) == "1") & (videos.video == "v0")
    for frames, code in ((last - 1, 2), (last, 0)):
        videos.assign(frames=videos.frames.where(~first, frames)).to_csv(files["list"], index=False)
        assert main(["score", files["pred"], files["truth"], "--videos", files["list"]]) == code
        said = capsys.readouterr().err
        assert (f"1/v0 with {frames} frames" in said and f"up to frame {last}" in said) == (code == 2)
