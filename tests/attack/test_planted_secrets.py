"""Tests with planted secrets of every kind: none reaches a prompt, and ordinary lines are not hidden."""

from __future__ import annotations

import base64
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.session import Session
from infill_ls.settings import settings_with
from infill_retrieval.crawling.crawl import CrawlStep, crawl_here
from infill_retrieval.secrets.judgement import is_bare, secret_lines, sensitivity
from infill_retrieval.settings import RetrievalSettings
from infill_retrieval.syntax import language_of
from unit.documents import snapshot

# Fakes, put together at run time, so that no scanner takes this file for a leak.
PW = "hunt" + "er2!x"
WORD = "let" + "mein"
KEY = "k3y" + "Zq81" + "Lm0p" + "Vt"
LONG = "9f8E7d6C" + "5b4A39z2" + "81q7"
HEX = "0f1e2d3c" + "4b5a6978" * 3
B64 = base64.b64encode(PW.encode()).decode()
BASIC = base64.b64encode(f"admin:{PW}".encode()).decode()
AZURE = "q8Zr1Lk0pV" * 8 + "=="
UPPER = "QPZRY9X8GF2TVDW0S3JN" * 3

# The file's name, its text, and the secret in it.
PLANTED: list[tuple[str, str, str]] = [
    ("a.yaml", f"password: {PW}", PW),
    ("b.yaml", f"  db_password: {WORD}", WORD),
    ("c.yaml", f"  - apiKey: {KEY}", KEY),
    ("d.yaml", f"    token: {LONG}", LONG),
    ("e.yaml", f"  client-key-data: {AZURE}", AZURE),
    ("f.yaml", f"data:\n  password: {B64}", B64),
    ("g.yaml", f"  - name: DB_PASSWORD\n    value: {PW}", PW),
    ("h.yaml", f"  passphrase: |\n    {PW}", PW),
    ("i.yaml", f"signingKey: '{KEY}'", KEY),
    ("a.properties", f"spring.datasource.password={PW}", PW),
    ("b.properties", f"db.password = {WORD}", WORD),
    ("c.properties", f"api-key={KEY}", KEY),
    ("d.ini", f"secret = {KEY}", KEY),
    ("Dockerfile", f"ENV API_KEY={KEY}", KEY),
    ("Dockerfile", f"ENV DB_PASSWORD {PW}", PW),
    ("Dockerfile", f"ARG ACCESS_TOKEN={LONG}", LONG),
    ("netrc.txt", f"machine example.org login me password {PW}", PW),
    ("netrc2.txt", f"password {KEY}", KEY),
    ("a.sh", f"export X_KEY={LONG}", LONG),
    ("b.sh", f"export DB_PASSWORD={WORD}", WORD),
    ("c.sh", f"PGPASSWORD={PW} psql -h db", PW),
    ("d.sh", f"curl -u admin:{PW} https://example.org", PW),
    ("e.sh", f"curl --user 'admin:{PW}' https://example.org", PW),
    ("f.sh", f"curl -H 'Authorization: Bearer {LONG}' https://example.org", LONG),
    ("g.sh", f"curl -H 'X-Api-Key: {KEY}' https://example.org", KEY),
    ("h.sh", f"tool --password {PW} run", PW),
    ("i.sh", f"tool --api-key={KEY} run", KEY),
    ("j.sh", f"mysql -u root -p{PW} shop", PW),
    ("k.sh", f"sshpass -p {PW} ssh host", PW),
    ("a.py", f'api_key: str = "{KEY}"', KEY),
    ("b.py", f'password = "{WORD}"', WORD),
    ("c.py", f"PASSPHRASE = '{PW}'", PW),
    ("d.py", f'os.environ.setdefault("API_TOKEN", "{LONG}")', LONG),
    ("e.py", f'connect(host="db", password="{PW}")', PW),
    ("f.py", f'SECRET_KEY = """{KEY}"""', KEY),
    ("g.py", f'SECRET_KEY = """\n{KEY}\n"""', KEY),
    ("h.py", f'API_KEY = (\n    "{KEY}"\n)', KEY),
    ("i.py", f"password = r'{PW}'", PW),
    ("j.py", f"secret = b'{KEY}'", KEY),
    ("k.py", f'config["password"] = "{PW}"', PW),
    ("l.py", f'{{"credential": "{KEY}"}}', KEY),
    ("m.py", f'headers = {{"Authorization": "Basic {BASIC}"}}', BASIC),
    ("n.py", f'if password == "{PW}":', PW),
    ("o.py", f'api_key = SecretStr("{KEY}")', KEY),
    ("p.py", f'DSN = "Driver=x;Server=db;Uid=me;Pwd={PW};"', PW),
    ("q.py", f'url = "redis://:{PW}@cache:6379/0"', PW),
    ("r.py", f'url = "postgres://me:{PW}@db/shop"', PW),
    ("s.py", f'connection_string = "Endpoint=sb;{KEY}"', KEY),
    ("t.py", f"account_key = '{KEY}'", KEY),
    ("u.py", f'signing_key = \\\n    "{KEY}"', KEY),
    ("v.py", f'private_key="{KEY}",', KEY),
    ("w.py", f'refreshToken="{LONG}"', LONG),
    ("a.rs", f'const API_KEY: &str = "{KEY}";', KEY),
    ("b.rs", f'let password = String::from("{PW}");', PW),
    ("c.rs", f'const SECRET: &\'static str = r#"{KEY}"#;', KEY),
    ("a.c", f'#define DB_PASSWORD "{PW}"', PW),
    ("b.c", f"#define API_KEY {KEY}", KEY),
    ("c.c", f'static const char password[] = "{PW}";', PW),
    ("a.php", f"define('DB_PASSWORD', '{PW}');", PW),
    ("b.php", f"'password' => '{PW}',", PW),
    ("a.js", f"const clientSecret = `{KEY}`;", KEY),
    ("b.js", f"  apiKey: '{KEY}',", KEY),
    ("c.ts", f'private password: string = "{PW}";', PW),
    ("d.ts", f'accessKey ??= "{KEY}";', KEY),
    ("a.go", f'password := "{PW}"', PW),
    ("b.go", f"const apiSecret = `{KEY}`", KEY),
    ("c.go", f'const ApiKey string = "{KEY}"', KEY),
    ("a.java", f'private static final String PASSWORD = "{PW}";', PW),
    ("b.java", f'"jdbc:mysql://db/shop?user=me&password={PW}"', PW),
    ("c.java", f'env.put("secretKey", "{KEY}");', KEY),
    ("a.kt", f'val passphrase: String = "{PW}"', PW),
    ("a.cs", f'var pwd = @"{PW}";', PW),
    ("a.rb", f"password: '{PW}'", PW),
    ("a.xml", f"<password>{PW}</password>", PW),
    ("b.xml", f'<add key="ApiKey" value="{KEY}"/>', KEY),
    ("a.json", f'"dbPassword": "{PW}"', PW),
    ("b.json", f'{{"name": "API_SECRET", "value": "{KEY}"}}', KEY),
    ("a.toml", f'master-key = "{KEY}"', KEY),
    ("a.sql", f"CREATE USER me IDENTIFIED BY '{PW}';", PW),
    ("b.sql", f"ALTER ROLE me WITH PASSWORD '{PW}';", PW),
    ("a.tf", f'db_password = "{PW}"', PW),
    ("a.http", f"Authorization: Bearer {LONG}", LONG),
    ("b.http", f"X-Auth-Token: {LONG}", LONG),
    ("x.py", f"user.set_password('{PW}')", PW),
    ("d.java", f'store.setPassword("{PW}");', PW),
    ("l.sh", f"java -Dspring.password={PW} -jar a.jar", PW),
    ("m.sh", f"aws configure set aws_secret_access_key {LONG}", LONG),
    ("y.py", f"get(url, auth=('me', '{PW}'))", PW),
    ("npm.txt", f"//registry.example.org/:_authToken={LONG}", LONG),
    ("e.ts", f"// password: {PW}", PW),
    ("f.ts", f'const key = process.env.API_KEY || "{LONG}";', LONG),
    ("b.cs", f'var key = Get("API_KEY") ?? "{LONG}";', LONG),
    ("g.ts", f"text = 'password = \\'{PW}\\'';", PW),
    ("n.sh", f"docker login -u me -p {PW}", PW),
    *[
        (f"form{number}.py", f"x = f('{form}')", form)
        for number, form in enumerate(
            [
                "ghp_" + LONG * 2,
                "gho_" + LONG * 2,
                "github_pat_" + LONG * 3,
                "glpat-" + LONG,
                "gldt-" + LONG,
                "xoxb-" + "123456789012-" + LONG,
                "xapp-" + "1-A" + LONG,
                "https://hooks.slack." + "com/services/T0001/B0002/" + LONG,
                "https://discord." + "com/api/webhooks/" + "123456789012345678/" + LONG * 2,
                "sk_" + "live_" + LONG,
                "rk_" + "test_" + LONG,
                "whsec_" + LONG,
                "AKIA" + "Q3EGRIH7WZ5NQ2LP",
                "AIza" + "SyB1" + LONG + LONG[:11],
                "GOCSPX-" + LONG,
                "AccountKey=" + AZURE,
                "SharedAccessKey=" + AZURE,
                "npm_" + (LONG * 2)[:36],
                "pypi-" + LONG * 3,
                "dckr_" + "pat_" + LONG,
                "hvs." + LONG * 2,
                "1234567890" + ":AA" + (LONG * 2)[:33],
                "M" + LONG + "abcd" + ".G1h2I3." + LONG * 2,
                "AGE-SECRET-" + "KEY-1" + UPPER[:58],
                "SG." + LONG + "." + LONG,
                "SK" + HEX,
                "sk-" + "proj-" + LONG,
                "sk-" + "ant-api03-" + LONG,
                "dop_" + "v1_" + HEX * 2,
                "hf_" + LONG * 2,
                "shpat_" + HEX,
                "eyJ" + "hbGciOiJI.eyJ" + "zdWIiOiIx.sig",
            ]
        )
    ],
]

