"""The verb `recommend`: lists, requests from a file, and what is said of them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from unclicked.cli.main import run
from unclicked.data.dataset import PreparedDataset
from unclicked.recommendation import Request
from unclicked.recommendation import recommend as answer
from unclicked.run import open_run


@pytest.fixture
def ids(tiny_data: PreparedDataset) -> list[str]:
    return list(tiny_data.catalogue.items.values[:6].to_pylist())


def test_lists_may_be_repeated_or_joined(
    tiny_run: Path, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b, c, d, *_ = ids
    words = ["recommend", str(tiny_run), "--json", "--top-k", "5"]
    ways = [
        ["--clicked", f"{a},{b}", "--unclicked", f"{c},{d}", "--exclude", f"{a},{b}"],
        ["--clicked", a, "--clicked", b, "--unclicked", c, "--unclicked", d]
        + ["--exclude", a, "--exclude", b],
    ]
    found = []
    for way in ways:
        assert run([*words, *way]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    listed = {one["item_id"] for one in found[0]["items"]}
    assert len(listed) == 5
    assert not listed & {a, b}
    assert run([*words, "--clicked", a, "--unclicked", c, "--exclude-seen", "--top-k", "999"]) == 0
    out, err = capsys.readouterr()
    assert not {one["item_id"] for one in json.loads(out)["items"]} & {a, c}
    assert "the catalogue has 120 items; lists of 999 end there." in err
    assert run([*words, "--clicked", f"{b},{a}", "--unclicked", f"{c},{a}"]) == 0
    assert json.loads(capsys.readouterr().out)["ignored"]["also_clicked"] == [a]
    assert run([*words[:2], "--clicked", f"{b},{a}", "--unclicked", f"{c},{a}"]) == 0
    err = capsys.readouterr().err
    assert f"unclicked items that the session clicked were ignored: '{a}'" in err


def test_earlier_clicks_are_long_term(
    tiny_data: PreparedDataset,
    tiny_run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ids = tiny_data.catalogue.items.values[:9].to_pylist()
    expected = answer(
        open_run(tiny_run), [Request(ids[:2], ids[3:5], long_term=[*ids[6:9], "ghost"])]
    )[0]
    lists = {"clicked": ids[:2], "unclicked": ids[3:5], "long_term": [*ids[6:9], "ghost"]}
    words = ["recommend", str(tiny_run)]
    for name, values in lists.items():
        words += [f"--{name.replace('_', '-')}", ",".join(values)]
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == expected
    assert expected["ignored"]["long_term"] == ["ghost"]
    assert run(words) == 0
    assert "unknown long-term items were ignored: 'ghost'" in capsys.readouterr().err
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(lists) + "\n")
    assert run(["recommend", str(tiny_run), "--requests", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == {"id": None} | expected


def test_people_are_told_what_was_ignored(
    tiny_run: Path, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recommend", str(tiny_run), "--clicked=-3", "--unclicked", f"{ids[0]},x"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()[:-1]] == [str(k) for k in range(1, 11)]
    assert out.splitlines()[-1].startswith("next: unclicked ")
    assert "unknown clicked items were ignored: '-3'" in err
    assert "unknown unclicked items were ignored: 'x'" in err
    assert "no known clicked item" in err


def test_unknown_excludes_and_profile_values_are_told(
    tiny_run: Path, tiny_data: PreparedDataset, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    field = next(iter(tiny_data.profile_vocabularies))
    words = ["recommend", str(tiny_run), "--clicked", ids[0], "--exclude", f"{ids[1]},ghost"]
    words += ["--profile", f"{field}=never"]
    assert run(words) == 0
    err = capsys.readouterr().err
    assert "warning: unknown items to exclude were ignored: 'ghost'\n" in err
    assert f"warning: unknown profile values were ignored: '{field}=never'\n" in err
    assert run([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["ignored"] == {
        "clicked": [],
        "unclicked": [],
        "exclude": ["ghost"],
        "profile": [f"{field}=never"],
    }
    assert err == ""


def test_what_requests_had_ignored_is_told_once(
    tiny_run: Path, tmp_path: Path, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.jsonl"
    asked = [{"clicked": [ids[0]]}, {"clicked": ["x"], "exclude": ["y"]}]
    path.write_text("\n".join(map(json.dumps, asked)))
    assert run(["recommend", str(tiny_run), "--requests", str(path), "--exclude", "ghost"]) == 0
    out, err = capsys.readouterr()
    answers = [json.loads(line)["ignored"] for line in out.splitlines()]
    assert [one["exclude"] for one in answers] == [["ghost"], ["y", "ghost"]]
    assert err.splitlines() == [
        "warning: unknown clicked items were ignored in 1 of 2 requests: 'x'",
        "warning: unknown items to exclude were ignored in 2 of 2 requests: 'ghost', 'y'",
    ]


def test_everybody_s_unknown_excludes_and_a_profile_are_told(
    tiny_run: Path, tmp_path: Path, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "all.parquet"
    words = ["recommend", str(tiny_run), "--all-users", "--out", str(out), "--exclude", "ghost"]
    assert run(words) == 0
    assert capsys.readouterr().err == "warning: unknown items to exclude were ignored: 'ghost'\n"
    assert run([*words, "--top-k", "3", "--json"]) == 0
    printed, err = capsys.readouterr()
    assert json.loads(printed)["ignored"] == {"exclude": ["ghost"]}
    assert "--top-k 10 there, 3 now" in err
    assert run([*words, "--profile", "a=b"]) == 2
    assert "error[ARGUMENTS] --profile: goes with --clicked" in capsys.readouterr().err


def test_requests_are_answered_in_order(
    tiny_run: Path, tmp_path: Path, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [
        {"id": "first", "clicked": [ids[0]], "unclicked": [ids[1]], "top_k": 2},
        {"id": 7, "exclude": [ids[0]]},
        {"clicked": ["ghost\u2028"], "id": {"any": "thing"}},
    ]
    path = tmp_path / "r.jsonl"
    text = "\n".join(json.dumps(one, ensure_ascii=False) for one in asked)
    path.write_text(text + "\n", encoding="utf-8")
    assert run(["recommend", str(tiny_run), "--requests", str(path), "--exclude", ids[2]]) == 0
    out, _ = capsys.readouterr()
    answers = [json.loads(line) for line in out.removesuffix("\n").split("\n")]
    assert [one["id"] for one in answers] == ["first", 7, {"any": "thing"}]
    assert [len(one["items"]) for one in answers] == [2, 10, 10]
    assert [one["fallback"] for one in answers] == [False, True, True]
    assert answers[2]["ignored"]["clicked"] == ["ghost\u2028"]
    listed = {item["item_id"] for item in answers[1]["items"]}
    assert not listed & {ids[0], ids[2]}


def test_a_mark_of_the_encoding_and_blank_lines_are_no_requests(
    tiny_run: Path,
    tmp_path: Path,
    ids: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "\n".join(["", json.dumps({"id": 1, "clicked": [ids[0]]}), " \r", '{"id": 2}', "", ""])
    path = tmp_path / "r.jsonl"
    path.write_text(text, encoding="utf-8-sig")
    words = ["recommend", str(tiny_run), "--top-k", "2", "--requests"]
    assert run([*words, str(path)]) == 0
    out = capsys.readouterr().out
    assert [json.loads(line)["id"] for line in out.splitlines()] == [1, 2]
    for raw, code in ((text.encode("utf-8-sig"), 0), (b'{}\n\n{"clicked": [3]}', 2)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        assert run([*words, "-"]) == code
    piped, err = capsys.readouterr()
    assert piped == out
    # Blank lines count as lines of the file.
    assert err.startswith("error[ID] standard input:3 clicked[0]: found 3, expected")
    path.write_text("\n")
    assert run([*words, str(path)]) == 0
    assert capsys.readouterr() == ("", f"warning: {path} holds no request.\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--requests F --clicked a", ["--clicked and --requests together", "expected one way"]),
        ("--all-users --out F --unclicked a", ["--unclicked and --all-users together"]),
        ("--all-users --requests F", ["--requests and --all-users together"]),
        ("--clicked a --out F", ["error[ARGUMENTS] --out: found with --clicked", "--all-users"]),
        ("--requests F --dataset D", ["error[ARGUMENTS] --dataset: found with --requests"]),
        ("--all-users", ["error[ARGUMENTS] --all-users: needs --out"]),
        ("--out F", ["error[ARGUMENTS] recommend: needs --clicked"]),
        ("--requests F --profile a=b", ["error[ARGUMENTS] --profile: goes with --clicked"]),
    ],
)
def test_options_that_do_not_go_together_are_named(
    options: str, words: list[str], tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recommend", str(tiny_run), *options.split()]) == 2
    told = capsys.readouterr().err
    assert all(word in told for word in words), told


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "r.jsonl:2: is no JSON"),
        ("[" * 100_000, "r.jsonl:2: is no JSON"),
        ('{"id": 1, "id": 2}', "r.jsonl:2 id: stands there twice"),
        ("[]", "r.jsonl:2: found '[]', expected an object with keys of id, clicked,"),
        ('{"clikced": []}', "r.jsonl:2: found 'clikced', expected one of id, clicked, long_term"),
        ('{"clikced": []}', "top_k. Did you mean clicked?"),
        ('{"profile": {"shoe": "43"}}', "r.jsonl:2 profile.shoe: is no profile field"),
        ('{"long_term": [[]]}', "r.jsonl:2 long_term[0]: found [], expected an id"),
        ('{"unclicked": ["a", 7]}', "r.jsonl:2 unclicked[1]: found 7, expected"),
        ('{"clicked": "a"}', "r.jsonl:2 clicked: found 'a', expected a list of ids"),
        ('{"unclicked": ["a", 1.5]}', "r.jsonl:2 unclicked[1]: found 1.5, expected an id"),
        ('{"exclude": [true]}', "r.jsonl:2 exclude[0]: found true, expected an id"),
        ('{"clicked": [null]}', "r.jsonl:2 clicked[0]: found null, expected an id"),
        ('{"profile": []}', "r.jsonl:2 profile: expected an object"),
        ('{"top_k": 0}', "r.jsonl:2 top_k: expected a whole number"),
        ('{"top_k": true}', "r.jsonl:2 top_k: expected a whole number"),
        ('{"clicked": [7]}', "r.jsonl:2 clicked[0]: found 7, expected an id of type string"),
    ],
)
def test_a_wrong_request_is_named(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"clicked": []}\n' + line + "\n{}\n")
    assert run(["recommend", str(tiny_run), "--requests", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
