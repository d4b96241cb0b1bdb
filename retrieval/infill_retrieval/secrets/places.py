"""Places of a name and its value on a line: assignments, arguments, headers, commands, URLs.

Lines, not syntax trees: most secrets lie in files that have no grammar here, a text that is being
typed seldom parses, and the rule runs at every key. All repetitions are bounded or of one class
of characters, so that no text takes more than linear time.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote

from infill_retrieval.secrets.values import Says, is_placeholder, is_secret, varied, what_name_says

_NAME = r"(?<![\w$])([A-Za-z_$][\w.$-]{1,80})"
_WRAPPER = (
    r"(?:(?:new\s)?(?:String::from|SecretStr|SecretString|Secret|bytes|str|string|String|std::string"
    r"|Buffer\.from|b64decode|base64\.b64decode|atob|Some|Box::from|Optional\.of)\(\s{0,4})?"
)
_QUOTE = r'''(?:[bBrRfFuUL@$]{0,2}\#{0,2}\\{0,2})("""|\'\'\'|["'`])'''
_TYPE = r"(?:\s{0,4}:\s{0,4}[&A-Za-z_][\w.&<>'\[\]|* ]{0,40}(?==)|(?:\[\d{0,5}\])|\s(?:string|\[\]byte)(?=\s?=))?"
_QUOTED = re.compile(
    rf"""{_NAME}\\{{0,2}}(["'`]?)[\])}}]{{0,2}}{_TYPE}\s{{0,20}}(:=|=>|->|\?\?=?|\|\||or\b|\?:|\|\|=|!==?|===?|=|:|,|<-)\s{{0,20}}{_WRAPPER}{_QUOTE}"""
)
_DEFINED = re.compile(
    r"""(?:^\s{0,20}\#\s{0,8}define|^\s{0,20}(?:ENV|ARG|setx|setenv|set(?:\s-\w{1,4})?|defaults?\s+write)\b)\s{1,8}([A-Za-z_][\w.-]{1,80})\s{1,20}(?:L?"([^"]{6,4000})"|(\S{6,4000}))"""
)
_BARE = re.compile(
    r"""^\s{0,80}(?:export\s+|set\s+|setx\s+|ENV\s+|ARG\s+|-\s+|local\s+|declare\s+-x\s+|readonly\s+|\$env:|-e\s+|(?:\#|//|--|\*|;)\s?)?["'*]{0,2}([A-Za-z_][\w.$ -]{1,80}?)["'*]{0,2}(\s?(?:[:?+]?=|:)\s?)\s{0,20}([^\s"'`#][^\s"'`]{5,4000})\s{0,20}(?:[\#;].{0,200})?$"""
)
_SHOUTED = re.compile(r"""(?<![\w$.])([A-Z][A-Z0-9_]{2,60})=([^\s"'`(),;]{6,400})(?=\s|$|["'])""")
_FLAG = re.compile(
    r"""(?<!\S)--?([A-Za-z][\w.-]{1,60})(?:=|\s{1,4})["']?([^\s"'`-][^\s"'`]{5,400})"""
)
_PARAMETER = re.compile(
    r"""[?&;:"'\s]([A-Za-z_][\w. -]{1,40})=([^&;\s"'`<>]{6,2000})(?=[&;"'`]|$)"""
)
_URL = re.compile(r"""://[^\s:/@"'<>{}$]{0,80}:([^\s/@"'<>{}$]{3,200})@[\w\[]""")
_HEADER = re.compile(
    r"""\b(Basic|Bearer|Token)\s{1,4}([0-9A-Za-z+/=_.~-]{8,4000})""", re.IGNORECASE
)
_HEADER_LINE = re.compile(r"""["']([A-Za-z][\w-]{2,60}):\s{1,4}([^\s"']{6,2000})["']""")
_SQL = re.compile(
    r"""\b(?:IDENTIFIED\s{1,4}(?:WITH\s{1,4}\S{1,60}\s{1,4})?BY|PASSWORD)\s{1,4}(?:PASSWORD\s{1,4})?\(?['"]([^'"]{4,400})['"]""",
    re.IGNORECASE,
)
_USER = re.compile(
    r"""(?<!\S)(?:-u|--user|--proxy-user|-U)[ =]?["']?([^\s:"']{1,80}):([^\s"']{3,200})"""
)
_FETCHES = re.compile(r"\b(?:curl|wget|http|https|xh)\b|^\s*(?:-u|--user)\b")
_LOGIN = re.compile(r"(?:^|\s)(?:password|passwd)\s{1,8}(\S{4,400})")
_IS_LOGIN = re.compile(r"\b(?:login|machine|account)\s{1,8}\S")
_LOGIN_ALONE = re.compile(r"^\s{0,20}password\s{1,8}(\S{6,400})\s{0,8}$")
_SHORT_PASSWORD = re.compile(
    r"""\b(?:mysql|mysqldump|mariadb|sshpass|smbclient|(?:docker|podman|helm registry) login)\b.{0,200}?\s-p ?["']?([^\s"'-][^\s"']{5,200})"""
)
_PIPED = re.compile(
    r"""\b(?:echo|printf|cat\s{0,4}<<<)\s{1,4}(?:-\w{1,4}\s{1,4})?["']?([^\s"'|]{6,400})["']?\s{0,8}\|.{0,300}?--([a-z-]{2,40})-stdin"""
)
_SETTER = re.compile(
    rf"""(?<![\w$])(?:set|with|change|update|reset)_?([A-Za-z]\w{{1,60}})\(\s{{0,8}}{_QUOTE}([^"'`]{{6,400}})["'`]"""
)
_SET = re.compile(r"""\bset\s{1,4}([A-Za-z][\w.-]{1,60})\s{1,4}["']?([^\s"'=]{6,400})""")
_DEFAULT = re.compile(r"""\$\{([A-Za-z_][\w.-]{1,60}):[-=]?([^}\s"'`]{6,400})\}""")
_SIDE_BY_SIDE = re.compile(
    r"""(?<!\w)([A-Za-z_][\w.-]{1,80})["']?\s{1,8}(?:to\s{1,4}|=\s?ConvertTo-SecureString\s{1,4}(?:-String\s)?)?(?=["']([^\s"'`]{6,400})["'])"""
)
_KEYWORD_AFTER = re.compile(
    r"""["']([A-Za-z_][\w.-]{1,80})["'],\s{0,8}\w{1,30}\s?[:=]\s?["']([^\s"'`]{6,400})["']"""
)
_OF_ENVIRONMENT = re.compile(
    r"""\$env:([A-Za-z_]\w{1,60})\s{0,4}=\s{0,4}["']([^\s"'`]{6,400})["']""", re.IGNORECASE
)
_OTHER_QUOTES = re.compile(
    r"""(?<!\w)([A-Za-z_][\w.-]{1,80})\s{0,8}=>?\s{0,8}(?:\[={0,3}\[|q[qw]?[{(\[|])([^\s\])}|]{6,400})[\])}|]"""
)
_ATTRIBUTES = re.compile(
    r"""\b(?:name|key|id|type)=["']([A-Za-z_][\w.-]{1,80})["'][^<>]{0,80}(?:\b(?:value|content)=["']|>)([^\s"'<>]{6,2000})"""
)
_TWO_ARGUMENTS = re.compile(
    r"""(?:[aA]uth|Credentials?|PDO|[cC]onnection|AuthenticationToken)\(\s{0,8}(?:[^"'(),]{1,60},\s{0,4})?["'][^"']{1,80}["'],\s{0,8}(?:Some\()?["']([^"'\s]{6,400})["']"""
)
_LOGIN_PAIR = re.compile(
    r"""\b(?:[aA]uth|BasicAuth|HTTPBasicAuth|SetBasicAuth|basic_auth)\s{0,4}=?\s{0,4}\(\s{0,4}["'][^"']{1,80}["']\s{0,4},\s{0,4}["']([^"']{6,400})["']"""
)
_ELEMENT = re.compile(r"""<([A-Za-z][\w.-]{1,60})>([^<>\s]{6,2000})</""")
_PAIR = re.compile(
    r"""\b(?:name|key|id|Name|Key)["']?\s{0,8}[=:]\s{0,8}["']?([A-Za-z_][\w.-]{1,80})["']?[,;]?\s{1,80}["']?(?:[vV]alue)["']?\s{0,8}[=:]\s{0,8}["']?([^\s"']{6,2000})"""
)
_OPENS = re.compile(
    rf"""{_NAME}["'`]?[\])}}]{{0,2}}{_TYPE}\s{{0,20}}(?::=|=>|=|:|,)\s{{0,20}}(?:\(|\\|[|>][+-]?|{_QUOTE})?\s{{0,20}}\\?\s{{0,20}}$"""
)
_ARGUMENT = re.compile(r"""["'],\s{0,20}$""")
_NAMED_ONLY = re.compile(r"""\bname["']?\s{0,8}:\s{0,8}["']?[\w.-]{1,80}["']?,?\s{0,20}$""")
_LITERAL = re.compile(rf"""^\s{{0,200}}{_QUOTE}([^"'`]{{6,4000}})["'`]""")
_FIRST_WORD = re.compile(r"""^\s{0,200}([^\s"'`]{6,4000})\s{0,20}$""")
_UNQUOTED = (
    _SHOUTED, _FLAG, _SET, _DEFAULT, _SIDE_BY_SIDE, _OTHER_QUOTES, _ATTRIBUTES, _KEYWORD_AFTER,
    _OF_ENVIRONMENT,
)  # fmt: skip
"""Patterns of a name and a value that has to look less like a word."""
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*[,;]?")
_EXPRESSION = re.compile(r"[()\[\]{}<>|]|::|->|,$|;$|^[*&@!]|\.\w{1,40}\.")


