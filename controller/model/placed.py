"""What is wanted with networks of ours laid over it: its templates, and where the ingress reaches it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controller.model.confined import Confined, confine_template
from controller.model.desired import DesiredService, DesiredStack


def confine(service: DesiredService, confined: Confined | None) -> DesiredService:
    """The service of the files on these networks; None: on its own."""
    if confined is None:
        return service  # nearly always
    direct = service.direct
    if direct is not None:
        direct = replace(direct, template=confine_template(direct.template, confined, confined.direct))
    return replace(
        service,
        template=confine_template(service.template, confined, confined.networks),
        direct=direct,
        networks=confined.led if service.frontends else service.networks,
        confined=confined,
    )


def confine_all(stack: DesiredStack, confined: Mapping[str, Confined]) -> DesiredStack:
    """The same of a whole stack; itself where there is nothing to lay over."""
    if not confined:
        return stack  # nearly always
    laid = {name: confine(stack.services[name], one) for name, one in confined.items()}
    return replace(stack, services={**stack.services, **laid})
