"""Lines, checkpoints and anchors: what holds of a log, and what is said of one that is not as it was written."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from controller.security.anchor import LENGTH, Anchor, anchor_bytes, read_anchor
from controller.security.audit import Act, KeyRing, Spot, Via, act_data, canonical, link, read_line
from controller.security.auditproof import Fault, State
from tests.unit.security.auditing import AT, OTHER, RING, judge, written

pytestmark = pytest.mark.unit


def test_a_line_is_canonical_json_with_all_that_is_known_of_the_act() -> None:
    act = Act("alice", Via.API, "stop", "service", "web", "shop", "10.0.0.5", why="role operator", detail={"now": True})
    line, spot = link(act_data(act), Spot(), AT, RING.chain)
    data = json.loads(line)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert data == {
        "v": 1,
        "seq": 1,
        "ts": "2026-09-21T14:13:20.000000Z",
        "id": "",
        "stage": "outcome",
        "actor": "alice",
        "via": "api",
        "from": "10.0.0.5",
        "verb": "stop",
        "object": {"kind": "service", "name": "web"},
        "stack": "shop",
        "decision": {"allowed": True, "why": "role operator"},
        "outcome": "",
        "detail": {"now": True},
        "prev": "0" * 64,
        "mac": spot.mac,
    }
    assert spot.seq == 1


def test_a_line_break_or_a_quote_in_a_name_stays_inside_its_line() -> None:
    act = Act('a\n"},{"mac":"' + "0" * 64 + '"}', Via.CLI, "stop\n", name="\ud800 \u2028")
    line, spot = link(act_data(act), Spot(), AT, RING.chain)
    found = read_line(line[:-1])
    assert line.count(b"\n") == 1 and found is not None and found.spot == spot and found.is_genuine(RING.chain)
    assert found.data["actor"] == act.actor


@pytest.mark.parametrize("raw", [b"", b"{}", b"null", b'{"a":1,"mac":"' + b"0" * 64 + b'"}', b"\xff" * 90])
def test_what_has_not_the_form_of_a_line_is_none(raw: bytes) -> None:
    assert read_line(raw) is None


def test_a_line_of_another_key_is_not_genuine() -> None:
    line, _ = link(act_data(Act("a", Via.CLI, "stop")), Spot(), AT, OTHER.chain)
    found = read_line(line[:-1])
    assert found is not None and not found.is_genuine(RING.chain)


def test_one_secret_gives_keys_that_differ_and_says_nothing_of_itself() -> None:
    assert len({RING.secret, RING.chain, RING.signing}) == 3
    assert RING.secret.hex() not in repr(RING) and repr(RING.secret) not in repr(RING)


def test_a_fingerprint_tells_the_same_from_another_and_only_with_the_key() -> None:
    assert RING.fingerprint("hunter2") == RING.fingerprint("hunter2") != RING.fingerprint("hunter3")
    assert OTHER.fingerprint("hunter2") != RING.fingerprint("hunter2")
    assert "hunter2" not in RING.fingerprint("hunter2")


def test_canonical_is_one_form() -> None:
    assert canonical({"b": 1, "a": {"d": "é", "c": None}}) == b'{"a":{"c":null,"d":"\\u00e9"},"b":1}'
    with pytest.raises(ValueError):
        canonical({"a": float("nan")})


# --- anchors


def test_an_anchor_is_read_as_it_was_written_and_fits_a_sector() -> None:
    anchor = Anchor(2**62, "f" * 64, 2**62, "a" * 64, 2**62, 2**62, 1_790_000_000.123456)
    raw = anchor_bytes(anchor, RING.chain)
    assert len(raw) == LENGTH and read_anchor(raw, RING.chain) == anchor


def test_an_anchor_of_a_version_to_come_is_read_as_far_as_it_is_known_and_cannot_be_forged_so() -> None:
    said = {**Anchor(7, "f" * 64)._asdict(), "later": [1]}
    proof = hmac.new(RING.chain, b"anchor:" + canonical(said), hashlib.sha256).hexdigest()
    raw = canonical({**said, "proof": proof}).ljust(LENGTH - 1) + b"\n"
    assert read_anchor(raw, RING.chain) == Anchor(7, "f" * 64)
    assert read_anchor(raw.replace(b'"later":[1]', b'"later":[2]'), RING.chain) is None


def test_an_anchor_that_was_changed_at_any_byte_is_none() -> None:
    raw = anchor_bytes(Anchor(7, "f" * 64), RING.chain)
    end = raw.index(b"}")
    for index in range(end + 1):
        assert read_anchor(raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :], RING.chain) is None, index
    assert read_anchor(raw, OTHER.chain) is None
    assert read_anchor(b"", RING.chain) is None


# --- verdicts


def test_what_was_written_is_ok_and_counted() -> None:
    log = written(60)
    verdict = judge(log.segments, log.anchor)
    assert verdict.state is State.OK and verdict.finding is None
    assert (verdict.first, verdict.last, verdict.lines) == (1, log.end.seq, log.end.seq)
    assert verdict.checkpoints == 7 and verdict.signed == log.checkpoint[0]


def test_an_empty_log_is_ok_and_one_that_has_gone_is_not() -> None:
    assert judge([[]], None).state is State.OK
    assert judge([[]], Anchor()).state is State.OK
    log = written(20)
    found = judge([[]], log.anchor).finding
    assert found is not None and (found.state, found.fault, found.seq) == (State.TAMPERED, Fault.TRUNCATED, 1)


def test_another_key_finds_the_first_line_wrong() -> None:
    log = written(3)
    found = judge(log.segments, None, OTHER).finding
    assert found is not None and (found.fault, found.line) == (Fault.EDITED, 1)


@pytest.mark.parametrize("ring", [RING, None], ids=["with the key", "by signatures alone"])
def test_every_byte_that_is_flipped_within_what_is_signed_is_found(ring: KeyRing | None) -> None:
    log = written(3, signs=3)  # and a checkpoint
    lines = log.segments[0]
    for number, line in enumerate(lines, 1):
        for index in range(len(line)):
            changed = line[:index] + bytes([line[index] ^ 1]) + line[index + 1 :]
            verdict = judge([[*lines[: number - 1], changed, *lines[number:]]], log.anchor, ring)
            assert verdict.finding is not None, (number, index)
            if ring is not None:
                assert verdict.finding.line == number


CUTS = {
    "a record of the middle": lambda s: [[*s[0][:4], *s[0][5:]], *s[1:]],
    "the first record": lambda s: [s[0][1:], *s[1:]],
    "a whole segment": lambda s: [s[0], *s[2:]],
    "the first segment": lambda s: s[1:],
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_what_is_removed_is_missed(cut: object) -> None:
    log = written(80)
    found = judge(cut(log.segments), log.anchor).finding  # type: ignore[operator]
    assert found is not None and (found.state, found.fault) == (State.TAMPERED, Fault.REMOVED)


def test_it_says_which_records_are_gone_and_before_which_line() -> None:
    log = written(20)
    lines = log.segments[0]
    found = judge([[*lines[:3], *lines[6:]]], log.anchor).finding
    assert found is not None and (found.file, found.line, found.seq) == ("audit.jsonl", 4, 4)
    assert found.message == "record 4 to 6 is gone from before this line"


def test_two_that_change_places_are_reordered_at_the_first() -> None:
    log = written(20)
    lines = list(log.segments[0])
    lines[4], lines[11] = lines[11], lines[4]
    found = judge([lines], log.anchor).finding
    assert found is not None and (found.fault, found.line, found.seq) == (Fault.REORDERED, 5, 5)


def test_two_segments_that_change_places_are_reordered() -> None:
    log = written(80)
    first, second, *rest = log.segments
    found = judge([second, first, *rest], log.anchor).finding
    assert found is not None and found.state is State.TAMPERED and found.line == 1


def test_a_line_of_nobody_and_a_line_twice_are_inserted() -> None:
    log = written(20)
    lines = log.segments[0]
    forged, _ = link(act_data(Act("eve", Via.CLI, "stop")), Spot(4, "0" * 64), AT, OTHER.chain)
    for extra in (forged, lines[1], b"nonsense\n"):
        found = judge([[*lines[:4], extra, *lines[4:]]], log.anchor).finding
        assert found is not None and (found.fault, found.line) == (Fault.INSERTED, 5), extra


def test_a_tail_that_is_gone_is_tampered_with_up_to_the_last_checkpoint_and_incomplete_behind_it() -> None:
    log = written(20)  # checkpoints are records 9 and 18, the last one is record 22
    lines = log.segments[0]
    for kept in range(len(lines)):
        found = judge([lines[:kept]], log.anchor).finding
        assert found is not None and found.fault is Fault.TRUNCATED and found.seq == kept + 1
        assert found.state is (State.TAMPERED if kept < 18 else State.INCOMPLETE), kept


def test_a_torn_last_line_that_nobody_relied_on_is_incomplete() -> None:
    log = written(20)
    before, lines = log.anchor, [*log.segments[0]]
    log.act("stop")
    torn = log.segments[0][-1]
    for length in range(1, len(torn), 7):
        found = judge([[*lines, torn[:length]]], before).finding
        assert found is not None and (found.state, found.fault) == (State.INCOMPLETE, Fault.TORN)
        assert (found.line, found.seq) == (len(lines) + 1, 23)
    assert judge([[*lines, torn]], before).state is State.OK, "written, and its writer killed before he noted it"


def test_a_torn_last_line_that_was_noted_is_cut() -> None:
    log = written(20)
    *lines, last = log.segments[0]
    found = judge([[*lines, last[:-9]]], log.anchor).finding
    assert found is not None and found.fault is Fault.TRUNCATED


def test_a_history_that_another_one_was_put_for_is_found_by_the_anchor() -> None:
    log, other = written(20), written(19)
    other.act("another")
    found = judge(other.segments, log.anchor).finding
    assert found is not None and (found.fault, found.seq) == (Fault.EDITED, 22)


def test_what_was_pruned_is_not_missed_and_anything_more_is() -> None:
    log = written(80)
    last = log.segments[0][-1]
    line = read_line(last[:-1])
    assert line is not None
    log.say("pruned", {"segment": "audit-1.jsonl.gz", "through": line.seq, "mac": line.mac, "why": "age"})
    log.sign()
    verdict = judge(log.segments[1:], log.anchor)
    assert verdict.state is State.OK and verdict.first == line.seq + 1
    assert judge(log.segments, log.anchor).state is State.OK, "killed before it was gone"
    found = judge(log.segments[2:], log.anchor).finding
    assert found is not None and found.fault is Fault.REMOVED


def test_a_break_that_the_writer_found_stays_one() -> None:
    log = written(5)
    log.say("broken", {"why": "9 bytes are gone"})
    log.act("stop")
    found = judge(log.segments, log.anchor).finding
    assert (
        found is not None and found.state is State.TAMPERED and found.seq == 6 and "9 bytes are gone" in found.message
    )


def test_acts_that_were_lost_make_it_incomplete_though_nothing_was_tampered_with() -> None:
    log = written(5)
    log.say("gap", {"lost": 12, "why": "no space"})
    log.act("stop")
    verdict = judge(log.segments, log.anchor)
    assert verdict.state is State.INCOMPLETE and verdict.lost == 12 and verdict.last == 7
    assert verdict.finding is not None and verdict.finding.fault is Fault.LOST


def test_a_torn_line_that_was_mended_is_a_remark() -> None:
    log = written(5)
    log.say("mended", {"bytes": 9, "hash": "ab", "why": "torn"})
    verdict = judge(log.segments, log.anchor)
    assert verdict.state is State.OK and verdict.mended == 1


def test_a_checkpoint_that_signs_something_else_is_found_though_its_line_is_genuine() -> None:
    for change in ("hash", "previous"):
        log = written(6)
        log.block = log.block._replace(**{"digest" if change == "hash" else change: "f" * 64})
        log.sign()
        found = judge(log.segments, log.anchor).finding
        assert found is not None and found.seq == 7 and "checkpoint" in found.message


def test_by_signatures_alone_an_edit_is_found_between_two_checkpoints() -> None:
    log = written(30, rotates=100)
    lines = list(log.segments[0])
    lines[10] = lines[10].replace(b"service-10", b"service-99")
    found = judge([lines], None, None).finding
    assert found is not None and found.fault is Fault.EDITED and found.line == 18
    assert found.message.startswith("lines 10 to 18: ")
