from course import address
from course.editions import NOTEBOOKS
from course.environment import ROOT


def test_links_are_built_from_the_one_public_address():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert address.with_links(readme) == readme, "run make links"
    assert address.badges() in readme
    assert address.on_binder() in readme
    name = address.address().removeprefix("https://github.com/")
    files = [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("*/*.py")]
    files += ROOT.glob("*/*.ipynb")
    naming = [p.name for p in files if name in p.read_text(encoding="utf-8")]
    assert naming == ["README.md"]


def test_links_writes_the_address_between_its_marks_only(monkeypatch, tmp_path):
    badges = address.badges()
    monkeypatch.setattr(address, "badges", lambda: badges)
    monkeypatch.setattr(address, "ROOT", tmp_path)
    readme = "# Title\n<!-- links -->\n{}\n<!-- end of links -->\nText\n"
    (tmp_path / "README.md").write_text(readme.format("old"))
    assert address.write_links()
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == readme.format(badges)


def test_each_notebook_has_its_address_on_binder():
    line = address.on_binder()
    for path in NOTEBOOKS.glob("*.ipynb"):
        assert f"[{path.name[:2]}]({address.binder(path.name)})" in line
    start = "https://mybinder.org/v2/gh/"
    assert address.binder("04_dense_vae.ipynb").startswith(start)
    assert address.binder("x.ipynb").endswith("/HEAD?urlpath=lab/tree/notebooks/x.ipynb")
