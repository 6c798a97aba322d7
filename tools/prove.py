#!/usr/bin/env python3
"""Prove the rounding lemmas of docs/accuracy.md with Gappa, from the coefficients in the C sources.

The reduced argument's interval is cut into pieces. On each, Gappa bounds what rounding adds to the
polynomial, to the two parts of a term and to the term as stored; Taylor's formula in exact
fractions bounds what the polynomial is off. From these, and for float32 from the figures that
tools/check_exp.c holds over all floats, follow the results' errors, which must be within the bounds
of tests/reference/bounds.py. One line is printed per lemma. `--check` compares them with the tables
in docs/accuracy.md, `--write` puts them there. Needs `gappa` and mpmath.
"""

from __future__ import annotations

import argparse
import itertools
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from mpmath import mp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from reference.bounds import BOUNDS

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "accuracy.md"
CLASSES = 4096  # of the rows that the results are stated for
mp.prec = 300


class Format(NamedTuple):
    """A floating-point format with the exponential that is computed in it."""

    name: str
    gappa: str
    bits: int
    span: int  # BIAS and EXPONENT_BIAS of math_tmpl.h: what lies below the window is 0

    @property
    def unit(self) -> Fraction:
        return Fraction(1, 2**self.bits)


FORMATS = (Format("F32", "ieee_32", 24, 75 + 127), Format("F64", "ieee_64", 53, 300 + 1023))


def source(name: str) -> str:
    return (ROOT / "src" / "numbers" / name).read_text(encoding="utf-8")


def constant(name: str) -> Fraction:
    """The value of a macro of constants.h or scalar_math.h."""
    text = source("constants.h") + source("scalar_math.h")
    (value,) = set(re.findall(rf"#define {name} (-?0x[0-9a-fp.+-]+?)f?$", text, re.M))
    return Fraction(float.fromhex(value))


def coefficients(prefix: str) -> list[Fraction]:
    text = source("constants.h") + source("scalar_math.h")
    count = len(set(re.findall(rf"#define {prefix}_(\d+) ", text)))
    return [constant(f"{prefix}_{k}") for k in range(count)]


def as_fraction(value: mp.mpf) -> Fraction:
    sign, mantissa, exponent, _ = value._mpf_
    return Fraction((-1) ** sign * int(mantissa)) * Fraction(2) ** exponent


class Reduction(NamedTuple):
    """Bounds of the range reduction of |x| <= 2^17 and the window below."""

    radius: Fraction  # of the reduced argument
    low: Fraction  # of its small part
    lost: Fraction  # what that is off


def reduction(form: Format) -> Reduction:
    high, small = constant(f"LN2_{form.name}_HI"), constant(f"LN2_{form.name}_LO")
    log2e = constant(f"LOG2E_{form.name}")
    ln2 = as_fraction(mp.log(2))
    tiny = Fraction(1, 2**280)  # the error of ln2 itself
    x = 2**17 + Fraction(form.span) * Fraction(7, 10)
    radius = ln2 / 2 + x * abs(log2e * ln2 - 1) + tiny
    n = x * log2e + 1
    low = n * abs(small) * (1 + form.unit)
    lost = n * (abs(high + small - ln2) + tiny) + low * form.unit
    return Reduction(radius, low, lost)


def pieces(radius: Fraction) -> list[tuple[Fraction, Fraction]]:
    """The interval cut finely where the worst is, and around 0, where 1 + t changes its binade."""
    near = [Fraction(1, 2**k) for k in (12, 9, 7, 6, 5)]
    wide = [near[-1] + (radius - near[-1]) * k / 40 for k in range(1, 41)]
    up = list(itertools.pairwise([Fraction(0), *near, *wide]))
    return [(-b, -a) for a, b in reversed(up)] + up


def largest(d: list[Fraction], low: Fraction, high: Fraction, cuts: int) -> Fraction:
    """A bound of |sum d_k x^k| on an interval, by Taylor's formula around each cut's middle."""
    worst = Fraction(0)
    for i in range(cuts):
        a, b = low + (high - low) * i / cuts, low + (high - low) * (i + 1) / cuts
        middle, half, top = (a + b) / 2, (b - a) / 2, max(abs(a), abs(b))
        value = abs(sum(v * middle**k for k, v in enumerate(d)))
        slope = abs(sum(k * v * middle ** (k - 1) for k, v in enumerate(d) if k))
        bend = sum(k * (k - 1) * abs(v) * top ** (k - 2) for k, v in enumerate(d) if k > 1)
        worst = max(worst, value + half * slope + half * half / 2 * bend)
    return worst


