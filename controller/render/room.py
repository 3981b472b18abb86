"""What the machine has for a stack, for programs: who has it, who waits for it."""

from __future__ import annotations

from typing import Any

from controller.model.resources import Amount
from controller.model.room import Facts, RoomReport, ServiceRoom
from controller.render.data import timestamp


def room_data(report: RoomReport) -> dict[str, Any]:
    """Bytes and cores; what is not known is null."""
    room = report.room
    return {
        "stack": report.stack,
        "admission": str(report.admission),
        "reserve": {"memory": room.reserve.memory, "cpu": room.reserve.cpu, "disk": room.reserve.disk},
        "room": {"memory": room.memory, "cpu": room.cpu, "disk": room.disk},
        "counted": _amount(report.total),
        "machine": None if report.facts is None else _facts(report.facts),
        "services": [_service(one) for one in report.services],
    }


def _amount(amount: Amount) -> dict[str, Any]:
    return {"memory": amount.memory, "cpu": round(amount.cpu, 6)}


def _facts(facts: Facts) -> dict[str, Any]:
    return {
        "at": timestamp(facts.at),
        "source": str(facts.source),
        "cores": facts.cores,
        "memoryTotal": facts.memory_total,
        "memoryAvailable": facts.memory_available,
        "diskTotal": facts.disk_total,
        "diskFree": facts.disk_free,
        "inodesFree": facts.inodes_free,
    }


def _service(one: ServiceRoom) -> dict[str, Any]:
    return {
        "name": one.name,
        "priority": one.priority,
        "asked": _amount(one.asked),
        "learned": one.learned,
        "places": one.places,
        "wanted": one.wanted,
        "counted": _amount(one.held),
        "used": one.used,
        "waits": one.waits or None,
    }
