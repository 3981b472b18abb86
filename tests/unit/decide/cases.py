"""One service at one instant in one line, and its decision as one line of text, so that tables can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.decide.case import Case
from controller.decide.service import decide
from controller.model.decision import Decision, Freeze, History, Offers
from controller.model.desired import DesiredService
from controller.model.observed import Replica, ServiceView
from controller.model.steps import Step, step_action, step_number
from tests.builders import NOW, aim, checked, view

SEEN = History(adopted_at=NOW - 500)
"""A service that has been known for long."""


def case(
    want: DesiredService | None = None,
    *replicas: Replica,
    gates: Mapping[str, Offers] | None = None,
    history: History = SEEN,
    frozen: Freeze | None = None,
    seen: Mapping[str, Any] | None = None,
    **others: Any,
) -> Case:
    """`seen`: fields of the view other than its replicas; `others`: fields of the case."""
    target = aim(want if want is not None else checked(), frozen=frozen)
    looked: ServiceView = view(*replicas, **(seen or {}))
    return Case(aim=target, seen=looked, history=history, now=others.pop("now", NOW), gates=gates or {}, **others)


def tell(decision: Decision, now: float = NOW) -> str:
    """`Phase Reason: steps | waits for … | wakes +…`."""
    steps = ", ".join(tell_step(step) for step in decision.steps) or "-"
    waits = f" | waits for {decision.waits_for}" if decision.waits_for else ""
    wakes = "" if decision.wake_at is None else f" | wakes +{decision.wake_at - now:g}"
    return f"{decision.phase} {decision.reason}: {steps}{waits}{wakes}"


def tell_step(step: Step) -> str:
    number = step_number(step)
    return step_action(step) if number is None else f"{step_action(step)} {number}"


def told(given: Case) -> str:
    """The decision of a case, in one line."""
    return tell(decide(given), given.now)
