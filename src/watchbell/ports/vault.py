"""Secrets at rest."""

from typing import Protocol


class Vault(Protocol):
    """Seals secrets with the key of the installation.

    A sealed text starts with `sealed:`; sealing it again changes nothing.
    """

    def seal(self, plain: str) -> str:
        """Encrypt and authenticate."""
        ...

    def unseal(self, sealed: str) -> str:
        """The plain text; text that is not sealed is returned as it is; a wrong key raises `Permanent`."""
        ...