INNOCENT = """
password = os.environ["DB_PASSWORD"]
password = os.getenv("DB_PASSWORD", "")
password = getpass.getpass("Password: ")
password = config.get("database", "password")
def login(user: str, password: str) -> None:
password: str | None = None
password: Optional[SecretStr] = None
token: Token
token = tokens[0]
token = next(self.tokens)
token = self.stream.current
TOKEN_NAME = "identifier"
TOKEN_STRING = "string"
token_type: "bearer"
auth = "basic"
self.token = token
this.apiKey = options.apiKey;
const apiKey = process.env.API_KEY;
const secret = useSecret();
api_key = "${API_KEY}"
api_key: {{ .Values.apiKey }}
api_key = "your-api-key"
api_key = "<your key here>"
password = "changeme"
password = "xxxxxxxx"
password = "********"
password = None
password = "password"
"password": "Password",
password: "Enter your password",
password: "The password must have eight characters.",
PASSWORD_FIELD = "password"
parser.add_argument("--password", help="the password of the account")
parser.add_argument("--token", default="")
secret_name = "db-credentials"
SECRET_PATH = "/run/secrets/db"
secretKeyRef: db-secret
if token.kind == "name":
if (token === "string") {
sort_key = "created_at"
key = "name"
primary_key = "customer_id"
keyboard = "qwerty12345"
public_key = "c2lnbmF0dXJl"
monkey = "banana1234567"
tokens = ["alpha", "beta", "gamma"]
token_count = 4096
max_tokens: 4096
author = "Somebody Else"
authority = "example.org:8080"
authenticate(user, password)
raise ValueError("password is too short")
# The token is sent with every request.
The secret is kept in the keyring, and the password is never shown.
Basic authentication is not supported.
Use a Bearer token in the header.
url = "https://example.org/path@2"
url = "https://user:password@example.org"
url = "postgres://{user}:{password}@{host}/{name}"
url = f"https://{token}@github.com/x/y"
curl -u "$USER:$PASSWORD" https://example.org
docker run -u 1000:1000 image
export API_KEY=$(cat key)
export TOKEN="$1"
ENV PATH=/usr/local/bin:$PATH
#define KEY_LENGTH 32
#define TOKEN_MAX (1 << 16)
git config credential.helper store
passed = "12 of 13"
set_password("new-password")
password = row["password"] or "none"
// token: see RFC6749
FIELDS = ["password", "hostname"]
aws = "AKIAIOSFODNN7EXAMPLE"
compass = "north-west2"
bypass_cache = "always2"
for key, value in items.items():
map.put("key", "value");
new Error("Unexpected token: " + token)
CREATE TABLE users (password VARCHAR(255) NOT NULL);
password = models.CharField(max_length=128)
@app.post("/token")
from secrets import token_hex
commit 0f1e2d3c4b5a69780f1e2d3c4b5a6978
sha256 = "0f1e2d3c4b5a69780f1e2d3c4b5a6978"
""".strip().split("\n")


