"""Any classifier in an ONNX file, run by onnxruntime."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import ArrayLike, NDArray

from softxent._arguments import checks
from softxent._arguments.arrays import as_array
from softxent.data.matching import matched_features
from softxent.onnx import metadata
from softxent.onnx.anatomy import Anatomy, Input, Output, anatomy
from softxent.onnx.classifier import readout
from softxent.onnx.classifier.feeding import Feeds, columns, features, further
from softxent.onnx.classifier.readout import Decision
from softxent.onnx.errors import ModelError, NotUnderstoodError
from softxent.onnx.exposing import expose_logits, reduce_to
from softxent.onnx.foreign import read_foreign

Array = NDArray[Any]

_ERRORS_ONLY = 4


class Classifier:
    """A classifier of any origin: convolutional, quantised, of scikit-learn, with several inputs.

    onnxruntime runs the graph up to the logits, and `softxent.softmax` or `softxent.sigmoid`
    computes the probabilities from them. Where a model has no logits, as a forest, its own
    probabilities are taken, after it was seen that they are some. What the graph does not tell is
    a `NotUnderstoodError`, never a guess.

    Parameters
    ----------
    path : path-like
        The file.
    logits : str, optional
        The value that holds the logits, where the graph does not tell.
    probabilities : str, optional
        The output that holds probabilities, where the graph does not tell.
    shape : sequence of int, optional
        The shape of one sample, where the graph leaves it free and samples come flat.

    Attributes
    ----------
    class_names : tuple of str or None
        As the file states them; None for the numbers 0 to C - 1.
    feature_names : tuple of str or None
        As the metadata state them, or the names of the inputs where every column is one.
    notes : tuple of str
        What may surprise: that nothing but its place says that a value holds the logits, or that a
        file of softxent was changed by another program.

    Raises
    ------
    ImportError
        If onnxruntime is not installed.
    OSError
        If the file cannot be opened.
    ValueError
        If there is no value of the name given, or it cannot be what it is said to be.
    ModelError
        If the file is damaged or unsafe to read.
    NotUnderstoodError
        If the graph does not tell what the classes are decided by, or onnxruntime cannot load it.

    Examples
    --------
    >>> from softxent.onnx import Classifier
    >>> Classifier("resnet.onnx").predict(images)  # doctest: +SKIP
    array([2, 0])
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        logits: str | None = None,
        probabilities: str | None = None,
        shape: Sequence[int] | None = None,
    ) -> None:
        self._path = os.fspath(path)
        self._shape = None if shape is None else checks.integers("shape", shape, 1)
        checks.text("logits", logits)
        checks.text("probabilities", probabilities)
        self._model = read_foreign(path)
        self._probabilities_given = probabilities
        if logits is not None and probabilities is not None:
            raise ValueError("logits and probabilities cannot both be given: one follows from one")
        try:
            about = metadata.read(self._model)
            self._parts = self._understood(anatomy(self._model, logits=logits))
        except NotUnderstoodError as error:
            raise NotUnderstoodError(f"{self._path}: {error}") from error
        except ModelError as error:
            raise ModelError(f"{self._path}: {error}") from error
        self.class_names = self._parts.class_names
        self.feature_names = about.feature_names if about is not None else None
        if self._parts.columns:
            self.feature_names = tuple(item.name for item in self._parts.columns)
        self.notes = self._notes()
        self._sessions: dict[tuple[str, ...], tuple[Any, tuple[Input, ...]]] = {}

    def predict(self, X: ArrayLike, inputs: Mapping[str, ArrayLike] | None = None) -> Array:
        """Indices of the classes of samples, (n,); see `decide`."""
        return self.decide(X, inputs).labels

    def predict_proba(self, X: ArrayLike, inputs: Mapping[str, ArrayLike] | None = None) -> Array:
        """Probabilities of the classes, (n, C), C = 2 for one logit; see `decide`.

        Raises
        ------
        NotUnderstoodError
            If the model yields none.
        """
        decision = self.decide(X, inputs)
        if decision.probabilities is None:
            raise NotUnderstoodError(f"{self._path}: the model yields classes alone")
        return decision.probabilities

    def decide(self, X: ArrayLike, inputs: Mapping[str, ArrayLike] | None = None) -> Decision:
        """Classes and probabilities of samples.

        Parameters
        ----------
        X : array_like or table of pandas, polars or pyarrow, shape (n, …)
            Samples, flat or in the shape that the model takes. The batch of a model that is fixed
            at some size is filled up. Columns of a table with names are taken by `feature_names`.
        inputs : mapping of str to array_like, optional
            The further inputs of the model by their names.

        Raises
        ------
        TypeError, ValueError
            If samples or inputs do not suit the model.
        ModelError
            If onnxruntime fails on them.
        NotUnderstoodError
            If an input is missing, or what comes out is not what it should be.
        """
        x = as_array(matched_features(X, self.feature_names), "X")
        if x.ndim < 1 or x.dtype.kind not in "biuf":
            raise TypeError(f"X must be samples of real numbers, got {x.dtype} of shape {x.shape}")
        if not len(x):
            raise ValueError("X must have at least one sample, got none")
        try:
            return self._decide(x, checks.mapping("inputs", inputs))
        except NotUnderstoodError as error:
            raise NotUnderstoodError(f"{self._path}: {error}") from error

    def _notes(self) -> tuple[str, ...]:
        logits = self._parts.logits
        if logits is None or not logits.presumed or self._probabilities_given is not None:
            return ()
        if not self._only_scores:
            return (f"{logits.name} is taken for the logits, which nothing in the file says",)
        return (
            f"nothing says that {logits.origin} holds logits rather than other scores, so there "
            f"are no probabilities; logits={logits.origin} says that it does",
        )

    @property
    def _only_scores(self) -> bool:
        """Whether a class is chosen by scores, as of machines with margins, not by logits."""
        logits = self._parts.logits
        labels = any(self._parts.outputs_of("label"))
        return logits is not None and logits.presumed and labels

    @property
    def takes_integers(self) -> bool:
        """Whether samples are whole numbers, as the pixels of images or the numbers of words."""
        item = self._parts.features
        return item is not None and item.dtype.startswith(("int", "uint"))

    def _understood(self, parts: Anatomy) -> Anatomy:
        """Make sure that something decides the classes."""
        if self._probabilities_given is not None:
            names = [output.name for output in parts.outputs]
            if self._probabilities_given not in names:
                raise ValueError(
                    f"the graph has no output {self._probabilities_given!r}; its outputs are "
                    f"{', '.join(names)}"
                )
            return parts
        if parts.logits is not None and parts.logits.kind == "multilabel":
            raise NotUnderstoodError(next(gap.what for gap in parts.gaps if gap.option is None))
        if parts.logits is None and not self._own(parts):
            several = " or ".join(f"logits={name}" for name in parts.candidates)
            option = f"{several or 'logits=NAME'} says which value it is"
            raise NotUnderstoodError(f"{parts.gaps[0].what}; {option}")
        several_own = [output.name for output in parts.outputs_of("probabilities")]
        if parts.logits is None and len(several_own) > 1:
            options = " or ".join(f"probabilities={name}" for name in several_own)
            raise NotUnderstoodError(f"several outputs hold probabilities; {options} says which")
        return parts

    @staticmethod
    def _own(parts: Anatomy) -> dict[str, Output]:
        """The outputs that decide the classes of a model without logits, by their roles."""
        roles = ("probabilities", "scores", "label", "prediction")
        return {role: output for role in roles for output in parts.outputs_of(role)}

    def _decide(self, x: Array, inputs: dict[str, ArrayLike]) -> Decision:
        if self._probabilities_given is not None:
            name = self._probabilities_given
            (values,) = self._run([name], x, inputs)
            return self._checked(self._from_probabilities(values, name, single=True))
        logits = self._parts.logits
        if logits is None:
            return self._checked(self._decide_without_logits(x, inputs))
        if self._only_scores:
            return Decision(self._own_choice(x, inputs), None)
        (values,) = self._run([logits.name], x, inputs)
        decision = self._checked(readout.from_logits(values, logits))
        choice = next(self._parts.outputs_of("choice"), None)
        if choice is None:
            return decision
        (chosen,) = self._run([choice.name], x, inputs)
        return replace(decision, labels=self._chosen(chosen, choice))

    def _own_choice(self, x: Array, inputs: dict[str, ArrayLike]) -> Array:
        """Indices of the classes by the labels that the model puts out."""
        label = next(self._parts.outputs_of("label"))
        (values,) = self._run([label.name], x, inputs)
        return self._chosen(values, label)

    def _decide_without_logits(self, x: Array, inputs: dict[str, ArrayLike]) -> Decision:
        """Take the model's own probabilities and labels."""
        own = self._own(self._parts)
        score = own.get("probabilities") or own.get("scores")
        label = own.get("label") or own.get("prediction")
        names = [output.name for output in (score, label) if output is not None]
        values = dict(zip(names, self._run(names, x, inputs), strict=True))
        decision = None
        if score is not None:
            single = score.role == "probabilities" and "Sigmoid" in "".join(score.path)
            try:
                decision = self._from_probabilities(values[score.name], score.name, single=single)
            except NotUnderstoodError:
                if label is None or score.role != "scores":
                    raise
        if label is None:
            assert decision is not None
            return decision
        chosen = self._chosen(values[label.name], label)
        return Decision(chosen, None if decision is None else decision.probabilities)

    def _from_probabilities(self, values: Any, name: str, *, single: bool) -> Decision:
        if isinstance(values, list):
            values, names = readout.map_values(values)
            if self.class_names is None and names != tuple(map(str, range(len(names)))):
                self.class_names = names
        return readout.from_probabilities(values, name, single=single)

    def _chosen(self, values: Any, output: Output) -> Array:
        """Indices of the classes that the model chose itself."""
        flat = np.asarray(values).reshape(-1)
        named = output.dtype == "string" or output.role == "label"
        if named and self.class_names is not None:
            return readout.indices_of(flat.tolist(), self.class_names, output.name)
        return flat.astype(np.int64)

    def _checked(self, decision: Decision) -> Decision:
        """Refuse NaN, which is no class, and another number of classes than that of their names."""
        names, p = self.class_names, decision.probabilities
        if p is not None and np.isnan(p).any():
            row = int(np.isnan(p).any(axis=1).argmax())
            raise ModelError(f"{self._path}: the model yields NaN for sample {row}")
        if names is not None and p is not None and p.shape[1] != len(names):
            raise NotUnderstoodError(
                f"the file names {len(names)} classes, but the model tells {p.shape[1]} apart"
            )
        return decision

    def _run(self, names: list[str], x: Array, inputs: dict[str, ArrayLike]) -> list[Any]:
        """Values of some outputs for all samples."""
        session, declared = self._session(tuple(names))
        feeds = self._feeds(x, inputs, declared)
        parts: list[list[Any]] = [[] for _ in names]
        for given, rows in feeds.batches():
            try:
                got = session.run(names, given)
            except Exception as error:  # onnxruntime has no common class for its errors
                reason = " ".join(str(error).split())
                raise ModelError(f"{self._path}: onnxruntime fails: {reason}") from error
            for part, name, value in zip(parts, names, got, strict=True):
                part.append(_rows(value, name, rows, len(next(iter(given.values())))))
        return [_joined(part) for part in parts]

    def _session(self, names: tuple[str, ...]) -> tuple[Any, tuple[Input, ...]]:
        """Give a session of the part of the graph that some outputs need, and its inputs."""
        if names not in self._sessions:
            model = onnx.ModelProto()
            model.CopyFrom(self._model)
            if self._parts.logits is not None:
                expose_logits(model, self._parts.logits)
            reduce_to(model, names)
            taken = {value.name for value in model.graph.input}
            declared = tuple(item for item in self._parts.inputs if item.name in taken)
            self._sessions[names] = _load(model), declared
        return self._sessions[names]

    def _feeds(self, x: Array, inputs: dict[str, ArrayLike], declared: tuple[Input, ...]) -> Feeds:
        """Give every input of the graph what it takes."""
        known = [item.name for item in declared]
        for name in inputs:
            if name not in known:
                raise ValueError(f"the model has no input {name!r}, but {', '.join(known)}")
        left = [item for item in declared if item.name not in inputs]
        by_row, samples = self._samples(x, left)
        whole: dict[str, Array] = {}
        for item in declared:
            if item.name in inputs:
                array, per_sample = further(inputs[item.name], item, len(x), samples)
                (by_row if per_sample else whole)[item.name] = array
        fixed = [item.batch for item in declared if item.name in by_row and item.batch]
        return Feeds(by_row, whole, len(x), fixed[0] if fixed else None)

    def _samples(self, x: Array, left: list[Input]) -> tuple[dict[str, Array], Input | None]:
        """Feed the samples to the inputs that nothing else is given for."""
        named = set(self.feature_names or ())
        if len(left) > 1 and all(item.role == "column" for item in left):
            return columns(x, left), left[0]
        if len(left) == 1:
            return {left[0].name: features(self._arranged(x), left[0])}, left[0]
        if not left:
            raise ValueError("inputs are given for all inputs of the model, none is left for X")
        names = ", ".join(item.name for item in left if item.name not in named)
        raise NotUnderstoodError(
            f"the model has the inputs {names}, one of them for the samples; inputs must give the "
            "others"
        )

    def _arranged(self, x: Array) -> Array:
        """Give flat samples the shape that the caller stated."""
        if self._shape is None or x.shape[1:] == self._shape:
            return x
        if x.ndim != 2 or x.shape[1] != math.prod(self._shape):
            raise ValueError(f"shape must be that of one sample, got {self._shape} for {x.shape}")
        return x.reshape(len(x), *self._shape)


def _load(model: onnx.ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime has no common class for its errors
        reason = " ".join(str(error).split())
        raise NotUnderstoodError(f"onnxruntime cannot load the model: {reason}") from error


def _rows(value: Any, name: str, rows: int, batch: int) -> Any:
    """The rows of an output that belong to samples."""
    if (isinstance(value, np.ndarray) and value.ndim == 0) or len(value) != batch:
        found = np.shape(value) if isinstance(value, np.ndarray) else (len(value),)
        raise NotUnderstoodError(
            f"the output {name!r} has the shape {found} for a batch of {batch} samples: it has no "
            "row for each"
        )
    return value[:rows]


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], list):
        return [item for part in parts for item in part]
    return np.concatenate(parts)
