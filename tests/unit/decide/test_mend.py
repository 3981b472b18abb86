"""What a strange hand took from a container is given back in place; the golden sentence: one step, nobody restarted."""

from __future__ import annotations

import pytest

from controller.decide.case import Case
from controller.decide.service import decide
from controller.model.desired import DriftPolicy, Leaving
from controller.model.observed import Difference, Trouble
from controller.model.steps import Rename
from tests.builders import NOW, checked, exited, healthy
from tests.unit.decide.cases import case, told

pytestmark = [pytest.mark.unit, pytest.mark.fault("W10")]


def failed(kind: str = "Rename", at: float = NOW) -> Trouble:
    return Trouble(1, at, kind, "the name is taken")


MORE = Difference("HostConfig.Memory", "64 MiB", "128 MiB")
BEYOND = Difference("HostConfig.NanoCpus", "none", "1 CPUs", in_place=False)

CASES: dict[str, tuple[Case, str]] = {
    "a network that is missing is joined again": (case(checked(), healthy(1, lost=("shop_default",))), "connect 1"),
    "a name that was changed is given back": (
        case(checked(), healthy(1, name="mine", proper_name="web-1")),
        "update 1",
    ),
    "both, of each replica": (
        case(checked(replicas=2), healthy(1, lost=("n",)), healthy(2, lost=("n",), name="x", proper_name="web-2")),
        "connect 1, connect 2, update 2",
    ),
    "a name that somebody else has now is not asked for": (
        case(checked(replicas=2), healthy(1, name="x", proper_name="web-2"), healthy(2, name="web-2")),
        "-",
    ),
    "an unfinished recreate is finished, not renamed twice": (
        case(checked(), healthy(1, name="0_web-1", proper_name="web-1", temporary=True)),
        "update 1",
    ),
    "what fell over is put up before anything is given back": (
        case(checked(replicas=2), healthy(1, name="x", proper_name="web-1"), exited(2)),
        "start 2",
    ),
    "an update goes on before anything is given back": (
        case(checked(replicas=2), healthy(1, lost=("n",)), healthy(2, "v0")),
        "stop 2",
    ),
    "what is missing is made before anything is given back": (
        case(checked(replicas=2), healthy(1, name="x", proper_name="web-1")),
        "create 2",
    ),
    "so it is before an interrupted recreate is finished": (
        case(checked(replicas=2), healthy(1, name="0_web-1", temporary=True), exited(2)),
        "start 2",
    ),
    "what could not be mended waits before it is tried again": (
        case(checked(), healthy(1, lost=("n",)), seen={"trouble": failed("Connect")}),
        "-",
    ),
    "what could not be mended is tried again in its time": (
        case(checked(), healthy(1, lost=("n",)), seen={"trouble": failed("Connect", at=NOW - 300)}),
        "connect 1",
    ),
    "what could not be mended holds up no start": (
        case(checked(replicas=2), healthy(1, name="x", proper_name="web-1"), exited(2), seen={"trouble": failed()}),
        "start 2",
    ),
    "what could not be mended holds up no update": (
        case(checked(replicas=2), healthy(1, lost=("n",)), healthy(2, "v0"), seen={"trouble": failed("Connect")}),
        "stop 2",
    ),
    "what could not be mended holds up no scaling": (
        case(checked(replicas=2), healthy(1, name="x", proper_name="web-1"), seen={"trouble": failed()}),
        "create 2",
    ),
    "what could not be mended holds up no stop": (
        case(checked(replicas=0, leaving=Leaving.STOPPED), healthy(1, name="x"), seen={"trouble": failed()}),
        "stop 1",
    ),
    "any other trouble holds up mending as well": (
        case(checked(), healthy(1, lost=("n",)), seen={"trouble": failed("Create")}),
        "-",
    ),
    "after a failure another one comes first": (
        case(
            checked(replicas=2),
            healthy(1, lost=("n",)),
            healthy(2, lost=("n",)),
            seen={"trouble": failed("Connect", at=NOW - 300)},
        ),
        "connect 2, connect 1",
    ),
    "a limit that was set otherwise is set back": (case(checked(), healthy(1, limits=(MORE,))), "limit 1"),
    "all three, of one replica": (
        case(checked(), healthy(1, limits=(MORE,), lost=("n",), name="x", proper_name="web-1")),
        "connect 1, limit 1, update 1",
    ),
    "of an old replica nothing is set back": (
        case(checked(replicas=2), healthy(1), healthy(2, "v0", limits=(MORE,))),
        "stop 2",
    ),
    "what cannot be set back in place takes another replica": (
        case(checked(), healthy(1, limits=(MORE, BEYOND))),
        "stop 1",
    ),
    "where changes are only told none is set back": (
        case(
            checked(drift=DriftPolicy.REPORT), healthy(1, limits=(MORE, BEYOND), lost=("n",), name="x", proper_name="y")
        ),
        "-",
    ),
    "where changes are nobody's business neither": (
        case(checked(drift=DriftPolicy.IGNORE), healthy(1, limits=(MORE, BEYOND), lost=("n",))),
        "-",
    ),
    "what may be otherwise is left so": (
        case(checked(ignore_drift=("HostConfig", "Networks.n")), healthy(1, limits=(MORE, BEYOND), lost=("n",))),
        "-",
    ),
    "and all else is given back": (
        case(checked(ignore_drift=("HostConfig.NanoCpus", "Name")), healthy(1, limits=(MORE, BEYOND), lost=("n",))),
        "connect 1, limit 1",
    ),
    "without self-heal nothing is given back": (case(checked(), healthy(1, lost=("n",)), heals=False), "-"),
}


@pytest.mark.parametrize("name", CASES)
def test_mending(name: str) -> None:
    given, steps = CASES[name]
    assert told(given).split(": ")[1].split(" | ")[0] == steps


def test_the_step_carries_the_name() -> None:
    (step,) = decide(case(checked(), healthy(1, name="mine", proper_name="web-1"))).steps
    assert isinstance(step, Rename) and step.name == "web-1"
