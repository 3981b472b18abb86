"""Bugs in who is let to whom, and in what is let pass at all."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

GATE = "tests/component/test_gate.py"
LED = "tests/component/test_loop_networks.py"
EXECUTOR = "tests/component/test_executor.py"
GRAPHS = "tests/property/test_networks.py"
KNOCKER = "tests/unit/engines/test_knocker.py"
REACH = "tests/unit/security/test_reach.py"

SECURING = (
    Mutant(
        "an old network is left before the new one is joined",
        "decide/networks.py",
        "if common and one.phase in ALIVE and not common & on & there:",
        "if False:",
        (
            f"{LED}::test_switched_on_it_replaces_nobody_and_cuts_nobody_off",
            f"{LED}::test_who_may_not_be_touched_is_waited_for",
            f"{GRAPHS}::test_from_one_graph_to_another_no_edge_that_stays_is_cut_for_an_instant",
        ),
    ),
    Mutant(
        "a network is shared although no edge is declared",
        "security/networks.py",
        "if graph[other].issuperset(clique):",
        "if graph[other]:",
        (f"{GRAPHS}::test_many_edges_share_networks_and_nobody_else_does",),
    ),
    Mutant(
        "who is reached past closed networks once is believed at once",
        "security/ways.py",
        "return route.via is Via.NETWORK and answer in (Answer.OPEN, Answer.REFUSED)",
        "return False",
        (f"{REACH}::test_what_came_through_between_two_networks_is_asked_again_before_it_counts",),
    ),
    Mutant(
        "what is barred for a finding is started again",
        "decide/barred.py",
        "    if isinstance(step, Restart | Start):",
        "    if isinstance(step, Restart):",
        (f"{GATE}::test_what_runs_and_falls_over_is_not_put_up_again",),
    ),
    Mutant(
        "the final definition is not judged before its create",
        "loop/executor.py",
        "if batch.check is not None and (why_not := batch.check(step, engine, batch.project)):",
        "if batch.check is not None and (why_not := batch.check(step, engine, batch.project)) and False:",
        (f"{EXECUTOR}::test_what_the_gate_refuses_is_not_made_and_leaves_no_intent",),
    ),
    Mutant(
        "who shares a namespace is judged by its own edges alone",
        "security/ways.py",
        "declared | find_edges(self.services) if self.enforced else declared",
        "declared",
        (f"{REACH}::test_who_shares_a_namespace_is_reached_and_reaches_as_its_owner",),
    ),
    Mutant(
        "a link in a container leads to a file of the machine",
        "engines/knocker.py",
        "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK",
        "os.O_RDONLY | os.O_NONBLOCK",
        (f"{KNOCKER}::test_no_link_is_followed_nor_pipe_waited_for_nor_is_more_read_than_fits",),
    ),
    Mutant(
        "one odd knock ends all",
        "engines/knocker.py",
        "        except Exception as error:\n            self._tell",
        "        except OSError as error:\n            self._tell",
        (f"{KNOCKER}::test_an_odd_one_is_said_of_alone",),
    ),
    Mutant(
        "of several addresses in one the first alone is judged",
        "model/receivers.py",
        " or _ANOTHER.search(url.lstrip()) is not None",
        "",
        ("tests/unit/model/test_receivers.py::test_several_addresses_in_one_are_none",),
    ),
)
