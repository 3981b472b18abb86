"""Every value that is stored comes back equal, and equal values give equal text."""

import json
from collections.abc import Mapping
from typing import Any, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.loop.codec import Texts, decode, encode
from controller.loop.intents import Intent
from controller.loop.memory import Generation, StackMemory
from controller.model.decision import Attempt, History
from controller.model.desired import DesiredService, Need, Probe, ProbeKind, Template
from controller.model.project import Recording, RenderedProject
from controller.model.status import StackStatus

pytestmark = pytest.mark.unit

names = st.text(min_size=1, max_size=12)
instants = st.floats(min_value=0, max_value=4e9)
lives = st.tuples(names, st.none() | instants, st.integers(0, 9))


@pytest.mark.parametrize(
    "kind",
    [DesiredService, StackStatus, StackMemory, Generation, Recording, History, Template],
    ids=lambda k: k.__name__,
)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(data=st.data())
def test_every_stored_type_comes_back_equal_whatever_it_holds(kind, data):
    value = data.draw(st.from_type(kind))
    text = encode(value)
    assert encode(decode(kind, text)) == text
    assert "NaN" in text or decode(kind, text) == value


@given(st.frozensets(lives, min_size=2, max_size=5), st.randoms())
def test_sets_and_mappings_have_one_text_whatever_their_order(failures, random):
    shuffled = list(failures)
    random.shuffle(shuffled)
    one = History(attempt=Attempt("r", failures), failed={str(key): "x" for key in failures})
    two = History(attempt=Attempt("r", frozenset(shuffled)), failed={str(key): "x" for key in shuffled})
    assert encode(one) == encode(two)


def test_a_rendered_model_keeps_every_kind_of_json():
    model = {"services": {"web": {"ports": [1, 2.5, None, True, "x", {"ä": []}]}}}
    project = RenderedProject("p", model, ("w",))
    assert decode(RenderedProject, encode(project)) == project


def test_what_equals_its_default_is_not_written():
    assert encode(History()) == "{}"
    assert encode(History(paused=True)) == '{"paused":true}'


def test_fields_of_another_version_are_ignored_and_missing_ones_get_their_default():
    assert decode(History, '{"paused":true,"invented":[1]}') == History(paused=True)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (History, "{"),
        (History, "[]"),
        (History, '{"restarts":{"a":"often"}}'),
        (History, '{"carried":"abc"}'),
        (Probe, '{"kind":"smoke"}'),
        (Generation, '{"number":"one","digest":"d","at":1}'),
        (Generation, '{"number":1}'),
    ],
)
def test_what_is_no_such_value_is_a_value_error(kind, text):
    with pytest.raises(ValueError, match=r".+"):
        decode(kind, text)


def test_an_object_that_nobody_meant_to_store_is_refused():
    with pytest.raises(TypeError, match="cannot be stored"):
        encode(object())


def test_text_is_canonical_json():
    service = DesiredService(
        "web", 2, "r1", Template("web", "h", "f", body="{}"), needs={"b": Need(), "a": Need()},
        readiness=Probe(ProbeKind.TCP, port=80),
    )  # fmt: skip
    text = encode(service)
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_hints_of_all_stored_types_resolve():
    for kind in (Intent, DesiredService, StackStatus, StackMemory):
        assert isinstance(get_type_hints(kind), Mapping)
    assert get_type_hints(Intent)["args"] == Mapping[str, Any]


def test_what_has_not_changed_is_not_put_into_words_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    monkeypatch.setattr("controller.loop.codec.encode", lambda value: made.append(value) or encode(value))
    texts, first, second = Texts(), History(stopped="a"), History(stopped="b")
    for value in (first, History(stopped="a"), second, first):
        assert texts.encode("web", value) == encode(value)
    assert texts.encode("db", first) == encode(first)
    assert made == [first, second, first, first]
