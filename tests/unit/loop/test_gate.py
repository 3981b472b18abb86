"""The gate: whom it bars by the definition, and what it says of the final request right before a create."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from controller.engines.simulated import SimulatedEngine
from controller.intake.inputs import Inputs
from controller.loop.gate import Gate
from controller.loop.guard import Guard
from controller.loop.loaded import Loaded
from controller.loop.scanfacts import look_again
from controller.loop.scanning import Written
from controller.model.desired import DesiredStack, Template
from controller.model.errors import Transient
from controller.model.names import ReplicaId, Revision
from controller.model.project import ComposeProject, RenderedProject
from controller.model.running import ImageFacts
from controller.model.scanning import FindingSeverity, ScanFinding
from controller.model.steps import Build, Create, Outcome, Pull, Restart, Result, Start, Step
from controller.security.scan import all_rules
from controller.security.subject import Project
from controller.security.waivers import Waived

pytestmark = pytest.mark.unit

TODAY = date(2026, 5, 1)
FILES = ComposeProject(None, (), Path("/shop"))


class Images(SimulatedEngine):
    """An engine with one image."""

    facts: ImageFacts | None = None
    files: Any = None

    def image_facts(self, image: str, *, deadline: float = 5.0) -> ImageFacts | None:
        return self.facts

    def render(self, project: ComposeProject, *, deadline: float = 60.0) -> RenderedProject:
        return RenderedProject("shop", {"services": self.files})


class Away(Images):
    """It does not answer what is asked about images."""

    away = True

    def image_facts(self, image: str, *, deadline: float = 5.0) -> ImageFacts | None:
        if self.away:
            raise Transient("no answer")
        return super().image_facts(image, deadline=deadline)


def check(gate: Gate, step: Step, facts: ImageFacts | None = None, files: Any = None) -> str:
    engine = Images()
    engine.facts, engine.files = facts, files
    return gate.check(step, engine, FILES)


def finding(rule: str, service: str | None = "web", path: str | None = None) -> ScanFinding:
    known = all_rules()[rule]
    return ScanFinding(
        known, known.severity, "so it is", known.fix, service, path or f"services.{service}.x", "c.yaml", 3
    )


def gate(*findings: ScanFinding, threshold: str = "high", **more: Any) -> Gate:
    project = more.pop("project", Project("shop", {"web": {}, "db": {}}))
    return Gate(FindingSeverity(threshold), project, findings, **more)


def test_who_has_a_finding_is_barred_with_its_place_and_nobody_else() -> None:
    (told,) = gate(finding("H03"), finding("F03", "db")).barred(TODAY).items()
    assert told == (
        "web",
        "not started, since security.scan.failOn is high: H03 so it is (c.yaml:3); see controller scan",
    )


def test_what_is_the_projects_bars_all() -> None:
    assert gate(finding("S06", None)).barred(TODAY).keys() == {"web", "db"}


def test_an_image_that_is_not_here_yet_bars_nobody_for_what_it_does_not_say() -> None:
    silent = finding("F01", path="services.web.user")
    assert gate(silent, threshold="medium").barred(TODAY) == {}
    known = Project("shop", {"web": {}}, images={"web": ImageFacts()})
    assert gate(silent, threshold="medium", project=known).barred(TODAY).keys() == {"web"}
    said = Project("shop", {"web": {"user": "root"}})
    assert gate(silent, threshold="medium", project=said).barred(TODAY).keys() == {"web"}


def create(host: dict[str, Any] | None = None, **config: Any) -> Create:
    body = {"name": "shop-web-1", "platform": None, "create": {"HostConfig": host or {}, **config}, "connects": []}
    template = Template("web", "", "", json.dumps(body))
    return Create("web", 1, Revision("1"), template, "missing")


def test_the_final_request_is_judged_whatever_the_files_say() -> None:
    told = check(gate(), create({"Privileged": True}))
    assert told == "not started, since security.scan.failOn is high: H03 it runs privileged"
    assert check(gate(), create({"Binds": ["/var/run/docker.sock:/s:ro"]})).endswith("is an engine's socket")
    assert check(gate(), create()) == ""


def test_values_of_variables_are_judged_by_the_files_alone() -> None:
    """Where the file has `${PASSWORD}`, the request has what that stands for."""
    assert check(gate(threshold="low"), create(Env=["DB_PASSWORD=x7Gh2"])).count("S01") == 0


def test_the_image_says_what_the_definition_does_not() -> None:
    rooted = check(gate(threshold="medium"), create(Image="web:1"), ImageFacts(user=""))
    plain = check(gate(threshold="medium"), create(Image="web:1"), ImageFacts(user="1000"))
    assert "F01" in rooted and "F01" not in plain


@pytest.mark.parametrize(("until", "passes"), [(date(2999, 1, 1), True), (date(2001, 1, 1), False)])
def test_a_waiver_counts_until_its_day(until: date, passes: bool) -> None:
    waived = Waived("H03", "web", "meant so", until)
    assert (check(gate(waivers=(waived,)), create({"Privileged": True})) == "") is passes
    assert check(gate(waivers=(waived._replace(service="db"),)), create({"Privileged": True}))


def binds(*pairs: str, waived: str | None = None, project: Project | None = None) -> str:
    """What the last look says of a request with these binds, where the definition has them the other way round."""
    found = [pair.split(":")[:2] for pair in reversed(pairs)]
    said = [{"type": "bind", "source": source, "target": target} for source, target in found]
    waivers = (Waived("H05", "web", "meant so", date(2999, 1, 1), only=waived),)
    made = gate(project=project or Project("shop", {"web": {"volumes": said}}), waivers=waivers)
    return check(made, create({"Binds": [f"{pair}:ro" for pair in pairs]}))


def test_a_waiver_of_one_mount_covers_that_mount_wherever_the_request_has_it(tmp_path: Path) -> None:
    assert binds(f"{tmp_path}:/data", "/etc:/h", waived="volumes[0]") == ""
    assert binds("/etc:/h", f"{tmp_path}:/data", waived="services.web.volumes[1]") == ""
    assert "/etc" in binds(f"{tmp_path}:/data", "/etc:/h", waived="volumes[1]")
    assert "/etc" in binds("/etc:/h", waived="volumes[7]")
    assert binds("/etc:/h", waived=None) == ""


def test_a_link_that_was_turned_is_not_covered_by_the_waiver_of_another_mount(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/etc")
    assert str(link) in binds(f"{link}:/data", "/etc:/h", waived="volumes[0]")
    assert binds(f"{link}:/data", "/etc:/h", waived="volumes[1]").count("H05") == 1
    assert binds(f"{link}:/data", "/etc:/h") == ""


@pytest.mark.parametrize(
    ("key", "said", "asked", "rule"),
    [
        ("cap_add", ["NET_RAW", "NET_ADMIN"], {"CapAdd": ["NET_ADMIN", "NET_RAW"]}, "H11"),
        ("devices", ["/dev/fuse", {"source": "/dev/sda"}], {"Devices": [{"PathOnHost": "/dev/sda"}]}, "H07"),
    ],
    ids=["a capability", "a device"],
)  # fmt: skip
def test_a_waiver_of_one_of_several_is_found_again_in_a_request(
    key: str, said: list[Any], asked: dict[str, Any], rule: str
) -> None:
    for index, passes in ((1, True), (0, False)):
        waived = Waived(rule, "web", "meant so", date(2999, 1, 1), only=f"{key}[{index}]")
        made = gate(project=Project("shop", {"web": {key: said}}), waivers=(waived,))
        assert (check(made, create(asked)) == "") is passes


START = Start("web", ReplicaId("1"), 1, "exited with 1")
RESTART = Restart("web", ReplicaId("1"), 1, 10.0, "unhealthy")


@pytest.mark.parametrize("step", [START, RESTART], ids=["start", "restart"])
def test_a_link_that_was_turned_is_not_followed_by_a_start(tmp_path: Path, step: Step) -> None:
    link, harmless = tmp_path / "link", tmp_path / "harmless"
    harmless.mkdir()
    link.symlink_to(harmless)
    service = {"pid": "host", "volumes": [{"type": "bind", "source": str(link), "target": "/h", "read_only": True}]}
    made = gate(project=look_again(Project("shop", {"web": service, "db": {}}), service))
    assert check(made, step) == "", "what was there when it was scanned is no reason to leave it down"
    link.unlink()
    link.symlink_to("/etc")
    told = check(made, step)
    assert told.startswith("not started, since security.scan.failOn is high: H05") and "N02" not in told
    waived = Waived("H05", "web", "meant so", date(2999, 1, 1), only="volumes[0]")
    assert check(replace(made, waivers=(waived,)), step) == ""
    assert check(made, replace(step, service="db")) == "" == check(made, replace(step, service="gone"))


def test_a_waiver_of_one_port_is_found_again_in_a_request() -> None:
    ports = [{"target": 22, "published": "22", "protocol": "tcp"}, {"target": 80, "published": "80", "protocol": "tcp"}]
    safe = {"CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"]}
    asked = {**safe, "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "80"}]}}
    for index, passes in ((1, True), (0, False)):
        waived = Waived("W01", "web", "meant so", date(2999, 1, 1), only=f"ports[{index}]")
        made = gate(project=Project("shop", {"web": {"ports": ports}}), waivers=(waived,), threshold="medium")
        assert ("W01" not in check(made, create(asked, User="1000"))) is passes


def test_what_an_engine_that_was_away_did_not_say_is_asked_again() -> None:
    files = RenderedProject("shop", {"services": {"web": {"image": "web:1"}, "db": {"image": "db:1"}}})
    written = Written(files, Inputs((), (), frozenset(), frozenset(), ""), Path("/shop"))
    seen = ImageFacts(user="1000")
    made = replace(gate(threshold="medium"), written=written)
    made = replace(made, project=Project("shop", files.model["services"], images={"web": seen}))
    engine = Away()
    blind = made.renew(engine)
    assert blind.is_blind and blind.project.images == {"web": seen}, "what was known is not forgotten"
    engine.away, engine.facts = False, ImageFacts(user="")
    whole = blind.renew(engine)
    assert not whole.is_blind and whole.project.images.keys() == {"web", "db"}
    assert all("F01" in why for why in whole.barred(TODAY).values()) and whole.barred(TODAY).keys() == {"web", "db"}


def test_the_loop_asks_an_engine_again_that_was_away_when_an_image_had_come() -> None:
    services = {"web": {"image": "web:1"}}
    written = Written(
        RenderedProject("shop", {"services": services}), Inputs((), (), frozenset(), frozenset(), ""), Path("/shop")
    )
    desired = DesiredStack("shop", {}, "")
    first = replace(gate(project=Project("shop", services), threshold="medium"), written=written)
    loaded = Loaded("c.yaml", FILES, written.rendered, desired, gate=first)
    engine = Away()
    engine.facts, guard = ImageFacts(user=""), Guard(engine)
    pulled = Outcome(Pull("web", "web:1", "missing"), Result.DONE)
    loaded = guard.anew(loaded, (pulled,), {}, 100.0)
    assert "F01" not in loaded.desired.barred["web"]
    engine.away = False
    assert guard.anew(loaded, (), {}, 129.0) is loaded, "not with every look"
    loaded = guard.anew(loaded, (), {}, 131.0)
    assert "F01" in loaded.desired.barred["web"]
    assert guard.anew(loaded, (), {}, 200.0) is loaded, "and never again"


def test_a_waiver_that_is_over_bars_by_what_it_hid_and_not_by_itself() -> None:
    waived = Waived("H03", "web", "meant so", date(2026, 5, 1))
    assert gate(finding("H03"), waivers=(waived,)).barred(date(2026, 5, 1)) == {}
    assert gate(finding("H03"), waivers=(waived,)).barred(date(2026, 5, 2)).keys() == {"web"}
    assert gate(waivers=(waived._replace(service="*"),), threshold="info").barred(date(2026, 5, 2)) == {}


@pytest.mark.parametrize("step", [Build("web", "web:1", "missing"), None], ids=["built", "started by Compose"])
def test_what_compose_does_itself_is_done_by_the_files_that_were_scanned(step: Step | None) -> None:
    started = Start("web", ReplicaId("1"), 1, "not started yet", by_compose=True)
    made = gate(project=Project("shop", {"web": {"image": "web:1"}}))
    assert check(made, step or started, files={"web": {"image": "web:1"}}) == ""
    told = check(made, step or started, files={"web": {"image": "web:1", "post_start": [{"privileged": True}]}})
    assert told.startswith("its files are others than those that were scanned")


def test_what_is_not_known_of_a_request_is_not_made_up() -> None:
    assert check(gate(threshold="info"), Create("web", 1, Revision("1"), Template("web", "", ""), "missing")) == ""
