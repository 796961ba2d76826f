"""docs/answers.md: each row has a number of its own and names tests that there are, and that are run; each is counted, by
counters that there are."""

import os
import re
import sys

SOURCE = os.environ.get("top_srcdir", ".")


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
        return f.read()


def rows(text):
    """(number of the line, cells) of each row of a table that has a column `test`; the header is left out."""
    header = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            header = None
            continue
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
        if header is None:
            header = cells
        elif "test" in header and not line.startswith("| ---"):
            yield number, cells, header


def is_there(test, run):
    """`test` is a file below tests/, or FILE:FUNCTION in one."""
    path, _, function = test.partition(":")
    if not os.path.isfile(os.path.join(SOURCE, "tests", path)):
        return False
    # A compiled test stands in the rules without its suffix.
    if "tests/" + re.sub(r"\.c$", "", path) not in run:
        return False
    if not function:
        return path.endswith(".scene")
    source = read("tests/" + path)
    if path.endswith(".py"):
        return re.search(r"^@test\ndef %s\(" % function, source, re.M) is not None
    return re.search(r"^\s*(cmocka_unit_test\w*|TEST)\(\s*%s\b" % function, source, re.M) is not None


def numbers(cell, known):
    """The rows of `1, 2`, `20 to 22`: all between these two that there are, in their order."""
    for part in cell.split(","):
        first, _, last = part.strip().partition(" to ")
        if first not in known or (last or first) not in known:
            yield part.strip()
            continue
        yield from known[known.index(first):known.index(last or first) + 1]


def uncounted(text, known):
    """What is wrong with the table of counters: texts."""
    section = text.partition("## How each row is counted")[2].partition("\n## ")[0]
    counters = set(re.findall(r"^\tX\((\w+), \w+,", read("resolver/core/stats.h"), re.M))
    counted, named = [], set()
    for line in section.splitlines():
        if re.match(r"\| \d", line):
            cell, how = [c.strip() for c in line.strip("|").split("|")]
            counted += numbers(cell, known)
            named |= set(re.findall(r"`(\w+)`", how))
    yield from ("row %s is not counted" % n for n in known if n not in counted)
    yield from ("there is no row %s to be counted" % n for n in counted if n not in known)
    yield from ("row %s is counted twice" % n for n in known if counted.count(n) > 1)
    yield from ("no such counter: %s" % name for name in sorted(named - counters))


def main():
    text = read("docs/answers.md")
    run = "".join(read("tests/" + name) for name in os.listdir(os.path.join(SOURCE, "tests")) if name.endswith(".mk"))
    wrong, seen, n_rows, n_tests = [], [], 0, 0
    for number, cells, header in rows(text):
        if len(cells) != len(header):
            wrong.append("line %d: %d cells, and the head has %d" % (number, len(cells), len(header)))
            continue
        if header[0] == "#" and cells[0] in seen:
            wrong.append("line %d: there is a row %s already" % (number, cells[0]))
        if header[0] == "#":
            seen.append(cells[0])
        n_rows += 1
        tests = [t.strip() for t in cells[header.index("test")].split(",")]
        n_tests += len(tests)
        wrong += ["line %d: no such test: %s" % (number, t) for t in tests if not is_there(t, run)]
    print("1..2")
    print("# %d rows, %d tests named" % (n_rows, n_tests))
    for line in wrong:
        print("# docs/answers.md, " + line)
    good = seen and not wrong
    print("%s 1 - each row of docs/answers.md names tests that there are" % ("ok" if good else "not ok"))
    wrong = list(uncounted(text, seen))
    for line in wrong:
        print("# docs/answers.md, " + line)
    print("%s 2 - each row is counted, by counters that there are" % ("not ok" if wrong else "ok"))
    return 0 if good and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
