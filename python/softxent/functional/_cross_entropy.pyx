# cython: freethreading_compatible=True
"""Cross-entropy, alone and with its gradient: compiled, because their call overhead matters."""

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.string cimport memset

from softxent._core.binding cimport (describe, described, new_like, plain_ignore_index,
                                     plain_reduction, run_cross_entropy)
from softxent._core.header cimport (SXT_NONE, sxt_array, sxt_cross_entropy_args,
                                    sxt_reduction)
from softxent.functional._plain cimport (equals, is_apart, is_plain, is_plain_out, new_rows,
                                         plain_axis)

from softxent._arguments.calls import cross_entropy_call
from softxent._core.binding import call_cross_entropy

cnp.import_array()


cdef bint are_labels(cnp.ndarray t, cnp.ndarray x, int axis) noexcept:
    """True for int64 labels that the core can read, one for each row of `x`."""
    cdef int k
    if (
        cnp.PyArray_TYPE(t) != cnp.NPY_INT64
        or not cnp.PyArray_ISCARRAY_RO(t)
        or cnp.PyArray_NDIM(t) != cnp.PyArray_NDIM(x) - 1
    ):
        return False
    for k in range(cnp.PyArray_NDIM(t)):
        if cnp.PyArray_DIM(t, k) != cnp.PyArray_DIM(x, k if k < axis else k + 1):
            return False
    return True


cdef bint are_probabilities(cnp.ndarray t, cnp.ndarray x):
    """True for class probabilities in the shape and dtype of `x`."""
    return (
        cnp.PyArray_TYPE(t) == cnp.PyArray_TYPE(x)
        and cnp.PyArray_ISNOTSWAPPED(t)
        and cnp.PyArray_SAMESHAPE(t, x)
    )


cdef object plain_loss(str name, logits, target, axis, ignore_index, reduction, bint want_grad,
                       out):
    """
    Loss, or (loss, grad), of plain arrays with all other options at their defaults.

    None if the arguments are not plain: then the general path reads them, or raises.
    """
    if is_plain(logits) and cnp.PyArray_CheckExact(target) and is_plain_out(out, logits):
        return plain_arrays_loss(name, <cnp.ndarray>logits, <cnp.ndarray>target, axis, ignore_index,
                                 reduction, want_grad, out)
    return None


cdef object plain_arrays_loss(str name, cnp.ndarray x, cnp.ndarray t, axis, ignore_index, reduction,
                              bint want_grad, out):
    """What `plain_loss` returns for plain arrays: `t` may still be no target of `x`."""
    cdef sxt_cross_entropy_args args
    cdef sxt_array probs, grad
    cdef int code
    memset(&args, 0, sizeof(args))
    args.axis = plain_axis(axis, cnp.PyArray_NDIM(x))
    code = plain_reduction(reduction)
    if args.axis < 0 or code < 0 or (out is not None and not is_apart(<cnp.ndarray>out, t)):
        return None
    if are_labels(t, x, args.axis):
        args.labels = <const int64_t *>cnp.PyArray_DATA(t)
    elif are_probabilities(t, x):
        args.probs = described(t, &probs)
    else:
        return None
    if ignore_index is -100:  # the default: known without a look into it
        args.has_ignore_index = 1
        args.ignore_index = -100
    elif not plain_ignore_index(ignore_index, &args):
        return None
    describe(x, &args.logits)
    args.grad_scale = args.logit_scale = 1.0
    args.from_logits = 1
    args.reduction = <sxt_reduction>code
    losses = new_rows(x, args.axis) if code == SXT_NONE else None
    if not want_grad:
        return run_cross_entropy(name, &args, x, losses, True)
    gradient = new_like(x) if out is None else out
    args.grad = described(gradient, &grad)
    return run_cross_entropy(name, &args, x, losses, True), gradient


