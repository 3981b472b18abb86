"""Who did what, as a running controller and its API write it down; and what becomes of a change that cannot be."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.engines.base import Scope
from controller.loop import auditor
from controller.loop.auditor import MEND_AGAIN, AuditBook
from controller.loop.auditproofs import prove
from controller.loop.auditread import Query, Read, find, prove_all
from controller.loop.window import Window
from controller.model.auditing import AuditPolicy
from controller.model.errors import ControllerError
from controller.security.audit import Act, Via
from controller.security.auditproof import State
from controller.web import audits, desk
from tests.component.house import House
from tests.component.served import Visit, converge, new_code, visit
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit


def records(house: House, **query: Any) -> list[dict[str, Any]]:
    """Oldest first."""
    state = house.folder.parent / "state"
    return [dict(read.data) for read in reversed(find(state, house.engine.info().id, Query(**query)))]


def told(house: House, **query: Any) -> list[tuple[str, str, str, str]]:
    return [(r["actor"], r["verb"], r["stage"], r["outcome"]) for r in records(house, **query)]


def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be added to an audit log from now on."""

    def refuse(handle: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("controller.loop.auditlog.write_all", refuse)


def me() -> str:
    from controller.loop.acting import who

    return who()


# --- commands


def test_a_command_is_recorded_before_and_after_with_each_step_of_it(house: House) -> None:
    house.write("shop")
    assert house.ask("apply", "shop").ok
    said = told(house)
    assert said[0] == (me(), "apply", "intent", "") and said[-1] == (me(), "apply", "outcome", "converged")
    steps = [(verb, stage, outcome) for actor, verb, stage, outcome in said if actor == "controller"]
    assert steps == [
        ("create", "intent", ""),
        ("create", "outcome", "done"),
        ("start", "intent", ""),
        ("start", "outcome", "done"),
    ]
    first, *_, last = records(house)
    assert first["id"] == last["id"] != ""
    assert first["from"] == f"uid {os.getuid()} pid {os.getpid()}" and first["via"] == "cli"
    assert prove(house.folder.parent / "state", house.engine.info().id, "shop").state is State.OK


def test_a_command_that_cannot_be_recorded_is_not_done(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write("shop")
    full(monkeypatch)
    with pytest.raises(ControllerError, match=r"the audit log cannot be written: No space left") as caught:
        house.ask("apply", "shop")
    assert caught.value.hint == "free some disk space; nothing was done that is not recorded"
    assert house.count("shop") == 0


def test_a_command_that_fails_says_so(house: House) -> None:
    house.write("shop")
    assert house.ask("apply", "shop").ok
    with pytest.raises(ControllerError, match="no service"):
        house.ask("stop", "shop", "nobody")
    assert told(house)[-2:] == [(me(), "stop", "intent", ""), (me(), "stop", "outcome", "interrupted")]
    assert "nobody" in records(house)[-1]["detail"]["message"]


def test_a_clean_up_makes_room_though_it_cannot_be_recorded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from controller.loop.cleanup_command import clean_all
    from controller.loop.ground import Ground
    from controller.model.wish import Wish
    from tests.component.house import Ear

    house.write("shop")
    assert house.ask("apply", "shop").ok
    ground = Ground(house.engine, house.asked("shop"))
    pairs, _ = ground.load_all(ground.targets())
    full(monkeypatch)
    (report,) = clean_all(ground, pairs, Wish("cleanup"), Ear())
    assert report.ok and ground.audit.trouble is not None


# --- the daemon


def test_a_daemon_records_who_asked_it_and_its_own_begin_and_end(house: House) -> None:
    house.write("shop")

    def script() -> None:
        eventually(lambda: "Converged" in house.ear.conditions("shop"), 20)
        assert house.ask("stop", "shop").ok

    house.run(script, house.asked("shop"))
    said = told(house, who=me())
    assert [one for one in said if one[1] in ("run", "end")] == [
        (me(), "run", "outcome", "begun"),
        (me(), "end", "outcome", "done"),
    ]
    assert [one for one in said if one[1] == "stop"] == [
        (me(), "stop", "intent", ""),
        (me(), "stop", "outcome", "stopped"),
    ]
    engine, state = house.engine.info().id, house.folder.parent / "state"
    for log in ("", "shop"):
        verdict = prove(state, engine, log)
        assert verdict.state is State.OK and verdict.signed == verdict.last > 0, "signed at the end"


def test_what_somebody_asks_of_a_daemon_that_cannot_record_it_is_refused_and_healing_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write("shop")
    degraded: list[str] = []

    def script() -> None:
        eventually(lambda: "Converged" in house.ear.conditions("shop"), 20)
        with pytest.MonkeyPatch.context() as patch:
            full(patch)
            result = house.ask("stop", "shop")
            assert not result.ok and "the audit log cannot be written" in result.message
            assert house.count("shop") == 1
            (replica,) = house.engine.observe(Scope("shop")).services["db"].replicas
            house.engine.meddle("shop", lambda hands, now: hands.kill(replica.id, now))
            eventually(lambda: house.ear.conditions("shop") >= {"Converged", "AuditDegraded"}, 20)
            degraded.extend(house.ear.said("AuditDegraded"))
        eventually(lambda: "AuditDegraded" not in house.ear.conditions("shop"), 20 + MEND_AGAIN)

    house.run(script, house.asked("shop"))
    assert degraded and "No space left" in degraded[0]
    (gap,) = records(house, verb="gap")
    assert gap["detail"]["lost"] >= 2
    verdict = prove(house.folder.parent / "state", house.engine.info().id, "shop")
    assert verdict.state is State.INCOMPLETE and verdict.lost == gap["detail"]["lost"]


def test_a_controller_that_runs_has_its_own_logs_forget_and_nobody_elses(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditor, "KEEP_EVERY", 0.05)
    state, engine = house.folder.parent / "state", house.engine.info().id
    before = AuditBook(state, lambda: engine, lambda: time.time() - 400 * 86400)
    for stack in ("shop", "bank"):
        before.record(Act("ada", Via.CLI, "stop", stack=stack))
    house.write("shop")

    def left(log: str) -> list[str]:
        return [read.data["verb"] for read in find(state, engine, Query(who="ada")) if read.log == log]

    assert left("shop") == left("bank") == ["stop"]
    house.run(lambda: eventually(lambda: left("shop") == [], 20), house.asked("shop"))
    assert left("bank") == ["stop"]
    assert {one.state for one in prove_all(state, engine).values()} == {State.OK}


def test_a_file_that_is_edited_is_taken_up_or_refused_in_the_record(house: House) -> None:
    path = house.write("shop")

    def script() -> None:
        eventually(lambda: "Converged" in house.ear.conditions("shop"), 20)
        path.write_text(path.read_text().replace("busybox", "other"))
        eventually(lambda: len(records(house, verb="take-up")) == 2, 20)
        path.write_text("services: [")
        eventually(lambda: len(records(house, verb="take-up")) == 3, 20)

    house.run(script, house.asked("shop"), watch=True)
    first, second, third = records(house, verb="take-up")
    assert [one["object"]["name"] for one in (first, second)] == ["1", "2"]
    assert first["detail"]["revisions"] != second["detail"]["revisions"]
    assert third["decision"]["allowed"] is False and third["outcome"] == "refused"


# --- the API


def served(house: House, script: Callable[[Visit], None]) -> None:
    house.write("shop")

    def play(there: Visit) -> None:
        converge(there)
        script(there)

    visit(house, play)


def test_what_is_asked_through_the_api_is_recorded_at_the_door_and_in_the_stack(house: House) -> None:
    served(house, lambda there: there.ask("shop", "stop") and None)
    door = [r for r in records(house, verb="ask")]
    assert [(r["actor"], r["stage"], r["outcome"]) for r in door] == [("api", "intent", ""), ("api", "outcome", "done")]
    assert door[0]["object"] == {"kind": "stack", "name": "shop"} and door[0]["from"].startswith("127.0.0.1:")
    asked = records(house, verb="stop", who="api")
    assert [r["stage"] for r in asked] == ["intent", "outcome"]
    assert asked[0]["via"] == "api" and asked[0]["from"] == door[0]["from"]
    assert {r["detail"]["request"] for r in asked} == {r["id"] for r in door} and asked[0]["id"] != door[0]["id"]
    one_act = records(house, act=door[0]["id"])
    assert [r["verb"] for r in one_act].count("ask") == [r["verb"] for r in one_act].count("stop") == 2
    assert len(one_act) == 4 and records(house, act="other") == []
    assert records(house, act=asked[0]["id"]) == one_act, "by the id of the stack's own record too"
    assert all("request" not in r["detail"] for r in records(house, verb="apply")), "nobody asked at a door"


def test_who_is_turned_away_is_recorded_and_cannot_fill_the_disk(house: House) -> None:
    def script(there: Visit) -> None:
        for _ in range(60):
            assert there.stranger.get("/v1/stacks").status_code == 401
        assert there.stranger.post("/v1/session", json={"token": "x" * 40}).status_code == 403
        assert there.http.get("/v1/stacks", headers={"host": "evil.example"}).status_code == 421

    served(house, script)
    denied = [r for r in records(house) if r["outcome"] == "denied"]
    assert {r["decision"]["allowed"] for r in denied} == {False}
    assert "login" in {r["verb"] for r in denied} and "x" * 40 not in str(denied)
    strangers = [r for r in denied if r["object"]["name"] == "/v1/stacks"]
    assert strangers and strangers[0]["decision"]["why"] == "no key, or one that is not valid"
    assert sum(1 + r["detail"].get("more", 0) for r in denied) <= 63


def test_a_login_is_recorded_without_what_was_shown(house: House) -> None:
    codes: list[str] = []

    def script(there: Visit) -> None:
        codes.append(new_code(there))
        made = there.stranger.post("/v1/session", json={"code": codes[0]})
        assert made.status_code == 201
        codes.append(made.json()["session"])
        key = {"authorization": f"Bearer {codes[1]}"}
        assert there.stranger.delete("/v1/session", headers=key).status_code == 204

    served(house, script)
    assert [r["outcome"] for r in records(house, verb="login")] == ["done"]
    assert [(r["actor"], r["outcome"]) for r in records(house, verb="logout")] == [
        ("dashboard", ""),
        ("dashboard", "done"),
    ]
    assert not any(code in str(records(house)) for code in codes)


def test_a_change_through_the_api_that_cannot_be_recorded_is_not_done(house: House) -> None:
    def script(there: Visit) -> None:
        with pytest.MonkeyPatch.context() as patch:
            full(patch)
            answer = there.http.post("/v1/stacks/shop/intents", json={"verb": "stop"})
            assert answer.status_code == 503
            assert "cannot be recorded" in answer.json()["error"]["message"]
            assert there.http.get("/v1/stacks/shop").status_code == 200, "who only looks is served"
        assert house.count("shop") == 1

    served(house, script)


def test_the_api_gives_it_newest_first_page_by_page(house: House) -> None:
    def script(there: Visit) -> None:
        there.ask("shop", "pause")
        there.ask("shop", "resume")
        whole = there.get("/v1/audit", limit=1000)
        assert whole["next"] is None and len(whole["records"]) > 8
        newest = next(one for one in whole["records"] if one["log"] == "shop")
        head = there.get("/v1/stacks/shop/security")["auditHead"]
        assert (head["seq"], head["mac"]) == (newest["seq"], newest["mac"])
        paged, before = [], ""
        while True:
            page = there.get("/v1/audit", limit=3, before=before)
            paged += page["records"]
            if page["next"] is None:
                break
            before = page["next"]
        assert paged == whole["records"]
        times = [r["ts"] for r in paged]
        assert times == sorted(times, reverse=True)
        assert {r["verb"] for r in there.get("/v1/audit", verb="pause")["records"]} == {"pause"}
        assert {r["actor"] for r in there.get("/v1/audit", who="api")["records"]} == {"api"}
        (asked,) = {r["id"] for r in there.get("/v1/audit", verb="pause")["records"]}
        (request,) = {r["detail"]["request"] for r in there.get("/v1/audit", verb="pause")["records"]}
        told = [r["verb"] for r in there.get("/v1/audit", act=request)["records"]]
        assert sorted(told) == ["ask", "ask", "pause", "pause"] and asked != request
        assert [r["verb"] for r in there.get("/v1/audit", act=asked)["records"]] == told
        assert there.get("/v1/audit", since="2999-01-01T00:00:00Z")["records"] == []
        assert there.get("/v1/audit", stack="other")["records"] == []
        assert there.stranger.post("/v1/session", json={"token": "none"}).status_code == 403
        assert there.http.post("/v1/stacks/gone/intents", json={"verb": "stop"}).status_code == 404
        (denied,) = there.get("/v1/audit", outcome="denied")["records"]
        assert (denied["verb"], denied["decision"]) == ("login", {"allowed": False, "why": "this is not a valid token"})
        failed = there.get("/v1/audit", outcome="failed")["records"]
        assert [(one["verb"], one["object"]["name"]) for one in failed] == [("ask", "gone")]
        for wrong in ({"limit": 0}, {"outcome": "done"}, {"before": "x"}, {"since": "yesterday"}, {"nonsense": "1"}):
            assert there.http.get("/v1/audit", params=wrong).status_code == 422, wrong
        assert there.stranger.get("/v1/audit").status_code == 401

    served(house, script)


class Reading:
    """Whoever looks into the log waits until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.calls, self.most, self.threads = threading.Event(), 0, 0, set[int]()
        self._at_once, self._guard, self._plain = 0, threading.Lock(), Window.audited

        def audited(window: Window, query: Query, limit: int) -> list[Read]:
            return self._read(window, query, limit)

        monkeypatch.setattr(Window, "audited", audited)

    def _read(self, window: Window, query: Query, limit: int) -> list[Read]:
        with self._guard:
            self.calls, self._at_once = self.calls + 1, self._at_once + 1
            self.most = max(self.most, self._at_once)
            self.threads.add(threading.get_ident())
        self.go.wait(60)
        with self._guard:
            self._at_once -= 1
        return self._plain(window, query, limit)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    return Reading(monkeypatch)


def test_no_number_of_readers_takes_all_threads(
    house: House, monkeypatch: pytest.MonkeyPatch, reading: Reading
) -> None:
    monkeypatch.setattr(desk, "MOST_AUDITS", 6)
    monkeypatch.setattr(desk, "AUDITS_EACH", 10)

    def script(there: Visit) -> None:
        with ThreadPoolExecutor(10) as pool:
            asked = [pool.submit(there.http.get, "/v1/audit", timeout=60) for _ in range(10)]
            try:
                eventually(lambda: sum(one.done() for one in asked) == 4, 20)
                refused = [one.result() for one in asked if one.done()]
                assert {(one.status_code, one.headers["retry-after"]) for one in refused} == {(503, "1")}
                assert "look into the audit log already" in refused[0].json()["error"]["message"]
                assert there.http.get("/v1/stacks/shop").status_code == 200, "all else is served meanwhile"
            finally:
                reading.go.set()
            assert sorted(one.result().status_code for one in asked) == [200] * 6 + [503] * 4
        assert reading.most == desk.AUDITS_AT_ONCE
        assert there.get("/v1/audit")["records"], "and there is room again"

    served(house, script)


def test_no_reader_takes_the_place_of_others(house: House, reading: Reading) -> None:
    def script(there: Visit) -> None:
        word = there.stranger.post("/v1/session", json={"code": new_code(there)}).json()["session"]
        with ThreadPoolExecutor(40) as pool:
            asked = [pool.submit(there.http.get, "/v1/audit", timeout=60) for _ in range(desk.MOST_AUDITS)]
            try:
                eventually(lambda: sum(one.done() for one in asked) == desk.MOST_AUDITS - desk.AUDITS_EACH, 20)
                refused = next(one.result() for one in asked if one.done())
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
                assert refused.json()["error"]["message"] == "4 of this client look into the audit log already"
                headers = {"authorization": f"Bearer {word}"}
                other = pool.submit(there.stranger.get, "/v1/audit", headers=headers, timeout=60)
                time.sleep(0.3)
                assert not other.done(), "it waits, and is not refused"
            finally:
                reading.go.set()
            assert other.result().status_code == 200
        assert there.get("/v1/audit")["records"], "and there is room again"

    served(house, script)


def test_for_who_went_nothing_is_read(house: House, reading: Reading) -> None:
    def script(there: Visit) -> None:
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(there.http.get, "/v1/audit", timeout=60) for _ in range(desk.AUDITS_AT_ONCE)]
            try:
                eventually(lambda: reading.calls == desk.AUDITS_AT_ONCE, 20)
                with pytest.raises(httpx.ReadTimeout):
                    there.http.get("/v1/audit", timeout=0.5)
            finally:
                reading.go.set()
            assert [one.result().status_code for one in asked] == [200, 200]
        there.get("/v1/audit")
        assert reading.calls == desk.AUDITS_AT_ONCE + 1, "those who were there, and the last one"

    served(house, script)


def test_an_answer_is_made_where_nobody_waits_for_it(
    house: House, monkeypatch: pytest.MonkeyPatch, reading: Reading
) -> None:
    made, plain = set[int](), audits.records_data

    def records_data(*given: Any) -> Any:
        made.add(threading.get_ident())
        return plain(*given)

    monkeypatch.setattr(audits, "records_data", records_data)
    reading.go.set()
    served(house, lambda there: there.get("/v1/audit") and None)
    assert made == reading.threads


def test_connections_are_recorded_only_where_that_is_asked_for(house: House) -> None:
    manifest = "apiVersion: controller/v1\nkind: Controller\nspec: {audit: {connections: true}}\n"
    (house.folder / "controller.yaml").write_text(manifest)

    def script(there: Visit) -> None:
        converge(there)
        for _ in range(3):
            there.get("/v1/stacks")

    house.write("shop")
    visit(house, script)
    assert records(house, verb="connect") == []
    visit(house, script, "shop", "controller")
    found = records(house, verb="connect")
    assert found and len({r["from"] for r in found}) == len(found), "each connection once"


def test_switched_off_it_writes_nothing(house: House) -> None:
    manifest = "apiVersion: controller/v1\nkind: Controller\nspec: {audit: {enabled: false}}\n"
    (house.folder / "controller.yaml").write_text(manifest)
    house.write("shop")
    house.run(
        lambda: eventually(lambda: "Converged" in house.ear.conditions("shop"), 20), house.asked("shop", "controller")
    )
    assert records(house) == []


# --- the book alone


def test_what_is_lost_is_counted_told_once_and_noted_as_soon_as_the_disk_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, heard = [1000.0], list[str]()
    book = AuditBook(tmp_path, lambda: "engine", lambda: now[0])
    book.tell = heard.append
    act = Act("controller", Via.LOOP, "start", "service", "web", "shop")
    with monkeypatch.context() as patch:
        full(patch)
        for _ in range(3):
            book.note(act, act)
        assert (
            len(heard) == 1 and book.trouble is not None and book.trouble.startswith("6 acts are not in the audit log")
        )
        assert not book.mend(now[0])
        with pytest.raises(ControllerError):
            book.record(act)
    now[0] += MEND_AGAIN - 1
    assert not book.mend(now[0]), "not before its time"
    now[0] += 1
    assert book.mend(now[0]) and book.trouble is None
    book.record(act)
    (lost, *rest) = [dict(read.data) for read in reversed(find(tmp_path, "engine", Query()))]
    assert (lost["verb"], lost["detail"]["lost"]) == ("gap", 6) and [r["verb"] for r in rest] == ["start"]


def test_an_error_within_an_act_is_its_outcome(tmp_path: Path) -> None:
    book = AuditBook(tmp_path, lambda: "engine")
    with pytest.raises(ControllerError), book.acting(Act("ada", Via.CLI, "ack", stack="shop")):
        raise ControllerError("the store is full")
    intent, outcome = (dict(read.data) for read in reversed(find(tmp_path, "engine", Query())))
    assert intent["id"] == outcome["id"] and outcome["outcome"] == "failed"
    assert outcome["detail"]["error"] == "the store is full"


def test_another_policy_is_heeded_from_the_next_record_on(tmp_path: Path) -> None:
    book = AuditBook(tmp_path, lambda: "engine")
    book.record(Act("ada", Via.CLI, "a"))
    book.policy = AuditPolicy(enabled=False)
    book.record(Act("ada", Via.CLI, "b"))
    book.policy = AuditPolicy(retention=10.0)
    book.record(Act("ada", Via.CLI, "c"))
    assert [read.data["verb"] for read in find(tmp_path, "engine", Query())] == ["c", "a"]


def test_a_key_that_is_gone_stops_what_people_ask_for(house: House) -> None:
    house.write("shop")
    assert house.ask("apply", "shop").ok
    (house.folder.parent / "state" / "audit.key").unlink()
    with pytest.raises(ControllerError, match="gone, though there are audit logs"):
        house.ask("stop", "shop")
    assert house.count("shop") == 1


def test_a_state_that_is_lost_under_a_writer_is_begun_anew_with_a_key_of_its_own(tmp_path: Path) -> None:
    root, act = tmp_path / "state", Act("ada", Via.CLI, "stop", stack="shop")
    book = AuditBook(root, lambda: "engine")
    book.record(act)
    shutil.rmtree(root)
    book.record(act)
    AuditBook(root, lambda: "engine").record(act)
    assert prove(root, "engine", "shop").state is State.OK and len(find(root, "engine", Query())) == 2
    (root / "audit.key").unlink()
    with pytest.raises(ControllerError, match="gone, though there are audit logs"):
        book.record(act)
