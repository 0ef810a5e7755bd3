"""Logs for TensorBoard: curves, pictures, the graph and the latent space of a VAE.

To look at them, run `tensorboard --logdir build/tensorboard` from the repository's root and open
the address that it prints.

References:
    TensorBoard's embedding projector: https://www.tensorflow.org/tensorboard
"""

from pathlib import Path

import numpy as np
import PIL.Image

from helpers import plotting
from helpers.runtime import keras, tf

LOGS = Path(__file__).resolve().parents[1] / "build" / "tensorboard"


def tensorboard_callbacks(folder, vae, images):
    """Callbacks for `fit` that log the losses as curves, reconstructions as pictures, the graph.

    Args:
        folder: where to write; give each run its own folder below `LOGS`.
        vae: the `VAE` that is trained.
        images: those to reconstruct after each epoch, shape (n, 28, 28), in [0, 1].

    Returns:
        A list of two Keras callbacks: one writes the scalars of training and validation, the
        other the graph, the originals once, and their reconstructions after each epoch.
    """
    writer = tf.summary.create_file_writer(str(Path(folder) / "images"))
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
        keras.callbacks.TensorBoard(folder, write_graph=False),
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
        images: shape (n, 28, 28), in [0, 1]. A browser takes sprites of up to 8192 pixels along a
            side, so there can be 85,264 images; a few thousand are pleasant.
        labels: shape (n,).

    Raises:
        ValueError: there are not as many codes as images and labels.
    """
    if not len(codes) == len(images) == len(labels):
        raise ValueError(
            f"each code needs an image and a label, got {len(codes)} codes, {len(images)} images "
            f"and {len(labels)} labels"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / "codes.tsv", codes, fmt="%.5g", delimiter="\t")
    np.savetxt(folder / "labels.tsv", labels, fmt="%d")
    side = int(np.ceil(len(images) ** 0.5))  # the projector expects a square of rows
    white = np.zeros((side * side - len(images), 28, 28), np.float32)
    sprite = plotting.mosaic(np.concatenate([images, white]), side, gap=0)
    PIL.Image.fromarray(np.uint8(np.rint(255 - 255 * sprite))).save(folder / "digits.png")
    (folder / "projector_config.pbtxt").write_text(
        'embeddings {\n  tensor_name: "codes"\n  tensor_path: "codes.tsv"\n'
        '  metadata_path: "labels.tsv"\n'
        '  sprite { image_path: "digits.png" single_image_dim: 28 single_image_dim: 28 }\n}\n',
        encoding="utf-8",
    )