def cross_entropy(logits, target, *, axis=-1, weight=None, sample_weight=None, ignore_index=-100,
                  label_smoothing=0.0, reduction="mean", from_logits=True, z_loss=0.0,
                  logit_scale=1.0, softcap=None, focal_gamma=0.0):
    r"""
    Cross-entropy between logits and class labels or class probabilities.

    With p = softmax(z), y the target (1 at the label and 0 elsewhere for class indices), class
    weights w, smoothing :math:`\varepsilon` and C classes, a row has the loss

    .. math::

        L = -\sum_c w_c y'_c \log p_c + \lambda \, \mathrm{lse}(z)^2, \qquad
        y' = (1 - \varepsilon) y + \varepsilon / C, \qquad
        z = \mathrm{cap} \cdot \tanh(s x / \mathrm{cap})

    Parameters
    ----------
    logits : array_like
        Unnormalised log-probabilities x, or probabilities with ``from_logits=False``: float16,
        bfloat16, float32 or float64. Integers and bools are computed as float64.
    target : array_like
        Integers: class indices, in the shape of `logits` without `axis`. Floats: class
        probabilities, in the shape of `logits`. The dtype decides, never the shape.
    axis : int, default -1
        The axis of the classes.
    weight : array_like, optional
        Class weights w: C finite numbers >= 0.
    sample_weight : array_like, optional
        One finite factor >= 0 for each row's loss, in the shape of `logits` without `axis`. The
        mean becomes the weighted mean, as `numpy.average` has it.
    ignore_index : int or None, default -100
        Rows with this label have loss and gradient 0 and do not count in the mean.
    label_smoothing : float, default 0.0
        The share of the target, in [0, 1], that is spread evenly over all classes.
    reduction : {"mean", "sum", "none"}, default "mean"
        For class indices the mean divides by the sum of the labels' weights over the rows kept,
        for class probabilities by the number of rows.
    from_logits : bool, default True
        False if `logits` holds probabilities: then L = -sum(w y' log(logits)), 0 log 0 being 0.
    z_loss : float, default 0.0
        Factor of the squared log-sum-exp, which is not weighted by class.
    logit_scale : float, default 1.0
        Factor s of the logits.
    softcap : float, optional
        The bound > 0 that caps the scaled logits.
    focal_gamma : float, default 0.0
        The exponent :math:`\gamma \ge 0` of focal loss, which multiplies the loss of a label t by
        :math:`(1 - p_t)^\gamma`. A positive one goes with class indices and without
        `label_smoothing`, `z_loss` and `softcap`; 0 is bit for bit the plain loss.

    Returns
    -------
    numpy.floating or numpy.ndarray
        The loss; with ``reduction="none"`` the loss of each row, in the shape of `logits` without
        `axis`. float64 for float64 logits, otherwise float32. An empty mean is NaN.

    Raises
    ------
    IndexError
        If a label is neither in [0, C) nor `ignore_index`; with the label and its position.
    TypeError
        If a dtype is not one of those above, an array is masked, or an option is of another type;
        bool targets are refused.
    ValueError
        If a shape or the value of an option is wrong, the classes are empty, `ignore_index` >= 0
        is given with class probabilities, `z_loss`, `logit_scale` or `softcap` is given with
        ``from_logits=False``, or `focal_gamma` > 0 with class probabilities,
        ``from_logits=False``, `label_smoothing`, `z_loss` or `softcap`.
    numpy.exceptions.AxisError
        If `logits` has no such axis.

    See Also
    --------
    cross_entropy_and_grad : the loss and its gradient in one pass.

    Notes
    -----
    The error of a row with a class index is at most 1 ULP of the result's type for float16,
    bfloat16 and float32 logits and 2 for float64; of sums, means, probability targets, smoothing,
    `z_loss`, `logit_scale`, `softcap` and `focal_gamma` it is at most 4 (float32), 2 (16 bit) or 8
    (float64) ULP of the largest term; beyond ``focal_gamma=5`` the bounds grow in proportion to it.
    The loss does not depend on the memory layout, the number of threads or
    the instruction set.

    Classes whose coefficient w y' is 0 contribute 0 whatever their logit. A row with NaN or +inf,
    or only -inf, has the loss NaN.

    References
    ----------
    .. [1] C. Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR
       2016 (label smoothing).
    .. [2] A. Chowdhery et al., "PaLM: scaling language modeling with pathways", JMLR 24, 2023
       (z-loss).
    .. [3] T.-Y. Lin et al., "Focal loss for dense object detection", ICCV 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> logits = np.array([[0.1, 1.0, 2.1], [2.0, 1.0, 0.1], [0.1, 3.0, 0.1]])
    >>> print(f"{softxent.cross_entropy(logits, [2, 0, 1]):.4f}")
    0.3018
    >>> softxent.cross_entropy(logits, [2, 0, 1], reduction="none").round(4)
    array([0.384 , 0.417 , 0.1044])
    """
    if (
        weight is None and sample_weight is None and softcap is None and from_logits is True
        and equals(label_smoothing, 0.0) and equals(z_loss, 0.0) and equals(logit_scale, 1.0)
        and equals(focal_gamma, 0.0)
    ):
        loss = plain_loss("cross_entropy", logits, target, axis, ignore_index, reduction,
                          False, None)
        if loss is not None:
            return loss
    return call_cross_entropy("cross_entropy", cross_entropy_call(
        logits, target, axis=axis, weight=weight, sample_weight=sample_weight,
        ignore_index=ignore_index, label_smoothing=label_smoothing, reduction=reduction,
        from_logits=from_logits, z_loss=z_loss, logit_scale=logit_scale, softcap=softcap,
        focal_gamma=focal_gamma))


