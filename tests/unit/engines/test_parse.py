"""An inspect as a replica: every field by cases."""

from typing import Any

import pytest

from controller.engines import labels
from controller.engines.parse import (
    Lens,
    clean,
    drop_temporary_prefix,
    from_listed,
    parse_check,
    parse_instant,
    parse_replica,
)
from controller.model.desired import Probe, ProbeKind
from controller.model.observed import Health, Mount, ReplicaPhase
from tests.unit.engines.requests import ZERO, inspected, marks, request

pytestmark = pytest.mark.unit

EXEC = ProbeKind.EXEC
PLAIN = Lens()


def parsed(inspect: dict[str, Any], lens: Lens = PLAIN) -> Any:
    replica = parse_replica(inspect, lens)
    assert replica is not None
    return replica


@pytest.mark.parametrize(
    "text, instant",
    [
        ("2026-01-02T03:04:05.123456789Z", 1767323045.123456),
        ("2026-01-02T03:04:05Z", 1767323045.0),
        ("2026-01-02T03:04:05.5+01:00", 1767319445.5),
        (ZERO, None),
        ("", None),
        (None, None),
    ],
)
def test_instants(text: str | None, instant: float | None) -> None:
    assert parse_instant(text) == instant


def test_instants_are_shifted_to_our_clock() -> None:
    replica = parsed(inspected(request()), Lens(ahead=100.0))
    assert replica.created_at == pytest.approx(1767323045.123456 - 100.0)
    assert replica.started_at == 1767323046.0 - 100.0


@pytest.mark.parametrize("status", [phase.value for phase in ReplicaPhase])
def test_phases(status: str) -> None:
    replica = parsed(inspected(request(), Status=status, ExitCode=3))
    assert replica.phase == status
    assert replica.exit_code == (3 if status in ("exited", "dead", "restarting") else None)


def test_the_end_of_a_life_is_not_before_its_start() -> None:
    state = {"StartedAt": "2026-01-02T03:04:06.002Z", "FinishedAt": "2026-01-02T03:04:06.001Z"}
    replica = parsed(inspected(request(), Status="exited", **state))
    assert replica.finished_at == replica.started_at
    running = parsed(inspected(request(), **state))
    assert running.finished_at is not None and running.finished_at < running.started_at


@pytest.mark.parametrize(
    "change", [{labels.ONEOFF: "True"}, {labels.SERVICE: None}], ids=["docker compose run", "no service"]
)
def test_what_is_no_replica(change: dict[str, Any]) -> None:
    inspect = inspected(request())
    kept = {**marks(), **change}
    inspect["Config"]["Labels"] = {key: value for key, value in kept.items() if value is not None}
    assert parse_replica(inspect) is None


@pytest.mark.parametrize(
    "check, expected",
    [
        (None, None),
        ({"Test": []}, None),
        ({"Test": ["NONE"]}, None),
        ({"Test": ["CMD"]}, None),
        ({"Test": ["CMD", "a", "b"]}, Probe(EXEC, ("a", "b"), 0, "/", 30.0, 30.0, 3, 0.0)),
        ({"Test": ["CMD-SHELL", "a b"]}, Probe(EXEC, ("/bin/sh", "-c", "a b"), 0, "/", 30.0, 30.0, 3, 0.0)),
        (
            {
                "Test": ["CMD", "a"],
                "Interval": 1500000000,
                "Timeout": 2000000000,
                "Retries": 7,
                "StartPeriod": 3000000000,
            },
            Probe(EXEC, ("a",), 0, "/", 1.5, 2.0, 7, 3.0),
        ),
    ],
)
def test_health_checks(check: Any, expected: Probe | None) -> None:
    assert parse_check({"Healthcheck": check}) == expected


def test_a_shell_check_runs_in_the_images_shell() -> None:
    found = parse_check({"Healthcheck": {"Test": ["CMD-SHELL", "x"]}, "Shell": ["/bin/ash", "-ec"]})
    assert found is not None and found.command == ("/bin/ash", "-ec", "x")


@pytest.mark.parametrize("status", ["healthy", "unhealthy", "starting"])
def test_dockers_own_verdict_comes_first(status: str) -> None:
    assert parsed(inspected(request(), Health={"Status": status})).health == status
    assert parsed(inspected(request())).health is Health.NONE


