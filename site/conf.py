"""How Sphinx makes the site: the committed notebooks as they are. Nothing is run or fetched.

`build.py` beside this file lays the sources together first, so that the notebooks' own links hold.
"""

import html
import importlib.metadata
from pathlib import Path

import notebook_pages
import terms
from docutils import nodes
from home import buttons, public

PLAYGROUND = ("networks", "rbm", "drawing", "panels")  # in the order of their needs
PLAYGROUND += ("drawing_pad", "latent_pad")
PLAYGROUND += ("repair", "latent_plane", "gan_codes", "ten_digits", "weights")

project = "RBM → VAE → GAN"
html_title = project
SUBJECT = f"{project} on handwritten digits"  # where a page has no words of its own
copyright = "the authors of the course, MIT licence"
extensions = ["myst_nb", "sphinx.ext.mathjax"]
exclude_patterns = ["README.md"]
suppress_warnings = ["toc.empty_glob"]
templates_path = ["_templates"]

nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", notebook_pages.WIDGET, None)]
nb_ipywidgets_js = {}
nb_render_markdown_format = "gfm"  # tables, which plain CommonMark leaves as text
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
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
linkcheck_report_timeouts_as_broken = True

html_theme = "furo"
html_static_path = ["_static", "playground", str(MATHJAX.locate())]
html_css_files = ["course.css"]
html_js_files = [("course.js", {"loading_method": "defer"})]
html_favicon = "_static/favicon.svg"
html_sourcelink_suffix = ""
html_show_sphinx = False
html_show_search_summary = False  # a page opened from the disk may not fetch another one
html_theme_options = {"source_repository": public("address") or "", "top_of_page_buttons": []}


def add_head(app, pagename, templatename, context, doctree):
    """Give the template the page's description and the picture that other sites show with it."""
    context["description"] = html.escape(description(doctree) if doctree else SUBJECT)
    context["public_site"] = public("site")


def description(doctree):
    """The first paragraph of a page as plain text, cut after a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if text and paragraph.parent.tagname in ("section", "document"):
            return text if len(text) <= 200 else f"{text[:200].rpartition(' ')[0]} …"
    return SUBJECT


def add_buttons(app, pagename, templatename, context, doctree):
    """Put the buttons of a notebook's page under its title."""
    if pagename.startswith("notebooks/"):
        download = context["pathto"](f"_sources/{context['sourcename']}", 1)
        made = buttons(f"{Path(pagename).name}.ipynb", download)
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{made}", 1)


def add_playground(app, pagename, templatename, context, doctree):
    """Let the playground load its scripts and its style, which no other page needs."""
    if pagename == "playground":
        app.add_css_file("playground.css")
        for name in PLAYGROUND:
            app.add_js_file(f"{name}.js", loading_method="defer")


def setup(app):
    """Connect the functions above to the build."""
    app.connect("source-read", notebook_pages.prepare)
    app.connect("doctree-read", notebook_pages.add_text_alternatives)
    app.connect("doctree-resolved", notebook_pages.number_captions)
    app.connect("doctree-resolved", terms.link_terms)
    app.connect("html-page-context", add_head)
    app.connect("html-page-context", add_buttons)
    app.connect("html-page-context", add_playground)
