"""PASS or FAIL for every service of `controller status -o json` on stdin; exit 1 when one fails or none is there."""

import json
import sys

GOOD = ("Ready", "Completed", "Stopped")  # a service is stopped because somebody or the profile wants it so


def main() -> int:
    services = [(stack["name"], service) for stack in json.load(sys.stdin)["stacks"] for service in stack["services"]]
    for stack, service in services:
        verdict = "PASS" if service["phase"] in GOOD else "FAIL"
        counts = f"{service['ready']}/{service['desired']} ready"
        print(f"{verdict}  {stack}/{service['name']}: {service['phase']}, {counts}")
    if not services:
        print("FAIL  no service is known yet")
    return 0 if services and all(service["phase"] in GOOD for _, service in services) else 1


if __name__ == "__main__":
    sys.exit(main())
