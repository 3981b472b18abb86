"""Bugs in what clean-up takes for rubbish, and in how it removes it."""

from __future__ import annotations

from tests.mutants.mutant import CLEANING, CLEANUP, CLEARING, LEFTOVERS, SUPERSEDED, Mutant

NEEDS = "tests/unit/loop/test_needs.py"
NOBODYS = f"{CLEANUP}::test_nobody_elses_no_volume_and_no_image_of_a_way_back_goes"

CLEANING_UP = (
    Mutant(
        "an image that a revision goes back to is removed",
        "resources/superseded.py",
        "if image.id in self._used or image.id in self._kept.images:",
        "if image.id in self._used:",
        (f"{SUPERSEDED}::test_what_is_needed_stays", NOBODYS),
    ),
    Mutant(
        "only the generation in force is gone back to",
        "loop/returnable.py",
        "for generation in (*generations[-RETURNABLE:], *",
        "for generation in (*generations[-1:], *",
        (NOBODYS,),
    ),
    Mutant(
        "what a service had before is removed once it has not changed for long",
        "loop/returnable.py",
        "yield from (*last.items(), *before.items())",
        "yield from last.items()",
        (f"{NEEDS}::test_what_an_undo_would_go_back_to_is_kept_however_long_ago_it_was", NOBODYS),
    ),
    Mutant(
        "what another stack goes back to is removed",
        "loop/needs.py",
        "return Kept(images=kept.images | lately, names=kept.names)",
        "return Kept(images=lately, names=kept.names)",
        (NOBODYS,),
    ),
    Mutant(
        "what another stack has used lately is old",
        "loop/needs.py",
        "return Kept(images=kept.images | lately, names=kept.names)",
        "return kept",
        (f"{CLEANING}::test_what_another_stack_of_ours_needs_or_used_lately_stays",),
    ),
    Mutant(
        "a name that somebody gave an image does not count",
        "resources/superseded.py",
        "if not all(self._is_our_name(name, image) for name in image.names):",
        "if False:",
        (f"{SUPERSEDED}::test_what_is_not_surely_ours_or_too_young_stays", NOBODYS),
    ),
    Mutant(
        "what was built on ours is ours",
        "resources/superseded.py",
        "if image.id not in self._had.images and not any(",
        "if image.project != self._stack and not any(",
        (f"{SUPERSEDED}::test_a_label_makes_nothing_ours", NOBODYS),
    ),
    Mutant(
        "what a build left behind goes though it had a name once",
        "resources/superseded.py",
        "nameless = not (image.named_before or image.names or image.digests)",
        "nameless = not (image.names or image.digests)",
        (f"{SUPERSEDED}::test_the_chain_ends_at_what_may_be_somebodys",),
    ),
    Mutant(
        "an image is old from its making on, however long it was in use",
        "resources/superseded.py",
        "            return max(image.created_at, use.until)\n",
        "            return image.created_at\n",
        (f"{SUPERSEDED}::test_what_is_not_surely_ours_or_too_young_stays", NOBODYS),
    ),
    Mutant(
        "leftovers of another project are removed",
        "resources/cleanup.py",
        "mine = one.project == inventory.stack and one.phase in _AT_REST and",
        "mine = one.phase in _AT_REST and",
        (f"{LEFTOVERS}::test_what_only_looks_like_a_leftover_stays", NOBODYS),
    ),
    Mutant(
        "a replica that was interrupted at its making is removed though it is the only one",
        "resources/cleanup.py",
        "if one.phase is ReplicaPhase.CREATED and one.stands_for in taken:",
        "if one.phase is ReplicaPhase.CREATED and one.stands_for:",
        (f"{LEFTOVERS}::test_a_half_made_one_goes_once_its_name_has_another", NOBODYS),
    ),
    Mutant(
        "a network goes from under stopped containers",
        "resources/cleanup.py",
        "used = frozenset[str]().union(*(one.networks for one in inventory.containers))",
        "used = frozenset[str]().union(*(one.networks for one in inventory.containers if one.ended_at is None))",
        (f"{LEFTOVERS}::test_a_network_that_stays",),
    ),
    Mutant(
        "a network that is wanted is removed",
        "resources/cleanup.py",
        "mine = one.project == inventory.stack and one.name not in kept.networks",
        "mine = one.project == inventory.stack",
        (f"{LEFTOVERS}::test_a_network_that_stays", NOBODYS),
    ),
    Mutant(
        "anonymous volumes go with a leftover",
        "engines/clearing.py",
        '{"v": "0", "force": "0"}',
        '{"v": "1", "force": "0"}',
        (f"{CLEARING}::test_a_container_goes_without_force_and_without_its_volumes",),
    ),
    Mutant(
        "the engine takes what an image was built on with it",
        "engines/clearing.py",
        '{"noprune": "1"}',
        "{}",
        (f"{CLEARING}::test_an_image_goes_without_force_and_takes_nothing_with_it",),
    ),
    Mutant(
        "an image that somebody has given a name meanwhile is removed",
        "engines/clearing.py",
        "    if names != set(item.names):\n",
        "    if False:\n",
        (f"{CLEARING}::test_an_image_that_has_other_names_by_now_stays",),
    ),
    Mutant(
        "a network is removed though somebody has come to be on it",
        "engines/clearing.py",
        'if users := get_list(client, "/containers/json", query, deadline=deadline):',
        'if (users := get_list(client, "/containers/json", query, deadline=deadline)) and False:',
        (f"{CLEARING}::test_a_network_stays",),
    ),
    Mutant(
        "a list that leaves out replicas is believed",
        "loop/cleanup.py",
        "    if missing:\n        refuse_lie(missing, engine.absent(missing))\n",
        "",
        (f"{CLEANING}::test_a_list_that_leaves_out_a_replica_is_not_believed",),
    ),
    Mutant(
        "a clean-up goes on though the stack has changed",
        "loop/cleanup.py",
        "        if not hand.goes_on():\n",
        "        if False:\n",
        (f"{CLEANING}::test_where_the_stack_changes_meanwhile_the_rest_is_left",),
    ),
    Mutant(
        "a stack that is held is cleaned up by schedule",
        "loop/cleaning.py",
        " or stack.world.hold is not None",
        "",
        (f"{CLEANING}::test_what_is_held_updating_or_not_to_be_seen_is_left_alone",),
    ),
    Mutant(
        "each start of the controller cleans up",
        "loop/cleaning.py",
        "        if report.whole:\n",
        "        if False:\n",
        (f"{CLEANING}::test_by_schedule_it_is_done_once_and_not_again_after_a_restart",),
    ),
    Mutant(
        "half a look ends the use of an image",
        "loop/imagebook.py",
        "    return whole if view is None else view.complete\n",
        "    return True\n",
        ("tests/component/test_imagebook.py::test_nothing_is_over_because_half_a_look_does_not_show_it",),
    ),
)
