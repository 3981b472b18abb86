"""What is asked first: adoption, mass removal, another writer; and which revision a replica is taken for."""

from dataclasses import replace

import pytest

from controller.decide.adoption import judge_adoption, judge_removal
from controller.decide.aim import Around, aim
from controller.decide.identity import is_current, name_revisions
from controller.decide.world import World, make_world
from controller.decide.writer import judge_writer
from controller.model.confined import Confined
from controller.model.decision import Decision, Freeze, History, Hold, Offers
from controller.model.desired import Direct, DriftPolicy, Leaving
from controller.model.names import HALF_MADE, ImageId, ReplicaId, Revision
from controller.model.observed import Difference, ReplicaPhase
from controller.model.phases import Phase
from tests.builders import NOW, checked, created, exited, healthy, replica, service, stack, template, view

pytestmark = pytest.mark.unit


def world(*services, **views) -> World:
    made = make_world(stack(*services))
    made.views = {name: view(*replicas) for name, replicas in views.items()}
    return made


def gone(name: str, leaving: Leaving = Leaving.REMOVED):
    return checked(name, 0, leaving=leaving)


@pytest.mark.parametrize(
    ("given", "touched"),
    [
        pytest.param(world(checked(), web=[healthy()]), "", id="as wanted: taken over"),
        pytest.param(world(checked()), "", id="nothing runs: nothing to take over"),
        pytest.param(
            world(checked(replicas=2), web=[healthy()]), "", id="one more is wanted: nothing that runs changes"
        ),
        pytest.param(world(checked(), web=[exited()]), "", id="stopped, as wanted: only started"),
        pytest.param(world(checked(revision="v2"), web=[healthy()]), "web (replace)", id="would be replaced"),
        pytest.param(
            world(checked(revision="v2"), web=[healthy(drift=("image", "env"))]),
            "web (replace: env, image)",
            id="would be replaced, and why is known",
        ),
        pytest.param(
            world(checked(revision="v2"), web=[exited()]), "web (replace)", id="a stopped one would be replaced"
        ),
        pytest.param(world(checked(), web=[healthy(1), healthy(2), healthy(3)]), "web (remove 2)", id="too many"),
        pytest.param(
            world(checked(), web=[healthy(lost=("front", "back"))]),
            "web (connect to back, connect to front)",
            id="its user took it off its networks",
        ),
        pytest.param(
            world(checked(), web=[healthy(name="mine", proper_name="shop-web-1")]),
            "web (rename mine)",
            id="its user renamed it",
        ),
        pytest.param(
            world(checked(), web=[healthy(limits=(Difference("HostConfig.Memory", "64 MiB", "128 MiB"),))]),
            "web (set HostConfig.Memory to 64 MiB)",
            id="its user gave it more memory",
        ),
        pytest.param(
            world(checked(), web=[healthy(misjoined=(Difference("Networks.n.Aliases", "face", "none"),))]),
            "web (set Networks.n.Aliases to face)",
            id="its user took a name from it",
        ),
        pytest.param(
            world(
                checked(is_job=False),
                web=[healthy(limits=(Difference("HostConfig.Memory", "none", "128 MiB", in_place=False),))],
            ),
            "web (replace: HostConfig.Memory)",
            id="its user gave it a limit that only another one is without",
        ),
        pytest.param(
            world(
                checked(drift=DriftPolicy.REPORT),
                web=[healthy(limits=(Difference("x", "1", "2"),), lost=("n",), name="mine", proper_name="shop-web-1")],
            ),
            "",
            id="what a hand did is only told",
        ),
        pytest.param(
            world(checked(), web=[healthy(name="0123456789ab_shop-web-1", proper_name="shop-web-1", temporary=True)]),
            "",
            id="a recreate that somebody did not finish: that name nobody meant",
        ),
        pytest.param(world(gone("web"), web=[healthy()]), "web (stop)", id="would be stopped"),
        pytest.param(world(gone("web"), web=[exited()]), "", id="gone and stopped"),
        pytest.param(world(gone("web", Leaving.ORPHANED), web=[healthy()]), "", id="orphans are left"),
        pytest.param(
            world(checked(), web=[healthy(), replica(2, "v0", ReplicaPhase.REMOVING)]), "", id="being removed"
        ),
    ],
)
def test_adoption_asks_where_it_would_change_what_runs(given: World, touched: str) -> None:
    hold = judge_adoption(given, "Other files?")
    if not touched:
        assert hold is None
    else:
        assert hold == Hold(
            "AdoptionHeld",
            f"taking over would change what runs: {touched}. Other files? `controller adopt shop` goes on",
        )


