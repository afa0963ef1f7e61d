import sys

from hotpack.sandbox.guest.bootstrap import lambda_path

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


def test_modules_are_looked_up_in_lambdas_order() -> None:
    started_with = ["/var/runtime", "/var/runtime", "/lang/lib.zip", "/lang/lib"]
    assert lambda_path("/var/task", "/opt", "/var/runtime", started_with) == [
        "/var/task",
        f"/opt/python/lib/{VERSION}/site-packages",
        "/opt/python",
        "/var/runtime",
        "/lang/lib.zip",
        "/lang/lib",
    ]


def test_a_pythonpath_of_the_users_comes_behind_the_runtime() -> None:
    started_with = ["/our/guest", "/mine", "/lang/lib"]
    path = lambda_path("/task", "/opt", "/client", started_with)
    assert path[-3:] == ["/client", "/mine", "/lang/lib"]
    assert "/our/guest" not in path
