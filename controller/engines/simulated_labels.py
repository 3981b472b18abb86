"""Labels by which a Compose file scripts its own simulation (`controller.simulated.ready: "2"`), and the service that
a create request describes. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from controller.engines import labels
from controller.engines.simulated_behaviour import Behaviour
from controller.engines.simulated_traits import read_traits
from controller.engines.template import read_request
from controller.model.desired import DesiredService, DockerRestart, Port, Template
from controller.model.errors import Rejected
from controller.model.names import Revision
from controller.model.timings import Span

PREFIX = "controller.simulated."
JOB = PREFIX + "job"
"""`true`: the container ends with 0 after its `run`; set by itself where a service waits for the completion."""

_TIMES = {span.value: span for span in Span}
_BEHAVIOUR: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "crash-after": ("crash_after", float),
    "exit-code": ("exit_code", int),
    "lives": ("lives", int),
    "fails": ("fails", int),
    "becomes-ready": ("becomes_ready", lambda text: text != "false"),
    "flaps-every": ("flaps_every", float),
    "create-refused": ("create_refused", lambda text: text == "true"),
    "stop-code": ("stop_code", int),
    "ignores-stop": ("ignores_stop", lambda text: text == "true"),
}


def read_behaviour(marks: Mapping[str, str]) -> Behaviour:
    """What the labels script. Raises Rejected where one has no such value."""
    fields = {}
    for key, (name, convert) in _BEHAVIOUR.items():
        if PREFIX + key in marks:
            fields[name] = _convert(key, marks[PREFIX + key], convert)
    return Behaviour(**fields)


def read_times(marks: Mapping[str, str]) -> Mapping[Span, float]:
    """Seconds that the labels give: `create`, `start`, `ready`, `stop`, `run` … Raises Rejected."""
    return {span: _convert(key, marks[PREFIX + key], float) for key, span in _TIMES.items() if PREFIX + key in marks}


def read_service(template: Template) -> DesiredService:
    """As much of the service as its create request tells."""
    request, traits = read_request(template), read_traits(template.body)
    marks: Mapping[str, str] = request.create.get("Labels") or {}
    numbered = f"{marks.get(labels.PROJECT, '')}-{template.service}-{marks.get(labels.NUMBER, '1')}"
    return DesiredService(
        name=template.service,
        replicas=1,
        revision=Revision(template.fingerprint),
        template=template,
        image=str(request.create.get("Image") or ""),
        docker_restart=traits.policy or DockerRestart.NO,
        ports=_read_ports((request.create.get("HostConfig") or {}).get("PortBindings") or {}),
        container_name=None if request.name == numbered else request.name,
        is_job=marks.get(JOB) == "true",
    )


def _read_ports(bindings: Mapping[str, Any]) -> tuple[Port, ...]:
    ports = []
    for target, places in sorted(bindings.items()):
        number, _, protocol = target.partition("/")
        for place in places:
            first, _, last = str(place["HostPort"]).partition("-")
            published = (int(first), int(last or first)) if first else None
            ports.append(Port(int(number), published, place["HostIp"], protocol))
    return tuple(ports)


def _convert(key: str, text: str, convert: Callable[[str], Any]) -> Any:
    try:
        return convert(text)
    except ValueError as error:
        raise Rejected(f"label {PREFIX}{key}: {text!r} is not a number", hint="give seconds, such as 2.5") from error
