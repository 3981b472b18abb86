"""Which containers a look shows to be ours: also where it shows a service only in part, or while its steps are done."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.loop.recognise import recognise
from controller.loop.store import Store
from controller.model.names import HALF_MADE
from controller.model.observed import ServiceView
from tests.builders import NOW, checked, created, observed, stack, template, view

pytestmark = [pytest.mark.unit, pytest.mark.fault("C1")]

SHOP = stack(checked("web", template=template("web", filled_later=True)), checked("db"))
HALF = created(service="web", created_at=NOW - 599)
"""Its maker died between its create and its files; it looks as wanted."""


@pytest.mark.parametrize(
    ("first", "busy"),
    [
        pytest.param(view(complete=False), (), id="its inspect took too long"),
        pytest.param(view(HALF, complete=False), (), id="only the list showed it"),
        pytest.param(view(), ("web",), id="its steps were being done"),
    ],
)
def test_half_a_container_of_long_ago_is_known_as_such_as_soon_as_it_is_seen(
    tmp_path: Path, first: ServiceView, busy: tuple[str, ...]
) -> None:
    now = [NOW - 600]
    journal = Store(tmp_path / "e" / "s", clock=lambda: now[0]).replicas
    journal.intend("web", 1, "v1")
    now[0] = NOW
    recognise(journal, observed(web=first, db=view()), {"web": first, "db": view()}, SHOP, busy)
    assert journal.known() == {} and journal.open_intents()
    whole = {"web": view(HALF), "db": view()}
    views = recognise(journal, observed(**whole), whole, SHOP)
    assert journal.known() == {HALF.id: HALF_MADE}
    assert [seen.revision for seen in views["web"].replicas] == [HALF_MADE]
