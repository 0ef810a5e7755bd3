"""Models of the full edition: kept by a complete run, loaded, and told from others."""

import io
import itertools
import json
import shutil

import numpy as np
import pytest
from fresh_python import loads_tensorflow
from notebook_files import PATHS, code_cells, tags

import course.results
from course.environment import CourseError
from helpers import conditional, evaluation, trained
from helpers.ais import annealed_importance_sampling
from helpers.data import binarise_by_threshold, load_digits
from helpers.rbm import RBM, base_rate_bias
from helpers.vae import VAE, dense_decoder, dense_encoder

SMALL = {
    "small_rbm": lambda: RBM(6, 3, np.random.default_rng(0)),
    "small_vae": lambda: VAE(dense_encoder(2, 4), dense_decoder(2, 4)),
    "small_generator": lambda: dense_decoder(2, 5),
}


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A folder of results of a test's own, in which small models are kept."""
    folder = tmp_path / "results"
    (folder / "models").mkdir(parents=True)
    monkeypatch.setattr(trained, "RESULTS", folder)
    monkeypatch.setattr(trained, "MODELS", folder / "models")
    monkeypatch.setattr(trained, "BUILDERS", SMALL)
    return folder


def keep(results, monkeypatch, *names):
    """Models as a full run keeps them; returns what was kept."""
    monkeypatch.setenv(trained.FOLDER_OF_RUN, str(results / "run"))
    models, digests = {}, {}
    for name in names:
        models[name] = SMALL[name]()
        trained.keep_model(name, models[name], n_digits=5)
        left = results / "run" / f"{name}.npz"
        weights, facts = trained.read_model(left.read_bytes())
        facts |= {"notebook": "01_one", "date": "2026-01-01", "seconds": 3.5, "versions": {}}
        digests[name] = trained.write_model(results / "models" / left.name, weights, facts)
    checks = [{"claim": c, "value": v} for c, v in (("loss", 3.5), ("twice", 1), ("twice", 2))]
    full = {"notebooks": {"01_one": {"checks": checks, "models": digests}}}
    (results / "full.json").write_text(json.dumps(full))
    return models


# ---------------------------------------------------------------- what a file holds


def test_rounding_keeps_seven_significant_bits():
    weights = np.random.default_rng(0).normal(0, 0.1, 10_000)
    weights = weights[np.abs(weights) > 6.2e-5]
    kept = trained.rounded(weights)
    assert kept.dtype == np.float16
    assert np.max(np.abs(kept / weights - 1)) <= 2**-7
    fraction, _ = np.frexp(kept.astype(float))
    assert np.array_equal(fraction * 128, np.rint(fraction * 128))
    exact = np.array([0.0, 1.0, -0.75, 127.0, 65 / 64])
    assert np.array_equal(trained.rounded(exact), exact)


@pytest.mark.parametrize("weight", [np.nan, np.inf, 66_000.0])
def test_weights_that_float16_cannot_hold_are_refused(weight):
    with pytest.raises(ValueError, match="must be finite and below 65,504"):
        trained.rounded(np.array([1.0, weight]))


@pytest.mark.parametrize("name", SMALL)
def test_a_model_comes_back_as_it_was_but_for_the_rounding(name, results, monkeypatch):
    models = keep(results, monkeypatch, name)
    before, after = (trained._weights(m) for m in (models[name], trained.load_model(name)))
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(trained.rounded(one), other)
    assert trained.names() == [name]
    assert trained.about(name) == ("01_one", "2026-01-01", 3.5, {}, 5)


def test_only_a_full_run_keeps_models(results, monkeypatch):
    monkeypatch.setenv(trained.FOLDER_OF_RUN, "")
    trained.keep_model("small_rbm", SMALL["small_rbm"](), 5)
    monkeypatch.delenv(trained.FOLDER_OF_RUN)
    trained.keep_model("small_rbm", SMALL["small_rbm"](), 5)
    assert list(results.rglob("*.npz")) == []
    monkeypatch.setenv(trained.FOLDER_OF_RUN, str(results))
    trained.keep_model("of_three_latents", SMALL["small_rbm"](), 5)
    assert list(results.rglob("*.npz")) == []


