"""`python -m pooclint`."""

import sys

from pooclint.app.main import program

if __name__ == "__main__":  # worker processes import it under another name
    sys.exit(program())
