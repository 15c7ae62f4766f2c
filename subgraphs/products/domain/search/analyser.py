"""The analyser: text becomes the terms that the index and a query have in common.

Text is normalised (NFKC, case folded) and cut into words at everything that is no letter, digit or mark. Words of
Latin, Greek and Cyrillic letters lose their accents. Chinese, Japanese and Korean have no spaces to cut at: their runs
are indexed as single characters and as pairs. Latin words also have a stem (English Snowball), which a term marks
by a tilde, so that `~univers` is never taken for a word that somebody wrote.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import snowballstemmer

ANALYSER_VERSION = 2
"""Raise it with every change of the terms that a text gives, or of the cards: the products are then indexed anew."""

MAX_WORD = 40
STEM = "~"
SKU = "#"

# Letters that have no decomposition, as people type them without the right keyboard.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "\u0131": "i", "þ": "th", "ð": "d"}
)
_APOSTROPHES = re.compile(r"['\u2019\u02bc]s?\b")
_LATIN_WORD = re.compile(r"[a-z]+")
_IDEOGRAPHIC = re.compile(
    "[\u3005\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_STEMMER = snowballstemmer.stemmer("english")


def words(text: str) -> Iterator[str]:
    """The words of `text` in their order, folded, each cut off after 40 characters; runs of CJK stay whole."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    for run in _runs(_APOSTROPHES.sub(" ", folded)):
        start = 0
        for match in _IDEOGRAPHIC.finditer(run):
            if match.start() > start:
                yield _without_accents(run[start : match.start()])[:MAX_WORD]
            yield match.group()
            start = match.end()
        if start < len(run):
            yield _without_accents(run[start:])[:MAX_WORD]


def is_ideographic(word: str) -> bool:
    """Whether `word` is a run of a script that is written without spaces."""
    return _IDEOGRAPHIC.fullmatch(word) is not None


def index_terms(word: str) -> Iterator[str]:
    """The terms under which a product with `word` is found."""
    if is_ideographic(word):
        yield from word
        yield from pairs(word)
        return
    yield word
    if (stem := stem_of(word)) != word:
        yield STEM + stem


def query_terms(word: str) -> list[list[str]]:
    """What must be found for `word`: each part by any one of its terms, the word as it is written first.

    A run of CJK has as many parts as pairs; any other word is one part.
    """
    if is_ideographic(word):
        return [[part] for part in pairs(word) or [word]]
    stem = stem_of(word)
    return [list(dict.fromkeys([word, STEM + stem, stem]))]


def pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


@lru_cache(maxsize=20_000)
def stem_of(word: str) -> str:
    """The stem of a Latin word; any other word as it is."""
    return str(_STEMMER.stemWord(word)) if _LATIN_WORD.fullmatch(word) else word


def sku_term(text: str) -> str | None:
    """The term of a SKU, whatever its case and punctuation; None where nothing of `text` could be one."""
    folded = re.sub(r"[^a-z0-9]", "", text.casefold())
    return SKU + folded if 0 < len(folded) <= 64 else None  # noqa: PLR2004 - the longest SKU


def _runs(text: str) -> Iterator[str]:
    """The longest pieces of letters, digits and marks.

    A regular expression's word characters would part the vowel signs of Devanagari from their letters.
    """
    start: int | None = None
    for position, character in enumerate(text):
        inside = unicodedata.category(character)[0] in "LN" or (
            start is not None and unicodedata.category(character)[0] == "M"
        )
        if inside and start is None:
            start = position
        elif not inside and start is not None:
            yield text[start:position]
            start = None
    if start is not None:
        yield text[start:]


def _without_accents(word: str) -> str:
    if word.isascii() or not _is_alphabetic(word):
        return word
    kept = (c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFC", "".join(kept)).translate(_PLAIN)


def _is_alphabetic(word: str) -> bool:
    """Whether its marks are accents, which people leave out, and not vowels, without which it is another word."""
    letters = (c for c in word if unicodedata.category(c)[0] == "L")
    return all(unicodedata.name(c, "").startswith(("LATIN", "GREEK", "CYRILLIC")) for c in letters)
