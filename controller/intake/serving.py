"""Where the API is served and to whom, and what is recorded, out of a `Controller` manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from controller.intake.access import check_access, read_access
from controller.intake.findings import at
from controller.model.auditing import AuditPolicy
from controller.model.errors import Finding
from controller.model.serving import Serving, split_address

if TYPE_CHECKING:
    from controller.model.manifest import Controller


def read_serving(controller: Controller, folder: Path) -> Serving:
    """Paths are relative to the manifest's folder."""
    api = controller.spec.api
    host, port = split_address(api.address)
    tls = api.tls
    return Serving(
        host=host,
        port=port,
        certificate=folder / tls.certificate if tls is not None else None,
        key=folder / tls.key if tls is not None else None,
        enabled=api.enabled,
        discovery=api.discovery,
        allow=api.allow,
        requests_per_second=api.requests_per_second,
        access=read_access(controller),
    )


def read_audit(controller: Controller) -> AuditPolicy:
    """How the audit log is kept."""
    audit = controller.spec.audit
    return AuditPolicy(audit.enabled, audit.retention, audit.max_size, audit.connections)


def check_serving(controller: Controller, folder: Path) -> Iterator[Finding]:
    """What could not be served, or to whom it must not be."""
    yield from check_access(controller)
    try:
        serving = read_serving(controller, folder)
    except ValueError:
        yield at(("spec", "api", "address"), "a port is a number up to 65535", hint="such as 127.0.0.1:7070")
        return
    if serving.enabled and not serving.is_local and serving.certificate is None:
        message = f"the API on {serving.host} could be reached from other machines without TLS"
        yield at(("spec", "api", "address"), message, hint="give it api.tls, or listen on 127.0.0.1")
    for key, path in (("certificate", serving.certificate), ("key", serving.key)):
        if path is not None and not path.is_file():
            message = f"'{path}' does not exist"
            yield at(("spec", "api", "tls", key), message, hint="paths are relative to the manifest")
