"""What `init` writes: a commented Stack for a Compose project, and a unit for systemd. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from controller.intake.compose import read_order, read_ports, read_replicas
from controller.intake.ingress import find_frontends
from controller.intake.policy import wants_ingress

_HEAD = """\
# What `controller` keeps running. A key that is commented out shows its default.
# All keys: `controller schema`. Try it: `controller plan`, then `controller apply` or `controller run --watch`.
apiVersion: controller/v1
kind: Stack
metadata:
  name: {name}  # the Compose project's name
spec:
  compose:
    files: [{files}]
"""

_POLICY = """\
  # autoStart: true             # false: `run` starts nothing until `controller start`
  # profile: full               # one of startupProfiles; default: all services
  # startupProfiles:
  #   minimal: {{services: [{some}]}}  # what they depend on comes with them
  #   full: {{services: ["*"]}}
  # startup:
  #   mode: parallel            # or sequential: one service at a time
  #   maxParallel: 4            # default: no bound
  #   timeout: 120s             # a replica that is not ready after this has failed
  #   retry: {{attempts: 5, initialDelay: 1s, maxDelay: 5m, multiplier: 2}}
  # reconcile:
  #   selfHeal: true            # bring back what does not run or is unhealthy
  #   drift: repair             # or report, ignore: containers that were changed by hand
  #   contents: roll            # or report, ignore: new contents of configs, secrets and env files
  #   prune: false              # true: remove containers of services that are gone from the file, never volumes
  #   resync: 60s
  {ingress}ingress: {{mode: auto}}       # a proxy in front of published ports, so that updates have no gap. Its price:
  #                             # services see its address as the client's, TCP only, one more container. Default: off
"""


def stack_text(name: str, files: Sequence[str], model: Mapping[str, Any]) -> str:
    """A Stack for a Compose project as `docker compose config` shows it; it changes nothing until edited."""
    services: Mapping[str, Any] = model.get("services") or {}
    head = _HEAD.format(name=name, files=", ".join(_scalar(file) for file in files))
    some = ", ".join(_scalar(service) for service in list(services)[:2])
    policy = _POLICY.format(some=some, ingress="" if any(map(_needs_ingress, services.values())) else "# ")
    blocks = [_service(service, services[service] or {}) for service in services]
    return head + policy + ("  services:\n" + "".join(blocks) if blocks else "")


def _service(name: str, definition: Mapping[str, Any]) -> str:
    lines = [f"    {_scalar(name)}:", f"      replicas: {read_replicas(definition)}{_ports_remark(definition)}"]
    port = _port(definition)
    if port is not None and not definition.get("healthcheck"):
        lines.append("      # No health check in the Compose file: without one it counts as ready once it runs.")
        lines.append(f"      # readiness: {{tcp: {{port: {port}}}}}  # or {{http: {{port: {port}, path: /}}}}")
    return "\n".join([*lines, ""])


def _needs_ingress(definition: Mapping[str, Any] | None) -> bool:
    """As it stands it is behind one already, without a manifest."""
    model = definition or {}
    wants = wants_ingress(None, read_order(model, "update_config"), read_replicas(model))
    return wants and bool(find_frontends("", model, None))


def _ports_remark(definition: Mapping[str, Any]) -> str:
    if definition.get("container_name"):
        return "  # container_name allows no more"
    fixed = any(port.is_fixed for port in read_ports(definition))
    return "  # more need the ingress, or a range of host ports" if fixed else ""


def _port(definition: Mapping[str, Any]) -> int | None:
    ports = [port.get("target") for port in definition.get("ports") or () if port.get("protocol", "tcp") == "tcp"]
    exposed = [str(port).split("/")[0] for port in definition.get("expose") or ()]
    found = [int(port) for port in (*ports, *exposed) if str(port).isdigit()]
    return found[0] if found else None


def _scalar(text: str) -> str:
    """A YAML scalar: bare where that is safe, else as JSON, which YAML reads too."""
    safe = text and text[0].isalpha() and all(char.isalnum() or char in "._-/" for char in text)
    reserved = text.lower() in ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
    is_path = text.startswith(("./", "../")) and not set(text) & set(" ,#:[]{}\"'")
    return text if is_path or (safe and not reserved) else json.dumps(text)


def unit_text(command: str, directory: str, files: Sequence[str], user: str) -> str:
    """A systemd unit that runs the controller on these files. Containers live on when it stops."""
    named = " ".join(f"-f {_quoted(file)}" for file in files)
    return f"""\
[Unit]
Description=Reconciliation of Docker Compose stacks
After=docker.service network-online.target
Wants=docker.service network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={_quoted(command)} run --watch{f" {named}" if named else ""}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={directory}
User={user}
StateDirectory=controller
StateDirectoryMode=0700
Environment=CONTROLLER_STATE_DIR=%S/controller
Restart=on-failure
RestartSec=2
# Ends the controller and its own children; the containers are Docker's and run on.
KillMode=mixed
TimeoutStopSec=30
NoNewPrivileges=yes
ProtectSystem=full
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=multi-user.target
"""


def _quoted(text: str) -> str:
    """One argument as systemd reads it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(char in text for char in " \t\"'\\") else escaped
