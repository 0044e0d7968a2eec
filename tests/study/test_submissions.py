"""Every submission is scored, and a row of the book sent in as one gets the row's own numbers."""

import comparing
import pandas as pd
import pytest
from refusing import refused

from melib.study import places, records
from melib.study.experiments import load


@pytest.mark.parametrize("folder", sorted((places.published() / "submissions").iterdir()), ids=lambda at: at.name)
def test_a_submission_says_what_it_is_and_is_scored(folder):
    _, predictions = comparing.read(folder)
    scores = comparing.tally(predictions).scores()
    assert 0 <= scores["f1_named"] <= scores["f1_spotting"] <= 1 and scores["tp"] + scores["fn"] > 300


def test_a_row_of_the_book_sent_in_gets_its_own_numbers(tmp_path):
    row = load("window_spotter", "full").row("window")
    record = records.read_record(records.path(row, 0, places.published()))
    _, videos = comparing.tested()
    both = (table[["subject", "video"]].to_numpy().tolist() for table in (record.tables["videos"], videos))
    names = {tuple(ours): theirs for ours, theirs in zip(*both, strict=True)}
    found = record.tables["predictions"][["subject", "video", "onset", "offset", "emotion"]]
    found[["subject", "video"]] = [names[pair] for pair in zip(found["subject"], found["video"], strict=True)]
    found.to_csv(tmp_path / "predictions.csv", index=False)
    (tmp_path / "about.yml").write_text("name: a row\n")
    refused("does not say: by, date, code", comparing.read, tmp_path)
    (tmp_path / "about.yml").write_text("".join(f"{name}: something\n" for name in comparing.ABOUT))
    scores = comparing.tally(comparing.read(tmp_path)[1]).scores()
    for metric in ("f1_spotting", "strs", "false_positives_per_minute"):
        assert scores[metric] == pytest.approx(record.values["spotting_and_naming"][metric]["value"], abs=1e-9)
    for row, words in (("spNO.1001,a,3,9,happy", "spNO.1001 a is no video"), ("spNO.5001,a,3,9999,sad", "not 3..9999")):
        elsewhere = pd.DataFrame([row.split(",")], columns=found.columns).astype({"onset": int, "offset": int})
        refused(words, comparing.tally, elsewhere)
    for text, words in (("spNO.5001,a,3,9,hapy", "unknown emotion 'hapy'"), ("", "holds no interval")):
        (tmp_path / "predictions.csv").write_text(",".join(found.columns) + f"\n{text}\n")
        refused(words, comparing.read, tmp_path)
    refused("holds no about.yml", comparing.read, tmp_path / "nowhere")
