"""Which input gets which answer: the rows of docs/answers.md, in their order."""

import contextlib
import random
import struct
import time

import dns.flags
import dns.message
import dns.rcode

from harness import (
    FakeUpstream, Quelld, address_of, addresses, assert_asked, assert_blocked, assert_rcode,
    check_answer, ede_codes, equal, frame, main, query, read_frame, reply_to, test, to_wire, usual_reply,
    wire_name, wire_opt, wire_query)

NAME = wire_name("a.example.")
QUESTION = NAME + b"\0\1\0\1"
CONTROL = "control.example."


@contextlib.contextmanager
def daemon_and_upstream(**kwargs):
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.example\n"], **kwargs) as daemon:
        daemon.ask(CONTROL)
        yield daemon, upstream


def header(flags=0x0100, id=0x1234, counts=(1, 0, 0, 0)):
    return struct.pack("!HHHHHH", id, flags, *counts)


class Head:
    """The header of an answer, which may be no more than that."""

    def __init__(self, wire):
        assert len(wire) >= 12, "%d bytes" % len(wire)
        self.id, self.flags, *self.counts = struct.unpack("!HHHHHH", wire[:12])
        self.rcode = self.flags & 15


def check_head(sent, got, rcode, question):
    """What is echoed of a query that was answered with an error."""
    head = Head(got)
    sent_id, sent_flags = struct.unpack("!HH", sent[:4])
    equal(head.id, sent_id, "ID")
    equal(head.flags & 0x8000, 0x8000, "QR")
    equal(head.flags & 0x7800, sent_flags & 0x7800, "opcode")
    equal(head.flags & 0x0110, sent_flags & 0x0110, "RD and CD")
    equal(head.flags & 0x0080, 0x0080, "RA")
    equal(head.flags & 0x0600, 0, "AA and TC")
    equal(dns.rcode.to_text(head.rcode), dns.rcode.to_text(rcode), "rcode")
    equal(head.counts[:3], [1 if question else 0, 0, 0], "counts of questions, answers, authorities")
    if question:
        equal(got[12:12 + len(QUESTION)], QUESTION, "question")
    if sent_flags & 0x7800:
        equal(len(got), 12, "length")
    else:
        dns.message.from_wire(got)  # well formed


def gets(daemon, wire, rcode, question=False):
    """Over UDP and TCP `wire` gets `rcode`; and the daemon goes on."""
    for tcp in (False, True):
        check_head(wire, daemon.ask_wire(wire, tcp), rcode, question)
    daemon.ask(CONTROL)


def gets_nothing(daemon, wire):
    """Over UDP nothing comes back but the answer to what was sent after; over TCP the connection ends."""
    q = query(CONTROL)
    with daemon.udp_socket() as s:
        s.send(wire)
        s.send(to_wire(q))
        check_answer(q, s.recv(65535))
    with daemon.tcp_socket() as s:
        s.sendall(frame(wire))
        with contextlib.suppress(ConnectionResetError):
            equal(read_frame(s), None, "what comes back over TCP")
    daemon.ask(CONTROL)


@test
def test_row_1():
    """Row 1: shorter than a header: no answer"""
    with daemon_and_upstream() as (daemon, upstream):
        for size in range(0, 12):
            gets_nothing(daemon, to_wire(query("a.example."))[:size])
        assert_asked(daemon, upstream, 1)


@test
def test_row_2():
    """Row 2: a response: no answer"""
    with daemon_and_upstream() as (daemon, upstream):
        response = to_wire(reply_to(query("a.example."), "a.example. 300 IN A 192.0.2.1"))
        for wire in (response, wire_query(NAME, flags=0x8100), header(0x8000, counts=(0, 0, 0, 0)),
                     header(0xa800) + QUESTION):
            gets_nothing(daemon, wire)
        assert_asked(daemon, upstream, 1)


