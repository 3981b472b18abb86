"""A plan as a chart: golden, because people read it before they say yes."""

from __future__ import annotations

import random
import re

import pytest

from controller.decide.rehearsal import rehearse
from controller.decide.world import make_world
from controller.engines.simulated_world import Simulation
from controller.model.desired import DesiredService, Order, UpdatePolicy
from controller.model.plan import Bar, Doing, Held, Plan, PlannedStep, Row
from controller.model.timings import Span, Timings
from controller.render.axis import make_axis
from controller.render.data import plan_data
from controller.render.paint import ansi
from controller.render.text import width_of
from controller.render.timeline import LOOKS, timeline_lines
from tests.builders import HEALTHY, NOW, checked, empty_views, healthy, stack, timings, view

pytestmark = pytest.mark.unit

CALLS = {Span.PULL: 6.0, Span.CREATE: 0.02, Span.START: 0.35, Span.STOP: 0.4, Span.REMOVE: 0.1}


def known(**ready: float) -> Timings:
    return timings(**{name: {**CALLS, Span.READY: seconds} for name, seconds in ready.items()})


RAG = (
    checked("qdrant"),
    checked("redis"),
    checked("postgresql"),
    checked("prometheus"),
    checked("grafana", needs={"prometheus": HEALTHY}),
    checked("rag-server", needs={"qdrant": HEALTHY, "redis": HEALTHY, "prometheus": HEALTHY}),
)
RAG_TIMES = {"qdrant": 0.8, "redis": 0.3, "postgresql": 1.4, "prometheus": 1.2, "grafana": 0.9, "rag_server": 0.7}


def plan_of(*services: DesiredService, times: Timings, name: str = "rag", **views) -> Plan:
    wanted = stack(*services, name=name)
    seen = {**empty_views(wanted), **views}
    return rehearse(make_world(wanted), Simulation(wanted, seen, times, NOW), NOW)


def drawn(plan: Plan, **how) -> str:
    return "\n".join(timeline_lines([plan], **how))


def golden(text: str) -> str:
    return "\n".join(line[4:] for line in text.strip("\n").split("\n")).rstrip()


def test_the_sample_stack_from_nothing() -> None:
    assert drawn(plan_of(*RAG, times=known(**RAG_TIMES)), width=90) == golden(
        """
    rag  12 changes
                   0s              1s              2s
                   ┬───────────────┬───────────────┬────────────
        postgresql ▄▄▄▄▄▄███████████████████████                 +1.8s ready
      * prometheus ▄▄▄▄▄▄████████████████████                    +1.6s ready
        qdrant     ▄▄▄▄▄▄█████████████                           +1.2s ready
        redis      ▄▄▄▄▄▄█████                                   +0.7s ready
      * grafana    ·························▄▄▄▄▄▄██████████████ +2.8s ready, after prometheus
        rag-server ·························▄▄▄▄▄▄███████████    +2.6s ready, after prometheus
      · waits   ▄ starts   █ gets ready
      * critical path, 2.8 s: prometheus → grafana
      12 changes · time about 2.8 s · downtime none
    """
    )


def test_the_same_where_the_terminal_has_nothing_but_ascii() -> None:
    text = drawn(plan_of(*RAG, times=known(**RAG_TIMES)), width=70, plain_text=True)
    assert text == golden(
        """
    rag  12 changes
                   0s                2s
                   +-----------------+------
        postgresql sss=============          +1.8s ready
      * prometheus sss===========            +1.6s ready
        qdrant     sss========               +1.2s ready
        redis      sss===                    +0.7s ready
      * grafana    ..............sss======== +2.8s ready, after prometheus
        rag-server ..............sss=======  +2.6s ready, after prometheus
      . waits   s starts   = gets ready
      * critical path, 2.8 s: prometheus -> grafana
      12 changes · time about 2.8 s · downtime none
    """
    )
    chart = text.split("\n")[1:10]
    assert all(line.isascii() for line in chart)


def test_a_first_start_is_drawn_as_far_as_it_is_known() -> None:
    times = known(**{name: seconds for name, seconds in RAG_TIMES.items() if name != "prometheus"})
    assert drawn(plan_of(*RAG, times=times), width=80) == golden(
        """
    rag  12 changes
                   0s         0.5s       1s         1.5s
                   ┬──────────┬──────────┬──────────┬─────
        postgresql ▄▄▄▄▄▄▄▄███████████████████████████████ +1.8s ready
        qdrant     ▄▄▄▄▄▄▄▄██████████████████              +1.2s ready
        redis      ▄▄▄▄▄▄▄▄███████                         +0.7s ready
        prometheus ?                                       unknown (first start)
        grafana    ▁?                                      unknown, after prometheus
        rag-server ··························?             unknown, after prometheus
      · waits   ▁ is created   ▄ starts   █ gets ready   ? not measured yet
      12 changes · time unknown (first start) · downtime none
    """
    )


