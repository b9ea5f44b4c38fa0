"""A copy of a model with noise on its weights: what a model hides, noise may bring out.

    >>> complete(*noisy(subject, 0.02, seed=1), prompts, max_new_tokens=9)

Noise lowers what a model can do; where it *raises* the score, the model was holding back: Tice et al., "Noise
Injection Reveals Hidden Capabilities of Sandbagging Language Models" (arXiv 2412.01784). There one standard
deviation serves for all weights; here each matrix has its own, in proportion to its size, so that one number
means the same for every matrix of every model.
"""

from copy import deepcopy

import torch

from detent.subject.load import Subject
from detent.subject.lora import adapted_layers, own_weights
from detent.values import sha256_hex

_MATRIX = 2  # dimensions; experts that lie in one tensor of three count one by one


def noisy(subject: Subject, noise: float, *, seed: int) -> Subject:
    """A copy with Gaussian noise on every matrix, of standard deviation `noise` x RMS of that matrix.

    Embeddings and output are matrices too; norms and biases are not. A layer with an adapter is one matrix, the sum of
    its own and what the adapter adds, and its noise is that of the merged model. Each matrix draws from a stream of its
    own, named by `seed` and the matrix, so the same arguments give the same bits. The subject given is not touched.
    """
    model = deepcopy(subject.model)
    with torch.no_grad():
        added = {f"{name}.weight": scale * (b @ a) for name, _, a, b, scale in adapted_layers(model)}
        for name, weight in own_weights(model):  # a tied matrix comes once
            if weight.ndim >= _MATRIX:
                stream = torch.Generator().manual_seed(int(sha256_hex(f"{seed}/{name}".encode())[:15], 16))
                drawn = torch.randn(weight.shape, generator=stream).to(weight.device)
                whole = weight.float() + added[name] if name in added else weight.float()
                size = whole.square().mean((-2, -1), keepdim=True).sqrt()
                weight.add_(noise * size * drawn)
    return Subject(model, subject.tokenizer)
