"""Real lists, where they are at hand: every rule blocks, no neighbour of a rule does, a swap under load loses nothing."""

import glob
import lzma
import os
import random
import re
import socket
import struct
import subprocess

import harness
from harness import (
    BUILD, SOURCE, FakeUpstream, Load, Quelld, Skip, equal, frame, main, plain_query, read_frame, reply_to,
    temporary_folder, test)


SHARED = os.path.join(SOURCE, "..", "shared")
TYPES = {"A": 1, "AAAA": 28, "HTTPS": 65}
SERVFAIL, NOERROR = 2, 0
WINDOW = 200  # queries that wait for an answer at once
WINDOW_FORWARDED = 16  # the same where the fake upstream, which is slow, has to answer
UNLISTED = 10000
SLOW_MS = 50  # what no query may take while the lists are swapped
OWN = ("localhost", "local", "broadcasthost", "ip6-")  # a machine's own names are no rules


def shared_text(*path):
    path = os.path.join(SHARED, *path)
    if harness.WRAPPER:
        raise Skip("a million questions are too many under " + harness.WRAPPER[0])
    if not os.path.exists(path):
        raise Skip("no real lists are at hand")
    with lzma.open(path) as f:
        return f.read().decode("utf-8", "replace")


def hosts_names(text):
    """The names of a hosts list, read here by other means than the product's."""
    names = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if len(words) > 1 and words[0] in ("0.0.0.0", "127.0.0.1", "::", "::1"):
            names += [w.lower() for w in words[1:]]
    return [n for n in dict.fromkeys(names) if not n.startswith(OWN) and not n.replace(".", "").isdigit()]


def domain_names(text):
    return list(dict.fromkeys(line.strip().lower() for line in text.splitlines() if line and line[0] not in "#!"))


def rcodes(daemon, queries, tcp=False, window=WINDOW):
    """Ask (name, type) for each, `window` at a time: their RCODEs, in order."""
    got = [None] * len(queries)
    sock = daemon.tcp_socket() if tcp else daemon.udp_socket()
    # So many answers may come before the first is read; none may be dropped here.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW * 4096)
    sent = done = 0
    with sock:
        while done < len(queries):
            chunk = []
            while sent < len(queries) and sent - done < window:
                message = plain_query(*queries[sent], sent & 0xffff)
                chunk.append(frame(message) if tcp else message)
                sent += 1
            if tcp:
                sock.sendall(b"".join(chunk))
            else:
                for message in chunk:
                    sock.send(message)
            reply = read_frame(sock) if tcp else sock.recv(65535)
            # IDs repeat after 65,536 questions, of which only a window is open.
            index = (done & ~0xffff) | struct.unpack("!H", reply[:2])[0]
            index = min((index + wrap for wrap in (-65536, 0, 65536)), key=lambda i: abs(i - done))
            assert got[index] is None, "two answers to one query"
            got[index] = reply[3] & 15
            done += 1
    return got


def assert_all(daemon, names, rcode, tcp=False, window=WINDOW):
    queries = [(name, number) for name in names for number in TYPES.values()]
    wrong = [q for q, got in zip(queries, rcodes(daemon, queries, tcp, window)) if got != rcode]
    assert not wrong, "%d of %d, the first: %r" % (len(wrong), len(queries), wrong[:5])


def parents(name):
    labels = name.split(".")
    return [".".join(labels[i:]) for i in range(1, len(labels))]


def neighbours(names, suffix):
    """Names a letter or a label away from listed ones, which no rule covers."""
    listed = set(names)
    rng = random.Random(3)
    found = []
    for name in rng.sample(names, 2000):
        first, rest = (name.split(".", 1) + [""])[:2]
        nearby = [name[1:], name[:-1], "x" + name, name + "x", rest]
        if not suffix:
            nearby.append("x." + name)
        for other in nearby:
            if not other or other.startswith((".", "-")) or other.endswith(".") or ".." in other or len(other) > 250:
                continue
            if max(len(label) for label in other.split(".")) > 63 or other in listed:
                continue
            if suffix and any(parent in listed for parent in parents(other)):
                continue
            found.append(other)
    return found


def quick_reply(ask):
    """NODATA is quick to make and is cached."""
    return reply_to(ask.query, authority=["example. 3600 IN SOA ns.example. admin.example. 1 7200 3600 86400 3600"])


def check_list(path, read, suffix):
    text = shared_text("lists", path)
    names = [n for n in read(text) if n]
    assert len(names) > 100000, "%d names are too few" % len(names)
    with FakeUpstream(quick_reply) as upstream, temporary_folder() as folder:
        list_path = os.path.join(folder, "list.txt")
        with open(list_path, "w") as f:
            f.write(text)
        with Quelld([upstream], [list_path]) as daemon:
            print("# %s: %d names" % (path, len(names)), flush=True)
            assert_all(daemon, names, SERVFAIL)
            assert_all(daemon, names, SERVFAIL, tcp=True)
            equal(upstream.asked(), [], "packets upstream for blocked names")
            near = neighbours(names, suffix)
            print("# %d neighbours" % len(near), flush=True)
            assert_all(daemon, near[:2000], NOERROR, window=WINDOW_FORWARDED)
            open_names = ["n%d.unlisted.example" % i for i in range(UNLISTED)]
            queries = [(name, 1) for name in open_names]
            equal(set(rcodes(daemon, queries, window=WINDOW_FORWARDED)), {NOERROR}, "rcodes of unlisted names")
            asked = {a.name.rstrip(".").lower() for a in upstream.asked()}
            equal([n for n in open_names if n not in asked], [], "unlisted names that were not forwarded")
            count = len(upstream.asked())
            equal(set(rcodes(daemon, queries)), {NOERROR}, "rcodes of cached names")
            equal(len(upstream.asked()), count, "packets upstream for cached names")


