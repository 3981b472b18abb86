"""Observing the real engine: phases, drift by hand, what is left out, and what is not asked twice."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from controller.engines.base import Nudge, Scope
from controller.engines.compose_engine import ComposeEngine
from controller.engines.transport import Endpoint
from controller.model.desired import ProbeKind
from controller.model.errors import Transient
from controller.model.observed import Health, ReplicaPhase
from controller.model.project import Recording
from controller.model.steps import Connect, Result
from tests.engine.docker_project import IMAGE, Project, docker, inspect
from tests.engine.scenario import eventually

pytestmark = pytest.mark.engine


def test_phases_exit_codes_and_instants_of_one_life(project: Project) -> None:
    recording = project.write(f'services: {{a: {{image: {IMAGE}, command: ["sh", "-c", "exit 3"]}}}}').record()
    began = time.time()
    made = project.create(recording, "a")
    created = project.replica("a")
    assert (created.phase, created.started_at, created.exit_code) == (ReplicaPhase.CREATED, None, None)
    project.start("a", made)
    docker("wait", made)
    ended = project.replica("a")
    assert (ended.phase, ended.exit_code, ended.restarts) == (ReplicaPhase.EXITED, 3, 0)
    assert ended.started_at is not None and ended.finished_at is not None
    assert began - 0.1 < ended.created_at < ended.started_at <= ended.finished_at < time.time() + 0.1


def test_dockers_restarts_are_counted(project: Project) -> None:
    command = f'image: {IMAGE}, command: ["sh", "-c", "exit 1"], restart: on-failure:2'
    made = project.run(project.write(f"services: {{a: {{{command}}}}}").record(), "a")
    docker("wait", made)
    eventually(lambda: project.replica("a").restarts == 2)


def test_health_check_and_dockers_verdict(project: Project) -> None:
    check = '{test: ["CMD", "true"], interval: 1s, timeout: 2s, retries: 4, start_period: 5s}'
    project.run(project.write(f"services: {{a: {{SLEEP, healthcheck: {check}}}}}").record(), "a")
    replica = project.replica("a")
    assert replica.health is Health.STARTING and replica.check is not None
    found = replica.check
    assert (found.kind, found.command) == (ProbeKind.EXEC, ("true",))
    assert (found.interval, found.timeout, found.retries, found.start_period) == (1.0, 2.0, 4, 5.0)
    eventually(lambda: project.replica("a").health is Health.HEALTHY)


def test_drift_by_hand_is_named_by_its_fields(project: Project) -> None:
    text = "services: {a: {SLEEP, mem_limit: 64m, networks: {default: {}, back: {aliases: [x]}}}}\nnetworks: {back: {}}"
    recording = project.write(text).record()
    made = project.run(recording, "a")
    assert project.replica("a", recording).drift == ()
    docker("update", "-m", "128m", "--memory-swap", "256m", made)
    assert project.replica("a", recording).drift == ("Memory",)
    docker("update", "-m", "64m", "--memory-swap", "128m", "--restart", "always", made)
    assert project.replica("a", recording).drift == ("RestartPolicy",)
    docker("update", "--restart", "no", "--cpus", "0.5", made)
    assert project.replica("a", recording).drift == ("NanoCpus",)
    docker("network", "disconnect", f"{project.name}_back", made)
    assert project.replica("a", recording).drift == ("NanoCpus", "Networks")
    docker("network", "connect", "--alias", "a", f"{project.name}_back", made)
    assert project.replica("a", recording).drift == ("NanoCpus", f"Networks.{project.name}_back.Aliases")


def test_a_container_that_was_connected_without_its_services_name_has_lost_that_alone(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}}").record()
    made = project.run(recording, "a")
    assert project.replica("a", recording).by_name is True
    docker("network", "disconnect", f"{project.name}_default", made)
    docker("network", "connect", f"{project.name}_default", made)
    found = project.replica("a", recording)
    assert (found.drift, found.lost, found.by_name) == ((), (f"{project.name}_default",), False)


JOINED = """
services:
  a: {SLEEP, networks: {default: {aliases: [face, Shop]}, back: {aliases: [x]}, fixed: PLACE}, links: ["db:store", db]}
  db: {SLEEP, networks: [default, back]}
  named: {SLEEP, container_name: NAME-own, networks: {back: {aliases: [y]}}}
networks: {back: {}, fixed: {ipam: {config: [{subnet: SUBNET.0/24}]}}}
"""


def joined(project: Project, more: str = "") -> tuple[Recording, str]:
    """The address that `a` asks for on a subnet that is no other test's."""
    subnet = f"10.213.{int(project.name[-6:], 16) % 256}"
    text = JOINED.replace("PLACE", f"{{ipv4_address: {subnet}.9, {more}}}").replace("SUBNET", subnet)
    return project.write(text.replace("NAME", project.name)).record(), f"{subnet}.9"


