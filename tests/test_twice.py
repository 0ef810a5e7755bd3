import nbformat

from course import twice


def test_each_cell_is_run_twice_and_what_stops_is_named(course, capsys):
    course.notebook("01_one", "seen = globals().get('seen', 0) + 1", "assert seen == 2")
    course.notebook("02_two", "if n == 1:\n    n = 2\nelse:\n    1 / 0")
    options = {"out": course.out, **course.folders}
    assert twice.run_twice("01", **options)
    assert "No cell minds being run twice" in capsys.readouterr().out
    assert not twice.run_twice(**options)
    printed = capsys.readouterr().out
    assert "02_two, In [3]: ZeroDivisionError" in printed
    assert nbformat.read(course.path("02_two"), as_version=4).cells[-1].outputs == []


def test_a_mark_that_turns_at_the_second_draw_is_no_stop(course):
    check = "from helpers.checks import check; check('n', n, sample=(1, 0.1)); n += 1"
    course.notebook("01_one", check)
    assert twice.run_twice(out=course.out, **course.folders)
