"""Mutated packets, as queries and as upstream replies, over UDP and TCP: the daemon lives and goes on to answer,
and nothing malformed or too large comes out of it, by the reading of ldns and of dnspython.

QUELL_MUTATIONS is how many (half of them queries, half replies), QUELL_MUTATIONS_SEED repeats a run.
Packets that others made, next to the source tree, are sent once each way where they are there."""

import contextlib
import ctypes
import ctypes.util
import gzip
import os
import random
import signal
import socket
import struct
import threading
import time

import dns.exception
import dns.message
import dns.rdata
import dns.rdatatype

from harness import (
    SLOW, SOURCE, TEST_SECONDS, Quelld, Skip, addresses, assert_blocked, bind_pair, check_answer, frame, join, main, query,
    read_frame, test, to_wire, wire_name)

COUNT = int(os.environ.get("QUELL_MUTATIONS", "10000"))
SEED = int(os.environ.get("QUELL_MUTATIONS_SEED", str(int(time.time()))))
UDP_MAX = 1232  # the option udp_size
POINTER = b"\xc0\x0c"  # to the question's name

# What dnspython takes for malformed, though every field has its place: values, which are the client's matter.
BY_VALUE = {dns.rdatatype.LOC, dns.rdatatype.GPOS, dns.rdatatype.DS, dns.rdatatype.DLV, dns.rdatatype.CDS,
            dns.rdatatype.ZONEMD, dns.rdatatype.SVCB, dns.rdatatype.HTTPS, dns.rdatatype.IPSECKEY}
# What ldns reads by another form than the type has (docs/decisions/0001).
NOT_LDNS = {23, 40}

RECORDS = [
    ("A", "192.0.2.1"), ("NS", "ns.example."), ("CNAME", "edge.example."), ("PTR", "host.example."),
    ("SOA", "ns.example. admin.example. 1 3600 600 86400 60"), ("MX", "10 mail.example."), ("TXT", '"a" "b"'),
    ("HINFO", '"a" "b"'), ("RP", "a.example. b.example."), ("AAAA", "2001:db8::1"), ("SRV", "1 2 53 s.example."),
    ("NAPTR", '1 2 "u" "E2U" "!x!y!" .'), ("DNAME", "new.example."), ("LOC", "52 22 23 N 4 53 32 E 2m 1m 1m 1m"),
    ("KX", "1 kx.example."), ("CERT", "1 1 8 Y2VydA=="), ("APL", "1:192.0.2.0/24 !2:2001:db8::/32"),
    ("DS", "1 8 2 " + "ab" * 32), ("SSHFP", "4 2 " + "ab" * 32), ("IPSECKEY", "1 3 2 gw.example. AQNR"),
    ("RRSIG", "A 8 2 300 20300101000000 20240101000000 1 example. c2ln"), ("NSEC", "b.example. A RRSIG NSEC TYPE1234"),
    ("DNSKEY", "257 3 8 AwEAAQ=="), ("NSEC3", "1 0 1 ab 2vptu5timamqttgl4luu9kg21e0aor3s A"), ("NSEC3PARAM", "1 0 1 ab"),
    ("TLSA", "3 1 1 abcd"), ("HIP", "2 200100107b1a74df365639cc39f1d578 AwEAAbdx rvs.example."), ("CSYNC", "1 3 A NS"),
    ("SVCB", "0 alias.example."), ("HTTPS", '1 . alpn="h2" port=443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1'),
    ("SPF", '"v=spf1"'), ("LP", "1 l.example."), ("EUI48", "00-00-5e-00-53-2a"), ("URI", '1 1 "https://a.example/"'),
    ("CAA", '0 issue "ca.example"'), ("AMTRELAY", "10 1 3 amt.example."), ("TYPE65280", r"\# 3 010203")]


def rdata_of(rtype, text):
    return dns.rdata.from_text("IN", rtype, text).to_wire()


