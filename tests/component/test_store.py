"""The store on a real disk: where it is, and what it keeps of a stack."""

import stat

import pytest

from controller.loop.memory import Generation, ProjectPlace, StackMemory
from controller.loop.store import Store, known_stacks, stack_dir, state_dir
from controller.model.decision import History
from controller.model.desired import DesiredService, Template
from controller.model.errors import ControllerError
from controller.model.phases import Phase, StackPhase
from controller.model.project import Recording, RenderedProject
from controller.model.status import ServiceStatus, StackStatus
from controller.model.timings import KEPT, Sample, Span
from tests.component.records import event, reopened, replica

pytestmark = pytest.mark.unit


class TestPlace:
    @pytest.mark.parametrize(
        ("env", "uid", "expected"),
        [
            ({"CONTROLLER_STATE_DIR": "/x/y", "XDG_STATE_HOME": "/z"}, 0, "/x/y"),
            ({"HOME": "/root", "XDG_STATE_HOME": "/z"}, 0, "/var/lib/controller"),
            ({"HOME": "/home/u", "XDG_STATE_HOME": "/z"}, 1000, "/z/controller"),
            ({"HOME": "/home/u", "XDG_STATE_HOME": "relative"}, 1000, "/home/u/.local/state/controller"),
            ({"HOME": "/home/u", "CONTROLLER_STATE_DIR": ""}, 1000, "/home/u/.local/state/controller"),
        ],
    )
    def test_state_folder(self, env, uid, expected):
        assert str(state_dir(env, uid)) == expected

    def test_no_home_at_all_is_a_clear_error(self):
        with pytest.raises(ControllerError) as caught:
            state_dir({}, 4_000_000)
        assert caught.value.hint == "set CONTROLLER_STATE_DIR"

    def test_only_the_owner_can_read_any_of_it(self, store, folder, tmp_path):
        store.stack.save(StackMemory(adopted=True))
        for place in (folder, folder.parent, folder.parent.parent):
            assert stat.S_IMODE(place.stat().st_mode) == 0o700
        for file in folder.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file

    def test_a_given_root_that_exists_keeps_its_mode(self, tmp_path):
        tmp_path.chmod(0o755)
        Store(stack_dir(tmp_path, "e", "s")).close()
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755

    def test_names_cannot_leave_the_folder(self, tmp_path):
        assert stack_dir(tmp_path, "..", "../../etc").is_relative_to(tmp_path)
        assert ".." not in stack_dir(tmp_path, "..", "../../etc").relative_to(tmp_path).parts

    def test_stacks_that_have_a_store_are_known(self, tmp_path):
        assert known_stacks(tmp_path, "e") == ()
        for name in ("b", "a"):
            Store(stack_dir(tmp_path, "e", name)).close()
        (tmp_path / "e" / "_controller").mkdir()
        assert known_stacks(tmp_path, "e") == ("a", "b")