@test
def test_hosts_list():
    """Each name of a real hosts list is blocked for A, AAAA and HTTPS, over UDP and TCP; neighbours are not"""
    check_list("neodev.hosts.txt.xz", hosts_names, suffix=False)


@test
def test_domain_list():
    """Each name of a real list of domains is blocked for A, AAAA and HTTPS, over UDP and TCP; neighbours are not"""
    check_list("stevenblack.domains.txt.xz", domain_names, suffix=True)


# What a line blocks, by the ending of its file: read here by other means than the product's.
LINES = {
    "hosts.txt": r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?)\s+([a-z0-9_][a-z0-9._-]*[a-z])",
    "abp.txt": r"\|\|([a-z0-9_][a-z0-9._-]*)\^$",
    "adguard.txt": r"\|\|([a-z0-9_][a-z0-9._-]*)\^$",
    "wildcard.txt": r"\*\.([a-z0-9_][a-z0-9._-]*[a-z])$",
    "dnsmasq.txt": r"(?:address|local|server)=/([^/]*)/",
    "dnsmasq.conf": r"(?:address|local|server)=/([^/]*)/",
    "smartdns.conf": r"address /([^/]*)/#",
    "unbound.conf": r"\s*local-zone: \"([^\"]*)\"",
    "rpz.txt": r"([a-z0-9_][a-z0-9._-]*)\s+(?:in\s+)?cname \.$",
    "rpz": r"([a-z0-9_][a-z0-9._-]*)\s+(?:in\s+)?cname \.$",
    "": r"([a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_-]+)*\.[a-z][a-z0-9-]*)$",
}
SAMPLE = 300  # names of each file


def blocked_names(file, text):
    name = os.path.basename(file)[:-len(".xz")]
    pattern = re.compile(next(LINES[end] for end in LINES if name.endswith(end)))
    found = [m.group(1).rstrip(".") for m in map(pattern.match, text.lower().splitlines()) if m]
    return [n for n in found if not n.startswith(OWN)]


@test
def test_all_lists():
    """Every real list there is, of each syntax, in one daemon: names of each are blocked, unlisted ones are not"""
    files = sorted(glob.glob(os.path.join(SHARED, "lists", "*.xz")))
    if not files:
        raise Skip("no real lists are at hand")
    rng = random.Random(5)
    with FakeUpstream(quick_reply) as upstream, temporary_folder() as folder:
        paths, chosen = [], []
        for file in files:
            text = shared_text("lists", os.path.basename(file))
            names = blocked_names(file, text)
            assert len(names) > 1000, "%d names in %s" % (len(names), file)
            paths.append(os.path.join(folder, os.path.basename(file)[:-len(".xz")]))
            with open(paths[-1], "w") as f:
                f.write(text)
            chosen += rng.sample(names, SAMPLE)
        with Quelld([upstream], paths, patience=harness.TEST_SECONDS) as daemon:
            print("# %s" % daemon.log.wait("^notice ready "), flush=True)
            assert_all(daemon, chosen, SERVFAIL)
            equal(upstream.asked(), [], "packets upstream for blocked names")
            open_names = ["n%d.unlisted.example" % i for i in range(1000)]
            assert_all(daemon, open_names, NOERROR, window=WINDOW_FORWARDED)


@test
def test_swap_under_load():
    """1.57 million names are swapped by SIGHUP while 500 queries a second run: none is lost"""
    text = "".join(line[::-1] + "\n" for line in shared_text("bench", "data", "L.xz").splitlines())
    with FakeUpstream(quick_reply) as upstream, temporary_folder() as folder:
        paths = [os.path.join(folder, "L.txt"), os.path.join(folder, "image")]
        with open(paths[0], "w") as f:
            f.write(text)
        subprocess.run([os.path.join(BUILD, "quell-update"), "compile", "-o", paths[1], paths[0]], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        listed = text.splitlines()[::50000]
        for path in paths:
            with Quelld([upstream], [path], patience=harness.TEST_SECONDS) as daemon:
                warm = ["n%d.unlisted.example" % i for i in range(500)]
                rcodes(daemon, [(name, 1) for name in warm], window=WINDOW_FORWARDED)
                load = Load(daemon, warm + listed)
                load.start()
                for _ in range(30 if path == paths[1] else 3):  # an image is loaded in no time
                    line = daemon.reload()
                    assert line.startswith("notice reloaded "), line
                equal(load.stop(), 0, "lost queries")
                slow = [ms for ms in load.late_ms if ms > SLOW_MS]
                print("# %s: %d queries, the slowest %.1f ms, over %d ms: %d" % (
                    os.path.basename(path), len(load.late_ms), max(load.late_ms), SLOW_MS, len(slow)), flush=True)


if __name__ == "__main__":
    harness.TEST_SECONDS *= 4  # there are a million questions to ask
    main()