ZOO = [(int(dns.rdatatype.from_text(rtype)), rdata_of(rtype, text)) for rtype, text in RECORDS]


# --- mutations ---

class Packet:
    """A message by its parts; what is written need not be one."""

    def __init__(self, id, flags, question, records=()):
        self.id, self.flags, self.question = id, flags, question  # (name, type, class)
        self.records = [list(r) for r in records]  # [section 1..3, owner, type, class, TTL, rdata, length or None]
        self.counts = [None] * 4  # None: as many as there are

    def wire(self):
        there = [1, 0, 0, 0]
        body = self.question[0] + struct.pack("!HH", *self.question[1:])
        for section, owner, rtype, rclass, ttl, rdata, length in sorted(self.records, key=lambda r: r[0]):
            there[section] += 1
            body += owner + struct.pack("!HHIH", rtype, rclass, ttl, len(rdata) if length is None else length) + rdata
        counts = [t if c is None else c for t, c in zip(there, self.counts)]
        return struct.pack("!6H", self.id, self.flags, *counts) + body


def some_bytes(rng, most):
    return bytes(rng.randrange(256) for _ in range(rng.randrange(most)))


def some_name(rng):
    return rng.choice((
        POINTER, b"\0", b"\1a\0", b"\3www" + POINTER, wire_name("edge.example."), wire_name("listed.example."),
        b"\x3f" + b"x" * 63 + b"\0", b"\x40" + b"x" * 64 + b"\0", (b"\x3f" + b"x" * 63) * 4 + b"\0",
        b"\1x" * rng.randrange(125, 130) + b"\0", b"\xc0" + bytes([rng.randrange(256)]), b"\xff\xff", b"\1a", b"",
        b"\1a\xc0" + bytes([rng.randrange(12, 60)])))


def some_option(rng):
    data = rng.choice((b"", b"12345678", b"12345678" + bytes(16), some_bytes(rng, 50)))
    length = rng.choice((len(data),) * 8 + (len(data) + 1, 0, 65535))
    return struct.pack("!HH", rng.choice((3, 8, 10, 11, 12, 14, 15, 65001)), length) + data


def some_opt(rng):
    options = b"".join(some_option(rng) for _ in range(rng.randrange(3)))
    ttl = rng.choice((0, 0, 0x8000, 0x7fff, 0x010000, 0x01000000, rng.getrandbits(32)))
    return [3, b"\0", 41, rng.choice((0, 100, 512, 1232, 4096, 65535)), ttl, options, None]


def some_record(rng):
    rtype, rdata = rng.choice(ZOO)
    return [rng.choice((1, 1, 1, 2, 3)), rng.choice((POINTER, POINTER, POINTER, some_name(rng))), rtype, 1, 300, rdata, None]


def bend_bytes(rng, data):
    """Some bytes changed, inserted, removed, or the end cut."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(5)
        if what == 0 and at < len(data):
            data[at] = rng.choice((0, 1, 0x3f, 0x40, 0xc0, 0xff, rng.randrange(256)))
        elif what == 1 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif what == 2:
            del data[at:at + rng.randrange(1, 8)]
        elif what == 3:
            data[at:at] = some_bytes(rng, 8)
        else:
            del data[at:]
    return bytes(data)


def bend_record(rng, r):
    what = rng.randrange(8)
    if what == 0:
        r[1] = some_name(rng)
    elif what == 1:
        r[2] = rng.choice((0, 1, 5, 6, 41, 46, 128, 250, 255, 65535, rng.choice(ZOO)[0]))
    elif what == 2:
        r[3] = rng.choice((0, 3, 4, 254, 255, 65535))
    elif what == 3:
        r[4] = rng.choice((0, 1, 0x7fffffff, 0x80000000, 0xffffffff))
    elif what == 4:
        r[5] = rng.choice(ZOO)[1]
    elif what in (5, 6):
        r[5] = bend_bytes(rng, r[5])
    else:
        r[6] = max(0, min(65535, len(r[5]) + rng.choice((-4, -1, 1, 2, 40, 65535))))


def bend(rng, p):
    """One mutation of a packet's structure."""
    what = rng.randrange(10)
    if what < 4 and p.records:
        bend_record(rng, rng.choice(p.records))
    elif what == 4:
        p.records.append(some_record(rng))
    elif what == 5:
        p.records.append(some_opt(rng))
    elif what == 6 and p.records:
        p.records.append(list(rng.choice(p.records)))
    elif what == 7 and p.records:
        p.records.remove(rng.choice(p.records))
    elif what == 8:
        p.counts[rng.randrange(4)] = rng.choice((0, 1, 2, 3, 255, 65535))
    else:
        p.flags ^= 1 << rng.randrange(16)


