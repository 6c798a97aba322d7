"""The public function `export`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, DTypeLike

from softxent._machine.optional import require
from softxent.onnx.architecture import Architecture, converted, fingerprint
from softxent.onnx.options import Options

if TYPE_CHECKING:
    import onnx

    from softxent.models import MLP


def export(
    net: Any,
    path: str | os.PathLike[str],
    *,
    head: str = "probabilities",
    opset: int = 17,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: str = "mean",
    dtype: DTypeLike = "float32",
    primitive: bool = False,
    target: str = "index",
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    class_names: Sequence[str] | None = None,
    feature_names: Sequence[str] | None = None,
    activation: str | None = None,
) -> None:
    r"""Write a network, with what is computed from its logits, as an ONNX file.

    ==================  ===========================================  ==============================
    head                inputs                                       outputs
    ==================  ===========================================  ==============================
    ``logits``          x                                            logits
    ``probabilities``   x                                            logits, probabilities,
                                                                     prediction
    ``loss``            x, target                                    loss, logits,
                                                                     log_probabilities
    ``train_step``      x, target, learning_rate, the parameters,    loss, grad.<parameter>,
                        velocity.<parameter> with momentum           new.<parameter>,
                                                                     new.velocity.<parameter>
                                                                     with momentum
    ==================  ===========================================  ==============================

    x is (n, input_size) with any n; logits and probabilities are (n, C), or (n,) of one logit,
    where the probability is that of class 1; prediction is (n,), int64. The parameters have the
    names and shapes of ``net.state_dict()``. The loss is that of `softxent.cross_entropy`,

    .. math:: L_i = -\sum_c w_c \, y'_{ic} \log p_{ic}, \qquad y' = (1 - ε) \, y + ε / C,

    and of `softxent.binary_cross_entropy` for one logit. A label or target out of range that is
    not `ignore_index` makes the runtime raise or the loss NaN. The mean of no rows is NaN; the
    operator SoftmaxCrossEntropyLoss of onnxruntime raises for an empty batch.

    Parameters
    ----------
    net : MLP, NeuralNet1, NeuralNet2, torch.nn.Module, mapping or path
        The network, or a PyTorch module or state_dict of such layers, or a file of parameters
        (.npz, .safetensors, .pt).
    path : path-like
        The file, written whole or not at all, after onnx has checked the model.
    head : {"probabilities", "logits", "loss", "train_step"}
        What the graph computes.
    opset : int
        Version of the operators, from 13 to the newest that the installed onnx and onnxruntime
        know.
    weight : array_like, shape (C,), optional
        Weight of every class; (w0, w1) for one logit.
    ignore_index : int, optional
        Label of rows that do not count; None ignores nothing. Not for one logit.
    label_smoothing : float in [0, 1]
        ε above.
    focal_gamma : float
        The exponent of focal loss as `softxent.cross_entropy` has it, of the head loss alone, with
        class indices and without smoothing. Not for one logit.
    reduction : {"mean", "sum", "none"}
        As `softxent.cross_entropy`; train_step needs one of the first two.
    dtype : {"float32", "float16", "float64"}
        Type of parameters, x and outputs. Losses of float16 are computed and returned as float32.
    primitive : bool
        Write the loss without the operator SoftmaxCrossEntropyLoss, for runtimes that lack it.
        train_step and probability targets never use it.
    target : {"index", "probabilities"}
        Whether `target` is (n,) of int64, or (n, C) in the type of x. For one logit it is always
        (n,) in the type of x.
    momentum, weight_decay : float
        As torch.optim.SGD has them; of the head train_step alone.
    class_names, feature_names : sequence of str, optional
        One name per class and per column of x, stored in the file; those of `net` by default.
    activation : {"relu", "tanh", "sigmoid", "identity"}, optional
        What stands between the linear layers of a PyTorch state_dict, which does not say it.

    Raises
    ------
    ImportError
        If onnx is not installed.
    TypeError, ValueError
        With the option, the value given and what is allowed; before anything is written.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> from softxent.models import NeuralNet2
    >>> from softxent.onnx import export
    >>> export(NeuralNet2(4, 3, 2, seed=0), "build/doctest.onnx", head="loss")  # doctest: +SKIP
    """
    require("onnx", "onnx", "softxent.onnx")
    options = Options(
        head=head,
        opset=opset,
        dtype=dtype,  # type: ignore[arg-type]  # normalised to its name
        primitive=primitive,
        weight=weight,  # type: ignore[arg-type]  # normalised to a tuple
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        focal_gamma=focal_gamma,
        reduction=reduction,
        target=target,
        momentum=momentum,
        weight_decay=weight_decay,
    )
    from softxent.onnx.files import write_model
    from softxent.onnx.sources import as_net

    write_model(build(as_net(net, activation), options, class_names, feature_names), path)


def build(
    net: MLP,
    options: Options,
    class_names: Sequence[str] | None = None,
    feature_names: Sequence[str] | None = None,
) -> onnx.ModelProto:
    """Build the model that `export` writes.

    Raises
    ------
    ValueError
        If options and network do not fit each other.
    """
    from softxent._arguments import checks
    from softxent.onnx import heads, train_step
    from softxent.onnx.metadata import Metadata

    state = converted(net.state_dict(), options.dtype)
    architecture = Architecture.of(net)
    options.check_classes(net.num_classes)
    if architecture.binary:
        options.check_one_logit(f"{architecture.name} with one logit")
    classes, features = net.class_names, net.feature_names
    if class_names is not None:
        classes = checks.class_names(class_names, net.num_classes)
    if feature_names is not None:
        features = checks.feature_names(feature_names, net.input_size)
    if options.head == "train_step":
        graph, stored = train_step.build(architecture, options), None
    else:
        graph, stored = heads.build(architecture, state, options), fingerprint(state)
    layers = architecture.layers if architecture.name == "MLP" else None
    metadata = Metadata(
        architecture.name, options, classes, features, layers=layers, parameters=stored
    )
    return graph.model(
        f"{architecture.name}_{options.head}", opset=options.opset, metadata=metadata.props()
    )
