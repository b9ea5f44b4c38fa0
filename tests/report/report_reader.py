"""Reads a report as a browser would: its elements, their attributes, and the text between them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "input"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Document:
    """Elements in document order, and the order in which tags open and close."""

    elements: list[Element] = field(default_factory=list)
    shape: list[str] = field(default_factory=list)

    def named(self, name: str) -> list[Element]:
        return [element for element in self.elements if element.name == name]

    def texts(self) -> str:
        return "\n".join(element.text for element in self.elements)

    def values(self) -> list[str]:
        """Everything a reader may be shown: text and attribute values."""
        return [value for element in self.elements for value in (element.text, *element.attributes.values())]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.document = Document()
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.document.elements.append(element)
        self.document.shape.append(f"<{tag} {sorted(element.attributes)}>")
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()
        self.document.shape.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1].text += data


def read(html: str) -> Document:
    """The document; asserts that every element is closed, by its own tag and in order."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open, f"never closed: {[element.name for element in reader.open]}"
    return reader.document
