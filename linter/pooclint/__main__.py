"""`python -m pooclint`."""

import sys

from pooclint.app.main import main

sys.exit(main())
