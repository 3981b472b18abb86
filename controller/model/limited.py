"""What is wanted with the limits that were laid over it: another container is none, its revision stays. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controller.model.adjustment import Adjustment, lay_limit, put
from controller.model.desired import DesiredService, DesiredStack, Direct, Template
from controller.model.resources import Limit


def lay_over(service: DesiredService, adjustment: Adjustment | None) -> DesiredService:
    """The service of the files, with what takes the place of its limits: in its template and in its claims."""
    if adjustment is None:
        return service  # nearly always
    own = service.claims.limit
    limit = put(own, adjustment)
    return replace(
        service,
        template=_lay(service.template, own, limit),
        direct=None if service.direct is None else _lay_direct(service.direct, own, limit),
        claims=replace(service.claims, limit=limit),
        adjusted=adjustment,
    )


def _lay(template: Template, own: Limit, limit: Limit) -> Template:
    body = lay_limit(template.body, own, limit)
    return template if body is template.body else replace(template, body=body)


def _lay_direct(direct: Direct, own: Limit, limit: Limit) -> Direct:
    return replace(direct, template=_lay(direct.template, own, limit))


def lay_over_all(stack: DesiredStack, adjustments: Mapping[str, Adjustment]) -> DesiredStack:
    """The same of a whole stack; itself where there is nothing to lay over."""
    found = {name: one for name, one in adjustments.items() if name in stack.services}
    if not found:
        return stack  # nearly always
    laid = {name: lay_over(stack.services[name], one) for name, one in found.items()}
    return replace(stack, services={**stack.services, **laid})
