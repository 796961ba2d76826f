#!/usr/bin/env python3
"""Where the time of a query goes: shares of the processor time of a worker, and instructions by source file.

    make bench-profile          both tables, in Markdown

The first is perf's, of a worker under the load of bench.py, by what it was called for: sending, receiving, waiting, other
system calls, interrupts that came meanwhile, and its own code.  The second is callgrind's, of the core's whole way
(micro.py).  What cannot be had (perf as an ordinary user, no valgrind) is left out.
"""

import argparse
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

import bench
import micro

LOADS = ["cached", "blocked", "miss"]
WAYS = ["way-cached", "way-blocked", "way-miss"]
FILES = 14  # those that take most; the others are summed

# Entries of the kernel, and what they are called here.
CALLS = {"__x64_sys_sendmmsg": "send", "__x64_sys_recvmmsg": "receive", "__x64_sys_epoll_wait": "wait",
         "__arm64_sys_sendmmsg": "send", "__arm64_sys_recvmmsg": "receive", "__arm64_sys_epoll_pwait": "wait"}
ROWS = ["send", "receive", "wait", "other system calls", "interrupts", "libc, libevent", "quelld"]


def of_stack(frames):
    """The row of one sample: [(symbol, object)], the innermost first."""
    if "kernel" not in frames[0][1] and frames[0][1] != "[unknown]":
        return "quelld" if frames[0][1].endswith("quelld") else "libc, libevent"
    for symbol, _ in frames:
        if symbol in CALLS:
            return CALLS[symbol]
    return "other system calls" if any(symbol == "do_syscall_64" or "_sys_" in symbol for symbol, _ in frames) else "interrupts"


def shares(script):
    """Of each row, in percent, by the text of `perf script -F ip,sym,dso`."""
    counted = collections.Counter()
    for sample in re.split(r"\n\s*\n", script.strip()):
        frames = re.findall(r"^\s+[0-9a-f]+ (\S+).* \((.*)\)$", sample, re.M)
        if frames:
            counted[of_stack(frames)] += 1
    total = sum(counted.values())
    return {row: 100 * counted[row] / total for row in ROWS} if total else None


def perf(b, server, what):
    """Shares of the newest process of a server, its worker, under a load; None: perf may not look."""
    worker, data = bench.tree(server.process.pid)[-1], server.path("perf")
    command = ["perf", "record", "-q", "-g", "-e", "cpu-clock", "-F", "2000", "-o", data, "-p", str(worker)]
    recording = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    load = bench.LOADS[what]
    b.load(server, load["file"], b.mode["latency_s"], *load.get("options", ()))
    recording.terminate()
    recording.wait()
    return shares(subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,dso"], capture_output=True, text=True).stdout)


def all_shares(options):
    with tempfile.TemporaryDirectory(prefix="quell-bench-") as folder:
        os.chmod(folder, 0o755)
        b = bench.Bench(options, folder)
        b.upstream = bench.Server(b, "upstream")
        server = bench.Server(b, "quell")
        try:
            b.warm(server)
            return {what: perf(b, server, what) for what in LOADS}
        finally:
            server.stop()
            b.upstream.stop()


def by_file(path, n):
    """Instructions for each of n names by source file, of what callgrind wrote."""
    counted, files, file, called = collections.Counter(), {}, "", False
    with open(path, encoding="utf-8") as f:
        for line in f:
            found = re.match(r"(c?)f[lie]=\((\d+)\)(?: (.*))?", line)
            if found:
                # A number is a name from the first time on, be it that of one that is called.
                named = files.setdefault(found[2], found[3])
                file = file if found[1] else named
            elif line.startswith("calls="):
                called = True
            elif line[0].isdigit() or line[0] in "+-*":
                counted[file] += 0 if called else int(line.split()[-1])
                called = False
    shown = collections.Counter()
    for file, cost in counted.items():
        source = re.search(r"(?:lib|blocklists|resolver|tests)/[\w/]+\.[ch]$", file)
        shown[source[0] if source else "libc"] += cost
    return {file: cost / n for file, cost in shown.items()}


def all_files():
    with tempfile.TemporaryDirectory(prefix="quell-micro-") as folder:
        inputs, got = micro.prepare(folder, None), {}
        for way in WAYS:
            written = os.path.join(folder, way)
            subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=micro_run", "--callgrind-out-file=" + written,
                            micro.MICRO, *inputs, way, "1"], check=True, capture_output=True)
            got[way] = by_file(written, micro.ASKED)
        return got


def report_shares(got):
    rows = [["share of a worker's time", *LOADS]]
    rows += [[row, *("%.0f %%" % got[what][row] for what in LOADS)] for row in ROWS]
    return bench.table(rows)


def report_files(got):
    total = collections.Counter()
    for of in got.values():
        total.update(of)
    most = [file for file, _ in total.most_common(FILES)]
    rows = [["instructions for each", *got]]
    rows += [[file, *("%.0f" % got[way].get(file, 0) for way in got)] for file in most]
    rows.append(["other files", *("%.0f" % sum(v for f, v in got[way].items() if f not in most) for way in got)])
    rows.append(["all", *("%.0f" % sum(got[way].values()) for way in got)])
    return bench.table(rows)


def main():
    ap = argparse.ArgumentParser(description="Where the time of a query goes.")
    ap.add_argument("--list", help="a file of names to block, one a line")
    ap.add_argument("--smoke", dest="mode", action="store_const", const="smoke", default="quick", help=argparse.SUPPRESS)
    a = ap.parse_args()
    bench.enter_namespace()
    got = all_shares(a) if shutil.which("perf") else {}
    if got and all(got.values()):
        print(report_shares(got) + "\n")
    else:
        print("perf is not there, or may not look: no shares of time\n", file=sys.stderr)
    if shutil.which("valgrind"):
        print(report_files(all_files()))


if __name__ == "__main__":
    main()
