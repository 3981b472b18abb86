"""What is done, said and returned, on the simulated engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract_cli.command import CONTROLLER, Ran
from tests.contract_cli.conftest import SHOP, Project


def data(ran: Ran) -> Any:
    """What a command printed for programs; the whole of stdout has to be JSON."""
    return json.loads(ran.out)


def phases(project: Project) -> dict[str, str]:
    [stack] = data(project.run("status", "-o", "json"))["stacks"]
    return {service["name"]: service["phase"] for service in stack["services"]}


def eventually(what: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.1)


@contextmanager
def running(project: Project, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`controller run` in the background; killed at the end, if it still lives."""
    env = {**os.environ, "CONTROLLER_STATE_DIR": str(project.state)}
    process = subprocess.Popen(
        [str(CONTROLLER), "--engine", "simulated", "run", *arguments],
        cwd=project.folder,
        env=env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def test_from_plan_to_converged_and_nothing_left_to_do(project: Project) -> None:
    planned = project.run("plan", "--detailed-exitcode", "-o", "json")
    assert planned.code == 2
    assert data(planned)["changes"] == 4 and data(planned)["predictedSeconds"] is None
    assert [step["action"] for step in data(planned)["steps"] if step["service"] == "web"] == ["create", "start"]
    assert project.run("plan").code == 0

    applied = project.run("apply", "-o", "json")
    assert applied.code == 0, applied.err
    result = data(applied)
    assert list(result) == ["stack", "generation", "outcome", "seconds", "services"]
    web = next(service for service in result["services"] if service["name"] == "web")
    assert list(web) == ["name", "outcome", "seconds", "waitedFor", "attempts", "downtimeSeconds"]
    assert (result["stack"], web["waitedFor"], web["attempts"]) == ("shop", "db", 1)

    assert data(project.run("plan", "--detailed-exitcode", "-o", "json"))["changes"] == 0
    assert project.run("plan", "--detailed-exitcode").code == 0
    assert project.run("status", "--exit-code").code == 0


def test_a_plan_as_a_chart_is_drawn_from_what_was_learned(project: Project) -> None:
    first = project.run("plan", "--timeline")
    assert first.code == 0 and first.out.count("unknown (first start)") == 3  # two rows, and the whole time
    for _ in range(2):
        assert project.run("apply").code == 0
        assert project.run("prune", "--all", "shop").code == 0
    drawn = project.run("plan", "--timeline")
    assert drawn.code == 0 and "critical path" in drawn.out and "unknown" not in drawn.out
    assert all(len(line) <= 100 for line in drawn.out.splitlines())
    planned = data(project.run("plan", "-o", "json"))
    assert [row["service"] for row in planned["timeline"]] == ["db", "web"]
    assert all(step["seconds"] is not None for step in planned["steps"])
    wait = next(bar for row in planned["timeline"] for bar in row["bars"] if bar["doing"] == "wait")
    assert (wait["waitsFor"], wait["seconds"]) == ("db", planned["waits"][0]["seconds"])


def test_a_plan_of_one_service_is_what_an_apply_of_it_would_do(project: Project) -> None:
    steps = data(project.run("plan", "db", "-o", "json"))["steps"]
    assert [(step["action"], step["service"]) for step in steps] == [("create", "db"), ("start", "db")]
    with_dependency = data(project.run("plan", "web", "-o", "json"))["steps"]
    assert {step["service"] for step in with_dependency} == {"db", "web"}
    unknown = project.run("plan", "wep")
    assert unknown.code == 1 and "no service wep" in unknown.err and "hint: its services: db, web" in unknown.err


def test_a_variable_that_was_set_in_the_env_file_and_is_gone_holds_the_generation(project: Project) -> None:
    project.write("compose.yaml", "name: shop\nservices: {web: {image: 'web:1', labels: {tier: '${TIER}'}}}\n")
    project.write(".env", "TIER=gold\n")
    assert project.run("apply").code == 0
    (project.folder / ".env").unlink()
    ran = project.run("apply")
    assert ran.code == 1 and "EnvironmentIncomplete" in ran.err and "TIER" in ran.err
    assert project.run("apply", env={"TIER": "gold"}).code == 0


def test_status_has_the_stable_shape(applied: Project) -> None:
    [stack] = data(applied.run("status", "-o", "json"))["stacks"]
    assert list(stack) == ["name", "phase", "generation", "conditions", "services"]
    assert list(stack["conditions"][0]) == ["type", "status", "reason", "message", "lastTransitionTime"]
    service = stack["services"][0]
    assert list(service) == [
        "name", "phase", "reason", "message", "desired", "ready", "updated", "restarts", "since", "waitsFor",
        "nextTry", "conditions", "replicas",
    ]  # fmt: skip
    assert list(service["conditions"][0]) == list(stack["conditions"][0])
    assert list(service["replicas"][0]) == [
        "id", "name", "phase", "health", "restarts", "configHash", "image", "drift", "exitCode", "oomKilled",
    ]  # fmt: skip
    assert (stack["phase"], service["phase"], service["ready"]) == ("Converged", "Ready", 1)


def test_no_stack_known_is_an_empty_list(project: Project) -> None:
    (project.folder / "compose.yaml").unlink()
    ran = project.run("status", "-o", "json")
    assert (ran.code, data(ran)) == (0, {"stacks": []})


def test_status_is_0_whatever_the_phase_unless_asked(project: Project) -> None:
    assert project.run("status").code == 0
    assert project.run("status", "--exit-code").code == 1


def test_a_stack_is_found_by_name_from_any_directory(applied: Project) -> None:
    elsewhere = Project(applied.state, applied.state)
    assert elsewhere.run("-s", "shop", "status", "-o", "name").out == "shop/db\nshop/web\n"
    missing = elsewhere.run("-s", "shpo", "status")
    assert missing.code == 1 and "hint: " in missing.err


def test_stop_stays_stopped_until_start(project: Project) -> None:
    project.run("apply")
    stopped = project.run("stop")
    assert stopped.code == 0, stopped.err
    assert phases(project) == {"db": "Stopped", "web": "Stopped"}
    [stack] = data(project.run("status", "-o", "json"))["stacks"]
    assert [service["desired"] for service in stack["services"]] == [0, 0]
    with running(project):
        time.sleep(2)
        assert phases(project) == {"db": "Stopped", "web": "Stopped"}
    assert project.run("start").code == 0
    assert phases(project) == {"db": "Ready", "web": "Ready"}


def test_one_service_can_be_stopped_and_named_wrong(project: Project) -> None:
    project.run("apply")
    assert project.run("stop", "web").code == 0
    assert phases(project) == {"db": "Ready", "web": "Stopped"}
    wrong = project.run("stop", "wbe")
    assert wrong.code == 1 and "wbe" in wrong.err and "hint: " in wrong.err


def test_pause_is_said_and_resume_ends_it(project: Project) -> None:
    project.run("apply")
    assert project.run("pause", "web").code == 0
    assert phases(project)["web"] == "Paused"
    assert "controller resume" in project.run("status").out
    assert project.run("resume", "web").code == 0
    assert phases(project)["web"] == "Ready"


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (("stacks",), "NAME"), (("st",), "NAME"), (("svc",), "NAME"), (("services",), "NAME"), (("replica",), "NAME"),
        (("po",), "NAME"), (("ep",), "NAME"), (("endpoints",), "NAME"), (("ev",), "LAST"), (("events", "web"), "LAST"),
    ],
)  # fmt: skip
def test_get_knows_every_spelling(applied: Project, words: tuple[str, ...], first: str) -> None:
    ran = applied.run("get", *words)
    assert ran.code == 0 and ran.out.split()[0] == first
    assert not any(line != line.rstrip() for line in ran.out.splitlines())


