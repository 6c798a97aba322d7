#!/usr/bin/env python3
"""Write a network as an ONNX file: `softxent export`, runnable from a checkout."""

import sys

from softxent.cli import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
