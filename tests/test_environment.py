from pathlib import Path

import pytest

from course import environment


def test_machine_tells_the_processor_and_the_cores_of_this_process(monkeypatch, tmp_path):
    monkeypatch.setattr(environment.os, "sched_getaffinity", {0: {3, 5, 6}}.get, raising=False)
    monkeypatch.setattr(environment, "Path", lambda path: tmp_path / Path(path).name)
    (tmp_path / "cpuinfo").write_text(
        "processor\t: 0\nmodel name\t: Some One @ 2 GHz\nflags\t: fpu\n"
    )
    found = environment.machine()
    assert found["machine"].endswith(", 3 cores")
    assert found["processor"] == "Some One @ 2 GHz"
    monkeypatch.setattr(environment.os, "sched_getaffinity", {0: {5}}.get, raising=False)
    assert environment.machine()["machine"].endswith(", 1 core")
    monkeypatch.setattr(environment.os, "sched_getaffinity", {0: {5, 6}}.get, raising=False)
    assert environment.machine()["machine"].endswith(", 2 cores")


def test_peak_memory_is_in_millions_of_bytes_where_the_system_tells_it(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "Path", lambda path: tmp_path / Path(path).name)
    assert environment.peak_memory(7) is None
    (tmp_path / "status").write_text("VmPeak:\t 3000000 kB\nVmHWM:\t 1000000 kB\nVmRSS:\t 9 kB\n")
    assert environment.peak_memory(7) == 1024, "the system's kB has 1,024 bytes"
    (tmp_path / "status").write_text("Name:\tgone\n")
    assert environment.peak_memory(7) is None


def test_a_socket_folder_is_measured_in_bytes(monkeypatch, tmp_path):
    monkeypatch.setattr(environment.tempfile, "gettempdir", lambda: "/tmp/" + 60 * "ü")
    monkeypatch.setattr(environment.os, "access", lambda *_: True)
    with environment.socket_folder() as folder:
        assert folder.startswith("/tmp/kernel-")


@pytest.mark.parametrize("length", [75, 76])
def test_the_longest_folder_leaves_room_for_a_socket_on_a_mac(monkeypatch, length):
    asked = []
    monkeypatch.setattr(environment.tempfile, "gettempdir", lambda: "/" + (length - 1) * "a")
    monkeypatch.setattr(environment.os, "access", lambda place, _: asked.append(place) or True)
    monkeypatch.setattr(environment.tempfile, "TemporaryDirectory", lambda prefix, dir: dir)
    assert (environment.socket_folder() == "/tmp") is (length > 75)
    assert len(asked[0] + "/kernel-xxxxxxxx/socket-1") <= 103


def test_no_home_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setattr(environment.os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(environment.subprocess, "run", lambda *_, **__: None)
    for name in ("MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    environment.settle(tmp_path)
    assert (tmp_path / "home" / "mplconfigdir").is_dir()
