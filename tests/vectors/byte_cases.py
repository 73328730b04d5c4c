"""Cases of CB: values with bytes, bytes without a value, values without bytes. Everything bad is spelled out by hand.

Example: `("a float", "CB1", "ca 3fc00000", "float", 0)` says that these bytes are refused with `float` at byte 0.
"""

from typing import Any

VALUES: list[tuple[str, str, Any]] = [
    ("nil", "CB1", None),
    ("false", "CB1", False),
    ("true", "CB1", True),
    *(
        (f"the integer {number}", "CB2", number)
        for edge in (0, 127, 255, 65_535, 2**32 - 1, 2**53 - 1)
        for number in (edge, edge + 1)
        if number < 2**53
    ),
    *(
        (f"the integer {number}", "CB2", number)
        for edge in (-1, -32, -128, -32_768, -(2**31), -(2**53) + 1)
        for number in (edge, edge - 1)
        if number > -(2**53)
    ),
    ("empty text", "CB2", ""),
    ("text of 31 bytes", "CB2", "a" * 31),
    ("text of 32 bytes", "CB2", "a" * 32),
    ("text of 255 bytes", "CB2", "a" * 255),
    ("text of 256 bytes", "CB2", "a" * 256),
    ("Chinese, Mongolian and Uyghur text", "CB4", "阿勒泰 ᠮᠣᠩᠭᠣᠯ ئۇيغۇر"),
    (
        "a name in Mongolian keeps its variation selectors, vowel separator and narrow space",
        "CB4",
        "\u182e\u1823\u1829\u182d\u180b\u1823\u182f\u180c\u180e\u1820\u202f\u1833\u180d",
    ),
    (
        "joiners and direction marks stay where they are",
        "CB4",
        "\u0626\u06c7\u200d\u064a\u200c\u200f",
    ),
    (
        "keys apart only by a variation selector, and by the order of two marks",
        "CB3",
        {"\u1820\u180b": 1, "\u1820": 2, "a\u0307\u0323": 3, "a\u0323\u0307": 4},
    ),
    ("a character beyond the first plane", "CB4", "𠮷野家"),
    ("text that begins with a byte order mark keeps it", "CB4", "\ufeffa"),
    ("composed and decomposed letters stay apart", "CB4", ["\u00e9", "e\u0301"]),
    ("a zero character inside text", "CB4", "a\x00b"),
    ("empty bytes", "CB2", b""),
    ("255 bytes", "CB2", bytes(255)),
    ("256 bytes", "CB2", bytes(256)),
    ("empty array", "CB2", []),
    ("array of 15", "CB2", [0] * 15),
    ("array of 16", "CB2", [0] * 16),
    ("empty map", "CB2", {}),
    ("map of 15", "CB2", {chr(97 + n): n for n in range(15)}),
    ("map of 16", "CB2", {chr(97 + n): n for n in range(16)}),
    ("keys are sorted", "CB3", {"b": 1, "a": 2}),
    ("a prefix comes before what it begins", "CB3", {"ab": 1, "a": 2, "b": 3, "": 4}),
    ("upper case before lower case", "CB3", {"a": 1, "B": 2}),
    ("keys sort by UTF-8, not by UTF-16", "CB3", {"𠮷": 1, "～": 2}),
    ("a long key sorts by its text, not by its length", "CB3", {"b": 1, "a" * 40: 2}),
    ("longer keys do too", "CB3", {"b" * 256: 1, "a" * 300: 2}),
    ("keys that look like numbers", "CB3", {"10": 1, "9": 2, "1": 3}),
    (
        "keys with a meaning to some languages",
        "CB3",
        {"__proto__": 1, "constructor": 2, "toString": 3},
    ),
    ("a point and an accuracy", "CB1", {"pos": [478_412_345, 881_234_567, 12], "t": "x"}),
]

ACCEPTED: list[tuple[str, str, str]] = [
    ("eight arrays deep", "CB5", "91*8 c0"),
    ("eight maps deep", "CB5", "81a161" * 8 + " c0"),
    ("text of exactly 16 384 bytes", "CB5", "da4000 61*16384"),
    ("65 535 bytes", "CB2", "c5ffff 00*65535"),
    ("65 536 bytes", "CB2", "c600010000 00*65536"),
    ("array of 65 535", "CB2", "dcffff c0*65535"),
    ("array of 65 536", "CB2", "dd00010000 c0*65536"),
]

