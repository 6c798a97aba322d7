"""What the demo trains, and what it demands."""

from __future__ import annotations

from typing import Any

#: The accuracy on held-out digits below which the demo counts as failed.
REQUIRED_ACCURACY = 0.97

HIDDEN = 64

#: Of the training and of the exported loss.
LABEL_SMOOTHING = 0.1

TRAINING: dict[str, Any] = {
    "epochs": 60,
    "batch_size": 32,
    "learning_rate": 0.1,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "schedule": "cosine",
    "label_smoothing": LABEL_SMOOTHING,
}

#: What is in the files that the demo writes.
FILES = {
    "digits.onnx": "images in; logits, probabilities and predicted class out",
    "digits-loss.onnx": "images and labels in; the loss, smoothed labels included, out",
    "digits.npz": "the parameters under PyTorch's names",
}
