"""What a strange hand took from a container is given back in place; the golden sentence: one step, nobody restarted."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from controller.decide.case import Case
from controller.decide.service import decide
from controller.model.decision import Course
from controller.model.desired import DriftPolicy, Leaving
from controller.model.names import Revision, make_release
from controller.model.observed import Difference, Replica, Trouble
from controller.model.steps import Connect, Limit, Rename
from tests.builders import NOW, checked, exited, healthy, template
from tests.unit.decide.cases import SEEN, case, told

pytestmark = [pytest.mark.unit, pytest.mark.fault("W10")]


def failed(kind: str = "Rename", at: float = NOW) -> Trouble:
    return Trouble(1, at, kind, "the name is taken")


MORE = Difference("HostConfig.Memory", "64 MiB", "128 MiB")
ALIAS = Difference("Networks.n.v2.Aliases", "face", "none")
PLACE = Difference("Networks.n.v2.IPAMConfig", "10.0.0.9", "none")
BEYOND = Difference("HostConfig.NanoCpus", "none", "1 CPUs", in_place=False)


def returning(*replicas: Replica) -> Case:
    """Back on v1, which was on one network, while the files ask for v2, which is on two."""
    body = json.dumps({"create": {"NetworkingConfig": {"EndpointsConfig": {"n_old": {}}}}, "connects": []})
    given = case(
        checked(template=template("web", "v1", body)),
        *replicas,
        history=replace(SEEN, good=make_release(Revision("v1"))),
    )
    return given._replace(aim=given.aim._replace(course=Course.RETURNING))


CASES: dict[str, tuple[Case, str]] = {
    "what the engine has refused for good is not tried again, each time off its network for an instant": (
        case(
            checked(),
            healthy(1, misjoined=(Difference("Networks.n.Aliases", "x", "none"),)),
            seen={"trouble": Trouble(1, NOW - 4000, "Connect", "the engine leaves it", lasting=True)},
        ),
        "-",
    ),
    "a network that is missing is joined again": (case(checked(), healthy(1, lost=("shop_default",))), "connect 1"),
    "an alias and an address that are missing are given back by one step": (
        case(checked(), healthy(1, misjoined=(ALIAS, PLACE))),
        "connect 1",
    ),
    "an alias that may be missing stays so": (
        case(checked(ignore_drift=("Networks.n.v2.Aliases",)), healthy(1, misjoined=(ALIAS,))),
        "-",
    ),
    "an alias is only told where drift is": (
        case(checked(drift=DriftPolicy.REPORT), healthy(1, misjoined=(ALIAS,))),
        "-",
    ),
    "what another tool made otherwise is told and left": (
        case(checked(), healthy(1, otherwise=("Env", "HostConfig.Binds"))),
        "-",
    ),
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
        case(checked(is_job=False), healthy(1, limits=(MORE, BEYOND), created_at=NOW - 700)),
        "stop 1",
    ),
    "not of a young one: somebody may set it on each": (
        case(checked(is_job=False), healthy(1, limits=(MORE, BEYOND))),
        "limit 1",
    ),
    "nor where nothing is to heal by itself": (
        case(checked(is_job=False), healthy(1, limits=(BEYOND,), created_at=NOW - 700), heals=False),
        "-",
    ),
    "nor of what may be a job, whose work would be lost": (
        case(checked(), healthy(1, limits=(BEYOND,), created_at=NOW - 700)),
        "-",
    ),
    "of an earlier release only what that was on is joined again": (
        returning(healthy(1, "v1", lost=("n_old", "n_new"))),
        "connect 1",
    ),
    "what only a later one is on is none of its": (returning(healthy(1, "v1", lost=("n_new",))), "-"),
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


def test_the_step_carries_what_is_to_be_set_back_and_nothing_else() -> None:
    want = checked(ignore_drift=("HostConfig.PidsLimit", "Networks.b"))
    pids = Difference("HostConfig.PidsLimit", "none", "50")
    connect, limit = decide(case(want, healthy(1, limits=(MORE, pids), lost=("a", "b")))).steps
    assert isinstance(connect, Connect) and connect.networks == ("a",)
    assert isinstance(limit, Limit) and limit.paths == ("HostConfig.Memory",)
    assert limit.because == "HostConfig.Memory was set from 64 MiB to 128 MiB"


def test_the_step_carries_the_name() -> None:
    (step,) = decide(case(checked(), healthy(1, name="mine", proper_name="web-1"))).steps
    assert isinstance(step, Rename) and step.name == "web-1"


def test_one_step_names_each_network_on_which_something_is_missing() -> None:
    want = checked(ignore_drift=("Networks.c",))
    other = Difference("Networks.c.Aliases", "x", "none")
    (step,) = decide(case(want, healthy(1, lost=("a",), misjoined=(ALIAS, PLACE, other)))).steps
    assert isinstance(step, Connect) and step.networks == ("a", "n.v2")
    assert step.because == (
        "is not connected to a any more, Networks.n.v2.Aliases is none, not face, "
        "Networks.n.v2.IPAMConfig is none, not 10.0.0.9"
    )
