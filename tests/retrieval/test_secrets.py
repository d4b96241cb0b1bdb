"""Tests of which lines and files hold secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_retrieval.secrets.judgement import is_sensitive_name, secret_lines, sensitivity

# Put together at run time, so that no scanner takes this file for a leak.
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\nAAAA\n-----END RSA " + "PRIVATE KEY-----"
TOKENS = [
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 12,
    "glpat-" + "a1B2" * 6,
    "xoxb-" + "123456789012",
    "sk-" + "proj-" + "a1B2" * 6,
    "sk_live_" + "a1B2" * 5,
    "AIza" + "a1B2C" * 7,
    "npm_" + "a1B2" * 9,
    "hf_" + "a1B2" * 9,
    "eyJ" + "hbGciOiJI.eyJ" + "zdWIiOiIx.sig",
    "postgres://user:" + "hunter22@db/x",
    'password = "' + "q8Zr1Lk0pVw3Xn5T" + '"',
    "api_key: '" + "9f8e7d6c5b4a39281706f5e4" + "'",
]


@pytest.mark.parametrize(
    "name",
    [
        ".env", ".env.production", "a/b/.ENV.local", "prod.env", "server.pem", "id_rsa", "id_ed25519.bak",
        "credentials.json", ".npmrc", ".netrc", "cert.p12", "service-account-x.json", "main.tfvars", ".Renviron", ".dev.vars", ".my.cnf", ".s3cfg",
        ".flaskenv", "kubeconfig", ".env~", "prod.env.bak", "prod.env.sh", ".yarnrc.yml", "id_rsa.old~",
    ],
)  # fmt: skip
def test_names_of_secret_files(name: str) -> None:
    assert is_sensitive_name(name)
    assert sensitivity(name) is not None


@pytest.mark.parametrize(
    "name",
    [
        "env.py",
        ".env.example",
        ".env.example~",
        "~",
        ".bak",
        "a.py~",
        "environment.ts",
        "key.py",
        "monkey.go",
    ],
)
def test_names_of_other_files(name: str) -> None:
    assert not is_sensitive_name(name)


def test_names_can_be_added() -> None:
    assert is_sensitive_name("x/Vault.yml", extra=["vault.*"])


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token[:6])
def test_lines_with_tokens_are_found(token: str) -> None:
    assert secret_lines(["a = 1", f"t = [ {token} ]", "b = 2"]) == [1]
    assert sensitivity("a.py", f"x {token}") is not None


def test_all_of_a_private_key_is_left_out() -> None:
    assert secret_lines(["a", *KEY.split("\n"), "b"]) == [1, 2, 3, 4]
    assert secret_lines(["x", KEY.split("\n", maxsplit=1)[0], "MII", "never closed"]) == [1, 2, 3]


@pytest.mark.parametrize(
    "line",
    [
        'token = "the_name_of_a_setting"',
        'password = "${DATABASE_PASSWORD_42}"',
        "https://example.org/path@2",
        "class SecretStore: pass",
        "sk-learn and sk-image",
        'key = os.environ["API_KEY"]',
        "public_key = '-----BEGIN PUBLIC KEY-----'",
    ],
)
def test_code_about_secrets_is_no_secret(line: str) -> None:
    assert secret_lines([line]) == []


@given(
    st.lists(
        st.sampled_from(
            [*TOKENS, 'key = "a1b2c3d4e5f6g7h8i9"', "x://a:bcd@e", "x://a", "", "x = 1"]
        )
    )
)
def test_secrets_are_found_line_by_line_wherever_they_stand(lines: list[str]) -> None:
    expected = [number for number, line in enumerate(lines) if secret_lines([line])]
    assert secret_lines(lines) == expected
    assert secret_lines([*lines, "", "-----BEGIN PUBLIC KEY-----"]) == expected


@pytest.mark.parametrize(
    ("pattern", "covered", "others"),
    [
        ("x.py", ["x.py", "/w/x.py", "/w/a/X.py", "/w/x.py.bak"], ["/w/ax.py", "/w/x.py/a"]),
        ("./x.py", ["x.py", "/w/x.py", "/w/x.py~"], ["/w/ax.py"]),
        ("**/x.py", ["x.py", "/w/x.py", "/w/a/b/x.py"], ["/w/ax.py"]),
        ("a/x.py", ["a/x.py", "/w/a/x.py", "/w/A/x.py"], ["/w/b/x.py", "/w/x.py", "/w/a/b/x.py"]),
        ("./a/./x.py", ["/w/a/x.py"], ["/w/x.py"]),
        ("/w/a/x.py", ["/w/a/x.py"], ["/w/x.py", "/v/a/x.py"]),
        ("/w/a/*.py", ["/w/a/x.py"], ["/w/a/b/x.py", "/w/a/x.c"]),
        ("a/**/x.py", ["/w/a/x.py", "/w/a/b/c/x.py"], ["/w/x.py", "/w/a/b/y.py"]),
        ("a/**", ["/w/a/x.py", "/w/a/b/c.py"], ["/w/b/a.py", "/w/a"]),
        ("a/", ["/w/a/x.py", "/w/a/b/c.py"], ["/w/b/x.py"]),
        ("a/b", ["/w/a/b/x.py", "/w/a/b"], ["/w/a/x.py"]),
        ("/", ["/w/a", "x"], []),
        ("*", ["/w/a", "x", "", ".env.example"], []),
    ],
)
def test_further_names_may_be_paths(pattern: str, covered: list[str], others: list[str]) -> None:
    assert [path for path in covered if not is_sensitive_name(path, [pattern])] == []
    assert [path for path in others if is_sensitive_name(path, [pattern])] == []
    assert is_sensitive_name("/w/.env", [pattern])


def test_a_path_of_many_stars_is_judged_in_no_time() -> None:
    pattern = "/".join(["**", "*a*a*a*a*b"] * 30)
    assert not is_sensitive_name("/".join(["a" * 200] * 200), [pattern])
