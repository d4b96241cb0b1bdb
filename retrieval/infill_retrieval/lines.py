"""A text as its lines, the way editors and grammars count them."""


def bare_lines(text: str) -> list[str]:
    r"""Return the lines of ``text`` without their ends; ``\n``, ``\r\n`` and ``\r`` end a line.

    A form feed or a Unicode line separator does not.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
