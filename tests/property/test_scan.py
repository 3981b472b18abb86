"""Whatever a definition says: the scan answers, has a place for what it finds, and never tells a secret."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.intake.inputs import read_inputs
from controller.intake.rough import read_roughly
from controller.loop.scanning import Known, Written, find_places, make_project, scan
from controller.model.project import ComposeProject
from controller.model.running import Running
from controller.render.scan import findings_data, findings_lines, sarif
from controller.security.reading import (
    devices,
    mounts,
    networks,
    options,
    pairs,
    tmpfs,
    words,
)
from controller.security.scan import all_rules, scan_project, scan_running
from controller.security.spans import ports
from controller.security.subject import Project

pytestmark = pytest.mark.unit

_KEYS = """
    build image user read_only group_add volumes volumes_from tmpfs devices device_cgroup_rules gpus cap_add
    cap_drop privileged security_opt network_mode networks pid ipc uts userns_mode cgroup cgroup_parent sysctls
    runtime ports expose extra_hosts environment env_file command entrypoint healthcheck labels annotations deploy
    resources limits reservations restart restart_policy logging options driver driver_opts ulimits mem_limit
    memswap_limit cpus pids_limit oom_score_adj oom_kill_disable provider post_start pre_stop use_api_socket secrets
    configs file name external internal type source target bind propagation published host_ip protocol test disable
    hard soft depends_on profiles extends context args device o x-a pull_policy service condition max_attempts