@test
def test_row_3():
    """Row 3: another opcode: NOTIMP"""
    with daemon_and_upstream() as (daemon, upstream):
        for opcode in range(1, 16):
            for extra in (0, 0x0100, 0x0110):
                gets(daemon, header(opcode << 11 | extra) + QUESTION, dns.rcode.NOTIMP)
        gets(daemon, header(5 << 11, counts=(0, 0, 0, 0)), dns.rcode.NOTIMP)
        wire = bytearray(to_wire(query("a.example.", use_edns=0)))
        wire[2] |= 4 << 3
        r = dns.message.from_wire(daemon.ask_wire(bytes(wire)))
        equal((r.rcode(), r.opcode(), r.edns), (dns.rcode.NOTIMP, 4, 0), "NOTIFY with OPT")
        assert_asked(daemon, upstream, 1)


@test
def test_row_4():
    """Row 4: a number of questions other than one: FORMERR"""
    with daemon_and_upstream() as (daemon, upstream):
        for n in (0, 2, 3, 65535):
            gets(daemon, header(counts=(n, 0, 0, 0)) + QUESTION * min(n, 3), dns.rcode.FORMERR)
        gets(daemon, header(0x0110, counts=(0, 0, 0, 0)), dns.rcode.FORMERR)
        assert_asked(daemon, upstream, 1)


@test
def test_row_5():
    """Row 5: a malformed question: FORMERR"""
    with daemon_and_upstream() as (daemon, upstream):
        for cut in range(0, len(QUESTION)):
            gets(daemon, header() + QUESTION[:cut], dns.rcode.FORMERR)
        label = b"\x3f" + b"x" * 63
        for name in (
                b"\x40" + b"x" * 64 + b"\0", b"\x80" + b"x" * 128 + b"\0",  # a label over 63
                label * 3 + b"\x3f" + b"x" * 63 + b"\0",  # 257 bytes
                label * 3 + b"\x3e" + b"x" * 62 + b"\0",  # 256
                label * 20 + b"\0",
                b"\xc0\x0c", b"\xc0\x00", b"\x01a\xc0\x0c", b"\xc0\xff", b"\x03www\xc0\x04"):  # pointers
            gets(daemon, header() + name + b"\0\1\0\1", dns.rcode.FORMERR)
        assert_asked(daemon, upstream, 1)


@test
def test_longest_names():
    """Names and labels at their limits are no mistake"""
    label = b"\x3f" + b"x" * 63
    with daemon_and_upstream() as (daemon, upstream):
        for name in (label * 3 + b"\x3d" + b"x" * 61 + b"\0", b"\1x" * 127 + b"\0", b"\0"):
            wire = wire_query(name)
            got = daemon.ask_wire(wire)
            equal(Head(got).rcode, 0, "rcode")
            equal(got[12:12 + len(name)], name, "name")
        assert_asked(daemon, upstream, 4)


RECORD = NAME + struct.pack("!HHIH", 1, 1, 300, 4) + b"\xc0\0\2\1"


@test
def test_row_6():
    """Row 6: a record that overruns the message, or fewer than counted: FORMERR"""
    with daemon_and_upstream() as (daemon, upstream):
        for section in (1, 2, 3):
            counts = [1, 0, 0, 0]
            counts[section] = 1
            for cut in range(0, len(RECORD)):
                wire = header(counts=counts) + QUESTION + RECORD[:cut]
                check_head(wire, daemon.ask_wire(wire), dns.rcode.FORMERR, True)
            gets(daemon, header(counts=counts) + QUESTION + RECORD[:-1], dns.rcode.FORMERR, True)
            counts[section] = 2
            gets(daemon, header(counts=counts) + QUESTION + RECORD, dns.rcode.FORMERR, True)
            counts[section] = 65535
            gets(daemon, header(counts=counts) + QUESTION + RECORD, dns.rcode.FORMERR, True)
        assert_asked(daemon, upstream, 1)


