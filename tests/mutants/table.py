"""Known bugs of controllers, each as one exact change of our source, and the tests that are to catch it."""

from __future__ import annotations

from tests.mutants.admitting import ADMITTING
from tests.mutants.cleaning import CLEANING_UP
from tests.mutants.deciding import DECIDING
from tests.mutants.failing import FAILING
from tests.mutants.mending import MENDING
from tests.mutants.replacing import REPLACING
from tests.mutants.running import RUNNING
from tests.mutants.securing import SECURING

MUTANTS = (*DECIDING, *REPLACING, *FAILING, *MENDING, *RUNNING, *ADMITTING, *CLEANING_UP, *SECURING)
