"""What the tests of the notebooks need beside nbval: Unix sockets, a mask, an eye for figures."""

import weakref
from pathlib import Path

import nbval.kernel
import pytest
from jupyter_client.manager import KernelManager
from nbval.plugin import IPyNbCell

from course.environment import socket_folder
from course.outputs import figure_differences

MASK = Path(__file__).parent / "tests" / "nbval_sanitize.cfg"


def kernel_manager(**kwargs):
    """A manager whose sockets lie in a folder of their own, as absolute paths: no network."""
    folder = socket_folder()
    manager = KernelManager(transport="ipc", ip=f"{folder.name}/socket", **kwargs)
    weakref.finalize(manager, folder.cleanup)
    return manager


nbval.kernel.KernelManager = kernel_manager


def pytest_configure(config):
    """Let nbval leave out the measured numbers of check lines, from wherever pytest is started."""
    config.option.nbval_sanitize_with = str(MASK)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """After nbval has run a cell, compare the figures too, which nbval leaves out."""
    result = yield
    if isinstance(item, IPyNbCell):
        differences = figure_differences(item.cell.outputs, item.test_outputs)
        assert not differences, "\n".join([item.cell.source, *differences])
    return result
