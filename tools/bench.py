#!/usr/bin/env python3
"""Measure softxent against other libraries: `softxent bench`, runnable from a checkout."""

import sys

from softxent.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", "--out", "build/bench", *sys.argv[1:]]))
