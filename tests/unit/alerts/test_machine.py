"""Alerts of the machine, and of services near their limits: by numbers, by name, and quiet where all is well."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from controller.alerts.judge import Scene, judge
from controller.alerts.measured import MACHINE, find_machine, find_near_limits, keep_words, strictest
from controller.alerts.notices import body_of
from controller.alerts.rules import Symptom
from controller.model.alert import AlertPolicy, Book, Severity
from controller.model.resources import HostThresholds
from controller.model.usage import EngineView, Figures, HostUsage, ServiceUsage, Usage
from tests.builders import NOW
from tests.unit.alerts.story import CRITICAL, WARNING, Story, service, status

pytestmark = pytest.mark.unit

GIB, MIB = 1 << 30, 1 << 20
LIMITS = HostThresholds()
HERE = EngineView(4, 8 * GIB, True)
WELL = HostUsage(
    4, 1.0, None, 8 * GIB, 4 * GIB, 0, 0, "/var/lib/docker", 100 * GIB, 50 * GIB, 1000, 500, 100, 1000, 0.9, 0.0, 0.5
)


def uses(cpu: float | None = None, memory: int | None = None) -> ServiceUsage:
    return ServiceUsage(Figures(cpu=cpu, memory=memory))


SHOP = {"web": uses(1.2, 812 * MIB), "db": uses(0.4, 402 * MIB), "a": uses(0.0, 1), "b": uses(0.1, 2), "job": uses()}


def told(
    host: HostUsage = WELL, firing: Collection[str] = (), engine: EngineView = HERE, stacks: Collection[str] = ("shop",)
) -> list[tuple[str, Severity, float]]:
    return [(one.rule, one.severity, one.after) for one in symptoms(host, firing, engine, stacks)]


def symptoms(
    host: HostUsage = WELL, firing: Collection[str] = (), engine: EngineView = HERE, stacks: Collection[str] = ("shop",)
) -> tuple[Symptom, ...]:
    return find_machine(Usage(NOW, host, dict.fromkeys(stacks, SHOP), engine), LIMITS, firing)


def memory(share: float) -> HostUsage:
    return replace(WELL, memory_available=round(8 * GIB * (1 - share)))


def test_a_machine_on_which_all_is_well_says_nothing() -> None:
    assert told() == []
    assert told(HostUsage()) == []


@pytest.mark.parametrize(
    ("host", "found"),
    [
        (memory(0.89), []),
        (memory(0.91), [("HostMemoryHigh", WARNING, 300.0)]),
        (memory(0.98), [("HostMemoryHigh", WARNING, 300.0), ("HostMemoryHigh", CRITICAL, 60.0)]),
        (replace(WELL, cpu=3.5), []),
        (replace(WELL, cpu=4.0), [("HostCpuHigh", WARNING, 300.0)]),
        (replace(WELL, disk_free=16 * GIB), []),
        (replace(WELL, disk_free=15 * GIB), [("HostDiskHigh", WARNING, 300.0)]),
        (replace(WELL, disk_free=3 * GIB), [("HostDiskHigh", WARNING, 300.0), ("HostDiskHigh", CRITICAL, 60.0)]),
        (replace(WELL, inodes_free=151), []),
        (replace(WELL, inodes_free=100), [("HostInodesHigh", WARNING, 300.0)]),
        (replace(WELL, inodes_free=0), [("HostInodesHigh", WARNING, 300.0), ("HostInodesHigh", CRITICAL, 60.0)]),
        (replace(WELL, inodes_total=None, inodes_free=None), []),
        (replace(WELL, files_open=899), []),
        (replace(WELL, files_open=900), [("HostOpenFilesHigh", WARNING, 300.0)]),
        (replace(WELL, files_open=9999, files_most=None), []),
        (replace(WELL, memory_pressure=0.24), []),
        (replace(WELL, memory_pressure=0.3), [("HostPressureHigh", WARNING, 300.0)]),
    ],
)
def test_what_runs_short(host: HostUsage, found: list[tuple[str, Severity, float]]) -> None:
    assert told(host) == found
    assert {rule for rule, _, _ in found} <= MACHINE


@pytest.mark.parametrize(
    ("share", "firing", "lasts"), [(0.885, True, True), (0.875, True, False), (0.885, False, False)]
)
def test_what_swings_about_a_threshold_is_told_once(share: float, firing: bool, lasts: bool) -> None:
    assert bool(told(memory(share), {"HostMemoryHigh"} if firing else ())) is lasts


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (
            memory(0.914),
            "91% of the machine's memory is in use (7.31Gi of 8Gi); most by web 812Mi, db 402Mi, b 2B; "
            "stop what is not needed, limit it, or add memory",
        ),
        (
            replace(WELL, cpu=3.8),
            "95% of the machine's 4 cores are in use; most by web 1200m, db 400m, b 100m; "
            "limit what uses most (deploy.resources.limits.cpus), or move something elsewhere",
        ),
        (
            replace(WELL, disk_free=10 * GIB),
            "90% of the disk of /var/lib/docker is in use (10Gi free); make room: "
            "controller cleanup --dry-run shows what can go, docker system df what takes it",
        ),
        (
            replace(WELL, inodes_free=100),
            "90% of the inodes of /var/lib/docker are in use (100 free); "
            "remove what has very many files: images, build cache, volumes",
        ),
        (
            replace(WELL, files_open=950),
            "95% of the open files that the kernel allows are in use (950 of 1000); "
            "find who leaves them open (lsof), or raise fs.file-max (sysctl)",
        ),
        (
            replace(WELL, memory_pressure=0.31),
            "programs wait for memory 31% of the time; stop what is not needed, limit it, or add memory",
        ),
    ],
)
def test_a_message_has_the_numbers_who_uses_most_and_a_mend(host: HostUsage, words: str) -> None:
    (found,) = symptoms(host)
    assert found.message == words


def test_of_several_stacks_services_are_named_with_theirs() -> None:
    (found,) = symptoms(memory(0.91), stacks=("shop", "blog"))
    assert "most by blog/web 812Mi, shop/web 812Mi, blog/db 402Mi; " in found.message
    (found,) = symptoms(memory(0.91), stacks=())
    assert "8Gi); stop what" in found.message


@pytest.mark.parametrize(
    ("engine", "found"),
    [
        pytest.param(EngineView(4, 8 * GIB), [], id="much left"),
        pytest.param(
            EngineView(4, 1300 * MIB), ["services use 93% of the engine's memory (1.19Gi of 1.27Gi)"], id="memory"
        ),
        pytest.param(EngineView(1, 8 * GIB), ["170% of the engine's 1 cores are in use"], id="cores"),
        pytest.param(EngineView(), [], id="it tells nothing"),
    ],
)
def test_elsewhere_the_engine_counts_and_not_this_machine(engine: EngineView, found: list[str]) -> None:
    full = replace(memory(0.99), cpu=4.0)
    assert [one.message.partition(";")[0] for one in symptoms(full, engine=engine) if one.severity is WARNING] == found


def test_the_lowest_threshold_of_all_stacks_counts() -> None:
    some = (HostThresholds(0.8, 0.95, 0.5, 600.0), HostThresholds(0.9, 0.7, 0.9, 60.0))
    assert strictest(some) == HostThresholds(0.8, 0.7, 0.5, 60.0)
    assert strictest([]) == HostThresholds()


def test_a_threshold_above_what_is_critical_is_heeded() -> None:
    usage = Usage(NOW, memory(0.975), {}, HERE)
    assert find_machine(usage, HostThresholds(memory=0.98), ()) == ()
    found = find_machine(Usage(NOW, memory(0.985), {}, HERE), HostThresholds(memory=0.98), ())
    assert [one.severity for one in found] == [WARNING, CRITICAL]


def test_the_words_of_what_goes_on_hold_though_its_numbers_change() -> None:
    first, second = symptoms(memory(0.91)), symptoms(memory(0.93))
    assert first[0].message != second[0].message
    assert keep_words(first, second) == first
    grown = symptoms(memory(0.98))
    assert [one.severity for one in keep_words(first, grown)] == [WARNING, CRITICAL]
    assert keep_words((), second) == second


def near(limit: int | None, *used: int | None, firing: Collection[str] = ()) -> tuple[Symptom, ...]:
    replicas = {f"web-{n}": Figures(memory=one, memory_limit=limit) for n, one in enumerate(used, 1)}
    return find_near_limits({"web": ServiceUsage(replicas=replicas)}, firing)


def test_a_service_near_its_limit() -> None:
    (found,) = near(100 * MIB, 95 * MIB, 10 * MIB, 90 * MIB)
    assert (found.rule, found.service, found.severity, found.after) == ("MemoryNearLimit", "web", WARNING, 300.0)
    assert found.message == (
        "web-1 uses 95Mi of 100Mi, web-3 uses 90Mi of 100Mi of memory; raise its limit, before the kernel kills it"
    )
    assert near(100 * MIB, 89 * MIB) == ()
    assert near(100 * MIB, 89 * MIB, firing={"web/MemoryNearLimit"}) != ()
    cached = Figures(memory=95 * MIB, memory_limit=100 * MIB, cached=40 * MIB)
    assert find_near_limits({"files": ServiceUsage(replicas={"files-1": cached})}, ()) == ()
    assert near(None, 95 * MIB) == near(100 * MIB, None) == ()


def test_the_machine_is_an_alert_of_its_own_that_gets_worse_and_ends() -> None:
    """A minute of nearly full memory is told at once, though it was high for less than five."""
    book, watch, said = Book(), Story().watch, []
    for second in range(0, 900, 15):
        share = 0.91 if second < 330 else 0.98 if second < 450 else 0.5
        found = find_machine(Usage(NOW, memory(share), {"shop": SHOP}, HERE), LIMITS, book.open.keys())
        scene = Scene(status(service("web")), {}, AlertPolicy(), measured=found)
        verdict = judge(book, watch, scene, NOW + second)
        book, watch = verdict.book, verdict.watch
        said += [(second, alert.rule, alert.service, alert.severity) for alert in verdict.fired]
        said += [(second, "resolved", alert.rule, alert.severity) for alert in verdict.resolved]
    assert said == [
        (300, "HostMemoryHigh", None, WARNING),
        (390, "HostMemoryHigh", None, CRITICAL),
        (480, "resolved", "HostMemoryHigh", CRITICAL),
    ]


def test_a_moment_that_is_worse_is_not_told_as_such() -> None:
    book, watch = Book(), Story().watch
    for second in range(0, 900, 15):
        share = 0.98 if second % 60 == 0 else 0.91
        found = find_machine(Usage(NOW, memory(share), {}, HERE), LIMITS, book.open.keys())
        verdict = judge(book, watch, Scene(status(), {}, AlertPolicy(), measured=found), NOW + second)
        book, watch = verdict.book, verdict.watch
    assert [alert.severity for alert in book.open.values()] == [WARNING]


def test_while_the_engine_is_away_the_machine_is_judged_and_its_services_are_not() -> None:
    found = (*symptoms(memory(0.91)), *near(100, 99))
    scene = Scene(status(conditions=["EngineUnavailable"]), {}, AlertPolicy(), measured=found)
    verdict = judge(Book(), Story().watch, scene, NOW)
    verdict = judge(verdict.book, verdict.watch, scene, NOW + 300)
    assert set(verdict.book.open) == {"EngineUnavailable", "HostMemoryHigh"}
    assert "look: controller top\n" in body_of(verdict.book.open["HostMemoryHigh"])
    assert "look: controller why -s shop\n" in body_of(verdict.book.open["EngineUnavailable"])
