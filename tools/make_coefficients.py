"""Coefficients of the polynomials in src/numbers/ and src/kernels/elementwise/.

    python tools/make_coefficients.py            prints the C lines and each maximum error

Each polynomial is the minimax one by Remez's exchange in 60 digits (mpmath); its coefficients are
then rounded to the working type one after another, from the lowest degree up, refitting the rest
after each rounding, so that the rounding of one is absorbed by the next ones. The error printed is
the maximum over a dense grid of the polynomial with the rounded coefficients, evaluated exactly.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import mpmath as mp
import numpy as np

mp.mp.dps = 60
LN2 = mp.log(2)


def remez(
    f: Callable[[mp.mpf], mp.mpf],
    basis: list[Callable[[mp.mpf], mp.mpf]],
    weight: Callable[[mp.mpf], mp.mpf],
    a: mp.mpf,
    b: mp.mpf,
) -> list[mp.mpf]:
    """Coefficients c that minimise max |weight * (f - sum c_k basis_k)| on [a, b]."""
    n = len(basis)
    nodes = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * k / n) for k in range(n + 1)]
    grid = [a + (b - a) * k / 2000 for k in range(2001)]
    coefficients: list[mp.mpf] = []
    for _ in range(12):
        rows = mp.matrix(n + 1, n + 1)
        rhs = mp.matrix(n + 1, 1)
        for i, x in enumerate(nodes):
            for k in range(n):
                rows[i, k] = basis[k](x)
            rows[i, n] = (-1) ** i / weight(x)
            rhs[i] = f(x)
        solution = mp.lu_solve(rows, rhs)
        coefficients = [solution[k] for k in range(n)]
        error = [
            weight(x) * (f(x) - sum(c * g(x) for c, g in zip(coefficients, basis, strict=True)))
            for x in grid
        ]
        nodes = _alternation(grid, error, n + 1)
    return coefficients


def _alternation(grid: list[mp.mpf], error: list[mp.mpf], count: int) -> list[mp.mpf]:
    """The `count` grid points where the error alternates with the largest magnitudes."""
    extrema: list[int] = []
    for i in range(len(grid)):
        if extrema and mp.sign(error[i]) == mp.sign(error[extrema[-1]]):
            if abs(error[i]) > abs(error[extrema[-1]]):
                extrema[-1] = i
        elif error[i] != 0:
            extrema.append(i)
    while len(extrema) > count:
        extrema.pop(0 if abs(error[extrema[0]]) < abs(error[extrema[-1]]) else -1)
    if len(extrema) < count:
        raise RuntimeError("the error does not alternate often enough; widen the interval")
    return [grid[i] for i in extrema]


def rounded_fit(
    f: Callable[[mp.mpf], mp.mpf],
    powers: list[int],
    weight: Callable[[mp.mpf], mp.mpf],
    a: mp.mpf,
    b: mp.mpf,
    dtype: type[np.floating],
) -> tuple[list[mp.mpf], mp.mpf]:
    """Coefficients in `dtype` for the given powers of x, and the maximum weighted error."""
    fixed: list[mp.mpf] = []
    for k in range(len(powers)):
        rest = [lambda x, p=p: x**p for p in powers[k:]]

        def residual(x: mp.mpf) -> mp.mpf:
            return f(x) - sum(c * x**p for c, p in zip(fixed, powers, strict=False))

        best = remez(residual, rest, weight, a, b)
        fixed.append(_round_to(best[0], dtype))
    worst = max(
        abs(weight(x) * (f(x) - sum(c * x**p for c, p in zip(fixed, powers, strict=True))))
        for x in (a + (b - a) * k / 4001 for k in range(4002))
    )
    return fixed, worst


def _round_to(value: mp.mpf, dtype: type[np.floating]) -> mp.mpf:
    """Round-to-nearest of value in dtype."""
    bits = 24 if dtype is np.float32 else 53
    with mp.workprec(bits):
        return +value


def exp_polynomial(degree: int, dtype: type[np.floating]) -> tuple[list[mp.mpf], mp.mpf]:
    """q with exp(r) = 1 + r + r^2 q(r) on |r| <= ln2/2 (a little more, for rounded n)."""
    half = LN2 / 2 * mp.mpf("1.0001")

    def q(r: mp.mpf) -> mp.mpf:
        if abs(r) < mp.mpf("1e-12"):
            return mp.mpf(1) / 2 + r / 6
        return (mp.expm1(r) - r) / r**2

    def weight(r: mp.mpf) -> mp.mpf:
        return r**2 * mp.exp(-r) + mp.mpf("1e-30")

    return rounded_fit(q, list(range(degree + 1)), weight, -half, half, dtype)


def log_polynomial(terms: int) -> tuple[list[mp.mpf], mp.mpf]:
    """P with log((1+s)/(1-s)) = 2 s + s^3 P(s^2) on |s| <= 3 - 2 sqrt 2; error relative to 2 s."""
    top = (3 - 2 * mp.sqrt(2)) ** 2 * mp.mpf("1.001")

    def p(u: mp.mpf) -> mp.mpf:
        if u < mp.mpf("1e-20"):
            return mp.mpf(2) / 3 + 2 * u / 5
        s = mp.sqrt(u)
        return (mp.log1p(2 * s / (1 - s)) - 2 * s) / s**3

    return rounded_fit(
        p, list(range(terms)), lambda u: u / 2 + mp.mpf("1e-30"), mp.mpf(0), top, np.float64
    )


def log1p_polynomial(degree: int) -> tuple[list[mp.mpf], mp.mpf]:
    """P with log1p(u) = u + u^2 P(u) on [0, 1] in float32; error relative to log1p(u)."""

    def p(u: mp.mpf) -> mp.mpf:
        if u < mp.mpf("1e-9"):
            return -mp.mpf(1) / 2 + u / 3
        return (mp.log1p(u) - u) / u**2

    def weight(u: mp.mpf) -> mp.mpf:
        return (u**2 / mp.log1p(u) if u > mp.mpf("1e-12") else u) + mp.mpf("1e-30")

    return rounded_fit(p, list(range(degree + 1)), weight, mp.mpf(0), mp.mpf(1), np.float32)


def _show(name: str, coefficients: list[mp.mpf], worst: mp.mpf, dtype: type[np.floating]) -> None:
    print(f"/* {name}: maximum error {mp.nstr(worst, 3)} = 2^{mp.nstr(mp.log(worst, 2), 4)} */")
    for k, c in enumerate(coefficients):
        literal = float(c).hex() + ("f" if dtype is np.float32 else "")
        print(f"#define {name}_{k} {literal}")


def _show_split(name: str, value: mp.mpf, dtype: type[np.floating]) -> None:
    high = _round_to(value, dtype)
    low = _round_to(value - high, dtype)
    suffix = "f" if dtype is np.float32 else ""
    print(f"#define {name}_HI {float(high).hex()}{suffix}")
    print(f"#define {name}_LO {float(low).hex()}{suffix}")


def main() -> None:
    """Print every constant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args()
    for dtype, degree, tag in ((np.float32, 4, "F32"), (np.float64, 9, "F64")):
        _show(f"EXP_{tag}", *exp_polynomial(degree, dtype), dtype)
        _show_split(f"LN2_{tag}", LN2, dtype)
        print(f"#define LOG2E_{tag} {float(_round_to(1 / LN2, dtype)).hex()}")
    _show("LOG_F64", *log_polynomial(9), np.float64)
    _show("LOG1P_F32", *log1p_polynomial(8), np.float32)
    # of doubles whose result is rounded to float32
    _show("EXP_WIDE", *exp_polynomial(5, np.float64), np.float64)
    _show("LOG_WIDE", *log_polynomial(4), np.float64)


if __name__ == "__main__":
    main()
