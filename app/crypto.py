"""Tokens encrypted at rest: the first key encrypts, every key decrypts, so keys can be rotated."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.errors import Broken


class Vault:
    """Encrypts and decrypts short texts with the installation's keys."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, text: str) -> str:
        """Return ``text`` encrypted with the first key."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, text: str) -> str:
        """Return what was encrypted; raise Broken if none of the keys fits."""
        try:
            return self._fernet.decrypt(text.encode()).decode()
        except InvalidToken as error:
            raise Broken(
                "A stored token was encrypted with a key that is not in ENCRYPTION_KEYS; add the old key to its end."
            ) from error
