"""Who is cut off from a stack by its network policy, and what is told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from controller.loop.cutoff import tell_cut_off
from controller.model.errors import Transient
from tests.component.stage import load, service

pytestmark = pytest.mark.unit

POLICY: dict[str, Any] = {"security": {"networkPolicy": "dependencies"}}


@dataclass
class Others:
    """An engine that knows who else is on the stack's networks."""

    found: tuple[tuple[str, str], ...] = ()
    asked: list[str] = field(default_factory=list)
    away: bool = False

    @property
    def netprobe(self) -> Others:
        return self

    def strangers(self, stack: str, *, deadline: float) -> tuple[tuple[str, str], ...]:
        self.asked.append(stack)
        if self.away:
            raise Transient("no engine answers")
        return self.found


def told(others: Others, **spec: Any) -> list[str]:
    lan = {"lan": {"name": "lan", "external": True}}
    loaded = load(
        {"db": service(), "web": service("db", networks={"default": None, "lan": None})}, networks=lan, **spec
    )
    return [finding.message for finding in tell_cut_off(others, [loaded])]  # type: ignore[arg-type]


def test_who_is_on_a_network_that_is_left_is_named() -> None:
    others = Others((("proxy", "shop_default"), ("proxy", "lan"), ("once", "shop.db--web")))
    (line,) = told(others, **POLICY)
    assert line.startswith("shop: proxy is on shop_default")


def test_of_many_the_others_are_counted() -> None:
    lines = told(Others(tuple((f"proxy{number}", "shop_default") for number in range(10))), **POLICY)
    assert len(lines) == 9 and "and 2 more" in lines[-1]


def test_without_a_policy_nobody_is_asked_and_without_an_engine_nothing_is_told() -> None:
    others = Others((("proxy", "shop_default"),))
    assert told(others) == [] and others.asked == []
    away = Others(away=True)
    assert told(away, **POLICY) == [] and away.asked == ["shop"]