def names(count: int) -> tuple[str, ...]:
    return tuple(f"s{n}" for n in range(count))


@pytest.mark.parametrize(
    ("total", "removed", "held"),
    [
        (10, 1, False),
        (10, 3, False),
        (10, 4, True),
        (2, 1, False),
        (1, 1, True),
        (4, 2, True),
        (3, 3, True),
        (7, 2, False),
    ],
)
def test_more_than_a_third_and_more_than_one_is_a_mass_removal(total: int, removed: int, held: bool) -> None:
    services = [gone(name) if n < removed else checked(name) for n, name in enumerate(names(total))]
    given = world(*services, **{name: [healthy(service=name)] for name in names(total)})
    hold = judge_removal(dict.fromkeys(names(total)), given)
    assert (hold is not None) is held
    if hold is not None:
        assert hold.reason == "MassRemovalHeld"
        assert hold.message.startswith(f"{removed} of {total} services would be removed: s0")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(
            world(gone("a", Leaving.ORPHANED), gone("b", Leaving.ORPHANED), a=[healthy()], b=[healthy()]), id="left"
        ),
        pytest.param(world(gone("a", Leaving.OUT_OF_PROFILE), gone("b", Leaving.STOPPED), a=[healthy()]), id="stopped"),
        pytest.param(world(gone("a"), gone("b")), id="no container of them is there"),
    ],
)
def test_what_loses_no_container_is_no_mass_removal(given: World) -> None:
    assert judge_removal({"a": 0, "b": 0}, given) is None


def test_what_was_gone_before_is_no_removal_of_this_generation() -> None:
    assert judge_removal({"c": 0}, world(gone("a"), gone("b"), checked("c"), a=[healthy()], b=[healthy()])) is None


def served(*names: str, phase: Phase = Phase.READY) -> dict[str, Decision]:
    return {name: Decision(name, phase, "", "", History(), Offers()) for name in names}


def stopped(name: str, ago: float, code: int = 143, number: int = 1):
    return exited(number, service=name, exit_code=code, finished_at=NOW - ago)


@pytest.mark.parametrize(
    ("seen", "before", "until"),
    [
        pytest.param([healthy(temporary=True, created_at=NOW - 2)], {}, 3.0, id="a recreate is under way"),
        pytest.param([healthy(temporary=True, created_at=NOW - 5)], {}, None, id="it was left behind"),
        pytest.param([healthy(temporary=True, created_at=NOW + 3600)], {}, None, id="before the clock was set back"),
        pytest.param(
            [healthy(temporary=True, created_at=NOW + 3600), healthy(2, temporary=True, created_at=NOW - 2)],
            {},
            3.0,
            id="before the clock was set back, and again",
        ),
        pytest.param([stopped("a", 2.0), stopped("b", 1.5)], served("a", "b"), 3.5, id="two stopped at once"),
        pytest.param(
            [stopped("a", 2.0, 0), stopped("b", 1.5, 137)], served("a", "b"), 3.5, id="whatever a stop leaves"
        ),
        pytest.param([stopped("a", 2.0), stopped("a", 1.5, number=2)], served("a"), 3.5, id="two of one service"),
        pytest.param([stopped("a", 3.0), stopped("b", 1.5)], served("a", "b"), None, id="not at once"),
        pytest.param([stopped("a", 2.0, 1), stopped("b", 1.5, 1)], served("a", "b"), None, id="two crashes"),
        pytest.param([stopped("a", 2.0)], served("a"), None, id="one stopped: healed at once"),
        pytest.param([stopped("a", 2.0), stopped("b", 1.5)], {}, None, id="never seen serving"),
        pytest.param(
            [stopped("a", 2.0), stopped("b", 1.5)], served("a", "b", phase=Phase.STOPPED), None, id="they were to stop"
        ),
        pytest.param([stopped("a", 7.0), stopped("b", 6.5)], served("a", "b"), None, id="quiet for five seconds"),
        pytest.param(
            [stopped("a", 2.0), stopped("b", 1.5)],
            served("a", phase=Phase.STARTING) | served("b"),
            3.5,
            id="the first is about to be put up again",
        ),
        pytest.param(
            [replica(1, service="a", finished_at=NOW - 2), stopped("b", 1.5)],
            served("a", phase=Phase.STARTING) | served("b"),
            3.5,
            id="the first was put up again",
        ),
        pytest.param(
            [replica(1, service="a", finished_at=NOW - 2, restarts=1), stopped("b", 1.5)],
            served("a", phase=Phase.STARTING) | served("b"),
            None,
            id="Docker mends a crash while one is stopped",
        ),
        pytest.param(
            [stopped("a", 2.0, 0), stopped("b", 1.5)],
            served("a", phase=Phase.COMPLETED) | served("b"),
            None,
            id="a job ends while one is stopped",
        ),
        pytest.param([healthy()], served("web"), None, id="nothing strange"),
    ],
)
def test_another_writer_is_let_finish(seen, before, until) -> None:
    hold = judge_writer({"any": view(*seen)}, before, (), NOW)
    assert (None if hold is None else (hold.reason, hold.until)) == (until and ("ForeignWriter", NOW + until))


