from hotpack import sandbox


def test_the_public_names_are_sorted_and_there() -> None:
    assert sorted(sandbox.__all__) == sandbox.__all__
    assert all(hasattr(sandbox, name) for name in sandbox.__all__)
