"""Comparison of stored evaluations that are written here by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from unclicked import stored_evaluation
from unclicked.comparison import compare_runs, format_comparison, load_per_user
from unclicked.comparison_format import HEADER
from unclicked.errors import ArtefactError, UserError
from unclicked.statistics import holm

KEYS = {
    "run",
    "metric",
    "base_mean",
    "run_mean",
    "difference",
    "relative",
    "ci95",
    "p",
    "p_holm",
    "users",
    "detectable",
}
USERS = [f"user {number}" for number in range(40)]


def store(
    run: Path,
    columns: dict[str, list[float]],
    users: list[str] | list[int] = USERS,
    sha: str = "a" * 64,
    split: str = "test",
) -> Path:
    summary = {
        "run": str(run),
        "split": split,
        "users": len(users),
        "items": 9,
        "metrics": {name: float(np.mean(values)) for name, values in columns.items()},
        "dataset_sha256": sha,
        "top_k": [50],
    }
    stored_evaluation.store(run, split, summary, pa.table({"user_id": users, **columns}))
    return run


def values(seed: int, num_users: int = len(USERS)) -> dict[str, list[float]]:
    random = np.random.default_rng(seed)
    names = ("HR@50", "MRR@50", "popularity:HR@50", "popularity:MRR@50")
    return {name: (random.integers(0, 9, num_users) / 8).tolist() for name in names}


def test_keys_and_numbers(tmp_path: Path) -> None:
    base, run = store(tmp_path / "base", values(1)), store(tmp_path / "run", values(2))
    result = compare_runs(base, [run])
    assert result["base"] == str(base)
    assert [row["metric"] for row in result["comparisons"]] == ["HR@50", "MRR@50"]
    for row in result["comparisons"]:
        assert set(row) >= KEYS
        old = np.array(values(1)[row["metric"]])
        new = np.array(values(2)[row["metric"]])
        assert row["run"] == str(run)
        assert row["base_mean"] == pytest.approx(old.mean())
        assert row["run_mean"] == pytest.approx(new.mean())
        assert row["difference"] == pytest.approx(new.mean() - old.mean())
        assert row["relative"] == pytest.approx(new.mean() / old.mean() - 1)
        assert row["p"] == pytest.approx(stats.ttest_rel(new, old).pvalue)
        assert row["ci95"][0] < row["difference"] < row["ci95"][1]
        assert row["users"] == len(USERS)
        assert (row["base_seeds"], row["run_seeds"]) == (1, 1)
        assert row["run_std_over_seeds"] is None


def test_users_are_aligned_by_id(tmp_path: Path) -> None:
    base, run = store(tmp_path / "base", values(1)), store(tmp_path / "run", values(2))
    order = np.random.default_rng(0).permutation(len(USERS))
    moved = {name: [column[row] for row in order] for name, column in values(2).items()}
    shuffled = store(tmp_path / "shuffled", moved, [USERS[row] for row in order])
    straight, crossed = (compare_runs(base, [path])["comparisons"] for path in (run, shuffled))
    for one, other in zip(straight, crossed, strict=True):
        assert other["p"] == pytest.approx(one["p"], abs=1e-12)


def test_integer_users(tmp_path: Path) -> None:
    users = list(range(9, -1, -1))
    base = store(tmp_path / "base", values(1, 10), users)
    run = store(tmp_path / "run", values(1, 10), users)
    assert load_per_user(base).user_ids.tolist() == users
    assert compare_runs(base, [run], metrics=["HR@50"])["comparisons"][0]["p"] == 1.0


def test_holm_over_all_rows(tmp_path: Path) -> None:
    paths = [store(tmp_path / str(seed), values(seed)) for seed in range(4)]
    rows = compare_runs(paths[0], paths[1:])["comparisons"]
    assert len(rows) == 6
    assert [row["p_holm"] for row in rows] == holm([row["p"] for row in rows]).tolist()
    assert any(row["p_holm"] > row["p"] for row in rows)


def test_seeds_are_averaged_within_users(tmp_path: Path) -> None:
    base = store(tmp_path / "base", values(1))
    for seed in (2, 3, 4):
        store(tmp_path / "runs" / f"seed-{seed}", values(seed))
    (tmp_path / "runs" / "notes").mkdir()
    row = compare_runs(base, [tmp_path / "runs"], metrics=["HR@50"])["comparisons"][0]
    each = np.array([values(seed)["HR@50"] for seed in (2, 3, 4)])
    assert row["run_mean"] == pytest.approx(each.mean())
    expected = stats.ttest_rel(each.mean(axis=0), values(1)["HR@50"]).pvalue
    assert row["p"] == pytest.approx(expected)
    assert (row["base_seeds"], row["run_seeds"], row["users"]) == (1, 3, len(USERS))
    assert row["run_std_over_seeds"] == pytest.approx(each.mean(axis=1).std(ddof=1))
    back = compare_runs(tmp_path / "runs", [base], metrics=["HR@50"])["comparisons"][0]
    assert back["base_seeds"] == 3
    assert back["difference"] == pytest.approx(-row["difference"])


def test_popularity_is_a_base(tmp_path: Path) -> None:
    run = store(tmp_path / "run", values(2))
    result = compare_runs(Path("popularity"), [run], metrics=["MRR@50"])
    row = result["comparisons"][0]
    assert result["base"] == "popularity"
    assert row["metric"] == "MRR@50"
    assert row["base_mean"] == pytest.approx(np.mean(values(2)["popularity:MRR@50"]))
    assert row["run_mean"] == pytest.approx(np.mean(values(2)["MRR@50"]))


def test_popularity_of_seeds_counts_once(tmp_path: Path) -> None:
    for seed in (2, 3):
        store(tmp_path / "runs" / str(seed), values(2))
    row = compare_runs(Path("popularity"), [tmp_path / "runs"])["comparisons"][0]
    assert (row["base_seeds"], row["run_seeds"]) == (1, 2)


def test_base_without_hits_has_no_relative(tmp_path: Path) -> None:
    base = store(tmp_path / "base", {"HR@50": [0.0] * len(USERS)})
    result = compare_runs(base, [store(tmp_path / "run", values(1))], metrics=["HR@50"])
    assert result["comparisons"][0]["relative"] is None
    assert "n/a" in format_comparison(result)


def test_other_users_are_refused(tmp_path: Path) -> None:
    base = store(tmp_path / "base", values(1))
    others = [*USERS[:-1], "somebody else"]
    with pytest.raises(UserError, match="COMPARE-USERS") as caught:
        compare_runs(base, [store(tmp_path / "run", values(1), others)])
    assert caught.value.where == str(tmp_path / "run")
    numbers = store(tmp_path / "numbers", values(1), list(range(40)))
    with pytest.raises(UserError, match="unclicked evaluate"):
        compare_runs(base, [numbers])


def test_other_data_are_refused(tmp_path: Path) -> None:
    base = store(tmp_path / "base", values(1))
    run = store(tmp_path / "run", values(1), sha="b" * 64)
    with pytest.raises(UserError, match="COMPARE-DATASET") as caught:
        compare_runs(base, [run])
    assert caught.value.where == str(run)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    base = store(tmp_path / "base", values(1))
    with pytest.raises(UserError, match="--split validation"):
        compare_runs(base, [base], split="validation")
    with pytest.raises(UserError, match="--top-k 50,80") as caught:
        compare_runs(base, [base], metrics=["HR@80"])
    assert "MRR@50" in str(caught.value)
    with pytest.raises(UserError, match="is no folder"):
        compare_runs(base, [tmp_path / "nowhere"])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match="found no evaluation here or one folder below. Give a run"):
        compare_runs(base, [empty])
    (empty / "run.json").write_text("{}")
    with pytest.raises(UserError, match=f"unclicked evaluate {empty}"):
        compare_runs(base, [empty])
    with pytest.raises(UserError, match="at least one"):
        compare_runs(base, [])


def test_damaged_values_are_refused(tmp_path: Path) -> None:
    for name in ("test.parquet", "test.json", "manifest.json"):
        run = store(tmp_path / name, values(1))
        path = run / "evaluation" / name
        content = bytearray(path.read_bytes())
        # A letter of a name, or a bit of a number.
        content[content.index(b"5")] ^= 1
        path.write_bytes(content)
        with pytest.raises(ArtefactError, match=rf"{name}: was changed\. Run `.* again") as one:
            load_per_user(run)
        assert one.value.exit_code == 3


def test_broken_files_are_refused(tmp_path: Path) -> None:
    run = store(tmp_path / "run", values(1))
    path = run / "evaluation" / "test.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtefactError, match="is missing or cut"):
        load_per_user(run)
    path.write_bytes(whole)
    table = pq.read_table(path)
    stored_evaluation.store(run, "test", {"users": 3, "dataset_sha256": "a"}, table)
    with pytest.raises(ArtefactError, match="found 40 users, expected 3"):
        load_per_user(run)
    stored_evaluation.store(run, "test", {}, table)
    with pytest.raises(ArtefactError, match="dataset_sha256"):
        load_per_user(run)


@pytest.mark.parametrize(
    ("columns", "users", "message"),
    [
        ({"HR@50": [0.5, float("nan")]}, ["a", "b"], "NaN"),
        ({"HR@50": [1, 0]}, ["a", "b"], "expected float64"),
        ({"HR@50": [0.5, 0.5]}, ["a", "a"], "a user twice"),
        ({"HR@50": [0.5, 0.5]}, [0.5, 1.5], "expected int64 or string"),
        ({"HR@50": [0.5, 0.5]}, ["a", None], "1 nulls"),
    ],
)
def test_columns_that_do_not_fit(
    tmp_path: Path, columns: dict[str, list[float]], users: list[str], message: str
) -> None:
    run = store(tmp_path / "run", values(1, 2), ["a", "b"])
    table = pa.table({"user_id": users, **columns})
    stored_evaluation.store(run, "test", {"dataset_sha256": "a"}, table)
    with pytest.raises(ArtefactError, match=message):
        load_per_user(run)


def test_text_and_markdown_show_percent(tmp_path: Path) -> None:
    half = {"HR@50": [0.0, 1.0] * 20}
    better = {"HR@50": [0.0, 1.0] * 19 + [1.0, 1.0]}
    base, run = store(tmp_path / "base", half), store(tmp_path / "a|b", better)
    result = compare_runs(base, [run], metrics=["HR@50"])
    header, _, line = format_comparison(result, "text").splitlines()[:3]
    assert "p (Holm)" in header
    # One of 40 users differs: 2.5 points, t = 1, p(39 degrees of freedom) = 0.3235.
    for cell in ("50.00", "52.50", "+2.50", "+5.00", "[-2.56, +7.56]", "0.3235", "40", "7.00"):
        assert cell in line.split("  ") or f" {cell} " in f" {line} "
    markdown = format_comparison(result, "md").splitlines()
    assert "a\\|b" in markdown[2]
    assert len({row.replace("\\|", "").count("|") for row in markdown[:3]}) == 1


@pytest.mark.parametrize("width", [40, 60, 80, 100, 500])
def test_a_wide_table_is_cut_into_parts_that_lose_nothing(tmp_path: Path, width: int) -> None:
    base = store(tmp_path / "base", {"HR@50": [0.0, 1.0] * 20})
    run = store(tmp_path / "run", {"HR@50": [1.0, 1.0] * 20})
    result = compare_runs(base, [run], metrics=["HR@50"])
    result["comparisons"][0]["run"] = "runs/some-folder/of-many/unclicked"
    full = format_comparison(result).splitlines()
    cut = format_comparison(result, width=width).splitlines()
    assert max(map(len, cut)) <= width
    headers = [line.split("  ") for line in cut if line.startswith("run ")]
    shown = [cell.strip() for line in headers for cell in line if cell.strip()]
    assert [one for one in shown if one not in ("run", "metric")] == list(HEADER[2:])
    assert shown.count("run") == shown.count("metric") == len(headers)
    rows = [line for line in cut if "unclicked " in line and "HR@50" in line]
    assert len(rows) == len(headers)
    numbers = [word for line in rows for word in line.partition("HR@50")[2].split()]
    assert numbers == full[2].partition("HR@50")[2].split()
    assert (len(rows) == 1) == (width >= len(full[1]))


def test_other_formats_are_never_cut(tmp_path: Path) -> None:
    base = store(tmp_path / "base", {"HR@50": [0.0, 1.0] * 20})
    run = store(tmp_path / "run", {"HR@50": [1.0, 1.0] * 20})
    result = compare_runs(base, [run], metrics=["HR@50"])
    for form in ("md", "latex", "json"):
        assert format_comparison(result, form, width=20) == format_comparison(result, form)


def test_latex_is_escaped(tmp_path: Path) -> None:
    base = store(tmp_path / "base", {"HR@50": [0.0] * len(USERS)})
    run = store(tmp_path / "50%_a&b", {"HR@50": [1.0] * len(USERS)})
    latex = format_comparison(compare_runs(base, [run], metrics=["HR@50"]), "latex")
    line = next(row for row in latex.splitlines() if "HR@50" in row)
    assert r"50\%\_a\&b" in line
    assert "$+$" not in line and "$+100.00$" in line
    assert r"\textless{}0.0001" in line
    assert line.replace(r"\&", "").count("&") == 12


def test_json_is_the_result(tmp_path: Path) -> None:
    base, run = store(tmp_path / "base", values(1)), store(tmp_path / "run", values(2))
    result = compare_runs(base, [run])
    assert json.loads(format_comparison(result, "json")) == result
    with pytest.raises(UserError, match="text, md, latex, json"):
        format_comparison(result, "html")


def test_values_of_a_checkpoint_that_is_gone_are_refused(tiny_run: Path, tmp_path: Path) -> None:
    from unclicked.data.dataset import PreparedDataset
    from unclicked.evaluation import evaluate
    from unclicked.run import open_run, read_facts

    run = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    opened = open_run(run)
    evaluate(opened, PreparedDataset.open(read_facts(run).dataset))
    assert load_per_user(run).metrics
    best = run / "checkpoints" / f"{opened.progress.best_step:09d}"
    best.rename(best.with_name("999999999"))
    with pytest.raises(UserError, match="COMPARE-STALE.*trained further since"):
        load_per_user(run)


def test_a_metric_in_other_letters_is_recognised(tmp_path: Path) -> None:
    base = store(tmp_path / "base", values(1))
    with pytest.raises(UserError, match="hr@50: is no metric. Did you mean HR@50"):
        compare_runs(base, [base], metrics=["hr@50"])
    with pytest.raises(
        UserError, match=r"XX@50: is no metric\. The evaluation of .* has "
    ) as caught:
        compare_runs(base, [base], metrics=["XX@50"])
    # To judge again would not bring it.
    assert "unclicked evaluate" not in str(caught.value)
