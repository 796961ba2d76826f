#!/usr/bin/env python3
"""quell beside a bare echo server and the other resolvers that are installed here (dnsdist, dnsmasq,
pdns_recursor, unbound).

    make bench                  three minutes; the table, and bench.json and bench.svg in the build folder
    bench.py --full             twenty minutes: enough pairs for figures that are to be compared
    bench.py --list FILE        block the names of this file (one a line) instead of made-up ones
    bench.py --only NAME        of quell, dnsdist, dnsmasq, pdns_recursor, unbound; may be repeated

docs/bench/README.md says what is measured and how.  All of it is on loopback, in a network namespace of its own where
this user may make one: as root, or where the system gives namespaces to all.
"""

import argparse
import contextlib
import fcntl
import json
import os
import platform
import random
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

import names
import plot

BUILD = os.path.abspath(os.environ.get("top_builddir", "."))
TOOLS = os.path.join(BUILD, "tests", "bench")
HOST = "127.0.0.1"
SERVFAIL, NXDOMAIN = 2, 3
START_SECONDS = 120
SWAP_SECONDS = 60
DRIFT = .05  # by which the two echoes of a pair may differ

# Of a load: what it is called, its queries, and the options of tests/bench/load.  `tcp`: the floor is the echo over TCP.
LOADS = {
    "cached": {"file": "cached"},
    "blocked": {"file": "blocked"},
    "mixed": {"file": "mixed"},
    "miss": {"file": "open", "options": ["-f"]},
    "tcp": {"file": "cached", "options": ["-t"], "tcp": True},
    "cached, any address": {"file": "cached", "any": True},
    "blocked, any address": {"file": "blocked", "any": True},
}

# Those that are measured with two workers, too, and with a list that grows.
BASIC = ["cached", "blocked"]

# pairs wanted, pairs tried at most, seconds of a load, seconds of the latencies; names listed, popular and mixed; how
# often lists are swapped, and in how many seconds; names on a small and a large list
MODES = {
    "smoke": {"pairs": 1, "tries": 1, "seconds": .1, "latency_s": .2, "listed": 2000, "popular": 300, "mixed": 600,
              "swaps": 2, "swaps_s": 1, "growth": (500, 2000)},
    "quick": {"pairs": 3, "tries": 4, "seconds": .4, "latency_s": 3, "listed": 100000, "popular": 10000, "mixed": 20000,
              "swaps": 20, "swaps_s": 10, "growth": None},
    "full": {"pairs": 7, "tries": 15, "seconds": 1, "latency_s": 10, "listed": 100000, "popular": 10000, "mixed": 50000,
             "swaps": 20, "swaps_s": 20, "growth": (140000, 5600000)},
}


# --- where it runs ---

def enter_namespace():
    """Start again in a network namespace with nothing but loopback; where that cannot be, go on here."""
    if os.environ.get("QUELL_BENCH_NAMESPACE"):
        raise_loopback()
        return True
    # Who is not root stays who they are there, and not a root who may become nobody else.
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-cn", "--keep-caps"]
    if shutil.which("unshare") and subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL).returncode == 0:
        os.environ["QUELL_BENCH_NAMESPACE"] = "yes"
        os.execvp("unshare", [*unshare, sys.executable, *sys.argv])
    return False


def raise_loopback():
    """ip link set lo up"""
    siocgifflags, siocsifflags, iff_up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        flags = struct.unpack_from("H", fcntl.ioctl(s, siocgifflags, struct.pack("16sH14x", b"lo", 0)), 16)[0]
        fcntl.ioctl(s, siocsifflags, struct.pack("16sH14x", b"lo", flags | iff_up))


class Cpus:
    """The server has a processor of its own; load and upstream share another.  With one alone nothing is pinned."""

    def __init__(self):
        cpus = sorted(os.sched_getaffinity(0))
        self.server, self.load = ({cpus[0]}, {cpus[1]}) if len(cpus) > 1 else (None, None)

    @staticmethod
    def pin(cpus):
        return (lambda: os.sched_setaffinity(0, cpus)) if cpus else None


