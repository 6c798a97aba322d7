"""A network that can be trained, kept in files and exchanged with PyTorch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import ArrayLike, DTypeLike

from softxent.models import activations, storage, torch_bridge, training
from softxent.models.history import History
from softxent.models.layers import Layers
from softxent.models.naming import named_by
from softxent.models.network import Network
from softxent.models.optimizers import Optimizer
from softxent.models.problem import Problem
from softxent.models.schedules import Schedule
from softxent.models.settings import Settings, make_optimizer, make_schedule

if TYPE_CHECKING:
    import torch

__all__ = ["Model"]


class Model(Network):
    """
    What all networks share besides the computation: training, files, PyTorch.

    See `Network` for the attributes.
    """

    #: The activations that a network of this class can have.
    _ACTIVATIONS: ClassVar[tuple[str, ...]] = tuple(activations.ACTIVATIONS)
    #: The number of its linear layers, where there is but one.
    _DEPTH: ClassVar[int | None] = None

    @classmethod
    def _of_layers(
        cls,
        layers: Layers,
        *,
        seed: int | None,
        dtype: DTypeLike,
        class_names: Sequence[str] | None,
        feature_names: Sequence[str] | None,
    ) -> Self:
        """Make a network of this shape, or raise ValueError if the class has another."""
        raise NotImplementedError

    def _sizes(self) -> dict[str, Any]:
        """Return the arguments of the constructor that say the shape, as they stand in files."""
        raise NotImplementedError

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        optimizer: str | Optimizer = "sgd",
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        weight: ArrayLike | None = None,
        label_smoothing: float = 0.0,
        progress: bool = True,
        callback: Callable[[dict[str, float]], object] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        schedule: str | Schedule = "constant",
        early_stopping: int | None = None,
        seed: int | None = None,
    ) -> History:
        """
        Train on mini-batches.

        The same seed, data and settings give the same bits, as long as the BLAS of NumPy and its
        number of threads stay the same. Where threadpoolctl is installed, small networks are
        trained with one thread of the BLAS, which is faster on a machine that does other things
        too.

        Parameters
        ----------
        X : array_like or table of pandas, polars or pyarrow, shape (n, input_size)
            The training features, n ≥ 1, all finite. Columns with names are matched with
            `feature_names`, which a network without takes from them.
        y : array_like
            Labels, shape (n,), or floating class probabilities, shape (n, num_classes). For a
            network of one logit: labels, or 0, 1 or probabilities of class 1, shape (n,) or (n, 1).
            Labels are class indices, or names that are looked up in `class_names`: text, and whole
            numbers where all the names are numbers. Text names the classes of a network without
            names.
        epochs : int
            Number of passes over the data.
        batch_size : int
            Samples per update; the last batch of an epoch may be smaller.
        learning_rate : float > 0
            The learning rate, before the schedule.
        optimizer : {"sgd", "adam", "adamw"} or Optimizer, default "sgd"
            The update rule. An object keeps its state from one call to the next.
        validation : tuple (X, y), optional
            Data on which loss and accuracy are measured after every epoch.
        weight : array_like, shape (num_classes,), optional
            Class weights, finite and ≥ 0.
        label_smoothing : float in [0, 1], default 0.0
            The part of every target that is spread over all classes. Like `weight` it also
            enters the validation loss.
        progress : bool, default True
            Show progress on stderr: a bar on a terminal where tqdm is installed, otherwise one
            line per epoch.
        callback : callable, optional
            Called after every epoch with its record: "epoch" (counted from 1), "loss",
            "learning_rate", "val_loss", "val_accuracy". Training ends if it returns True. After
            a resumption it may see an epoch a second time.
        checkpoint : str or os.PathLike, optional
            A file that is replaced after every epoch. If it exists, training goes on from it and
            the parameters of the network are taken from it: the result is, bit for bit, that of
            a training that was never stopped.
        momentum : float in [0, 1), default 0.0
            For "sgd".
        weight_decay : float ≥ 0, default 0.0
            L2 penalty; decoupled for "adamw".
        schedule : {"constant", "cosine", "step"} or callable, default "constant"
            Factor on the learning rate as a function of the epoch, counted from 0; see
            `softxent.models.schedules`.
        early_stopping : int, optional
            Stop after this many epochs without a lower validation loss, and restore the
            parameters of the best epoch.
        seed : int, optional
            Order of the mini-batches; the seed of the network by default.

        Returns
        -------
        History
            Loss, learning rate, validation loss and accuracy of every epoch. After Ctrl-C its
            `interrupted` is true and the network has the parameters of the best epoch so far
            (the initial ones before the first has ended).

        Raises
        ------
        TypeError
            If an argument has the wrong type.
        ValueError
            If an argument has a wrong value or shape, a feature is NaN or infinite, a column is
            missing, a label is none of the classes, or the checkpoint is damaged or belongs to
            other data or settings. Nothing is changed then.
        IndexError
            If a label is not in [0, num_classes).
        FloatingPointError
            If the loss is no longer finite, as with too high a learning rate.
        """
        settings = Settings(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=make_optimizer(optimizer, momentum, weight_decay),
            schedule=make_schedule(schedule, epochs),
            early_stopping=early_stopping,
            seed=self.seed if seed is None else seed,
        )
        with named_by(self, X, y):
            problem = Problem.of(self, X, y, validation, weight, label_smoothing)
            return training.fit(self, problem, settings, progress, callback, checkpoint)

    def save(self, path: str | os.PathLike[str]) -> None:
        """
        Write the network to a file, whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            The file: ``.npz``, or ``.safetensors`` if that package is installed.

        Raises
        ------
        ValueError
            If the ending is another one.
        ImportError
            If the safetensors package is needed and not installed.
        OSError
            If the file cannot be written.
        """
        from softxent import __version__

        metadata = storage.Metadata(
            class_name=type(self).__name__,
            sizes=self._sizes(),
            dtype=self.dtype.name,
            class_names=None if self.class_names is None else list(self.class_names),
            feature_names=None if self.feature_names is None else list(self.feature_names),
            seed=self.seed,
            version=__version__,
        )
        storage.write(path, self.state_dict(), metadata)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, activation: str | None = None) -> Self:
        """
        Read a network from a file.

        Parameters
        ----------
        path : str or os.PathLike
            A file written by `save`, or a ``.safetensors`` file with the state_dict of an
            equivalent PyTorch module.
        activation : str, optional
            As for `from_torch`, where such a state_dict does not say it.

        Returns
        -------
        MLP, NeuralNet1 or NeuralNet2
            A network of this class.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged, has another class of network, or its parameters do not fit
            its description.
        ImportError
            If the safetensors package is needed and not installed.
        """
        return cls._from_saved(storage.read(path), activation)

    @classmethod
    def _from_saved(cls, saved: storage.Saved, activation: str | None) -> Self:
        """Make a network from the contents of a file."""
        if saved.metadata is None:
            try:
                stack = torch_bridge.Stack.of(saved.parameters, cls._DEPTH, ordered=False)
                return cls._from_stack(stack, cls._activation(stack, activation))
            except ValueError as error:
                error.args = (f"{saved.path}: {error}",)
                raise
        if saved.metadata.class_name != cls.__name__:
            raise ValueError(
                f"{saved.path} has a {saved.metadata.class_name}, expected {cls.__name__}"
            )
        stated = saved.metadata.sizes
        if activation not in (None, stated.get("activation", "relu")):
            raise ValueError(
                f"{saved.path} has the activation {stated.get('activation', 'relu')!r}, "
                f"got activation={activation!r}"
            )
        try:
            layers = Layers.of(saved.parameters, stated.get("activation", "relu"))
            net = cls._of_layers(
                layers,
                seed=saved.metadata.seed,
                dtype=saved.metadata.dtype,
                class_names=saved.metadata.class_names,
                feature_names=saved.metadata.feature_names,
            )
            net.load_state_dict(saved.parameters)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{saved.path}: {error}") from error
        for name, found in net._sizes().items():
            if stated.get(name) != found:
                raise ValueError(
                    f"{saved.path}: {name} is stated as {stated.get(name)!r} but is {found}"
                )
        return net

    @classmethod
    def _from_stack(cls, stack: torch_bridge.Stack, activation: str) -> Self:
        """Make a network with the parameters of a module or state_dict."""
        net = cls._of_layers(
            Layers.of(stack.parameters, activation),
            seed=None,
            dtype=stack.dtype,
            class_names=None,
            feature_names=None,
        )
        net.load_state_dict(stack.parameters)
        return net

    @classmethod
    def _activation(cls, stack: torch_bridge.Stack, given: str | None) -> str:
        """Return the activation of a state_dict, or raise ValueError where nothing says it."""
        if given is None and stack.depth > 1:
            raise torch_bridge.UnknownActivationError(
                f"a state_dict of {stack.depth} linear layers does not say what stands between "
                "them: give activation='relu', 'tanh', 'sigmoid' or 'identity', here or to "
                "MLP.from_torch"
            )
        return activations.checked("identity" if given is None else given)

    @classmethod
    def from_torch(cls, source: Any, *, activation: str | None = None) -> Self:
        """
        Make a network from a PyTorch module or state_dict.

        Parameters
        ----------
        source : torch.nn.Module or mapping of str to tensor or array
            Linear layers of any names, in their order, with one activation between them. Biases
            that some of the layers lack are 0. A module is also run on random features, so that
            one with other layers beside them is not mistaken for this network; its output may be
            logits, probabilities or their logarithms.
        activation : {"relu", "tanh", "sigmoid", "identity"}, optional
            The activation. Of a module it is found out by running it; a state_dict does not say
            it, unless there is no hidden layer or the class has but one.

        Returns
        -------
        MLP, NeuralNet1 or NeuralNet2
            A network of this class with a copy of the parameters: float64 if one of them is,
            otherwise float32.

        Raises
        ------
        TypeError
            If `source` is neither a module nor a mapping, or a parameter is not real.
        ValueError
            If the parameters are not those of such layers, the module computes something else, or
            nothing says the activation.
        """
        stack = torch_bridge.Stack.of(source, cls._DEPTH)
        if isinstance(source, Mapping):
            return cls._from_stack(stack, cls._activation(stack, activation))
        names = cls._ACTIVATIONS if activation is None else (activations.checked(activation),)
        nets = {name: cls._from_stack(stack, name) for name in names}
        return nets[torch_bridge.fitting(source, nets)]

    def to_torch(self) -> torch.nn.Module:
        """
        Make the equivalent PyTorch module.

        Returns
        -------
        torch.nn.Sequential
            With layers linear1, relu and linear2, or as many as there are, that own copies of the
            parameters. It computes logits of the shape of `forward`, fit for
            `torch.nn.CrossEntropyLoss` or, with one logit, `torch.nn.BCEWithLogitsLoss`.

        Raises
        ------
        ImportError
            If torch is not installed.
        """
        return torch_bridge.to_module(self.layers, self.parameters)
