"""What holds for all tests: nothing is read from, or written to, the user's own cache."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

if "POOCLINT_CACHE_DIR" not in os.environ:
    # The programs that tests start inherit it.
    os.environ["POOCLINT_CACHE_DIR"] = tempfile.mkdtemp(prefix="pooclint-tests-")
    atexit.register(shutil.rmtree, os.environ["POOCLINT_CACHE_DIR"], ignore_errors=True)
