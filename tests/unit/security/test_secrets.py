"""What is said of credentials, and that nothing of them is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.intake.inputs import read_inputs
from controller.loop.scanning import Known, Written, find_places, make_project, scan_made
from controller.model.project import ComposeProject, RenderedProject
from controller.model.running import ImageFacts
from controller.security.scan import scan_project
from controller.security.subject import Project

pytestmark = pytest.mark.unit

SECRET = "kW7zq2LmX9"
NAMES = (f"me:{SECRET}@tcp(db:3306)/x?db-token", f"CORS:{SECRET} password", f"scott/{SECRET} verify_ssl")


def told(project: Project) -> dict[str, str]:
    """By rule, what is said last."""
    return {rule.id: hit.message for rule, _, hit in scan_project(project)}


def of_service(**model: Any) -> dict[str, str]:
    return told(Project("shop", {"web": model}, is_written=False))


@pytest.mark.parametrize("name", NAMES[:2])
def test_an_item_of_an_extension_is_not_told_as_a_name(name: str) -> None:
    found = told(Project("shop", {}, rest={"x-a": [f"{name}=abcd1234"]}, is_written=False))
    assert found == {"S03": "an item holds a credential"}


@pytest.mark.parametrize("name", NAMES[:2])
@pytest.mark.parametrize("form", [lambda name: [f"{name}=abcd1234"], lambda name: {name: "abcd1234"}])
def test_nor_is_one_of_a_service(name: str, form: Any) -> None:
    found = of_service(environment=form(name), labels=form(name))
    assert found["S01"] == "an item stands there in clear" and found["S03"] == "an item holds a credential"


def test_nor_is_one_whose_value_is_an_address_or_known_or_a_switch() -> None:
    found = of_service(environment={NAMES[0]: "a://b:c@d", NAMES[1]: "changeme", NAMES[2]: "false"})
    assert found["S02"] == "the address in an item holds a credential"
    assert found["S09"] == "an item is one that everybody knows" and found["W13"] == "an item switches it off"


def test_nor_is_one_of_a_volume_a_network_or_a_setting_of_the_kernel() -> None:
    name = NAMES[1]
    made = {"data": {"driver_opts": {name: "abcd1234"}}}
    labelled = {"back": {"labels": {name: "abcd1234"}}}
    web = {"sysctls": {name: "1"}}
    found = told(Project("shop", {"web": web}, volumes=made, networks=labelled, is_written=False))
    assert found["S04"] == "an item of 'data' holds a credential" and found["S03"] == "an item holds a credential"
    assert found["N13"] == "it sets an item to 1"


def test_nor_is_a_variable_of_an_image_or_of_the_controller() -> None:
    images = {"web": ImageFacts(environment=(f"{NAMES[1]}=abcd1234",))}
    looked_at = ((("services", "web", "environment", 0), f"CONTROLLER_TOKEN {SECRET}"),)
    found = told(Project("shop", {"web": {}}, images=images, looked_at=looked_at, is_written=False))
    assert found["I06"] == "it brings a value for an item" and found["S06"] == "an item is the controller's own"


def test_plain_names_are_told() -> None:
    assert of_service(environment={"DB_PASSWORD": SECRET})["S01"] == "DB_PASSWORD stands there in clear"


def test_no_path_of_a_finding_holds_one(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(f"services:\n  web:\n    image: x\n    labels:\n      - {NAMES[0]}=abcd1234\n", encoding="utf-8")
    model = {"services": {"web": {"image": "x", "labels": {NAMES[0]: "abcd1234"}}}}
    inputs = read_inputs(ComposeProject(None, (file,), tmp_path))
    written = Written(RenderedProject("shop", model), inputs, tmp_path)
    places = find_places(written)
    (found,) = [one for one in scan_made(make_project(written, Known(), places), places) if one.rule.id == "S03"]
    assert (found.path, found.line) == ("services.web.labels.me:…@tcp(db:3306)/x?db-token", 5)