@test
def test_row_7():
    """Row 7: OPT twice, in the wrong place, with an owner, or overrun by its options: FORMERR"""
    with daemon_and_upstream() as (daemon, upstream):
        opt = wire_opt()
        for counts, rest in (
                ((1, 0, 0, 2), opt + opt), ((1, 0, 0, 3), opt + RECORD + opt), ((1, 1, 0, 0), opt), ((1, 0, 1, 0), opt),
                ((1, 0, 0, 1), wire_opt(owner=b"\1a\0")), ((1, 0, 0, 1), wire_opt(options=b"\0")),
                ((1, 0, 0, 1), wire_opt(options=b"\0\x0a\0")), ((1, 0, 0, 1), wire_opt(options=b"\0\x0a\0\1")),
                ((1, 0, 0, 1), wire_opt(options=b"\0\x0a\0\5four")),
                ((1, 0, 0, 1), wire_opt(options=b"\0\x0a\0\4four\0\x0a\xff\xff"))):
            gets(daemon, header(counts=counts) + QUESTION + rest, dns.rcode.FORMERR, True)
        assert_asked(daemon, upstream, 1)


@test
def test_row_8():
    """Row 8: an EDNS version above 0: BADVERS with OPT of version 0"""
    with daemon_and_upstream() as (daemon, upstream):
        for version in (1, 2, 255):
            for name in ("a.example.", "listed.example."):
                wire = header(counts=(1, 0, 0, 1)) + wire_name(name) + b"\0\1\0\1" + wire_opt(version=version)
                for tcp in (False, True):
                    r = dns.message.from_wire(daemon.ask_wire(wire, tcp))
                    equal(r.id, 0x1234, "ID")
                    assert_rcode(r, "BADVERS")
                    equal(r.edns, 0, "EDNS version")
                    equal(len(r.answer), 0, "records")
        daemon.ask(CONTROL)
        assert_asked(daemon, upstream, 1)


def refused(daemon, wire, ede):
    for tcp in (False, True):
        r = check_answer(dns.message.from_wire(wire), daemon.ask_wire(wire, tcp))
        assert_rcode(r, "REFUSED")
        equal(len(r.question), 1, "questions")
        equal(ede_codes(r), ede, "EDE")
    daemon.ask(CONTROL)


@test
def test_rows_10_and_11():
    """Rows 10 and 11: class CH, NONE or 0, zone transfers: REFUSED with EDE 20"""
    with daemon_and_upstream() as (daemon, upstream):
        for rdtype, rdclass in ((1, 3), (16, 3), (1, 254), (1, 0), (252, 1), (251, 1)):
            for name in (wire_name("version.bind."), wire_name("listed.example."), b"\0"):
                refused(daemon, wire_query(name, rdtype, rdclass), [])
                refused(daemon, wire_query(name, rdtype, rdclass, counts=(1, 0, 0, 1), rest=wire_opt()), [20])
        assert_asked(daemon, upstream, 1)


@test
def test_rows_12_and_13():
    """Rows 12 and 13: types that no question has: FORMERR; TKEY: NOTIMP"""
    with daemon_and_upstream() as (daemon, upstream):
        for rdtype, rcode in ((0, "FORMERR"), (41, "FORMERR"), (128, "FORMERR"), (250, "FORMERR"),
                              (249, "NOTIMP")):
            for rest in (b"", wire_opt()):
                wire = wire_query(NAME, rdtype, counts=(1, 0, 0, 1 if rest else 0), rest=rest)
                for tcp in (False, True):
                    got = daemon.ask_wire(wire, tcp)
                    equal(Head(got).rcode, dns.rcode.from_text(rcode), "rcode of type %d" % rdtype)
                    equal(Head(got).counts, [1, 0, 0, 1 if rest else 0], "counts")
        daemon.ask(CONTROL)
        assert_asked(daemon, upstream, 1)


@test
def test_row_14():
    """Row 14: a listed name is blocked, after all that is refused, before the cache and RD"""
    with daemon_and_upstream() as (daemon, upstream):
        assert_blocked(daemon.ask("listed.example."))
        assert_blocked(daemon.ask("www.listed.example.", rd=False, edns=False))
        assert_asked(daemon, upstream, 1)


@test
def test_row_17():
    """Row 17: RD clear: REFUSED, unless the answer is in the cache"""
    with daemon_and_upstream() as (daemon, upstream):
        refused(daemon, wire_query(NAME, flags=0), [])
        refused(daemon, wire_query(NAME, flags=0, counts=(1, 0, 0, 1), rest=wire_opt()), [20])
        equal(addresses(daemon.ask(CONTROL, rd=False)), [address_of(CONTROL)], "address from the cache")
        assert_asked(daemon, upstream, 1)