def truncation(c: list[Fraction], low: Fraction, high: Fraction) -> Fraction:
    """max |1 + r + r^2 q(r) - exp(r)|."""
    terms = 24
    d = [
        (c[k - 2] if 2 <= k < len(c) + 2 else 0) - Fraction(k > 1, math.factorial(k))
        for k in range(terms)
    ]
    rest = 2 * max(abs(low), abs(high)) ** terms / math.factorial(terms)
    return largest(d, low, high, 64) + rest


def number(value: Fraction) -> str:
    """A number in Gappa's notation, exactly."""
    exponent = value.denominator.bit_length() - 1
    return f"{value.numerator}b-{exponent}"


def outward(low: Fraction, high: Fraction, bits: int = 60) -> str:
    """An interval with short ends around one with long ones."""
    unit = 2**bits
    ends = Fraction(math.floor(low * unit), unit), Fraction(math.ceil(high * unit), unit)
    return f"[{number(ends[0])}, {number(ends[1])}]"


def run_gappa(script: str) -> dict[str, Fraction]:
    """The largest magnitude of each bounded expression in Gappa's answer."""
    options = {"capture_output": True, "text": True, "check": False, "timeout": 120}
    answer = subprocess.run(["gappa"], input=script, **options)
    text = answer.stdout + answer.stderr
    if answer.returncode != 0 or "Results" not in text:
        sys.exit(f"gappa proves nothing of\n{script}\n{text}")
    found = {}
    number = r"(-?\d+(?:b-?\d+)?)(?: \{[^}]*\})?"
    for name, low, high in re.findall(rf"^  (\w+) in \[{number}, {number}\]", text, re.M):
        found[name] = max(abs(_dyadic(low)), abs(_dyadic(high)))
    return found


def _dyadic(text: str) -> Fraction:
    mantissa, _, exponent = text.partition("b")
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent or 0)


def horner(c: list[Fraction], x: str, mx: str) -> str:
    """Horner's rule in fused steps, as written in C, beside the same without rounding."""
    lines = [f"q{len(c) - 1} = {number(c[-1])};", f"M{len(c) - 1} = q{len(c) - 1};"]
    for k in range(len(c) - 2, -1, -1):
        lines.append(f"q{k} = rnd(q{k + 1} * {x} + {number(c[k])});")
        lines.append(f"M{k} = M{k + 1} * {mx} + {number(c[k])};")
    return "\n".join(lines)


def exp_script(
    form: Format, c: list[Fraction], low: Fraction, high: Fraction, bound: Fraction
) -> str:
    """exp_reduce, exp_raise, exp_split and exp_term of math_tmpl.h in units of pow."""
    hints = " ".join(f"q{k} ~ M{k};" for k in range(len(c) - 1))
    return f"""@rnd = float<{form.gappa}, ne>;
r0 = rnd(R0); low = rnd(LOW);
Mr = r0 + low;
r = rnd(Mr);
{horner(c, "r", "Mr")}
rr = rnd(r * r); MM = Mr * Mr;
p = rnd(q0 * rr + low); Mp = M0 * MM + low;
most = rnd(1 + r0);
back = rnd(1 - most);
left = rnd(r0 + back);
rest = rnd(p + left);
e = rnd(most + rest);
parts = p - Mp;
stored = e - (1 + (r0 + p));
{{ Mr in {outward(low, high)} /\\ low in {outward(-bound, bound)} -> parts in ? /\\ stored in ? }}
{hints} rr ~ MM; p ~ Mp;
rest - (p + (r0 - (most - 1))) -> (rest - (p + left)) + (left - (r0 + (1 - most)));
left - (r0 + (1 - most)) -> (left - (r0 + back)) + (back - (1 - most));
stored -> (e - (most + rest)) + (rest - (p + (r0 - (most - 1))));
"""


class Lemma(NamedTuple):
    name: str
    bound: str
    value: Fraction = Fraction(0)


def rounded_up(value: Fraction, digits: int = 4) -> str:
    scale = 10**digits
    return f"{math.ceil(value * scale) / scale:.{digits}f}"


