"""
The C library, as Python calls it.

In come canonical arguments: arrays that the core can read and numbers within their bounds, as
`softxent._arguments` makes them. Out come results, or the exceptions for what the core refuses,
with the values concerned. `binding` is compiled; nothing here imports another room.
"""

import os
import sys

if sys.platform == "win32":
    # Elsewhere the extension itself says where its C library lies.
    _library = os.add_dll_directory(
        os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib")
    )
