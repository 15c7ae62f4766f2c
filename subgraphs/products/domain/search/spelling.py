"""Words that are nearly the same: one edit apart, found by what both become when a letter is left out."""

MIN_LENGTH = 5
"""Letters from which a word may be mistyped; shorter ones have too many neighbours."""


def may_be_mistyped(word: str) -> bool:
    return len(word) >= MIN_LENGTH and word.isalpha()


def deletions(word: str) -> set[str]:
    """`word` and all that it becomes when one letter is left out.

    Two words one edit apart have one of these in common (Garbe, Symmetric Delete spelling correction), so a
    neighbour is found by equality, however large the vocabulary.
    """
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def one_edit_apart(one: str, other: str) -> bool:
    """Whether a letter inserted, left out, changed or swapped with the next makes `other` of `one`."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    first = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[first:] == long[first + 1 :]
    if short[first + 1 :] == long[first + 1 :]:
        return True
    return (
        short[first : first + 2] == long[first : first + 2][::-1] and short[first + 2 :] == long[first + 2 :]
    )
