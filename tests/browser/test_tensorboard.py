"""TensorBoard in a real browser: the scalars of a run, and its projector."""

import pytest

POINTS = 40


@pytest.fixture(scope="module")
def board(serve, chromium, tmp_path_factory):
    """TensorBoard on a folder with one falling curve and forty labelled codes."""
    import numpy as np
    from tensorboard.plugins import projector

    from helpers.runtime import tf

    folder = tmp_path_factory.mktemp("log")
    with tf.summary.create_file_writer(str(folder)).as_default():
        for step in range(20):
            tf.summary.scalar("negative_elbo", 100 / (step + 1), step)
    codes = np.random.default_rng(0).standard_normal((POINTS, 8))
    np.savetxt(folder / "codes.tsv", codes, delimiter="\t")
    (folder / "labels.tsv").write_text("".join(f"{digit % 10}\n" for digit in range(POINTS)))
    config = projector.ProjectorConfig()
    config.embeddings.add(tensor_name="codes", tensor_path="codes.tsv", metadata_path="labels.tsv")
    projector.visualize_embeddings(str(folder), config)
    options = ["--logdir", folder, "--host", "127.0.0.1", "--port", "{port}"]
    return serve("tensorboard.main", *options, page="")


def test_scalars(board, watched, look):
    page = watched()
    page.goto(f"{board}#timeseries")
    page.get_by_text("negative_elbo").first.wait_for(timeout=30_000)
    page.locator("line-chart canvas, line-chart svg").first.wait_for(timeout=30_000)
    page.wait_for_timeout(1500)
    look(page, "tensorboard-scalars")
    assert [wrong for wrong in page.wrongs if wrong.startswith("error")] == []


def test_projector(board, watched, look):
    from playwright.sync_api import expect

    page = watched()
    page.goto(f"{board}#projector")
    frame = page.frame_locator("iframe").frame_locator("iframe")
    count = frame.locator(".numDataPoints")
    expect(count).to_have_text(str(POINTS), timeout=60_000)
    expect(frame.locator(".dim")).to_have_text("8")
    page.wait_for_timeout(3000)
    look(page, "tensorboard-projector")
    assert [wrong for wrong in page.wrongs if wrong.startswith("error")] == []
