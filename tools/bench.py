#!/usr/bin/env python3
"""Hold softxent against its goals: `softxent bench --goals`, runnable from a checkout."""

import sys

from softxent.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", "--goals", "--out", "build/bench", *sys.argv[1:]]))
