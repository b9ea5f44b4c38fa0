"""How alike each layer of the one model is to each of the other: debiased linear CKA (`similarity`), in full.

    >>> section(look).similarity[2][3]      # layer 2 of before with layer 3 of after
    0.97

At the places of the answers. A row that is bright beside the diagonal says that a layer does now what another did. It
is the one figure here that needs neither one width nor one depth of the two models.
"""

from detent.interpret.look import Look
from detent.interpret.similarity import similarities
from detent.values.inside import Layers


def section(look: Look) -> Layers:
    """The last layers are taken after the final norm, as Hugging Face gives them.

    Raises:
        Absent: there are fewer than 4 places.
        SubjectError: a model computes what is not finite.
    """
    seen = look.comparable
    return Layers(similarities(seen.before.layers, seen.after.layers), look.matched)