def power(value: Fraction) -> str:
    """A power of two with one digit in its exponent, not below the value."""
    exponent = float(mp.log(mp.mpf(value.numerator) / value.denominator, 2))
    return f"2^{math.ceil(exponent * 10) / 10:.1f}"


def exponential(form: Format) -> Iterator[Lemma]:
    c = coefficients(f"EXP_{form.name}")
    bounds = reduction(form)
    fit = parts = stored = Fraction(0)
    for low, high in pieces(bounds.radius):
        least = as_fraction(mp.exp(mp.mpf(low.numerator) / low.denominator)) * (
            1 - Fraction(1, 2**99)
        )
        off = truncation(c, low, high)
        gappa = run_gappa(exp_script(form, c, low, high, bounds.low))
        both = gappa["parts"] + off + 2 * bounds.lost
        fit = max(fit, off / least)
        parts = max(parts, both / least)
        stored = max(stored, (gappa["stored"] + both) / least)
    name = f"exp, {form.name}"
    yield Lemma(f"{name}: reduced argument", f"at most {rounded_up(bounds.radius, 6)}")
    yield Lemma(f"{name}: polynomial", power(fit))
    for what, value in (("two parts of a term", parts), ("term as stored", stored)):
        share = value / form.unit
        yield Lemma(f"{name}: {what}", f"{rounded_up(share)} of 2^-{form.bits}", share)


def product(form: Format) -> Iterator[Lemma]:
    """scaled_value without its last rounding, for a term and a factor in [1, 2]."""
    script = f"""@rnd = float<{form.gappa}, ne>;
term = rnd(TERM); hi = rnd(HI); lo = rnd(LO);
off = (term * hi + rnd(term * lo)) - term * (hi + lo);
{{ term in [1, 2] /\\ hi in [1, 2] /\\ lo in {outward(-form.unit, form.unit)} -> off in ? }}
off -> rnd(term * lo) - term * lo;
"""
    off = run_gappa(script)["off"]
    yield Lemma(f"product, {form.name}: before its rounding", power(off))


def logarithm() -> Iterator[Lemma]:
    """sxt_log_ratio: 2 s + s^3 P(s^2) on |s| <= 3 - 2 sqrt 2, relative to 2 s."""
    c = coefficients("LOG_F64")
    top = as_fraction(3 - 2 * mp.sqrt(2)) + Fraction(1, 2**50)
    # (log((1 + s) / (1 - s)) - 2 s) / s^3 = sum 2 u^k / (2 k + 3) with u = s^2
    d = [Fraction(2, 2 * k + 3) - (c[k] if k < len(c) else 0) for k in range(30)]
    fit = largest(d, Fraction(0), top * top, 400) * top * top / 2
    rest = 2 * top**62
    hints = " ".join(f"q{k} ~ M{k};" for k in range(len(c) - 1))
    script = f"""@rnd = float<ieee_64, ne>;
s = rnd(S);
u = rnd(s * s); Mu = s * s;
{horner(c, "u", "Mu")}
us = rnd(u * s); Mus = Mu * s;
share = (us * q0 - Mus * M0) / (Mus * M0);
{{ s in {outward(Fraction(1, 2**20), top)} -> share in ? }}
{hints} us ~ Mus;
"""
    share = run_gappa(script)["share"]
    cubic = top * top * Fraction(35, 100)  # s^2 P / 2 at most
    yield Lemma("log, F64: polynomial", power(fit + rest))
    yield Lemma("log, F64: rounding of s^3 P(s^2)", f"{power(share * cubic)} of the logarithm")


def lemmas() -> Iterator[Lemma]:
    for form in FORMATS:
        yield from exponential(form)
        yield from product(form)
    yield from logarithm()


def stated() -> tuple[Fraction, Fraction]:
    """The figures of tools/check_exp.c: two parts of a float32 term, and the term as stored."""
    text = (ROOT / "tools/check_exp.c").read_text(encoding="utf-8")
    found = dict(re.findall(r'\{"([^"]+)", ([0-9.]+)\}', text))
    return Fraction(found["1 + r + p"]), Fraction(found["term as stored"])


class Result(NamedTuple):
    name: str
    bounds: tuple[str, ...]  # keys of BOUNDS
    derivation: str
    error: Fraction


