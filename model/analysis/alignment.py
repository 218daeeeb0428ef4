"""Alignment of a typed text with its repaired form: which repaired character replaces which typed one."""

AHEAD = 8  # characters of either text in which the end of a replacement is looked for
SURE = 2  # characters in a row that must agree after a replacement
KINDS = ("“”„‟«»\"‘’‚‛‹›'`´", "—–―-", " \t\r\n\u2028\u2029")  # characters of one kind may replace each other


def align(typed: str, repaired: str) -> list[int]:
    """For each character of `typed`, and for its end, the place in `repaired` where its replacement begins.

    The places never decrease. A character that was left out has the place of the next one. The places are exact where
    the repair replaced a character by one or a few, or left it out. After a longer change they are exact again as soon
    as `SURE` characters agree. The time is linear in the length of the text.

    >>> align("“Ah…” 😀ok", '"ah..." ok')
    [0, 1, 2, 3, 6, 7, 8, 8, 9, 10]
    """
    places: list[int] = []
    j = 0
    while len(places) < len(typed):
        i = len(places)
        if j < len(repaired) and typed[i].lower() == repaired[j].lower():
            taken, given = 1, 1
        else:
            taken, given = _meeting(typed, repaired, i, j)
        places += [j + min(k, given) for k in range(taken)]
        j += given
    return [*(min(place, len(repaired)) for place in places), len(repaired)]


def _alike(a: str, b: str) -> bool:
    return a.lower() == b.lower() or any(a in kind and b in kind for kind in KINDS)


def _meeting(typed: str, repaired: str, i: int, j: int) -> tuple[int, int]:
    """The lengths of a replacement: characters of `typed` from `i` on, at least one, and of `repaired` from `j` on."""
    steps = ((a, b) for a in range(1, AHEAD) for b in range(AHEAD))
    for a, b in sorted(steps, key=lambda step: (abs(step[0] - step[1]) + step[0], step)):
        one, other = typed[i + a : i + a + SURE], repaired[j + b : j + b + SURE]
        if j + b <= len(repaired) and len(one) == len(other) and all(map(_alike, one, other)):
            return a, b
    return 1, 1 if j < len(repaired) else 0