def test_lists_can_be_narrowed_and_piped(applied: Project) -> None:
    assert applied.run("get", "svc/web", "--no-headers").out.split()[:2] == ["web", "1/1"]
    assert applied.run("get", "services", "-o", "name").out == "shop/db\nshop/web\n"
    assert applied.run("get", "replicas", "web", "-o", "name").out == "shop-web-1\n"
    missing = applied.run("get", "svc", "wbe")
    assert missing.code == 1 and "did you mean 'web'?" in missing.err
    assert "UPDATED" in applied.run("get", "svc", "-o", "wide").out


@pytest.mark.slow
def test_describe_why_and_events(applied: Project) -> None:
    assert "Replicas:   1 desired, 1 ready" in applied.run("describe", "web").out
    assert "Services:" in applied.run("describe", "stack", "shop").out
    assert applied.run("why").out == "Every service is as it should be.\n"
    reasons = {event["reason"] for event in data(applied.run("events", "-o", "json"))["events"]}
    assert {"Created", "Started", "Converged"} <= reasons
    assert applied.run("logs", "web").code == 0


def test_data_is_on_stdout_and_progress_on_stderr(project: Project) -> None:
    ran = project.run("apply")
    assert " Ready after " in ran.err and " Ready after " not in ran.out
    assert project.run("-q", "apply").err == ""
    assert "\x1b[" not in ran.out + ran.err


