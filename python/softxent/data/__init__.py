"""Data sets: two that come with the package, and readers for the user's own files."""

from softxent.data.builtin import load_breast_cancer, load_digits
from softxent.data.dataset import Dataset, Samples
from softxent.data.reading import read, read_features, read_samples
from softxent.data.standardizer import Standardizer

__all__ = [
    "Dataset",
    "Samples",
    "Standardizer",
    "load_breast_cancer",
    "load_digits",
    "read",
    "read_features",
    "read_samples",
]
