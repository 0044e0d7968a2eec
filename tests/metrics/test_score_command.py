"""``melib score`` from two files to numbers, and to one clear line where a file is bad."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from melib.__main__ import main
from melib.metrics import _report, chance, strs, uncertainty


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    for null in (chance.shifted, chance.exchanged):
        monkeypatch.setitem(null.__kwdefaults__, "n_draws", 20)


@pytest.fixture
def tables(drawn_tables):
    return drawn_tables(np.random.default_rng(3), subjects=20)  # as many as an interval needs


@pytest.fixture
def files(tables, videos, tmp_path):
    paths = {name: str(tmp_path / f"{name}.csv") for name in ("truth", "pred", "list")}
    for name, table in zip(paths, (*tables, videos), strict=True):
        table.to_csv(paths[name], index=False)
    return paths


@pytest.fixture
def run(files, capsys):
    """The exit code and what is said, on both streams, of the command on the files."""

    def run(*options):
        code = main(["score", files["pred"], files["truth"], *options])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def scored(run):
    def scored(*options):
        code, out, _ = run(*options, "--json")
        assert code == 0
        return json.loads(out)

    return scored


def test_json_holds_the_stable_keys_and_the_values_of_evaluate(scored, tables):
    result, wanted = scored(), strs.evaluate(*tables)
    assert result["false_positives_per_minute"] is None
    del wanted["false_positives_per_minute"]
    assert {key: result[key] for key in wanted} == pytest.approx(wanted)
    assert isinstance(result["tp"], int)
    assert result["intervals"] is result["chance"] is None
    assert any("--videos LIST.csv" in note for note in result["notes"])


def test_options_reach_the_metrics(scored, files, tables, videos):
    given = ("--protocol", "mean", "--emotions", "negative, positive", "--videos", files["list"], "--bootstrap", "100")
    result = scored(*given)
    options = {"videos": videos, "emotions": ["negative", "positive"], "protocol": "mean"}
    assert {key: result[key] for key in strs.KEYS} == pytest.approx(strs.evaluate(*tables, **options))
    table = uncertainty.bootstrap(strs.tally(*tables, **options), n_resamples=100).table
    assert result["intervals"]["strs"] == pytest.approx(table.loc["strs", ["low", "high"]].tolist())
    assert result["subjects"] == 21  # the silent one counts
    for null in ("shifted", "exchanged"):
        assert result["chance"][null]["strs"]["high"] < result["strs"]
        assert result["chance"][null]["strs"]["at_chance"] is False
    assert not any("--videos" in note for note in result["notes"])


def test_the_table_shows_values_intervals_the_caution_and_with_a_list_of_videos_chance(run, files, tables):
    scores = strs.evaluate(*tables)
    _, text, _ = run("--bootstrap", "50")
    assert re.search(rf"^  STRS +{scores['strs']:.4f}  \[", text, re.MULTILINE)
    assert re.search(rf"^  true positives +{scores['tp']}  \[", text, re.MULTILINE)
    assert "Few data: 20 subjects (fewer than 30)" in text
    assert "they need the length of every video" in text.replace("\n", " ")
    _, text, _ = run("--videos", files["list"])
    for words in ("false positives per minute", "Chance: predictions shifted in time", "permuted among videos"):
        assert words in text


def test_the_table_says_which_values_are_at_chance_and_which_below(files):
    result = _report.report(files["truth"], files["pred"], videos=files["list"])
    reached = result["strs"]
    for low, high, ending in ((0, 1, "  at chance"), (reached + 0.1, 1, "  below chance"), (0, reached / 2, "]")):
        null = {"mean": (low + high) / 2, "low": low, "high": high, "at_chance": low <= reached <= high}
        result["chance"] = {name: {"strs": null} for name in ("shifted", "exchanged")}
        said = [line for line in _report.text(result).splitlines() if line.startswith("  STRS")]
        assert len(said) == 3, "the value itself, and each null"
        assert all(line.endswith(ending) for line in said[1:])


def test_a_silent_system_scores_0_and_what_is_undefined_is_neither_at_chance_nor_above(run, scored, files, tables):
    tables[1][:0].to_csv(files["pred"], index=False)
    result = scored("--videos", files["list"])
    assert (result["tp"], result["strs"], result["false_positives_per_minute"]) == (0, 0, 0)
    assert "There is no predicted interval." in result["notes"]
    released = ("--protocol", "strs-metric", "--videos", files["list"])
    result = scored(*released)
    assert result["strs"] is None
    assert set(result["chance"]["shifted"]["strs"].values()) == {None}
    assert run(*released)[0] == 0, "a table has words for it"


def test_a_list_that_lacks_a_video_says_so(scored, files, videos):
    videos[videos.subject != 20].to_csv(files["list"], index=False)
    result = scored("--videos", files["list"])
    assert result["chance"] is result["false_positives_per_minute"] is None
    assert any("lacks 2 of the videos scored, such as 20/v0" in note for note in result["notes"])


def test_a_video_without_prediction_may_be_misspelt_unless_a_list_has_it(scored, files, tables):
    tables[1][tables[1].subject != tables[1].subject[0]].to_csv(files["pred"], index=False)
    noted = [scored(*how)["notes"] for how in ((), ("--videos", files["list"]))]
    assert [any("spelling right" in note for note in notes) for notes in noted] == [True, False]


@pytest.mark.parametrize(
    ("file", "change", "options", "words"),
    [
        ("pred", lambda t: t.assign(offset=t.onset - 1), (), "pred.csv, line 2: offset"),
        ("pred", lambda t: t.assign(emotion=[*t.emotion[:-1], "suprise"]), (), "unknown emotion 'suprise'; known are"),
        ("truth", lambda t: t[:0], (), "truth.csv, line 2: there is no labelled"),
        ("truth", lambda t: t, ("--bootstrap", "5"), "at least 20"),
        ("truth", lambda t: t, ("--videos", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_a_bad_row_or_option_gives_one_line_and_exit_code_2(run, files, tables, file, change, options, words):
    change(tables[file == "pred"]).to_csv(files[file], index=False)
    code, out, said = run(*options)
    assert (code, out) == (2, "")
    assert words in said and said.count("\n") == 1


def test_a_label_behind_the_listed_end_of_its_video_is_refused(run, files, tables, videos):
    last = tables[0].groupby(["subject", "video"])["offset"].max().loc[1, "v0"]
    first = (videos.subject.astype(str) == "1") & (videos.video == "v0")
    for frames, wanted in ((last - 1, 2), (last, 0)):
        videos.assign(frames=videos.frames.where(~first, frames)).to_csv(files["list"], index=False)
        code, _, said = run("--videos", files["list"])
        assert code == wanted
        assert (f"1/v0 with {frames} frames" in said and f"up to frame {last}" in said) == (code == 2)


def test_no_emotion_and_an_unscored_one_are_answers_and_likely_slips_are_pointed_out(scored, files, tables):
    for answer in ("neutral", "others"):
        tables[1].assign(emotion=answer).to_csv(files["pred"], index=False)
        assert scored()["f1_analysis"] == 0
    tables[1].assign(subject="x" + tables[1].subject.astype(str)).to_csv(files["pred"], index=False)
    notes = scored("--emotions", "negative,postive")["notes"]
    assert any("No prediction lies in a video that has a label" in note for note in notes)
    assert any("No row of either file names postive" in note for note in notes)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("protocol", strs.PROTOCOLS)
def test_few_rows_that_leave_metrics_undefined_give_no_stray_warnings(scored, files, protocol):
    truth = pd.DataFrame({"subject": [1, 2, 3], "video": "v", "onset": 0, "offset": 9, "emotion": ["a", "b", "a"]})
    truth.to_csv(files["truth"], index=False)
    truth.assign(onset=[0, 50, 60], offset=[9, 59, 69]).to_csv(files["pred"], index=False)
    result = scored("--protocol", protocol, "--bootstrap", "100")
    assert result["tp"] == 1
    assert result["intervals"] is None and any("no interval is given" in note for note in result["notes"])
