"""Confirming: that it is the person who changes how they log in, and not somebody at their screen."""

from watchbell.domain.accounts import Means, Principal, User
from watchbell.domain.errors import CodeNeeded, Conflict, Fault, Faulty, Forbidden, Missing
from watchbell.ports.store import Transaction
from watchbell.usecases.administering import PROOF_FIELD, Proof
from watchbell.usecases.authenticating import Authenticating


def refuse_keys(by: Principal) -> None:
    """Raise `Forbidden` for a caller who came by a key, or is nobody's."""
    if by.means is Means.KEY or not by.user_id:
        raise Forbidden("A key does not see to how its owner logs in: log in for that.")


async def oneself(tx: Transaction, by: Principal) -> User:
    """The user that the caller is.

    Raises:
        Missing: they were deleted.
    """
    found = await tx.users.get(by.user_id)
    if found is None:
        raise Missing("There is no such user.")
    return found


class Confirming:
    """Asks for the present password, and for a code where two-step log-in is on. Wrong ones count as guesses."""

    def __init__(self, authenticating: Authenticating) -> None:
        self._authenticating = authenticating

    async def refuse_without_password(self, tx: Transaction, user: User) -> None:
        """Raise `Conflict` for somebody whose password is neither kept here nor by a directory."""
        if not await self._authenticating.has_password(tx, user):
            raise Conflict("You have no password here: whoever logs you in may ask for a second step.")

    async def confirm(self, user: User, proof: Proof) -> None:
        """The password.

        Raises:
            Faulty: it is missing or wrong.
            Throttled: too many wrong ones.
        """
        if not proof.password:
            raise Faulty([Fault(field=PROOF_FIELD, reason="is needed")])
        if not await self._authenticating.confirm(user, proof.password, proof.address, directories=True):
            raise Faulty([Fault(field=PROOF_FIELD, reason="is not your present password")])

    async def confirm_with_code(self, user: User, code: str, proof: Proof) -> None:
        """The password, and a code, which is used up, where two-step log-in is on.

        Raises:
            Faulty: one of them is missing or wrong.
            Throttled: too many wrong ones.
        """
        await self.confirm(user, proof)
        try:
            await self._authenticating.demanding.use_code(user, code, proof.address)
        except CodeNeeded as error:
            # The caller is known; it is what they typed that is wrong.
            raise Faulty([Fault(field="code", reason=error.reason)]) from None
