"""Alignment of a typed text with its repaired form: which repaired character replaces which typed one."""

AHEAD = 8  # characters of either text in which the end of a replacement is looked for
SURE = 2  # characters in a row that must agree after a replacement
# Lengths of a replacement, in typed and in repaired characters, in the order in which they are tried.
STEPS = sorted(
    ((a, b) for a in range(1, AHEAD) for b in range(AHEAD)), key=lambda step: (abs(step[0] - step[1]) + step[0], step)
)
KINDS = ("“”„‟«»\"‘’‚‛‹›'`´", "—–―-", " \t\r\n\u2028\u2029")  # characters of one kind may replace each other
FIRST_OF_KIND = str.maketrans({character: kind[0] for kind in KINDS for character in kind})


def align(typed: str, repaired: str) -> list[int]:
    """For each character of `typed`, and for its end, the place in `repaired` where its replacement begins.

    The places never decrease. A character that was left out has the place of the next one. The places are exact where
    the repair replaced a character by one or a few, or left it out. After a longer change they are exact again as soon
    as `SURE` characters agree. The time is linear in the length of the text.

    >>> align("“Ah…” 😀ok", '"ah..." ok')
    [0, 1, 2, 3, 6, 7, 8, 8, 9, 10]
    """
    alike = _folded(typed), _folded(repaired)
    places: list[int] = []
    j = 0
    while len(places) < len(typed):
        i = len(places)
        if j < len(repaired) and typed[i].lower() == repaired[j].lower():
            taken, given = 1, 1
        else:
            taken, given = _meeting(*alike, i, j)
        places += [j + min(k, given) for k in range(taken)]
        j += given
    return [*(min(place, len(repaired)) for place in places), len(repaired)]


def _folded(text: str) -> str:
    """`text`, with the same character for all that may replace each other: its small letter, or the first of a kind."""
    return "".join(character.lower()[0] for character in text.translate(FIRST_OF_KIND))


def _meeting(typed: str, repaired: str, i: int, j: int) -> tuple[int, int]:
    """The lengths of a replacement: characters of `typed` from `i` on, at least one, and of `repaired` from `j` on."""
    ahead = repaired[j : j + AHEAD + SURE - 1]
    found = [typed[i + a : i + a + SURE] in ahead for a in range(AHEAD)]  # few are, so most steps need no comparison
    for a, b in STEPS if any(found) else ():
        if found[a] and b <= len(ahead) and typed[i + a : i + a + SURE] == ahead[b : b + SURE]:
            return a, b
    return 1, 1 if j < len(repaired) else 0
