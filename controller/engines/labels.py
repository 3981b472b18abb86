"""The labels that Compose writes, what of them replaces nothing, and those of our own containers."""

from __future__ import annotations

PREFIX = "com.docker.compose."
PROJECT = PREFIX + "project"
SERVICE = PREFIX + "service"
NUMBER = PREFIX + "container-number"
ONEOFF = PREFIX + "oneoff"
CONFIG_HASH = PREFIX + "config-hash"
IMAGE = PREFIX + "image"
VERSION = PREFIX + "version"
REPLACE = PREFIX + "replace"
WORKING_DIR = PREFIX + "project.working_dir"
CONFIG_FILES = PREFIX + "project.config_files"
NETWORK = PREFIX + "network"
VOLUME = PREFIX + "volume"

OWN_STACK, OWN_ROLE, OWN_CONTENTS = "controller.stack", "controller.role", "controller.contents"
"""Of our own containers, which carry none of Compose's: `docker compose` cannot take them for orphans."""

VOLATILE = frozenset(
    {
        NUMBER,
        ONEOFF,
        CONFIG_HASH,
        IMAGE,
        VERSION,
        REPLACE,
        WORKING_DIR,
        CONFIG_FILES,
        PREFIX + "depends_on",
        PREFIX + "project.environment_file",
    }
)
"""What differs between two containers that are the same for every purpose."""