"""
_WORDS = """
    host bridge none true false 0 -1 1e99 nan 80 80:80 :: [::]:80:80 1-99999:5 127.0.0.1:: ${A:-b} ${A $ a=b A: =
    ./a:/b:ro ~/.ssh:/x C:\\x:/y :: : /etc /var/run/docker.sock:/x seccomp: label=type:: a|*:* on-failure:x 10x -- @
    @@ a@sha256: a:b@c tcp://:@ postgres://a:b@c sslmode=disable AKIAIOSFODNN7EXAMPLE service:web container: ALL
    CAP_ root: 0:0 /tmp:exec,suid git@x#y
"""
KEYS, WORDS = st.sampled_from(_KEYS.split()), st.sampled_from(_WORDS.split())
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.text(max_size=12), st.binary(max_size=3)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4),
    max_leaves=24,
)
SERVICES = st.dictionaries(KEYS, VALUES, max_size=12)


@given(VALUES)
def test_reading_anything(value: Any) -> None:
    for key in ("volumes", "ports", "networks", "devices", "tmpfs", "security_opt", "environment"):
        model = {key: value, "network_mode": value}
        for read in (mounts, ports, networks, devices, tmpfs, options):
            list(read(model))
    assert all(isinstance(name, str) for name, _ in pairs(value))
    assert all(isinstance(word, str) for word in words(value))


@settings(max_examples=80)
@given(
    st.dictionaries(st.sampled_from(("web", "db")), SERVICES, max_size=2),
    st.dictionaries(KEYS, VALUES),
    VALUES,
    SERVICES,
)
def test_any_definition(services: dict[str, Any], sections: dict[str, Any], part: Any, seen: dict[str, Any]) -> None:
    named = part if isinstance(part, dict) else {}
    project = Project(
        "shop",
        services,
        networks=named,
        volumes=named,
        secrets=named,
        configs=named,
        rest=sections,
        directory="/srv/shop",
    )
    found = [*scan_project(project)]
    found += scan_running(project, Running({"web": (seen,)}))
    rules = all_rules()
    for rule, service, hit in found:
        assert rules[rule.id].title
        assert service is None or service in {"web", "db", *map(str, services)}
        assert isinstance(hit.message, str) and hit.message


PLACES = (
    "environment: {{DB_PASSWORD: {0}}}",
    "environment: ['API_KEY={0}']",
    "environment: {{DB: 'postgres://shop:{0}@db/shop', Q: 'Server=db;Password={0};'}}",
    "environment: {{DB_PASSWORD: '${{NOWHERE:-{0}}}'}}",
    "environment: {{DOCKER_HOST: 'tcp://me:{0}@10.0.0.1:2375'}}",
    "environment: {{DB: 'postgres://shop:{0}@db/shop?sslmode=disable'}}",
    "command: [serve, --password, '{0}', --insecure-skip-tls-verify]",
    "command: dockerd -H tcp://a:{0}@0.0.0.0:2375",
    "entrypoint: redis-server --requirepass {0}",
    "healthcheck: {{test: 'mysqladmin ping -p{0}'}}",
    "labels: {{com.example.token: '{0}'}}",
    "labels: ['com.example.url=https://a:{0}@b/']",
    "annotations: {{secret: '{0}'}}",
    "build: {{context: 'https://me:{0}@github.com/a/b.git', args: {{NPM_TOKEN: '{0}'}}}}",
    "image: 'https://me:{0}@registry.example.com/a:latest'",
    "extra_hosts: ['a:host-gateway']",
    "volumes: ['https://me:{0}@nas/etc:/x']",
    "logging: {{driver: splunk, options: {{splunk-token: '{0}'}}}}",
    "post_start: [{{command: 'login --password {0}', user: root}}]",
)
TOP = """
volumes: {{share: {{driver_opts: {{type: cifs, o: 'username=a,password={0}', token: '{0}'}}}}}}
x-common: {{DB_PASSWORD: '{0}', deep: {{url: 'amqp://a:{0}@b'}}}}
configs: {{app: {{content: 'token = "ghp_{0}{0}{0}"'}}}}
"""


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    places=st.lists(st.sampled_from(PLACES), min_size=1, max_size=6, unique_by=lambda one: one.split(":")[0]),
    secret=st.from_regex(r"[A-Za-z][A-Za-z0-9_]{11,24}", fullmatch=True).filter(
        lambda one: "password" not in one.lower()
    ),
    runs=st.booleans(),
)
def test_no_secret_is_told(places: list[str], secret: str, runs: bool, tmp_path: Path) -> None:
    lines = [f"    {place.format(secret)}" for place in places]
    text = "\n".join(("name: shop", "services:", "  web:", *lines)) + TOP.format(secret)
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    project = ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path)
    inputs = read_inputs(project)
    assert not inputs.findings
    rendered = read_roughly(project, inputs, "shop")
    written = Written(rendered, inputs, tmp_path)
    running = (
        Running({"web": (dict(rendered.model["services"]["web"]),)}) if runs else Running({"web": ({"image": "x"},)})
    )
    if runs:  # all of it only runs
        bare = {**rendered.model, "services": {"web": {"image": "x"}}}
        written = Written(type(rendered)("shop", bare), inputs, tmp_path)
    found = scan(written, Known(), date(2026, 5, 1), running)
    assert {"S03", "S04"} <= {one.rule.id for one in found}
    told = json.dumps([findings_data(found), findings_lines(found), sarif(found, all_rules(), "1", str(tmp_path))])
    assert secret not in told


def test_places_are_within_their_files(tmp_path: Path) -> None:
    """Also of what only runs."""
    (tmp_path / "compose.yaml").write_text("services:\n  web: {image: x}\n", encoding="utf-8")
    project = ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path)
    inputs = read_inputs(project)
    written = Written(read_roughly(project, inputs, "shop"), inputs, tmp_path)
    running = Running({"web": ({"image": "x", "privileged": True},), "gone": ({"image": "x", "privileged": True},)})
    found = scan(written, Known(), date(2026, 5, 1), running)
    ours = [one for one in found if one.rule.id in ("H03", "X01")]
    assert [(one.rule.id, one.service, one.line) for one in ours] == [
        ("H03", "web", 2), ("X01", "web", 2), ("H03", "gone", None)
    ]  # fmt: skip
    assert make_project(written, Known(), find_places(written)).services.keys() == {"web"}