def some_query(rng, id):
    name = rng.choice((wire_name("www.example."), wire_name("listed.example."), b"\0", wire_name("q%d.example." % id),
                       wire_name("WwW.eXample."), wire_name("x.why.quell.internal."), wire_name("localhost.")))
    qtype = rng.choice((1, 28, 65, 16, 255, 2, 6, 43, 46, 12345, 0, 41, 250, 251, 252, 128))
    p = Packet(id, rng.choice((0x0100, 0x0110, 0x0120, 0x0000)), (name, qtype, rng.choice((1, 1, 1, 1, 3, 4, 254, 255))))
    if rng.randrange(3):
        p.records.append(some_opt(rng))
    for _ in range(rng.randrange(3)):
        bend(rng, p)
    if rng.randrange(5) == 0:
        p.question = (some_name(rng), *p.question[1:])
    wire = p.wire()
    return wire if rng.randrange(5) else bend_bytes(rng, wire)


def some_reply(rng, ask):
    """A reply to the query `ask`: records that belong together, then bent."""
    id, flags = struct.unpack("!HH", ask[:4])
    end = 12
    while ask[end]:
        end += ask[end] + 1
    qtype, qclass = struct.unpack("!HH", ask[end + 1:end + 5])
    p = Packet(id, 0x8080 | flags & 0x0110 | rng.choice((0, 0, 0, 0x20, 0x400, 3)), (ask[12:end + 1], qtype, qclass))
    fitting = [rdata for rtype, rdata in ZOO if rtype == qtype]
    owner = POINTER
    if rng.randrange(4) == 0:
        owner = wire_name("edge.example.")
        p.records.append([1, POINTER, 5, 1, 300, owner, None])
    for _ in range(rng.choice((1, 1, 2, 5, 60))):
        if fitting:
            p.records.append([1, owner, qtype, 1, rng.choice((300, 60)), rng.choice(fitting), None])
    if rng.randrange(3) == 0:
        p.records.append([2, b"\0", 6, 1, 300, rdata_of("SOA", ". . 1 2 3 4 5"), None])
    if rng.randrange(3) == 0:
        p.records.append([2, wire_name("example."), 2, 1, 300, wire_name("ns.example."), None])
        p.records.append([3, wire_name("ns.example."), 1, 1, 300, b"\xc0\0\2\1", None])
    if rng.randrange(2):
        p.records.append(some_opt(rng))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        bend(rng, p)
    wire = p.wire()
    if rng.randrange(8) == 0:  # behind the question: it would only be ignored
        wire = wire[:end + 5] + bend_bytes(rng, wire[end + 5:])
    return wire


# --- what comes out ---

class Ldns:
    def __init__(self):
        path = ctypes.util.find_library("ldns")
        if path is None:
            raise Skip("libldns is not there")
        self.lib = ctypes.CDLL(path)
        self.lib.ldns_pkt_free.argtypes = [ctypes.c_void_p]

    def reads(self, wire):
        packet = ctypes.c_void_p()
        status = self.lib.ldns_wire2pkt(ctypes.byref(packet), wire, ctypes.c_size_t(len(wire)))
        if status == 0:
            self.lib.ldns_pkt_free(packet)
        return status == 0


