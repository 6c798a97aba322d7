"""The oracle of the test suite: exact values, the error measure and the one table of bounds.

Nothing in it imports softxent or another library's softmax; `tests/test_reference.py` checks it
against mpmath. From the bottom up:

- `doubledouble`, `wide`, `elementary`: arithmetic with about 106 bits and any exponent;
- `softmax`, `cross_entropy`, `binary`: the exact results with the scale of their ULP;
- `ulp`, `bounds`: the measure and the bounds;
- `dtypes`, `rows`: the inputs;
- `cases`: which output of which call is held against which bound.
"""
