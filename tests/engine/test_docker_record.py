"""What the recorder catches is what Compose does: by the label, by every field, and by doing nothing afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest

from controller.engines.compose_engine import ComposeEngine
from controller.engines.transport import Endpoint
from controller.model.errors import InvalidInput, Rejected, Transient
from tests.engine.docker_project import IMAGE, Project, docker

pytestmark = pytest.mark.engine

WIDE = """
x-limits: &limits
  deploy:
    replicas: 2
    resources: {limits: {memory: 64M, cpus: "0.5", pids: 50}, reservations: {memory: 32M}}
    restart_policy: {condition: on-failure, max_attempts: 3}
services:
  envfile: {SLEEP, env_file: [e.env], environment: {B: "2", PASSED: }}
  nets: {SLEEP, networks: {front: {aliases: [n1, n2]}, back: {ipv4_address: 10.177.9.9}, third: {}}}
  side: {SLEEP, network_mode: "service:nets"}
  pidside: {SLEEP, pid: "service:nets"}
  store:
    SLEEP-BLOCK
    volumes:
      - data:/data
      - /anonymous
      - ./f.txt:/f.txt:ro
      - {type: volume, source: named, target: /n, volume: {nocopy: true}}
    tmpfs: [/t2]
  taker: {SLEEP, volumes_from: ["store:ro"]}
  conf: {SLEEP, configs: [{source: c1, target: /c1}], secrets: [s1]}
  linker: {SLEEP, links: ["store:st", "envfile"]}
  ports: {SLEEP, ports: ["127.0.0.1::80", "127.0.0.1:28080-28085:81/udp"], expose: ["99"]}
  limits:
    SLEEP-BLOCK
    <<: *limits
    ulimits: {nofile: {soft: 100, hard: 200}, nproc: 100}
    sysctls: {net.core.somaxconn: "100"}
    cap_add: [NET_ADMIN]
    cap_drop: [MKNOD]
    security_opt: ["no-new-privileges:true"]
    init: true
    read_only: true
    shm_size: 16m
    dns: [10.9.9.9]
    extra_hosts: ["foo:10.2.3.4"]
    hostname: limhost
    user: "1000:1000"
    working_dir: /tmp
    group_add: ["100"]
    logging: {driver: json-file, options: {max-size: "1m"}}
  named: {SLEEP, container_name: PROJECT-own, restart: unless-stopped, tty: true, labels: {x.y: "z"}}
  host: {SLEEP, network_mode: host, ipc: host, pid: host, healthcheck: {disable: true}}
  checked: {SLEEP, healthcheck: {test: ["CMD", "true"], interval: 60s, timeout: 1s, retries: 2, start_period: 3s}}
  none: {SLEEP, network_mode: none}
  bridge: {SLEEP, network_mode: bridge, devices: ["/dev/null:/dev/xnull"]}
networks:
  front: {}
  back: {ipam: {config: [{subnet: 10.177.9.0/24}]}}
  third: {internal: true}
volumes: {data: {}, named: {labels: {a: b}}}
configs: {c1: {file: ./f.txt}}
secrets: {s1: {file: ./f.txt}}
"""


def write_wide(project: Project) -> Project:
    block = f'image: {IMAGE}\n    command: ["sleep", "1000"]\n    stop_signal: SIGKILL'
    text = WIDE.replace("SLEEP-BLOCK", block).replace("PROJECT", project.name)
    return project.write(text, e_env="A=1\n", f_txt="hi\n")


def comparable(item: dict[str, Any]) -> Any:
    """An inspect without what a health check and Go's map order change by themselves."""
    kept = {key: value for key, value in item.items() if key != "ExecIDs"}
    kept["State"] = {key: value for key, value in item["State"].items() if key != "Health"}
    kept["Mounts"] = sorted(item["Mounts"], key=lambda mount: str(mount["Destination"]))
    return json.loads(json.dumps(kept))


def test_compose_by_hand_changes_nothing_that_we_made(project: Project) -> None:
    recording = write_wide(project).record()
    made: dict[str, Any] = {}
    for service, template in sorted(recording.templates.items(), key=lambda item: item[1].namespace_of or ""):
        if template.namespace_of is None and service != "linker":
            made[service] = project.run(recording, service)
    made["limits2"] = project.run(recording, "limits", 2)
    made["linker"] = project.run(recording, "linker")
    for service, template in recording.templates.items():
        if template.namespace_of:
            made[service] = project.run(recording, service, holder=made[template.namespace_of])
    before = project.containers()
    project.hand("up", "-d")
    after = project.containers()
    assert sorted(before) == sorted(after)
    assert {name: comparable(item) for name, item in before.items()} == {
        name: comparable(item) for name, item in after.items()
    }


