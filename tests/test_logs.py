import numpy as np
import PIL.Image
import pytest
from bad_arguments import faults

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


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float64])
def test_the_sprite_of_black_and_white_pictures_of_any_type_is_the_same(tmp_path, dtype):
    ink = np.random.default_rng(0).random((5, 28, 28)) < 0.3
    logs.write_projector(tmp_path, np.zeros((5, 2)), ink.astype(dtype), np.arange(5))
    sprite = np.asarray(PIL.Image.open(tmp_path / "digits.png"))
    np.testing.assert_array_equal(sprite[:28, 28:56], 255 * ~ink[1])
    assert (sprite[56:] == 255).all(), "what is left of the square is white"


def test_a_sprite_of_other_pictures_says_their_size(tmp_path):
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    logs.write_projector(tmp_path, np.zeros((2, 2)), np.ones((2, 16, 20)), [0, 1])
    assert PIL.Image.open(tmp_path / "digits.png").size == (40, 32)
    text = (tmp_path / "projector_config.pbtxt").read_text()
    (embedding,) = text_format.Parse(text, ProjectorConfig()).embeddings
    assert list(embedding.sprite.single_image_dim) == [20, 16], "width, then height"


@pytest.mark.parametrize(
    ("labels", "lines"),
    [
        (["bag", "T-shirt/top", "bag"], "bag\nT-shirt/top\nbag\n"),
        ([0.0, 11.0, -1.0], "0\n11\n-1\n"),
        (np.array([True, False, True]), "1\n0\n1\n"),
    ],
)
def test_labels_may_be_names(tmp_path, labels, lines):
    logs.write_projector(tmp_path, np.zeros((3, 2)), np.ones((3, 28, 28)), labels)
    assert (tmp_path / "labels.tsv").read_text() == lines


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a\tb", "c"]}, "labels contains 'a.tb'"),
        ({"labels": ["a\nb", "c"]}, "labels contains 'a.nb'"),
        ({"labels": ["", "c"]}, "labels contains ''"),
        ({"labels": [0.5, 1]}, "labels contains 0.5"),
        ({"labels": [[0], [1]]}, r"labels has shape \(2, 1\)"),
        ({"images": np.full((2, 28, 28), 200)}, "divide 8-bit"),
        ({"images": np.full((2, 28, 28), -1.0)}, "images ranges from -1"),
        ({"images": np.ones((2, 28, 28, 1))}, "drop the last axis"),
        ({"images": np.ones((2, 5000, 5000), np.float32)}, "a browser shows at most 1"),
        ({"codes": np.full((2, 2), np.nan)}, "codes contains nan"),
        ({"codes": [np.zeros((2, 2))] * 3}, r"codes has shape \(3, 2, 2\)"),
        ({"folder": __file__}, "folder = .* cannot be made"),
    ],
)
def test_the_projector_refuses_what_it_cannot_show(tmp_path, change, message):
    good = {"folder": tmp_path / "p", "codes": np.zeros((2, 2)), "images": np.ones((2, 28, 28))}
    with pytest.raises(ValueError, match=message):
        logs.write_projector(**(good | {"labels": [0, 1]} | change))
    assert not (tmp_path / "p").exists(), "nothing half-written"


def test_every_argument_is_right_or_refused_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good = {"folder": "p", "codes": np.zeros((2, 2)), "images": np.ones((2, 28, 28))}
    tables = ("another width", "grey levels in bytes", "below zero")
    right = {("folder", "text"), ("folder", "number as text"), ("images", "three axes")}
    right |= {("labels", "text list"), *(("codes", key) for key in tables)}
    assert faults(logs.write_projector, good | {"labels": [0, 1]}, right) == []
    model = vae.VAE(vae.dense_encoder(2, 8), vae.dense_decoder(2, 8), seed=0)
    good = {"folder": "p", "vae": model, "images": np.ones((2, 28, 28))}
    assert faults(logs.tensorboard_callbacks, good, {r for r in right if r[0] in good}) == []
