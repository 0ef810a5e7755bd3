"""Logs for TensorBoard: curves, pictures, the graph and the latent space of a VAE.

To look at them, run `tensorboard --logdir build/tensorboard` from the repository's root and open
the address that it prints.

References:
    TensorBoard's embedding projector: https://www.tensorflow.org/tensorboard
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import PIL.Image

from helpers import inputs, plotting
from helpers.runtime import keras, tf

ROOT = Path(__file__).resolve().parents[1]
WRITABLE = os.access(ROOT, os.W_OK)  # else the logs go where the user may write
LOGS = ROOT / "build" / "tensorboard" if WRITABLE else Path(tempfile.gettempdir(), "tensorboard")
SPRITE = 8192  # pixels along a side that a browser takes


def tensorboard_callbacks(folder, vae, images):
    """Callbacks for `fit` that log the losses as curves, reconstructions as pictures, the graph.

    Args:
        folder: where to write; give each run its own folder below `LOGS`.
        vae: the `VAE` that is trained.
        images: those to reconstruct after each epoch, shape (n, height, width), in [0, 1].

    Returns:
        A list of two Keras callbacks: one writes the scalars of training and validation, the
        other the graph, the originals once, and their reconstructions after each epoch.

    Raises:
        TypeError: `vae` is no Keras model, or the images are no numbers.
        ValueError: the images have another shape, are none, or have values outside [0, 1]; or the
            folder cannot be written.
    """
    if not isinstance(vae, keras.Model):
        raise TypeError(f"vae is a {type(vae).__name__}: a VAE is needed.")
    images = inputs.images(images, "images")
    folder = _folder(folder)
    writer = tf.summary.create_file_writer(str(folder / "images"))
    as_seen = tf.TensorSpec((None, *images.shape[1:]), tf.float32)

    def write_images(name, pictures, step):
        with writer.as_default():
            tf.summary.image(name, pictures[..., None], step, max_outputs=len(pictures))

    def begin(logs):
        with writer.as_default():
            tf.summary.graph(tf.function(vae).get_concrete_function(as_seen).graph)
        write_images("original", images, 0)

    def end_epoch(epoch, logs):
        write_images("reconstruction", vae(images), epoch)

    return [
        keras.callbacks.TensorBoard(str(folder), write_graph=False),
        keras.callbacks.LambdaCallback(
            on_train_begin=begin, on_epoch_end=end_epoch, on_train_end=lambda logs: writer.close()
        ),
    ]


def write_projector(folder, codes, images, labels):
    """Write latent codes for TensorBoard's embedding projector, each shown as its digit.

    Args:
        folder: where to write: `codes.tsv`, `labels.tsv`, the sprite `digits.png`, and the
            `projector_config.pbtxt` that TensorBoard looks for.
        codes: shape (n, n_latent).
        images: shape (n, height, width), in [0, 1]. A browser takes sprites of up to 8192 pixels
            along a side, so there can be 85,264 images of 28 × 28; a few thousand are pleasant.
        labels: shape (n,): whole numbers, -1 where there is none, or names as text, one line each.

    Raises:
        TypeError: the codes or images are no numbers, or the labels neither numbers nor text.
        ValueError: there are not as many codes as images and labels, or too many; one has another
            shape or is empty; codes are not finite, images not in [0, 1], labels no whole numbers
            or longer than a line; or the folder cannot be written.
    """
    codes, images = inputs.rows(codes, "codes"), inputs.images(images, "images")
    labels = _label_lines(labels)
    if not len(codes) == len(images) == len(labels):
        raise ValueError(
            f"each code needs an image and a label, got {len(codes)} codes, {len(images)} images "
            f"and {len(labels)} labels"
        )
    height, width = images.shape[1:]
    side = int(np.ceil(len(images) ** 0.5))  # the projector expects a square of rows
    if side * max(height, width) > SPRITE:
        most = (SPRITE // max(height, width)) ** 2
        raise ValueError(
            f"images holds {len(images):,} of {height} × {width}: a browser shows at most {most:,}."
        )
    folder = _folder(folder)
    np.savetxt(folder / "codes.tsv", codes, fmt="%.5g", delimiter="\t")
    (folder / "labels.tsv").write_text("".join(f"{x}\n" for x in labels), encoding="utf-8")
    white = np.zeros((side * side - len(images), height, width), np.float32)
    sprite = plotting.mosaic(np.concatenate([images, white]), side, gap=0)
    PIL.Image.fromarray(np.uint8(np.rint(255 - 255 * sprite))).save(folder / "digits.png")
    (folder / "projector_config.pbtxt").write_text(
        'embeddings {\n  tensor_name: "codes"\n  tensor_path: "codes.tsv"\n'
        '  metadata_path: "labels.tsv"\n'
        f'  sprite {{ image_path: "digits.png" single_image_dim: {width} '
        f"single_image_dim: {height} }}\n}}\n",
        encoding="utf-8",
    )


def _label_lines(labels):
    """Labels as a list of whole numbers or of texts without line breaks and tabs."""
    values = inputs.names_or_numbers(labels, "labels")
    if values.dtype.kind != "U":
        known = values[values != -1] if values.ndim == 1 else values
        inputs.labels(known, "labels")
        return values.astype(np.int64).tolist()
    if values.ndim != 1:
        raise ValueError(f"labels has shape {values.shape}, expected (n,).")
    for value in values.tolist():
        if not value.strip() or len(value.splitlines()) > 1 or "\t" in value:
            raise ValueError(
                f"labels contains {value!r}: a name of one line, without tabs, is needed."
            )
    return values.tolist()


def _folder(folder):
    """A folder to write into, made if it is not there."""
    folder = inputs.path_of(folder, "folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"folder = {str(folder)!r} cannot be made ({error}): give another."
        ) from None
    return folder
