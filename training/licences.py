"""Which licences the corpus takes, and what a Debian copyright file says of each file.

Debian's machine-readable copyright files name a licence for every file of a source package, by
patterns of which the last that matches counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PERMISSIVE = re.compile(
    r"\bMIT|BSD|Apache|ISC\b|Python Software Foundation|\bPSF|Python-2|Zlib|\bZPL|Zope|Unlicense"
    r"|CC0|Public[ -]Domain|HPND|0BSD|Artistic|BlueOak|WTFPL|\bX11\b|Boost|Expat|\bBSL-1|PostgreSQL"
    r"|\bPHP-3|libpng|\bcurl\b|\bNCSA\b|\bFTL\b|OpenLDAP|Unicode",
    re.IGNORECASE,
)
REFUSED = re.compile(
    r"GPL|General Public|Proprietary|Commercial|SSPL|\bBUSL|Business Source|NonCommercial"
    r"|CC-BY|Elastic License|\bMPL|Mozilla|\bEPL|Eclipse|CDDL|\bCPL|unknown|non-free|UNLICENSED",
    re.IGNORECASE,
)
_FIELD = re.compile(r"^([A-Za-z-]+):[ \t]*(.*)$")


def is_permissive(licence: str) -> bool:
    """Return whether ``licence`` lets the text be used for this and asks for no copyleft."""
    return bool(PERMISSIVE.search(licence)) and not REFUSED.search(licence)


def allows(expression: str) -> bool:
    """Return whether an expression leaves a choice of licences that are all permissive."""
    return any(
        all(is_permissive(part) for part in re.split(r"\s+and\s+|,\s*", choice) if part.strip())
        for choice in re.split(r"\s+or\s+|/", expression)
        if choice.strip()
    )


@dataclass(frozen=True)
class Copyright:
    """A machine-readable copyright file: patterns of files and their licences, in order."""

    stanzas: tuple[tuple[re.Pattern[str], str], ...]

    @classmethod
    def of(cls, text: str) -> Copyright:
        """Read the file; one that no machine can read has no stanzas."""
        stanzas = []
        for block in re.split(r"\n\s*\n", text):
            fields: dict[str, str] = {}
            name = ""
            for line in block.split("\n"):
                match = _FIELD.match(line)
                if match:
                    name = match[1].lower()
                    fields[name] = match[2]
                elif name == "files":
                    fields[name] += " " + line.strip()
            patterns = fields.get("files", "").replace(",", " ").split()
            if patterns and fields.get("license", "").strip():
                joined = "|".join(_pattern(glob) for glob in patterns)
                stanzas.append((re.compile(joined), fields["license"].strip()))
        return cls(tuple(stanzas))

    def licence_of(self, path: str) -> str:
        """Return the licence of a file of the source package; empty if nothing is said."""
        for pattern, licence in reversed(self.stanzas):
            if pattern.fullmatch(path):
                return licence
        return ""

    def of_upstream(self) -> list[str]:
        """Return the licences of all that is not the packaging."""
        return [
            licence for pattern, licence in self.stanzas if not pattern.pattern.startswith("debian")
        ]


def _pattern(glob: str) -> str:
    escaped = re.escape(glob.removeprefix("./"))
    return escaped.replace(r"\*", ".*").replace(r"\?", ".")
