"""Secrets do not get into a function unseen."""

from pathlib import Path

import pytest

from hotpack.errors import ConfigError
from hotpack.project import collect_code, load_project, refuse_secrets

KEY = "AKIA" + "QWERTYUIOPASDFGH"
DER = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
SECRET = "aws_secret_access_key = " + "a1B2c3D4e5" * 4


def check(root: Path, path: str, text: str, table: str = "") -> None:
    (root / "pyproject.toml").write_text(f'[tool.hotpack]\nhandler = "app.handler"\n{table}')
    (root / "app.py").write_text("def handler(event, context): ...\n")
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    project = load_project(root)
    code = collect_code(project)
    assert path in {file.path for file in code}
    refuse_secrets(project, code)


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("app/__init__.py", f"KEY = '{KEY}'", "an AWS access key"),
        ("app/__init__.py", f"x = '''\n{SECRET}\n'''", "an AWS secret key"),
        ("app/__init__.py", f'{{"AwsSecretAccessKey": "{"x" * 40}"}}', "an AWS secret key"),
        ("key.py", f'K = """-----BEGIN RSA PRIVATE KEY-----\n{DER}', "a private key"),
        ("key.py", f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,E\n\n{DER}", "a private key"),
        ("key.py", rf'"-----BEGIN PRIVATE KEY-----\n{DER}', "a private key"),
        ("key.py", f'K = """-----BEGIN PRIVATE KEY-----\n{DER}', "a private key"),
    ],
)
def test_contents(tmp_path: Path, path: str, text: str, what: str) -> None:
    """Keys in the text of a file are found, whatever the file is called."""
    with pytest.raises(ConfigError, match=f"{path} would be in the function, .* {what}"):
        check(tmp_path, path, text)


@pytest.mark.parametrize(
    "name", [".env", ".env.prod", "id_rsa", "store.p12", "store.jks", ".netrc", ".pypirc"]
)
def test_names(tmp_path: Path, name: str) -> None:
    """So are files that are called as files of secrets are."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").touch()
    with pytest.raises(ConfigError, match=rf"app/{name} would be in the function"):
        check(tmp_path, f"app/{name}", "x")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/__init__.py", "KEY = 'AKIAIOSFODNN7EXAMPLE'"),
        ("app/__init__.py", "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']"),
        ("app/__init__.py", f"DIGEST = '{'A' * 64}'"),
        ("certificates.py", 'C = """-----BEGIN CERTIFICATE-----\nMII'),
        ("key.py", 'K = """-----BEGIN PUBLIC KEY-----\nMII'),
        ("key.py", 'if text.startswith("-----BEGIN PRIVATE KEY-----"): raise ValueError'),
    ],
)
def test_harmless(tmp_path: Path, path: str, text: str) -> None:
    """Examples, names, digests, certificates, public keys and code that looks for keys are none."""
    check(tmp_path, path, text)


def test_override(tmp_path: Path) -> None:
    """The hint names what lets a file pass, and that lets it pass."""
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, "key.py", f"K = '{KEY}'")
    hint = caught.value.hint or ""
    assert 'allow_secrets = ["key.py"]' in hint
    check(tmp_path, "key.py", f"K = '{KEY}'", 'allow_secrets = ["key.py"]')
