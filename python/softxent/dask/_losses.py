"""Cross-entropy, alone and with its gradient."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np

from softxent import cross_entropy as local_cross_entropy
from softxent._arguments.arrays import as_float, axis_index, is_float, loss_dtype
from softxent._arguments.options import weights as read_weights
from softxent._arguments.remedies import shape_remedy
from softxent._core.errors import no_class_error

from . import _inputs, _loss_graphs
from ._graphs import Blocks
from ._loss_tasks import LossSpec
from ._outputs import placed

__all__ = ["built", "cross_entropy", "cross_entropy_and_grad"]


def cross_entropy(
    logits: Any,
    target: Any,
    *,
    axis: int = -1,
    weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    from_logits: bool = True,
    z_loss: float = 0.0,
    logit_scale: float = 1.0,
    softcap: float | None = None,
    focal_gamma: float = 0.0,
) -> da.Array:
    r"""
    Cross-entropy of dask arrays, lazily: `softxent.cross_entropy` with the same bits.

    .. math::

        L = -\sum_c w_c y'_c \log p_c + \lambda \, \mathrm{lse}(z)^2, \qquad
        y' = (1 - \varepsilon) y + \varepsilon / C

    Parameters
    ----------
    logits : dask.array.Array
        Logits, chunked along any axes, that of the classes included: float16, bfloat16, float32
        or float64. Integers and bools are computed as float64.
    target : array_like or dask array
        Integers: class indices, in the shape of `logits` without `axis`. Floats: class
        probabilities, in the shape of `logits`. Rechunked to the chunks of `logits` where it has
        others.
    axis : int, default -1
        The axis of the classes.
    weight : array_like or dask array, optional
        Class weights: C finite numbers >= 0. Every task has all of them.
    sample_weight : array_like or dask array, optional
        One finite factor >= 0 for each row's loss; follows the chunks of `logits`.
    ignore_index, label_smoothing, reduction, from_logits, z_loss, logit_scale, softcap, focal_gamma
        As in `softxent.cross_entropy`.

    Returns
    -------
    dask.array.Array
        The loss, of shape (); with ``reduction="none"`` the loss of each row. float64 for float64
        logits, otherwise float32.

    Raises
    ------
    IndexError
        When it is computed, if a label is neither in [0, C) nor `ignore_index`; with the label and
        its position in the whole array.
    TypeError
        If `logits` is no dask array, or as `softxent.cross_entropy`.
    ValueError
        If a chunk has no known size, or as `softxent.cross_entropy`: options and shapes at once,
        values in chunks when they are computed.
    numpy.exceptions.AxisError
        If `logits` has no such axis.

    See Also
    --------
    softxent.cross_entropy : the same for arrays that are there, with the options.

    Notes
    -----
    The bounds of `softxent.cross_entropy` hold, and the bits are those of the whole array, for
    every chunking: sums over rows are exact and rounded once. A mean takes the divisor from the
    targets first. Where the classes lie in one chunk, each chunk of logits is looked at once. Where
    they lie in several, it is twice, for the maximum and for the sums; once more for class
    probabilities and what is computed like them, and for logits that are scaled like that. The
    chunks of a row are needed together, and 192 bytes per row and chunk move between them.
    docs/distributed.md says which options take how many looks.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> import softxent.dask
    >>> logits = da.from_array(np.array([[0.1, 1.0, 2.1], [2.0, 1.0, 0.1]]), chunks=(1, 2))
    >>> print(f"{softxent.dask.cross_entropy(logits, [2, 0]).compute():.4f}")
    0.4005
    """
    return built(
        logits, target, axis, weight, sample_weight, ignore_index, label_smoothing, reduction,
        from_logits, z_loss, logit_scale, softcap, focal_gamma,
    ).loss()  # fmt: skip


def cross_entropy_and_grad(
    logits: Any,
    target: Any,
    *,
    axis: int = -1,
    weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    from_logits: bool = True,
    z_loss: float = 0.0,
    logit_scale: float = 1.0,
    softcap: float | None = None,
    focal_gamma: float = 0.0,
    out: da.Array | None = None,
) -> tuple[da.Array, da.Array]:
    r"""
    Cross-entropy of dask arrays and its gradient in the logits, lazily.

    For a row without `z_loss`, `logit_scale`, `softcap` and `focal_gamma`

    .. math:: \frac{\partial L}{\partial x_c} = p_c \sum_k w_k y'_k - w_c y'_c

    times the row's factor in the reduction.

    Parameters
    ----------
    logits, target, axis, weight, sample_weight, ignore_index, label_smoothing, reduction, \
    from_logits, z_loss, logit_scale, softcap, focal_gamma
        As in `cross_entropy`.
    out : dask.array.Array, optional
        Becomes the gradient, as in Dask's own functions, chunks included; of the shape and dtype
        of `logits`, which it may be. Nothing is written into what it stood for.

    Returns
    -------
    loss : dask.array.Array
        As `cross_entropy`, the same bits.
    grad : dask.array.Array
        The gradient, in the shape, chunks and dtype of `logits`; `out` if it is given. Compute
        both together, ``dask.compute(loss, grad)``: they share their work.

    Raises
    ------
    IndexError, TypeError, ValueError, numpy.exceptions.AxisError
        As `cross_entropy`; and TypeError or ValueError if `out` is no dask array or has another
        dtype or shape.

    Notes
    -----
    The bounds of `softxent.cross_entropy_and_grad` hold, with its bits of the whole arrays. A
    chunk is looked at as often as for the loss: where rows lie in several, what sums exponentials
    keeps them, float32 or float64 in the shape of the chunk, and the gradient is made of these.
    With `softcap` the logits are kept instead and looked at once more.

    Examples
    --------
    >>> import dask
    >>> import dask.array as da
    >>> import softxent.dask
    >>> logits = da.from_array([20.0, 0.0, 0.0], chunks=2)
    >>> loss, grad = dask.compute(*softxent.dask.cross_entropy_and_grad(logits, 0))
    >>> print(f"{loss:.4e} {grad[0]:.4e}")
    4.1223e-09 -4.1223e-09
    """
    loss, grad = built(
        logits, target, axis, weight, sample_weight, ignore_index, label_smoothing, reduction,
        from_logits, z_loss, logit_scale, softcap, focal_gamma,
    ).loss_and_grad()  # fmt: skip
    return loss, placed(out, grad)


def built(
    logits: Any, target: Any, axis: Any, weight: Any, sample_weight: Any, ignore_index: Any,
    label_smoothing: Any, reduction: Any, from_logits: Any, z_loss: Any, logit_scale: Any,
    softcap: Any, focal_gamma: Any, name: str = "cross_entropy", weight_name: str = "weight",
) -> _loss_graphs.LossGraph:  # fmt: skip
    """Check what can be checked without looking at chunks; names are those of the caller."""
    x = _inputs.logits(logits, "logits", "cross_entropy")
    index = axis_index(axis, x.ndim)
    rows = x.shape[:index] + x.shape[index + 1 :]
    if x.shape[index] == 0:
        raise no_class_error(name, x.shape)
    t = _target(target, x, index, name == "cross_entropy")
    options = {
        "ignore_index": ignore_index,
        "label_smoothing": label_smoothing,
        "reduction": reduction,
        "from_logits": from_logits,
        "z_loss": z_loss,
        "logit_scale": logit_scale,
        "softcap": softcap,
        "focal_gamma": focal_gamma,
    }
    weights = _weight(weight, weight_name, x.shape[index])
    _try_options(x, t, index, weights, options)
    blocks = Blocks(x, (index,))
    samples = None
    if sample_weight is not None:
        samples = _inputs.value(sample_weight, "sample_weight")
        if samples.shape != rows:
            raise ValueError(f"sample_weight has shape {samples.shape}; expected {rows}")
        as_float(np.empty(0, samples.dtype), "sample_weight")
        samples = _inputs.follow(samples, blocks.row_chunks)
    labels = t.dtype.kind in "iu"
    aligned = _inputs.follow(t, blocks.row_chunks if labels else x.chunks)
    dtype = as_float(np.empty(0, x.dtype), "logits").dtype
    spec = LossSpec(
        index, x.shape[index], dtype, loss_dtype(dtype), labels, options, weight_name
    )  # fmt: skip
    return _loss_graphs.LossGraph(blocks, spec, aligned, samples, weights)


def _target(target: Any, x: da.Array, axis: int, has_axis: bool) -> Any:
    array = _inputs.value(target, "target")
    rows = x.shape[:axis] + x.shape[axis + 1 :]
    if array.dtype.kind in "iu":
        if array.shape != rows:
            raise ValueError(
                f"target of class indices has shape {array.shape}; expected {rows}, the shape "
                f"{x.shape} of the logits without axis {axis}"
                f"{_remedy(array, x.shape, axis, has_axis)}"
            )
    elif (is_float(array.dtype) or array.dtype.kind == "f") and array.shape != x.shape:
        raise ValueError(
            f"target of dtype {array.dtype} holds class probabilities and has shape "
            f"{array.shape}; expected the logits' shape {x.shape} (class indices must be integers)"
            f"{_remedy(array, x.shape, axis, has_axis)}"
        )
    return array


def _remedy(array: Any, shape: tuple[int, ...], axis: int, has_axis: bool) -> str:
    """What to pass instead, where the values are here to tell."""
    here = isinstance(array, np.ndarray)
    return shape_remedy(array, shape, axis, has_axis=has_axis) if here else ""


def _weight(weight: Any, name: str, classes: int) -> Any:
    if weight is None:
        return None
    array = _inputs.value(weight, name)
    if not isinstance(array, da.Array):
        return read_weights(array, name, (classes,))
    as_float(np.empty(0, array.dtype), name)
    if array.shape != (classes,):
        raise ValueError(f"{name} has shape {array.shape}; expected {(classes,)}")
    return array


def _try_options(x: da.Array, t: Any, axis: int, weight: Any, options: dict[str, Any]) -> None:
    """The local function on no rows: it raises what it has against types and options."""
    shape = tuple(n if k == axis else 0 for k, n in enumerate(x.shape))
    labels = t.dtype.kind in "iu"
    sample = shape if x.ndim > 1 else (x.shape[axis],)
    logits = np.broadcast_to(np.zeros((), x.dtype), sample)
    rows = sample[:axis] + sample[axis + 1 :]
    target = np.broadcast_to(np.zeros((), t.dtype), rows if labels else sample)
    given = None if isinstance(weight, da.Array) else weight
    with np.errstate(all="ignore"):
        local_cross_entropy(logits, target, axis=axis, weight=given, **options)
