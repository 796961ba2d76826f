#!/usr/bin/python3
"""What a block answer costs those who ask: packets, time, and what it does to the next look-up.

    sudo top_builddir=BUILD tests/bench/servfail.py [--client NAME]... [--answer NAME]... [--runs N] [--resolved FILE]

Each client (glibc, musl, systemd-resolved, dnsmasq as a router in front, Chromium) looks names up at quelld, in network
and mount namespaces of its own, by each block answer, with one server and with two: the second is another resolver,
which blocks nothing.  Prints Markdown tables for docs/servfail.md.  A client that is not installed is left out, and
named at the end.

Packets are counted on the wire, queries and answers of both servers; where TCP is used, each segment.
Needs root, the Debian packages of `tools/deps bench`, and for systemd-resolved its program: --resolved says where it
is when the package was only unpacked (dpkg-deb -x), for to install it changes /etc/resolv.conf of the machine.
"""

import argparse
import collections
import contextlib
import datetime
import http.server
import os
import platform
import queue
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from harness import BUILD, FakeUpstream, Namespace, Quelld, Skip, query, reply_to, temporary_folder  # noqa: E402

QUELL = "192.168.53.1"
SECOND = "192.168.53.2"
WEB = "192.168.53.3"  # every allowed name; nobody listens on its port 443
SERVERS = (QUELL, SECOND)

# What is configured in the client: quelld alone, with one that blocks nothing, and two quelld.
HOUSES = ("1", "1 + other", "2")

ANSWERS = {
    "servfail": "block_answer = servfail",
    "servfail, adaptive": "block_answer = servfail\nadaptive = yes",
    "nxdomain": "block_answer = nxdomain",
    "nodata": "block_answer = nodata",
    "refused": "block_answer = refused",
    "null": "block_answer = null",
}

LIMIT_SECONDS = 300  # for one step of a client
BROWSER_SECONDS = 60  # for a page; a browser that has not got so far by then is started anew
SETTLE_SECONDS = 0.2  # for packets behind the answer that a client took
BURST = 20
PAGE_HOSTS = 10


# --- the wire ---

Packet = collections.namedtuple("Packet", "source target tcp payload")