def test_colour_follows_flag_and_environment(project: Project) -> None:
    assert "\x1b[" in project.run("status", "--color", "always").out
    assert "\x1b[" in project.run("status", env={"FORCE_COLOR": "1"}).out
    assert "\x1b[" not in project.run("status", env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out
    assert "\x1b[" not in project.run("status", "--color", "never", env={"FORCE_COLOR": "1"}).out
    narrow = project.run("status", env={"COLUMNS": "54"}).out
    assert max(map(len, narrow.splitlines()[2:])) <= 54


def test_a_log_file_gets_dated_lines(project: Project) -> None:
    project.run("apply", "--log", "apply.log")
    lines = (project.folder / "apply.log").read_text().splitlines()
    assert lines and all(line[:2] == "20" and line[23] == "Z" for line in lines)
    assert any("db Ready after" in line for line in lines)


def test_run_once_is_apply(project: Project) -> None:
    ran = project.run("run", "--once", "-o", "json")
    assert ran.code == 0 and data(ran)["outcome"] == "converged"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_run_ends_as_told_and_leaves_containers_running(project: Project, number: int, code: int) -> None:
    with running(project) as process:
        eventually(lambda: phases(project) == {"db": "Ready", "web": "Ready"})
        process.send_signal(number)
        assert process.wait(timeout=10) == code
    assert phases(project) == {"db": "Ready", "web": "Ready"}


def test_a_command_beside_a_running_daemon_acts_through_it(project: Project) -> None:
    with running(project) as process:
        eventually(lambda: phases(project) == {"db": "Ready", "web": "Ready"})
        stopped = project.run("stop", "web", "-o", "json")
        assert stopped.code == 0, stopped.err
        assert data(stopped)["services"][0]["name"] == "web"
        assert phases(project) == {"db": "Ready", "web": "Stopped"}
        assert project.run("start", "web").code == 0
        assert project.run("apply").code == 0
        assert process.poll() is None


def test_a_second_daemon_is_refused_with_user_and_pid(project: Project) -> None:
    with running(project) as process:
        eventually(lambda: phases(project) == {"db": "Ready", "web": "Ready"})
        second = project.run("run", timeout=20)
        assert second.code == 1 and str(process.pid) in second.err and "hint: " in second.err


def test_watch_follows_the_file_and_a_broken_one_changes_nothing(project: Project) -> None:
    def replicas() -> int:
        return len(project.run("get", "replicas", "web", "-o", "name").out.split())

    with running(project, "--watch"):
        eventually(lambda: phases(project) == {"db": "Ready", "web": "Ready"})
        project.write("compose.yaml", SHOP.replace("image: web:1", "image: web:1\n        scale: 2"))
        eventually(lambda: replicas() == 2)
        project.write("compose.yaml", "name: shop\nservices: {web: [\n")
        time.sleep(2)
        project.write("compose.yaml", SHOP.replace("image: web:1", "image: web:1\n        scale: 3"))
        eventually(lambda: replicas() == 3)


def test_systemd_is_told_ready_and_stopping(project: Project) -> None:
    import socket

    path = project.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(path))
        channel.settimeout(20)
        os.environ["NOTIFY_SOCKET"] = str(path)
        try:
            with running(project) as process:
                first = channel.recv(1000).decode()
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=10)
                told = [channel.recv(1000).decode()]
                while told[-1] != "STOPPING=1":
                    told.append(channel.recv(1000).decode())
        finally:
            del os.environ["NOTIFY_SOCKET"]
    assert first.startswith("READY=1\nSTATUS=")
    assert not any("READY=1" in line for line in told)


def test_run_serves_an_api_to_who_has_the_token_and_a_link_opens_it_once(project: Project) -> None:
    project.write("compose.yaml", SHOP)
    with running(project, "--watch", "--api", "127.0.0.1:0") as process:
        address = json.loads(find(project, "api.json").read_text())["url"]
        token = find(project, "api.token").read_text().strip()
        assert find(project, "api.token").stat().st_mode & 0o777 == 0o600
        with httpx.Client(base_url=address) as client:
            assert client.get("/healthz").text == "ok\n"
            assert client.get("/v1/stacks").status_code == 401
            key = {"authorization": f"Bearer {token}"}
            eventually(lambda: client.get("/v1/stacks", headers=key).json()["stacks"][0]["phase"] == "Converged")
            [stack] = data(project.run("status", "-o", "json"))["stacks"]
            assert client.get("/v1/stacks", headers=key).json()["stacks"][0].keys() == stack.keys()
            link = project.run("token", "link").out.strip()
            assert link.startswith(f"{address}/#code=")
            code = {"code": link.partition("code=")[2]}
            opened = client.post("/v1/session", json=code)
            assert opened.status_code == 201
            session = {"authorization": f"Bearer {opened.json()['session']}"}
            assert client.get("/v1/stacks", headers=session).status_code == 200
        with httpx.Client(base_url=address) as another:
            assert another.post("/v1/session", json=code).status_code == 403
        process.terminate()
        assert process.wait(20) == 0
    refused = project.run("token", "link")
    assert refused.code == 1 and "no controller serves a dashboard" in refused.err


def find(project: Project, name: str) -> Path:
    eventually(lambda: any(project.state.rglob(name)))
    return next(project.state.rglob(name))


def test_run_serves_nothing_where_it_is_told_not_to_and_apply_never(project: Project) -> None:
    project.write("compose.yaml", SHOP)
    assert project.run("apply").code == 0
    with running(project, "--no-api"):
        eventually(lambda: phases(project) == {"db": "Ready", "web": "Ready"})
        assert not list(project.state.rglob("api.*"))


def test_an_api_beyond_this_machine_wants_tls(project: Project) -> None:
    project.write("compose.yaml", SHOP)
    ran = project.run("run", "--api", "0.0.0.0:0")
    assert ran.code == 1 and "without TLS" in ran.err and "hint: " in ran.err
    assert project.run("run", "--api", "nonsense").code == 2