@pytest.mark.fault("W10")
def test_what_was_just_made_has_lost_nothing_whoever_made_it_and_whether_it_runs_or_not(project: Project) -> None:
    recording, _ = joined(project, "aliases: [z]")

    def missing(*services: str) -> list[object]:
        """Of each of their replicas what is not there that was asked for."""
        seen = [one for name in services for one in project.view(name, recording).replicas]
        assert len(seen) == len(services)
        return [found for one in seen for found in (*one.lost, *one.misjoined)]

    project.run(recording, "db", 2)
    made = project.create(recording, "a", 3)
    project.create(recording, "named")
    docker("rm", "-f", project.create(recording, "db"))
    assert missing("db", "named") == []
    project.run(recording, "db")
    project.start("a", made)
    for act in ("restart", "pause", "unpause", "kill", "start"):
        docker(act, made)
        assert missing("a") == [], act
    docker("rm", "-f", made)
    project.hand("up", "-d", "--scale", "db=2")
    assert missing("a", "named") == []
    project.hand("up", "-d", "--force-recreate", "a")
    assert missing("a", "named") == []


@pytest.mark.fault("W10")
def test_aliases_addresses_and_links_that_a_hand_took_are_given_back_and_what_it_added_stays(project: Project) -> None:
    recording, address = joined(project, "aliases: [z]")
    project.run(recording, "db")
    made = project.run(recording, "a", 2)
    default, back, fixed = (f"{project.name}_{name}" for name in ("default", "back", "fixed"))
    for network, names in {default: ("a", "Shop", "mine"), back: ("a", "x"), fixed: ("a", "z")}.items():
        docker("network", "disconnect", network, made)
        docker("network", "connect", *(f"--alias={name}" for name in names), network, made)
    found = {one.path: one.seen for one in project.replica("a", recording).misjoined}
    links = {f"Networks.{network}.Links": "none" for network in (default, back, fixed)}
    assert found == {f"Networks.{default}.Aliases": "Shop", f"Networks.{fixed}.IPAMConfig": "none", **links}
    project.done(Connect("a", made, 2, recording.templates["a"], "test", (default, back, fixed)))
    again = project.replica("a", recording)
    assert (again.lost, again.misjoined, again.drift) == ((), (), ())
    networks = inspect(made)[0]["NetworkSettings"]["Networks"]
    assert {"a", "face", "Shop", "mine", f"{project.name}-a-2"} <= set(networks[default]["Aliases"])
    assert networks[fixed]["IPAddress"] == address
    docker("exec", made, "ping", "-c", "1", "store")


@pytest.mark.fault("W10")
def test_who_cannot_have_its_address_again_stays_on_its_network(project: Project) -> None:
    recording, address = joined(project)
    project.run(recording, "db")
    made, fixed = project.run(recording, "a"), f"{project.name}_fixed"
    docker("network", "disconnect", fixed, made)
    docker("network", "connect", "--alias=a", fixed, made)
    db = project.replica("db").id
    docker("network", "connect", f"--ip={address}", fixed, db)
    (outcome,) = project.perform(Connect("a", made, 1, recording.templates["a"], "test", (fixed,)))
    assert outcome.result is Result.TRANSIENT and outcome.message.endswith(f"of {project.name}-db-1 now")
    assert inspect(made)[0]["NetworkSettings"]["Networks"][fixed]["IPAddress"]


MANY = """
services:
  a:
    image: IMAGE
    command: ["sleep", "1000"]
    stop_signal: SIGKILL
    env_file: [./more.env]
    environment: {A: "1", HOME: null}
    user: "1000"
    working_dir: /tmp
    hostname: host
    init: true
    tty: true
    cap_add: [NET_ADMIN]
    cap_drop: [MKNOD]
    security_opt: ["no-new-privileges:true"]
    read_only: true
    tmpfs: [/run]
    shm_size: 32m
    sysctls: {net.core.somaxconn: "512"}
    ulimits: {nofile: {soft: 100, hard: 200}}
    dns: [1.1.1.1]
    extra_hosts: ["x:10.0.0.1"]
    devices: ["/dev/null:/dev/nil"]
    expose: ["90"]
    ports: ["127.0.0.1::80", "127.0.0.1::53/udp"]
    logging: {driver: json-file, options: {max-size: 1m}}
    healthcheck: {test: ["CMD", "true"], interval: 5s}
    volumes: ["./:/host:ro", "data:/data", "/anonymous", {type: bind, source: ./, target: /long}]
    secrets: [s]
    configs: [c]
    networks: {default: {aliases: [face]}, back: {}}
    deploy: {resources: {limits: {memory: 64m, cpus: "0.5"}, reservations: {memory: 32m}}}
volumes: {data: {}}
networks: {back: {}}
secrets: {s: {file: ./more.env}}
configs: {c: {file: ./more.env}}
"""


