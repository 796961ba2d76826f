#!/usr/bin/env python3
"""What the steps of a query cost: nanoseconds, and instructions beside those that are kept.

    make bench-micro            table
    micro.py --keep             the same, and write the instructions to docs/bench/instructions.json
    micro.py --list FILE        over the names of this list (one a line) instead of made-up ones
    micro.py --limit PERCENT    exit status 1 where a case takes that much more than what is kept
    micro.py CASE...            some of it

Instructions are those of user space for each name.  valgrind's callgrind counts them, the same each time; where it
is not installed, the processor does (perf_event_open), if it may.  They are those of one compiler with its options:
where these differ from those of what is kept, the change says little.
"""

import argparse
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile

import names

BUILD = os.environ.get("top_builddir", ".")
SOURCE = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
KEPT = os.path.join(SOURCE, "docs", "bench", "instructions.json")
MICRO = os.path.join(BUILD, "tests", "bench", "micro")
LISTED, ASKED = 100000, 20000


def prepare(folder, listed):
    """The image of a list, and the names to ask for."""
    listed = listed or names.made_up(LISTED, seed=1)
    rnd = random.Random(2)
    path = lambda name: os.path.join(folder, name)
    names.write(path("list"), listed)
    names.write(path("listed"), names.listed_and_below(rnd, listed, ASKED))
    below = names.made_up(ASKED, seed=3)
    rnd.shuffle(below)
    names.write(path("open"), [rnd.choice(names.SUB) + name for name in below])
    subprocess.run([os.path.join(BUILD, "quell-update"), "compile", "-o", path("image"), path("list")], check=True,
                   stdout=subprocess.DEVNULL)
    return [path("image"), path("listed"), path("open")]


def callgrind(inputs, case, n):
    """Instructions for each of n names."""
    r = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=micro_run", "--callgrind-out-file=/dev/null",
                        MICRO, *inputs, case, "1"], capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", r.stderr)
    if r.returncode != 0 or not found:
        sys.exit("micro.py: callgrind failed:\n" + r.stderr)
    return round(int(found.group(1)) / n)


def measure(inputs, case):
    r = subprocess.run([MICRO, *inputs, case], capture_output=True, text=True)
    if r.returncode != 0:
        sys.exit(r.stderr)
    got = json.loads(r.stdout)
    if shutil.which("valgrind"):
        got["instructions"] = callgrind(inputs, case, got["names"])
    return got


def built_with():
    """Compiler and options, as the Makefile has them."""
    with open(os.path.join(BUILD, "Makefile"), encoding="utf-8") as f:
        made = dict(re.findall(r"^(CC|CFLAGS|QUELL_CFLAGS) = (.*)$", f.read(), re.M))
    version = subprocess.run([*made["CC"].split(), "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    options = [x for x in (made["QUELL_CFLAGS"] + " " + made["CFLAGS"]).split() if not x.startswith(("-W", "-g"))]
    return "%s, %s, %s" % (platform.machine(), version, " ".join(options))


def change(now, kept):
    return "" if not now or not kept else "%+.1f %%" % ((now / kept - 1) * 100)


def main():
    ap = argparse.ArgumentParser(description="What the steps of a query cost.")
    ap.add_argument("--keep", action="store_true", help="write docs/bench/instructions.json")
    ap.add_argument("--list", help="a file of names, one a line")
    ap.add_argument("--limit", type=float, help="percent that a case may take more than what is kept")
    ap.add_argument("cases", nargs="*")
    a = ap.parse_args()
    what = dict(line.split("\t") for line in
                subprocess.run([MICRO, "--cases"], capture_output=True, text=True, check=True).stdout.splitlines())
    if unknown := [c for c in a.cases if c not in what]:
        ap.error("no such case: " + " ".join(unknown))
    kept = {}
    if os.path.exists(KEPT):
        with open(KEPT, encoding="utf-8") as f:
            kept = json.load(f)
    listed = None
    if a.list:
        with open(a.list, encoding="utf-8") as f:
            listed = [line.split()[0] for line in f if line.strip()]

    with tempfile.TemporaryDirectory(prefix="quell-micro-") as folder:
        inputs = prepare(folder, listed)
        got = {case: measure(inputs, case) for case in a.cases or what}

    counted = "callgrind" if shutil.which("valgrind") else "perf_event_open"
    now = {"built with": built_with(), "counted by": counted, "names": a.list or "made up",
           "instructions": {case: g["instructions"] for case, g in got.items()}}
    before = kept.get("instructions", {})
    print("%-20s %8s %12s %8s %9s  %s" % ("case", "ns", "instructions", "kept", "change", ""))
    for case, g in got.items():
        print("%-20s %8.1f %12s %8s %9s  %s" % (case, g["ns"], g["instructions"] or "-", before.get(case, "-"),
                                               change(g["instructions"], before.get(case)), what[case]))
    for key in ("built with", "counted by", "names"):
        if kept and kept[key] != now[key]:
            print("%s: %s, but what is kept %s" % (key, now[key], kept[key]))
    if a.keep:
        with open(KEPT, "w", encoding="utf-8") as f:
            json.dump(now, f, indent="\t")
            f.write("\n")
    if a.limit is not None and any(g["instructions"] and g["instructions"] > before.get(case, 1e9) * (1 + a.limit / 100)
                                   for case, g in got.items()):
        sys.exit("micro.py: more instructions than what is kept")


if __name__ == "__main__":
    main()
