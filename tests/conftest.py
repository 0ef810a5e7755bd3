import pytest
from small_course import SmallCourse


@pytest.fixture
def course(tmp_path):
    """A small course in a folder of its own; see `small_course`."""
    (tmp_path / "course").mkdir()
    return SmallCourse(tmp_path / "course")