@pytest.mark.parametrize(
    "name, more, temporary",
    [
        ("p-a-1", {}, False),
        ("p-a-1", {labels.REPLACE: "a-1"}, False),
        ("0123456789ab_p-a-1", {}, True),
        ("0123456789ab_mine", {labels.REPLACE: "a-1"}, True),
        ("0123456789ab_mine", {}, False),
        ("0123456789AB_p-a-1", {}, False),
    ],
)
def test_temporary_names(name: str, more: dict[str, str], temporary: bool) -> None:
    inspect = inspected(request(create={"Labels": {**marks(), **more}}, name=name))
    assert parsed(inspect).temporary is temporary


def test_the_final_name_is_what_follows_the_prefix() -> None:
    assert drop_temporary_prefix("0123456789ab_p-a-1") == "p-a-1"
    assert drop_temporary_prefix("p-a-1") is None


def test_only_anonymous_volumes_are_told() -> None:
    inspect = inspected(request())
    inspect["Mounts"] = [
        {"Type": "volume", "Name": "f" * 64, "Destination": "/z"},
        {"Type": "volume", "Name": "0" * 64, "Destination": "/x"},
        {"Type": "volume", "Name": "p_data", "Destination": "/d"},
        {"Type": "bind", "Source": "/x", "Destination": "/b"},
        {"Type": "tmpfs", "Destination": "/t"},
    ]
    assert parsed(inspect).mounts == (Mount("/x", "0" * 64), Mount("/z", "f" * 64))


@pytest.mark.parametrize(
    "host, owner",
    [
        ({"NetworkMode": "container:1"}, "1"),
        ({"PidMode": "container:2"}, "2"),
        ({"IpcMode": "container:3"}, "3"),
        ({"VolumesFrom": ["4:ro"]}, "4"),
        ({"IpcMode": "private"}, None),
    ],
)
def test_whose_namespace_is_shared(host: dict[str, Any], owner: str | None) -> None:
    assert parsed(inspected(request(host=host))).namespace_of == owner


@pytest.mark.parametrize("mode, on_host", [("host", True), ("p_default", False), ("bridge", False), (None, False)])
def test_who_listens_on_the_host_itself(mode: str | None, on_host: bool) -> None:
    assert parsed(inspected(request(host={"NetworkMode": mode}))).host_network is on_host


def test_an_address_is_told_only_where_it_was_seen_to_be_reachable() -> None:
    inspect = inspected(request())
    inspect["NetworkSettings"]["Networks"]["p_default"]["Gateway"] = "10.0.0.1"
    assert parsed(inspect).address is None
    assert parsed(inspect, Lens(reachable_gateways=frozenset({"10.0.0.1"}))).address == "10.0.0.2"
    inspect["HostConfig"]["NetworkMode"] = "host"
    assert parsed(inspect, Lens(shares_host=True)).address == "127.0.0.1"


def test_published_ports_are_told_once_each() -> None:
    inspect = inspected(request())
    binding = {"HostIp": "0.0.0.0", "HostPort": "8080"}
    inspect["NetworkSettings"]["Ports"] = {
        "80/tcp": [binding, {"HostIp": "::", "HostPort": "8080"}, binding],
        "81/udp": None,
    }
    assert parsed(inspect).published == ("0.0.0.0:8080->80/tcp", "[::]:8080->80/tcp")


def test_why_it_could_not_start_is_kept_without_control_characters() -> None:
    replica = parsed(inspected(request(), Status="created", Error="no \x1b[31msuch\x00 file"))
    assert replica.last_output == "no [31msuch file"
    assert len(clean("x" * 9999)) == 4096


@pytest.mark.parametrize(
    "status, health",
    [
        ("Up 2 seconds (health: starting)", "starting"),
        ("Up 5 minutes (healthy)", "healthy"),
        ("Up 5 minutes (unhealthy)", "unhealthy"),
        ("Up 5 minutes", "none"),
        ("Up 5 minutes (Paused)", "none"),
    ],
)
def test_a_list_entry_stands_in_for_an_inspect(status: str, health: str) -> None:
    listed = {
        "Id": "1",
        "Names": ["/p-a-2"],
        "Labels": marks(number=2),
        "State": "running",
        "Status": status,
        "Created": 9,
    }
    replica = parsed(from_listed(listed))
    assert (replica.name, replica.number, replica.phase, replica.created_at) == ("p-a-2", 2, ReplicaPhase.RUNNING, 9.0)
    assert replica.health == health


def test_a_number_that_is_none_is_zero() -> None:
    assert parsed(inspected(request(create={"Labels": {**marks(), labels.NUMBER: "x"}}))).number == 0
