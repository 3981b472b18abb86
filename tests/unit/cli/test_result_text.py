"""What came of an act, as people read it."""

from __future__ import annotations

import pytest

from controller.model.applied import ServiceResult, StackResult
from controller.render.result import result_lines

pytestmark = pytest.mark.unit


def test_what_was_done_is_told_and_what_was_right_already_is_not() -> None:
    services = (
        ServiceResult("db", "unchanged", 0.0, None, 0, 0.0),
        ServiceResult("web", "Ready", 2.04, "db", 1, 0.0),
        ServiceResult("job", "CrashLoopBackOff", None, None, 5, None),
    )
    assert result_lines([StackResult("shop", 3, "failed", False, 9.0, services)]) == [
        "shop  failed  3 services in 9.0 s, generation 3",
        "",
        "NAME   OUTCOME            TIME     WAITED FOR   ATTEMPTS   DOWNTIME",
        "web    Ready              2.0 s    db           1          0.0 s",
        "job    CrashLoopBackOff   <none>   <none>       5          <none>",
    ]


def test_nothing_done_is_one_line() -> None:
    result = StackResult("shop", 3, "converged", True, 0.21, (ServiceResult("db", "unchanged", 0.0),))
    assert result_lines([result]) == ["shop  converged  1 service in 0.2 s, generation 3"]
