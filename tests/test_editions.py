import nbformat
import pytest
from notebook_files import PATHS
from small_course import CHECK

from course import editions
from course.environment import CourseError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("cell_timeout = 9\n[01_one]\nepoch = 7\n", "01_one has no parameter 'epoch'.*holds n"),
        ("cell_timeout = 9\n[02_two]\nn = 7\n", "names '02_two', but there is no 02_two.ipynb"),
        ("cell_timeout = \n", r"full.toml is no valid TOML: .*line 1"),
        ("[01_one]\nn = 7\n", "cell_timeout = None, seconds above 0"),
        ("cell_timeout = 0\n", "cell_timeout = 0, seconds above 0"),
    ],
)
def test_an_unusable_edition_says_what_is_wrong_with_it(course, content, message):
    course.notebook("01_one")
    (course.folders["editions"] / "full.toml").write_text(content)
    with pytest.raises(CourseError, match=message):
        editions.read_edition("full", course.folders["editions"], course.folders["notebooks"])


def test_unknown_editions_and_notebooks_are_named_beside_those_that_exist(course):
    course.notebook("01_one")
    course.edition("full")
    with pytest.raises(CourseError, match="no edition 'huge': there are full, sample"):
        editions.read_edition("huge", course.folders["editions"])
    with pytest.raises(CourseError, match="no notebook begins with '07': there are 01_one"):
        editions.choose("07", course.folders["notebooks"])
    course.notebook("02_two")
    course.notebook("03_three")
    chosen = editions.choose("03, 01", course.folders["notebooks"])
    assert [path.stem for path in chosen] == ["01_one", "03_three"]
    with pytest.raises(CourseError, match="begins with '07': there are 01_one, 02_two"):
        editions.choose("01,07", course.folders["notebooks"])
    (chosen,) = editions.choose("03,", course.folders["notebooks"])
    assert chosen.stem == "03_three"
    with pytest.raises(CourseError, match="begins with ',': there are"):
        editions.choose(",", course.folders["notebooks"])


def test_a_comment_with_an_equals_sign_hides_no_parameter(course):
    lines = "n = 1  # as in m = n\nm = [2]  # more\nk: int = 3  # typed"
    course.notebook("01_one", parameters=lines)
    notebook = nbformat.read(course.path("01_one"), as_version=4)
    assert editions.parameters_of(notebook) == {"n": "1", "m": "[2]", "k": "3"}
    course.edition("full", "[01_one]\nn = 3\n")
    folders = course.folders["editions"], course.folders["notebooks"]
    assert editions.read_edition("full", *folders)[1] == {"01_one": {"n": 3}}


def test_the_courses_own_editions_can_be_read():
    for edition in ("sample", "full"):
        timeout, parameters = editions.read_edition(edition)
        assert timeout > 0
        assert set(parameters) <= {path.stem for path in PATHS}


# ---------------------------------------------------------------- marks


def mark(course, parameters=None, package=editions.HELPERS):
    return editions.fingerprint(course.path("01_one"), parameters or {}, package)


def test_everything_behind_an_output_has_a_mark(tmp_path):
    (tmp_path / "plotting.py").write_text("pass")
    before = editions.all_behind(tmp_path)
    assert editions.all_behind(tmp_path) == before
    (tmp_path / "plotting.py").write_text("pass  # more")
    assert editions.all_behind(tmp_path) != before


@pytest.mark.parametrize("call", ["fig, alt='{}'", "fig=fig, alt='{}', caption='c'", "fig, '{}'"])
def test_a_figures_words_are_outside_the_mark_however_they_are_given(course, call):
    marks = set()
    for words in ("A plane.", "A field."):
        course.notebook("01_one", f"plotting.show({call.format(words)})")
        marks.add(mark(course))
    assert len(marks) == 1


def test_prose_is_no_reason_to_run_again_and_code_and_parameters_are(course):
    course.notebook("01_one", CHECK)
    before = mark(course)
    notebook = nbformat.read(course.path("01_one"), as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("prose"))
    nbformat.write(notebook, course.path("01_one"))
    assert mark(course) == before
    assert mark(course, {"n": 2}) != before
    assert mark(course, {"n": 2, "m": 3}) == mark(course, {"m": 3, "n": 2})
    notebook.cells[1].source += "  # more"
    nbformat.write(notebook, course.path("01_one"))
    assert mark(course) != before


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ('plotting.show(fig, "Two – rows.", "Look up.")', 'plotting.show(fig, "Three.", f"{n}")'),
        ('alt = "Two."\nalt += " Rows."\nfig', 'alt = f"{n} rows."\nalt += ""\nfig'),
    ],
)
def test_the_words_of_a_figure_are_no_reason_to_run_again_and_the_figure_is(course, words, others):
    def marked(cell):
        course.notebook("01_one", cell)
        return mark(course)

    assert marked(words) == marked(others)
    assert marked(words.replace("fig", "ax")) != marked(words)
    assert marked(f"{words}\nn = 2") != marked(words)


