"""
Types of the public functions: which dtype comes back for which, and where a scalar does.

Results follow the logits: float16 and float32 stay what they are, everything else that Python or
NumPy calls a number becomes float64; losses and sums of 16 bits are float32. Under "mean" and "sum"
a loss is a scalar, under "none" an array. What cannot be told from the types (tensors, bfloat16, an
array of any dtype, a reduction that is no literal) is Any. A row alone gives scalars where these
types say array, as NumPy's reductions do.
"""
