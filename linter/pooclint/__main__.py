"""`python -m pooclint`."""

import sys

from pooclint.app.main import main

if __name__ == "__main__":  # worker processes import it under another name
    sys.exit(main())
