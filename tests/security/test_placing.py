"""A finding stands in the line that says what is found, also where others say nearly the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.engines.compose_engine import ComposeEngine
from tests.security.hostile import Case, one, several
from tests.security.stand import Marked, compose, placed, scan_folder, service, write

pytestmark = pytest.mark.unit

AFAR = "https://git.example.com/shop/app.git"
KEY = "Zq7x172Kp9Lm2"
TOKEN = "ghp_" + "a1B2c3D4" * 5

PORTS = (
    one(
        "W03",
        "ports:\n  - '127.0.0.1:1443:8443'\n  - '127.0.0.1:${HTTPS:-443}:8443' #! W03\n"
        "  - '127.0.0.1:${HTTP:-80}:8080' #! W03\n  - '127.0.0.1:1180:8080'",
    ),
    one("W01", "ports:\n  - '127.0.0.1:8080:80'\n  - {target: 80, published: '${P:-9080}'} #! W01"),
    one("W03", "ports:\n  - target: ${T:-443}\n    host_ip: 127.0.0.1\n    published: 443 #! W03"),
    one("W01", "ports:\n  - '127.0.0.1:7000:80'\n  - '8000-8005:8000-8005' #! W01\n  - '8006:8006' #! W01"),
    one("W01", "ports:\n  - '9996-10004:9996-10004' #! W01\n  - '127.0.0.1:9997-9999:9997-9999/udp'"),
    one("W01", "ports:\n  - '127.0.0.1:${N:-7000}-7003:7000-7003'\n  - '8000-${N:-8003}:8000-8003' #! W01"),
    one("W01", "ports:\n  - '127.0.0.1::9003'\n  - '9000-9005' #! W01"),
    one("W03", "ports:\n  - '127.0.0.1:3000-3005:80'\n  - '127.0.0.1:1020-1025:1020-1025' #! W03"),
    one("W03", "ports:\n  - '127.0.0.1:53:53/udp' #! W03\n  - '127.0.0.1:53:53/tcp' #! W03\n  - '[::1]:53:53' #! W03"),
    one("W05", "ports: #! W05\n  - '127.0.0.1:7000-7007:7000-7007'\n  - '127.0.0.1:7010-7017:7010-7017'"),
    several(
        "W01",
        "a range in what is extended, beside one at the loopback",
        compose_yaml=compose("web:\n  extends: {file: base.yaml, service: base}\n  ports: ['127.0.0.1:7001:7001']"),
        base_yaml="services:\n  "
        + service("ports:\n  - '${FIRST:-8000}-8002:8000-8002' #! W01", name="base").replace("\n", "\n  ")
        + "\n",
    ),
)
OTHERS = (
    several(
        "N12",
        "an override that says the opposite with another sign",
        compose_yaml=compose(service("security_opt:\n  - no-new-privileges:true")),
        compose_override_yaml="services:\n  web:\n    security_opt:\n      - no-new-privileges=false #! N12\n",
    ),
    several(
        "N10",
        "an override that says another one of the kind",
        compose_yaml=compose(service("security_opt:\n  - label=disable #! N10\n  - no-new-privileges:true")),
        compose_override_yaml="services:\n  web:\n    security_opt:\n      - label=level:s0\n",
    ),
    one("N08", "security_opt:\n  - 'seccomp:x.json'\n  - seccomp=unconfined #! N08\n  - no-new-privileges:true"),
    one("N10", "security_opt:\n  - 'label:type:container_t'\n  - label=disable #! N10\n  - no-new-privileges:true"),
    several(
        "H01",
        "one text for both ends of a mount, of which a merge brings one",
        compose_yaml="x-engine: &engine\n  type: bind\n  source: /run/docker.sock #! H01\n  read_only: true\n"
        + compose(service("volumes:\n  - <<: *engine\n    target: /run/docker.sock")),
    ),
    one("H05", "volumes:\n  - type: bind\n    target: /x/.kube\n    source: ${HOME}/.kube #! H05\n    read_only: true"),
    one("W03", "ports:\n  - target: 8443\n    host_ip: 127.0.0.1\n    published: '443' #! W03"),
    one("W04", "ports:\n  - published: '2200'\n    host_ip: 127.0.0.1\n    target: 22 #! W04"),
    one("W10", "extra_hosts:\n  - a:host-gateway #! W10\n  - b:host-gateway #! W10"),
    one("R04", "ulimits:\n  nofile:\n    soft: 65535\n    hard: 2097152 #! R04"),
    one("R06", "deploy:\n  restart_policy:\n    max_attempts: 3\n    condition: none\nrestart: always #! R06"),
    one("R06", "deploy:\n  restart_policy:\n    condition: any #! R06", without="restart"),
    one("R06", "deploy:\n  restart_policy:\n    delay: 1s\n    max_attempts: 0 #! R06", without="restart"),
    one("R06", "deploy:\n  restart_policy:\n    condition: any\n    max_attempts: 50 #! R06", without="restart"),
    one("R08", "logging:\n  options: {max-file: '3'}\n  driver: json-file #! R08"),
    one("I07", f"build:\n  context: .\n  additional_contexts:\n    a: ./a\n    src: {AFAR} #! I07", without="image"),
    one("I07", f"build:\n  context: .\n  additional_contexts:\n    - a=./a\n    - src={AFAR} #! I07", without="image"),
    one("H05", "volumes:\n  - ./a:/a\n  - ${HOME}/.kube:/b:ro #! H05\n  - ./b:/kube"),
)
WORDS = "    echo it takes its time\n" * 5_000
"""Longer than any bound that there may be."""
TEXTS = (
    one("S03", f"command:\n  - app\n  - --verbose\n  - --password={KEY} #! S03"),
    one("S03", f"command:\n  - app\n  - {KEY}\n  - --password\n  - {KEY} #! S03\n  - {KEY}"),
    one("S03", f"command: |\n  first --step\n  app --password={KEY} #! S03\n  last"),
    one("S03", f"command: >-\n  app\n  --verbose\n  --password {KEY} #! S03\n  --quiet"),
    one("S03", f"command:\n  app --password={KEY} #! S03"),
    one("S03", f"command: app --verbose\n  --password={KEY} #! S03"),
    one("S03", f"command:\n  - sh\n  - -c\n  - |\n    first\n    app --password={KEY} #! S03\n    last"),
    one("S03", f"healthcheck:\n  test: |\n    first ||\n    mysqladmin ping -p{KEY} #! S03"),
    one("S03", f"healthcheck:\n  test:\n    - CMD\n    - redis-cli\n    - -a\n    - {KEY} #! S03\n    - ping"),
    one("S03", f"command: |\n  first\n  curl postgres://app:{KEY}@db/shop #! S03"),
    one("S03", f"command:\n  - sh\n  - -c\n  - |\n{WORDS}    app --password={KEY} #! S03"),
    one("S02", f"environment:\n  A: | #! S02\n{WORDS}    http://app:{KEY}@db/"),
    one("S05", f"environment:\n  A: |\n{WORDS}    {TOKEN} #! S05"),
    one("W13", f"command: |\n{WORDS}    curl -k https://shop.example.com #! W13\n"),
    one("W12", "command: |\n  first\n  dockerd -H tcp://0.0.0.0:2375 #! W12\n"),
    one("W13", "command: |\n  first --key a-k\n  curl -k https://shop.example.com #! W13\n"),
    one("S05", f"build:\n  context: .\n  dockerfile_inline: |\n    FROM a\n    ENV A={TOKEN} #! S05", without="image"),
    one("S05", f"environment:\n  A: |\n    one\n    {TOKEN} #! S05\n    two"),
    one("S05", f"environment:\n  A: 'one\n    {TOKEN}    #! S05\n    two'"),
    one("S05", "configs: [c]", top=f"configs:\n  c:\n    content: |\n      a: 1\n      t: {TOKEN} #! S05\n      b"),
    one("S06", "configs: [c]", top="configs:\n  c:\n    content: |\n      a = 1\n      k=${ENCRYPTION_KEY} #! S06"),
    several(
        "S05",
        "a block in what is extended, its line ends those of Windows",
        compose_yaml=compose("web:\n  extends: {file: base.yaml, service: base}"),
        base_yaml="services:\n  "
        + service(f"environment:\n  A: |\n    one\n    {TOKEN} #! S05\n", name="base").replace("\n", "\r\n  ")
        + "\n",
    ),
    several(
        "S03",
        "a file of labels",
        compose_yaml=compose(service("label_file: [app.labels]")),
        app_labels=f"app.name=shop\n# kept\napp.password={KEY} #! S03\n",
    ),
)


@pytest.mark.parametrize("case", (*PORTS, *OTHERS, *TEXTS), ids=lambda case: f"{case.rule}: {case.what[:60]}")
def test_place(case: Case, tmp_path: Path, compose_alone: ComposeEngine) -> None:
    folder = tmp_path / "shop"
    write(folder, case.files)
    assert placed(scan_folder(folder, compose_alone), folder) == Marked(case.files).expected()


def test_a_range_is_told_as_a_whole(tmp_path: Path, compose_alone: ComposeEngine) -> None:
    write(tmp_path, {"compose.yaml": compose(service("ports: ['1020-1025:1020-1025', '1030:1030', '1031:1031']"))})
    told = [one.message for one in scan_folder(tmp_path, compose_alone) if one.rule.id in ("W01", "W03")]
    ports = ("1020-1025", "1030", "1031")
    assert told == [f"0.0.0.0:{one} is open to every network of the machine" for one in ports] + [
        "it takes ports 1020-1025 of the host"
    ]