def test_what_compose_itself_made_is_as_asked_for_whatever_was_asked(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(MANY.replace("IMAGE", IMAGE), more_env="B=2\n").hand("up", "-d")
    for again in ((), ("--force-recreate",)):
        project.hand("up", "-d", *again)
        found = project.replica("a", project.record())
        assert (found.drift, found.otherwise, found.misjoined, found.lost) == ((), (), (), ()), again
    docker("rm", "-f", found.id)
    recording = project.record()
    project.run(recording, "a")
    found = project.replica("a", recording)
    assert (found.drift, found.otherwise, found.misjoined, found.lost) == ((), (), (), ())
    with settings_with_a_proxy(project, monkeypatch):
        project.hand("up", "-d", "--force-recreate")
        found = project.replica("a", recording)
        assert (found.drift, found.otherwise) == (("Env",), ()), "another person's proxies are in no hash"


@contextmanager
def settings_with_a_proxy(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody whose Docker settings name a proxy."""
    plugins = project.directory / "settings" / "cli-plugins"
    real = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    plugins.parent.mkdir()
    (plugins.parent / "config.json").write_text('{"proxies": {"default": {"httpProxy": "http://proxy:1"}}}')
    if (real / "cli-plugins").is_dir():
        plugins.symlink_to(real / "cli-plugins")
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_CONFIG", str(plugins.parent))
        yield


def test_one_that_another_tool_made_anew_under_the_same_labels_is_found_out(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP, environment: {A: '1'}}}").record()
    made = project.run(recording, "a")
    labels = inspect(made)[0]["Config"]["Labels"]
    docker("rm", "-f", made)
    marks = [f"--label={name}={value}" for name, value in labels.items()]
    net = ["--network", f"{project.name}_default", "--network-alias=a", "--stop-signal=SIGKILL", "--stop-timeout=1"]
    more = ["-e", "A=2", "-v", "/tmp:/x", "--name", f"{project.name}-a-1"]
    docker("run", "-d", *marks, *net, *more, IMAGE, "sleep", "1000")
    found = project.replica("a", recording)
    assert (found.otherwise, found.lost, found.misjoined) == (("Env", "HostConfig.Binds"), (), ())
    assert found.config_hash == recording.templates["a"].config_hash


def test_an_edit_of_the_file_shows_as_drift_of_the_old_replica(project: Project) -> None:
    project.run(project.write("services: {a: {SLEEP, environment: {A: '1', B: '2'}}}").record(), "a")
    recording = project.write("services: {a: {SLEEP, environment: {A: '1'}, labels: {x: y}, init: true}}").record()
    assert project.replica("a", recording).drift == ("Env", "Init", "Labels")


def test_containers_of_compose_run_are_no_replicas(project: Project) -> None:
    project.write("services: {a: {SLEEP}}")
    project.hand("run", "-d", "a", "sleep", "100")
    assert len(project.containers()) == 1
    assert project.view("a").replicas == ()


def test_asked_services_have_a_view_even_without_a_container(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}, b: {SLEEP}}").record()
    project.create(recording, "a")
    images = {"a": IMAGE, "b": "ct-nowhere/none:1"}
    observed = project.engine.observe(Scope(project.name, images, recording.templates))
    assert {name: len(view.replicas) for name, view in observed.services.items()} == {"a": 1, "b": 0}
    assert observed.services["a"].image_id == inspect(IMAGE)[0]["Id"]
    assert observed.services["b"].image_id is None and observed.services["b"].complete
    assert observed.config_files == (str(project.directory / "compose.yaml"),)
    assert observed.working_dir == str(project.directory)
    only = project.engine.observe(Scope(project.name, images, recording.templates, frozenset({"b"})))
    assert list(only.services) == ["b"]


@pytest.mark.fault("I2")
def test_a_tag_that_moves_is_seen_at_once_while_events_come(project: Project) -> None:
    tag = f"{project.name}:1"
    docker("tag", IMAGE, tag)
    nudges = project.engine.nudges()
    assert next(nudges).kind is Nudge.CONNECTED
    scope = Scope(project.name, {"a": tag})
    before = project.engine.observe(scope).services["a"].image_id
    docker("rmi", tag)
    while (after := project.engine.observe(scope).services["a"].image_id) is not None:
        next(nudges)
    assert before is not None and after is None


ONCE = "if [ ! -f /seen ]; then touch /seen; exec tail /dev/zero; fi; exec sleep 1000"


@pytest.mark.fault("W3")
def test_a_later_life_is_not_taken_for_one_that_the_kernel_killed(project: Project) -> None:
    """Docker 20.10 says so of each; events tell. Who has not listened believes it."""
    limits = "mem_limit: 16m, memswap_limit: 16m, stop_signal: SIGKILL"
    text = f'services: {{a: {{image: {IMAGE}, command: ["sh", "-c", "{ONCE}"], {limits}}}}}'
    nudges = project.engine.nudges()
    assert next(nudges).kind is Nudge.CONNECTED
    made = project.run(project.write(text).record(), "a")
    docker("wait", made)
    eventually(lambda: project.replica("a").oom_killed)
    time.sleep(1.5)  # a short life may be dated after its end
    docker("start", made)
    assert project.replica("a").running and not project.replica("a").oom_killed
    docker("kill", made)
    eventually(lambda: not project.replica("a").running)
    assert project.replica("a").exit_code == 137 and not project.replica("a").oom_killed


def test_the_address_is_one_that_can_be_reached(project: Project) -> None:
    import http.client

    project.write(f'services: {{a: {{image: {IMAGE}, command: ["httpd", "-f", "-p", "80"], stop_signal: SIGKILL}}}}')
    project.run(project.record(), "a")
    address = project.replica("a").address
    assert address is not None

    def status() -> int:
        connection = http.client.HTTPConnection(address, 80, timeout=3.0)
        with closing(connection), suppress(ConnectionRefusedError):  # it runs before it listens
            connection.request("GET", "/")
            return connection.getresponse().status
        return 0

    eventually(lambda: status() == 404)


@pytest.mark.fault("I9")
def test_what_has_not_changed_is_not_inspected_again(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}}").record()
    made = project.run(recording, "a")
    nudges = project.engine.nudges()
    assert next(nudges).kind is Nudge.CONNECTED
    first = project.view("a").replicas[0]
    asked: list[str] = []
    client = project.engine._client
    original = client.get

    def count(path: str, *rest: object, **more: object) -> object:
        asked.append(path)
        return original(path, *rest, **more)  # type: ignore[arg-type]

    def is_only_listed() -> bool:
        asked.clear()
        assert project.view("a").replicas[0] == first
        return "/containers/json" in asked and not any(made in path for path in asked)

    client.get = count  # type: ignore[method-assign]
    eventually(is_only_listed)  # once the events of its start, which the stream repeats, are through
    docker("update", "--cpus", "0.5", made)
    eventually(lambda: project.replica("a", recording).drift == ("NanoCpus",))
    assert next(nudge for nudge in nudges if nudge.stack == project.name).service == "a"


def test_projects_tells_of_every_project_from_labels_alone(project: Project) -> None:
    project.run(project.write("services: {a: {SLEEP}, b: {SLEEP}}").record(), "a")
    found = project.engine.projects()[project.name]
    (replica,) = found.services["a"].replicas
    assert (replica.phase, found.working_dir) == (ReplicaPhase.RUNNING, str(project.directory))


def test_the_same_is_seen_through_dial_stdio(project: Project) -> None:
    """Contexts, ssh and TLS take this way."""
    recording = project.write("services: {a: {SLEEP}}").record()
    made = project.run(recording, "a")
    context = f"{project.name}-context"
    docker("context", "create", context, "--docker", f"host={project.engine.endpoint.host}")
    far = ComposeEngine(Endpoint("ssh://elsewhere", context))
    try:
        project.engine, near = far, project.engine
        replica, other = project.replica("a", recording), near.observe(Scope(project.name)).services["a"].replicas[0]
        assert (replica.life, replica.drift, replica.address) == (other.life, (), None)
        assert far.execute(made, ["echo", "hi"], timeout=5.0).output == "hi\n"
        nudges = far.nudges()
        assert next(nudges).kind is Nudge.CONNECTED
        project.create(project.record(), "a", 2)
        assert next(nudge for nudge in nudges if nudge.stack == project.name).service == "a"
    finally:
        far.close()
        docker("context", "rm", context)
    assert "dial-stdio" not in children()


def children() -> str:
    import psutil

    return json.dumps([process.cmdline() for process in psutil.Process().children(recursive=True)])


def test_no_daemon_is_transient_and_says_where_it_looked(tmp_path: object) -> None:
    engine = ComposeEngine(Endpoint(f"unix://{tmp_path}/no.sock"))
    with pytest.raises(Transient, match=r"no\.sock"):
        engine.observe(Scope("x"))
    with pytest.raises(Transient):
        engine.info()
    engine.close()