def test_there_are_enough_of_both() -> None:
    assert len(PLANTED) >= 79
    assert len(INNOCENT) >= 60


@pytest.mark.parametrize(("name", "text", "secret"), PLANTED, ids=lambda value: value[:24])
def test_the_judgement_finds_it(name: str, text: str, secret: str) -> None:
    lines = ["first = 1", *text.split("\n"), "last = 2"]
    language = language_of(name)
    hidden = secret_lines(lines, bare=is_bare(language.name), language=language)
    left = [line for number, line in enumerate(lines) if number not in hidden]
    assert secret not in "\n".join(left)
    assert {"first = 1", "last = 2"} <= set(left)


@pytest.mark.parametrize("line", INNOCENT)
@pytest.mark.parametrize("bare", [False, True])
def test_an_innocent_line_is_left(line: str, bare: bool) -> None:
    for file in ("a.py", "a.ts", "a.go", "a.rb"):
        lines = ["first = 1", line, "last = 2"]
        assert secret_lines(lines, bare=bare, language=language_of(file)) == []


@pytest.fixture
def crawls_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crawl in this process, which finds the same as a child process (``tests/retrieval/test_worker.py``)."""

    def crawl(
        folder: Path, settings: RetrievalSettings, _stop: object
    ) -> Generator[CrawlStep, None, bool]:
        return crawl_here(folder, settings)

    monkeypatch.setattr("infill_retrieval.index.crawl_apart", crawl)


async def prompts_of(text: str, folder: Path, name: str, before: str) -> str:
    engine = ScriptedEngine(["net_price(1)"])
    settings = settings_with(think_ahead=False)
    session = Session(settings, engine_factory=lambda *_: engine)
    await session.set_folders([folder])
    here = replace(snapshot(before, name=name), language_id=language_of(name).name)
    session.document_opened(here.uri, None, here.text.replace(text, ""), here.language_id)
    await session.suggest(here)
    await session.close()
    return "\n".join(prompt.text for prompt in engine.prompts)


SEARCHED = [case for case in PLANTED if language_of(case[0]).name != "plaintext"]


@pytest.mark.usefixtures("crawls_here")
@pytest.mark.parametrize(("name", "text", "secret"), SEARCHED[::4], ids=lambda value: value[:24])
async def test_no_prompt_of_a_neighbour_holds_it(
    name: str, text: str, secret: str, tmp_path: Path
) -> None:
    marker = "zebra_weigh_crate"
    (tmp_path / name).write_text(f"{marker} = 1\n{text}\n{marker}_two = 2\n", "utf-8")
    shown = await prompts_of(text, tmp_path, "new.py", f"x = {marker}\ny = {marker}_two\nz = ‸\n")
    assert f"{marker}_two = 2" in shown
    assert secret not in shown


@pytest.mark.usefixtures("crawls_here")
@pytest.mark.parametrize(("name", "text", "secret"), PLANTED[::3], ids=lambda value: value[:24])
@pytest.mark.parametrize("above", [True, False])
async def test_no_prompt_of_the_edited_file_holds_one_just_pasted(
    name: str, text: str, secret: str, above: bool, tmp_path: Path
) -> None:
    if is_bare(language_of(name).name):
        name = "a.yaml"
    before = f"a = 1\n{text}\nb = ‸\nc = 3\n" if above else f"a = 1\nb = ‸\nc = 3\n{text}\n"
    shown = await prompts_of(text, tmp_path, name, before)
    assert secret not in shown


async def test_a_dummy_of_a_test_hides_its_line_and_no_more(tmp_path: Path) -> None:
    dummy = f'client.login(password="{PW}")'
    shown = await prompts_of(dummy, tmp_path, "test_a.py", f"a = 1\n{dummy}\nb = ‸\nc = 3\n")
    assert PW not in shown
    assert "a = 1\n\n" in shown
    assert "c = 3" in shown


@pytest.mark.parametrize(
    "dummy",
    [
        f'password = "{PW}"',
        'login("http://user:" + "x")',
        "url = 'https://foo:barbaz" + "@example.org'",
        "key = 'AKIA" + "IOSFODNN7EXAMPLE'",
        "token = 'ghp_" + "x" * 36 + "'",
    ],
)
def test_no_dummy_switches_a_source_file_off(dummy: str) -> None:
    assert sensitivity("test_a.py", dummy) is None


LIKE_A_REAL_ONE = f'token = "{"ghp_" + LONG * 2}"'


@pytest.mark.parametrize(
    ("path", "stays_on"),
    [
        ("/w/test_a.py", True),
        ("/w/tests/a.py", True),
        ("/w/src/__tests__/deep/a.ts", True),
        ("/w/a.spec.ts", True),
        ("/w/a_test.go", True),
        ("/w/AuthTests.cs", True),
        ("/w/conftest.py", True),
        ("/w/Shop.Tests/a/b/C.cs", True),
        ("/w/tests/fixtures/settings.yaml", False),
        ("/w/tests/settings.ini", False),
        ("/w/a.py", False),
        ("/w/latest.py", False),
        ("/w/contest.py", False),
        ("/w/attestation/a.py", False),
        ("/tests/w/x/y/z/a.py", False),
        ("/w/test_x0/a.py", False),
    ],
)
def test_a_token_switches_the_source_of_a_test_not_off(path: str, stays_on: bool) -> None:
    assert (sensitivity(path, LIKE_A_REAL_ONE) is None) == stays_on
    assert secret_lines([LIKE_A_REAL_ONE]) == [0]


async def test_of_a_token_in_a_test_no_prompt_holds_anything(tmp_path: Path) -> None:
    text = f"a = 1\n{LIKE_A_REAL_ONE}\nb = ‸\nc = 3\n"
    shown = await prompts_of(LIKE_A_REAL_ONE, tmp_path, "test_a.py", text)
    assert LONG not in shown
    assert "c = 3" in shown
    assert await prompts_of(LIKE_A_REAL_ONE, tmp_path, "a.py", text) == ""


def test_a_key_that_begins_above_the_text_is_hidden() -> None:
    body = [("Ab3" * 22)[:64] + "\n" for _ in range(3)]
    end = "-----END " + "PRIVATE KEY-----"
    lines = ["x = 1", *(f'    "{line.strip()}\\n"' for line in body), f'    "{end}"', "y = 2"]
    assert secret_lines(lines) == [1, 2, 3, 4]


def test_arguments_below_each_other() -> None:
    assert secret_lines(["os.putenv(", '    "DB_PASSWORD",', f'    "{PW}",', ")"]) == [2]
    assert secret_lines(["x = [", '    "password",', '    "hostname",', "]"]) == []
    assert secret_lines(["f(c.get('password'),", "  'hostname')"]) == []


async def test_nothing_is_completed_on_the_line_of_a_secret(tmp_path: Path) -> None:
    line = f'password = "{PW}"'
    assert await prompts_of(line, tmp_path, "a.py", f"a = 1\n{line}‸\n") == ""


@pytest.mark.parametrize(
    "piece",
    ["password=", "token: ", "a" * 50, '"secret": ', "://a:b", "-p ", "key_", "=", " ", "Basic "],
)
def test_the_judgement_takes_linear_time(piece: str) -> None:
    started = time.process_time()
    secret_lines([piece * (200_000 // len(piece))], bare=True)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("above", ["password = (\n", "os.putenv(\n    'DB_PASSWORD',\n"])
async def test_no_secret_is_suggested_below_its_name(above: str) -> None:
    for written, is_shown in ((f'"{PW}"', False), ("ask(user)", True)):
        engine = ScriptedEngine([written])
        settings = settings_with(think_ahead=False, snippet_tokens=0, min_probability=0)
        session = Session(settings, engine_factory=lambda *_, engine=engine: engine)
        report = await session.suggest(snapshot(f"{above}    ‸\n)\n"))
        assert (report.suggestion is not None) == is_shown
        await session.close()


@pytest.mark.parametrize("name", ["settings.ini", "a.properties", "app.conf", "hosts.yaml"])
async def test_the_name_of_settings_counts_whatever_the_editor_takes_them_for(
    name: str, tmp_path: Path
) -> None:
    line = f"db_password = {WORD}"
    engine = ScriptedEngine(["net_price(1)"])
    settings = settings_with(think_ahead=False, snippet_tokens=0)
    session = Session(settings, engine_factory=lambda *_: engine)
    text = f"a = 1\n{line}\nb = ‸\nc = 3\n"
    for path in (str(tmp_path / name), ""):
        here = replace(snapshot(text, name=name), language_id="python", path=path)
        await session.suggest(here)
    await session.close()
    shown = "\n".join(prompt.text for prompt in engine.prompts)
    assert "c = 3" in shown
    assert WORD not in shown
