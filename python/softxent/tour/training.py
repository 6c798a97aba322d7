"""Two small nets learn to tell handwritten digits apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softxent.report import PALETTE, subplots
from softxent.tour._section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ITERATIONS = 50


def example() -> None:
    from softxent.data import load_digits
    from softxent.models import NeuralNet1, NeuralNet2

    digits = load_digits()
    two = digits.y < 2
    X, y = digits.X[two], digits.y[two]
    binary = NeuralNet1(28 * 28, hidden_size=5, seed=0)
    history = binary.fit(X, y, epochs=50, batch_size=len(X), learning_rate=0.01, progress=False)
    print(f"NeuralNet1: loss {history['loss'][0]:.3f} -> {history['loss'][-1]:.3f}")

    three = digits.y < 3
    X, y = digits.X[three], digits.y[three]
    multi = NeuralNet2(28 * 28, hidden_size=5, num_classes=3, seed=0)
    history = multi.fit(X, y, epochs=50, batch_size=len(X), learning_rate=0.01, progress=False)
    print(f"NeuralNet2: loss {history['loss'][0]:.3f} -> {history['loss'][-1]:.3f}")
    print(f"            accuracy {(multi.predict(X) == y).mean():.2f}")


def draw() -> Figure:
    figure, (left, right) = subplots(1, 2, size=(7.2, 3.0))
    left.set_title("NeuralNet1: digits 0 and 1")
    right.set_title("NeuralNet2: digits 0, 1 and 2")
    for axes, classes in ((left, 2), (right, 3)):
        for rate, color in ((0.01, PALETTE[0]), (0.1, PALETTE[1])):
            losses = _losses(classes, rate)
            axes.plot(range(1, len(losses) + 1), losses, color=color, label=f"learning rate {rate}")
        axes.set_xlabel("iteration")
        axes.set_ylim(bottom=0)
    left.set_ylabel("loss")
    left.legend(frameon=False)
    return figure


def _losses(classes: int, learning_rate: float) -> list[float]:
    from softxent.data import load_digits
    from softxent.models import NeuralNet1, NeuralNet2

    digits = load_digits()
    chosen = digits.y < classes
    X, y = digits.X[chosen], digits.y[chosen]
    inputs = X.shape[1]
    net = NeuralNet1(inputs, 5, seed=0) if classes == 2 else NeuralNet2(inputs, 5, classes, seed=0)
    history = net.fit(
        X,
        y,
        epochs=_ITERATIONS,
        batch_size=len(X),
        learning_rate=learning_rate,
        progress=False,
    )
    return list(history["loss"])


SECTION = Section(
    name="training",
    title="Training a net",
    prose="""
        Linear, ReLU, linear: `NeuralNet1` ends in one logit and the binary cross-entropy,
        `NeuralNet2` in one logit per class and the cross-entropy. Here both have 28·28 inputs and
        5 hidden units, and see all samples of their classes in each of 50 iterations at a learning
        rate of 0.01: enough to watch the loss fall, not enough to finish. The demo
        (`softxent demo`) trains 64 hidden units on all ten digits properly.
    """,
    example=example,
    draw=draw,
    caption="50 iterations on all samples; ten times the learning rate gets further.",
)
