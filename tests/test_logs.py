import numpy as np
import PIL.Image
import pytest

from helpers import logs, vae
from helpers.data import load_digits
from helpers.runtime import keras, set_seed, tf


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def events(folder):
    """The summaries in a folder: tag -> list of (step, value)."""
    found = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            if event.graph_def:
                graph = tf.compat.v1.GraphDef.FromString(event.graph_def)
                found.setdefault("graph", []).append((event.step, graph))
            for value in event.summary.value:
                tensor = tf.make_ndarray(value.tensor)
                found.setdefault(value.tag, []).append((event.step, tensor))
    return found


@pytest.fixture(scope="module")
def run(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs") / "run"
    set_seed(0)
    model = vae.VAE(vae.dense_encoder(2, 8), vae.dense_decoder(2, 8), seed=0)
    model.compile(keras.optimizers.Adam(0.01))
    before = np.asarray(model(digits.x_test[:3]))
    history = model.fit(
        digits.x_train[:100],
        validation_data=(digits.x_test[:20],),
        epochs=3,
        verbose=0,
        callbacks=logs.tensorboard_callbacks(folder, model, digits.x_test[:3]),
    )
    return folder, model, history.history, before


def test_scalars_of_training_and_validation_are_the_history(run):
    folder, _, history, _ = run
    for name in ("loss", "reconstruction_loss", "kl_loss"):
        for part, prefix in (("train", ""), ("validation", "val_")):
            logged = events(folder / part)[f"epoch_{name}"]
            assert [step for step, _ in logged] == [0, 1, 2]
            assert [float(v) for _, v in logged] == pytest.approx(history[prefix + name])


def decoded(tensor):
    """The pictures of an image summary: its first two entries are width and height."""
    return np.stack([tf.io.decode_png(png).numpy()[..., 0] / 255 for png in tensor[2:]])


def test_pictures_are_the_originals_and_a_reconstruction_for_each_epoch(run, digits):
    folder, model, _, before = run
    logged = events(folder / "images")
    ((step, originals),) = logged["original"]
    assert step == 0
    np.testing.assert_allclose(decoded(originals), digits.x_test[:3], atol=1 / 255)
    assert [step for step, _ in logged["reconstruction"]] == [0, 1, 2]
    pictures = [decoded(tensor) for _, tensor in logged["reconstruction"]]
    np.testing.assert_allclose(pictures[-1], model(digits.x_test[:3]), atol=1 / 255)
    assert abs(pictures[0] - before).max() > 0.01


def test_the_graph_has_encoder_and_decoder(run):
    ((_, graph),) = events(run[0] / "images")["graph"]
    names = " ".join(node.name for node in graph.node)
    assert "encoder" in names
    assert "decoder" in names
    assert any(node.op == "MatMul" for node in graph.node)


@pytest.fixture
def projector(digits, tmp_path):
    codes = np.random.default_rng(0).normal(size=(10, 4))
    logs.write_projector(tmp_path / "projector", codes, digits.x_test[:10], digits.y_test[:10])
    return tmp_path / "projector", codes


def test_projector_files_belong_together(projector, digits):
    folder, codes = projector
    np.testing.assert_allclose(np.loadtxt(folder / "codes.tsv"), codes, rtol=1e-4)
    np.testing.assert_array_equal(np.loadtxt(folder / "labels.tsv"), digits.y_test[:10])
    sprite = 1 - np.asarray(PIL.Image.open(folder / "digits.png")) / 255
    assert sprite.shape == (4 * 28, 4 * 28)
    for index, image in enumerate(digits.x_test[:10]):
        top, left = 28 * (index // 4), 28 * (index % 4)
        np.testing.assert_allclose(sprite[top : top + 28, left : left + 28], image, atol=1 / 254)


def test_projector_folder_may_be_missing_with_its_parents_or_be_there_already(digits, tmp_path):
    folder = tmp_path / "a" / "b"
    for n in (2, 3):
        logs.write_projector(folder, np.zeros((n, 2)), digits.x_test[:n], digits.y_test[:n])
    assert len(np.loadtxt(folder / "codes.tsv")) == 3


def test_tensorboard_itself_reads_the_projector(projector):
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    folder, _ = projector
    config = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (embedding,) = config.embeddings
    assert list(embedding.sprite.single_image_dim) == [28, 28]
    for path in (embedding.tensor_path, embedding.metadata_path, embedding.sprite.image_path):
        assert (folder / path).is_file()


def test_projector_wants_an_image_and_a_label_for_each_code(digits, tmp_path):
    with pytest.raises(ValueError, match="got 3 codes, 2 images and 3 labels"):
        logs.write_projector(tmp_path, np.zeros((3, 2)), digits.x_test[:2], digits.y_test[:3])


def test_logs_go_where_the_documented_command_looks_and_git_does_not():
    root = logs.LOGS.parents[1]
    assert logs.LOGS.relative_to(root).as_posix() == "build/tensorboard"
    assert "build/" in (root / ".gitignore").read_text().splitlines()
    assert "tensorboard --logdir build/tensorboard" in logs.__doc__
