"""Link the words of the glossary where a page uses them first."""

import re

from docutils import nodes

# Words of the glossary that are also words of every day: they are linked in a longer name only.
EVERYDAY = {"rate", "recall", "check", "evidence", "edition", "precision", "generator"}
NOT_IN = (
    nodes.title,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.caption,
    nodes.raw,
    nodes.table,
)
FORMULA = "\N{OBJECT REPLACEMENT CHARACTER}"  # stands for one in plain text
NO_TERMS = ("index", "glossary", "notation")


def names(term):
    """The names that a term of the glossary goes by: "A (B), c" has three."""
    parts = [part.strip() for part in re.split(r", (?![^(]*\))|[()]", term)]
    return [part for part in parts if part and part.lower() not in EVERYDAY]


def pattern(words):
    """Finds any of some names as whole words; abbreviations as they are, others in any case."""

    def one(name):
        # only the first letter of an ordinary word may change: "Nat" is "nat" and not "NAT"
        first = (
            name[0] if re.match(r"[A-Z][A-Z-]", name) else f"[{name[0].upper()}{name[0].lower()}]"
        )
        rest = re.escape(name[1:]).replace(r"\ ", r"\s+")
        return first + rest + "(?:s|es)?"

    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(one, longest_first))})(?![\w-])")


def link_terms(app, doctree, docname):
    """Link the first use of each term on a page to the glossary."""
    if docname in NO_TERMS:
        return
    terms = {
        name: place
        for (kind, name), place in app.env.domains.standard_domain.objects.items()
        if kind == "term"
    }
    left = {label: pattern(names(term)) for term, (_, label) in terms.items() if names(term)}
    place = app.builder.get_relative_uri(docname, "glossary")
    meanings = definitions(app.env.get_doctree("glossary"))
    for text in list(doctree.findall(nodes.Text)):
        if not _is_prose(text):
            continue
        pieces, rest = [], text.astext()
        while found := _first(left, rest):
            label, match = found
            del left[label]
            link = nodes.reference("", match[0], refuri=f"{place}#{label}", internal=True)
            link["classes"].append("term")
            if label in meanings:
                link["reftitle"] = meanings[label]
            pieces += [nodes.Text(rest[: match.start()]), link]
            rest = rest[match.end() :]
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(rest)])


def definitions(glossary):
    """What each term means, by its label: plain text, up to the first sentence with a formula."""
    meanings = {}
    for item in glossary.findall(nodes.definition_list_item):
        *heads, definition = item
        for formula in definition.findall(nodes.math):
            formula.children = [nodes.Text(FORMULA)]
        plain, formula, _ = " ".join(definition.astext().split()).partition(FORMULA)
        if formula:
            plain = plain[: plain.rfind(". ") + 1]
        if plain:
            meanings |= {label: plain for head in heads for label in head["ids"]}
    return meanings


def _first(left, text):
    """The label and the match of the term that a text uses first; the longer of two at a place."""
    found = [(label, match) for label, words in left.items() if (match := words.search(text))]
    return min(found, key=lambda pair: (pair[1].start(), -len(pair[1][0])), default=None)


def _is_prose(text):
    node = text.parent
    if not isinstance(text.parent, nodes.TextElement):
        return False
    while node is not None:
        if isinstance(node, NOT_IN) or "references" in node.get("ids", ()):
            return False
        node = node.parent
    return True
