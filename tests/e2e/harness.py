"""What the end-to-end tests stand on: the real daemon, a fake upstream, and TAP.

A test is a function marked with @test; its docstring is its name in the output.  It fails by an exception
(assert) and is given up after TEST_SECONDS, so that a hang is a failure.  Nothing here sleeps where
something can be awaited: the daemon's log lines, the upstream's packets, and answers all can.

The daemon is $top_builddir/quelld, put behind $QUELL_WRAPPER (valgrind) and with $QUELL_WORKERS workers where these are
set.
"""

import collections
import contextlib
import ctypes
import os
import random
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

BUILD = os.environ.get("top_builddir", ".")
SOURCE = os.environ.get("top_srcdir", ".")
WRAPPER = shlex.split(os.environ.get("QUELL_WRAPPER", ""))
WORKERS = int(os.environ.get("QUELL_WORKERS", "1"))  # where a test does not say
TOOL_WRAPPER = WRAPPER
if WRAPPER and os.path.basename(WRAPPER[0]) == "valgrind":
    WRAPPER.insert(1, "--vgdb=no")  # it would complain that its files are root's, and the daemon is not
    TOOL_WRAPPER = []  # the tools cannot do without an emulator, but without valgrind
SLOW = 10 if WRAPPER else 1  # what a limit on a hang is multiplied with

TEST_SECONDS = 60 * SLOW  # until a test counts as hung
WAIT_SECONDS = 15 * SLOW  # until a thing that must come counts as missing


# --- TAP ---

tests = []


class Skip(Exception):
    """The test cannot run here; the text says why."""


def one_worker():
    """For a test of what one worker does, or has: with more, each does and has its part."""
    if WORKERS != 1:
        raise Skip("it is about one worker")


class Hung(Exception):
    pass


def test(function):
    tests.append(function)
    return function


def run_one(number, function):
    name = (function.__doc__ or function.__name__).strip().splitlines()[0].rstrip(".").replace("#", "")

    def give_up(signum, frame):
        raise Hung("gave up after %d s" % TEST_SECONDS)

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_SECONDS)
    try:
        function()
    except Skip as why:
        print("ok %d - %s # SKIP %s" % (number, name, why), flush=True)
        return True
    except Exception:
        signal.alarm(0)
        print("not ok %d - %s" % (number, name))
        for line in traceback.format_exc().rstrip().splitlines():
            print("# " + line)
        sys.stdout.flush()
        return False
    finally:
        signal.alarm(0)
    print("ok %d - %s" % (number, name), flush=True)
    return True