def free_port():
    """A port that is free for both UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind((HOST, 0))
            with contextlib.suppress(OSError):
                tcp.bind(udp.getsockname())
                return udp.getsockname()[1]


# --- processes ---

def tree(pid):
    """A process and all below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError), open("/proc/%s/stat" % entry, encoding="ascii", errors="replace") as f:
                children.setdefault(int(f.read().rpartition(")")[2].split()[1]), []).append(int(entry))
    found, look = [], [pid]
    while look:
        found.append(look.pop())
        look += children.get(found[-1], [])
    return found


def cpu_s(pid):
    """Seconds of processor time of a process and all below it, those included that have ended."""
    total = 0
    for p in tree(pid):
        with contextlib.suppress(OSError):
            for thread in os.listdir("/proc/%d/task" % p):
                with open("/proc/%d/task/%s/schedstat" % (p, thread), encoding="ascii") as f:
                    total += int(f.read().split()[0]) / 1e9
            with open("/proc/%d/stat" % p, encoding="ascii", errors="replace") as f:
                ended = f.read().rpartition(")")[2].split()[13:15]
            total += sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")
    return total


def pss_kib(pid):
    """Of one process; 0: it has ended."""
    try:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
            return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    except OSError:
        return 0


def pss_mib(pid):
    return sum(map(pss_kib, tree(pid))) / 1024


