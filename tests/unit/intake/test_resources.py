"""What a stack says of memory, processor time and quick starts; what of it cannot be is refused at its place."""

from __future__ import annotations

from typing import Any

import pytest

from controller.intake.policy import resolve_policy
from controller.intake.resources import check_resources, read_claims, read_optimization, read_resources
from controller.model.manifest import Stack
from controller.model.resources import (
    AdjustMode,
    AdjustPolicy,
    Admission,
    Amount,
    Bounds,
    Claims,
    Limit,
    Optimization,
    Reserve,
    ResourcePolicy,
)

pytestmark = pytest.mark.unit

MIB = 2**20


def stack(**spec: Any) -> Stack:
    document = {"apiVersion": "controller/v1", "kind": "Stack", "metadata": {"name": "shop"}}
    return Stack.model_validate({**document, "spec": spec})


def test_a_bare_project_is_as_a_manifest_without_a_word() -> None:
    assert read_resources(None) == read_resources(stack()) == ResourcePolicy()
    assert read_optimization(None) == read_optimization(stack()) == Optimization()
    assert resolve_policy(None).admission is Admission.WARN


def test_what_is_said() -> None:
    said = stack(
        resources={
            "admission": "enforce",
            "reserve": {"memory": "512Mi", "cpu": "0.5", "disk": "1gb"},
            "autoAdjust": {"mode": "apply", "headroom": "30%", "cooldown": "1m", "step": "50%"},
        },
        optimization={"earlyPulls": False},
    )
    policy = read_resources(said)
    assert policy.adjust == AdjustPolicy(AdjustMode.APPLY, 0.3, 60.0, 0.5)
    assert policy.reserve == Reserve(512 * MIB, 0.5, 2**30)
    whole = resolve_policy(said)
    assert (whole.admission, whole.reserve) == (Admission.ENFORCE, policy.reserve)
    assert whole.optimization == Optimization(early_pulls=False)


CLAIMS = {
    "nothing": ({}, Claims()),
    "as Compose renders it": (
        {
            "deploy": {
                "resources": {
                    "reservations": {"cpus": 0.25, "memory": "67108864"},
                    "limits": {"cpus": 0.5, "memory": "134217728"},
                }
            }
        },
        Claims(Amount(64 * MIB, 0.25), Limit(128 * MIB, 0.5)),
    ),
    "the older keys": (
        {"mem_reservation": "67108864", "mem_limit": "134217728", "cpus": 1.5},
        Claims(Amount(64 * MIB), Limit(128 * MIB, 1.5)),
    ),
    "no limit is none": ({"mem_limit": "0", "cpus": 0}, Claims()),
    "only devices are reserved": (
        {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}},
        Claims(),
    ),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_what_one_replica_claims(case: str) -> None:
    model, claims = CLAIMS[case]
    assert read_claims(model, None, {}) == claims


def test_bounds_and_exclusive_volumes() -> None:
    said = stack(services={"db": {"limits": {"minMemory": "64Mi", "maxCpu": 2}, "exclusiveVolumes": ["data"]}})
    claims = read_claims({}, said.spec.services["db"], {"data": {"name": "shop_data"}})
    assert claims == Claims(bounds=Bounds(min_memory=64 * MIB, max_cpu=2.0), exclusive=("shop_data",))


WRONG = {
    "bounds that cross": (
        {"services": {"db": {"limits": {"minMemory": "2gb", "maxMemory": "1gb"}}}},
        ("spec.services.db.limits.minMemory", "minMemory 2Gi is above maxMemory 1Gi"),
    ),
    "cores that cross": (
        {"services": {"db": {"limits": {"minCpu": 2, "maxCpu": 1}}}},
        ("spec.services.db.limits.minCpu", "minCpu 2 is above maxCpu 1"),
    ),
    "a clean-up without end": (
        {"resources": {"cleanup": {"every": "0s"}}},
        ("spec.resources.cleanup.every", "nothing is cleaned up more often than each minute"),
    ),
    "a volume that nobody has": (
        {"services": {"db": {"exclusiveVolumes": ["dat"]}}},
        ("spec.services.db.exclusiveVolumes[0]", "there is no volume 'dat'"),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be(case: str) -> None:
    spec, (place, message) = WRONG[case]
    (finding,) = check_resources(stack(**spec), {"data": {}})
    assert (finding.path, finding.message, finding.hint is not None) == (place, message, True)


def test_what_can_be() -> None:
    spec = {"services": {"db": {"limits": {"minMemory": "1gb", "maxMemory": "1gb"}, "exclusiveVolumes": ["data"]}}}
    assert not tuple(check_resources(stack(**spec), {"data": {}}))
