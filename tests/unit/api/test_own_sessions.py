"""A person's own sessions: seen by them alone, and ended by them."""

from datetime import timedelta

from api_client import OUR_ORIGIN, PASSWORD, World, key, log_in


async def test_people_see_their_own_sessions_and_end_the_others():
    world = World()
    await world.add_user("ann")
    await world.add_user("bob")
    with world.client() as one, world.client() as two, world.client() as other:
        csrf = log_in(one, "ann") | OUR_ORIGIN
        await world.clock.sleep(60)
        log_in(two, "ann")
        theirs = log_in(other, "bob") | OUR_ORIGIN
        found = one.get("/api/sessions").json()["sessions"]
        assert [row["current"] for row in found] == [False, True]
        assert found[0]["createTime"] == "2026-01-01T12:01:00.000Z"
        assert len(found[0]["id"]) == 16
        assert other.delete(f"/api/sessions/{found[0]['id']}", headers=theirs).status_code == 404
        assert one.delete("/api/sessions").status_code == 403, "only from our own pages"
        assert one.delete("/api/sessions", headers=csrf).json()["ended"] == 1
        assert two.get("/api/session").status_code == 401
        assert other.get("/api/session").status_code == 200
        assert one.delete(f"/api/sessions/{found[1]['id']}", headers=csrf).json()["ended"] == 1
        assert one.get("/api/session").status_code == 401


async def test_keys_are_told_nothing_and_sessions_that_ended_are_not_there():
    world = World()
    await world.add_user("ann")
    await world.add_key("key-of-ann", "admin", user="ann")
    with world.client() as client:
        log_in(client, "ann")
        assert client.get("/api/sessions", headers=key("key-of-ann")).status_code == 403
        assert client.get("/api/sessions", auth=("ann", PASSWORD)).json()["total"] == 1
        world.clock.time += timedelta(hours=12)
        assert client.get("/api/sessions", auth=("ann", PASSWORD)).json()["total"] == 0
        client.cookies.clear()
        assert client.get("/api/sessions").status_code == 401