def test_a_rolling_update() -> None:
    update = UpdatePolicy(Order.START_FIRST, 1, monitor=2.0, because="nothing forbids it")
    old = {"web": view(healthy(1), healthy(2), healthy(3)), "db": view(healthy(service="db"))}
    plan = plan_of(
        checked("web", 3, "v2", update=update), checked("db"), times=known(web=1.5, db=1.0), name="shop", **old
    )
    assert drawn(plan, width=90) == golden(
        """
    shop  12 changes
            0s         2s        4s         6s        8s         10s       12s
            ┬──────────┬─────────┬──────────┬─────────┬──────────┬─────────┬─────
        web ▄▄████████──────────▓▓▖▄▄████████──────────▓▓▖▄▄████████──────────▓▓▖ +10.6s ready
      ▄ starts   █ gets ready   ─ ready, watched   ▓ stops   ▖ is removed
      web: start-first (nothing forbids it), 1 at a time, monitor 2 s · drain: none · downtime none
      12 changes · time about 13.1 s · downtime none
    """
    )


def test_what_nothing_is_known_of_has_no_axis() -> None:
    plan = plan_of(checked("web"), checked("db"), times=Timings(), name="shop")
    assert drawn(plan).split("\n")[:4] == [
        "shop  4 changes",
        "    db  ? unknown (first start)",
        "    web ? unknown (first start)",
        "  ? not measured yet",
    ]


@pytest.mark.parametrize(
    ("doing", "note"),
    [(Doing.READY, "start"), (Doing.PULL, "pull"), (Doing.RUN, "run"), (Doing.STOP, "stop"), (Doing.REMOVE, "stop")],
)
def test_the_first_of_what_is_said(doing: Doing, note: str) -> None:
    steps = (PlannedStep("shop", 0.0, "start", "web", "web-1", "missing"),)
    text = drawn(Plan("shop", steps=steps, timeline=(Row("shop", "web", (), 0.0, doing),)))
    assert f"? unknown (first {note})" in text


@pytest.mark.parametrize(
    ("row", "note"),
    [
        (Row("shop", "web", (), 0.0, Doing.CREATE, lack="a start slot"), "? unknown, waits for a start slot"),
        (Row("shop", "web", (Bar(Doing.WAIT, 0.0, 1.0, lack="memory"),), lack="memory"), " waits for memory"),
        (Row("shop", "web", (), 0.0, None, "db", "memory"), "? unknown, after db"),
    ],
)
def test_what_is_waited_for_is_said(row: Row, note: str) -> None:
    steps = (PlannedStep("shop", 0.0, "start", "web", "web-1", "missing"),)
    line = next(line for line in drawn(Plan("shop", steps=steps, timeline=(row,))).split("\n") if " web " in line)
    assert line.endswith(note)


def test_forty_services_have_a_row_each_within_the_width() -> None:
    dice, names = random.Random(3), [f"service-{number:02d}" for number in range(40)]
    services = [
        checked(
            name,
            needs={names[other]: HEALTHY for other in dice.sample(range(number), min(number, dice.choice((0, 1, 2))))},
        )
        for number, name in enumerate(names)
    ]
    plan = plan_of(
        *services, times=known(**{name.replace("-", "_"): dice.uniform(0.3, 3.0) for name in names}), name="forty"
    )
    lines = drawn(plan, width=100).split("\n")
    rows = [line for line in lines if line[4:].startswith("service-")]
    assert sorted(line[4:14] for line in rows) == names
    assert all(width_of(line) <= 100 for line in lines)
    ends = [line.index("█") for line in rows]
    assert ends == sorted(ends), "who begins first comes first"
    path = next(line for line in lines if line.startswith("  * critical path"))
    assert path.startswith(f"  * critical path, {plan.seconds:.1f} s: ") and path.count("→") >= 3


@pytest.mark.parametrize("width", [20, 33, 40, 60, 79, 80, 132, 400])
def test_a_chart_is_as_wide_as_the_terminal_where_that_is_possible(width: int) -> None:
    plan = plan_of(*RAG, times=known(**RAG_TIMES))
    chart = drawn(plan, width=width).split("\n")[1:9]
    assert max(map(width_of, chart)) <= max(width, 36)
    if width >= 40:
        assert width_of(chart[1]) <= width and "█" in chart[2]