@test
def test_ignored():
    """What is to be ignored is no reason for another answer"""
    options = struct.pack("!HH", 12, 8) + b"12345678" + struct.pack("!HH", 65001, 0) + struct.pack("!HH", 3, 0)
    more = wire_name("x.test.") + struct.pack("!HHIH", 16, 1, 0, 2) + b"\1x"
    opt = wire_opt(options=options)
    with daemon_and_upstream() as (daemon, upstream):
        # TC, AA, RA, Z, AD; and each RCODE
        messages = [wire_query(NAME, flags=0x0100 | bit) for bit in (0x0200, 0x0400, 0x0080, 0x0040, 0x0020, 0x06e0)]
        messages += [wire_query(NAME, flags=0x0100 | rcode) for rcode in range(1, 16)]
        messages += [wire_query(NAME, counts=c, rest=r) for c, r in (
            ((1, 1, 0, 0), RECORD), ((1, 0, 1, 0), RECORD), ((1, 0, 0, 1), RECORD), ((1, 2, 1, 3), RECORD * 6),
            ((1, 0, 0, 1), opt), ((1, 0, 0, 2), more + opt), ((1, 0, 0, 2), opt + more), ((1, 1, 0, 1), more + opt),
            ((1, 0, 0, 1), wire_opt(flags=0x7fff)), ((1, 0, 0, 1), wire_opt(ext_rcode=255)),
            ((1, 0, 0, 0), b"bytes behind"), ((1, 0, 0, 0), opt), ((1, 0, 0, 1), opt + b"\0" * 400))]
        for wire in messages:
            for tcp in (False, True):
                got = daemon.ask_wire(wire, tcp)
                head = Head(got)
                equal(head.rcode, 0, "rcode of " + wire.hex())
                equal(head.counts[:2], [1, 1], "counts of " + wire.hex())
                # Of the flags only RD and CD come back; AD speaks of the answer.
                equal(head.flags & ~0x0020, 0x8180, "flags of the answer to " + wire.hex())
                r = dns.message.from_wire(got)
                equal(addresses(r), [address_of("a.example")], "address")
                equal(r.options, (), "options in the answer")
        assert_asked(daemon, upstream, 2)


@test
def test_largest():
    """A query of 65,535 bytes over TCP and of 4,000 over UDP is read to its end"""
    with daemon_and_upstream() as (daemon, upstream):
        for size, tcp in ((65535, True), (4000, False)):
            wire = wire_query(NAME, counts=(1, 0, 0, 1), rest=wire_opt(options=struct.pack("!HH", 12, 200) + bytes(200)))
            wire += bytes(size - len(wire))
            r = dns.message.from_wire(daemon.ask_wire(wire, tcp))
            equal(addresses(r), [address_of("a.example")], "address")
        del upstream


@test
def test_row_41():
    """Row 41: on a TCP stream, what gets no answer ends the connection, but not the answers before it"""
    with daemon_and_upstream() as (daemon, upstream):
        q = query(CONTROL)
        for bad in (b"", b"\0", b"x" * 11, wire_query(NAME, flags=0x8100)):
            with daemon.tcp_socket() as s:
                s.sendall(frame(to_wire(q)))
                check_answer(q, read_frame(s))
                s.sendall(frame(bad))
                with contextlib.suppress(ConnectionResetError):
                    equal(read_frame(s), None, "what comes after %r" % bad)
        daemon.ask(CONTROL)
        assert_asked(daemon, upstream, 1)


@test
def test_row_43():
    """Row 43: a TCP client that says nothing, or half a message, is closed after tcp_idle"""
    with daemon_and_upstream(conf="tcp_idle = 1s\n") as (daemon, upstream):
        for sent in (b"", b"\0", frame(to_wire(query(CONTROL)))[:-1]):
            begin = time.monotonic()
            with daemon.tcp_socket() as s:
                s.sendall(sent)
                with contextlib.suppress(ConnectionResetError):
                    equal(read_frame(s), None, "what comes back")
                assert time.monotonic() - begin >= 0.9, "closed before its time"
        daemon.ask(CONTROL)
        del upstream