class Wire:
    """The packets from and to port 53 on the loopback interface of a namespace."""

    PACKET_HOST = 0  # each packet is seen as it goes, and as it comes

    def __init__(self, namespace):
        self.namespace = namespace
        self.packets = []
        self.marks = 0
        self.changed = threading.Condition()
        with namespace:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            self.sock.bind(("lo", 0x0800))
            self.marker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        threading.Thread(target=self._read, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.marker.close()

    def _read(self):
        while True:
            try:
                frame, where = self.sock.recvfrom(65535)
            except OSError:
                return
            if len(where) < 3:  # closed
                return
            if where[2] == self.PACKET_HOST:
                self._take(frame[14:])

    def _take(self, ip):
        head = (ip[0] & 15) * 4
        if ip[9] not in (6, 17):
            return
        source, target = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
        ports = struct.unpack("!HH", ip[head:head + 4])
        with self.changed:
            if ip[9] == 17 and ports[1] == 9:
                self.marks += 1
                self.changed.notify_all()
            elif 53 in ports:
                payload = ip[head + 8:] if ip[9] == 17 else ip[head + (ip[head + 12] >> 4) * 4:]
                self.packets.append(Packet(source, target, ip[9] == 6, payload))

    def take(self):
        """What went by since the last call."""
        time.sleep(SETTLE_SECONDS)
        with self.changed:
            wanted = self.marks + 1
            self.marker.sendto(b"mark", ("127.0.0.1", 9))
            assert self.changed.wait_for(lambda: self.marks >= wanted, 5), "the wire is not read"
            packets, self.packets = self.packets, []
        return packets


def at(server, packets):
    return [p for p in packets if server in (p.source, p.target)]


def counts(packets, servers):
    """Packets from and to the first server, and the second."""
    return " + ".join(str(len(at(server, packets))) for server in servers)


def has_edns(packets):
    """Do all queries to the servers have OPT?  None: there are none."""
    asked = [p.payload for p in packets if p.target in SERVERS and not p.tcp and len(p.payload) >= 12]
    return all(struct.unpack("!H", wire[10:12])[0] > 0 for wire in asked) if asked else None


class Distance:
    """Between the clients and a server, as over a wireless network: each query over UDP, and each answer, comes half of
    the round trip later."""

    def __init__(self, namespace, address, server, round_trip_ms):
        self.seconds = round_trip_ms / 2000
        self.waiting = collections.deque()  # (when, send, datagram)
        self.changed = threading.Condition()
        self.asked = {}  # our ID: (client, its ID)
        self.closing = False
        with namespace:
            self.near, self.far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            self.near.bind((address, 53))
            self.far.connect(server)
        for loop, args in ((self._read, (self.near, self._query)), (self._read, (self.far, self._answer)),
                           (self._send, ())):
            threading.Thread(target=loop, args=args, daemon=True).start()

    def close(self):
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        for s in (self.near, self.far):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def _read(self, sock, take):
        while not self.closing:
            try:
                datagram, source = sock.recvfrom(65535)
            except OSError:
                return
            if len(datagram) > 2:
                take(datagram, source)

    def _query(self, datagram, client):
        own = struct.pack("!H", len(self.asked) & 0xffff)
        self.asked[own] = client, datagram[:2]
        self._later(self.far.send, own + datagram[2:])

    def _answer(self, datagram, _):
        client, id = self.asked[datagram[:2]]
        self._later(lambda d: self.near.sendto(d, client), id + datagram[2:])

    def _later(self, send, datagram):
        with self.changed:
            self.waiting.append((time.monotonic() + self.seconds, send, datagram))
            self.changed.notify_all()

    def _send(self):
        while not self.closing:
            with self.changed:
                left = self.waiting[0][0] - time.monotonic() if self.waiting else None
                if left is None or left > 0:
                    self.changed.wait(left)
                    continue
                _, send, datagram = self.waiting.popleft()
            with contextlib.suppress(OSError):
                send(datagram)


# --- the house ---

def every_name(ask):
    """Every name is the web server."""
    if ask.query.question[0].rdtype == 1:
        return reply_to(ask.query, ask.name + " 300 IN A " + WEB)
    return reply_to(ask.query, authority=["example. 300 IN SOA ns.example. admin.example. 1 7200 3600 86400 300"])


class House:
    """A namespace with quelld, the second server, and a look at the wire."""

    def __init__(self, answer, kind, round_trip_ms=0):
        self.servers = SERVERS[:1 if kind == "1" else 2]
        self.folder = contextlib.ExitStack()
        try:
            self.namespace = Namespace()
            self.folder.callback(self.namespace.close)
            for address in (QUELL, SECOND, WEB):
                self.namespace.ip("addr add %s/32 dev lo" % address)
            # systemd-resolved asks nobody while there is no link but loopback.
            self.namespace.ip("link add v0 type veth peer name v1")
            self.namespace.ip("addr add 192.168.54.1/24 dev v0")
            for link in ("v0", "v1"):
                self.namespace.ip("link set %s up" % link)
            port = 5300 if round_trip_ms else 53
            with self.namespace:
                upstream = self.folder.enter_context(FakeUpstream(every_name))
                if kind == "1 + other":
                    self.folder.enter_context(FakeUpstream(every_name, host=SECOND, port=port))
            for address in self.servers if kind == "2" else (QUELL,):
                self.folder.enter_context(
                    Quelld([upstream], ["ads.example\n"], listen=[address], port=port, namespace=self.namespace,
                           conf=ANSWERS[answer] + "\n"))
            for address in self.servers if round_trip_ms else ():
                distance = Distance(self.namespace, address, (address, port), round_trip_ms)
                self.folder.callback(distance.close)
            self.wire = Wire(self.namespace)
            self.folder.callback(self.wire.close)
            self.dir = self.folder.enter_context(temporary_folder())
        except BaseException:
            self.folder.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.folder.__exit__(*exc)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def start(self, command, mounts=(), setup="", output=subprocess.DEVNULL, **kwargs):
        """A process in the namespace, with files mounted over others: (file, place)."""
        script = "".join('mount --bind "%s" "%s" && ' % pair for pair in mounts)
        script = "mount --make-rprivate / && " + setup + script + 'exec "$@"'
        with self.namespace:
            return subprocess.Popen(["unshare", "-m", "-p", "-f", "--mount-proc", "sh", "-c", script, "sh"] + command,
                                    stdin=subprocess.DEVNULL, stdout=output, stderr=output, **kwargs)

    def start_daemon(self, command, server, **kwargs):
        """The same with one that answers at the address `server`."""
        path = self.write("daemon.log", "")
        with open(path, "w") as log:
            process = self.start(command, output=log, **kwargs)
        self.folder.callback(end, process)
        wire = query("up.example", edns=False).to_wire()
        with self.namespace, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            for _ in range(100):
                try:
                    s.sendto(wire, (server, 53))
                    s.recv(4096)
                    return
                except OSError:
                    time.sleep(0.05)
        with open(path) as log:
            raise Skip("%s does not answer: %s" % (command[0], log.read().strip()[-300:]))

    def resolv_conf(self, servers, options=""):
        text = "".join("nameserver %s\n" % s for s in servers) + options
        return self.write("resolv.conf", text), os.path.realpath("/etc/resolv.conf")


def end(process):
    """Kill what unshare started, the first process of its namespace, and all others with it."""
    with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as f:
        for pid in f.read().split():
            os.kill(int(pid), signal.SIGKILL)
    process.wait()


# --- the clients ---

def package_version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    return done.stdout.decode() or "not installed"


def need(program):
    if shutil.which(program) is None:
        raise Skip(program + " is not installed")


class Glibc:
    title = "glibc"
    package = "libc6"
    compiler = ["cc"]

    def __init__(self, house, args):
        self.house, self.servers = house, house.servers
        need(self.compiler[0])
        self.program = os.path.join(house.dir, "lookup")
        subprocess.run(self.compiler + ["-O2", "-o", self.program, os.path.join(HERE, "lookup.c")], check=True)
        self.prepare(args)

    def prepare(self, args):
        self.conf = self.house.resolv_conf(self.servers)

    def lookup(self, *names):
        """One process that looks these up: [(ms, first address or None)]."""
        process = self.house.start([self.program] + list(names), mounts=[self.conf], output=subprocess.PIPE)
        out, err = process.communicate(timeout=LIMIT_SECONDS)
        rows = [line.split(None, 2) for line in out.decode().splitlines()]
        assert [row[0] for row in rows] == list(names), (out, err)
        return [(int(row[1]) / 1000, row[2] if re.fullmatch("[0-9a-f.:]+", row[2]) else None) for row in rows]


class Musl(Glibc):
    title = "musl"
    package = "musl"
    compiler = ["musl-gcc", "-static"]


class Resolved(Glibc):
    title = "systemd-resolved"

    def prepare(self, args):
        if not os.path.exists(args.resolved):
            raise Skip(args.resolved + " is not there (--resolved)")
        root = args.resolved[:-len("/lib/systemd/systemd-resolved")]
        users = {}
        for name, line in (("passwd", "systemd-resolve:x:%d:%d::/:/usr/sbin/nologin\n"),
                           ("group", "systemd-resolve:x:%d:\n")):
            with open("/etc/" + name) as f:
                text = f.read()
            if not re.search("^systemd-resolve:", text, re.MULTILINE):
                text += line % ((65500,) * line.count("%d"))
            users[name] = self.house.write(name, text)
        conf = self.house.write("resolved.conf", "[Resolve]\nDNS=%s\nFallbackDNS=\nDomains=~.\nLLMNR=no\n"
                                "MulticastDNS=no\n" % " ".join(self.servers))
        setup = ("mount -t tmpfs none /run && mkdir -p /run/systemd/resolve /run/systemd/resolved.conf.d && "
                 'mount --bind "%s" /etc/passwd && mount --bind "%s" /etc/group && '
                 "chown systemd-resolve:systemd-resolve /run/systemd/resolve && "
                 'cp "%s" /run/systemd/resolved.conf.d/bench.conf && ' % (users["passwd"], users["group"], conf))
        libraries = ":".join(d for d in (root + "/usr/lib/%s-linux-gnu/systemd" % platform.machine(),
                                         root + "/lib/%s-linux-gnu/systemd" % platform.machine()) if os.path.isdir(d))
        self.house.start_daemon([args.resolved], "127.0.0.53", setup=setup,
                                env=dict(os.environ, LD_LIBRARY_PATH=libraries, SYSTEMD_LOG_TARGET="console"))
        self.conf = self.house.resolv_conf(["127.0.0.53"], "options edns0 trust-ad\n")

    @staticmethod
    def version(args):
        env = dict(os.environ, LD_LIBRARY_PATH=args.resolved[:-len("/lib/systemd/systemd-resolved")] +
                   "/usr/lib/%s-linux-gnu/systemd" % platform.machine())
        done = subprocess.run([args.resolved, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
        return (re.findall(r"\((.*)\)", done.stdout.decode()) or ["?"])[0]


class Dnsmasq(Glibc):
    title = "dnsmasq"
    package = "dnsmasq-base"

    def prepare(self, args):
        need("dnsmasq")
        self.house.start_daemon(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
             "--pid-file=", "--listen-address=127.0.0.1", "--bind-interfaces", "--log-facility=-"] +
            ["--server=" + server for server in self.servers], "127.0.0.1")
        self.conf = self.house.resolv_conf(["127.0.0.1"])


CLIENTS = {c.title: c for c in (Glibc, Musl, Resolved, Dnsmasq)}


# --- names looked up ---

OUTCOMES = {None: "fails", WEB: "**resolved**", "0.0.0.0": "no address", "::": "no address"}


def ms(value):
    return "%.1f" % value if value < 10 else "%.0f" % value


def measure_once(client_class, answer, kind, args):
    """One run: what is measured, by column."""
    with House(answer, kind) as house:
        client = client_class(house, args)

        def step(*names):
            """Look these up: packets, time and address of the first, has_edns(), is there TCP."""
            took, address = client.lookup(*names)[0]
            packets = house.wire.take()
            return counts(packets, house.servers), took, address, has_edns(packets), any(p.tcp for p in packets)

        step("warm.page.example")
        before = step("before.page.example")
        first = step("one.ads.example")
        again = step("one.ads.example")
        following = step("next.page.example")
        burst = step(*["burst.ads.example"] * BURST)
        step(*["b%d.ads.example" % i for i in range(BURST)])
        later = step("later.page.example")
    notes = []
    for name, (_, _, address, edns, tcp) in (("blocked", first), ("next", following), ("later", later)):
        if name != "blocked" and address is None:
            notes.append("%s: not found" % name)
        if before[3] and edns is False:
            notes.append("%s: asked without EDNS, too" % name)
        if tcp:
            notes.append("%s: asked over TCP" % name)
    return [first[0], first[1], OUTCOMES.get(first[2], first[2]), again[0], burst[0], *following[:2], *later[:2],
            *before[:2], "; ".join(notes)]


def combined(values):
    """Of all runs: the median of times, else what came most often, with ~ where it was not always the same."""
    if isinstance(values[0], float):
        return ms(statistics.median(values))
    often, _ = collections.Counter(values).most_common(1)[0]
    return often if len(set(values)) == 1 else "~ " + often


def measure(client_class, answer, kind, args):
    """A row of the table for this client.  What takes more than a minute is measured once."""
    begin = time.monotonic()
    runs = []
    while len(runs) < args.runs and (not runs or time.monotonic() - begin < 60):
        runs.append(measure_once(client_class, answer, kind, args))
    return ["`%s`" % answer, kind] + [combined(list(values)) for values in zip(*runs)]


NAMES_HEAD = ["answer", "servers", "first time", "ms", "outcome", "again", "%d times" % BURST, "next allowed", "ms",
              "after %d more" % BURST, "ms", "allowed, before", "ms", "notes"]


# --- a page in a browser ---

PAGE = """<!doctype html><title>page</title><body><script>
addEventListener('load', () => setTimeout(() => {
  const r = performance.getEntriesByType('resource').find(e => e.name.includes('/allowed'));
  const url = '/result?load=' + performance.timing.loadEventEnd + '&begin=' + performance.timing.navigationStart +
    '&allowed=' + (r ? r.duration : 0);
  fetch(url).then(() => { if ('%(then)s') location = '%(then)s'; });
}));
</script>%(images)s</body>"""


def page(hosts, then):
    return PAGE % {"then": then, "images": "".join('<img src="%s">' % h for h in hosts)}


class Web(http.server.BaseHTTPRequestHandler):
    ads = ["https://ad%d.ads.example/pixel.png" % i for i in range(PAGE_HOSTS)]
    pages = {
        "/": page([], "/first"),
        "/first": page(ads, "/again"),
        "/again": page(ads, "/next"),
        "/next": page(["http://next.page.example/allowed.png"], ""),
    }

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/result":
            pairs = (pair.split("=") for pair in self.path.split("?")[1].split("&"))
            self.server.results.put({key: float(value) for key, value in pairs})
            # The step is over: what went over the wire belongs to it.
            self.server.step_done.wait(BROWSER_SECONDS)
            self.server.step_done.clear()
        body = self.pages.get(path, "").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if body else "image/png")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def browse(house):
    """One run of the browser: [(ms, packets)] for the page, the page again, and the next allowed host."""
    with house.namespace:
        web = http.server.ThreadingHTTPServer((WEB, 80), Web)
    web.daemon_threads = True
    web.step_done = threading.Event()
    web.results = queue.Queue()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    conf = house.resolv_conf(house.servers)
    with temporary_folder() as profile:
        browser = house.start(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
             "--user-data-dir=" + profile, "--remote-debugging-port=0", "http://start.page.example/"], mounts=[conf])
        steps = []
        try:
            for step in range(4):
                result = web.results.get(timeout=BROWSER_SECONDS)
                packets = house.wire.take()
                took = result["allowed"] if step == 3 else result["load"] - result["begin"]
                steps.append((took, packets))
                web.step_done.set()
        finally:
            end(browser)
            web.shutdown()
            web.server_close()
    return steps[1:]


