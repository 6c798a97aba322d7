"""Data sets: two that come with the package, and readers for the user's own files."""

from softxent.data.builtin import load_breast_cancer, load_digits
from softxent.data.dataset import Dataset
from softxent.data.reading import read, read_features
from softxent.data.standardizer import Standardizer

__all__ = [
    "Dataset",
    "Standardizer",
    "load_breast_cancer",
    "load_digits",
    "read",
    "read_features",
]
