"""``python -m softxent`` is the command ``softxent``."""

import sys

from softxent.cli import main

if __name__ == "__main__":
    sys.exit(main())
