"""The schema as editors use it: diagnostics, hovers and completions of a real language server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.intake.editor import with_modeline, with_settings
from controller.model.manifest import schema
from tests.editor.conftest import Start
from tests.editor.server import LanguageServer

REPOSITORY = Path(__file__).parents[2]
HEAD = "apiVersion: controller/v1\nkind: Stack\nmetadata: {name: shop}\nspec:\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("editor")
    (made / ".vscode").mkdir()
    (made / ".vscode/controller.schema.json").write_text(json.dumps(schema()), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def server(start: Start, folder: Path) -> LanguageServer:
    """As `ide init` writes `.vscode/settings.json`; nothing is fetched."""
    schemas = json.loads(with_settings(""))["yaml.schemas"]
    return start(folder, {"schemas": schemas, "schemaStore": {"enable": False}, "hover": True, "completion": True})


@pytest.fixture(scope="module")
def bare(start: Start, folder: Path) -> LanguageServer:
    """An editor that knows nothing: the first line of a manifest names its schema."""
    return start(folder, {"schemaStore": {"enable": False}, "hover": True, "completion": True})


def told(found: list[dict[str, Any]]) -> set[tuple[int, str]]:
    return {(one["range"]["start"]["line"] + 1, one["message"]) for one in found}


BROKEN = HEAD + (
    "  engine: composer\n  autostart: true\n  services:\n    web:\n      replica: 2\n"
    "      readiness: {http: {port: many}}\n      update: {order: start-last, monitor: 5}\n"
)
WRONG = {
    (5, 'Value is not accepted. Valid values: "compose", "swarm".'),
    (6, "Property autostart is not allowed."),
    (9, "Property replica is not allowed."),
    (10, 'Incorrect type. Expected "integer".'),
    (11, 'Value is not accepted. Valid values: "auto", "stop-first", "start-first".'),
}


def test_what_is_wrong_is_told_in_its_line(server: LanguageServer, folder: Path) -> None:
    assert told(server.open(folder / "manifests/broken.yaml", BROKEN)) >= WRONG


def test_a_line_at_the_top_is_enough_for_every_other_editor(bare: LanguageServer, folder: Path) -> None:
    line = "# yaml-language-server: $schema=../.vscode/controller.schema.json\n"
    assert bare.open(folder / "manifests/none.yaml", BROKEN) == []
    found = told(bare.open(folder / "manifests/modeline.yaml", line + BROKEN))
    assert found >= {(number + 1, message) for number, message in WRONG}


def test_compose_files_are_not_judged_wherever_they_are(server: LanguageServer, folder: Path) -> None:
    compose = "services: {web: {image: web}}\n"
    for name in ("compose.yaml", "manifests/compose.yaml", "manifests/docker-compose.override.yml", "other/a.yaml"):
        assert server.open(folder / name, compose) == [], name
    for name in ("manifests/not-so.yaml", "manifests/composer.yaml", "manifests/compose-shop.yaml"):
        assert server.open(folder / name, compose) != [], name


def test_documents_of_other_programs_are_not_judged(server: LanguageServer, folder: Path) -> None:
    """Editors map every folder `manifests`, wherever it is; and the controller leaves these alone, too."""
    foreign = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2}\n"
    assert server.open(folder / "k8s/manifests/web.yaml", foreign) == []
    found = told(server.open(folder / "manifests/mixed.yaml", f"{foreign}---\n{BROKEN}"))
    assert found >= {(number + 5, message) for number, message in WRONG}
    assert server.open(folder / "manifests/newer.yaml", BROKEN.replace("controller/v1", "controller/v9")) != []
    assert server.open(folder / "manifests/unversioned.yaml", "kind: Stack\n") != []


def test_each_document_of_a_file_is_judged_by_its_own_line(bare: LanguageServer, folder: Path) -> None:
    text = with_modeline(f"{BROKEN}---\n{BROKEN}", "manifests/two.yaml")
    found = told(bare.open(folder / "manifests/two.yaml", text))
    height = BROKEN.count("\n")
    for above in (1, height + 3):
        assert found >= {(number + above, message) for number, message in WRONG}


def test_the_first_lines_are_helped_with_too(server: LanguageServer, folder: Path) -> None:
    path = folder / "manifests/first.yaml"
    server.open(path, "apiVersion: controller/v1\nkind: \n")
    assert {"Stack", "Controller"} <= set(server.complete(path, 1, 6))
    server.open(folder / "manifests/begun.yaml", "kind: Stack\n\n")
    assert "apiVersion" in server.complete(folder / "manifests/begun.yaml", 1, 0)
    server.open(folder / "manifests/head.yaml", HEAD + "  autoStart: true\n")
    assert "Version of the manifest's format." in server.hover(folder / "manifests/head.yaml", 0, 3)
    assert "A Compose project" in server.hover(folder / "manifests/head.yaml", 1, 7)


def test_a_hover_says_what_a_key_and_its_words_mean(server: LanguageServer, folder: Path) -> None:
    path = folder / "manifests/hover.yaml"
    server.open(path, HEAD + "  autoStart: true\n  services:\n    web:\n      update:\n        order: auto\n")
    assert "`run` starts what does not run; false: it waits for `controller start`." in server.hover(path, 4, 4)
    order = server.hover(path, 8, 16)
    assert "* `stop-first`: The old replica leaves before the new one comes" in order


def test_keys_words_and_snippets_are_proposed(server: LanguageServer, folder: Path) -> None:
    path = folder / "manifests/complete.yaml"
    text = HEAD + "  \n  services:\n    web:\n      update:\n        order: auto\n        \n"
    server.open(path, text)
    keys = server.complete(path, 4, 2)
    assert {"autoStart", "ingress", "startupProfiles"} <= set(keys) and "services" not in keys
    words = server.complete(path, 8, 15)
    assert set(words) - {"null"} == {"auto", "stop-first", "start-first"}
    assert "no gap behind the ingress" in words["start-first"]["documentation"]["value"]
    assert {"monitor", "without a gap"} <= set(server.complete(path, 9, 8))


SNIPPET_PLACES = {
    "document": ("", ("stack", "controller")),
    "services": (
        HEAD + "  services:\n    ",
        (
            "service with a probe",
            "service that is updated without a gap",
            "service that waits for another",
            "job",
        ),
    ),
    "readiness": (
        HEAD + "  services:\n    web:\n      readiness:\n        ",
        ("http probe", "tcp probe", "exec probe"),
    ),
    "update": (HEAD + "  services:\n    web:\n      update:\n        ", ("without a gap", "one at a time")),
    "ingress": (HEAD + "  ingress:\n    ", ("ingress",)),
    "autoAdjust": (HEAD + "  resources:\n    autoAdjust:\n      ", ("limits that follow use",)),
    "scan": (HEAD + "  security:\n    scan:\n      ", ("gate",)),
    "profiles": (HEAD + "  startupProfiles:\n    ", ("profile",)),
    "channels": ("apiVersion: controller/v1\nkind: Controller\nspec:\n  alertChannels:\n    ", ("channel",)),
}


@pytest.mark.parametrize("place", SNIPPET_PLACES)
def test_what_a_snippet_puts_in_is_right(server: LanguageServer, folder: Path, place: str) -> None:
    text, labels = SNIPPET_PLACES[place]
    path = folder / f"manifests/snippet-{place}.yaml"
    server.open(path, text + "\n")
    line, column = text.count("\n"), len(text.rsplit("\n", 1)[-1])
    proposed = server.complete(path, line, column)
    assert set(labels) <= set(proposed)
    for label in labels:
        put = proposed[label].get("insertText") or proposed[label]["textEdit"]["newText"]
        filled = re.sub(r"\$\{\d+:([^}]*)\}", r"\1", put).replace("\n", "\n" + " " * column)
        assert server.open(folder / f"manifests/{place}-{label.replace(' ', '-')}.yaml", text + filled + "\n") == []


def examples() -> Iterator[Any]:
    """Manifests of the manuals; one without a head gets it, as the manual leaves it out."""
    for page in sorted([*REPOSITORY.glob("docs/*.md"), REPOSITORY / "README.md"]):
        for number, found in enumerate(re.findall(r"^```ya?ml\n(.*?)^```", page.read_text("utf-8"), re.S | re.M)):
            said = yaml.safe_load(found)
            if isinstance(said, dict) and "spec" in said:
                yield pytest.param(_whole(found, said), id=f"{page.name}-{number}")


def _whole(text: str, said: dict[str, Any]) -> str:
    if "services" in said:  # a Compose file and a manifest, side by side
        text = yaml.safe_dump({"spec": said["spec"]})
    head = {"apiVersion": "apiVersion: controller/v1\n", "kind": "kind: Stack\n"}
    if said.get("kind", "Stack") == "Stack":
        head["metadata"] = "metadata: {name: example}\n"
    return "".join(line for key, line in head.items() if key not in said) + text


def test_the_manuals_have_examples() -> None:
    assert len(list(examples())) >= 15


@pytest.mark.parametrize("text", list(examples()))
def test_every_example_of_the_manuals_is_right(server: LanguageServer, folder: Path, text: str) -> None:
    path = folder / f"manifests/example-{abs(hash(text))}.yaml"
    assert told(server.open(path, text)) == set()
    assert server.open(path.with_stem(path.stem + "-broken"), text.replace("spec:", "spec:\n  nonsense: 1", 1)) != []


@pytest.mark.parametrize("sample", sorted((REPOSITORY / "manifests").glob("*.yaml")), ids=lambda path: path.name)
def test_every_sample_is_right(server: LanguageServer, folder: Path, sample: Path) -> None:
    assert told(server.open(folder / "manifests" / sample.name, sample.read_text("utf-8"))) == set()
