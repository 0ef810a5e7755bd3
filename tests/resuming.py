"""Whether a training that was broken off, saved and loaded ends where the unbroken one ends."""

import numpy as np

from helpers.batches import shuffled_batches
from helpers.runtime import keras, set_seed


def optimisers(model):
    names = ("optimizer", "generator_optimizer")
    return [getattr(model, name) for name in names if hasattr(model, name)]


def assert_same_state(model, other):
    """All variables of two models and of their optimisers are equal bit for bit."""
    for mine, its in zip([model, *optimisers(model)], [other, *optimisers(other)], strict=True):
        assert [v.shape for v in mine.variables] == [v.shape for v in its.variables]
        for one, two in zip(mine.variables, its.variables, strict=True):
            np.testing.assert_array_equal(one, two, err_msg=one.path)


def assert_resumed_ends_as_unbroken(make, images, path, *callbacks, binarise=False):
    """Break a training of 6 epochs off after 3, go on from the file, and compare the ends."""

    def train(model, first, last):
        batches = shuffled_batches(images, 8, 5, binarise, first_epoch=first)
        settings = {"epochs": last, "initial_epoch": first, "shuffle": False, "verbose": 0}
        return model.fit(batches, callbacks=callbacks, **settings).history

    set_seed(1)
    unbroken = make()
    whole = train(unbroken, 0, 6)
    set_seed(1)
    broken_off = make()
    train(broken_off, 0, 3)
    broken_off.save(path)
    set_seed(2)
    resumed = keras.saving.load_model(path)
    rest = train(resumed, 3, 6)
    assert rest == {name: values[3:] for name, values in whole.items()}
    assert_same_state(resumed, unbroken)
