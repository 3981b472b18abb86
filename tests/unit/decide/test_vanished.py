"""What a look leaves out is asked for by its id; a list that left out what exists is no observation."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from controller.decide.vanished import find_missing, refuse_lie
from controller.model.errors import Transient
from controller.model.names import ReplicaId, Revision
from controller.model.observed import Replica, ReplicaPhase, ServiceView

pytestmark = [pytest.mark.unit, pytest.mark.fault("D6")]


def view(*ids: str, complete: bool = True) -> ServiceView:
    replicas = tuple(Replica(ReplicaId(i), i, "web", 1, Revision("r"), ReplicaPhase.RUNNING) for i in ids)
    return ServiceView(replicas, complete=complete)


CASES: dict[str, tuple[Mapping[str, Collection[str]], Mapping[str, ServiceView], Collection[str], set[str]]] = {
    "everything is still there": ({"web": ["a", "b"]}, {"web": view("a", "b")}, (), set()),
    "one of two is missing": ({"web": ["a", "b"]}, {"web": view("a")}, (), {"b"}),
    "an empty list misses all": ({"web": ["a"], "db": ["c"]}, {"web": view(), "db": view()}, (), {"a", "c"}),
    "what is new is not missing": ({"web": ["a"]}, {"web": view("a", "n")}, (), set()),
    "a service that was not looked at misses nothing": ({"web": ["a"], "db": ["c"]}, {"web": view("a")}, (), set()),
    "half a view says nothing of its other half": ({"web": ["a", "b"]}, {"web": view("a", complete=False)}, (), set()),
    "what an earlier process knew is missing": ({}, {"web": view(), "db": view()}, ["a"], {"a"}),
    "what an earlier process knew may be of any service": ({}, {"web": view(), "db": view("a")}, ["a"], set()),
    "half a look says nothing of what was known": ({}, {"web": view(complete=False)}, ["a"], set()),
}


@pytest.mark.parametrize("case", CASES)
def test_missing(case: str) -> None:
    before, views, known, missing = CASES[case]
    found = find_missing(
        {name: [ReplicaId(one) for one in ids] for name, ids in before.items()},
        views,
        [ReplicaId(one) for one in known],
    )
    assert found == missing


def test_what_is_absent_by_its_id_too_is_gone() -> None:
    refuse_lie([ReplicaId("a")], [ReplicaId("a")])


def test_what_exists_makes_the_look_worthless() -> None:
    with pytest.raises(Transient, match="leaves out 1 of the stack's containers, which exist: b"):
        refuse_lie([ReplicaId("a"), ReplicaId("b")], [ReplicaId("a")])
