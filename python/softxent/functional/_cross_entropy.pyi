from ._signatures.cross_entropy import cross_entropy as cross_entropy
from ._signatures.cross_entropy import cross_entropy_and_grad as cross_entropy_and_grad
