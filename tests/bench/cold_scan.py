"""Row 26, a large Compose file scanned by a process of its own: `controller scan`, beside `docker compose config`."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figure import Effort, Figure, ratio, spread
from tests.bench.stage import clock, stage
from tests.contract_cli.command import CONTROLLER

SERVICES = 57
HOW = {
    26: f"A Compose file of {SERVICES} services, each with variables, a published port, two mounts, a network, a "
    "dependency and a health check. `controller scan --source compose -o json` from the command to its end; it calls "
    "`docker compose config` itself, which stands beside it. In turn.",
}


def measure(effort: Effort) -> Iterator[Figure]:
    ours: list[float] = []
    config: list[float] = []
    with stage() as scene:
        scene.compose(definition())
        for number in range(rounds := effort.rounds(15)):
            ours.append(clock((CONTROLLER, "scan", "--source", "compose", "-f", "compose.yaml", "-o", "json"), scene))
            config.append(clock(("docker", "compose", "config", "--quiet"), scene))
            effort.say(f"round {number + 1} of {rounds}: {ours[-1]:.2f} s")
    yield Figure(26, f"{SERVICES} services: `docker compose config`", "s", spread(config))
    yield Figure(26, f"{SERVICES} services: `controller scan`, cold", "s", spread(ours), 1.5, True)
    yield Figure(26, "`controller scan` / `docker compose config`", "", ratio(ours, config))


def definition() -> str:
    lines = ["services:"]
    for number in range(SERVICES):
        needs = f"[s{number - 1}]" if number else "[]"
        lines += [
            f"  s{number}:",
            f"    image: registry.example.com/team/s{number}:1.{number}",
            "    restart: unless-stopped",
            f'    environment: {{MODE: production, DB_HOST: s0, DB_PASSWORD: "p{number}xxyyzz"}}',
            f'    ports: ["{8000 + number}:80"]',
            f'    volumes: ["d{number}:/data", "/etc/localtime:/etc/localtime:ro"]',
            f"    networks: [n{number % 7}]",
            f"    depends_on: {needs}",
            '    healthcheck: {test: ["CMD", "true"]}',
            "    deploy: {resources: {limits: {memory: 64m}}}",
        ]
    volumes = ", ".join(f"d{number}: {{}}" for number in range(SERVICES))
    networks = ", ".join(f"n{number}: {{}}" for number in range(7))
    return "\n".join([*lines, f"volumes: {{{volumes}}}", f"networks: {{{networks}}}", ""])
