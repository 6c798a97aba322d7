"""
The rules for arguments, each stated once.

In comes whatever a caller passed. Out go arrays, numbers and targets in the form that the core
takes (`calls`, `sums`), or an error that shows the value given and what was expected, with what to
pass instead where that can be told (`remedies`). Nothing is computed here.
"""
