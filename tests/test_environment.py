from pathlib import Path

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


def test_peak_memory_is_in_millions_of_bytes_where_the_system_tells_it(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "Path", lambda path: tmp_path / Path(path).name)
    assert environment.peak_memory(7) is None
    (tmp_path / "status").write_text("VmPeak:\t 3000000 kB\nVmHWM:\t 1000000 kB\nVmRSS:\t 9 kB\n")
    assert environment.peak_memory(7) == 1024, "the system's kB has 1,024 bytes"
    (tmp_path / "status").write_text("Name:\tgone\n")
    assert environment.peak_memory(7) is None
