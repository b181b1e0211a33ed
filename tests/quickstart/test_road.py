"""The whole road on the small log, once, and what it left and printed."""

from __future__ import annotations

import io
import json
import math
import re
import shlex
import urllib.request
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.page.document_twin import Page, number
from tests.serving.server_running import running

from unclicked.cli.main import run
from unclicked.cli.quickstart import _command, _serve_command
from unclicked.data.dataset import PreparedDataset
from unclicked.run import read_facts

SETTINGS = ("train.max_epochs=2", "model.dim=16", "train.num_negatives=50")


def printed(*words: str) -> str:
    """Stdout of a command that ends well."""
    stream = io.StringIO()
    with redirect_stdout(stream):
        assert run(list(words)) == 0
    return stream.getvalue()


@dataclass(frozen=True)
class Walked:
    """A folder and what was printed about it."""

    out: Path
    result: dict[str, Any]
    page: Page
    said: list[str]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """One quickstart."""
    out = tmp_path_factory.mktemp("quick") / "start"
    sets = [part for text in SETTINGS for part in ("--set", text)]
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        # What people are told is kept, though a machine reads.
        patch.setattr("unclicked.cli.quickstart._silent", said.append)
        text = printed("quickstart", "--out", str(out), "--preset", "tiny", *sets, "--json")
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    return Walked(out, json.loads(text), page, said)


