"""What the RFCs ask of a forwarder, where a scene cannot show it: bytes that are passed on as they are, and what
belongs to one hop alone."""

import struct

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from harness import (
    FakeUpstream, Quelld, check_answer, ede, equal, main, one_worker, query, records, reply_to, test, to_wire,
    wire_name, wire_opt, wire_query)

POINTER = b"\xc0\x0c"


def raw_reply(ask, records, flags=0x8180, rest=b"", counts=None):
    """A reply as bytes: header, the question as it was asked, records (type, class, rdata) of its name."""
    end = ask.wire.index(b"\0", 12) + 5
    body = b"".join(POINTER + struct.pack("!HHIH", rtype, rclass, 300, len(rdata)) + rdata
                    for rtype, rclass, rdata in records)
    counts = counts or (1, len(records), 0, 1 if rest else 0)
    return ask.wire[:2] + struct.pack("!HHHHH", flags, *counts) + ask.wire[12:end] + body + rest


def question_of(wire):
    end = wire.index(b"\0", 12) + 5
    return wire[12:end], struct.unpack("!HH", wire[end - 4:end])


@test
def test_options_are_of_the_hop():
    """OPT belongs to the hop: no option goes through, in either direction, and no unknown flag"""
    def handler(ask):
        ours = ask.query.options[0].data
        options = b"".join(struct.pack("!HH", code, len(data)) + data for code, data in (
            (3, b"nsid"), (8, b"\0\1\x18\0\xc0\0\2"), (10, ours + bytes(16)), (12, bytes(8)), (65001, b"x"),
            (15, b"\0\3stale"), (11, b"\0\x64")))
        return raw_reply(ask, [(1, 1, b"\xc0\0\2\1")], 0x81c0 | 0x0400, wire_opt(flags=0x7fff, options=options))

    asked = [dns.edns.GenericOption(3, b""), dns.edns.ECSOption("192.0.2.0", 24), dns.edns.GenericOption(12, bytes(8)),
             dns.edns.GenericOption(65001, b"secret")]
    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        for name in ("www.example.", "www.example."):  # fresh, and cached
            q = dns.message.make_query(name, "A", use_edns=0, payload=1232, options=asked)
            q.ednsflags |= 0x7fff
            wire = daemon.ask_wire(to_wire(q))
            equal(struct.unpack("!H", wire[2:4])[0], 0x8180, "flags: neither AA nor Z, whatever the upstream says")
            r = check_answer(q, wire)
            equal(ede(r), [(3, "said by an upstream resolver")], "extended errors")
            equal(len(r.options), 1, "options in the answer")
            equal(r.ednsflags & 0xffff, 0, "flags of OPT")
        sent = upstream.asked()
        equal(len(sent), 1, "questions upstream")
        equal([(int(o.otype), len(o.data)) for o in sent[0].query.options], [(10, 8)],
              "options upstream: a cookie of quell's own")
        equal(sent[0].query.ednsflags & 0xffff, 0, "flags of OPT upstream")


@test
def test_unknown_types_and_classes():
    """Types and classes that nobody knows go through as they are, in both directions (RFC 3597)"""
    one_worker()
    rdata = bytes(range(256)) + POINTER + b"\xff\xff"

    def handler(ask):
        _, (rtype, rclass) = question_of(ask.wire)
        return raw_reply(ask, [(rtype if rtype != 255 else 65280, rclass if rclass != 255 else 1, rdata)])

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        n = 0
        for rtype in (65280, 65534, 10, 54, 66, 127, 4096, 255):
            for rclass in (1, 4, 255, 4242, 65280):
                n += 1
                name = wire_name("n%d.example." % n)
                for _ in range(2):  # fresh, and cached
                    wire = daemon.ask_wire(wire_query(name, rtype, rclass), tcp=True)
                    equal(question_of(wire), (name + struct.pack("!HH", rtype, rclass), (rtype, rclass)), "question")
                    equal(wire[6:12], b"\0\1\0\0\0\0", "counts")
                    equal(wire[-len(rdata) - 2:], struct.pack("!H", len(rdata)) + rdata, "rdata")
                equal(len(upstream.asked("n%d.example." % n)), 1, "questions upstream of type %d class %d" % (rtype, rclass))


@test
def test_any():
    """Type ANY is forwarded, and the short answer of RFC 8482 passes and is kept"""
    def handler(ask):
        return reply_to(ask.query, 'www.example. 3600 IN HINFO "RFC8482" ""')

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        for _ in range(2):
            equal(records(daemon.ask("www.example.", "ANY")), {("www.example.", "HINFO", '"RFC8482" ""')}, "records")
        equal(len(upstream.asked()), 1, "questions upstream")


@test
def test_any_bytes_in_names():
    """Labels are any bytes (RFC 2181, 11), and only ASCII letters have a case (RFC 4343)"""
    def handler(ask):
        return raw_reply(ask, [(1, 1, b"\xc0\0\2\1")])

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        for start in range(1, 256, 51):
            name = bytes([51]) + bytes(start + i for i in range(51) if start + i < 256).ljust(51, b"x") + b"\7example\0"
            wire = daemon.ask_wire(wire_query(name))
            equal(wire[12:12 + len(name)], name, "name, echoed")
            equal(wire[6:8], b"\0\1", "answers")
        count = len(upstream.asked())
        # Bytes beyond ASCII that are letters elsewhere, and what stands 32 away from letters' neighbours.
        for one, other in ((b"\xc4", b"\xe4"), (b"[", b"{"), (b"@", b"`")):
            for label in (one, other):
                daemon.ask_wire(wire_query(b"\2" + label + b"q\7example\0"))
                count += 1
                equal(len(upstream.asked()), count, "questions upstream after %r" % label)
        daemon.ask_wire(wire_query(b"\2xQ\7EXAMPLE\0"))
        daemon.ask_wire(wire_query(b"\2Xq\7example\0"))
        equal(len(upstream.asked()), count + 1, "questions upstream of one name in two cases")


@test
def test_malformed_rdata_of_an_upstream():
    """Rdata that is not of its type's form: the next upstream is asked, and nothing of it gets through"""
    bad = {2: b"\1a", 15: b"\0", 16: b"\5a", 33: b"\0\0\0\0\0\0", 43: b"\0\1\x08\2" + bytes(31), 48: b"\1\0\3",
           50: b"\1\0\0\0\5", 52: b"\3\1\1", 29: bytes(15), 65: b"\0\1\0\0\3\0\1\1", 257: b"\0\0x", 44: b"\1"}

    def handler(ask):
        rtype = question_of(ask.wire)[1][0]
        return raw_reply(ask, [(rtype, 1, bad[rtype])])

    def good(ask):
        return reply_to(ask.query, rcode=dns.rcode.NXDOMAIN)

    with FakeUpstream(handler) as first, FakeUpstream(good) as second, Quelld([first, second]) as daemon:
        for rtype in bad:
            for i in range(4):  # whichever is asked first
                got = daemon.ask_wire(wire_query(wire_name("n%d.t%d.example." % (i, rtype)), rtype))
                equal((got[3] & 15, got[6:8]), (3, b"\0\0"), "RCODE and answers for type %d" % rtype)
        assert first.asked() and second.asked(), "both were asked"


if __name__ == "__main__":
    main()
