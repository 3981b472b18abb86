"""The sample's server is no part of the installed package: its folder joins the path for these tests only."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "compose" / "rag-server"))