def skip_name(wire, at):
    while 0 < wire[at] < 0x40:
        at += wire[at] + 1
    return at + (2 if wire[at] else 1)


def records_of(wire):
    """(type, class, offset of the rdata, its length) of each record; the message must end with the last."""
    counts = struct.unpack("!4H", wire[4:12])
    at = 12
    for _ in range(counts[0]):
        at = skip_name(wire, at) + 4
    for _ in range(sum(counts[1:])):
        at = skip_name(wire, at)
        rtype, rclass, _, length = struct.unpack("!HHIH", wire[at:at + 10])
        yield rtype, rclass, at + 10, length
        at += 10 + length
    assert at == len(wire), "%d bytes, of which %d are records" % (len(wire), at)


class Judge:
    """Reads all that comes out of the daemon."""

    def __init__(self):
        self.ldns = Ldns()
        self.n = self.n_with_records = 0

    def answer(self, wire, tcp, cause):
        try:
            self.check(wire, tcp)
        except Exception as why:
            raise AssertionError("%s\nanswer: %s\nto or from: %s" % (why, wire.hex(), cause.hex())) from why

    def check(self, wire, tcp):
        assert len(wire) >= 12, "less than a header"
        flags, _, n_answers = struct.unpack("!HHH", wire[2:8])
        assert flags & 0x8000, "QR is not set"
        assert not flags & 0x0440, "AA or Z is set"
        found = list(records_of(wire))
        types = {r[0] for r in found}
        if not tcp:
            assert len(wire) <= UDP_MAX, "%d bytes over UDP" % len(wire)
            assert len(wire) <= 512 or 41 in types, "%d bytes over UDP without EDNS" % len(wire)
        assert [r[0] for r in found].count(41) <= 1, "two OPT"
        assert not types & {0, 249, 250}, "records of the hop"
        assert types & NOT_LDNS or self.ldns.reads(wire), "ldns cannot read it"
        try:
            dns.message.from_wire(wire, one_rr_per_rrset=True)
        except Exception:
            self.blame(wire, found)
        self.n += 1
        self.n_with_records += n_answers > 0

    @staticmethod
    def blame(wire, found):
        """dnspython does not like the message: a value, or more?"""
        for rtype, rclass, at, length in found:
            if rtype == 41:
                continue
            try:
                dns.rdata.from_wire(rclass, rtype, wire, at, length)
            except Exception as why:
                assert rtype in BY_VALUE, "dnspython: %s: %r" % (dns.rdatatype.to_text(rtype), why)


# --- the upstream ---