def test_a_model_that_saw_no_digits_is_not_kept(results, monkeypatch):
    monkeypatch.setenv(trained.FOLDER_OF_RUN, str(results))
    with pytest.raises(ValueError, match="n_digits = 0: it must be at least 1"):
        trained.keep_model("small_rbm", SMALL["small_rbm"](), 0)
    trained.keep_model("small_rbm", SMALL["small_rbm"](), 1)
    assert [file.name for file in results.rglob("*.npz")] == ["small_rbm.npz"]


def test_a_model_of_other_sizes_is_not_kept_under_the_name(results, monkeypatch):
    monkeypatch.setenv(trained.FOLDER_OF_RUN, str(results))
    with pytest.raises(ValueError, match=r"shapes \[\(6, 4\)"):
        trained.keep_model("small_rbm", RBM(6, 4, np.random.default_rng(0)), 5)
    with pytest.raises(TypeError, match="n_digits"):
        trained.keep_model("small_rbm", SMALL["small_rbm"](), "5")


def test_a_file_that_was_changed_by_hand_is_noticed(results, monkeypatch):
    keep(results, monkeypatch, "small_rbm")
    file = results / "models" / "small_rbm.npz"
    weights, facts = trained.read_model(file.read_bytes())
    weights[0][0, 0] += 0.25
    trained.write_model(file, weights, facts)
    for read in (trained.load_model, trained.about):
        with pytest.raises(ValueError, match=r"small_rbm\.npz is not the file.*git checkout"):
            read("small_rbm")


