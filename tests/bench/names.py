"""Made-up names for measuring: the same each time, and of the shape that names on lists have."""

import random

TOP = ["com"] * 10 + ["net"] * 4 + ["org"] * 3 + ["de", "io", "ru", "info", "xyz", "top", "co.uk"]
SUB = ["", "", "", "", "www.", "api.", "cdn.", "img.", "m."]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def label(rnd, shortest=4, longest=14):
    return "".join(rnd.choices(LETTERS, k=rnd.randint(shortest, longest)))


def made_up(n, seed):
    """n different names, sorted."""
    rnd = random.Random(seed)
    names = set()
    while len(names) < n:
        labels = [label(rnd) for _ in range(rnd.choice((1, 1, 2, 2, 3)))]
        names.add(".".join(labels) + "." + rnd.choice(TOP))
    return sorted(names)


def many(n, seed):
    """The same, one by one, in any order; of more names the first are these."""
    rnd = random.Random(seed)
    for i in range(n):
        yield "%s-%x.%s" % (label(rnd), i, rnd.choice(TOP))


def unlisted(names, listed):
    """Those that are neither listed nor below a listed one."""
    listed = set(listed)
    return [name for name in names if listed.isdisjoint(name.split(".", i)[-1] for i in range(name.count(".") + 1))]


def listed_and_below(rnd, names, n):
    """n of the names in any order, every third with a label of its own in front."""
    chosen = rnd.choices(names, k=n)
    return [("x%d." % rnd.randrange(1000) if rnd.random() < .3 else "") + name for name in chosen]


def popular(rnd, names, n, exponent=.95):
    """n draws of the names, the i-th as often as 1 / i ** exponent says (Zipf)."""
    weights = [1 / (i + 1) ** exponent for i in range(len(names))]
    return rnd.choices(names, weights=weights, k=n)


def query_type(rnd):
    """As clients ask: addresses, and now and then how to connect."""
    return rnd.choices(("A", "AAAA", "HTTPS"), weights=(65, 25, 10))[0]


def write(path, lines):
    with open(path, "w", encoding="ascii") as f:
        f.writelines(line + "\n" for line in lines)
