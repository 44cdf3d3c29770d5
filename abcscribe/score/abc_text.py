"""Text strings of ABC 2.1 (titles, names): section 8.2 of the standard."""

from __future__ import annotations

import html
import re
import unicodedata

# Accent mnemonics: \'e is é, \"u is ü. The letter comes last.
_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "r": "\u030a", "c": "\u0327",
    "v": "\u030c", "=": "\u0304", "u": "\u0306", ".": "\u0307", ";": "\u0328", "H": "\u030b",
}  # fmt: skip
_LIGATURES = {"ss": "ß", "AE": "Æ", "ae": "æ", "OE": "Œ", "oe": "œ", "/O": "Ø", "/o": "ø", "DH": "Ð", "dh": "ð",
              "TH": "Þ", "th": "þ", "AA": "Å", "aa": "å"}  # fmt: skip
_CODE = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|(ss|AE|ae|OE|oe|/O|/o|DH|dh|TH|th|AA|aa)|([`'^~\"rcv=u.;H])([A-Za-z])|([\\%&]))"
)
_ENTITY = re.compile(r"&\w{2,10};")


def escape(text: str, quoted: bool = False) -> str:
    """One line of ABC text that ``unescape`` reads back; ``quoted`` for text inside double quotes."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    line = line.replace("\\", "\\\\").replace("%", "\\%").replace("&", "\\&")
    return line.replace('"', "&quot;") if quoted else line


def unescape(text: str) -> str:
    """The characters that a text string of ABC stands for; what is no code of the standard stays as it is."""

    def decode(match: re.Match[str]) -> str:
        code, ligature, accent, letter, plain = match.groups()
        if code:
            return chr(int(code, 16))
        if ligature:
            return _LIGATURES[ligature]
        return plain or unicodedata.normalize("NFC", letter + _ACCENTS[accent])

    parts = re.split(r"(\\\\|\\%|\\&)", text)  # what these protect is no entity
    decoded = (
        p[1] if i % 2 else _CODE.sub(decode, _ENTITY.sub(lambda m: html.unescape(m[0]), p)) for i, p in enumerate(parts)
    )
    return " ".join("".join(c if c.isprintable() else " " for c in "".join(decoded)).split())
