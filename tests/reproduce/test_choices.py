"""Choices as a file: what was chosen reads back, and what nothing could take is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from unclicked.errors import UserError
from unclicked.reproduce.choices import read_choices, write_choices

CHOSEN = {
    "sdm": {"train.optimizer": "adam", "train.learning_rate": 1e-05},
    "sdm confidence symmetric model.metric_labels=permuted": {
        "train.optimizer": "adam",
        "train.learning_rate": 1e-05,
        "model.metric_weight": 0.1,
        "model.metric_grad_cap": 0.0,
    },
}


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table2-choices.toml"
    write_choices(path, CHOSEN, "On a log.\nOr two.")
    read = read_choices(path)
    assert read.source == "table2-choices.toml"
    assert read.settings == CHOSEN
    assert path.read_text(encoding="utf-8").splitlines()[1] == '# "On a log.\\nOr two."'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[sdn]\n"train.learning_rate" = 0.1', 'found the table "sdn"'),
        ('[sdn]\n"train.learning_rate" = 0.1', 'as in "sdm"'),
        ('["gru4rec confidence"]\n"train.learning_rate" = 0.1', 'as in "gru4rec confidence symm'),
        ('["sdm confidence triplet"]\n"train.learning_rate" = 0.1', "a fusion and a metric loss"),
        ("sdm = 3", "found 3, expected a table of settings"),
        ("[sdm]", "found {}, expected a table of settings"),
        ("[sdm]\ntrain.learning_rate = 0.1", "found 'train', expected one of train.optimizer"),
        ('[sdm]\n"train.seed" = 7', "found 'train.seed', expected one of train.optimizer"),
        (
            '[sdm]\n"model.metric_weight" = 7',
            "expected one of train.optimizer, train.learning_rate,",
        ),
        ('["sdm none none"]\n"train.learning_rate" = 0.1', 'found the table "sdm none none"'),
        ('["sdm confidence symmetric x=1"]\n"train.learning_rate" = 0.1', "x=1"),
        (
            '["sdm confidence none model.metric_labels=permuted"]\n"train.learning_rate" = 1',
            "found",
        ),
        ("# nothing", "has no table of choices"),
        ("[sdm", "is no valid TOML"),
        ("[sdm", "A study that chooses leaves one in its folder"),
    ],
)
def test_what_nothing_could_take_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_choices(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.toml.*cannot be read"):
        read_choices(tmp_path / "nowhere.toml")