def test_what_compose_made_is_current_in_every_field_and_by_its_label(project: Project) -> None:
    write_wide(project).hand("up", "-d")
    recording = project.record()
    labels = {
        item["Config"]["Labels"]["com.docker.compose.service"]: item["Config"]["Labels"][
            "com.docker.compose.config-hash"
        ]
        for item in project.containers().values()
    }
    assert labels == {service: template.config_hash for service, template in recording.templates.items()}
    drifts = {
        replica.name: replica.drift
        for service in recording.templates
        for replica in project.view(service, recording).replicas
    }
    assert drifts == dict.fromkeys(project.containers(), ())


def test_fingerprints_are_the_same_before_and_after_the_project_runs(project: Project) -> None:
    write_wide(project)
    before = project.record()
    project.hand("create")
    after = project.record()
    assert {key: item.fingerprint for key, item in before.templates.items()} == {
        key: item.fingerprint for key, item in after.templates.items()
    }


def test_recording_makes_nothing_and_pulls_nothing(project: Project) -> None:
    project.write(
        "services: {a: {image: nowhere.invalid/none:1, volumes: ['data:/v'], ports: ['80']}}\nvolumes: {data: {}}\n"
    )
    template = project.record().templates["a"]
    assert json.loads(template.body)["create"]["Image"] == "nowhere.invalid/none:1"
    assert len(template.networks) == len(template.volumes) == 1
    assert project.containers() == {}
    for kind in ("network", "volume"):
        assert docker(kind, "ls", "-q", "--filter", f"name={project.name}") == ""


@pytest.mark.parametrize("replicas", [0, 3])
def test_every_service_is_recorded_once_whatever_its_scale(project: Project, replicas: int) -> None:
    project.write(f"services: {{a: {{SLEEP, deploy: {{replicas: {replicas}}}}}}}")
    recorded = project.record().templates["a"].config_hash
    project.hand("create", "--scale", "a=1")
    assert project.replica("a").config_hash == recorded


def test_what_changes_nothing_of_a_container_changes_no_fingerprint(project: Project) -> None:
    project.write("services: {a: {SLEEP}, b: {SLEEP}}")
    before = project.record().templates["a"].fingerprint
    project.write("services: {a: {SLEEP, depends_on: [b], deploy: {update_config: {parallelism: 2}}}, b: {SLEEP}}")
    assert project.record().templates["a"].fingerprint == before
    project.write("services: {a: {SLEEP, environment: {X: '1'}}, b: {SLEEP}}")
    assert project.record().templates["a"].fingerprint != before


def test_a_missing_external_network_is_said_in_composes_words(project: Project) -> None:
    project.write("services: {a: {SLEEP, networks: [n]}}\nnetworks: {n: {external: true, name: ct-nowhere}}\n")
    with pytest.raises(Rejected, match="ct-nowhere"):
        project.record()


def test_an_external_network_is_the_daemons_and_not_ours_to_make(project: Project) -> None:
    project.write(
        f"services: {{a: {{SLEEP, networks: [n]}}}}\nnetworks: {{n: {{external: true, name: {project.name}-ext}}}}\n"
    )
    docker("network", "create", f"{project.name}-ext")
    recording = project.record()
    assert recording.templates["a"].networks == ()
    project.run(recording, "a")
    assert set(project.containers()[f"{project.name}-a-1"]["NetworkSettings"]["Networks"]) == {f"{project.name}-ext"}


def test_a_bad_file_is_invalid_input_with_its_place(project: Project) -> None:
    project.write("services: {a: {imag: x}}\n")
    with pytest.raises(InvalidInput, match=r"services\.a.*imag") as raised:
        project.render()
    (finding,) = raised.value.findings
    assert (finding.file, finding.path) == (str(project.directory / "compose.yaml"), "services.a.imag")


def test_without_a_daemon_rendering_works_and_recording_is_transient(project: Project, tmp_path: Path) -> None:
    project.write("services: {a: {SLEEP}}")
    engine = ComposeEngine(Endpoint(f"unix://{tmp_path}/nothing.sock"))
    rendered = engine.render(project.compose)
    assert rendered.name == project.name
    with pytest.raises(Transient, match=r"nothing\.sock"):
        engine.record(project.compose, rendered)
    engine.close()


def test_a_secret_of_the_environment_is_in_no_error(project: Project) -> None:
    project.write("services: {a: {SLEEP, ports: ['${API_TOKEN}']}}")
    compose = project.compose
    from dataclasses import replace

    leaky = replace(compose, environment={**compose.environment, "API_TOKEN": "hunter2hunter2"})
    with pytest.raises(InvalidInput) as raised:
        project.engine.render(leaky)
    assert "hunter2" not in str(raised.value)
