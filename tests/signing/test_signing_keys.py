"""Named Ed25519 keys: the vectors of RFC 8032 and of signed notes, key files, and what is refused."""

import base64
import os
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import StorageError, TrustError, UsageError
from detent.signing import SigningKey, VerifyKey

# RFC 8032 section 7.1, tests 1 and 2: secret, public, message, signature
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
]
# C2SP signed-note v1.0.0, "Verifier keys"
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.create("steward-1")


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_keys_and_signatures_are_those_of_rfc_8032(
    secret: str, public: str, message: str, signature: str
) -> None:
    key = SigningKey.from_seed("rfc", bytes.fromhex(secret))
    assert key.verify_key.public.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature


def test_the_verify_key_of_the_specification_is_read_and_written_again() -> None:
    key = VerifyKey.parse(VKEY)
    assert (key.name, key.id.hex()) == ("example.com/foo", "530d903a")
    assert str(key) == VKEY


@given(
    st.text(st.characters(categories=["L", "N", "P"], codec="utf-8", exclude_characters="+"), min_size=1),
    st.binary(min_size=32, max_size=32),
)
def test_verify_keys_survive_their_text(name: str, public: bytes) -> None:
    assert VerifyKey.parse(str(VerifyKey(name, public))) == VerifyKey(name, public)


ZEROS = base64.b64encode(b"\x01" + bytes(32)).decode()
BAD_VKEYS = {
    "nothing": "",
    "a name alone": "example.com/foo",
    "no key": "example.com/foo+530d903a+",
    "no name": VKEY.removeprefix("example.com/foo"),
    "a space in the name": VKEY.replace("/", " "),
    "a no-break space in the name": VKEY.replace("/", "\u00a0"),
    "a newline after it": VKEY + "\n",
    "a hash in upper case": VKEY.replace("530d903a", "530D903A"),
    "a hash that is not the key's": VKEY.replace("530d903a", "530d903b"),
    "another name with the same hash": VKEY.replace("foo", "bar"),
    "another key with the same hash": f"example.com/foo+530d903a+{ZEROS}",
    "a key cut short": VKEY[:-4],
    "text that is no base64": VKEY[:-1],
    "URL-safe base64": VKEY.replace("Aek", "-_k"),
    "a key of another type": "example.com/foo+530d903a+" + base64.b64encode(b"\x04" + bytes(32)).decode(),
    "a key of 31 bytes": "example.com/foo+530d903a+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
}


@pytest.mark.parametrize("attack", BAD_VKEYS)
def test_a_verify_key_is_refused_with(attack: str) -> None:
    with pytest.raises(UsageError, match="expected, got"):
        VerifyKey.parse(BAD_VKEYS[attack])