class TestRecords:
    def test_histories_survive_and_equal_ones_are_not_written_again(self, store):
        one = {"a": History(good="r1"), "b": History(paused=True)}
        store.histories.record(one)
        before = store._database.row("PRAGMA data_version"), store._database._connection.total_changes
        store.histories.record(one)
        assert (store._database.row("PRAGMA data_version"), store._database._connection.total_changes) == before
        store.histories.record({"a": History(good="r2")})
        store.histories.drop(frozenset("b"))
        assert reopened(store).histories.load() == {"a": History(good="r2")}

    def test_a_transaction_is_all_or_nothing(self, store):
        with pytest.raises(RuntimeError), store.transaction():
            store.histories.record({"a": History(good="r1")})
            store.events.append(event())
            raise RuntimeError
        assert store.histories.load() == {}
        assert store.events.since() == ()
        with store.transaction():
            store.histories.record({"a": History(good="r1")})
            store.events.append(event())
        assert store.histories.load() and store.events.since()

    def test_memory(self, store):
        assert store.stack.load() == StackMemory()
        memory = StackMemory(
            adopted=True, released=True, source="manifests/rag.yaml", variables=("A", "B"),
            place=ProjectPlace("/m/rag.yaml", "/c", ("/c/rag.yaml",), (), ("dev",)),
        )  # fmt: skip
        store.stack.save(memory)
        assert reopened(store).stack.load() == memory

    def test_generations_number_changes_of_the_digest(self, store):
        numbers = [store.stack.generation_of(Generation(0, digest, 1.0)).number for digest in "aabba"]
        assert numbers == [1, 1, 2, 2, 3]
        assert [(seen.number, seen.digest) for seen in store.stack.generations()] == [(1, "a"), (2, "b"), (3, "a")]

    def test_a_generation_remembers_what_each_service_was_made_from(self, store):
        store.stack.generation_of(Generation(0, "a", 1.0, ("web",), revisions={"web": "r1"}))
        store.stack.generation_of(Generation(0, "b", 2.0, ("web",), revisions={"web": "r0"}))
        assert reopened(store).stack.last_generation().revisions == {"web": "r0"}

    def test_old_generations_go_but_numbers_never_repeat(self, store):
        for turn in range(60):
            store.stack.generation_of(Generation(0, str(turn), 1.0))
        kept = store.stack.generations()
        assert (len(kept), kept[0].number, kept[-1].number) == (50, 11, 60)

    def test_revisions_are_kept_while_in_use(self, store):
        service = DesiredService("web", 2, "r1", Template("web", "h", "f", body='{"Env": ["SECRET=x"]}'))
        store.stack.keep_revisions((service, DesiredService("web", 2, "r2", Template("web", "h2", "f2"))))
        store.stack.drop_revisions({("web", "r1")})
        assert store.stack.revisions() == {("web", "r1"): service}

    def test_what_an_undo_would_go_back_to_is_kept_however_long_ago_it_was(self, store):
        store.stack.keep_revisions(DesiredService("web", 1, f"r{n}", Template("web", "h", "f")) for n in range(3))
        for turn in range(20):
            release = f"r{min(turn, 2)}@i"
            store.stack.generation_of(Generation(0, str(turn), 1.0, releases={"web": release}))
        store.stack.drop_revisions(())
        assert store.stack.revisions().keys() == {("web", "r1"), ("web", "r2")}

    def test_renderings_are_found_by_key_and_the_oldest_go(self, store):
        for turn in range(8):
            store.renderings.save(
                f"k{turn}",
                RenderedProject("rag", {"turn": turn}),
                Recording({"web": Template("web", "h", "f")}) if turn % 2 else None,
            )
        assert store.renderings.load("k1") is None
        project, recording = store.renderings.load("k7")
        assert (project.model["turn"], recording.templates["web"].config_hash) == (7, "h")
        assert store.renderings.load("k6")[1] is None

    def test_learned_times_keep_the_newest(self, store):
        for turn in range(KEPT + 5):
            store.timings.add("web", Span.READY, Sample(float(turn), "r1"))
        store.timings.add("db", Span.READY, Sample(7.0))
        samples = store.timings.load().samples
        assert [sample.seconds for sample in samples["web", Span.READY]] == [float(turn) for turn in range(5, KEPT + 5)]
        assert samples["db", Span.READY] == (Sample(7.0),)
        assert store.timings.load().ready_after("web", "r1") == 14.5

    def test_repeats_of_an_event_are_folded_and_followers_see_them(self, store):
        first = store.events.append(event(at=100.0))
        store.events.append(event("other", at=101.0))
        seen = store.events.last_seq()
        again = store.events.append(event(at=102.0))
        assert (first.count, first.first_at) == (1, None)
        assert (again.count, again.first_at, again.at) == (2, 100.0, 102.0)
        assert store.events.since(seen) == (again,)
        assert [kept.message for kept in store.events.since()] == ["other", "m"]
        assert store.events.append(event(at=102.0 + 601)).count == 1

    def test_events_differ_by_service_and_can_be_read_by_it(self, store):
        store.events.append(event(service="a"))
        store.events.append(event(service=None))
        assert [kept.service for kept in store.events.since()] == ["a", None]
        assert [kept.service for kept in store.events.since(service="a")] == ["a"]

    def test_old_events_are_trimmed_and_seq_never_repeats(self, store, monkeypatch):
        monkeypatch.setattr("controller.loop.reports.KEPT_EVENTS", 20)
        for turn in range(30):
            store.events.append(event(f"m{turn}"))
        kept = store.events.since()
        assert (len(kept), kept[-1].seq) == (20, 30)
        assert reopened(store).events.append(event("new")).seq == 31

    def test_a_status_is_written_once_per_change(self, store):
        web = ServiceStatus("web", Phase.READY, "Ready", "ok", 1, 1, 1, (replica("id", 1),), 5.0, restarted={"id": 2})
        status = StackStatus("rag", StackPhase.CONVERGED, 3, (), (web,), taken_at=100.0)
        assert store.status.load() is None
        assert store.status.save(status)
        changes = store._database._connection.total_changes
        later = StackStatus("rag", StackPhase.CONVERGED, 3, (), (web,), taken_at=160.0)
        assert not store.status.save(later)
        assert store._database._connection.total_changes == changes
        assert reopened(store).status.load() == status
