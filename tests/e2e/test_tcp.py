#!/usr/bin/python3
"""Clients over TCP: rows 40 to 45d of docs/answers.md, and that those who stall are in nobody's way."""

import contextlib
import itertools
import os
import resource
import select
import socket
import statistics
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "e2e"))

import dns.edns
import dns.flags
import dns.message

from harness import (
    FakeUpstream, Namespace, Quelld, Skip, WRAPPER, assert_rcode, check_answer, equal, frame, main, one_worker,
    plain_query, query, read_frame, reply_to, test, to_wire, usual_reply, wire_query)

CONTROL = "control.example."
BIG = "big.example."
KEEPALIVE = 11  # RFC 7828, 7

CLIENTS = 2000 if not WRAPPER else 200
STALLED_SECONDS = 8
IDLE_SECONDS = 3

# docs/man/quell.conf.5: bytes of an idle connection; of the buffers of all.  The rest is what malloc and
# libevent take for tables that double.
CONNECTION_BYTES = 450
BUFFERS_BYTES = 4 << 20
TABLES_BYTES = 1 << 20


def handler(ask):
    if ask.name.lower() != BIG:
        return usual_reply(ask)
    if ask.transport == "udp":
        return reply_to(ask.query, flags=dns.flags.TC)
    return reply_to(ask.query, *['%s 3600 IN TXT "%d%s"' % (BIG, i, "x" * 200) for i in range(250)])


def keepalive_query(name, data=b"", **kwargs):
    q = query(name, **kwargs)
    q.use_edns(0, payload=1232, options=[dns.edns.GenericOption(KEEPALIVE, data)])
    return q


def keepalive_of(r):
    """The time-out that an answer announces, s; None: none."""
    found = [o.to_wire() for o in r.options if int(o.otype) == KEEPALIVE]
    assert len(found) <= 1, "two keepalive options"
    if not found:
        return None
    equal(len(found[0]), 2, "bytes of the time-out")
    return struct.unpack("!H", found[0])[0] / 10


def is_closed(s):
    """Does the other side end it, in time?"""
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


@test
def test_keepalive():
    """Row 45b: edns-tcp-keepalive is answered over TCP, to those who sent it, and ignored over UDP"""
    with FakeUpstream() as upstream, Quelld([upstream], conf="tcp_idle = 7s\n", lists=["ads.example\n"]) as daemon:
        for name, rcode in (("a.example.", "NOERROR"), ("a.example.", "NOERROR"), ("ads.example.", "SERVFAIL")):
            q = keepalive_query(name)
            r = check_answer(q, daemon.ask_wire(to_wire(q), tcp=True))
            assert_rcode(r, rcode)
            equal(keepalive_of(r), 7.0, "time-out for " + name)
            equal(keepalive_of(daemon.ask(keepalive_query(name))), None, "time-out over UDP")
            equal(keepalive_of(daemon.ask(query(name), tcp=True)), None, "time-out for one who did not ask")
        # Only a server's has a value (RFC 7828, 3.2.1); over UDP that is ignored, too (3.3.1).
        q = keepalive_query("a.example.", b"\0\x0a")
        assert_rcode(dns.message.from_wire(daemon.ask_wire(to_wire(q), tcp=True)), "FORMERR")
        assert_rcode(daemon.ask(q), "NOERROR")
        for ask in upstream.asks:
            assert not any(int(o.otype) == KEEPALIVE for o in ask.query.options), "it was passed on"


@test
def test_keepalive_shrinks():
    """Row 45b: the time-out that is announced shrinks as connections get scarce, down to nothing"""
    one_worker()
    with FakeUpstream() as upstream, Quelld([upstream], conf="tcp_clients_max = 8\n") as daemon, \
            contextlib.ExitStack() as stack:
        announced = []
        for _ in range(8):
            s = stack.enter_context(daemon.tcp_socket())
            q = keepalive_query(CONTROL)
            s.sendall(frame(to_wire(q)))
            announced.append(keepalive_of(check_answer(q, read_frame(s))))
        equal(announced, [10, 10, 10, 10, 7.5, 5, 2.5, 0], "time-outs")
        del upstream