def measure_page(answer, kind, args):
    runs = []
    while len(runs) < args.runs:
        with House(answer, kind, args.round_trip) as house, contextlib.suppress(queue.Empty):
            servers = house.servers
            runs.append(browse(house))
    cells = ["`%s`" % answer, kind]
    for step in range(3):
        times = [run[step][0] for run in runs]
        packets = [[len(at(server, run[step][1])) for run in runs] for server in servers]
        cells += ["%s (%s to %s)" % (ms(statistics.median(times)), ms(min(times)), ms(max(times))),
                  " + ".join("%d" % statistics.median(p) for p in packets)]
    return cells


PAGE_HEAD = ["answer", "servers", "load, ms", "packets", "again, ms", "packets", "next allowed host, ms", "packets"]


# --- the report ---

def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def progress(text):
    print(text, file=sys.stderr, flush=True)


def measure_client(title, args):
    """The rows of one client, or Skip."""
    rows = []
    for kind in HOUSES:
        for answer in args.answer:
            progress("%s, %s, %s" % (title, answer, kind))
            if title == "chromium":
                rows.append(measure_page(answer, kind, args))
            else:
                rows.append(measure(CLIENTS[title], answer, kind, args))
    return rows


def version_of(title, args):
    if title == "chromium":
        return package_version("chromium")
    if title == Resolved.title:
        return Resolved.version(args)
    return package_version(CLIENTS[title].package)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(CLIENTS) + ["chromium"]
    parser.add_argument("--client", action="append", choices=names)
    parser.add_argument("--answer", action="append", choices=list(ANSWERS))
    parser.add_argument("--runs", type=int, default=5, help="for each row; the median counts")
    parser.add_argument("--round-trip", type=float, default=5, metavar="MS", help="of the browser to its servers (5)")
    parser.add_argument("--resolved", default="/lib/systemd/systemd-resolved", metavar="FILE")
    args = parser.parse_args()
    args.answer = args.answer or list(ANSWERS)
    left_out = []
    print("Measured on %s, Linux %s, %d CPUs.\n" % (datetime.date.today(), platform.release(), os.cpu_count()))
    for title in args.client or names:
        try:
            if title == "chromium":
                need("chromium")
            rows = measure_client(title, args)
        except Skip as why:
            left_out.append("%s: %s" % (title, why))
            continue
        print("### %s %s\n" % (title, version_of(title, args)))
        if title == "chromium" and args.round_trip:
            print("With a round trip of %g ms to each server.\n" % args.round_trip)
        table(PAGE_HEAD if title == "chromium" else NAMES_HEAD, rows)
    for line in left_out:
        print("Left out: " + line)
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