def test_a_parameter_counts_by_the_value_that_the_edition_gives_it(course):
    def marked(lines, **given):
        course.notebook("01_one", CHECK, parameters=lines)
        return mark(course, given)

    assert marked("n = 5\nm = 0.10  # more") == marked("m = 0.1\nn = 5")
    assert marked("n = 4\nm = 0.1", n=5) == marked("n = 5\nm = 0.1")
    assert marked("n = 4\nm = 0.1") != marked("n = 5\nm = 0.1")
    assert marked("n = 5\nm = 0.2", n=5) != marked("n = 5\nm = 0.1", n=5)
    assert marked("n = [1, 2]\nm = {'1': 3}", n=[1]) == marked("n = [1]", m={"1": 3})
    assert marked("edition = 'full'") == marked("edition = 'sample'", edition="full")


@pytest.mark.parametrize(
    ("expected", "other_full", "other_sample"),
    [
        (
            "check('x', n, sample=(1, 2), full=(3, 4))",
            "check('x', n, sample=(1, 2), full=(3, 5))",
            "check('x', n, sample=(9, 2), full=(3, 4))",
        ),
        (
            "bands = {'n': {'sample': (1, 2), 'full': (3, 4)}}",
            "bands = {'n': {'sample': (1, 2), 'full': (3, 5)}}",
            "bands = {'n': {'sample': (9, 2), 'full': (3, 4)}}",
        ),
    ],
)
def test_what_another_edition_expects_is_no_reason_to_run_this_one_again(
    course, expected, other_full, other_sample
):
    def marked(cell, edition):
        course.notebook("01_one", cell)
        return mark(course, {"edition": edition})

    assert marked(expected, "full") == marked(other_sample, "full")
    assert marked(expected, "full") != marked(other_full, "full")
    assert marked(expected, "sample") == marked(other_full, "sample")
    assert marked(expected, "sample") != marked(other_sample, "sample")
    assert marked(f"{expected}\nn = 2", "full") != marked(expected, "full")


@pytest.fixture
def package(tmp_path):
    """A library of five modules: rbm imports math_of, gan stands alone, the others import gan."""
    modules = {
        "rbm": "from helpers.math_of import f",
        "math_of": "def f(x):\n    return x",
        "gan": "import numpy",
        "exercises": "from helpers import gan",
        "plotting": "from helpers import gan",
    }
    for name, code in modules.items():
        (tmp_path / f"{name}.py").write_text(code)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("from helpers import rbm", ["math_of", "rbm"]),
        ("from helpers.rbm import RBM, train", ["math_of", "rbm"]),
        ("import helpers.gan, numpy", ["gan"]),
        ("def late():\n    from helpers import gan", ["gan"]),
        ("from helpers.exercises import hint", []),
        ("from helpers import plotting, rbm", ["math_of", "rbm"]),
        ("%matplotlib inline\nfrom helpers import gan", ["gan"]),
        ("import numpy\nfrom elsewhere import helpers", []),
    ],
)
def test_the_modules_behind_a_notebook_are_those_it_imports_and_those_they_import(
    package, code, modules
):
    assert editions.modules_behind([code], package) == modules


def test_a_mark_covers_the_modules_that_the_notebook_imports_and_no_others(course, package):
    course.notebook(
        "01_one", "from helpers import plotting, rbm", "from helpers.exercises import hint"
    )
    before = mark(course, package=package)
    for name in ("gan", "exercises", "plotting"):
        (package / f"{name}.py").write_text("x = 'changed'")
        assert mark(course, package=package) == before, name
    (package / "math_of.py").write_text("def f(x):\n    return -x")
    assert mark(course, package=package) != before


def test_docstrings_are_no_code(course, package):
    course.notebook("01_one", "from helpers import gan")

    def marked(module):
        (package / "gan.py").write_text(module)
        return mark(course, package=package)

    module = '{0}def f(x):\n    {1}return "x"\n\n\ndef g(x):\n    {1}return x\n'
    plain = marked(module.format("", ""))
    assert marked(module.format('"""One\n\nmodule."""\n\n', '"""Of\n    x."""\n    ')) == plain
    assert marked(module.format('text = """One"""\n', "")) != plain
    assert marked(module.replace("x", "y").format("", "")) != plain


def test_the_rbms_notebook_has_nothing_of_the_gan_behind_it():
    behind = {
        path.stem[:2]: editions.modules_behind(editions.code_of(nbformat.read(path, as_version=4)))
        for path in PATHS
    }
    assert not {"gan", "vae", *editions.WITHOUT_MARK} & set(behind["01"])
    assert {"gan", "runtime"} <= set(behind["07"])
    assert "annealing" not in behind["07"]
