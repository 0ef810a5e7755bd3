"""Checks around formulas and networks of Keras: what they are given, and what they are made of.

They stand where a model is made, compiled or called, so that the taught code between them stays as
short as it is. A check is a plain function of the arguments by name; `checked_by` puts it around
what is taught.
"""

import functools
import inspect

import numpy as np

from helpers.inputs import numbers_of, real_number, whole_number
from helpers.runtime import keras, tf


def checked_by(check):
    """A decorator around a function or method: its arguments are looked at before it is called.

    Args:
        check: a function of the arguments by name, in a dictionary with the defaults, `self` and
            all. It replaces values there, and raises an error for what does not fit.

    Returns:
        A decorator; the decorated function raises what `check` raises.
    """

    def around(function):
        signature = inspect.signature(function)

        @functools.wraps(function)
        def checked(*args, **kwargs):
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            check(given.arguments)
            return function(*given.args, **given.kwargs)

        return checked

    return around


# ---------------------------------------------------------------- numbers


def tensors(*names, axes=0):
    """A decorator around a formula: the arguments of these names are numbers, floating-point.

    Tensors pass as they are, in graphs too; whole numbers become float32, lists of floats float64
    as in NumPy, and arrays take the type of the tensors beside them.

    Args:
        names: of the arguments.
        axes: how many they must have at least.

    Returns:
        A decorator; the decorated function raises a TypeError that names an argument which holds
        something else, and a ValueError that names one which is empty or has too few axes.
    """

    def check(given):
        values = [_floating(given[name], name, axes) for name in names]
        given.update(zip(names, _of_one_type(values), strict=True))

    return checked_by(check)


def is_symbolic(x):
    """Whether something stands for a tensor of a graph, so that its values are not known yet.

    Args:
        x: anything.

    Returns:
        True or False.
    """
    return isinstance(x, keras.KerasTensor) or (tf.is_tensor(x) and not hasattr(x, "numpy"))


def _floating(x, name, axes):
    x = x.value if isinstance(x, keras.Variable) else x
    x = x if tf.is_tensor(x) or is_symbolic(x) else numbers_of(x, name)
    if getattr(x.shape, "rank", 0) is not None:  # a graph need not know it
        if len(x.shape) < axes:
            raise ValueError(f"{name} has shape {tuple(x.shape)}: at least {axes} axis is needed.")
        if 0 in x.shape:
            raise ValueError(f"{name} is empty: shape {tuple(x.shape)}.")
    kind = keras.backend.standardize_dtype(x.dtype)
    if isinstance(x, np.ndarray):
        return x if kind.startswith("float") else x.astype(np.float32)
    return x if "float" in kind else keras.ops.cast(x, "float32")


def _of_one_type(values):
    """Numbers in the widest type of the tensors among them, or of all if there is no tensor."""
    tensors = [x for x in values if not isinstance(x, np.ndarray)] or values
    kinds = {keras.backend.standardize_dtype(x.dtype) for x in tensors}
    kind = max(kinds, key=lambda name: tf.as_dtype(name).size) if len(kinds) > 1 else kinds.pop()
    same = [keras.backend.standardize_dtype(x.dtype) == kind for x in values]
    return [x if is_so else keras.ops.cast(x, kind) for x, is_so in zip(values, same, strict=True)]


def sizes(*names, lists=(), shares=()):
    """A decorator around what makes a network or a model: its sizes are whole numbers from 1 on.

    Args:
        names: of arguments that are one size each.
        lists: names of arguments that are lists of sizes.
        shares: names of arguments from 0 on, below 1.

    Returns:
        A decorator; the decorated function raises a TypeError or ValueError that names the
        argument which is something else.
    """

    def check(given):
        for name in names:
            given[name] = whole_number(given[name], name, least=1)
        for name in lists:
            given[name] = _sizes(given[name], name)
        for name in shares:
            given[name] = real_number(given[name], name, least=0, below=1)

    return checked_by(check)


def _sizes(values, name):
    if not isinstance(values, list | tuple) and getattr(values, "ndim", 0) != 1:
        raise TypeError(f"{name} = {values!r}: a list of whole numbers is needed, such as [200].")
    return [whole_number(size, f"{name}[{i}]", least=1) for i, size in enumerate(values)]


def one_number(name, kind=real_number, **bounds):
    """A decorator: the argument of this name is one number. Its bounds are those of `kind`.

    Args:
        name: of the argument.
        kind: `real_number` or `whole_number` of `helpers.inputs`.

    Returns:
        A decorator; the decorated function raises a TypeError or ValueError that names the
        argument.
    """

    def check(given):
        given[name] = kind(given[name], name, **bounds)

    return checked_by(check)


def seed_or_none(seed):
    """The seed of a model: a whole number from 0 on as an `int`; None, for any, as it is.

    Args:
        seed: what the model was given.

    Returns:
        The seed.

    Raises:
        TypeError, ValueError: it is something else.
    """
    return None if seed is None else whole_number(seed, "seed", least=0)


# ---------------------------------------------------------------- networks


def require_models(given, *names):
    """Raise a TypeError unless arguments are Keras models.

    Args:
        given: all arguments by name.
        names: of those that must be models.

    Raises:
        TypeError: one is something else.
    """
    for name in names:
        if not isinstance(given[name], keras.Model):
            raise TypeError(f"{name} = {given[name]!r}: a Keras model is needed.")


def shape_of(network, side):
    """The shape of one picture or code at a network's "input" or "output", without the batch.

    Args:
        network: a Keras model.
        side: "input" or "output".

    Returns:
        A tuple, or a list of them where there are several; None if the network does not know.
    """
    shape = getattr(network, f"{side}_shape", None)
    if isinstance(shape, list):
        return [tuple(part[1:]) for part in shape]
    return None if shape is None else tuple(shape[1:])


