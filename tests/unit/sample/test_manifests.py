"""The shipped manifests hold, also with the sections that they show as comments."""

import re
from pathlib import Path

import pytest
import yaml

from controller.model.manifest import Controller, Stack

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
KINDS = {"Stack": Stack, "Controller": Controller}


def uncomment(text: str) -> str:
    return re.sub(r"^  # (\w+: \{)", r"  \1", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["rag.yaml", "controller.yaml"])
@pytest.mark.parametrize("change", [str, uncomment])
def test_a_shipped_manifest_is_valid(name, change) -> None:
    document = yaml.safe_load(change((ROOT / "manifests" / name).read_text()))
    model = KINDS[document["kind"]].model_validate(document)
    assert model.model_dump(by_alias=True)["kind"] == document["kind"]


def test_the_manifests_between_them_show_every_section() -> None:
    shown = {"Stack": set(), "Controller": set()}
    for name in ("rag.yaml", "controller.yaml"):
        document = yaml.safe_load(uncomment((ROOT / "manifests" / name).read_text()))
        shown[document["kind"]] |= set(document["spec"])
    for kind, sections in shown.items():
        known = KINDS[kind].model_fields["spec"].annotation.model_fields
        assert sections == {field.alias or name for name, field in known.items()}


def test_profiles_and_policies_name_services_that_exist() -> None:
    spec = yaml.safe_load((ROOT / "manifests" / "rag.yaml").read_text())["spec"]
    services = set(yaml.safe_load((ROOT / "compose" / "rag.yaml").read_text())["services"])
    named = {name for profile in spec["startupProfiles"].values() for name in profile["services"]} - {"*"}
    overridden = {name for profile in spec["startupProfiles"].values() for name in profile.get("overrides", {})}
    assert named | overridden | set(spec["services"]) <= services
    assert set(spec["startupProfiles"]) == {"minimal", "development", "full", "testing"}
    assert spec["profile"] == "full"