REFUSED: list[tuple[str, str, str, str, int]] = [
    ("a 32-bit float", "CB1", "ca3fc00000", "float", 0),
    ("a 64-bit float", "CB1", "cb3ff8000000000000", "float", 0),
    ("a float inside an array", "CB1", "92c0ca3fc00000", "float", 2),
    ("a fixed extension", "CB1", "d40100", "extension", 0),
    ("a sized extension", "CB1", "c7010500", "extension", 0),
    ("a timestamp", "CB1", "d6ff00000000", "extension", 0),
    ("the byte that means nothing", "CB8", "c1", "reserved", 0),
    ("2^53", "CB1", "cf0020000000000000", "integer_range", 0),
    ("the largest unsigned number", "CB1", "cfffffffffffffffff", "integer_range", 0),
    ("-2^53", "CB1", "d3ffe0000000000000", "integer_range", 0),
    ("the least signed number", "CB1", "d38000000000000000", "integer_range", 0),
    ("127 in two bytes", "CB2", "cc7f", "not_shortest", 0),
    ("255 in three bytes", "CB2", "cd00ff", "not_shortest", 0),
    ("65 535 in five bytes", "CB2", "ce0000ffff", "not_shortest", 0),
    ("2^32 - 1 in nine bytes", "CB2", "cf00000000ffffffff", "not_shortest", 0),
    ("5 in a signed form", "CB2", "d005", "not_shortest", 0),
    ("200 in a signed form", "CB2", "d100c8", "not_shortest", 0),
    ("2^32 in a signed form", "CB2", "d30000000100000000", "not_shortest", 0),
    ("-32 in two bytes", "CB2", "d0e0", "not_shortest", 0),
    ("-128 in three bytes", "CB2", "d1ff80", "not_shortest", 0),
    ("-32 768 in five bytes", "CB2", "d2ffff8000", "not_shortest", 0),
    ("-2^31 in nine bytes", "CB2", "d3ffffffff80000000", "not_shortest", 0),
    ("text of 31 bytes in the form for 32", "CB2", "d91f 61*31", "not_shortest", 0),
    ("text of 255 bytes in the form for 256", "CB2", "da00ff 61*255", "not_shortest", 0),
    ("text of one byte in the widest form", "CB2", "db0000000161", "not_shortest", 0),
    ("255 bytes in the form for 256", "CB2", "c500ff 00*255", "not_shortest", 0),
    ("65 535 bytes in the form for 65 536", "CB2", "c60000ffff 00*65535", "not_shortest", 0),
    ("array of 15 in the form for 16", "CB2", "dc000f c0*15", "not_shortest", 0),
    ("array of 65 535 in the form for 65 536", "CB2", "dd0000ffff c0*65535", "not_shortest", 0),
    ("map of one in the form for 16", "CB2", "de0001a161c0", "not_shortest", 0),
    ("map of one in the widest form", "CB2", "df00000001a161c0", "not_shortest", 0),
    ("keys the wrong way round", "CB3", "82a162c0a161c0", "key_order", 4),
    ("a longer key before its own beginning", "CB3", "82a26161c0a161c0", "key_order", 5),
    ("keys in the order of UTF-16", "CB3", "82a4f0a0aeb7c0a3efbd9ec0", "key_order", 7),
    ("keys in the order of their length", "CB3", "82a162c0a26161c0", "key_order", 4),
    ("one key twice", "CB3", "82a161c0a161c0", "duplicate_key", 4),
    ("a number as key", "CB1", "8101c0", "key_type", 1),
    ("bytes as key", "CB1", "81c40161c0", "key_type", 1),
    ("nil as key", "CB1", "81c0c0", "key_type", 1),
    ("an array as key", "CB1", "8190c0", "key_type", 1),
    ("a byte that is never UTF-8", "CB4", "a1ff", "utf8", 1),
    ("a broken sequence", "CB4", "a2c328", "utf8", 1),
    ("a sequence cut off after good text", "CB4", "a261c3", "utf8", 2),
    ("a lone surrogate", "CB4", "a3eda080", "utf8", 1),
    ("an overlong slash", "CB4", "a2c0af", "utf8", 1),
    ("beyond the last character", "CB4", "a4f4908080", "utf8", 1),
    ("a key that is not UTF-8", "CB4", "81a1ffc0", "utf8", 2),
    ("nine arrays deep", "CB5", "91*9 c0", "depth", 8),
    ("an empty array nine deep", "CB5", "91*8 90", "depth", 8),
    ("nine maps deep", "CB5", "81a161" * 9 + " c0", "depth", 24),
    ("ten thousand arrays deep", "CB5", "91*10000 c0", "depth", 8),
    ("text of 16 385 bytes", "CB5", "da4001 61*16385", "text_too_long", 3),
    ("5 462 characters of three bytes", "CB5", "da4002 e6b0b4*5462", "text_too_long", 3),
    ("a key of 16 385 bytes", "CB5", "81da4001 61*16385 c0", "text_too_long", 4),
    ("nothing at all", "CB6", "", "truncated", 0),
    ("a number cut off", "CB6", "cd01", "truncated", 2),
    ("text cut off", "CB6", "a56161", "truncated", 3),
    ("an array that lacks an item", "CB6", "92c0", "truncated", 2),
    ("a map that lacks a value", "CB6", "81a161", "truncated", 3),
    ("an array that claims four thousand million items", "CB6", "ddffffffff", "truncated", 5),
    ("a map that claims four thousand million pairs", "CB6", "dfffffffff", "truncated", 5),
    ("text that claims four thousand million bytes", "CB6", "dbffffffff", "truncated", 5),
    ("bytes that claim four thousand million", "CB6", "c6ffffffff", "truncated", 5),
    ("a second value after the first", "CB6", "c0c0", "trailing_bytes", 1),
    ("a new line after the value", "CB6", "93010203 0a", "trailing_bytes", 4),
]

# Forms that JSON lacks: `$float`, `$int` as text; `$units` are UTF-16 units; `$times` repeats a text; `$nested` is that
# many arrays in one another.
UNWRITABLE: list[tuple[str, str, Any, str]] = [
    ("a half", "CB1", {"$float": "0.5"}, "float"),
    ("no number", "CB1", {"$float": "nan"}, "float"),
    ("a half inside a map", "CB1", {"a": [{"$float": "0.5"}]}, "float"),
    ("2^53", "CB1", {"$int": "9007199254740992"}, "integer_range"),
    ("-2^53", "CB1", {"$int": "-9007199254740992"}, "integer_range"),
    ("a lone high surrogate", "CB4", {"$units": [0xD842]}, "utf8"),
    ("a lone low surrogate after good text", "CB4", {"$units": [0x61, 0xDFB7]}, "utf8"),
    ("surrogates the wrong way round", "CB4", {"$units": [0xDFB7, 0xD842]}, "utf8"),
    ("text too long", "CB5", {"$times": ["a", 16_385]}, "text_too_long"),
    ("text too long in bytes only", "CB5", {"$times": ["水", 5_462]}, "text_too_long"),
    ("nine arrays deep", "CB5", {"$nested": 9}, "depth"),
]