def cross_entropy_and_grad(logits, target, *, axis=-1, weight=None, sample_weight=None,
                           ignore_index=-100, label_smoothing=0.0, reduction="mean",
                           from_logits=True, z_loss=0.0, logit_scale=1.0, softcap=None,
                           focal_gamma=0.0, out=None):
    r"""
    Cross-entropy and its gradient in the logits, in one pass over them.

    For a row without `z_loss`, `logit_scale`, `softcap` and `focal_gamma`

    .. math:: \frac{\partial L}{\partial x_c} = p_c \sum_k w_k y'_k - w_c y'_c

    times the row's factor in the reduction. With ``reduction="none"`` each row has the gradient
    of its own loss.

    Parameters
    ----------
    logits, target
        As in `cross_entropy`.
    axis, weight, sample_weight, ignore_index, label_smoothing, reduction, from_logits, z_loss, \
    logit_scale, softcap, focal_gamma
        As in `cross_entropy`.
    out : numpy.ndarray, optional
        Takes the gradient; of the shape and dtype of `logits`. It may be `logits` itself.

    Returns
    -------
    loss : numpy.floating or numpy.ndarray
        As `cross_entropy`, the same bits.
    grad : numpy.ndarray
        The gradient, in the shape and dtype of `logits`; `out` if it is given. With
        ``from_logits=False`` it is the gradient in the probabilities. Ignored rows have 0.

    Raises
    ------
    IndexError, TypeError, ValueError, numpy.exceptions.AxisError
        As `cross_entropy`; and TypeError or ValueError if `out` has another dtype or shape or is
        read-only. Nothing is written then.

    See Also
    --------
    cross_entropy_grad : the gradient alone, times the gradient of what follows.
    cross_entropy_grad_hess : the gradient and the diagonal of the Hessian.

    Notes
    -----
    With class indices and no smoothing the error of the gradient is at most 2 ULP (float32), 3
    (float64) or 1 (16 bit) of the exact value, for every reduction and weight: the gradient at
    the label is the sum of the other probabilities and does not vanish when the label is almost
    certain. Otherwise it is at most 2, 4 or 1 ULP of the larger of p sum(y') and y', times their
    scale; with `z_loss`, `logit_scale` or `softcap` at most 4, 8 or 2 ULP of the largest term.
    With `focal_gamma` it is at most 2, 4 or 1 ULP of the larger of p and y, times the factor that
    focal loss adds, :math:`(1 - p_t)^\gamma (1 - \gamma p_t \log p_t / (1 - p_t))`.

    Examples
    --------
    >>> import numpy as np
    >>> import softxent
    >>> loss, grad = softxent.cross_entropy_and_grad(np.array([20.0, 0.0, 0.0]), 0)
    >>> print(f"{loss:.4e}")
    4.1223e-09
    >>> print(" ".join(f"{value:.4e}" for value in grad))
    -4.1223e-09 2.0612e-09 2.0612e-09
    """
    if (
        weight is None and sample_weight is None and softcap is None and from_logits is True
        and equals(label_smoothing, 0.0) and equals(z_loss, 0.0) and equals(logit_scale, 1.0)
        and equals(focal_gamma, 0.0)
    ):
        result = plain_loss("cross_entropy_and_grad", logits, target, axis, ignore_index, reduction,
                            True, out)
        if result is not None:
            return result
    call = cross_entropy_call(
        logits, target, axis=axis, weight=weight, sample_weight=sample_weight,
        ignore_index=ignore_index, label_smoothing=label_smoothing, reduction=reduction,
        from_logits=from_logits, z_loss=z_loss, logit_scale=logit_scale, softcap=softcap,
        focal_gamma=focal_gamma, grad=True, out=out)
    return call_cross_entropy("cross_entropy_and_grad", call), call.grad
