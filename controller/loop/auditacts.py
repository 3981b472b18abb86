"""What the loop and the command line do, as acts for the audit log. Values in, values out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controller.loop.loaded import Loaded
from controller.model.cleanup import CleanupReport, Fate
from controller.model.generation import Cause
from controller.model.steps import Outcome, Step, fetched_image, step_action, step_number
from controller.model.wish import Wish
from controller.security.audit import Act, Stage, Via

CONTROLLER = "controller"
"""The actor of what nobody asked for just now."""

_MOST_NAMED = 100
"""Things that one record names."""

_NOT_TOLD = frozenset({"verb", "services", "who", "via", "origin", "timeout"})
_DEFAULTS = {one.name: one.default for one in dataclasses.fields(Wish)}


def wish_act(wish: Wish, stack: str, id_: str) -> Act:
    """What a person asks of a stack."""
    kind, name = ("service", ", ".join(wish.services)) if wish.services else ("stack", stack)
    said = {name: value for name, value in _options(wish).items() if name not in _NOT_TOLD}
    return Act(wish.who, Via(wish.via), wish.verb, kind, name, stack, wish.origin, detail=said, id=id_)


def _options(wish: Wish) -> Mapping[str, Any]:
    """Those that are not as they are where nothing is said."""
    said = dataclasses.asdict(wish)
    return {name: value for name, value in said.items() if value != _DEFAULTS[name]}


def ended(act: Act, *, ok: bool, message: str = "", outcome: str = "") -> Act:
    """The same act, with what came of it."""
    detail = {**act.detail, "message": message} if message else act.detail
    return dataclasses.replace(act, stage=Stage.OUTCOME, outcome=outcome or ("done" if ok else "failed"), detail=detail)


def intended(act: Act) -> Act:
    """The same act, before it."""
    return dataclasses.replace(act, stage=Stage.INTENT)


def refused(act: Act, why: str) -> Act:
    return dataclasses.replace(act, stage=Stage.OUTCOME, allowed=False, why=why, outcome="refused")


def step_intents(stack: str, steps: Sequence[Step], id_: str) -> Iterator[Act]:
    """One a step, each with an id of its own."""
    for number, step in enumerate(steps):
        yield intended(_step_act(stack, step, f"{id_}-{number}"))


def step_outcomes(stack: str, outcomes: Sequence[Outcome], id_: str) -> Iterator[Act]:
    for number, outcome in enumerate(outcomes):
        act = _step_act(stack, outcome.step, f"{id_}-{number}")
        more = {"message": outcome.message} if outcome.message else {}
        made = {"replica": str(outcome.replica)} if outcome.replica is not None else {}
        detail = {**act.detail, **more, **made, "seconds": round(outcome.seconds, 3)}
        yield dataclasses.replace(act, outcome=str(outcome.result).lower(), detail=detail)


def _step_act(stack: str, step: Step, id_: str) -> Act:
    """Names, numbers and reasons: never what a container is given."""
    said: dict[str, Any] = {"because": step.because}
    if (number := step_number(step)) is not None:
        said["number"] = number
    if image := fetched_image(step):
        said["image"] = image
    for name in ("replica", "revision"):
        if (value := getattr(step, name, None)) is not None:
            said[name] = str(value)
    return Act(CONTROLLER, Via.LOOP, step_action(step), "service", step.service, stack, detail=said, id=id_)


def daemon_act(verb: str, stacks: Sequence[str], actor: str, origin: str, outcome: str) -> Act:
    """The controller begins or ends."""
    return Act(
        actor, Via.LOOP, verb, CONTROLLER, CONTROLLER, origin=origin, outcome=outcome, detail={"stacks": list(stacks)}
    )


def generation_acts(loaded: Loaded, before: int | None, cause: Cause) -> Iterator[Act]:
    """What the files say came in force, if it is another generation than `before`."""
    desired = loaded.desired
    if desired.generation == before:
        return
    revisions = {name: str(one.revision) for name, one in desired.services.items() if one.leaving is None}
    detail = {"cause": cause.why, "source": desired.source, "revisions": revisions}
    name = str(desired.generation)
    yield Act(cause.who, Via.LOOP, "take-up", "generation", name, loaded.name, outcome="done", detail=detail)


def networks_act(stack: str, names: Sequence[str]) -> Act:
    """Networks of ours on which nobody was any more went."""
    return Act(CONTROLLER, Via.LOOP, "remove", "network", ", ".join(names), stack, outcome="done")


def ingress_act(stack: str, id_: str) -> Act:
    """The proxy is made as it is wanted now, changed, or removed."""
    return Act(CONTROLLER, Via.LOOP, "ingress", "ingress", stack, stack, id=id_)


def certificate_act(stack: str, service: str) -> Act:
    """A service has a new certificate."""
    return Act(CONTROLLER, Via.LOOP, "issue", "certificate", service, stack, outcome="done")


def authority_act(stack: str, stage: str) -> Act:
    """The change of the authority goes on."""
    return Act(CONTROLLER, Via.LOOP, "rotate-ca", "authority", "", stack, outcome=stage or "done")


def cleaned(act: Act, report: CleanupReport) -> Act:
    """A clean-up, with what went."""
    gone = [f"{one.item.kind} {one.item.name or one.item.id}" for one in report.of(Fate.REMOVED)]
    removed = {"removed": gone[:_MOST_NAMED], "count": len(gone)} if gone else {}
    act = ended(act, ok=report.ok, message=report.message)
    return dataclasses.replace(act, detail={**act.detail, **removed})


def held_act(stack: str, why: str) -> Act:
    """What the files say cannot be used: what was in force stays."""
    return Act(CONTROLLER, Via.LOOP, "take-up", "generation", "", stack, allowed=False, why=why, outcome="refused")