def results(proven: list[Lemma]) -> dict[str, list[Result]]:
    """The errors of docs/accuracy.md, section 3, in ULP."""
    half, quarter, slack = Fraction(1, 2), Fraction(1, 4), Fraction(1, 1000)
    softmax = "softmax", "gradient_hard"
    grid = Fraction(2122, 1000) * CLASSES / 2**21
    parts, term = stated()
    total = parts + grid
    r = term + total + slack
    assert r - quarter < 1, "products rise above the next number beyond a power of two"
    single = [
        Result("softmax; gradient of hard labels", softmax, "R + 1/4 + 1/2", r + quarter + half),
        Result("gradient at the label", ("gradient_hard",), "S + 1/2", total + half + slack),
        Result(
            "gradient of probability targets, weighted and smoothed ones included",
            ("gradient_soft",),
            "R + 1/4 + 1/2: q and its sum are doubles",
            r + quarter + half,
        ),
        Result(
            "gradient of smoothed labels",
            ("gradient_soft",),
            "R + 3/4: the push costs half an ULP, and then the result lies a binade lower",
            r + 3 * quarter,
        ),
        Result(
            "log_softmax (logits up to 2^17); loss of hard labels",
            ("log_softmax", "cross_entropy"),
            "S + 1/2: log(1 + others / e) passes a relative error on at most once",
            total + half + Fraction(1, 50),
        ),
        Result("logsumexp", ("logsumexp",), "2 S + 1/2", 2 * total + half + slack),
    ]
    known = {lemma.name: lemma.value for lemma in proven}
    parts, term = known["exp, F64: two parts of a term"], known["exp, F64: term as stored"]
    r = term + parts + slack
    double = [
        Result("softmax; gradient of hard labels", softmax, "1 + R", 1 + r),
        Result("gradient of probability targets", ("gradient_soft",), "1 + R", 1 + r),
        Result(
            "log_softmax; loss of hard labels",
            ("log_softmax", "cross_entropy"),
            "2 e2 + 1/2, and 1/16 for the logarithm",
            2 * parts + half + Fraction(1, 16),
        ),
        Result("logsumexp", ("logsumexp",), "4 e2 + 1/2", 4 * parts + half + slack),
    ]
    return {"float32": single, "float64": double}


def lemma_table(proven: list[Lemma]) -> str:
    rows = "\n".join(f"| {lemma.name} | {lemma.bound} |" for lemma in proven)
    return f"| lemma | proven |\n|---|---|\n{rows}\n"


def result_table(found: dict[str, list[Result]]) -> str:
    text = []
    for dtype, rows in found.items():
        text.append(
            f"| {dtype}, up to {CLASSES} classes | bound | derivation | ULP |\n|---|---|---|---|"
        )
        for row in rows:
            limits = ", ".join(f"{BOUNDS[key].of(dtype):g}" for key in row.bounds)
            text.append(
                f"| {row.name} | {limits} | {row.derivation} | {rounded_up(row.error, 3)} |"
            )
        text.append("")
    return "\n".join(text)


def between(text: str, name: str, inside: str) -> str:
    """The page with a table put between its marks."""
    begin, end = f"<!-- {name} by tools/prove.py -->\n", f"<!-- end of {name} -->"
    before, mark, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    assert mark and last, f"{TABLE.name} has no place for {name}"
    return before + begin + inside + end + after


def main() -> int:
    description, details = (__doc__ or "").split("\n", 1)
    parser = argparse.ArgumentParser(description=description, epilog=details)
    parser.add_argument("--check", action="store_true", help="compare with docs/accuracy.md")
    parser.add_argument("--write", action="store_true", help="write the table of docs/accuracy.md")
    options = parser.parse_args()
    if not shutil.which("gappa"):
        sys.exit("gappa is not installed (Debian: apt-get install gappa)")
    proven = list(lemmas())
    for lemma in proven:
        print(f"{lemma.name:44} {lemma.bound}")
    found = results(proven)
    for dtype, rows in found.items():
        for row in rows:
            print(f"{dtype} {row.name:70} {rounded_up(row.error, 3)}")
            if any(row.error > Fraction(BOUNDS[key].of(dtype)) for key in row.bounds):
                sys.exit("beyond its bound")
    text = TABLE.read_text(encoding="utf-8")
    fresh = between(text, "lemmas", lemma_table(proven))
    fresh = between(fresh, "results", result_table(found))
    if options.write:
        TABLE.write_text(fresh, encoding="utf-8")
    if options.check and fresh != text:
        print("docs/accuracy.md has other tables: run tools/prove.py --write and see what follows")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
