"""What is exposed, as Prometheus' own parsers read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from controller.model.alert import Alert
from controller.model.phases import Phase, StackPhase
from controller.model.routes import RouteSeen, RouteState
from controller.model.usage import Figures, HostUsage, ServiceUsage, Usage
from controller.render.alerts import Shown
from controller.web.exposition import expose
from controller.web.families import FAMILIES
from controller.web.snapshot import Snapshot, StackFacts
from tests.builders import NOW, healthy
from tests.unit.cli.statuses import service_status, stack_status
from tests.unit.web.everything import ALERT, FIGURES, everything

pytestmark = pytest.mark.unit

OPENMETRICS = "application/openmetrics-text; version=1.0.0"

Found = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def read(snapshot: Snapshot) -> Found:
    text, _ = expose(snapshot, "")
    samples = [sample for family in read_text(text.decode()) for sample in family.samples]
    found = {(one.name, frozenset(one.labels.items())): one.value for one in samples}
    assert len(found) == len(samples)
    return found


def value(found: Found, name: str, /, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def names(found: Found) -> set[str]:
    return {name for name, _ in found}


def test_figures_are_told_in_base_units_under_the_labels_that_belong_to_them() -> None:
    found = read(everything())
    web = {"stack": "shop", "service": "web"}
    one = {**web, "replica": "shop-web-1"}
    expected = [
        (value(found, "controller_build_info", version="1.2.3"), 1),
        (value(found, "controller_start_time_seconds"), NOW),
        (value(found, "controller_passes_total", stack="shop"), 9),
        (value(found, "controller_pass_seconds_total", stack="shop"), 0.25),
        (value(found, "controller_stack_generation", stack="shop"), 3),
        (value(found, "controller_service_replicas_desired", **web), 2),
        (value(found, "controller_service_replicas_ready", **web), 1),
        (value(found, "controller_service_restarts", **web), 2),
        (value(found, "controller_replica_cpu_cores", **one), 0.5),
        (value(found, "controller_replica_memory_limit_bytes", **one), 1 << 30),
        (value(found, "controller_replica_network_transmit_bytes_per_second", **one), 20),
        (value(found, "controller_host_load15"), 0.3),
        (value(found, "controller_host_swap_used_bytes"), 0),
        (value(found, "controller_ingress_requests_total", **one), 120),
        (value(found, "controller_ingress_errors_total", **one), 4),
        (value(found, "controller_ingress_latency_seconds", **one), 0.25),
        (value(found, "controller_custom", **web, name="jobs"), 12.5),
        (value(found, "controller_alerts", **web, rule="Degraded", severity="critical", state="Firing"), 1),
    ]
    assert [told for told, _ in expected] == [wanted for _, wanted in expected]


def test_exactly_one_phase_is_the_present_one() -> None:
    found = read(everything())
    services = {
        phase: value(found, "controller_service_phase", stack="shop", service="web", phase=phase) for phase in Phase
    }
    assert services == {phase: float(phase is Phase.READY) for phase in Phase}
    stacks = {phase: value(found, "controller_stack_phase", stack="shop", phase=phase) for phase in StackPhase}
    assert stacks == {phase: float(phase is StackPhase.CONVERGED) for phase in StackPhase}


def test_every_family_is_exposed_once_something_is_known_of_it_and_none_beside_them() -> None:
    assert names(read(everything())) == {family.name for family in FAMILIES}


def test_what_is_not_known_is_left_out() -> None:
    silent = healthy(1, route=RouteSeen(RouteState.UNKNOWN, connections=3))
    facts = StackFacts(stack_status(service_status("web", Phase.READY, silent)), up=False)
    usage = Usage(NOW, HostUsage(2), {"shop": {"web": ServiceUsage(replicas={"shop-web-1": Figures(memory=5)})}})
    found = read(Snapshot(NOW, (facts,), usage))
    assert not [name for name in names(found) if name.startswith(("controller_ingress", "controller_custom"))]
    assert {name for name in names(found) if "_replica_" in name} == {"controller_replica_memory_bytes"}
    assert {name for name in names(found) if "_host_" in name} == {"controller_host_cores"}
    assert value(found, "controller_engine_up", stack="shop") == 0


def test_a_route_that_nobody_has_used_has_no_latency() -> None:
    fresh = healthy(1, route=RouteSeen(RouteState.IN))
    found = read(Snapshot(NOW, (StackFacts(stack_status(service_status("web", Phase.READY, fresh))),)))
    assert "controller_ingress_requests_total" in names(found)
    assert "controller_ingress_latency_seconds" not in names(found)


def test_before_the_first_sample_there_is_nothing_measured() -> None:
    found = read(replace(everything(), usage=None))
    assert not [name for name in names(found) if "_host_" in name or "_replica_" in name]


def test_use_of_a_stack_that_is_not_looked_at_is_not_told() -> None:
    snapshot = everything()
    assert snapshot.usage is not None
    other = {**snapshot.usage.stacks, "secret": snapshot.usage.stacks["shop"]}
    text, _ = expose(replace(snapshot, usage=replace(snapshot.usage, stacks=other)), "")
    assert b"secret" not in text


def test_alerts_with_the_same_labels_are_counted_and_the_stacks_own_have_no_service() -> None:
    own = Alert("b", "shop", None, "Full", ALERT.severity, "full", NOW, NOW)
    shown = (Shown(ALERT), Shown(replace(ALERT, id="a2")), Shown(own, "silenced by api"))
    found = read(Snapshot(NOW, (StackFacts(stack_status(), alerts=shown),)))
    severity = {"stack": "shop", "severity": "critical"}
    assert value(found, "controller_alerts", service="web", rule="Degraded", state="Firing", **severity) == 2
    assert value(found, "controller_alerts", service="", rule="Full", state="Silenced", **severity) == 1


def test_alerts_that_cannot_be_read_are_absent_and_that_is_told() -> None:
    found = read(Snapshot(NOW, (StackFacts(stack_status(), alerts=None),)))
    assert value(found, "controller_store_up", stack="shop") == 0 and "controller_alerts" not in names(found)
    assert value(read(everything()), "controller_store_up", stack="shop") == 1


def test_both_formats_say_the_same() -> None:
    text, plain = expose(everything(), "text/plain")
    opened, media_type = expose(everything(), OPENMETRICS)
    assert plain.startswith("text/plain") and media_type.startswith("application/openmetrics-text")
    assert opened.endswith(b"# EOF\n") and b"# EOF" not in text
    families = list(read_openmetrics(opened.decode()))
    assert {one.name for family in families for one in family.samples} == {family.name for family in FAMILIES}


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/html", ";;,", "application/openmetrics-text;version=x", "text/plain;version=;"]
)
def test_whatever_is_accepted_something_is_told(accept: str) -> None:
    text, media_type = expose(everything(), accept)
    assert b"controller_build_info" in text and "text" in media_type


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "ä"])
def test_whatever_a_rule_is_called_the_text_can_be_read(name: str) -> None:
    facts = StackFacts(stack_status(), alerts=(Shown(replace(ALERT, rule=name)),))
    labels = {"stack": "shop", "service": "web", "severity": "critical", "state": "Firing"}
    assert value(read(Snapshot(NOW, (facts,))), "controller_alerts", rule=name, **labels) == 1


@given(rule=st.text(), service=st.text(), custom=st.text(), figure=st.floats(allow_nan=False))
def test_whatever_is_told_is_read_as_it_was_meant(rule: str, service: str, custom: str, figure: float) -> None:
    facts = StackFacts(stack_status(), alerts=(Shown(replace(ALERT, rule=rule, service=service)),))
    usage = Usage(NOW, HostUsage(2), {"shop": {service: ServiceUsage(custom={custom: figure})}})
    alert = {"service": service, "rule": rule, "severity": "critical", "state": "Firing"}
    for accept, parse in (("", read_text), (OPENMETRICS, read_openmetrics)):
        text, _ = expose(Snapshot(NOW, (facts,), usage), accept)
        found = {one.name: one for family in parse(text.decode()) for one in family.samples}
        assert (found["controller_alerts"].labels, found["controller_alerts"].value) == ({"stack": "shop", **alert}, 1)
        assert found["controller_custom"].labels == {"stack": "shop", "service": service, "name": custom}
        assert found["controller_custom"].value == figure


def test_both_formats_name_and_explain_each_family() -> None:
    told = {(one.name.removesuffix("_total").removesuffix("_info"), one.help) for one in FAMILIES}
    opened = list(read_openmetrics(expose(everything(), OPENMETRICS)[0].decode()))
    assert {(one.name, one.documentation) for one in opened} == told
    assert {one.name: one.type for one in opened} == {
        one.name.removesuffix("_total").removesuffix("_info"): one.kind for one in FAMILIES
    }
    plain = list(read_text(expose(everything(), "")[0].decode()))
    assert {(one.name.removesuffix("_info"), one.documentation) for one in plain} == told
    assert {one.type for one in plain} == {"gauge", "counter"}


def test_what_is_no_text_hides_nothing_else() -> None:
    facts = StackFacts(stack_status(), alerts=(Shown(replace(ALERT, rule="a\ud800")),))
    labels = {"stack": "shop", "service": "web", "severity": "critical", "state": "Firing"}
    assert value(read(Snapshot(NOW, (facts,))), "controller_alerts", rule="a?", **labels) == 1


def wide(count: int) -> Snapshot:
    services = [service_status(f"s{number}", Phase.READY, healthy(1, service=f"s{number}")) for number in range(count)]
    usage = {f"s{number}": ServiceUsage(FIGURES, {f"shop-s{number}-1": FIGURES}) for number in range(count)}
    return Snapshot(NOW, (StackFacts(stack_status(*services)),), Usage(NOW, HostUsage(2), {"shop": usage}))


def test_a_wide_stack_is_exposed_whole() -> None:
    text, _ = expose(wide(200), "")
    assert text.count(b"controller_service_phase{") == 200 * len(Phase)
