"""The store's open ends: creates whose end is not known yet, and what somebody asked a controller for."""

import pytest

from controller.loop.intents import IntentState, follow
from controller.loop.store import Store
from controller.model.names import HALF_MADE
from tests.component.records import reopened, replica

pytestmark = pytest.mark.unit


class TestJournal:
    def test_a_confirmed_create_is_ours_until_forgotten(self, store):
        store.replicas.confirm(store.replicas.intend("web", 1, "r1"), "id1")
        store.replicas.adopt({"id2": ("web", 2, "r0")})
        again = reopened(store)
        assert again.replicas.known() == {"id1": "r1", "id2": "r0"}
        assert again.replicas.made() == {"id1"}
        assert again.replicas.open_intents() == ()
        again.replicas.forget({"id1"})
        assert again.replicas.known() == {"id2": "r0"}

    def test_a_create_whose_end_is_unknown_is_recognised_by_what_is_seen(self, store):
        store.replicas.intend("web", 1, "r1")
        store.replicas.intend("web", 2, "r1")
        found = reopened(store).replicas.settle([replica("id1", 1), replica("old", 2, created_at=50.0)])
        assert found == {"id1": "r1"}
        again = Store(store.folder)
        assert again.replicas.made() == {"id1"}
        assert [intent.number for intent in again.replicas.open_intents()] == [2]

    @pytest.mark.fault("C1")
    def test_what_its_maker_may_not_have_finished_is_ours_but_not_what_was_meant(self, store):
        store.replicas.intend("web", 1, "r1")
        found = store.replicas.settle([replica("id1", 1)], lambda seen: seen.id == "id1")
        assert found == store.replicas.known() == {"id1": HALF_MADE}
        assert store.replicas.made() == {"id1"} and not store.replicas.open_intents()

    def test_what_was_confirmed_after_an_observation_is_not_missing_in_it(self, folder):
        now = [100.0]
        journal = Store(folder, clock=lambda: now[0]).replicas
        journal.confirm(journal.intend("web", 1, "r1"), "old")
        now[0] = 110.0
        journal.confirm(journal.intend("web", 2, "r1"), "new")
        journal.forget({"old", "new"}, before=105.0)
        assert set(journal.known()) == {"new"}

    def test_the_second_try_of_a_create_keeps_the_instant_of_the_first(self, folder):
        now = [100.0]
        journal = Store(folder, clock=lambda: now[0]).replicas
        journal.intend("web", 1, "r1")
        now[0] = 130.0
        journal.intend("web", 1, "r1")
        assert journal.settle([replica("id1", 1, created_at=101.0)]) == {"id1": "r1"}

    def test_an_intent_that_nothing_answered_does_not_claim_what_somebody_makes_later(self, folder):
        now = [100.0]
        journal = Store(folder, clock=lambda: now[0]).replicas
        journal.intend("web", 1, "r1")
        now[0] = 4000.0
        assert journal.settle([replica("foreign", 1, created_at=3999.0)]) == {}
        assert journal.open_intents() == ()

    @pytest.mark.fault("C1")
    def test_an_intent_outlives_every_look_that_shows_its_service_only_in_part(self, folder):
        now = [100.0]
        journal = Store(folder, clock=lambda: now[0]).replicas
        journal.intend("web", 1, "r1")
        now[0] = 4000.0
        assert journal.settle([], unseen={"web"}) == {}
        assert journal.settle([replica("id1", 1, created_at=101.0)]) == {"id1": "r1"}

    def test_a_new_try_supersedes_the_open_one(self, store):
        store.replicas.intend("web", 1, "r1")
        second = store.replicas.intend("web", 1, "r2")
        assert [(intent.id, intent.revision) for intent in store.replicas.open_intents()] == [(second, "r2")]
        store.replicas.abandon([second])
        assert store.replicas.open_intents() == ()

    def test_abandoning_never_takes_back_what_was_confirmed(self, store):
        intent = store.replicas.intend("web", 1, "r1")
        store.replicas.confirm(intent, "id1")
        store.replicas.abandon([intent])
        assert store.replicas.known() == {"id1": "r1"}


class TestIntents:
    def test_asked_claimed_finished_followed(self, store):
        first = store.intents.add("stop", {"services": ["web"], "now": True}, "anna")
        second = store.intents.add("start", {}, "anna")
        claimed = store.intents.claim()
        assert (claimed.id, claimed.verb, claimed.args, claimed.who) == (
            first, "stop", {"services": ["web"], "now": True}, "anna",
        )  # fmt: skip
        assert store.intents.claim().id == second
        assert store.intents.claim() is None
        looks = []

        def pause():
            looks.append(1)
            if len(looks) == 2:
                store.intents.finish(first, exit_code=1, result='{"outcome":"x"}')

        seen = list(follow(store.intents, first, pause=pause, alive=lambda: True))
        assert [intent.state for intent in seen] == [IntentState.CLAIMED, IntentState.CLAIMED, IntentState.DONE]
        assert (seen[-1].exit_code, seen[-1].result) == (1, '{"outcome":"x"}')

    def test_the_successor_of_a_dead_process_does_what_it_had_claimed(self, store):
        number = store.intents.add("stop", {}, "anna")
        store.intents.claim()
        assert store.intents.reopen() == 1
        assert store.intents.claim().id == number

    def test_what_nobody_will_ever_do_is_taken_back(self, store):
        number = store.intents.add("stop", {}, "anna")
        seen = list(follow(store.intents, number, pause=lambda: None, alive=lambda: False))
        assert [intent.state for intent in seen] == [IntentState.WAITING]
        assert store.intents.claim() is None, "a later controller would do what was asked of an earlier one"
        assert not list(follow(store.intents, number, pause=lambda: None, alive=lambda: True))

    def test_who_acts_by_himself_forgets_what_is_open_and_keeps_what_is_done(self, store):
        done = store.intents.add("stop", {}, "anna")
        store.intents.finish(done, exit_code=0)
        claimed = store.intents.add("stop", {}, "anna")
        assert store.intents.claim().id == claimed
        waiting = store.intents.add("start", {}, "anna")
        store.intents.clear()
        assert store.intents.get(done)
        assert [store.intents.get(number) for number in (claimed, waiting)] == [None, None]

    def test_an_end_that_came_just_before_the_death_still_counts(self, store):
        number = store.intents.add("stop", {}, "anna")
        store.intents.finish(number, exit_code=0)
        assert [seen.exit_code for seen in follow(store.intents, number, pause=lambda: None, alive=lambda: False)] == [
            0
        ]

    def test_old_answers_are_forgotten_but_never_open_requests(self, store):
        waiting = store.intents.add("stop", {}, "anna")
        for _ in range(250):
            store.intents.finish(store.intents.add("start", {}, "b"), exit_code=0)
        assert store.intents.get(waiting)
        assert store._database.row("SELECT count(*) FROM intents")[0] <= 202