@test
def test_stateful_operations():
    """Row 3: DSO (opcode 6, RFC 8490) is not implemented, and says so; the connection stays"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon, daemon.tcp_socket() as s:
        for tlv in (b"", struct.pack("!HHII", 1, 8, 15000, 15000)):
            dso = struct.pack("!HHHHHH", 77, 6 << 11, 0, 0, 0, 0) + tlv
            s.sendall(frame(dso))
            head = struct.unpack("!HH", read_frame(s)[:4])
            equal(head[0], 77, "ID")
            equal(head[1] & 0xF80F, 0x8000 | 6 << 11 | 4, "QR, opcode and NOTIMP")
        q = query(CONTROL)
        s.sendall(frame(to_wire(q)))
        check_answer(q, read_frame(s))
        del upstream


@test
def test_one_segment():
    """Row 40: the length comes with its message (RFC 7766, 8), also in an answer that had to wait"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon, daemon.tcp_socket() as s:
        for _ in range(2):
            q = query(CONTROL)
            s.sendall(frame(to_wire(q)))
            data = s.recv(65535)
            equal(len(data), 2 + struct.unpack("!H", data[:2])[0], "bytes of the first segment")
        del upstream


@test
def test_split_between_any_two_bytes():
    """Row 40: two queries, cut anywhere into three segments"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon, daemon.tcp_socket() as s:
        first, second = query("a.example.", id=1), query("b.example.", id=2)
        stream = frame(to_wire(first)) + frame(to_wire(second))
        for a, b in itertools.combinations(range(1, len(stream)), 2):
            if b - a not in (1, 2, 17):
                continue
            for part in (stream[:a], stream[a:b], stream[b:]):
                s.sendall(part)
            left = {1: first, 2: second}
            while left:
                wire = read_frame(s)
                check_answer(left.pop(struct.unpack("!H", wire[:2])[0]), wire)
        del upstream


@test
def test_10000_pipelined():
    """Row 40: who sends 10,000 queries at once gets 10,000 answers, and others get theirs meanwhile"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon, daemon.tcp_socket() as busy, \
            daemon.tcp_socket() as other:
        daemon.ask(CONTROL)
        n = 10000
        stream = b"".join(frame(plain_query(CONTROL.rstrip("."), 1, i)) for i in range(n))
        busy.setblocking(False)
        sent, got, others, data = 0, set(), 0, b""
        while len(got) < n:
            readable, writable, _ = select.select([busy], [busy] if sent < len(stream) else [], [], 15)
            assert readable or writable, "nothing moves after %d answers" % len(got)
            if writable:
                sent += busy.send(stream[sent:sent + 65536])
            if readable:
                more = busy.recv(1 << 20)
                assert more, "closed after %d answers" % len(got)
                data += more
                at = 0
                while len(data) - at >= 2 and len(data) - at - 2 >= struct.unpack_from("!H", data, at)[0]:
                    got.add(struct.unpack_from("!H", data, at + 2)[0])
                    at += 2 + struct.unpack_from("!H", data, at)[0]
                data = data[at:]
            q = query(CONTROL)
            other.sendall(frame(to_wire(q)))
            check_answer(q, read_frame(other))
            daemon.ask(CONTROL)
            others += 1
        assert others > 0
        del upstream


@test
def test_half_closed_with_much_to_say():
    """Row 42: who shuts down its side at once gets all answers, however large, and then the end"""
    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon, daemon.tcp_socket() as s:
        daemon.ask(BIG, "TXT", tcp=True)
        s.sendall(b"".join(frame(to_wire(query(BIG, "TXT", id=i))) for i in range(30)))
        s.shutdown(socket.SHUT_WR)
        ids = []
        for _ in range(30):
            wire = read_frame(s)
            assert len(wire) > 50000, "an answer of %d bytes" % len(wire)
            ids.append(struct.unpack("!H", wire[:2])[0])
        equal(ids, list(range(30)), "answers")
        equal(read_frame(s), None, "what comes then")
        del upstream


