"""Views: filters that people keep."""

import msgspec
import pytest

from contract.store.samples import after
from watchbell.domain.accounts import User
from watchbell.domain.errors import Conflict
from watchbell.domain.views import View
from watchbell.ports.store import Store


def new_view(view_id: str, owner: str = "u1", **more: object) -> View:
    plain = View(id=view_id, owner=owner, name=f"view {view_id}", query="status=open&q=%C3%BC", created_at=after(0))
    return msgspec.structs.replace(plain, **more)


async def test_ones_own_and_those_that_are_shared_by_name(store: Store):
    mine, early = new_view("v1", name="zebra"), new_view("v2", name="ant")
    shared, foreign = new_view("v3", "u2", name="mouse", shared=True), new_view("v4", "u2")
    async with store.transaction() as tx:
        for view in (mine, early, shared, foreign):
            await tx.views.save(view)
    async with store.reading() as tx:
        assert await tx.views.of("u1") == [early, shared, mine]
        assert await tx.views.of("") == [shared]
        assert await tx.views.get("v4") == foreign
        assert await tx.views.get("v9") is None
    changed = msgspec.structs.replace(mine, name="bee", shared=True)
    async with store.transaction() as tx:
        assert await tx.views.get("v1") == mine
        await tx.views.save(changed)
        await tx.views.delete("v2")
    async with store.reading() as tx:
        assert await tx.views.of("u1") == [changed, shared]


async def test_nobody_has_two_of_a_name(store: Store):
    async with store.transaction() as tx:
        await tx.views.save(new_view("v1", name="mine"))
        await tx.views.save(new_view("v2", "u2", name="mine"))
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.views.save(new_view("v3", name="mine"))


async def test_those_that_are_not_shared_go_with_their_user(store: Store):
    shared = new_view("v1", shared=True)
    async with store.transaction() as tx:
        await tx.users.save(User(id="u1", login="ann", created_at=after(0)))
        await tx.views.save(shared)
        await tx.views.save(new_view("v2"))
    async with store.transaction() as tx:
        await tx.users.delete("u1")
    async with store.reading() as tx:
        assert await tx.views.of("u1") == [shared]