@pytest.mark.parametrize(
    ("revision", "busy", "held"),
    [
        pytest.param("foreign:abc", (), True, id="somebody else is just making it"),
        pytest.param(HALF_MADE, (), False, id="we began it, and died"),
        pytest.param("foreign:abc", ("web",), False, id="we are just making it"),
    ],
)
def test_half_a_create_of_somebody_else_is_waited_for(revision, busy, held) -> None:
    half = replica(phase=ReplicaPhase.CREATED, revision=revision, drift=("Networks",), created_at=NOW - 1)
    assert (judge_writer({"web": view(half)}, {}, (), NOW, busy) is not None) == held


def test_what_we_stopped_ourselves_is_no_sign() -> None:
    seen = {"any": view(stopped("a", 2.0), stopped("b", 1.5))}
    assert judge_writer(seen, served("a", "b"), {ReplicaId("a-1-id")}, NOW) is None


@pytest.mark.parametrize(
    ("found", "known", "revision"),
    [
        pytest.param(replica(config_hash="hash-v1"), None, "v1", id="the label that Compose would write: current"),
        pytest.param(
            replica(config_hash="other-hash-of-theirs"), None, "foreign:other-hash-o", id="another label: foreign"
        ),
        pytest.param(replica(config_hash="other", drift=()), None, "v1", id="another label, no field differs: current"),
        pytest.param(
            replica(config_hash="other", drift=("env",)), None, "foreign:other", id="a field differs: foreign"
        ),
        pytest.param(
            replica(phase=ReplicaPhase.CREATED, config_hash="hash-v1", drift=("Networks",)),
            None,
            "foreign:hash-v1",
            id="the right label, but its maker died before it had its networks: foreign",
        ),
        pytest.param(
            replica(config_hash="hash-v1", drift=("Networks",)),
            None,
            "v1",
            id="the same, but it runs: a hand took one off",
        ),
        pytest.param(replica(config_hash="hash-v1"), "v0", "v0", id="our own record says more than the label"),
        pytest.param(replica(config_hash="other"), "v1", "v1", id="our own record, whatever the label"),
    ],
)
def test_which_revision_a_replica_is(found, known, revision) -> None:
    named = name_revisions(view(found), service(), {} if known is None else {found.id: known})
    assert [r.revision for r in named.replicas] == [revision]


def test_what_was_compared_with_another_release_is_not_told_of_this_one() -> None:
    touched = {"limits": (Difference("x", "1", "2"),), "misjoined": (Difference("Networks.n.Aliases", "x", "none"),)}
    found, known = view(replica(1, **touched), replica(2, **touched)), {ReplicaId("web-2-id"): Revision("v0")}
    first, second = name_revisions(found, service(), known).replicas
    assert first.limits and first.misjoined
    assert not second.limits and not second.misjoined


