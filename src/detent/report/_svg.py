"""Elements of an SVG picture, escaped by construction.

>>> element("text", "a < b", x=1.25, class_="note")
Markup('<text x="1.25" class="note">a &lt; b</text>')

Knows nothing of charts. Text and attribute values may come from a model: whatever they hold, they stay text.
"""

from html import escape

from markupsafe import Markup

from detent.report._words import plain


def element(name: str, *children: str, **attributes: str | float) -> Markup:
    """One element; children that are not Markup are text. `class_` is class, `stroke_width` stroke-width."""
    opened = "".join(f' {_attribute(key)}="{_value(value)}"' for key, value in attributes.items())
    inside = "".join(child if isinstance(child, Markup) else escape(plain(child)) for child in children)
    return Markup(f"<{name}{opened}>{inside}</{name}>" if inside else f"<{name}{opened}/>")  # noqa: S704  escaped above


def picture(width: float, height: float, label: str, *children: str, class_: str = "chart") -> Markup:
    """A whole drawing that scales to the width it is given; `label` says in a sentence what it shows."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=label,
        class_=class_,
    )


def path(points: list[tuple[float, float]]) -> str:
    """Straight lines through the points, as path data."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return escape(plain(value)) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
