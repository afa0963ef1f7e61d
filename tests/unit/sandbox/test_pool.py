from hotpack.sandbox.pool import Pool


def test_the_sandbox_that_was_used_last_is_taken_first() -> None:
    pool: Pool[str] = Pool(idle_life_s=10)
    pool.give("older", now_s=0)
    pool.give("newer", now_s=1)
    assert [pool.take(2), pool.take(2), pool.take(2)] == ["newer", "older", None]


def test_a_sandbox_that_was_idle_for_too_long_is_not_taken() -> None:
    pool: Pool[str] = Pool(idle_life_s=10)
    pool.give("sandbox", now_s=0)
    assert pool.take(10) is None
    assert pool.take_expired(10) == ["sandbox"]
    assert pool.take_expired(10) == []


def test_only_what_expired_is_taken_out() -> None:
    pool: Pool[str] = Pool(idle_life_s=10)
    pool.give("older", now_s=0)
    pool.give("newer", now_s=5)
    assert pool.next_expiry_s() == 10
    assert pool.take_expired(12) == ["older"]
    assert pool.next_expiry_s() == 15
    assert pool.take_all() == ["newer"]
    assert pool.next_expiry_s() is None