@pytest.mark.parametrize(("revision", "told"), [("v1", ("Env",)), ("v1-direct", ()), ("v0", ())])
def test_of_what_was_made_for_something_else_nobody_says_that_it_is_otherwise(revision, told) -> None:
    want = service(direct=Direct(Revision("v1-direct"), template("web", "v1"), stays=True))
    found = replica(config_hash="hash-v1", otherwise=("Env",))
    (named,) = name_revisions(view(found), want, {found.id: Revision(revision)}).replicas
    assert named.otherwise == told
    assert name_revisions(view(found), None, {}).replicas[0].otherwise == ()


def test_of_a_service_that_nobody_wants_every_revision_is_foreign() -> None:
    assert [r.revision for r in name_revisions(view(replica(config_hash="abc")), None, {}).replicas] == ["foreign:abc"]


@pytest.mark.parametrize(
    ("found", "want", "holder", "expected"),
    [
        pytest.param(replica(), service(), None, True, id="same revision"),
        pytest.param(replica(revision="v0"), service(), None, False, id="another revision"),
        pytest.param(replica(image_id=ImageId("a")), service(image_id=ImageId("b")), None, False, id="the tag moved"),
        pytest.param(
            replica(image_id=None), service(image_id=ImageId("b")), None, True, id="image unknown: not changed"
        ),
        pytest.param(replica(namespace_of=ReplicaId("x")), service(namespace_of="db"), "y", False, id="another owner"),
        pytest.param(replica(namespace_of=ReplicaId("y")), service(namespace_of="db"), "y", True, id="that owner"),
        pytest.param(replica(), service(namespace_of="db"), "y", True, id="owner unknown: not changed"),
        pytest.param(
            replica(namespace_of=ReplicaId("x")), service(namespace_of="db"), None, True, id="no owner there now"
        ),
    ],
)
def test_what_is_current(found, want, holder, expected) -> None:
    assert is_current(found, want, holder) is expected


@pytest.mark.parametrize(
    ("history", "hold", "may_start", "frozen", "leaving"),
    [
        pytest.param(History(), None, True, None, None, id="nothing stands in the way"),
        pytest.param(
            History(paused=True, stopped="x"), Hold("H", ""), True, Freeze.PAUSED, None, id="a pause before all"
        ),
        pytest.param(History(stopped="x"), Hold("H", ""), True, Freeze.HELD, None, id="a hold before a stop"),
        pytest.param(History(stopped="x"), None, False, None, Leaving.STOPPED, id="a stop before autoStart"),
        pytest.param(History(), None, False, Freeze.NOT_STARTED, None, id="autoStart: false"),
    ],
)
def test_what_stands_in_the_way(history, hold, may_start, frozen, leaving) -> None:
    aimed = aim(checked(), history, Around(hold, may_start))
    assert (aimed.frozen, aimed.want.leaving) == (frozen, leaving)
    assert aimed.want.replicas == (0 if leaving else 1)


def test_who_leaves_the_profile_is_not_called_stopped_by_a_person() -> None:
    aimed = aim(gone("web", Leaving.OUT_OF_PROFILE), History(stopped="StoppedByUser"), Around())
    assert aimed.want.leaving is Leaving.OUT_OF_PROFILE


def test_templates_and_services_agree_in_the_builders() -> None:
    assert created().config_hash == template().config_hash


@pytest.mark.parametrize(("joined", "half"), [(("shop_back", "shop_front"), False), (("shop_front",), True)])
def test_what_compose_created_is_no_half_of_ours_for_being_on_its_own_networks(
    joined: tuple[str, ...], half: bool
) -> None:
    """`docker compose create`, and then a first `apply` under networkPolicy."""
    confined = Confined("shop", "10.201.0.0/16", (), own=frozenset(("shop_back", "shop_front")))
    want = checked(confined=confined)
    made = created(created_at=NOW - 1, revision="", drift=("NetworkMode", "Networks"), joined=joined)
    made = replace(made, config_hash=want.template.config_hash)
    (named,) = name_revisions(view(made), want, {}).replicas
    assert (named.revision != want.revision) is half
    assert (judge_writer({"web": view(named)}, {}, (), NOW, (), {"web": want}) is not None) is half