class Server:
    """A server on a port of its own, from its start to its end.  `listed`: a file of names, or None; workers are not
    pinned to a processor."""

    def __init__(self, bench, name, host=HOST, tcp=False, listed="list", workers=1):
        self.bench, self.name, self.host, self.tcp, self.workers = bench, name, host, tcp, workers
        self.listed = bench.file(listed) if listed else None
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix=name + "-", dir=bench.folder)
        os.chmod(self.folder, 0o755)
        self.blocked_rcode, make = SERVERS[name]
        command = make(self)
        with open(os.path.join(self.folder, "log"), "w", encoding="utf-8") as log:
            begin = time.monotonic()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=Cpus.pin(bench.cpus.server if workers == 1 else None))
        self.await_answer(begin)
        self.start_ms = (time.monotonic() - begin) * 1000

    def path(self, name):
        return os.path.join(self.folder, name)

    def reloads(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as log:
            return log.read().count("notice reloaded")

    def names_listed(self):
        if not self.listed:
            return
        with open(self.listed, encoding="ascii") as listed:
            yield from (line.strip() for line in listed)

    def await_answer(self, begin):
        query = struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + b"\5start\7example\3com\0" + struct.pack(">HH", 1, 1)
        kind = socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM
        while time.monotonic() < begin + START_SECONDS and self.process.poll() is None:
            with socket.socket(socket.AF_INET, kind) as s, contextlib.suppress(OSError):
                s.settimeout(.25)
                s.connect((HOST, self.port))
                s.send(struct.pack(">H", len(query)) + query if self.tcp else query)
                if s.recv(512):
                    return
            time.sleep(.001)
        with open(self.path("log"), encoding="utf-8", errors="replace") as log:
            sys.exit("bench.py: %s does not answer:\n%s" % (self.name, log.read()[-2000:]))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# --- the servers: what their processes are started with, for a list and an upstream ---

def echo(server):
    kind = "tcp" if server.tcp else "udp" if server.workers == 1 else "twice"
    return [os.path.join(TOOLS, "echo"), kind, server.host, str(server.port)]


def upstream(server):
    return [os.path.join(TOOLS, "echo"), "upstream", server.host, str(server.port)]


def compile_image(image, *lists):
    subprocess.run([os.path.join(BUILD, "quell-update"), "compile", "-o", image, *lists], check=True,
                   stdout=subprocess.DEVNULL)


def quell(server):
    command = [os.path.join(BUILD, "quelld"), "--listen", "%s:%d" % (server.host, server.port),
               "--upstream", "%s:%d" % (HOST, server.bench.upstream.port), "--workers", str(server.workers),
               "--control", server.path("control")]
    if server.listed:
        compile_image(server.path("image"), server.listed)
        command += ["--blocklist", server.path("image")]
    # Another user would have to be able to write there, and in a namespace of our own there is none.
    return command + (["--user", "root"] if os.geteuid() == 0 else [])


def dnsmasq(server):
    with open(server.path("list"), "w", encoding="ascii") as f:
        f.writelines("address=/%s/\n" % name for name in server.names_listed())
    return ["dnsmasq", "--keep-in-foreground", "--conf-file=" + server.path("list"), "--no-resolv", "--no-hosts",
            "--no-poll", "--user=", "--pid-file=", "--log-facility=-", "--port=%d" % server.port,
            *(["--listen-address=" + HOST, "--bind-interfaces"] if server.host == HOST else []),
            "--server=%s#%d" % (HOST, server.bench.upstream.port),
            "--cache-size=100000", "--cache-rr=ANY", "--dns-forward-max=4096"]


def unbound(server):
    with open(server.path("list"), "w", encoding="ascii") as f:
        f.write("server:\n")
        f.writelines('local-zone: "%s." always_nxdomain\n' % name for name in server.names_listed())
    with open(server.path("conf"), "w", encoding="ascii") as f:
        f.write("""server:
  directory: "{folder}"
  chroot: ""
  username: ""
  do-daemonize: no
  use-syslog: no
  pidfile: ""
  interface: {host}@{port}
  interface-automatic: {any}
  port: {port}
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-not-query-localhost: no
  module-config: iterator
  msg-cache-size: 128m
  rrset-cache-size: 256m
  num-queries-per-thread: 4096
  outgoing-range: 8192
  incoming-num-tcp: 64
  minimal-responses: yes
  qname-minimisation: no
  include: "{folder}/list"
forward-zone:
  name: "."
  forward-addr: {up}@{up_port}
""".format(folder=server.folder, host=server.host, port=server.port, any="no" if server.host == HOST else "yes", up=HOST,
           up_port=server.bench.upstream.port))
    return ["unbound", "-d", "-c", server.path("conf")]


# What blocked names get, and the function that makes the command.
def write(server, name, text):
    """A file in the server's folder; its path."""
    with open(server.path(name), "w", encoding="ascii") as f:
        f.write(text)
    return server.path(name)


def dnsdist(server):
    rules = "".join("s:add(newDNSName('%s.'))\n" % name for name in server.names_listed())
    return ["dnsdist", "--supervised", "--disable-syslog", "-C", write(server, "conf", """setSecurityPollSuffix("")
setACL({{"127.0.0.0/8"}})
setLocal("{host}:{port}")
setMaxUDPOutstanding(65535)
newServer({{address = "127.0.0.1:{upstream}", checkInterval = 30, sockets = 4}})
local s = newSuffixMatchNode()
{rules}addAction(SuffixMatchNodeRule(s), RCodeAction(DNSRCode.NXDOMAIN))
getPool(""):setCache(newPacketCache(200000, {{maxTTL = 86400}}))
""".format(host=server.host, port=server.port, upstream=server.bench.upstream.port, rules=rules))]


def pdns_recursor(server):
    zone = "$TTL 300\n@ SOA localhost. root.localhost. 1 600 60 86400 60\n@ NS localhost.\n" + "".join(
        "%s CNAME .\n*.%s CNAME .\n" % (name, name) for name in server.names_listed())
    lua = write(server, "lua", "rpzFile('%s', {policyName = 'list', defpol = Policy.NXDOMAIN})\n" % write(server, "zone", zone))
    write(server, "recursor.conf", "".join(line + "\n" for line in (
        "local-address=" + server.host, "local-port=%d" % server.port, "socket-dir=" + server.folder, "daemon=no",
        "disable-syslog=yes", "loglevel=2", "quiet=yes", "dnssec=off", "hint-file=no", "security-poll-suffix=", "dont-query=",
        "forward-zones-recurse=.=%s:%d" % (HOST, server.bench.upstream.port), "threads=1", "pdns-distributes-queries=no",
        "max-mthreads=4096", "max-cache-entries=1000000", "max-packetcache-entries=500000", "export-etc-hosts=no",
        "serve-rfc1918=no", "lua-config-file=" + lua)))
    return ["pdns_recursor", "--config-dir=" + server.folder]


SERVERS = {"echo": (0, echo), "upstream": (0, upstream), "quell": (SERVFAIL, quell), "dnsmasq": (NXDOMAIN, dnsmasq),
           "unbound": (NXDOMAIN, unbound), "dnsdist": (NXDOMAIN, dnsdist), "pdns_recursor": (NXDOMAIN, pdns_recursor)}
RESOLVERS = ["quell", "dnsdist", "dnsmasq", "pdns_recursor", "unbound"]


# --- measuring ---

class Bench:
    def __init__(self, options, folder):
        self.mode = MODES[options.mode]
        self.folder = folder
        self.cpus = Cpus()
        self.upstream = None
        self.make_queries(options.list)

    def file(self, name):
        return os.path.join(self.folder, name)

    def make_queries(self, path):
        """The list, and the files of queries."""
        rnd, mode = random.Random(5), self.mode
        if path:
            with open(path, encoding="utf-8") as f:
                listed = sorted({line.split()[0].lower().rstrip(".") for line in f if line.strip() and line[0] != "#"})
        else:
            listed = names.made_up(mode["listed"], seed=1)
        names.write(self.file("list"), listed)
        self.n_listed = len(listed)
        some = names.unlisted(["%s%s" % (rnd.choice(names.SUB), name) for name in names.made_up(mode["mixed"], seed=3)], listed)
        rnd.shuffle(some)
        opened = ["%s %s open" % (name, names.query_type(rnd)) for name in some]
        blocked = ["%s %s blocked" % (name, names.query_type(rnd))
                   for name in names.listed_and_below(rnd, listed, min(len(listed), 100000))]
        mixed = names.popular(rnd, opened, 4 * len(blocked)) + names.popular(rnd, blocked, len(blocked))
        rnd.shuffle(mixed)
        names.write(self.file("open"), opened)
        names.write(self.file("cached"), names.popular(rnd, opened[:mode["popular"]], 200000))
        names.write(self.file("blocked"), blocked)
        names.write(self.file("mixed"), mixed[:300000])

    def load(self, server, file, seconds, *options):
        """Ask a server; what came of it, with the processor time that each answer took, in us."""
        before = cpu_s(server.process.pid)
        r = subprocess.run([os.path.join(TOOLS, "load"), "-b", str(server.blocked_rcode), *options, HOST,
                            str(server.port), self.file(file), str(seconds)], capture_output=True, text=True,
                           preexec_fn=Cpus.pin(self.cpus.load), timeout=seconds + 60)
        if r.returncode != 0:
            sys.exit("bench.py: %s" % r.stderr)
        got = json.loads(r.stdout)
        got["cpu_us"] = (cpu_s(server.process.pid) - before) * 1e6 / max(got["answered"], 1)
        got["qps"] = got["answered"] / got["seconds"]
        return got

    def pairs(self, server, floor, load):
        """echo, server, echo: until there are enough pairs whose echoes agree."""
        got, mode = {"pairs": [], "dropped": 0}, self.mode
        ask = lambda of: self.load(of, load["file"], mode["seconds"], *load.get("options", ()))
        first = ask(floor)
        for _ in range(mode["tries"]):
            of, last = ask(server), ask(floor)
            echo_us = (first["cpu_us"] + last["cpu_us"]) / 2
            agree = abs(first["cpu_us"] - last["cpu_us"]) <= DRIFT * echo_us
            got["pairs"].append({"agree": agree, "ratio": of["cpu_us"] / echo_us, "echo_us": echo_us,
                                 "echo_qps": (first["qps"] + last["qps"]) / 2, **of})
            first = last
            if sum(p["agree"] for p in got["pairs"]) == mode["pairs"]:
                break
        kept = [p for p in got["pairs"] if p["agree"]]
        got["steady"] = len(kept) >= mode["pairs"]
        got["dropped"] = len(got["pairs"]) - len(kept)
        # On a machine that drifts all the time all of them have to do.
        counted = kept or got["pairs"]
        for key in ("ratio", "cpu_us", "qps", "echo_us", "echo_qps"):
            got[key] = statistics.median(p[key] for p in counted)
        for key in ("answered", "lost", "wrong"):
            got[key] = sum(p[key] for p in got["pairs"])
        return got

    def warm(self, server):
        """All names that are to be answered from the cache are asked for once, in vain ones again."""
        for _ in range(3):
            if self.load(server, "open", 60, "-o", "-w", "64")["lost"] == 0:
                break

    def two_workers(self, start):
        """Over a floor of two echoes."""
        server, floor = start("quell", workers=2), start("echo", workers=2)
        self.warm(server)
        return {what: self.pairs(server, floor, LOADS[what]) for what in BASIC}

    def swap(self, server, images, waits_s):
        """The next image in the place of the last, and word of it, again and again."""
        for i, wait_s in enumerate(waits_s):
            time.sleep(wait_s)
            os.link(images[i % len(images)], server.path("next"))
            os.replace(server.path("next"), server.path("image"))
            server.process.send_signal(signal.SIGHUP)
            late = time.monotonic() + SWAP_SECONDS
            while server.reloads() <= i and time.monotonic() < late:
                time.sleep(.01)

    def swaps(self, server):
        """Latencies while the lists stay, and while they are swapped for others with a name more, or less, again."""
        n, seconds = self.mode["swaps"], self.mode["swaps_s"]
        names.write(server.path("more"), ["one.more.example"])
        images = [server.path("longer"), server.path("shorter")]
        compile_image(images[0], server.listed, server.path("more"))
        compile_image(images[1], server.listed)
        got = {"still": self.load(server, "mixed", seconds, "-r", "500")}
        swapping = threading.Thread(target=self.swap, args=(server, images, [seconds / (n + 1)] * n))
        swapping.start()
        got["swapped"] = self.load(server, "mixed", seconds, "-r", "500")
        swapping.join()
        got["swaps"] = server.reloads()
        return got

    def growth(self, start):
        """What a query costs with a large list, and how many times that with a small one."""
        small, large = self.mode["growth"]
        names.write(self.file("small"), names.many(small, seed=7))
        names.write(self.file("large"), names.many(large, seed=7))
        rnd = random.Random(8)
        names.write(self.file("blocked by both"), ["%s A blocked" % name for name in
                                                   names.listed_and_below(rnd, list(names.many(small, seed=7)), 100000)])
        server, floor = start("quell", listed="large"), start("quell", listed="small")
        self.warm(server)
        self.warm(floor)
        return {"listed": [small, large], "cached": self.pairs(server, floor, LOADS["cached"]),
                "blocked": self.pairs(server, floor, {"file": "blocked by both"})}

    def measure(self, name):
        """All figures of one resolver."""
        with contextlib.ExitStack() as stack:
            def start(*args, **more):
                server = Server(self, *args, **more)
                stack.callback(server.stop)
                return server
            server, at_any = start(name), start(name, host="0.0.0.0")
            floors = {False: start("echo"), True: start("echo", tcp=True)}
            got = {"start_ms": server.start_ms, "pss_mib": pss_mib(server.process.pid), "loads": {}}
            self.warm(server)
            self.warm(at_any)
            for what, load in LOADS.items():
                of = at_any if load.get("any") else server
                got["loads"][what] = self.pairs(of, floors[load.get("tcp", False)], load)
                say("  %s: %s" % (what, short(got["loads"][what])))
            got["latency"] = self.load(server, "mixed", self.mode["latency_s"], "-r", "2000")
            got["pss_loaded_mib"] = pss_mib(server.process.pid)
            got["pss_bare_mib"] = pss_mib(start(name, listed=None).process.pid)
            if name == "quell":
                got["swaps"] = self.swaps(server)
                got["two_workers"] = self.two_workers(start)
                got["growth"] = self.growth(start) if self.mode["growth"] else None
            return got

    def run(self, wanted):
        self.upstream = Server(self, "upstream")
        os.sched_setaffinity(self.upstream.process.pid, self.cpus.load or os.sched_getaffinity(0))
        try:
            results = {}
            for name in wanted:
                say("%s:" % name)
                results[name] = self.measure(name)
            floor = Server(self, "echo")
            results["echo"] = {"latency": self.load(floor, "cached", self.mode["latency_s"], "-r", "2000")}
            floor.stop()
            return results
        finally:
            self.upstream.stop()


# --- what is shown ---

def say(text):
    print(text, file=sys.stderr, flush=True)


def short(load):
    """Mean cost and ratio; a ? where the machine drifted."""
    return "%.2f us, %.2f x%s" % (load["cpu_us"], load["ratio"], "" if load["steady"] else "?")


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(lines)


LATE = ["p50 us", "p90 us", "p99 us", "p99.9 us", "worst us", "lost / wrong"]


def latencies(name, row):
    return [name, *(str(row[key]) for key in plot.PERCENTILES), "%d / %d" % (row["lost"], row["wrong"])]


def report_quell(of):
    """Rows of what is measured of quell alone."""
    late = [["at 500 queries a second", *LATE], latencies("the lists stay", of["swaps"]["still"]),
            latencies("%d swaps" % of["swaps"]["swaps"], of["swaps"]["swapped"])]
    two = [["two workers", "us a query (x two echoes)", "beside one worker"]]
    two += [[what, short(load), "%.2f x" % (load["ratio"] / of["loads"][what]["ratio"])]
            for what, load in of["two_workers"].items()]
    yield from (late, two)
    if of["growth"]:
        small, large = of["growth"]["listed"]
        yield [["{:,} names, not {:,}".format(large, small), "us a query (x as many)"],
               *([what, short(of["growth"][what])] for what in BASIC)]


def report(results):
    """Tables in Markdown."""
    servers = [name for name in results if name != "echo"]
    costs = [["us a query (x echo)", *LOADS]]
    rates = [["answers a second", *LOADS]]
    wrong = [["lost / wrong", *LOADS]]
    for name in servers:
        loads = results[name]["loads"].values()
        costs.append([name, *(short(load) for load in loads)])
        rates.append([name, *("{:,.0f}".format(load["qps"]) for load in loads)])
        wrong.append([name, *("%d / %d" % (load["lost"], load["wrong"]) for load in loads)])
    late = [["at 2,000 queries a second", *LATE]]
    late += [latencies(name, of["latency"]) for name, of in results.items()]
    size = [["", "start ms", "PSS MiB, no list", "with the list", "cache filled"]]
    size += [[name, *("%.1f" % results[name][key] for key in ("start_ms", "pss_bare_mib", "pss_mib", "pss_loaded_mib"))]
             for name in servers]
    unsteady = any(not load["steady"] for name in servers for load in results[name]["loads"].values())
    return "\n\n".join([*map(table, (costs, rates, wrong, late, size)),
                        *(map(table, report_quell(results["quell"])) if "quell" in results else []),
                        *(["?: the machine drifted, and too few pairs are left for a ratio to be relied on."]
                          if unsteady else [])])


def main():
    ap = argparse.ArgumentParser(description="quell beside a bare echo server and other resolvers.")
    ap.add_argument("--full", dest="mode", action="store_const", const="full", default="quick", help="twenty minutes")
    ap.add_argument("--smoke", dest="mode", action="store_const", const="smoke", help="seconds; the figures mean nothing")
    ap.add_argument("--list", help="a file of names to block, one a line")
    ap.add_argument("--only", action="append", choices=RESOLVERS, help="this resolver")
    ap.add_argument("--json", default="bench.json", help="file for all figures (bench.json)")
    ap.add_argument("--svg", default="bench.svg", help="file for the plot (bench.svg)")
    a = ap.parse_args()
    own = enter_namespace()
    wanted = [name for name in a.only or RESOLVERS if name == "quell" or shutil.which(name)]
    with tempfile.TemporaryDirectory(prefix="quell-bench-") as folder:
        os.chmod(folder, 0o755)
        bench = Bench(a, folder)
        say("%d names listed; %s; %s" % (bench.n_listed, "a network namespace of its own" if own else "the loopback of all",
                                        "server and load on a processor each" if bench.cpus.server else "one processor"))
        results = bench.run(wanted)
    about = {"mode": a.mode, "machine": platform.machine(), "kernel": platform.release(), "processors": os.cpu_count(),
             "listed": bench.n_listed, "namespace": own, "pinned": bench.cpus.server is not None}
    with open(a.json, "w", encoding="utf-8") as f:
        json.dump({"about": about, "results": results}, f, indent="\t")
        f.write("\n")
    with open(a.svg, "w", encoding="utf-8") as f:
        f.write(plot.draw(results, list(LOADS)))
    print(report(results))


if __name__ == "__main__":
    main()