def has_named_secret(line: str, *, bare: bool) -> bool:
    """Return whether a value on the line is a secret because of the name beside it.

    ``bare`` says that words without quotes are values, as in YAML, and not identifiers.
    """
    return any(_judgements(line, bare))


def may_go_on(line: str) -> bool:
    """Return whether the value of a name on the line may stand in the next one."""
    if _NAMED_ONLY.search(line):
        return True
    opening = _OPENS.search(line)
    return opening is not None and what_name_says(opening[1]) is not Says.NOTHING


def next_line_holds_it(line: str, following: str) -> bool:
    """Return whether a name at the end of a line makes a secret of what the next begins with."""
    if _NAMED_ONLY.search(line):
        return any(_says(m[1], m[2]) for m in _PAIR.finditer(f"{line.strip()} {following.strip()}"))
    opening = _OPENS.search(line)
    if opening is None or (says := what_name_says(opening[1])) is Says.NOTHING:
        return False
    is_argument = line.rstrip().endswith(",")
    if is_argument and not _ARGUMENT.search(line):
        return False
    if (value := _LITERAL.match(following)) is not None:
        # Names in a list stand below each other as well: there a word says nothing.
        return not (is_argument and value[2].isalpha()) and is_secret(value[2], says)
    inside = line.rstrip().endswith(('"""', "'''", "`", "|", ">", "|-", ">-"))
    word = _FIRST_WORD.match(following) if inside else None
    return word is not None and is_secret(word[1], says)


