"""The files of deploy/: read as their tools read them, in step with the package, locked down."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

OPTION = re.compile(r"--[a-z][a-z-]*")
NUMBERED_USER = re.compile(r"[1-9][0-9]*(:[1-9][0-9]*)?")
SECRET = re.compile(
    r"(?i)(pass(word|wd)?|secret|token|api_?key)['\"]?\s*[=:]\s*\S"
    r"|//[^/\s]*:[^/\s]*@|BEGIN [A-Z ]*KEY"
)


@pytest.fixture(scope="module")
def deploy() -> Path:
    return Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="module")
def project(deploy: Path) -> dict[str, Any]:
    text = (deploy.parent / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)["project"]
    return found


@pytest.fixture(scope="module")
def compose(deploy: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((deploy / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def steps(deploy: Path) -> list[tuple[str, str]]:
    """Instruction and argument of each step of the Dockerfile, continued lines joined."""
    lines = (deploy / "Dockerfile").read_text(encoding="utf-8").splitlines()
    joined = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    words = [line.strip().split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(instruction, argument) for instruction, argument in words]


@pytest.fixture(scope="module")
def unit(deploy: Path) -> dict[str, list[str]]:
    """Every setting of the unit, with its values in order."""
    text = (deploy / "unclicked.service").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value.strip())
    return found


def last(steps: list[tuple[str, str]], instruction: str) -> str:
    return [argument for name, argument in steps if name == instruction][-1]


def commands(
    steps: list[tuple[str, str]], compose: dict[str, Any], unit: dict[str, list[str]]
) -> list[list[str]]:
    """The arguments of `unclicked serve` in each file."""
    assert json.loads(last(steps, "ENTRYPOINT")) == ["unclicked", "serve"]
    program, verb, *started = shlex.split(unit["ExecStart"][0])
    assert (Path(program).name, verb) == ("unclicked", "serve")
    return [json.loads(last(steps, "CMD")), compose["services"]["unclicked"]["command"], started]


def test_every_option_is_one_of_serve(
    steps: list[tuple[str, str]], compose: dict[str, Any], unit: dict[str, list[str]]
) -> None:
    from unclicked.cli.main import app

    serve: Any = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    known = {name for param in serve.params for name in param.opts}
    for words in commands(steps, compose, unit):
        named = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert named
        assert named <= known, named - known
        # Parsed as the command line would: a value of the wrong kind is an error here.
        serve.make_context("serve", list(words), resilient_parsing=False)


def test_versions_are_those_of_the_project(
    deploy: Path, steps: list[tuple[str, str]], compose: dict[str, Any], project: dict[str, Any]
) -> None:
    made = re.search(r"^TORCH \?= (\S+)$", (deploy.parent / "Makefile").read_text(), re.MULTILINE)
    assert made is not None
    assert dict(steps)["ARG"] == f'TORCH="{made[1]}"'
    image = f"unclicked:{project['version']}"
    assert compose["services"]["unclicked"]["image"] == image
    for name in ("Dockerfile", "README.md"):
        named = re.findall(r"unclicked:\d[\w.]*", (deploy / name).read_text(encoding="utf-8"))
        assert set(named) == {image}
    pythons = [argument for name, argument in steps if name == "FROM"]
    assert [re.sub(r" AS .*", "", one) for one in pythons] == ["python:3.12-slim"] * 2
    assert project["requires-python"] == ">=3.11"
    for service in compose["services"].values():
        assert re.fullmatch(r"[\w/]+:v?\d[\w.]*", service["image"]), "an image without a version"


def test_the_image_copies_what_is_there_and_ignores_the_rest(
    deploy: Path, steps: list[tuple[str, str]]
) -> None:
    ignored = (deploy / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {line[1:] for line in rules if line.startswith("!")}
    copied = {
        word
        for name, argument in steps
        if name == "COPY" and "--from" not in argument
        for word in argument.split()[:-1]
    }
    assert copied == let_in
    assert all((deploy.parent / path).exists() for path in copied)


def test_nobody_is_root_and_nothing_can_be_gained(
    steps: list[tuple[str, str]], compose: dict[str, Any], unit: dict[str, list[str]]
) -> None:
    assert NUMBERED_USER.fullmatch(last(steps, "USER"))
    assert compose["services"]["unclicked"]["user"] == last(steps, "USER")
    for service in compose["services"].values():
        assert NUMBERED_USER.fullmatch(service["user"])
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "network_mode"}
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    wanted = {
        "DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict",
        "ProtectHome": "yes", "CapabilityBoundingSet": "", "KillSignal": "SIGTERM",
    }  # fmt: skip
    assert {name: unit[name][-1] for name in wanted} == wanted
    assert {"MemoryMax", "LimitNOFILE", "TasksMax"} <= unit.keys()


def test_only_the_service_is_published_and_only_here(compose: dict[str, Any]) -> None:
    services = compose["services"]
    published = {name: one["ports"] for name, one in services.items() if "ports" in one}
    assert published == {"unclicked": ["127.0.0.1:8000:8000"]}
    inside = {name for name, network in compose["networks"].items() if network.get("internal")}
    assert all(
        set(services[name]["networks"]) <= inside for name in services if name != "unclicked"
    )
    bundle = services["unclicked"]["volumes"][0]
    assert (bundle["target"], bundle["read_only"]) == ("/bundle", True)


def test_the_kernels_have_a_place_that_can_be_written(
    steps: list[tuple[str, str]], compose: dict[str, Any], unit: dict[str, list[str]]
) -> None:
    service = compose["services"]["unclicked"]
    mounted = {str(one).partition(":")[2] for one in service["volumes"] if isinstance(one, str)}
    assert service["environment"]["NUMBA_CACHE_DIR"] in mounted
    assert any(one.startswith("/tmp:") for one in service["tmpfs"])
    assert "NUMBA_CACHE_DIR=/tmp/" in last(steps, "ENV")
    cache = f"/var/cache/{unit['CacheDirectory'][0]}/"
    assert any(f"NUMBA_CACHE_DIR={cache}" in one for one in unit["Environment"])


def test_there_is_time_to_answer_what_was_taken(
    steps: list[tuple[str, str]], compose: dict[str, Any], unit: dict[str, list[str]]
) -> None:
    from unclicked.serving.server import GRACE_SECONDS

    assert int(unit["TimeoutStopSec"][0]) > GRACE_SECONDS
    waits = compose["services"]["unclicked"]["stop_grace_period"]
    assert int(waits.removesuffix("s")) > GRACE_SECONDS
    # Without a shell, which would keep SIGTERM to itself.
    assert all(isinstance(json.loads(last(steps, one)), list) for one in ("ENTRYPOINT", "CMD"))


def test_the_health_check_asks_whether_it_is_ready(steps: list[tuple[str, str]]) -> None:
    program, flag, code = json.loads(last(steps, "HEALTHCHECK").split(" CMD ", maxsplit=1)[1])
    assert (program, flag) == ("python", "-c")
    assert "http://127.0.0.1:8000/ready" in code
    compile(code, "healthcheck", "exec")


def test_prometheus_reads_the_service(deploy: Path, compose: dict[str, Any]) -> None:
    read = yaml.safe_load((deploy / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = read["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert job["static_configs"] == [{"targets": ["unclicked:8000"]}]
    assert "--port=8000" in compose["services"]["unclicked"]["command"]


def test_there_is_no_secret(deploy: Path) -> None:
    files = [path for path in sorted(deploy.iterdir()) if path.is_file()]
    assert len(files) == 6
    for path in files:
        assert SECRET.search(path.read_text(encoding="utf-8")) is None, path.name
    assert SECRET.search("redis://:hunter2@redis:6379/0")
    assert SECRET.search("API_KEY: abc")


def test_systemd_understands_the_unit(deploy: Path, tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("needs the program systemd-analyze")
    text = (deploy / "unclicked.service").read_text(encoding="utf-8")
    copy = tmp_path / "unclicked.service"
    # The program of the unit is not installed here; it must be one that is.
    copy.write_text(
        text.replace("/usr/local/unclicked/bin/unclicked", "/bin/true"), encoding="utf-8"
    )
    done = subprocess.run([tool, "verify", str(copy)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    copy.write_text(copy.read_text().replace("MemoryMax", "MemoryMost"), encoding="utf-8")
    done = subprocess.run([tool, "verify", str(copy)], capture_output=True, text=True, timeout=60)
    assert "MemoryMost" in done.stderr
