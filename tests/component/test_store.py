"""The store on a real disk: transactions, several threads, several processes, kills, damage."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager

import pytest

from controller.loop.database import Database, StoreDamaged
from controller.loop.intents import IntentState, follow
from controller.loop.memory import Generation, ProjectPlace, StackMemory
from controller.loop.schema import MIGRATIONS, mark_of
from controller.loop.store import Store, known_stacks, stack_dir, state_dir
from controller.model.decision import History, Phase, StackPhase
from controller.model.desired import DesiredService, Template
from controller.model.errors import ControllerError
from controller.model.names import HALF_MADE
from controller.model.observed import Replica, ReplicaPhase
from controller.model.project import Recording, RenderedProject
from controller.model.status import Event, ServiceStatus, StackStatus
from controller.model.timings import KEPT, Sample, Span

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "engine" / "rag"


@pytest.fixture
def store(folder):
    made = Store(folder, clock=lambda: 100.0)
    yield made
    made.close()


def reopened(store):
    store.close()
    return Store(store.folder, clock=lambda: 100.0)


def replica(id_, number, created_at=100.0, service="web"):
    return Replica(id_, f"p-{service}-{number}", service, number, "", ReplicaPhase.CREATED, created_at=created_at)


def event(message="m", at=100.0, service="web", reason="Started"):
    return Event(at, "rag", service, "Normal", reason, message)


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
        web = ServiceStatus("web", Phase.READY, "Ready", "ok", 1, 1, 1, (replica("id", 1),), 5.0)
        status = StackStatus("rag", StackPhase.CONVERGED, 3, (), (web,), taken_at=100.0)
        assert store.status.load() is None
        assert store.status.save(status)
        changes = store._database._connection.total_changes
        later = StackStatus("rag", StackPhase.CONVERGED, 3, (), (web,), taken_at=160.0)
        assert not store.status.save(later)
        assert store._database._connection.total_changes == changes
        assert reopened(store).status.load() == status


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


class TestSharing:
    def test_threads_lose_nothing(self, store):
        def work(name):
            for turn in range(50):
                with store.transaction():
                    store.histories.record({name: History(good=str(turn))})
                    store.events.append(event(f"{name}{turn}"))

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert store.histories.load() == {name: History(good="49") for name in "abcd"}
        assert len(store.events.since()) == 200

    def test_processes_share_one_file(self, store, folder):
        script = textwrap.dedent(
            """
            import sys
            from pathlib import Path
            from controller.loop.store import Store
            store = Store(Path(sys.argv[1]))
            for turn in range(25):
                store.intents.add("start", {"turn": turn}, sys.argv[2])
            """
        )
        others = [subprocess.Popen([sys.executable, "-c", script, str(folder), who]) for who in "xyz"]
        claimed = []
        deadline = time.monotonic() + 30
        while len(claimed) < 75 and time.monotonic() < deadline:
            if intent := store.intents.claim():
                claimed.append((intent.who, intent.args["turn"]))
        assert [other.wait(10) for other in others] == [0, 0, 0]
        assert sorted(claimed) == [(who, turn) for who in "xyz" for turn in range(25)]

    def test_what_was_written_before_a_kill_is_there_and_half_a_transaction_is_not(self, folder):
        script = textwrap.dedent(
            """
            import os, sys, time
            from pathlib import Path
            from controller.loop.store import Store
            from controller.model.decision import History
            store = Store(Path(sys.argv[1]))
            store.histories.record({"a": History(good="kept")})
            with store.transaction():
                store.histories.record({"a": History(good="half"), "b": History()})
                print("inside", flush=True)
                time.sleep(60)
            """
        )
        with subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline().strip() == "inside"
            child.send_signal(signal.SIGKILL)
        assert Store(folder).histories.load() == {"a": History(good="kept")}

    def test_another_connection_of_this_process_does_not_drop_its_locks(self, store, folder):
        with store.transaction():
            store.histories.record({"a": History(good="r1")})
            other = Store.__new__(Store)
            with pytest.raises(ControllerError, match="locked"):
                _write_at_once(folder)
            del other
        assert _write_at_once(folder) == 0


@contextmanager
def _without_privileges():
    """Root may write everywhere, so as root the body runs as nobody."""
    uid = os.geteuid()
    if uid == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(uid)


def _write_at_once(folder):
    """Write from another process that does not wait."""
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None);"
        " c.execute('BEGIN IMMEDIATE'); c.execute('ROLLBACK')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder / "state.db")], capture_output=True, text=True, check=False
    )
    if "locked" in done.stderr:
        raise ControllerError("locked")
    return done.returncode


class TestDamage:
    @pytest.mark.parametrize("wreck", ["garbage", "truncated", "middle"])
    def test_a_damaged_file_is_moved_aside_and_begun_anew(self, store, folder, wreck):
        with store.transaction():
            for turn in range(400):
                store.histories.record({f"s{turn}": History(good="r" * 200)})
        store.close()
        path = folder / "state.db"
        data = path.read_bytes()
        match wreck:
            case "garbage":
                path.write_bytes(b"not a database " * 1000)
            case "truncated":
                path.write_bytes(data[: len(data) // 2])
            case "middle":
                path.write_bytes(data[:4096] + os.urandom(len(data) - 4096))
        fresh = Store(folder)
        assert fresh.histories.load() == {}
        assert "moved to state.db.damaged-" in fresh.mended
        assert [file for file in folder.iterdir() if file.name.startswith("state.db.damaged-")]
        fresh.histories.record({"a": History(good="r1")})
        assert Store(folder).histories.load() == {"a": History(good="r1")}

    def test_damage_in_the_middle_of_work_is_said_once_and_work_goes_on(self, store, folder):
        store.histories.record({f"s{turn}": History(good="r" * 200) for turn in range(400)})
        store._database._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        data = (folder / "state.db").read_bytes()
        (folder / "state.db").write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
        store._database._connection.execute("PRAGMA cache_size = 0")
        with pytest.raises(StoreDamaged, match="begun anew"):
            for _ in range(3):
                store.histories.load()
                store.histories.record({f"s{turn}": History(good="x") for turn in range(400)})
        store.histories.record({"a": History(good="r1")})
        assert store.histories.load() == {"a": History(good="r1")}

    def test_who_still_has_the_old_file_open_follows_to_the_new_one(self, store, folder):
        other = Store(folder)
        for file in folder.glob("state.db*"):
            file.rename(folder / f"aside-{file.name}")
        number = other.intents.add("stop", {}, "anna")
        assert store.intents.claim().id == number

    def test_a_removed_folder_is_made_again(self, store, folder):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        store.histories.record({"a": History(good="r1")})
        assert store.histories.load() == {"a": History(good="r1")}

    def test_a_newer_schema_is_refused_and_left_as_it_is(self, store, folder):
        store.histories.record({"a": History(good="r1")})
        newer = len(MIGRATIONS) + 1
        store._database._connection.execute(f"PRAGMA user_version = {newer}")
        store._database._connection.execute(f"PRAGMA application_id = {mark_of(newer)}")
        store.close()
        before = (folder / "state.db").read_bytes()
        with pytest.raises(ControllerError, match="newer version") as caught:
            Store(folder)
        assert "upgrade" in caught.value.hint
        assert (folder / "state.db").read_bytes() == before

    def test_no_permission_is_one_clear_line(self, tmp_path):
        folder = tmp_path / "other" / "s"
        folder.parent.mkdir(mode=0o500)
        with _without_privileges(), pytest.raises(ControllerError, match="no permission") as caught:
            Store(folder)
        assert "CONTROLLER_STATE_DIR" in caught.value.hint

    def test_a_place_that_is_a_file_is_one_clear_line(self, tmp_path):
        (tmp_path / "e").write_text("")
        with pytest.raises(ControllerError) as caught:
            Store(tmp_path / "e" / "s")
        assert "CONTROLLER_STATE_DIR" in caught.value.hint

    def test_a_full_disk_is_said_and_nothing_is_half_written(self, store):
        store.histories.record({"a": History(good="r1")})
        pages = store._database.row("PRAGMA page_count")[0]
        store._database._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(ControllerError, match="full") as caught:
            store.histories.record({f"s{turn}": History(good="r" * 500) for turn in range(400)})
        assert "disk space" in caught.value.hint
        assert store.histories.load() == {"a": History(good="r1")}


def test_another_programs_lock_is_waited_for_and_then_said(tmp_path, monkeypatch):
    monkeypatch.setattr("controller.loop.database.BUSY_SECONDS", 0.05)
    database = Database(tmp_path / "state.db")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ControllerError, match="locked") as caught:
        database.execute("DELETE FROM memory")
    assert "try again" in caught.value.hint
    other.close()
    database.close()


def test_a_ctrl_c_while_a_row_is_sealed_is_one(store, monkeypatch):
    """SQLite makes an error of its own of what is raised in a function that it calls."""

    def interrupted(_: bytes) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("controller.loop.seal.zlib.crc32", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.stack.save(StackMemory())
