"""Multilayer perceptrons on NumPy, trained through the kernels of softxent."""

from softxent.models.history import History
from softxent.models.mlp import MLP
from softxent.models.nets import NeuralNet1, NeuralNet2, load
from softxent.models.optimizers import SGD, Adam, Optimizer
from softxent.models.schedules import Constant, Cosine, Step

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "Constant",
    "Cosine",
    "History",
    "NeuralNet1",
    "NeuralNet2",
    "Optimizer",
    "Step",
    "load",
]