def _judgements(line: str, bare: bool) -> Iterator[bool]:
    yield from (_is_in_quotes(line, match) for match in _QUOTED.finditer(line))
    if (match := _BARE.match(line)) is not None:
        yield _is_bare_secret(match[1], match[2], match[3], bare)
    yield from (_says(m[1], m[3]) for m in _SETTER.finditer(line))
    yield from (is_secret(m[1], Says.PASSWORD) for m in _LOGIN_PAIR.finditer(line))
    yield from (_is_unquoted("password", m[1]) for m in _TWO_ARGUMENTS.finditer(line))
    for pattern in _UNQUOTED:
        yield from (_is_unquoted(m[1], m[2]) for m in pattern.finditer(line))
    for pattern in (_PARAMETER, _ELEMENT, _PAIR, _HEADER_LINE):
        yield from (_says(m[1], m[2]) for m in pattern.finditer(line))
    if (match := _DEFINED.match(line)) is not None:
        yield _says(match[1], match[2]) if match[2] else _is_unquoted(match[1], match[3])
    yield has_url_password(line)
    yield from (_is_header(m[1], m[2]) for m in _HEADER.finditer(line))
    yield from (is_secret(m[1], Says.PASSWORD) for m in _SQL.finditer(line))
    if _FETCHES.search(line):
        yield from (_is_given(m[2]) for m in _USER.finditer(line))
    if _IS_LOGIN.search(line):
        yield from (_is_given(m[1]) for m in _LOGIN.finditer(line))
    if (match := _LOGIN_ALONE.match(line)) is not None:
        yield _is_unquoted("password", match[1])
    yield from (_is_unquoted(m[2], m[1]) for m in _PIPED.finditer(line))
    if (match := _SHORT_PASSWORD.search(line)) is not None:
        yield is_secret(match[1], Says.PASSWORD)


