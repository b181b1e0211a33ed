"""What sharded tables refuse: settings they cannot keep, and packages of another torch."""

from __future__ import annotations

from typing import Any

import pytest

from unclicked.config import TrainConfig
from unclicked.errors import UserError
from unclicked.training.ranks import ALONE, Ranks
from unclicked.training.sharded import _worth_it
from unclicked.training.sharded_packages import refuse_sharded, refuse_versions

FITS = {"torch": "2.13.0+cpu", "torchrec": "1.8.0", "fbgemm-gpu-cpu": "1.8.0"}
TWO = Ranks(0, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"torchrec": "1.8.1"},
        {"torch": "2.13.1", "fbgemm-gpu-cpu": None, "fbgemm-gpu": "1.8.0"},
        {"torch": "2.14.0", "torchrec": "1.9.0", "fbgemm-gpu-cpu": "1.9.0"},
    ],
)
def test_packages_made_for_each_other_are_taken(changes: dict[str, str]) -> None:
    refuse_versions((FITS | changes).get)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"torchrec": None}, r"torchrec 1\.8\.0 and fbgemm-gpu-cpu 1\.8\.0, found fbgemm-gpu-cpu"),
        (
            {"fbgemm-gpu-cpu": None},
            r"found torchrec 1\.8\.0\. Run pip install fbgemm-gpu-cpu==1\.8",
        ),
        ({"fbgemm-gpu-cpu": "1.9.0"}, r"found torchrec 1\.8\.0, fbgemm-gpu-cpu 1\.9\.0\."),
        ({"torchrec": "1.9.0", "fbgemm-gpu-cpu": "1.9.0"}, r"2\.13\.0\+cpu needs torchrec 1\.8\.0"),
        # Both builds at once: the one that does not fit may be the one that loads.
        ({"fbgemm-gpu": "1.6.0"}, r"fbgemm-gpu 1\.6\.0"),
        ({"torch": "2.4.0"}, r"found torch 2\.4\.0, for which no release"),
        ({"torch": "nightly"}, r"found torch nightly"),
        ({"torch": None}, r"found torch none"),
    ],
)
def test_others_are_refused_with_what_to_install(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        refuse_versions((FITS | changes).get)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"clip_norm": 5.0}, r"found train\.clip_norm = 5.*Set train\.clip_norm = 0"),
        ({"optimizer": "adam"}, r"found train\.optimizer = adam"),
        ({"initial_accumulator": 0.0}, r"initial_accumulator = 0, expected"),
        ({"ranking_loss": "mse"}, r"found train\.ranking_loss = mse"),
    ],
)
def test_settings_that_cannot_be_kept_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        refuse_sharded(TrainConfig.model_validate({"clip_norm": 0.0} | settings), TWO)


def test_one_process_has_nothing_to_spread_over() -> None:
    with pytest.raises(UserError, match="found one process"):
        refuse_sharded(TrainConfig(clip_norm=0.0), ALONE)


def test_a_table_is_spread_where_it_is_large_and_all_ranks_get_rows() -> None:
    assert _worth_it(65_536, 2, 65_536)
    assert not _worth_it(65_535, 2, 65_536)
    # Two rows for each of the first two, none for the last.
    assert not _worth_it(4, 3, 1)
    assert _worth_it(5, 3, 1)
