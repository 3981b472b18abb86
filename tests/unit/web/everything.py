"""A snapshot of which every metric has something to say."""

from __future__ import annotations

from datetime import date

from controller.loop.controller import Passes
from controller.model.alert import Alert, Severity
from controller.model.certified import CertificateState, StackCertificates
from controller.model.phases import Phase
from controller.model.routes import Figures as Traffic
from controller.model.routes import RouteSeen, RouteState
from controller.model.scanning import FindingSeverity, Rule, ScanFinding
from controller.model.usage import EngineView, Figures, HostUsage, OwnLimits, ServiceUsage, Usage
from controller.render.alerts import Shown
from controller.security.state import Scanned, WaiverState
from controller.security.waivers import Waived
from controller.web.snapshot import Snapshot, StackFacts
from tests.builders import NOW, healthy
from tests.unit.cli.statuses import service_status, stack_status

ROUTE = RouteSeen(RouteState.IN, connections=3, figures=Traffic(120, 4, 0.25))
FIGURES = Figures(0.5, 1 << 20, 1 << 30, 10.0, 20.0, 30.0, 40.0, 7)
HOST = HostUsage(
    4, 1.5, (0.1, 0.2, 0.3), 8 << 30, 3 << 30, 1 << 30, 0, "/var/lib/docker", 100, 60, 50, 40, 900, 2000, 0.1, 0.2, 0.3
)
FINDING = ScanFinding(
    Rule("H03", FindingSeverity.CRITICAL, "t", "why", "fix"), FindingSeverity.CRITICAL, "m", "fix", "web"
)
ALERT = Alert("a1", "shop", "web", "Degraded", Severity.CRITICAL, "web is sick", NOW - 60, NOW - 30)


CERTIFICATES = StackCertificates(
    "shop", enabled=True, certificates=(CertificateState("shop", "web", "ab12", ends_at=NOW + 3600.0),)
)


def everything() -> Snapshot:
    web = service_status("web", Phase.READY, healthy(1, route=ROUTE, restarts=2), desired=2)
    usage = ServiceUsage(FIGURES, {"shop-web-1": FIGURES}, {"jobs": 12.5})
    scanned = Scanned(NOW, (FINDING,), (WaiverState(Waived("N01", "web", "known", date(2030, 1, 1)), 9, 1),), NOW)
    facts = StackFacts(stack_status(web), True, Passes(9, 0.25), (Shown(ALERT),), scanned, 0, CERTIFICATES)
    return Snapshot(
        NOW,
        (facts,),
        Usage(NOW, HOST, {"shop": {"web": usage}}, EngineView(2, 4 << 30, True), OwnLimits(1 << 28, 0.5)),
        "1.2.3",
    )