@given(st.text(max_size=80))
def test_any_text_is_a_verify_key_or_refused(text: str) -> None:
    with pytest.raises(UsageError):
        VerifyKey.parse(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\tb", "\u2003", "a\u0000", "\ud800", "\u200b"])
def test_no_key_has_a_name_that_a_note_cannot_hold(name: str) -> None:
    with pytest.raises(UsageError, match="a key name without spaces"):
        SigningKey.create(name)
    with pytest.raises(UsageError, match="a key name without spaces"):
        VerifyKey(name, bytes(32))


def test_a_signature_verifies_for_its_key_and_message_only(key: SigningKey) -> None:
    signature = key.sign(b"promote")
    key.verify_key.verify(signature, b"promote")
    wrong = {
        "another message": (key, signature, b"reject"),
        "another key": (SigningKey.create("steward-1"), signature, b"promote"),
        "a flipped bit": (key, bytes([signature[0] ^ 1]) + signature[1:], b"promote"),
        "a signature cut short": (key, signature[:-1], b"promote"),
        "no signature": (key, b"", b"promote"),
    }
    for signer, given_signature, message in wrong.values():
        with pytest.raises(TrustError, match="a signature by steward-1 expected"):
            signer.verify_key.verify(given_signature, message)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_has_32_bytes(length: int) -> None:
    with pytest.raises(UsageError, match=f"a seed of 32 bytes expected, got {length}"):
        SigningKey.from_seed("x", bytes(length))


def test_created_keys_differ_and_do_not_show_themselves(key: SigningKey) -> None:
    assert key.verify_key != SigningKey.create("steward-1").verify_key
    assert repr(key) == "SigningKey(name='steward-1')"


def test_a_key_survives_its_file_which_only_its_owner_may_read(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "some.pem"
    key.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = SigningKey.load(path)
    assert loaded.verify_key == key.verify_key
    assert loaded.sign(b"x") == key.sign(b"x")
    assert path.read_text().splitlines()[0] == f"detent key: {key.verify_key}"


def test_other_programs_read_the_key_file(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key.save(path)
    try:
        command = ["openssl", "pkey", "-in", str(path), "-pubout", "-outform", "DER"]
        public = subprocess.run(command, capture_output=True, check=True).stdout
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert public[-32:] == key.verify_key.public


def test_a_key_file_without_a_name_is_named_after_its_stem(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    path = secret_file(tmp_path / "ada.pem", pem(private))
    key = SigningKey.load(path)
    assert (key.name, key.verify_key.public) == ("ada", private.public_key().public_bytes_raw())


def test_a_key_is_never_written_over(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key.save(path)
    with pytest.raises(UsageError, match="exists; choose another name"):
        SigningKey.create("steward-2").save(path)
    assert SigningKey.load(path).verify_key == key.verify_key
    (tmp_path / "link.pem").symlink_to(tmp_path / "nowhere.pem")
    with pytest.raises(UsageError, match="exists"):
        key.save(tmp_path / "link.pem")
    with pytest.raises(UsageError, match="make the folder"):
        key.save(tmp_path / "no" / "key.pem")


def test_a_full_disk_leaves_no_half_a_key(
    key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device; nothing was saved"):
        key.save(tmp_path / "key.pem")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o610, 0o666, 0o777])
def test_a_key_that_others_may_touch_is_refused(mode: int, key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key.save(path)
    path.chmod(mode)
    with pytest.raises(TrustError, match=rf"of mode {mode:o}; `chmod 600` it"):
        SigningKey.load(path)


def pem(private: Ed25519PrivateKey, **options: bytes) -> bytes:
    password = options.get("password")
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def secret_file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(32))
P256 = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
NO_KEYS = {
    "an empty file": b"",
    "any text": b"hello",
    "a key cut short": pem(ED25519)[:60],
    "a key under a password": pem(ED25519, password=b"secret"),
    "an elliptic curve key of another kind": P256,
    "a public key": ED25519.public_key().public_bytes_raw(),
    "a name that no note can hold": b"detent key: a b+530d903a+" + ZEROS.encode() + b"\n" + pem(ED25519),
    "a name line that is no verify key": b"detent key: ada\n" + pem(ED25519),
}


@pytest.mark.parametrize("case", NO_KEYS)
def test_no_key_is_loaded_from(case: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected, got"):
        SigningKey.load(secret_file(tmp_path / "key.pem", NO_KEYS[case]))


def test_a_key_file_whose_line_belongs_to_another_key_is_refused(key: SigningKey, tmp_path: Path) -> None:
    text = f"detent key: {key.verify_key}\n".encode() + pem(ED25519)
    with pytest.raises(TrustError, match=r"the private key of steward-1.* expected.*the file was edited"):
        SigningKey.load(secret_file(tmp_path / "key.pem", text))


def test_no_key_is_loaded_from_a_folder_or_from_nowhere(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.pem"):
        with pytest.raises(UsageError, match="a key file expected"):
            SigningKey.load(path)


def never_asked() -> str:
    raise AssertionError("a passphrase was asked for")


def test_a_key_survives_under_a_passphrase_and_its_line_stays_readable(
    key: SigningKey, tmp_path: Path
) -> None:
    path = tmp_path / "key.pem"
    key.save(path, "päss phrase")
    assert SigningKey.load(path, lambda: "päss phrase").verify_key == key.verify_key
    text = path.read_text()
    assert text.splitlines()[:2] == [f"detent key: {key.verify_key}", "-----BEGIN ENCRYPTED PRIVATE KEY-----"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nobody_is_asked_for_the_passphrase_of_an_open_key(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key.save(path)
    assert SigningKey.load(path, never_asked).verify_key == key.verify_key


def test_a_passphrase_is_asked_for_once(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key.save(path, "secret")
    asked: list[str] = ["secret"]
    assert SigningKey.load(path, asked.pop).verify_key == key.verify_key
    assert asked == []


def test_an_encrypted_key_needs_somebody_to_ask(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key.save(path, "secret")
    with pytest.raises(
        UsageError, match=r"a passphrase for the encrypted .* expected, got none and nobody to ask"
    ):
        SigningKey.load(path)


@pytest.mark.parametrize("wrong", ["", "Secret", "secret ", "s", "\ud800", "x" * 5000])
def test_a_wrong_passphrase_opens_nothing(wrong: str, key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key.save(path, "secret")
    with pytest.raises(
        UsageError, match=r"the passphrase of .* expected, got another, or the file is damaged"
    ):
        SigningKey.load(path, lambda: wrong)


@pytest.mark.parametrize("passphrase", ["", "x" * 1024, "\ud800"])
def test_no_key_is_saved_under_a_passphrase_that_is_none(
    passphrase: str, key: SigningKey, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="a passphrase of 1 to 1023 bytes of text expected, got"):
        key.save(tmp_path / "key.pem", passphrase)
    assert list(tmp_path.iterdir()) == []


def test_other_programs_encrypt_the_key_file_too(key: SigningKey, tmp_path: Path) -> None:
    plain, path = tmp_path / "plain.pem", tmp_path / "ada.pem"
    key.save(plain)
    command = ["openssl", "pkcs8", "-topk8", "-scrypt", "-in", str(plain), "-out", str(path)]
    try:
        subprocess.run([*command, "-passout", "pass:secret"], check=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    path.chmod(0o600)
    loaded = SigningKey.load(path, lambda: "secret")
    assert (loaded.name, loaded.verify_key.public) == ("ada", key.verify_key.public)


def test_an_encrypted_key_whose_line_belongs_to_another_key_is_refused(
    key: SigningKey, tmp_path: Path
) -> None:
    text = f"detent key: {key.verify_key}\n".encode() + pem(ED25519, password=b"secret")
    with pytest.raises(TrustError, match="the file was edited"):
        SigningKey.load(secret_file(tmp_path / "key.pem", text), lambda: "secret")