def labels(text: str) -> list[str]:
    """What tells each line from another: its first two words, with # for any number.

    Trainings end in any order, and the verdict depends on the log.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("warning:")]
    found = [" ".join(re.sub(r"\S*\d\S*", "#", line).split()[:2]) for line in lines]
    begin, end = found.index("Three models") + 1, found.index("Test, #")
    found[begin:end] = sorted(found[begin:end])
    found[found.index("report: quickstart/report.html") - 1] = "verdict"
    return found


def test_readme_shows_what_is_printed(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unclicked.quickstart.quickstart", lambda *args, **given: walked.result)
    tail = printed("quickstart", "--out", str(walked.out)).splitlines()
    assert [line.split(":")[0] for line in tail] == ["a list", "next"]
    every = "\n".join([*walked.said, *tail]).replace(str(walked.out), "quickstart")
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    sample = readme.split("```text\n")[1].split("\n```")[0]
    # A line that is too long for the page goes on after three blanks, which no printed line has.
    assert not re.search(r"^ {3}\S", every, flags=re.MULTILINE)
    whole = re.sub(r"\n {3}(?=\S)", " ", sample)
    assert labels(whole) == labels(every)
    assert whole.splitlines()[-1] == every.splitlines()[-1]


def test_keys(walked: Walked) -> None:
    result = walked.result
    assert set(result) == {
        "out", "report", "data", "runs", "bundles", "comparisons", "recommendation",
        "seconds",
    }  # fmt: skip
    assert list(result["runs"]) == ["popularity", "base", "unclicked", "shuffled"]
    for one in result["runs"].values():
        assert {"run", "split", "users", "items", "metrics"} <= set(one)
        assert {"HR@50", "MRR@50", "R@50", "F1@50", "NDCG@50", "coverage@50"} <= set(one["metrics"])
    assert {"dataset", "rows", "users", "items", "samples", "mean_length"} <= set(result["data"])
    assert {
        "items", "ignored", "fallback", "user_id", "clicked", "long_term", "unclicked", "before",
    } == set(result["recommendation"])  # fmt: skip
    pairs = [(Path(row["base"]).name, Path(row["run"]).name) for row in result["comparisons"]]
    assert pairs == [
        pair
        for pair in (("popularity", "base"), ("base", "unclicked"), ("base", "shuffled"))
        for _ in range(3)
    ]


def test_what_is_printed_is_what_ran(walked: Walked) -> None:
    for name in ("base", "unclicked", "shuffled"):
        stored = walked.out / "runs" / name / "evaluation" / "test.json"
        assert json.loads(stored.read_text()) == walked.result["runs"][name]
    stored = walked.out / "runs" / "base" / "evaluation" / "test.json"
    popular = json.loads(stored.read_text())["popularity"]
    assert walked.result["runs"]["popularity"]["metrics"] == popular


def test_runs_differ_in_what_they_should(walked: Walked) -> None:
    configs = {
        name: read_facts(walked.out / "runs" / name).config.model_dump()
        for name in ("base", "unclicked", "shuffled")
    }
    expected = configs["unclicked"]
    assert (expected["model"]["fusion"], expected["model"]["metric"]) == ("confidence", "none")
    assert (expected["train"]["max_epochs"], expected["model"]["dim"]) == (2, 16)
    assert expected["data"]["unclicked"]["source"] == "own"
    for name, table, change in (
        ("base", "model", {"fusion": "none", "metric": "none"}),
        ("shuffled", "data", None),
    ):
        own = configs[name]
        if change is None:
            change = {"unclicked": expected["data"]["unclicked"] | {"source": "shuffled"}}
        assert own == expected | {table: expected[table] | change}


def test_page_holds_the_numbers(walked: Walked) -> None:
    runs = walked.page.tables["runs"]
    for cells, (name, one) in zip(runs[1:], walked.result["runs"].items(), strict=True):
        assert cells[0] == name
        for metric, shown in zip(runs[0][1:5], cells[1:5], strict=True):
            assert number(shown) == pytest.approx(100 * one["metrics"][metric], abs=0.00501)
    rows = walked.page.tables["comparisons"][1:]
    for cells, row in zip(rows, walked.result["comparisons"], strict=True):
        assert cells[:3] == [Path(row["run"]).name, Path(row["base"]).name, row["metric"]]
        assert number(cells[3]) == pytest.approx(100 * row["difference"], abs=0.00501)
    samples = PreparedDataset.open(walked.out / "data").splits["test"]
    told = [name for name in walked.page.tables if name.startswith("lists-")]
    assert told
    for name in told:
        assert walked.page.tables[name][0] == ["rank", "base", "unclicked"]
    parts = walked.page.tables["spread"]
    for cells in parts[1:]:
        assert sum(int(cell.split()[0].replace(",", "")) for cell in cells[1:4]) == len(samples)
    read = walked.page.tables["rows"][1]
    assert read[:2] == ["read", f"{walked.result['data']['rows']['read']:,}"]
    assert [one for one in walked.page.references if not one.startswith(("#", "data:,"))] == []


def test_story_knows_no_future(walked: Walked) -> None:
    story = walked.result["recommendation"]
    table = pq.read_table(walked.out / "log" / "impressions.parquet")
    shown = sorted(
        (row["timestamp"], row["item_id"], row["clicked"])
        for row in table.filter(pc.equal(table["user_id"], story["user_id"])).to_pylist()
    )
    clicks = [(time, item) for time, item, clicked in shown if clicked]
    midnight = shown[-1][0].replace(hour=0, minute=0, second=0, microsecond=0)
    # Her known clicks are a stretch of her clicks that ends on the test day, before others.
    size = len(story["clicked"])
    ends = [
        end
        for end in range(size, len(clicks))
        if [item for _, item in clicks[end - size : end]] == story["clicked"]
        and clicks[end - 1][0] >= midnight
    ]
    assert len(ends) == 1
    moment = clicks[ends[0] - 1][0]
    # Her earlier clicks are those right before this stretch, a week back from its first click.
    first = ends[0] - size
    week = clicks[first][0] - timedelta(days=7)
    assert story["long_term"] == [item for time, item in clicks[:first] if time >= week]
    assert story["long_term"]
    held_out = sum(time >= midnight for time, _ in clicks)
    assert held_out - (len(clicks) - ends[0]) <= math.ceil(0.25 * held_out)
    begin = moment - timedelta(days=3)
    known = [(item, clicked) for time, item, clicked in shown if begin <= time < moment]
    for item in story["unclicked"]:
        assert known.count((item, False)) >= 2
        assert (item, True) not in known


def test_story_is_the_prepared_sample(walked: Walked) -> None:
    data = PreparedDataset.open(walked.out / "data")
    samples, story = data.splits["test"], walked.result["recommendation"]
    user = int(data.users.encode([story["user_id"]])[0]) - 1
    (place,) = np.flatnonzero(samples.user == user).tolist()
    row = samples.row_now[samples.position_offsets[place + 1] - 1]
    clicked = data.click_item[samples.start[place] : samples.end[place]]
    unclicked = samples.row_items[samples.row_offsets[row] : samples.row_offsets[row + 1]]
    earlier = data.click_item[samples.long_start[place] : samples.start[place]]
    assert story["long_term"] == data.catalogue.items.decode(earlier.tolist())
    assert story["clicked"] == data.catalogue.items.decode(clicked.tolist())
    assert story["unclicked"] == data.catalogue.items.decode(unclicked.tolist())
    assert len(clicked) >= 3
    assert len(unclicked) >= 20


def test_next_command_is_short_and_works(walked: Walked) -> None:
    story = walked.result["recommendation"]
    command = _command(walked.out, story)
    assert len(command) - len(str(walked.out)) < 120
    words = shlex.split(command)
    assert words[-5] == ",".join(story["clicked"][-2:])
    assert words[-4:-2] == ["--long-term", ",".join(story["long_term"][-2:])]
    assert words[-1] == ",".join(story["unclicked"][-2:])
    answer = json.loads(printed(*words[1:], "--json"))
    assert answer["ignored"] == {"clicked": [], "unclicked": []}
    assert (len(answer["items"]), answer["fallback"]) == (10, False)


def test_bundles_answer_as_the_runs_do(walked: Walked) -> None:
    bundles, story = walked.result["bundles"], walked.result["recommendation"]
    assert list(bundles) == ["unclicked", "base"]
    clicked = ["--clicked", ",".join(story["clicked"]), "--json"]
    for name, bundle in bundles.items():
        run_ = str(walked.out / "runs" / name)
        assert printed("recommend", bundle, *clicked) == printed("recommend", run_, *clicked)
    words = shlex.split(_serve_command(walked.out, bundles))
    assert all(Path(path).is_dir() for path in (words[2], words[4], words[6]))


@pytest.mark.slow
def test_the_command_that_it_names_serves_page_and_lists(walked: Walked) -> None:
    story = walked.result["recommendation"]
    words = shlex.split(_serve_command(walked.out, walked.result["bundles"]))
    assert words[:2] == ["unclicked", "serve"]
    with running(Path(words[2]), *words[3:]) as url:
        with urllib.request.urlopen(f"{url}/", timeout=10) as page:
            assert b"<title>" in page.read()
        answers = {}
        for model in ("main", "beside"):
            body = {"model": model, "top_k": 10}
            body |= {name: story[name] for name in ("clicked", "unclicked", "long_term")}
            asked = urllib.request.Request(
                f"{url}/recommend", json.dumps(body).encode(), {"content-type": "application/json"}
            )
            with urllib.request.urlopen(asked, timeout=10) as answer:
                answers[model] = [one["item_id"] for one in json.load(answer)["items"]]
        with urllib.request.urlopen(f"{url}/examples", timeout=10) as examples:
            assert json.load(examples)["source"] == "dataset"
    assert answers["main"] == [one["item_id"] for one in story["items"]]
    assert answers["beside"] != answers["main"]


def test_recommend_gives_the_story_s_lists(walked: Walked) -> None:
    story = walked.result["recommendation"]
    words = ["recommend", str(walked.out / "runs" / "unclicked"), "--json"]
    words += ["--clicked", ",".join(story["clicked"])]
    words += ["--long-term", ",".join(story["long_term"])]
    answer = json.loads(printed(*words, "--unclicked", ",".join(story["unclicked"])))
    assert [one["item_id"] for one in answer["items"]] == [one["item_id"] for one in story["items"]]
    alone = json.loads(printed(*words))
    assert [one["item_id"] for one in alone["items"]] == [one["item_id"] for one in story["before"]]


def test_a_wrong_setting_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "start"
    for text in ("model.dimm=16", "model.dim"):
        assert run(["quickstart", "--out", str(out), "--set", text]) == 2
        assert capsys.readouterr().err.startswith("error[CONFIG-")
    assert not out.exists()