def last_activation(network):
    """The name of the activation that a network ends in; None where it cannot be known.

    Args:
        network: a Keras model.

    Returns:
        Such as "sigmoid" or "linear".
    """
    for layer in reversed(network.layers):
        if isinstance(layer, keras.Model) and layer.layers:
            return last_activation(layer)
        if isinstance(layer, keras.layers.Softmax):
            return "softmax"
        if hasattr(layer, "activation"):
            return getattr(layer.activation, "__name__", None)
        kinds = (keras.layers.Reshape, keras.layers.Flatten, keras.layers.Identity)
        if not isinstance(layer, kinds):
            return None
    return None


def layers_of(network):
    """All layers of a network, those of networks inside it too.

    Args:
        network: a Keras model or layer.

    Returns:
        A list of Keras layers.
    """
    return list(network._flatten_layers(include_self=False))


# ---------------------------------------------------------------- compile and fit

WITHOUT_USE = ("loss", "loss_weights", "metrics", "weighted_metrics")  # in Keras's order


def compiled_with(*names):
    """A decorator around `compile`: optimisers, and nothing that the training leaves out.

    Args:
        names: of the optimisers, which are the method's first arguments.

    Returns:
        A decorator; the method raises a TypeError or ValueError that names what cannot be
        honoured.
    """

    def around(method):
        signature = inspect.signature(method)

        @functools.wraps(method)
        def checked(self, *args, **kwargs):
            first, more = args[: len(names)], args[len(names) :]
            kwargs |= zip(WITHOUT_USE, more, strict=False)
            given = signature.bind(self, *first, **kwargs)
            refuse_compiled(self, kwargs)
            for name in names:
                mover = optimiser(given.arguments[name], name)
                given.arguments[name] = mean_over_replicas(mover, self)
            return method(*given.args, **given.kwargs)

        return checked

    return around


def optimiser(given, name):
    """An optimiser of Keras; a text makes one with Keras's own settings.

    Args:
        given: a `keras.optimizers.Optimizer`, or its name, such as "adam".
        name: of the argument, for the error.

    Returns:
        The optimiser.

    Raises:
        TypeError: it is something else.
        ValueError: Keras has none of that name.
    """
    if isinstance(given, str):
        try:
            return keras.optimizers.get(given)
        except ValueError:
            raise ValueError(
                f'{name} = {given!r}: Keras has none of that name; try "adam".'
            ) from None
    if not isinstance(given, keras.optimizers.Optimizer):
        raise TypeError(
            f"{name} = {given!r}: give an optimiser, such as keras.optimizers.Adam(0.001)."
        )
    return given


def mean_over_replicas(optimizer, model):
    """Let an optimiser take the mean of several machines' gradients, as one machine would.

    Under a `tf.distribute` strategy Keras adds up the gradients of the replicas, of which each is
    a mean over its own part of the batch. A training step that scales no loss would then walk as
    many times too far as there are replicas. With one replica no gradient changes. A
    `loss_scale_factor` is taken away, since these steps scale no loss.

    Args:
        optimizer: an optimiser of Keras; it is changed in place.
        model: the Keras model that it trains, which knows the strategy it was made under.

    Returns:
        The optimiser.
    """
    replicas = model.distribute_strategy.num_replicas_in_sync
    optimizer.loss_scale_factor = float(replicas) if replicas > 1 else None
    return optimizer


def refuse_compiled(model, options):
    """Raise an error for what a model with losses of its own cannot honour.

    Args:
        model: a Keras model whose `train_step` has its own losses and scales none.
        options: what `compile` was given by name.

    Raises:
        ValueError: a loss or metrics, or a part that does not compute in float32.
    """
    kind = type(model).__name__
    for name in WITHOUT_USE:
        if options.get(name) is not None:
            raise ValueError(
                f"{name} = {options[name]!r}: a {kind} has losses of its own and reports these; "
                f"leave {name} out, and measure what else you want after fit or in a callback."
            )
    for layer in layers_of(model):
        if getattr(layer, "compute_dtype", "float32") != "float32":
            raise ValueError(
                f"the layer {layer.name} computes in {layer.compute_dtype}, and a {kind} trains "
                'in float32 only: call keras.config.set_dtype_policy("float32") and make the '
                "networks anew."
            )


def follow_frozen_parts(model, optimizers):
    """Before `fit`: train what is trainable now, also if that changed after `compile`.

    Args:
        model: a compiled Keras model.
        optimizers: pairs of one of its optimisers and the network that it moves.

    Raises:
        ValueError: nothing is trainable, or something that was frozen when its optimiser was made.
    """
    if not model.trainable_variables:
        raise ValueError("every part is frozen: set trainable = True in one and compile again.")
    for optimizer, network in optimizers:
        known = {id(variable) for variable in optimizer._trainable_variables}
        for variable in network.trainable_variables:
            if id(variable) not in known:
                raise ValueError(
                    f"{variable.path} is trainable and was not at compile: compile again, with a "
                    "new optimiser."
                )
        if optimizer.use_ema and len(known) != len(network.trainable_variables):
            raise ValueError(
                f"a part of {network.name} was frozen after compile, and its optimiser averages "
                "weights: compile again, with a new optimiser."
            )
    now = tuple(id(variable) for variable in model.trainable_variables)
    if getattr(model, "_traced_for", now) != now:
        model.make_train_function(force=True)
    model._traced_for = now