def has_url_password(line: str, *, certain: bool = False) -> bool:
    """Return whether an address on the line has a password in it, ``certain``: that is no word."""
    given = (match[1] for match in _URL.finditer(line) if _is_given(match[1]))
    return any(not certain or any(map(str.isdigit, unquote(password))) for password in given)


def _is_in_quotes(line: str, match: re.Match[str]) -> bool:
    name, closing, separator, quote = match.groups()
    if separator in {",", "->"} and not closing:
        return False
    says = what_name_says(name)
    if says is Says.NOTHING:
        return False
    end = line.find(quote, match.end())
    # An unfinished literal, or one that goes on in the next lines, ends with its first word.
    value = line[match.end() : end] if end >= 0 else line[match.end() :].strip()
    if separator == "," and value.isalpha():
        return False  # a list of words
    return is_secret(value, says)


def _is_bare_secret(name: str, separator: str, value: str, bare: bool) -> bool:
    says = what_name_says(name)
    if says is Says.NOTHING or _EXPRESSION.search(value):
        return False
    is_shell = separator == "=" and name.isupper()
    if bare or is_shell:
        return is_secret(value, says)
    if " " in name.strip():
        return False
    return not _IDENTIFIER.fullmatch(value) and _is_unquoted(name, value)


def _is_unquoted(name: str, value: str) -> bool:
    says = what_name_says(name)
    if says is Says.NOTHING or _EXPRESSION.search(value):
        return False
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return has_both and is_secret(value, says, quoted=False)


def _says(name: str, value: str) -> bool:
    return is_secret(value, what_name_says(name)) and not _EXPRESSION.search(value)


def _is_given(value: str) -> bool:
    """Return whether a password at a place for passwords alone is a real one."""
    words = {"pass", "password", "passwd", "pwd", "pw", "secret", "token", "port", "key"}
    return (
        value.lower().strip("[]") not in words and not is_placeholder(value) and not value.isdigit()
    )


def _is_header(scheme: str, value: str) -> bool:
    if is_placeholder(value):
        return False
    if scheme.lower() == "basic":
        try:
            _user, colon, password = base64.b64decode(value, validate=True).partition(b":")
            return bool(colon) and _is_given(password.decode("utf-8", "replace"))
        except (binascii.Error, ValueError):
            return False
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value)) and varied(value)