@test
def test_limit_for_a_client():
    """Row 45a: one connection too many of a client takes the place of its own, not of others'"""
    one_worker()
    namespace = Namespace()
    try:
        for address in ("192.168.53.1/32", "192.168.53.2/32"):
            namespace.ip("addr add %s dev lo" % address)
        with namespace:
            upstream = FakeUpstream()
        with upstream, Quelld([upstream], conf="tcp_clients_per_address = 3\n", listen=("192.168.53.1",),
                              namespace=namespace) as daemon, contextlib.ExitStack() as stack:
            def ask(s):
                q = query(CONTROL)
                s.sendall(frame(to_wire(q)))
                check_answer(q, read_frame(s))

            def connect(source):
                with namespace:
                    s = socket.create_connection((daemon.host, daemon.port), 15, (source, 0))
                stack.callback(s.close)
                ask(s)
                return s

            other = connect("192.168.53.2")
            own = [connect("192.168.53.1") for _ in range(3)]
            ask(own[0])
            own.append(connect("192.168.53.1"))
            assert is_closed(own[1]), "the one that has been idle longest is there still"
            for s in (own[0], own[2], own[3], other):
                ask(s)
            stats = daemon.stats()
            equal(stats["tcp_refused_client"], 1, "closed because its client had too many")
            equal(stats["tcp_clients"], 4, "connections")
    finally:
        namespace.close()


# --- stalled clients ---