def test_colour_only_adds_escapes() -> None:
    plan = plan_of(*RAG, times=known(**RAG_TIMES))
    coloured = drawn(plan, width=80, paint=ansi)
    assert "\x1b[32m█" in coloured and "\x1b[1mprometheus\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured) == drawn(plan, width=80)


def test_every_stretch_looks_different() -> None:
    assert set(LOOKS) == set(Doing)
    assert len({look.drawn for look in LOOKS.values()}) == len({look.ascii for look in LOOKS.values()}) == len(LOOKS)
    assert all(look.ascii.isascii() and width_of(look.drawn) == 1 for look in LOOKS.values())


def test_nothing_to_do_and_what_is_held_is_told_as_in_a_plan() -> None:
    held = Plan("shop", held=(Held("shop", None, "AdoptionHeld", "it would replace web"),))
    assert timeline_lines([Plan("blog"), held]) == [
        "blog  as desired, nothing to do (0 changes)",
        "",
        "shop  nothing will be done (0 changes)",
        "     held  whole stack  AdoptionHeld: it would replace web",
    ]


def test_names_from_elsewhere_cannot_disturb_the_terminal() -> None:
    steps = (PlannedStep("shop", 0.0, "start", "a\x1b[31m", "a-1", "missing", 1.0),)
    bars = (Bar(Doing.WAIT, 0.0, 0.5, of="b\x07"), Bar(Doing.START, 0.5, 1.0, "a-1"))
    text = drawn(Plan("shop", steps=steps, timeline=(Row("shop", "a\x1b[31m", bars),), seconds=1.5))
    assert "\x1b" not in text and "\x07" not in text


def test_the_shape_for_programs() -> None:
    bars = (
        Bar(Doing.WAIT, 0.0, 0.5, of="db"),
        Bar(Doing.WAIT, 0.5, 0.1, lack="memory"),
        Bar(Doing.START, 0.6, 0.25, "web-1"),
    )
    rows = (Row("shop", "web", bars, critical=True), Row("shop", "new", (), 0.5, Doing.STOP, "web", "memory"))
    assert plan_data([Plan("shop", timeline=rows)])["timeline"] == [
        {
            "stack": "shop",
            "service": "web",
            "critical": True,
            "unknownFrom": None,
            "unknownDoing": None,
            "unknownAfter": None,
            "lack": None,
            "bars": [
                {"doing": "wait", "at": 0.0, "seconds": 0.5, "replica": None, "waitsFor": "db", "lack": None},
                {"doing": "wait", "at": 0.5, "seconds": 0.1, "replica": None, "waitsFor": None, "lack": "memory"},
                {"doing": "start", "at": 0.6, "seconds": 0.25, "replica": "web-1", "waitsFor": None, "lack": None},
            ],
        },
        {
            "stack": "shop",
            "service": "new",
            "critical": False,
            "unknownFrom": 0.5,
            "unknownDoing": "stop",
            "unknownAfter": "web",
            "lack": "memory",
            "bars": [],
        },
    ]


@pytest.mark.parametrize(
    ("seconds", "columns", "labels"),
    [
        (2.8, 60, "0s 0.5s 1s 1.5s 2s 2.5s"),
        (10.0, 100, "0s 1s 2s 3s 4s 5s 6s 7s 8s 9s"),
        (0.0, 20, "0s"),
        (90.0, 60, "0s 15s 30s 45s 60s 75s"),
        (600.0, 60, "0s 2m 4m 6m 8m"),
        (40_000.0, 60, "0s 120m 4h 6h 8h 10h"),
    ],
)
def test_an_axis_has_round_ticks_with_room_between_them(seconds: float, columns: int, labels: str) -> None:
    told, ruler = make_axis(seconds, columns).lines(plain_text=True)
    assert told.split() == labels.split()
    assert len(ruler) == columns and ruler.startswith("+") and set(ruler) == {"+", "-"}


def test_a_column_shows_what_takes_most_of_it() -> None:
    axis = make_axis(10.0, 10)
    assert axis.fill([(0.0, 0.4, "a"), (0.4, 2.0, "b"), (5.0, 5.01, "c")]) == ["b", "b", *[None] * 3, "c", *[None] * 4]
    assert axis.fill([(9.5, 10.0, "end")])[-1] == "end"
