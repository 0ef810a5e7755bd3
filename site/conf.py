"""How Sphinx makes the site: the committed notebooks as they are. Nothing is run or fetched.

`build.py` beside this file lays the sources together first, so that the notebooks' own links hold.
"""

import base64
import hashlib
import importlib.metadata
import json
from pathlib import Path

from course.address import address, binder

WIDGET = "application/vnd.jupyter.widget-view+json"
IN_THE_NOTEBOOK = "*Something to move stands here: open this notebook in Jupyter or on Binder.*"

PLAYGROUND = ("networks", "rbm", "drawing", "panels", "drawing_pad")  # in the order of their needs
PLAYGROUND += ("repair", "latent_plane", "gan_codes", "weights")

project = "RBM → VAE → GAN"
html_title = "RBM → VAE → GAN on handwritten digits"
copyright = "the authors of the course, MIT licence"
extensions = ["myst_nb", "sphinx.ext.mathjax"]
exclude_patterns = ["README.md"]
suppress_warnings = ["toc.empty_glob"]
templates_path = ["_templates"]

nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", WIDGET, None)]
nb_ipywidgets_js = {}
nb_render_markdown_format = "gfm"  # tables, which plain CommonMark leaves as text
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 3

# MathJax in one file that draws with shapes instead of fonts: it works from a disk with no network.
MATHJAX = next(
    file
    for file in importlib.metadata.files("sphinx-mathjax-offline")
    if file.stem == "tex-svg-full"
)
mathjax_path = MATHJAX.name
mathjax3_config = {"options": {"enableMenu": False}}

linkcheck_timeout = 20  # seconds; `build.py --links` asks every address

html_theme = "furo"
html_static_path = ["_static", "playground", str(MATHJAX.locate())]
html_css_files = ["course.css"]
html_sourcelink_suffix = ""
html_show_sphinx = False
html_show_search_summary = False  # a page opened from the disk may not fetch another one
html_theme_options = {"source_repository": address(), "top_of_page_buttons": []}


def replace_widgets(app, docname, source):
    """Put a sentence where a notebook has a widget: it needs a kernel, which a page has not."""
    if docname.startswith("notebooks/"):
        notebook = json.loads(source[0])
        notebook["metadata"].pop("widgets", None)
        sentence = {"data": {"text/markdown": IN_THE_NOTEBOOK}, "metadata": {}}
        for cell in notebook["cells"]:
            for output in cell.get("outputs", []):
                if WIDGET in output.get("data", {}):
                    output.update(sentence)
        source[0] = json.dumps(notebook)


def add_text_alternatives(app, doctree):
    """Give each figure the text alternative that stands in the notebook's output."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    alternatives = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            picture = "".join(output.get("data", {}).get("image/png", ""))
            if picture:
                name = hashlib.sha256(base64.b64decode(picture)).hexdigest()
                alternatives[name] = output["metadata"]["image/png"]["alt"]
    for image in doctree.findall(lambda node: node.tagname == "image"):
        name = Path(image["uri"]).stem
        if name in alternatives:
            image["alt"] = alternatives[name]


def add_links(app, pagename, templatename, context, doctree):
    """Tell the page's template where the notebook opens on Binder."""
    if pagename.startswith("notebooks/"):
        context["binder"] = binder(f"{Path(pagename).name}.ipynb")


def add_playground(app, pagename, templatename, context, doctree):
    """Let the playground load its scripts and its style, which no other page needs."""
    if pagename == "playground":
        app.add_css_file("playground.css")
        for name in PLAYGROUND:
            app.add_js_file(f"{name}.js", loading_method="defer")


def setup(app):
    """Connect the functions above to the build."""
    app.connect("source-read", replace_widgets)
    app.connect("doctree-read", add_text_alternatives)
    app.connect("html-page-context", add_links)
    app.connect("html-page-context", add_playground)