def raise_file_limit(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Skip("only %d descriptors are allowed, not %d" % (hard, wanted))
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Stalled:
    """A client of one of these kinds, on a non-blocking socket; act() does the next thing that it does."""

    KINDS = ("silent", "half a length", "half a message", "a byte now and then", "does not read", "half-closed",
             "resets")

    def __init__(self, daemon, kind):
        self.daemon, self.kind = daemon, kind
        self.closed = 0  # by the daemon
        self.connect()

    def connect(self):
        self.socket = socket.socket()
        if self.kind in ("does not read", "half-closed"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(15)
        self.socket.connect((self.daemon.host, self.daemon.port))
        self.socket.setblocking(False)
        self.sent = 0
        with contextlib.suppress(OSError):
            self.begin()

    def begin(self):
        wire = frame(plain_query(BIG.rstrip("."), 16, 1))
        if self.kind == "half a length":
            self.socket.send(wire[:1])
        elif self.kind == "half a message":
            self.socket.send(wire[:len(wire) // 2])
        elif self.kind == "half-closed":
            self.socket.send(wire * 4)
            self.socket.shutdown(socket.SHUT_WR)
        elif self.kind == "resets":
            self.socket.send(wire + wire[:7])

    def act(self):
        try:
            if self.kind == "a byte now and then":
                self.socket.send(b"\xff")
            elif self.kind == "does not read":
                self.socket.send(frame(plain_query(BIG.rstrip("."), 16, 1)) * 100)
            elif self.kind == "resets":
                self.reset()
                self.connect()
            elif self.kind != "half-closed" and self.socket.recv(1) == b"":
                raise ConnectionResetError
        except BlockingIOError:
            pass
        except OSError:  # closed; it comes again
            self.closed += 1
            self.socket.close()
            self.connect()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def rss(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))


def is_sanitized(pid):
    with open("/proc/%d/maps" % pid) as f:
        text = f.read()
    return "libasan" in text or bool(WRAPPER)


def ask_in_turn(clients, latencies, between=lambda: None):
    """Each client asks once and waits for its answer."""
    for i, s in enumerate(clients):
        wire = plain_query(CONTROL.rstrip("."), 1, i)
        begin = time.perf_counter()
        s.sendall(frame(wire))
        reply = read_frame(s)
        latencies.append(time.perf_counter() - begin)
        assert reply is not None, "client %d of %d was closed" % (i, len(clients))
        equal(reply[:2], wire[:2], "ID")
        equal(reply[3] & 15, 0, "RCODE")
        between()


@test
def test_stalled_clients():
    """2,000 clients, half of them stalled in every way: the others are answered, and memory stays in its bound"""
    one_worker()
    raise_file_limit(10000)
    with FakeUpstream(handler) as upstream, \
            Quelld([upstream], conf="tcp_idle = %ds\n" % IDLE_SECONDS) as daemon, contextlib.ExitStack() as stack:
        daemon.ask(CONTROL)
        daemon.ask(BIG, "TXT", tcp=True)
        (worker,) = daemon.children()
        before = rss(worker)
        good = [stack.enter_context(daemon.tcp_socket()) for _ in range(CLIENTS // 2)]
        ask_in_turn(good, [])
        alone = []
        ask_in_turn(good, alone)
        stalled = [Stalled(daemon, kind)
                   for kind, _ in zip(itertools.cycle(Stalled.KINDS), range(CLIENTS - len(good)))]
        acting = itertools.cycle(stalled)
        begin, acts = time.monotonic(), 0

        def let_act():
            nonlocal acts
            if acts < (time.monotonic() - begin) * len(stalled):  # each once a second
                acts += 1
                next(acting).act()

        meanwhile, peak, buffered, clients = [], 0, 0, 0
        while time.monotonic() < begin + STALLED_SECONDS:
            ask_in_turn(good, meanwhile, let_act)
            peak = max(peak, rss(worker))
            stats = daemon.stats()
            buffered = max(buffered, stats["tcp_buffered"])
            clients = max(clients, stats["tcp_clients"])
        ratio = statistics.median(meanwhile) / statistics.median(alone)
        print("# median latency %.0f us alone, %.0f us beside stalled clients: %.2f times; %d queries" % (
            1e6 * statistics.median(alone), 1e6 * statistics.median(meanwhile), ratio, len(meanwhile)))
        bound = CLIENTS * CONNECTION_BYTES + BUFFERS_BYTES + TABLES_BYTES
        print("# memory grew by %d KiB of at most %d; buffers held %d KiB of at most %d; %d connections" % (
            (peak - before) // 1024, bound // 1024, buffered // 1024, BUFFERS_BYTES // 1024, clients))
        print("# " + "; ".join("%s: %s" % (key, stats[key]) for key in sorted(stats) if key.startswith("tcp_")))
        assert clients > 0.8 * CLIENTS, "only %d connections at once" % clients
        assert buffered <= BUFFERS_BYTES
        assert peak - before <= bound or is_sanitized(worker), "memory grew by %d bytes" % (peak - before)
        # None of those that only occupy a place may have kept it.
        for kind in Stalled.KINDS[:5]:
            assert sum(c.closed for c in stalled if c.kind == kind) > 0, "none was closed: " + kind
        for c in stalled:
            c.socket.close()
        ask_in_turn(good, [])


@test
def test_short_connections():
    """5,000 connections one after the other leave nothing behind: no descriptors, no ports"""
    one_worker()
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        daemon.ask(CONTROL, tcp=True)
        (worker,) = daemon.children()
        before = len(os.listdir("/proc/%d/fd" % worker))
        for i in range(5000 if not WRAPPER else 500):
            with socket.create_connection((daemon.host, daemon.port), 15) as s:
                wire = plain_query(CONTROL.rstrip("."), 1, i)
                s.sendall(frame(wire))
                equal(read_frame(s)[:2], wire[:2], "ID")
        deadline = time.monotonic() + 15
        while daemon.stats()["tcp_clients"] > 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        equal(daemon.stats()["tcp_clients"], 0, "connections")
        after = len(os.listdir("/proc/%d/fd" % worker))
        assert after <= before, "%d descriptors, not %d" % (after, before)
        # Who closes first waits (RFC 9293, 3.6.1): that is the client.
        with open("/proc/net/tcp") as f:
            rows = [line.split() for line in list(f)[1:]]
        ours = [row for row in rows if int(row[1].split(":")[1], 16) == daemon.port and row[3] == "06"]
        assert len(ours) <= 5, "%d connections in TIME_WAIT on the daemon's side" % len(ours)
        daemon.ask(CONTROL, tcp=True)
        del upstream


if __name__ == "__main__":
    main()
