"""What an installed wheel has to do, wherever it is installed: known values, and NumPy alone."""

import platform
import sys

import numpy as np

import softxent

assert np.allclose(
    softxent.softmax([2.0, 1.0, 0.1]), [0.65900114, 0.24243297, 0.09856589], atol=5e-9
)
loss, grad = softxent.cross_entropy_and_grad(np.array([[20.0, 0, 0]], dtype=np.float32), [0])
assert 4.1e-9 < loss < 4.2e-9 and -4.2e-9 < grad[0, 0] < -4.1e-9
rows = np.random.default_rng(0).normal(size=(3000, 200))
assert np.array_equal(softxent.softmax(rows)[7], softxent.softmax(rows[7]))
with softxent.num_threads(1):
    alone = softxent.cross_entropy(rows, np.arange(3000) % 200)
assert softxent.cross_entropy(rows, np.arange(3000) % 200) == alone
extras = {"scipy", "onnx", "onnxruntime", "torch", "matplotlib", "jinja2", "tqdm"}
assert not extras & set(sys.modules), extras & set(sys.modules)
config = softxent.get_config()
print(f"Python {config['python']}, NumPy {config['numpy']}, {platform.machine()}, {config['isa']}")