def main():
    """Run all tests, or those whose function is named on the command line."""
    chosen = [t for t in tests if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    good = [run_one(i + 1, t) for i, t in enumerate(chosen)]
    print("1..%d" % len(chosen), flush=True)
    # Threads that still wait for something must not keep the process.
    os._exit(0 if all(good) else 1)


def equal(got, want, what=""):
    assert got == want, "%s: got %r, not %r" % (what or "value", got, want)


# --- messages ---

def query(name, rdtype="A", edns=True, do=False, rd=True, payload=1232, id=None, **flags):
    """A query as a dns.message.Message.  `name` keeps its letter case."""
    q = dns.message.make_query(dns.name.from_text(name), rdtype, use_edns=0 if edns else None,
                               want_dnssec=do, payload=payload if edns else None)
    if do:
        q.ednsflags |= dns.flags.DO
    if not rd:
        q.flags &= ~dns.flags.RD
    if flags.get("cd"):
        q.flags |= dns.flags.CD
    if id is not None:
        q.id = id
    return q


def wire_query(qname, rdtype=1, rdclass=1, flags=0x0100, id=0x1234, counts=(1, 0, 0, 0), rest=b""):
    """A query as bytes, right or wrong: header, question (`qname` in wire form), whatever follows."""
    return struct.pack("!HHHHHH", id, flags, *counts) + qname + struct.pack("!HH", rdtype, rdclass) + rest


def plain_query(name, rdtype, id):
    """A query as bytes, made quickly: no EDNS, RD set."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", id, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, rdtype, 1)


def wire_name(text):
    return dns.name.from_text(text).to_wire()


def wire_opt(payload=1232, version=0, ext_rcode=0, flags=0, options=b"", owner=b"\0", length=None):
    return owner + struct.pack("!HHBBHH", 41, payload, ext_rcode, version, flags,
                               len(options) if length is None else length) + options


def records(message, section="answer"):
    """{(owner in lower case, type, rdata as text)} of a section."""
    return {(str(rrset.name).lower(), dns.rdatatype.to_text(rrset.rdtype), rdata.to_text())
            for rrset in getattr(message, section) for rdata in rrset}


def addresses(message):
    return sorted(r[2] for r in records(message) if r[1] in ("A", "AAAA"))


def ede(message):
    """The EDE codes of an answer (RFC 8914, option 15), with their texts."""
    return [(int(o.code), o.text or "") for o in message.options if o.otype == dns.edns.OptionType.EDE]


def ede_codes(message):
    return [code for code, _ in ede(message)]


def reply_to(q, *rrsets, rcode=dns.rcode.NOERROR, authority=(), additional=(), flags=0, edns=True):
    """A reply as an upstream makes it.  Each rrset is "owner ttl IN type rdata"; several lines of the
    same owner and type make one RRset."""
    r = dns.message.make_response(q, recursion_available=True)
    r.set_rcode(rcode)
    r.flags |= flags
    if not edns:
        r.use_edns(False)
    for section, lines in ((r.answer, rrsets), (r.authority, authority), (r.additional, additional)):
        for line in lines:
            owner, ttl, rdclass, rdtype, rdata = line.split(None, 4)
            rrset = dns.rrset.from_text(owner, int(ttl), rdclass, rdtype, rdata)
            for other in section:
                if other.name == rrset.name and other.rdtype == rrset.rdtype:
                    other.update(rrset)
                    break
            else:
                section.append(rrset)
    return r


SOA = "example. %d IN SOA ns.example. admin.example. 1 7200 3600 86400 %d"


def usual_reply(ask):
    """What a fake upstream answers when the test does not say: one address, made out of the name."""
    q = ask.query
    question = q.question[0]
    if question.rdtype == dns.rdatatype.A:
        return reply_to(q, "%s 300 IN A %s" % (question.name, address_of(question.name)))
    if question.rdtype == dns.rdatatype.AAAA:
        return reply_to(q, "%s 300 IN AAAA 2001:db8::1" % question.name)
    if question.rdtype == dns.rdatatype.TXT:
        return reply_to(q, '%s 300 IN TXT "a text"' % question.name)
    return reply_to(q, authority=[SOA % (300, 300)])


def address_of(name):
    """The address that usual_reply() gives a name."""
    text = str(name).rstrip(".").lower().encode()
    return "192.0.2.%d" % (sum(text) % 254 + 1)


# --- sockets ---

def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def join(host, port):
    return "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def bind_pair(host, port=0):
    """A UDP and a listening TCP socket on the same port."""
    for _ in range(100):
        udp = socket.socket(family_of(host), socket.SOCK_DGRAM)
        tcp = socket.socket(family_of(host), socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            udp.bind((host, port))
            tcp.bind((host, udp.getsockname()[1]))
            tcp.listen(512)
            return udp, tcp
        except OSError:
            udp.close()
            tcp.close()
            if port:  # whoever has it now, for a question of its own perhaps, will not keep it
                time.sleep(0.1)
    raise OSError("no port is free for both UDP and TCP on %s" % host)


def free_port(*hosts):
    """A port that is free for UDP and TCP on all of these hosts (127.0.0.1), below those that the kernel gives to
    connections: there none comes to take it."""
    for _ in range(100):
        port = random.randrange(10000, 32000)
        sockets = []
        try:
            for host in hosts or ("127.0.0.1",):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    sockets.append(socket.socket(family_of(host), kind))
                    if family_of(host) == socket.AF_INET6:
                        sockets[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    sockets[-1].bind((host, port))
            return port
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise OSError("no port is free on " + ", ".join(hosts))


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            return None if not data else data
        data += more
    return data


def read_frame(sock):
    """One message with its two bytes of length; None: the other side has closed."""
    head = read_exactly(sock, 2)
    if head is None or len(head) < 2:
        return None
    return read_exactly(sock, struct.unpack("!H", head)[0])


def frame(wire):
    return struct.pack("!H", len(wire)) + wire


def to_wire(q):
    return q if isinstance(q, bytes) else q.to_wire(max_size=65535)


# --- the fake upstream ---

class Later:
    """A reply that is sent when `when` comes: seconds, or a threading.Event."""

    def __init__(self, when, reply):
        self.when = when
        self.reply = reply


class Ask(collections.namedtuple("Ask", "upstream query wire transport source reply_by")):
    """One packet that the upstream got: transport "udp" or "tcp", source (address, port)."""

    @property
    def name(self):
        return str(self.query.question[0].name).lower()

    def send(self, reply):
        """Send one more reply, before the one that the handler returns."""
        self.reply_by(to_wire(reply))


class FakeUpstream:
    """A resolver for the daemon to ask, on UDP and TCP.

    handler(ask) gives a reply (message or bytes), None for silence, or Later(when, reply).  `asks` has
    every packet that came, in order."""

    def __init__(self, handler=usual_reply, host="127.0.0.1", port=0):
        self.handler = handler
        self.asks = []
        self.errors = []
        self.changed = threading.Condition()
        self.udp, self.tcp = bind_pair(host, port)
        self.host, self.port = host, self.udp.getsockname()[1]
        self.address = join(host, self.port)
        self.closing = False
        for loop in (self._udp_loop, self._tcp_loop):
            threading.Thread(target=loop, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
        if exc[0] is None and self.errors:
            raise AssertionError("in the fake upstream: " + "\n".join(self.errors))

    def close(self):
        self.closing = True
        for s in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def asked(self, name=None, transport=None):
        """The packets for `name` (letter case aside) that came so far."""
        with self.changed:
            return [a for a in self.asks
                    if (name is None or a.name.lower().rstrip(".") == name.lower().rstrip("."))
                    and (transport is None or a.transport == transport)]

    def wait_asked(self, name=None, count=1, transport=None):
        """Wait until so many packets for `name` came; all of them."""
        wait_until(self.changed, lambda: len(self.asked(name, transport)) >= count,
                   "the upstream is asked %d times for %s" % (count, name))
        return self.asked(name, transport)

    def _udp_loop(self):
        while not self.closing:
            try:
                wire, source = self.udp.recvfrom(65535)
            except OSError:
                return
            if self.closing:  # shutdown() ends recvfrom() with nothing
                return
            if len(wire) > 2 and wire[2] & 0x80:  # a late reply for whoever had this port before
                continue
            self._handle(wire, "udp", source, lambda reply, to=source: self.udp.sendto(reply, to))

    def _tcp_loop(self):
        while not self.closing:
            try:
                connection, source = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._tcp_client, args=(connection, source), daemon=True).start()

    def _tcp_client(self, connection, source):
        with connection:
            while not self.closing:
                try:
                    wire = read_frame(connection)
                except OSError:
                    return
                if wire is None:
                    return
                if self._handle(wire, "tcp", source, lambda r: connection.sendall(frame(r))) == "close":
                    return

    def _handle(self, wire, transport, source, reply_by):
        try:
            ask = Ask(self, dns.message.from_wire(wire), wire, transport, source[:2], reply_by)
            with self.changed:
                self.asks.append(ask)
                self.changed.notify_all()
            reply = self.handler(ask)
        except Exception:
            self.errors.append(traceback.format_exc())
            return None
        if isinstance(reply, Later):
            threading.Thread(target=self._send_later, args=(reply, reply_by), daemon=True).start()
            return None
        if reply == "close":
            return reply
        if reply is not None:
            with contextlib.suppress(OSError):
                reply_by(to_wire(reply))
        return None

    @staticmethod
    def _send_later(later, reply_by):
        if isinstance(later.when, threading.Event):
            later.when.wait()
        else:
            time.sleep(later.when)
        with contextlib.suppress(OSError):
            reply_by(to_wire(later.reply))


def wait_until(condition, is_true, what, seconds=WAIT_SECONDS):
    """Wait on a threading.Condition."""
    with condition:
        assert condition.wait_for(is_true, seconds), "%s: not within %d s" % (what, seconds)


# --- the daemon ---

INSTRUMENTS = re.compile("--[0-9]+-- |profiling:")  # valgrind on what it does not know, gcov on what a sandbox forbids it


class Lines:
    """The lines of a stream, read by a thread as they come."""

    def __init__(self, stream):
        self.lines = []
        self.ended = False
        self.changed = threading.Condition()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            text = line.decode("utf-8", "backslashreplace").rstrip("\n")
            if INSTRUMENTS.match(text):
                continue
            with self.changed:
                self.add(text)
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def add(self, line):
        self.lines.append(line)

    def all(self):
        with self.changed:
            return list(self.lines)

    def wait(self, pattern, since=0, seconds=WAIT_SECONDS):
        """The first line from number `since` on that the pattern is found in."""
        def found():
            return next((line for line in self.lines[since:] if re.search(pattern, line)), None)

        with self.changed:
            self.changed.wait_for(lambda: found() or self.ended, seconds)
            line = found()
            assert line is not None, "no line with %r (%s) in:\n%s" % (
                pattern, "the process has ended" if self.ended else "it runs", "\n".join(self.lines))
            return line


class Quelld:
    """A running daemon.

    upstreams: FakeUpstreams or addresses; lists: texts or paths; listen: hosts, each on the same free
    port, or whole addresses; these become flags, None leaves it to `conf`, the text of the configuration
    file (@PORT@ is the free port); args: more flags."""

    log_type = Lines

    def __init__(self, upstreams=(), lists=(), listen=("127.0.0.1",), conf="", args=(), port=None,
                 wait=True, namespace=None, patience=WAIT_SECONDS):
        self.dir = tempfile.mkdtemp(prefix="quell-e2e-")
        os.chmod(self.dir, 0o777)  # started as root, the daemon becomes another user
        self.control = os.path.join(self.dir, "control")
        self.patience = patience  # seconds for lists to be loaded
        self.namespace = namespace or contextlib.nullcontext()
        self.host = listen[0] if listen and is_host(listen[0]) else "127.0.0.1"
        self.conf = os.path.join(self.dir, "quell.conf")
        self.lists = [text if os.path.exists(text) else self.write("list%d.txt" % i, text)
                      for i, text in enumerate(lists)]
        for attempt in range(5):
            with self.namespace:
                self.port = port or free_port(*[host for host in listen or () if is_host(host)])
            self.write_conf(conf)
            self._start(listen, upstreams, args)
            if not wait:
                return
            try:
                self.log.wait("^notice ready ", seconds=patience)
                return
            except BaseException:
                # Another test's daemon may just have taken the port to ask from.
                taken = any(re.search("^error listen .* is held by ", line) for line in self.log.all())
                if port or not taken or attempt == 4:
                    self.kill()
                    raise

    def _start(self, listen, upstreams, args):
        command = ["--control", self.control, "-c", self.conf]
        for host in listen or ():
            command += ["--listen", join(host, self.port) if is_host(host) else host]
        if upstreams is not None:
            # When there is none, at least none of this machine's is asked.
            for upstream in upstreams or ("127.0.0.1:9",):
                command += ["--upstream", getattr(upstream, "address", upstream)]
        for path in self.lists:
            command += ["--blocklist", path]
        if WORKERS != 1 and "--workers" not in args:
            command += ["--workers", str(WORKERS)]
        with self.namespace:
            self.process = subprocess.Popen(
                WRAPPER + [os.path.join(BUILD, "quelld")] + command + list(args),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.dir)
        self.log = self.log_type(self.process.stderr)

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        if kind is None:
            self.stop()
        else:
            # What the log says belongs to the failure.
            for line in self.log.all()[-30:]:
                print("# log: " + line)
            self.kill()

    def write(self, name, text):
        """Write a file into the daemon's folder, by renaming it into place; its path."""
        path = os.path.join(self.dir, name)
        with open(path + ".new", "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)
        return path

    def write_conf(self, text):
        if not re.search("^rules =", text, re.MULTILINE):  # not those of this machine
            text += '\nrules = "%s"\n' % os.path.join(self.dir, "rules")
        if not re.search("^special_off", text, re.MULTILINE):  # the tests' own names end in it
            text += '\nspecial_off = {"test"}\n'
        if not re.search("^single_label", text, re.MULTILINE):  # and "test" is one itself
            text += "\nsingle_label = forward\n"
        self.write("quell.conf", text.replace("@PORT@", str(self.port)))

    def signal(self, number):
        os.kill(self.process.pid, number)

    def reload(self):
        """SIGHUP; the line that says how it ended."""
        since = len(self.log.all())
        self.signal(signal.SIGHUP)
        return self.log.wait("^(notice reloaded|error reload-failed) ", since, self.patience)

    def wait(self):
        """The exit status, when it has ended (by itself, or by a signal sent before)."""
        status = self.process.wait(WAIT_SECONDS)
        wait_until(self.log.changed, lambda: self.log.ended, "the log ends")
        return status

    def stop(self):
        """SIGTERM: it must end with 0, and have said nothing of a sanitizer's."""
        self.signal(signal.SIGTERM)
        status = self.wait()
        self.cleanup()
        equal(status, 0, "exit status; the log is:\n" + "\n".join(self.log.all()) + "\n")
        self.check_log()

    def check_log(self):
        # A leak checker that is ended with its process says ==PID== without a blank behind it: no finding.
        for line in self.log.all():
            assert not re.search("Sanitizer|runtime error|^==[0-9]+== ", line), "\n".join(self.log.all())

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.cleanup()

    def cleanup(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def children(self):
        """The process numbers of its workers and loaders."""
        pid = self.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(word) for word in f.read().split()]

    # Sockets to ask by; the caller closes them.

    def udp_socket(self, host=None, source=None):
        host = host or self.host
        s = socket.socket(family_of(host), socket.SOCK_DGRAM)
        s.settimeout(WAIT_SECONDS)
        if source:
            s.bind(source)
        s.connect((host, self.port))
        return s

    def tcp_socket(self, host=None):
        s = socket.create_connection((host or self.host, self.port), WAIT_SECONDS)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    # Questions, answered by messages.

    def ask_wire(self, wire, tcp=False, host=None):
        """Send bytes, get bytes."""
        if tcp:
            with self.tcp_socket(host) as s:
                s.sendall(frame(wire))
                reply = read_frame(s)
                assert reply is not None, "the connection was closed instead of an answer"
                return reply
        with self.udp_socket(host) as s:
            s.send(wire)
            return s.recv(65535)

    def ask(self, name, rdtype="A", tcp=False, host=None, **kwargs):
        """Ask, and check what holds for every answer."""
        q = name if isinstance(name, dns.message.Message) else query(name, rdtype, **kwargs)
        return check_answer(q, self.ask_wire(to_wire(q), tcp, host))

    def ask_many(self, queries, read=None):
        """Send all over one UDP socket, then wait for all answers: by ID, which must differ.  Each is read
        by read(query, wire)."""
        read = read or check_answer
        wanted = {q.id: q for q in queries}
        equal(len(wanted), len(queries), "different IDs")
        got = {}
        with self.udp_socket() as s:
            for q in queries:
                s.send(to_wire(q))
            while len(got) < len(wanted):
                wire = s.recv(65535)
                id = struct.unpack("!H", wire[:2])[0]
                assert id in wanted and id not in got, "an answer that nobody asked for"
                got[id] = read(wanted[id], wire)
        return [got[q.id] for q in queries]

    def ctl(self, *args):
        """Run quellctl: (exit status, output)."""
        path = os.path.join(BUILD, "quellctl")
        if not os.path.exists(path):
            raise Skip("quellctl is not built")
        done = subprocess.run(TOOL_WRAPPER + [path, "--control", self.control] + list(args), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT_SECONDS)
        return done.returncode, done.stdout.decode()

    def stats(self):
        """The counters: {name: number}."""
        status, text = self.ctl("stats")
        equal(status, 0, "quellctl stats")
        return {words[0]: int(words[1]) for words in map(str.split, text.splitlines())
                if len(words) >= 2 and words[1].isdigit()}


def is_host(text):
    try:
        socket.inet_pton(family_of(text), text)
        return True
    except OSError:
        return False


def check_answer(q, wire):
    """An answer to a well-formed query: parsed, after a look at what holds for each (docs/answers.md)."""
    r = dns.message.from_wire(wire)
    equal(r.id, q.id, "ID")
    assert r.flags & dns.flags.QR, "QR is not set"
    assert r.flags & dns.flags.RA, "RA is not set"
    assert not r.flags & dns.flags.AA, "AA is set"
    equal(r.opcode(), q.opcode(), "opcode")
    for flag in (dns.flags.RD, dns.flags.CD):
        equal(r.flags & flag, q.flags & flag, "flag %s" % dns.flags.to_text(flag))
    if r.question:
        equal([str(x.name) for x in r.question], [str(x.name) for x in q.question], "letter case")
        equal(r.question[0].rdtype, q.question[0].rdtype, "type")
        equal(r.question[0].rdclass, q.question[0].rdclass, "class")
    equal(r.edns >= 0, q.edns >= 0, "OPT in the answer as in the query")
    if q.edns >= 0:
        equal(bool(r.ednsflags & dns.flags.DO), bool(q.ednsflags & dns.flags.DO), "DO")
    return r


def assert_blocked(r):
    """SERVFAIL without a record, with EDE 15 and a text exactly where there is OPT."""
    equal(dns.rcode.to_text(r.rcode()), "SERVFAIL", "rcode")
    equal((len(r.answer), len(r.authority), len(r.additional)), (0, 0, 0), "records")
    if r.edns >= 0:
        equal(ede_codes(r), [15], "EDE")
        assert ede(r)[0][1], "EDE 15 has no text"
    else:
        equal(ede_codes(r), [], "EDE")


def assert_asked(daemon, upstream, count, name=None, transport=None):
    """The upstream was asked so many questions (for `name`).  On a slow machine some are repeated before
    they are answered, and what comes back truncated is fetched again; the daemon counts how often.  What is
    asked over TCP may come to another worker than over UDP."""
    got = len(upstream.asked(name, transport))
    if got != count:
        repeated = 2 * daemon.stats()["timeouts"]
        assert count <= got <= count * WORKERS + repeated, "%d packets upstream for %s, not %d (at most %d are repeated)" % (
            got, name or "all names", count, repeated)


def assert_rcode(r, rcode):
    equal(dns.rcode.to_text(r.rcode()), rcode, "rcode of %s" % (r.question and r.question[0],))


def has_instruments():
    """Does the daemon hold code that makes calls of its own: a sanitizer, or what counts coverage?"""
    with open(os.path.join(BUILD, "quelld"), "rb") as f:
        program = f.read()
    return b"__asan_init" in program or b"__gcov_init" in program


def quelld_once(*args, **kwargs):
    """Run the daemon to its end: (exit status, standard output, standard error)."""
    done = subprocess.run(WRAPPER + [os.path.join(BUILD, "quelld")] + list(args), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT_SECONDS, **kwargs)
    said = [line for line in done.stderr.decode().splitlines(True) if not INSTRUMENTS.match(line)]
    return done.returncode, done.stdout.decode(), "".join(said)


@contextlib.contextmanager
def temporary_folder():
    path = tempfile.mkdtemp(prefix="quell-e2e-")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


LOAD_QPS = 500


class Load(threading.Thread):
    """LOAD_QPS queries a second from one socket, each with its own ID: `sent` holds those without an answer, `late_ms`
    how late the others were."""

    def __init__(self, daemon, names):
        super().__init__(daemon=True)
        self.daemon_asked, self.names = daemon, names
        self.stopping = threading.Event()
        self.sent, self.late_ms = {}, []

    def run(self):
        with self.daemon_asked.udp_socket() as sock:
            reader = threading.Thread(target=self.read, args=(sock,), daemon=True)
            reader.start()
            start = time.monotonic()
            n = 0
            while not self.stopping.is_set() and n < 60000:
                self.sent[n] = time.monotonic()
                with contextlib.suppress(ConnectionRefusedError):  # it may be killed meanwhile
                    sock.send(plain_query(self.names[n % len(self.names)], 1, n))
                n += 1
                self.stopping.wait(max(0, start + n / LOAD_QPS - time.monotonic()))
            reader.join(5)

    def read(self, sock):
        sock.settimeout(2)
        while not self.stopping.is_set() or self.sent:
            try:
                reply = sock.recv(65535)
            except ConnectionRefusedError:
                continue
            except OSError:
                return
            now = time.monotonic()
            self.late_ms.append(1000 * (now - self.sent.pop(struct.unpack("!H", reply[:2])[0])))

    def stop(self):
        """No more questions; wait for the answers still to come.  How many did not come."""
        self.stopping.set()
        self.join(10)
        return len(self.sent)


# --- network namespaces: addresses that are neither loopback nor private ---

class Namespace:
    """A network namespace of its own, with loopback up.  `with namespace:` moves this thread into it:
    sockets opened and processes started there stay there."""

    CLONE_NEWNET = 0x40000000

    def __init__(self):
        if os.geteuid() != 0:
            raise Skip("network namespaces need root")
        if shutil.which("ip") is None:
            raise Skip("there is no ip command (iproute2)")
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        if self.libc.unshare(self.CLONE_NEWNET) != 0:
            os.close(self.outside)
            raise Skip("network namespaces cannot be made here: " + os.strerror(ctypes.get_errno()))
        self.inside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._enter(self.outside)
        self.depth = 0
        self.ip("link set lo up")

    def _enter(self, fd):
        if self.libc.setns(fd, self.CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def __enter__(self):
        if self.depth == 0:
            self._enter(self.inside)
        self.depth += 1
        return self

    def __exit__(self, *exc):
        self.depth -= 1
        if self.depth == 0:
            self._enter(self.outside)

    def close(self):
        os.close(self.inside)
        os.close(self.outside)

    def ip(self, command):
        with self:
            done = subprocess.run(["ip"] + command.split(), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise Skip("ip %s: %s" % (command, done.stderr.decode().strip()))

    def link_to(self, other):
        """A cable between two namespaces: v0 in each."""
        with self:
            self.ip("link add v0 type veth peer name v1")
            path = "/proc/self/fd/%d" % other.inside
            done = subprocess.run(["ip", "link", "set", "v1", "netns", path], pass_fds=[other.inside],
                                  stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise Skip("a veth pair cannot be made here: " + done.stderr.decode().strip())
        other.ip("link set v1 name v0")
        for namespace in (self, other):
            namespace.ip("link set v0 up")


@contextlib.contextmanager
def two_namespaces():
    """A pair of them, linked by v0."""
    a = Namespace()
    b = None
    try:
        b = Namespace()
        a.link_to(b)
        yield a, b
    finally:
        a.close()
        if b is not None:
            b.close()
