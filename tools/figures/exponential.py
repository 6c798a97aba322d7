"""The error of one exponential: in two parts, and rounded to one number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from prove import coefficients, constant

from .style import Theme

SAMPLES = 400_000
F = np.float32


class Curve(NamedTuple):
    """Reduced arguments, and relative errors in units of 2^-24."""

    reduced: np.ndarray
    parts: np.ndarray
    stored: np.ndarray


def fma(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """A fused operation of floats; extended precision holds the product exactly."""
    wide = a.astype(np.longdouble) * b.astype(np.longdouble) + np.asarray(c, np.longdouble)
    return wide.astype(F)


def measure() -> Curve:
    """exp_reduce, exp_raise and exp_split of src/numbers/math_tmpl.h, step by step in its order."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-60, 0, SAMPLES).astype(F)
    high, low_ln2 = F(float(constant("LN2_F32_HI"))), F(float(constant("LN2_F32_LO")))
    n = np.rint(x.astype(np.float64) * float(constant("LOG2E_F32"))).astype(F)
    r0 = fma(-n, np.full_like(n, high), x)
    low = n * -low_ln2
    r = r0 + low
    c = [F(float(value)) for value in coefficients("EXP_F32")]
    q = np.full_like(r, c[-1])
    for value in reversed(c[:-1]):
        q = fma(q, r, np.full_like(r, value))
    p = fma(q, r * r, low)
    one = np.ones_like(r)
    most = fma(r0, one, one)
    rest = fma(p, one, fma(r0, one, one - most))
    wide = np.longdouble
    exact = np.exp(x.astype(wide) - n.astype(wide) * np.log(wide(2)))
    both = (1 + r0.astype(wide) + p.astype(wide)) / exact - 1
    stored = (most + rest).astype(wide) / exact - 1
    order = np.argsort(r0)
    return Curve(*(np.float64(v[order]) for v in (r0, both * 2**24, stored * 2**24)))


def draw(curve: Curve, figure: Figure, theme: Theme) -> None:
    axes = figure.subplots()
    for values, limit, color, label in (
        (curve.stored, 1.0, theme.colors[1], "stored: one float32"),
        (curve.parts, 0.237, theme.colors[0], "in two parts"),
    ):
        middles, low, high = envelope(curve.reduced, values)
        axes.fill_between(middles, low, high, color=color, alpha=0.85, linewidth=0, label=label)
        for sign in (-1, 1):
            axes.axhline(sign * limit, color=color, linewidth=1, linestyle=(0, (4, 3)))
    axes.set(xlabel="reduced argument", ylim=(-1.15, 1.15))
    axes.set_title("Relative error of an exponential, units of 2⁻²⁴")
    figure.legend(loc="outside lower center", ncols=2, fontsize=9.5)


def envelope(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least and largest y of neighbouring x."""
    groups = np.array_split(np.arange(x.size), 160)
    low, high = ([f(y[g]) for g in groups] for f in (np.min, np.max))
    return np.array([x[g].mean() for g in groups]), np.array(low), np.array(high)
