"""
The C library, as Python calls it.

In come canonical arguments: arrays that the core can read and numbers within their bounds, as
`softxent._arguments` makes them. Out come results, or the exceptions for what the core refuses,
with the values concerned. `binding` is compiled; nothing here imports another room.
"""
