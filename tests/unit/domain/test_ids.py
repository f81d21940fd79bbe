"""Identifiers."""

import uuid

from watchbell.domain.ids import SHARDS, new_id, shard_of


def test_an_identifier_is_a_random_uuid_as_everybody_writes_them() -> None:
    drawn = {new_id() for _ in range(500)}
    assert len(drawn) == 500
    for one in drawn:
        parsed = uuid.UUID(one)
        assert (str(parsed), parsed.version, parsed.variant) == (one, 4, uuid.RFC_4122)
    assert {one[19] for one in drawn} == set("89ab")


def test_a_shard_is_the_same_everywhere() -> None:
    assert shard_of("5f0c1c1e-8c4a-4a53-9f0e-0d7d5bd5a7a1") == 10
    assert {shard_of(new_id()) for _ in range(2000)} == set(range(SHARDS))