def test_a_file_that_holds_code_instead_of_numbers_is_never_run():
    content = io.BytesIO()
    np.savez(content, about="{}", weight_0=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        trained.read_model(content.getvalue())


def test_a_model_that_no_result_names_is_not_loaded(results, monkeypatch):
    keep(results, monkeypatch, "small_rbm")
    (results / "full.json").unlink()
    with pytest.raises(ValueError, match="is not the file that the full edition left"):
        trained.load_model("small_rbm")


def test_what_is_not_kept_is_named_beside_what_is(results, monkeypatch):
    keep(results, monkeypatch, "small_rbm")
    with pytest.raises(ValueError, match="'small_vae': no such model is kept, there are small_rbm"):
        trained.load_model("small_vae")
    with pytest.raises(ValueError, match="name = 'large': choose 'small_rbm' or"):
        trained.load_model("large")
    with pytest.raises(ValueError, match="name = 3"):
        trained.load_model(3)
    monkeypatch.setitem(SMALL, "small_rbm", lambda: RBM(6, 4, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="does not fit its network"):
        trained.load_model("small_rbm")


# ---------------------------------------------------------------- beside a reader's own


def test_a_sentence_stands_where_no_model_is_kept(results, monkeypatch, capsys):
    keep(results, monkeypatch, "small_rbm", "small_vae")
    found = trained.load_models({2: "small_vae", 3: "vae_of_3"}, "sample")
    assert list(found) == [2]
    assert isinstance(found[2], VAE)
    there = "there are small_rbm, small_vae"
    assert capsys.readouterr().out == f"No model is kept for vae_of_3: {there}.\n"
    with pytest.raises(TypeError, match=r"wanted = 'small_vae': a list of names is needed"):
        trained.load_models("small_vae", "sample")
    assert trained.load_models(["small_rbm"], "fashion") == {}
    assert "none is shown beside fashion" in capsys.readouterr().out
    monkeypatch.setattr(trained, "names", lambda: ["small_rbm", "small_vae", "of_another_time"])
    assert trained.load_models(["of_another_time"], "sample") == {}, "kept, and none can build it"
    assert "No model is kept for of_another_time" in capsys.readouterr().out
    assert list(trained.load_models(["small_vae", "small_rbm"], "mnist")) == [
        "small_vae",
        "small_rbm",
    ]
    assert capsys.readouterr().out == ""


def test_measured_values_are_found_by_their_claim(results, monkeypatch):
    keep(results, monkeypatch, "small_rbm")
    assert trained.measured("01", "loss") == 3.5
    for notebook, claim, words in (
        ("01", "gain", "claim = 'gain': the full edition of notebook 01 has 0 values"),
        ("01", "twice", "has 2 values"),
        ("02", "loss", "notebook = '02': the full edition holds no values"),
    ):
        with pytest.raises(ValueError, match=words):
            trained.measured(notebook, claim)


def test_to_look_up_a_value_loads_no_tensorflow():
    assert not loads_tensorflow(
        "from helpers import trained; trained.measured('04', 'parameters, z = 2')"
    )


# ---------------------------------------------------------------- a run keeps them

TRAIN = "import numpy as np; from helpers import rbm, trained; "
TRAIN += "v = np.random.default_rng(0); model = rbm.RBM(784, 100, v); "
TRAIN += "trained.keep_model('rbm_100', model, 60)"


def test_a_complete_full_run_leaves_its_models_with_where_they_came_from(course, monkeypatch):
    course.edition("full")
    course.notebook("01_one", TRAIN, tags=["results:model:rbm_100"])
    assert course.run("full")
    course.keep()
    monkeypatch.setattr(trained, "RESULTS", course.results)
    monkeypatch.setattr(trained, "MODELS", course.results / "models")
    assert list(course.kept()["notebooks"]["01_one"]["models"]) == ["rbm_100"]
    expected = RBM(784, 100, np.random.default_rng(0))
    assert np.array_equal(trained.load_model("rbm_100").W, trained.rounded(expected.W))
    about = trained.about("rbm_100")
    assert (about.notebook, about.n_digits) == ("01_one", 60)
    assert about.date == course.record()["notebooks"]["01_one"]["date"]

    shutil.copy(course.results / "models/rbm_100.npz", course.results / "models/old.npz")
    course.keep()
    assert trained.names() == ["rbm_100"], "a model of no notebook goes"


def test_a_sample_run_leaves_none_and_a_tag_without_a_model_is_an_error(course):
    course.edition("full")
    course.notebook("01_one", TRAIN)
    assert course.run("sample")
    assert list(course.out.rglob("*.npz")) == []
    course.notebook("01_one", "1", tags=["results:model:rbm_100"])
    assert course.run("full")
    with pytest.raises(
        CourseError, match=r"01_one: tag 'results:model:rbm_100', but .* is missing"
    ):
        course.keep()


def test_the_notebooks_keep_each_model_once_under_a_name_that_can_be_built():
    kept = []
    for path in PATHS:
        for cell in code_cells(path):
            names = [tag.split(":")[2] for tag in tags(cell) if tag.startswith("results:model:")]
            assert not names or "keep_model(" in cell.source
            kept += names
    assert sorted(kept) == sorted(trained.BUILDERS)


# ---------------------------------------------------------------- the kept models themselves

# The bundled test digits are training digits of these models, so their losses may lie below the
# kept values: by more than a nat for the one that saw 10,000 digits. The tolerances hold that, and
# three standard errors of a mean over 1,000 digits.
LOSSES = {
    "dense_vae_2": ("04", "test loss after the last epoch, z = 2, nats per image", 1.8),
    "dense_vae_8": ("04", "test loss after the last epoch, z = 8, nats per image", 1.3),
    "dense_vae_16": ("04", "test loss after the last epoch, z = 16, nats per image", 1.3),
    "conv_vae_8": ("05", "convolutional, test loss, z = 8, nats", 2.5),
}
LIKELIHOODS = {n: f"log-likelihood, PCD, {n} hidden units, nats" for n in (100, 500)}


def test_every_model_that_a_kept_run_makes_is_kept():
    made = {path.stem: set() for path in PATHS}
    for path in PATHS:
        for tag in itertools.chain(*map(tags, code_cells(path))):
            made[path.stem] |= {tag.removeprefix("results:model:")} - {tag}
    assert set().union(*made.values()) == set(trained.BUILDERS)
    kept = course.results.read()[0]["notebooks"]
    assert set(trained.names()) == set().union(*(made[name] for name in kept))
    assert sum(file.stat().st_size for file in trained.MODELS.iterdir()) <= 5_500_000
    for name in trained.names():
        about = trained.about(name)
        assert about.notebook in {path.stem for path in PATHS}
        assert 5_000 < about.n_digits <= 60_000


@pytest.mark.parametrize("name", LOSSES)
def test_a_kept_vae_loses_what_the_full_edition_measured(name):
    notebook, claim, tolerance = LOSSES[name]
    losses = trained.load_model(name).losses_per_image(load_digits("sample").x_test)
    assert abs(np.mean(losses[0]) - trained.measured(notebook, claim)) < tolerance


@pytest.mark.parametrize("n_hidden", LIKELIHOODS)
def test_a_kept_rbm_is_as_likely_as_the_full_edition_measured(n_hidden):
    """By annealing with few temperatures, some nats off; a wrong machine is farther off."""
    digits = load_digits("sample")
    v_train, v = (
        binarise_by_threshold(x).reshape(-1, 784) for x in (digits.x_train, digits.x_test)
    )
    machine, rng = trained.load_model(f"rbm_{n_hidden}"), np.random.Generator(np.random.SFC64(0))
    options = {"temperatures": 1000, "chains": 50}
    log_z = annealed_importance_sampling(machine, base_rate_bias(v_train), rng, **options).log_z
    kept = trained.measured("02", LIKELIHOODS[n_hidden])
    assert abs(machine.log_likelihood(v, log_z).mean() - kept) < 7


def test_the_kept_generator_draws_digits_as_the_full_edition_measured():
    """By a judge of 4,000 digits and on fewer samples than there."""
    digits, rng = load_digits("sample"), np.random.default_rng(0)
    judge = evaluation.train_classifier(digits.x_train, digits.y_train, epochs=4)
    codes = rng.uniform(-1, 1, (1000, 16)).astype(np.float32)
    drawn = (1 + trained.load_model("conv_generator").predict(codes, verbose=0)) / 2
    sets = (evaluation.features(judge, images) for images in (drawn, digits.x_test))
    kept = trained.measured("07", "Fréchet distance, average")
    assert evaluation.frechet_distance(*sets) < kept + 5
    assert evaluation.digit_shares(judge, drawn).min() > 0.04


def test_the_kept_labelled_rbm_reads_as_well_as_the_full_edition_measured():
    digits = load_digits("sample")
    v = binarise_by_threshold(digits.x_test).reshape(-1, 784)
    misread = np.mean(trained.load_model("labelled_rbm").classify(v) != digits.y_test)
    assert misread < trained.measured("09", "RBM: test digits read wrong, mean of the seeds") + 0.01


@pytest.mark.parametrize("name", ["conditional_vae", "conditional_generator"])
def test_the_kept_networks_that_are_told_a_label_obey(name):
    """By a judge of 4,000 black-and-white digits, which itself reads 24 of 25 right."""
    digits, rng = load_digits("sample"), np.random.default_rng(0)
    x = binarise_by_threshold(digits.x_train)
    judge = evaluation.train_classifier(x, digits.y_train, epochs=4)
    model, asked = trained.load_model(name), np.arange(1000) % 10
    if name == "conditional_vae":
        z = rng.standard_normal((1000, 8), dtype=np.float32)
        black = model.decoder.predict([z, conditional.one_hot(asked)], verbose=0) > 0
    else:
        z = rng.uniform(-1, 1, (1000, 16)).astype(np.float32)
        black = model.predict([z, conditional.one_hot(asked)], verbose=0) > 0
    assert conditional.obedience(judge, np.float32(black), asked) > 0.93
