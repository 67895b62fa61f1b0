"""What every test file shares: where the repository is."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Scripts, not tests: `--doctest-modules` would import them, and with them what only they need
collect_ignore_glob = ["bench_*.py", "screenshot.py"]
