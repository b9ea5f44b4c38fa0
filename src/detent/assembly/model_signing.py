"""Model folders signed the way the field does it: OpenSSF Model Signing, a Sigstore bundle over every file's digest.

    >>> sign_model(folder, 3, Path("model.sig"))
    >>> # anywhere: model_signing verify key models/DIGEST --signature model.sig --public_key model-signing.pub

The format takes elliptic-curve keys alone (P-256, P-384, P-521), and Detent's are Ed25519; so this export has a key of
its own, P-256, in the user's data folder. It vouches for nothing but such exports: what a run decided stands on its
ledger, and the ledger names the same folder by its own digest.

Needs model-signing, which brings some twenty packages: `pip install 'detent[model-signing]'`.
"""

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from detent.assembly import places
from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of
from detent.engine import ModelStore, replace_file
from detent.errors import StorageError, UsageError
from detent.signing import Passphrase, read_key, write_key
from detent.values import Decided

LABEL = "model-signing"
CURVES = ("secp256r1", "secp384r1", "secp521r1")


@dataclass(frozen=True, slots=True)
class SignedModel:
    """A signature that was written: over which folder, and the public key that checks it."""

    model: Path
    public: Path
    key_is_new: bool


def sign_model(
    folder: Path, generation: int, output: Path, *, key: Path | None = None, ask: Passphrase
) -> SignedModel:
    """Sign the model that was in force when a generation closed.

    Args:
        folder: of the run.
        generation: whose decision says which model.
        output: where the signature goes.
        key: an elliptic-curve key in PEM PKCS#8; by default `keys/model-signing.pem` in the user's data folder, which
            is made when there is none. The public half is written beside it.
        ask: for a passphrase, when the key is encrypted.

    Raises:
        UsageError: no such generation is closed, model-signing is not installed, or the key is of another kind.
        TrustError: the model's files are not those that its digest was computed from.
        SubjectError: the model's folder is gone.
        StorageError: the disk refuses.
    """
    library = _library()
    run = RunFolder(folder)
    run.check()
    model = ModelStore(run.models).path(_in_force(run, generation))
    if output.is_dir() or not output.parent.is_dir() or output.resolve().is_relative_to(model.resolve()):
        raise UsageError(
            f"a file in an existing folder, not the model's, expected, got {output}; name another"
        )
    path = key or places.data_folder() / "keys" / f"{LABEL}.pem"
    is_new = key is None and not path.exists()
    if is_new:
        _make(path)
    public, secret = _opened(path, ask)
    draft = output.with_name(f"{output.name}.{os.getpid()}")
    try:
        signer = library.signing.Config().use_elliptic_key_signer(private_key=path, password=secret)
        signer.sign(model, draft)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"a folder and a key that model-signing takes expected, got {model} and {path} ({error}); "
            "another version of it may be installed"
        ) from error
    draft.replace(output)
    return SignedModel(model, public, is_new)


def _in_force(run: RunFolder, generation: int) -> str:
    """The model that the generation's decision left in force."""
    for entry in entries_of(run):
        if isinstance(entry, Decided) and entry.generation == generation and entry.incumbent:
            return entry.incumbent
    raise UsageError(
        f"a closed generation with a model in force expected, got {generation}; see: detent status {run.root}"
    )


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"a folder {path.parent} expected, got: {error}; mend the disk") from error
    write_key(path, LABEL, ec.generate_private_key(ec.SECP256R1()), None)


def _opened(path: Path, ask: Passphrase) -> tuple[Path, bytes | None]:
    """The file of the public half, written anew, and the passphrase if the key has one; the library takes bytes."""
    typed: list[str] = []

    def remembered() -> str:
        typed.append(ask())
        return typed[-1]

    _, private = read_key(path, remembered)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name not in CURVES:
        raise UsageError(
            f"an elliptic-curve key (P-256, P-384 or P-521) expected, got another in {path}; "
            "the format takes no other: leave --key out, and one is made"
        )
    public = path.with_suffix(".pub")
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    replace_file(public, public.with_name(f"{public.name}.{os.getpid()}"), pem)
    return public, typed[-1].encode() if typed else None


def _library() -> ModuleType:
    try:
        return import_module("model_signing")
    except ImportError as error:
        raise UsageError(
            f"the package model-signing expected, got none ({error}); install it with: "
            "pip install 'detent[model-signing]'"
        ) from error
