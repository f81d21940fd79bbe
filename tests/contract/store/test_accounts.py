"""Users, sessions, keys, and the audit trail."""

import msgspec
import pytest

from contract.store.samples import T0, after, new_audit, new_key, new_session, new_user
from watchbell.domain.audit import AuditEntry, AuditQuery
from watchbell.domain.errors import Conflict
from watchbell.domain.plan import FieldChange
from watchbell.ports.login import Known
from watchbell.ports.store import Store


async def test_users_are_found_by_login_ignoring_case_or_by_id(store: Store):
    ann = new_user("u1", "Änn", name="Ann", email="a@example.com", roles=("admin", "user"), last_login=after(1))
    async with store.transaction() as tx:
        await tx.users.save(ann)
        await tx.users.save(new_user("u2", "bob"))
        assert await tx.users.get("u1") == ann
        assert await tx.users.get("äNN") == ann
        assert await tx.users.get("U1") is None
        assert [user.id for user in await tx.users.all()] == ["u2", "u1"]


async def test_a_taken_login_conflicts(store: Store):
    async with store.transaction() as tx:
        await tx.users.save(new_user("u1", "ann"))
        await tx.users.save(new_user("u1", "Ann"))
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.users.save(new_user("u2", "aNN"))


async def test_a_deleted_user_leaves_no_session_and_no_key(store: Store):
    async with store.transaction() as tx:
        await tx.users.save(new_user("u1", "Ann"))
        await tx.sessions.save(new_session("s1", "u1"))
        await tx.sessions.save(new_session("s2", "u2"))
        for key in (new_key("k1", "ann"), new_key("k2", "u1"), new_key("k3", "bob")):
            await tx.keys.save(key)
        await tx.users.delete("u1")
        await tx.users.delete("missing")
        assert await tx.users.all() == []
        assert await tx.sessions.get("s1") is None
        assert await tx.sessions.get("s2") is not None
        assert [key.id for key in await tx.keys.all()] == ["k3"]


async def test_sessions(store: Store):
    session = new_session("s1", "u1")
    async with store.transaction() as tx:
        for item in (session, new_session("s2", "u1"), new_session("s3", "u2"), new_session("s4", "u2")):
            await tx.sessions.save(item)
        seen = msgspec.structs.replace(session, seen_at=after(5))
        await tx.sessions.save(seen)
        assert await tx.sessions.get("s1") == seen
        assert [each.id for each in await tx.sessions.of_user("u1")] == ["s2", "s1"]
        await tx.sessions.delete("s3")
        assert await tx.sessions.get("s3") is None
        await tx.sessions.delete_of("u1")
        assert await tx.sessions.get("s1") is None
        assert await tx.sessions.get("s4") is not None


async def test_purging_drops_expired_sessions_and_old_failures(store: Store):
    async with store.transaction() as tx:
        await tx.sessions.save(new_session("s1", "u1", expires=10))
        await tx.sessions.save(new_session("s2", "u1", expires=11))
        await tx.sessions.failed("ann", after(-86_391))
        await tx.sessions.failed("ann", after(-86_390))
        await tx.sessions.purge(after(10))
        assert await tx.sessions.get("s1") is None
        assert await tx.sessions.get("s2") is not None
        assert await tx.sessions.failures("ann", after(-99_999)) == 1


async def test_failed_logins_are_counted_by_key(store: Store):
    async with store.transaction() as tx:
        for seconds in (1, 2, 2, 3):
            await tx.sessions.failed("ann", after(seconds))
        await tx.sessions.failed("10.0.0.1", after(3))
        assert await tx.sessions.failures("ann", after(2)) == 3
        assert await tx.sessions.failures("ann", after(4)) == 0
        assert await tx.sessions.failures("bob", T0) == 0


async def test_keys(store: Store):
    async with store.transaction() as tx:
        await tx.keys.save(new_key("k2", seconds=2))
        await tx.keys.save(new_key("k1", seconds=1))
        used = msgspec.structs.replace(new_key("k2", seconds=2), last_used=after(9), expires_at=after(10))
        await tx.keys.save(used)
        assert await tx.keys.get("hash-k2") == used
        assert await tx.keys.get("k2") is None
        assert await tx.keys.all() == [new_key("k1", seconds=1), used]
        await tx.keys.delete("k2")
        assert await tx.keys.get("hash-k2") is None


async def test_the_audit_trail_is_read_newest_first(store: Store):
    async with store.transaction() as tx:
        await tx.audit.add([new_audit("e1", 1), new_audit("e3", 3), new_audit("e2", 2), new_audit("e3b", 3)])
    async with store.reading() as tx:
        assert [entry.id for entry in await tx.audit.newest()] == ["e3b", "e3", "e2", "e1"]
        assert await tx.audit.newest(limit=1, before=after(3)) == [new_audit("e2", 2)]


async def test_the_audit_trail_is_searched_and_keeps_what_changed(store: Store):
    full = AuditEntry(
        id="e9",
        at=after(9),
        who="bob",
        action="update",
        kind="user",
        subject="ann",
        text="why",
        category="auth",
        user_id="u1",
        key="abcdef",
        customers=("A", "B"),
        subject_id="u2",
        changes=(FieldChange(field="roles", before=["user"], after=["user", "ops"]),),
        address="10.0.0.1",
        request_id="r1",
        user_agent="curl/8 ü",
    )
    async with store.transaction() as tx:
        await tx.audit.add([new_audit("e1", 1), new_audit("e2", 2), full])
    async with store.reading() as tx:
        everything = AuditQuery()
        assert [entry.id for entry in await tx.audit.find(everything, 0, 2)] == ["e9", "e2"]
        assert [entry.id for entry in await tx.audit.find(everything, 2, 2)] == ["e1"]
        assert await tx.audit.count(everything) == 3
        for narrow in (AuditQuery(who="bob"), AuditQuery(category="auth"), AuditQuery(since=after(9))):
            assert await tx.audit.find(narrow, 0, 9) == [full]
        assert await tx.audit.count(AuditQuery(kind="check", before=after(2))) == 1
        assert await tx.audit.count(AuditQuery(who="bob", kind="check")) == 0
    async with store.transaction() as tx:
        assert await tx.audit.expire(after(2)) == 1
        assert await tx.audit.count(everything) == 2


async def test_whom_providers_vouch_for(store: Store):
    known = Known(issuer="https://id", subject="1", user_id="u1", created_at=T0, last_login=after(1))
    other = Known(issuer="https://di", subject="1", user_id="u1", created_at=T0, last_login=T0)
    async with store.transaction() as tx:
        await tx.users.save(new_user("u1", "ann"))
        await tx.identities.save(known)
        await tx.identities.save(other)
        await tx.identities.save(msgspec.structs.replace(known, last_login=after(2)))
    known = msgspec.structs.replace(known, last_login=after(2))
    async with store.transaction() as tx:
        assert await tx.identities.get("https://id", "1") == known
        assert await tx.identities.get("https://id", "2") is None
        assert await tx.identities.of_user("u1") == [other, known]
        await tx.identities.delete("https://di", "1")
        assert await tx.identities.of_user("u1") == [known]
        await tx.users.delete("u1")
        assert await tx.identities.of_user("u1") == []