class Upstream:
    """make(ask, transport) gives the replies to a query, as bytes; each is sent, and a good one behind them, so that
    nobody has to wait."""

    def __init__(self, make):
        self.make = make
        self.udp, self.tcp = bind_pair("127.0.0.1")
        self.address = join("127.0.0.1", self.udp.getsockname()[1])
        self.closing = False
        for loop in (self.udp_loop, self.tcp_loop):
            threading.Thread(target=loop, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.closing = True
        for s in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def replies(self, ask, transport):
        made = [] if b"\7control" in ask.lower() else self.make(ask, transport)
        end = skip_name(ask, 12) + 4
        id, flags = struct.unpack("!HH", ask[:4])
        good = Packet(id, 0x8080 | flags & 0x0110, (ask[12:end - 4], *struct.unpack("!HH", ask[end - 4:end])))
        if good.question[1] == 1:
            good.records.append([1, POINTER, 1, 1, 300, b"\xc0\0\2\1", None])
        return made + [good.wire()]

    def udp_loop(self):
        while not self.closing:
            with contextlib.suppress(OSError):
                ask, source = self.udp.recvfrom(65535)
                if len(ask) > 12 and not ask[2] & 0x80:
                    for reply in self.replies(ask, "udp"):
                        self.udp.sendto(reply, source)

    def tcp_loop(self):
        while not self.closing:
            with contextlib.suppress(OSError):
                connection, _ = self.tcp.accept()
                threading.Thread(target=self.tcp_client, args=(connection,), daemon=True).start()

    def tcp_client(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5 * SLOW)
            while (ask := read_frame(connection)) is not None:
                connection.sendall(b"".join(frame(r) for r in self.replies(ask, "tcp") if len(r) < 65536))


# --- the tests ---

def control(daemon, judge, number):
    """New and old questions are answered as ever."""
    q = query("c%d.control.example." % number)
    with daemon.udp_socket() as s:
        s.send(to_wire(q))
        wire = s.recv(65535)
    judge.answer(wire, False, b"")
    assert addresses(check_answer(q, wire)) == ["192.0.2.1"], "the control query's answer"
    assert_blocked(daemon.ask("listed.example."))


def send_queries(daemon, judge, wires, tcp):
    """Send all; look at all that comes back."""
    if not tcp:
        q = query("end.control.example.", id=1)
        with daemon.udp_socket() as s:
            for wire in wires:
                with contextlib.suppress(OSError):  # longer than a datagram
                    s.send(wire)
            s.send(to_wire(q))
            while True:
                answer = s.recv(65535)
                judge.answer(answer, False, b"")
                if answer[:2] == b"\0\1":
                    return
    for start in range(0, len(wires), 10):
        with daemon.tcp_socket() as s, contextlib.suppress(ConnectionResetError, BrokenPipeError):
            s.sendall(b"".join(frame(w) for w in wires[start:start + 10]))
            with contextlib.suppress(OSError):  # it is closed already
                s.shutdown(socket.SHUT_WR)
            while (answer := read_frame(s)) is not None:
                judge.answer(answer, True, b"".join(wires[start:start + 10]))


class Replies:
    """Questions of clients, and the replies that an upstream has for them."""

    def __init__(self, make):
        self.make = make  # number of the question, query -> reply
        self.sent = {}  # the last one, by the question's number

    def __call__(self, ask, transport):
        label = ask[13:13 + ask[12]].lower()
        if not label[1:].isdigit():
            return []
        number = int(label[1:])
        if label[:1] == b"t" and transport == "udp":  # the reply is to come over TCP
            end = skip_name(ask, 12) + 4
            return [ask[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + ask[12:end]]
        self.sent[number] = self.make(number, ask)
        return [self.sent[number]]

    def ask_all(self, daemon, judge, questions):
        """questions: (number, type, over TCP from the upstream); each gets one answer."""
        rng = random.Random(questions[0][0])
        waiting = {}
        with daemon.udp_socket() as s:
            for number, rtype, by_tcp in questions:
                q = struct.pack("!6H", number % 65536, rng.choice((0x0100, 0x0120, 0x0110)), 1, 0, 0, 0)
                q += wire_name("%s%d.mut.example." % ("t" if by_tcp else "u", number)) + struct.pack("!HH", rtype, 1)
                if rng.randrange(4):
                    q = q[:11] + b"\1" + q[12:] + b"\0" + struct.pack(
                        "!HHIH", 41, rng.choice((512, 1232, 4096)), rng.choice((0, 0x8000)), 0)
                waiting[number % 65536] = number
                s.send(q)
            while waiting:
                wire = s.recv(65535)
                number = waiting.pop(struct.unpack("!H", wire[:2])[0])
                judge.answer(wire, False, self.sent.get(number, b""))
                # Over TCP it comes whole.
        number = questions[0][0]
        whole = to_wire(query("u%d.mut.example." % number, dns.rdatatype.to_text(questions[0][1])))
        judge.answer(daemon.ask_wire(whole, tcp=True), True, self.sent.get(number, b""))


def run(daemon, judge, n, batch_of):
    """n packets by the hundred; after each hundred the daemon must be well."""
    workers = daemon.children()
    for start in range(0, n, 100):
        batch_of(start, min(100, n - start))
        control(daemon, judge, start)
    assert daemon.children() == workers, "a worker died"
    print("# seed %d: %d packets, %d answers, %d of them with records" % (SEED, n, judge.n, judge.n_with_records))


def patience(n):
    signal.alarm(TEST_SECONDS + n * SLOW // 50)


@test
def test_queries():
    """Mutated queries, over UDP and TCP"""
    rng = random.Random(SEED)
    judge = Judge()
    patience(COUNT)
    with Upstream(lambda ask, transport: []) as upstream, Quelld([upstream], ["listed.example\n"]) as daemon:
        def batch(start, n):
            send_queries(daemon, judge, [some_query(rng, 2 + start % 60000 + i) for i in range(n)], start % 200 == 0)

        run(daemon, judge, COUNT // 2, batch)


@test
def test_replies():
    """Mutated replies of an upstream, over UDP and TCP"""
    rng = random.Random(SEED + 1)
    lock = threading.Lock()
    judge = Judge()
    types = [rtype for rtype, _ in ZOO]
    patience(COUNT)

    def make(number, ask):
        with lock:
            return some_reply(rng, ask)

    replies = Replies(make)
    with Upstream(replies) as upstream, Quelld([upstream], ["listed.example\n"]) as daemon:
        def batch(start, n):
            replies.ask_all(daemon, judge, [
                (start + i, types[(start + i) % len(types)], i % 5 == 0) for i in range(n)])

        run(daemon, judge, COUNT // 2, batch)
        assert judge.n_with_records * 5 > judge.n, "too few replies are accepted for this to be a test"


def corpus():
    path = os.path.join(SOURCE, "../shared/corpus/packets.txt.gz")
    if not os.path.exists(path):
        raise Skip("no packets of others next to the source tree")
    with gzip.open(path, "rt") as f:
        return [bytes.fromhex(line.split(" ")[1]) for line in f]


@test
def test_corpus_as_queries():
    """Packets that others made, as queries over UDP and TCP"""
    packets = [p for p in corpus() if p[:2] != b"\0\1"]
    judge = Judge()
    patience(2 * len(packets))
    with Upstream(lambda ask, transport: []) as upstream, Quelld([upstream], ["listed.example\n"]) as daemon:
        for tcp in (False, True):
            run(daemon, judge, len(packets),
                lambda start, n, tcp=tcp: send_queries(daemon, judge, packets[start:start + n], tcp))


@test
def test_corpus_as_replies():
    """Packets that others made, as replies over UDP and TCP"""
    packets = corpus()
    judge = Judge()
    patience(2 * len(packets))

    def make(number, ask):
        """The packet with the ID that was asked with, and where it has one question, with this one."""
        packet = packets[number % len(packets)]
        reply = ask[:2] + bytes([packet[2] | 0x80]) + packet[3:] if len(packet) > 12 else ask[:2] + packet[2:]
        with contextlib.suppress(IndexError):
            if packet[4:6] == b"\0\1":
                reply = reply[:12] + ask[12:skip_name(ask, 12) + 4] + packet[skip_name(packet, 12) + 4:]
        return reply

    replies = Replies(make)
    with Upstream(replies) as upstream, Quelld([upstream], ["listed.example\n"]) as daemon:
        def type_of(packet):
            with contextlib.suppress(IndexError, struct.error):
                rtype = struct.unpack("!H", packet[skip_name(packet, 12):][:2])[0]
                if rtype not in (0, 41, 249, 250, 251, 252):
                    return rtype
            return 1

        run(daemon, judge, 2 * len(packets), lambda start, n: replies.ask_all(daemon, judge, [
            (start + i, type_of(packets[(start + i) % len(packets)]), start + i >= len(packets)) for i in range(n)]))


if __name__ == "__main__":
    main()
