"""Whether a shared secret is hard to guess, as far as that shows from the secret itself.

A secret of RFC 7518, 3.2 has at least as many bits as the hash it keys. Its length is easy to see; what
makes it worthless in practice is that someone typed it: a repeated word, a run of the keyboard, a sentence.
Random text of any usual alphabet (hex, Base32, Base64) passes, but for less than one in a thousand.
"""

from itertools import pairwise

LEAST_BYTES = 32
_LEAST_DISTINCT = 9
_LEAST_NEW = 0.8
_MOST_STEPS = 0.5
_MOST_COMMON = 0.5
_LEAST_PROSE = 0.35
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")

# Pairs of letters that are frequent in English: most pairs of a sentence are among these, one in six of random ones.
_COMMON = (
    " th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri "
    "ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et "
    "ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os "
)


def weakness(secret: str) -> str | None:
    """What is wrong with `secret`, as the end of a sentence; None where nothing shows."""
    size = len(secret.encode())
    if size < LEAST_BYTES:
        return f"has {size} bytes, and needs {LEAST_BYTES}"
    if "-----BEGIN" in secret or secret.startswith("ssh-"):
        return "is a key of another kind, whose public half would be no secret"
    if _repeats(secret):
        return "repeats itself"
    pairs = list(pairwise(secret.lower()))
    if sum(_is_step(a, b) for a, b in pairs) > _MOST_STEPS * len(pairs):
        return "follows the alphabet or the keyboard"
    letters = [a + b for a, b in pairs if a.isalpha() and b.isalpha()]
    common = sum(f" {pair} " in _COMMON for pair in letters)
    if len(letters) > _LEAST_PROSE * len(pairs) and common > _MOST_COMMON * len(letters):
        return "is made of words"
    return None


def _repeats(text: str) -> bool:
    parts = [text[i : i + 4] for i in range(len(text) - 3)]
    return len(set(text)) < _LEAST_DISTINCT or len(set(parts)) < _LEAST_NEW * len(parts)


def _is_step(a: str, b: str) -> bool:
    return abs(ord(a) - ord(b)) <= 1 or any(a + b in row or b + a in row for row in _ROWS)
