#!/usr/bin/env python3
"""Compare an ONNX file with the native network: `softxent verify`, runnable from a checkout."""

import sys

from softxent.cli import main

if __name__ == "__main__":
    sys.exit(main(["verify", *sys.argv[1:]]))
