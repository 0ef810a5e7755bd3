"""Kernels and tests talk over Unix sockets, so that not even the loopback network is needed."""

import tempfile
import weakref

import nbval.kernel
from jupyter_client.manager import KernelManager


def kernel_manager(**kwargs):
    """A manager whose sockets lie in a folder of their own, as absolute paths."""
    folder = tempfile.TemporaryDirectory(prefix="kernel-")
    manager = KernelManager(transport="ipc", ip=f"{folder.name}/socket", **kwargs)
    weakref.finalize(manager, folder.cleanup)
    return manager


nbval.kernel.KernelManager = kernel_manager