@test
def test_row_44():
    """Row 44: a client that does not read its answers is not read from for ever"""
    def handler(ask):
        if ask.transport == "udp":
            return reply_to(ask.query, flags=dns.flags.TC)
        return reply_to(ask.query, *['big.example. 300 IN TXT "%d%s"' % (i, "x" * 200) for i in range(250)])

    with FakeUpstream(handler) as upstream, Quelld([upstream], conf="tcp_idle = 1s\n") as daemon:
        assert len(daemon.ask_wire(to_wire(query("big.example.", "TXT")), tcp=True)) > 50000
        with daemon.tcp_socket() as s:
            wire = frame(to_wire(query("big.example.", "TXT"))) * 100
            with contextlib.suppress(OSError):  # until it is closed
                while True:
                    s.sendall(wire)
        daemon.ask("big.example.", "TXT")
        del upstream


def mutated(rng, wire):
    wire = bytearray(wire)
    for _ in range(rng.randrange(1, 6)):
        what = rng.randrange(4)
        at = rng.randrange(len(wire)) if wire else 0
        if what == 0 and wire:
            wire[at] = rng.randrange(256)
        elif what == 1 and wire:
            wire[at] ^= 1 << rng.randrange(8)
        elif what == 2:
            del wire[at:at + rng.randrange(1, 8)]
        else:
            wire[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 8)))
    return bytes(wire)


@test
def test_noise_from_clients():
    """5,000 broken queries harm nobody"""
    rng = random.Random(20)
    seeds = [to_wire(query("www.example.", do=True)), to_wire(query("listed.example.", "HTTPS")),
             header(counts=(1, 1, 1, 2)) + QUESTION + RECORD * 3 + wire_opt(options=b"\0\x0a\0\4four")]
    with daemon_and_upstream() as (daemon, upstream):
        workers = daemon.children()
        with daemon.udp_socket() as s, daemon.udp_socket() as control:
            for i in range(5000):
                s.send(mutated(rng, rng.choice(seeds)))
                if i % 50 == 49:
                    q = query(CONTROL, id=i)
                    control.send(to_wire(q))
                    check_answer(q, control.recv(65535))
        for _ in range(100):
            with daemon.tcp_socket() as s, contextlib.suppress(OSError):
                s.sendall(b"".join(mutated(rng, frame(rng.choice(seeds))) for _ in range(20)))
        daemon.ask(CONTROL)
        equal(daemon.children(), workers, "process numbers of the workers")
        upstream.errors.clear()  # of names that dnspython does not like


@test
def test_noise_from_upstreams():
    """1,000 broken replies harm nobody, and each question gets some answer"""
    rng = random.Random(21)

    def handler(ask):
        if ask.name == CONTROL:
            return usual_reply(ask)
        good = reply_to(ask.query, "%s 300 IN CNAME b.example." % ask.name, "b.example. 300 IN A 192.0.2.1",
                        authority=["example. 300 IN NS ns.example."], additional=["ns.example. 300 IN A 192.0.2.2"])
        wire = to_wire(good)
        # the ID and the question stay, or it would only be ignored
        end = 12 + len(ask.query.question[0].name.to_wire()) + 4
        return wire[:4] + mutated(rng, wire[4:12])[:8].ljust(8, b"\0") + wire[12:end] + mutated(rng, wire[end:])

    with FakeUpstream(handler) as upstream, Quelld([upstream], ["listed.example\n"],
                                                   conf="query_timeout = 1s\n") as daemon:
        workers = daemon.children()
        for start in range(0, 1000, 100):
            queries = [query("n%d.example." % (start + i), id=i) for i in range(100)]
            # Of types whose records nobody here knows, malformed ones pass; so only the head is read.
            for head in daemon.ask_many(queries, read=lambda q, wire: Head(wire)):
                equal(head.flags & 0x8100, 0x8100, "QR and RD")
                assert head.rcode != 1, "FORMERR for a good question"
            daemon.ask(CONTROL)
        equal(daemon.children(), workers, "process numbers of the workers")
        upstream.errors.clear()


if __name__ == "__main__":
    main()
