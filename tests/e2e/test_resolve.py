"""The way of a question that no list has: forwarded, cached, answered."""

import contextlib
import random
import socket
import string
import struct
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from harness import (
    SOA, WAIT_SECONDS, FakeUpstream, Later, Quelld, Skip, address_of, addresses, assert_asked, assert_blocked,
    assert_rcode, bind_pair, check_answer, ede_codes, equal, frame, has_ipv6, main, one_worker, query, read_frame,
    records, reply_to, test, to_wire, usual_reply)


# Where answers are held back until something else has happened.
PATIENT = "query_timeout = 30s\n"


def ttls(message):
    return [rrset.ttl for section in (message.answer, message.authority) for rrset in section]


def mixed_case(name):
    return "".join(random.choice((c.lower(), c.upper())) for c in name)


@test
def test_forward():
    """A question is asked upstream, and its answer comes back whole"""
    def handler(ask):
        return reply_to(ask.query, "www.example. 300 IN CNAME host.example.", "host.example. 200 IN A 192.0.2.7",
                        "host.example. 200 IN A 192.0.2.8")

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        r = daemon.ask("www.example.")
        assert_rcode(r, "NOERROR")
        equal(records(r), {("www.example.", "CNAME", "host.example."), ("host.example.", "A", "192.0.2.7"),
                           ("host.example.", "A", "192.0.2.8")}, "records")
        asked = upstream.asked()
        equal(len(asked), 1, "packets upstream")
        sent = asked[0].query
        equal(sent.question[0].name, dns.name.from_text("www.example."), "name asked upstream")
        equal(sent.question[0].rdtype, dns.rdatatype.A, "type asked upstream")
        assert sent.flags & dns.flags.RD, "RD is not set upstream"
        equal(sent.edns, 0, "EDNS upstream")
        equal([int(o.code) for o in sent.options if o.otype == dns.edns.OptionType.ECS], [], "client subnet")


@test
def test_cached():
    """The second time the answer comes from the cache, over UDP and TCP"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        first = daemon.ask("a.example.")
        for tcp in (False, True):
            again = daemon.ask("a.example.", tcp=tcp)
            equal(records(again), records(first), "records from the cache")
            equal(again.rcode(), first.rcode(), "rcode from the cache")
        assert_asked(daemon, upstream, 1)
        daemon.ask("b.example.")
        assert_asked(daemon, upstream, 2)
        daemon.ask("a.example.", "AAAA")
        assert_asked(daemon, upstream, 3)
        daemon.ask("a.example.", do=True)
        assert_asked(daemon, upstream, 4)
        daemon.ask("a.example.", cd=True)
        assert_asked(daemon, upstream, 5)
        assert upstream.asked()[4].query.flags & dns.flags.CD, "CD is not set upstream"
        daemon.ask("A.Example.")
        assert_asked(daemon, upstream, 5)


@test
def test_ttl_counts_down():
    """The TTL of a cached answer counts down and never up, all records alike"""
    def handler(ask):
        return reply_to(ask.query, "a.example. 300 IN CNAME b.example.", "b.example. 200 IN A 192.0.2.1")

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        begin = time.monotonic()
        fresh = ttls(daemon.ask("a.example."))
        equal(fresh, [300, 200], "TTLs of the fresh answer")
        while True:  # a second has to pass in fact
            now = ttls(daemon.ask("a.example."))
            passed = time.monotonic() - begin
            equal(now[0] - now[1], 100, "difference of the TTLs")
            assert fresh[0] - passed - 1 <= now[0] <= 300, "TTL %d after %f s" % (now[0], passed)
            if now[0] < 300:
                assert passed >= 1 or now[0] == 299, "TTL %d after %f s" % (now[0], passed)
                break
        assert_asked(daemon, upstream, 1)


@test
def test_ttl_runs_out():
    """An answer is asked for anew when its TTL is over, and not before"""
    def handler(ask):
        return reply_to(ask.query, "a.example. 1 IN A 192.0.2.1")

    with FakeUpstream(handler) as upstream, Quelld([upstream], conf="prefetch = 0\n") as daemon:
        begin = time.monotonic()
        daemon.ask("a.example.")
        while len(upstream.asked()) == 1:
            assert ttls(daemon.ask("a.example."))[0] <= 1
        assert time.monotonic() - begin >= 1, "asked anew before its time"


@test
def test_ttl_0_is_passed_on():
    """An answer of TTL 0 is given and not kept"""
    def handler(ask):
        return reply_to(ask.query, "a.example. 0 IN A 192.0.2.1")

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        for n in (1, 2, 3):
            equal(ttls(daemon.ask("a.example.")), [0], "TTL")
            assert_asked(daemon, upstream, n)


@test
def test_echo():
    """ID, letter case, RD, CD and the question are the asker's own, fresh and cached"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        for i in range(20):
            name = mixed_case("some.host.example.")
            r = daemon.ask(name, id=random.randrange(65536), edns=i % 2 == 0, tcp=i % 5 == 0)
            equal(str(r.question[0].name), name, "name in the question")
            equal(str(r.answer[0].name), name, "owner of the record")
            equal(addresses(r), [address_of(name)], "address")
        assert_asked(daemon, upstream, 1)
        r = daemon.ask("some.host.example.", rd=False)
        assert not r.flags & dns.flags.RD
        equal(addresses(r), [address_of("some.host.example.")], "without RD from the cache")


@test
def test_no_recursion():
    """Without RD nothing is asked upstream"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        r = daemon.ask("a.example.", rd=False)
        assert_rcode(r, "REFUSED")
        equal(ede_codes(r), [20], "EDE")
        equal(upstream.asked(), [], "packets upstream")


@test
def test_edns():
    """OPT is in the answer exactly where it was in the query; DO is echoed, options are not"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        for tcp in (False, True):
            equal(daemon.ask("a.example.", edns=False, tcp=tcp).edns, -1, "EDNS version")
            r = daemon.ask("a.example.", tcp=tcp)
            equal(r.edns, 0, "EDNS version")
            equal(r.ednsflags & 0xffff, 0, "EDNS flags")
            assert r.payload >= 512, "UDP size"
            assert daemon.ask("a.example.", do=True, tcp=tcp).ednsflags & dns.flags.DO
        q = query("a.example.")
        q.use_edns(0, 0, 1232, options=[dns.edns.GenericOption(65002, b"12345678"),
                                        dns.edns.GenericOption(65001, b"x" * 20)])
        r = daemon.ask(q)
        equal(r.options, (), "options")
        del upstream


@test
def test_dnssec_records_pass():
    """With DO the signatures come through; without it the upstream is not asked for them"""
    rrsig = "a.example. 300 IN RRSIG A 13 2 300 20400101000000 20240101000000 1 example. AAAA"

    def handler(ask):
        if ask.query.ednsflags & dns.flags.DO:
            return reply_to(ask.query, "a.example. 300 IN A 192.0.2.1", rrsig, flags=dns.flags.AD)
        return reply_to(ask.query, "a.example. 300 IN A 192.0.2.1")

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        for _ in range(2):
            equal({r[1] for r in records(daemon.ask("a.example."))}, {"A"}, "types without DO")
            equal({r[1] for r in records(daemon.ask("a.example.", do=True))}, {"A", "RRSIG"}, "types with DO")
        assert_asked(daemon, upstream, 2)


@test
def test_truncated_upstream():
    """A TC reply is fetched again over TCP"""
    def handler(ask):
        if ask.transport == "udp":
            return reply_to(ask.query, "a.example. 300 IN A 192.0.2.66", flags=dns.flags.TC)
        return reply_to(ask.query, "a.example. 300 IN A 192.0.2.1")

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        for _ in range(2):
            r = daemon.ask("a.example.")
            equal(addresses(r), ["192.0.2.1"], "address")
            assert not r.flags & dns.flags.TC, "TC is set"
        equal({a.transport for a in upstream.asked()}, {"udp", "tcp"}, "transports")
        assert_asked(daemon, upstream, 2)


def big_reply(ask):
    """60 TXT records, 3 kB: more than any UDP answer holds."""
    if ask.transport == "udp":
        return reply_to(ask.query, flags=dns.flags.TC)
    return reply_to(ask.query, *['big.example. 300 IN TXT "%s"' % (c * 50) for c in string.ascii_letters])


class ByBytes:
    """A connection on which each byte is sent by itself."""

    def __init__(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.connection.close()

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def sendall(self, data):
        for i in range(len(data)):
            self.connection.sendall(data[i:i + 1])


class UpstreamInPieces(FakeUpstream):
    def _tcp_client(self, connection, source):
        super()._tcp_client(ByBytes(connection), source)


@test
def test_reply_in_pieces():
    """A reply that comes byte by byte is taken when it is whole"""
    with UpstreamInPieces(big_reply) as upstream, Quelld([upstream]) as daemon:
        r = daemon.ask("big.example.", "TXT", tcp=True)
        assert_rcode(r, "NOERROR")
        equal(len(records(r)), len(string.ascii_letters), "records")
        assert_asked(daemon, upstream, 2)  # over UDP, then over TCP


@test
def test_truncated_for_the_client():
    """An answer that does not fit has TC and at most the client's size; over TCP it is whole"""
    with FakeUpstream(big_reply) as upstream, Quelld([upstream]) as daemon:
        whole = daemon.ask("big.example.", "TXT", tcp=True)
        equal(len(records(whole)), 52, "records over TCP")
        assert not whole.flags & dns.flags.TC
        for payload, limit in ((None, 512), (100, 512), (512, 512), (900, 900), (1232, 1232), (65535, 1232)):
            q = query("big.example.", "TXT", edns=payload is not None, payload=payload or 0)
            wire = daemon.ask_wire(to_wire(q))
            assert len(wire) <= limit, "%d bytes for a client that takes %s" % (len(wire), payload)
            r = check_answer(q, wire)
            assert r.flags & dns.flags.TC, "TC is not set"
            assert records(r) in (set(), records(whole)), "half of an RRset"
        assert_asked(daemon, upstream, 1, transport="tcp")


@test
def test_fits_the_larger_size():
    """What fits into the size that the client gave is not truncated"""
    def handler(ask):
        return reply_to(ask.query, *['a.example. 300 IN TXT "%s"' % (c * 90) for c in "abcdefgh"])

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        r = daemon.ask("a.example.", "TXT", payload=1232)
        assert not r.flags & dns.flags.TC
        equal(len(records(r)), 8, "records")
        r = daemon.ask("a.example.", "TXT", edns=False)
        assert r.flags & dns.flags.TC
        assert_asked(daemon, upstream, 1)


@test
def test_negative():
    """NXDOMAIN and NODATA are kept by the SOA, at most for its MINIMUM; without SOA not at all"""
    def handler(ask):
        label = ask.name.split(".")[0]
        rcode = dns.rcode.NXDOMAIN if "nx" in label else dns.rcode.NOERROR
        soa = () if "bare" in label else [SOA % (300, 60)] if "min" in label else [SOA % (50, 3600)]
        return reply_to(ask.query, rcode=rcode, authority=soa)

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        for name, rcode, ttl in (("nxmin", "NXDOMAIN", 60), ("nxttl", "NXDOMAIN", 50), ("nomin", "NOERROR", 60),
                                 ("nottl", "NOERROR", 50)):
            for n in range(2):
                r = daemon.ask(name + ".example.")
                assert_rcode(r, rcode)
                equal(r.answer, [], "answer section")
                equal([rrset.rdtype for rrset in r.authority], [dns.rdatatype.SOA], "authority section")
                if n > 0:
                    assert r.authority[0].ttl <= ttl, "TTL %d of a kept %s" % (r.authority[0].ttl, name)
            assert_asked(daemon, upstream, 1, name + ".example")
        for name, rcode in (("nxbare", "NXDOMAIN"), ("nobare", "NOERROR")):
            for n in (1, 2):
                assert_rcode(daemon.ask(name + ".example."), rcode)
                assert_asked(daemon, upstream, n, name + ".example")


@test
def test_chain_to_a_listed_name():
    """An answer that leads to a listed name is withheld, fresh and cached"""
    def handler(ask):
        name = ask.name
        if name.startswith("alias"):
            return reply_to(ask.query, name + " 300 IN CNAME middle.example.",
                            "middle.example. 300 IN CNAME x.ads.test.", "x.ads.test. 300 IN A 192.0.2.66")
        if name.startswith("https"):
            return reply_to(ask.query, name + " 300 IN HTTPS 0 x.ads.test.")
        if name.startswith("good"):
            return reply_to(ask.query, name + " 300 IN CNAME x.fads.test.", "x.fads.test. 300 IN A 192.0.2.1")
        return usual_reply(ask)

    with FakeUpstream(handler) as upstream, Quelld([upstream], ["ads.test\n"]) as daemon:
        for _ in range(2):
            for edns in (True, False):
                for tcp in (False, True):
                    assert_blocked(daemon.ask("alias.example.", edns=edns, tcp=tcp))
                    assert_blocked(daemon.ask("https.example.", "HTTPS", edns=edns, tcp=tcp))
            equal(addresses(daemon.ask("good.example.")), ["192.0.2.1"], "address")
        assert_asked(daemon, upstream, 1, "alias.example")
        assert_asked(daemon, upstream, 1, "good.example")


@test
def test_asked_once():
    """A question that is in flight is not asked again; all that wait get their own answer"""
    one_worker()
    release = threading.Event()

    def handler(ask):
        if ask.name.lower() == "held.example.":
            return Later(release, usual_reply(ask))
        return usual_reply(ask)

    names = [mixed_case("held.example.") for _ in range(20)]
    with FakeUpstream(handler) as upstream, Quelld([upstream], conf=PATIENT) as daemon, \
            contextlib.ExitStack() as stack:
        before = daemon.stats()
        clients = []
        for i, name in enumerate(names):
            tcp = i % 4 == 3
            s = stack.enter_context(daemon.tcp_socket() if tcp else daemon.udp_socket())
            q = query(name, edns=i % 2 == 0, id=1000 + i)
            s.sendall(frame(to_wire(q)) if tcp else to_wire(q))
            clients.append((s, q, tcp))
        upstream.wait_asked("held.example")
        while daemon.stats()["joined"] < len(names) - 1:
            pass
        after = daemon.stats()
        equal(after["forwarded"] - before["forwarded"], 1, "questions forwarded")
        equal(after["in_flight"], 1, "questions in flight")
        release.set()
        for s, q, tcp in clients:
            r = check_answer(q, read_frame(s) if tcp else s.recv(65535))
            equal(addresses(r), [address_of("held.example")], "address")


@test
def test_second_upstream():
    """When the first upstream is silent, the second is asked"""
    with FakeUpstream(lambda ask: None) as silent, FakeUpstream() as good:
        for order in ((silent, good), (good, silent)):
            with Quelld(order) as daemon:
                for i in range(5):
                    name = "n%d.example." % i
                    equal(addresses(daemon.ask(name)), [address_of(name)], "address")


@test
def test_dead_upstream():
    """A dead upstream is avoided, probed, and used again when it is back"""
    one_worker()
    first_speaks = threading.Event()
    second_speaks = threading.Event()
    second_speaks.set()

    def speaks(event, address):
        def handler(ask):
            return reply_to(ask.query, "%s 300 IN A %s" % (ask.name, address)) if event.is_set() else None
        return handler

    with FakeUpstream(speaks(first_speaks, "192.0.2.1")) as first, \
            FakeUpstream(speaks(second_speaks, "192.0.2.2")) as second, Quelld([first, second]) as daemon:
        names = ("n%d.example." % i for i in range(100000))
        # Questions until it counts as dead: then each is at once answered by the other.
        while len(first.asked()) < 4:
            equal(addresses(daemon.ask(next(names))), ["192.0.2.2"], "address")
        begin, before = time.monotonic(), len(first.asked())
        for _ in range(50):
            equal(addresses(daemon.ask(next(names))), ["192.0.2.2"], "address")
        probes = len(first.asked()) - before
        seconds = time.monotonic() - begin
        assert probes <= seconds + 2, "%d packets to a dead upstream in %f s" % (probes, seconds)
        # It is back: a probe finds it, within seconds.
        first_speaks.set()
        answered = len(first.asked())
        end = time.monotonic() + WAIT_SECONDS
        while len(first.asked()) == answered:
            daemon.ask(next(names))
            assert time.monotonic() < end, "not probed in %d s" % WAIT_SECONDS
        # and then it is as good as the other, which dies now
        second_speaks.clear()
        for _ in range(3):
            equal(addresses(daemon.ask(next(names))), ["192.0.2.1"], "address")


@test
def test_no_upstream():
    """With no upstream reachable the answer is SERVFAIL with EDE 22, and blocking works"""
    udp, tcp = bind_pair("127.0.0.1")
    address = "127.0.0.1:%d" % udp.getsockname()[1]
    udp.close()
    tcp.close()
    with Quelld([address], ["ads.test\n"]) as daemon:
        for name in "a.example.", "b.example.":
            r = daemon.ask(name)
            assert_rcode(r, "SERVFAIL")
            equal(ede_codes(r), [22], "EDE")
            assert_blocked(daemon.ask("ads.test."))
        # ... and kept for a second at most: when it comes, it is used.
        port = int(address.split(":")[1])
        with FakeUpstream(port=port) as upstream:
            while True:
                r = daemon.ask("a.example.")
                if r.rcode() == dns.rcode.NOERROR:
                    break
            equal(addresses(r), [address_of("a.example")], "address")
            del upstream


@test
def test_declined():
    """SERVFAIL, REFUSED and nonsense of one upstream: the next is asked"""
    bad = {
        "servfail": lambda ask: reply_to(ask.query, rcode=dns.rcode.SERVFAIL),
        "refused": lambda ask: reply_to(ask.query, rcode=dns.rcode.REFUSED),
        "notimp": lambda ask: reply_to(ask.query, rcode=dns.rcode.NOTIMP),
        "cut": lambda ask: to_wire(usual_reply(ask))[:-3],
    }
    for what, handler in bad.items():
        with FakeUpstream(handler) as one, FakeUpstream() as other, Quelld([one, other]) as daemon:
            for i in range(3):
                name = "%s%d.example." % (what, i)
                equal(addresses(daemon.ask(name)), [address_of(name)], "address after " + what)
        with FakeUpstream(handler) as one, Quelld([one]) as daemon:
            r = daemon.ask("a.example.")
            equal(r.rcode(), {"refused": 5, "notimp": 4}.get(what, 2), "rcode after " + what)
            equal(len(r.answer), 0, "records")


@test
def test_old_upstream():
    """An upstream that answers FORMERR to EDNS is asked without"""
    def handler(ask):
        if ask.query.edns >= 0:
            return reply_to(ask.query, rcode=dns.rcode.FORMERR, edns=False)
        return usual_reply(ask)

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        equal(addresses(daemon.ask("a.example.")), [address_of("a.example")], "address")
        equal([a.query.edns for a in upstream.asked()], [0, -1], "EDNS versions asked with")


POISON = "192.0.2.66"


@test
def test_forged_replies():
    """Replies with another ID, question, port or address than was asked are ignored"""
    def forged(ask, what):
        bad = reply_to(ask.query, "%s 300 IN A %s" % (ask.name, POISON))
        if what == "id":
            for i in range(1, 3):
                bad.id = (ask.query.id + i) & 0xffff
                ask.send(bad)
        elif what == "question":
            for name, rdtype in (("evil.example.", "A"), (ask.name, "AAAA")):
                other = query(name, rdtype)
                other.id = ask.query.id
                ask.send(reply_to(other, "%s 300 IN A %s" % (ask.name, POISON)))
        elif what == "longer question":
            other = query("x" + ask.name, "A")
            other.id = ask.query.id
            ask.send(reply_to(other, "%s 300 IN A %s" % (ask.name, POISON)))
            ask.send(struct.pack("!HHHHHH", ask.query.id, 0x8180, 0, 0, 0, 0))
        elif what == "no response":
            bad.flags &= ~dns.flags.QR
            ask.send(bad)
        elif what == "port of ours":
            for earlier in ask.upstream.asked():
                if earlier.source != ask.source:
                    ask.upstream.udp.sendto(to_wire(bad), earlier.source)
        else:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind(("127.0.0.2", ask.upstream.port) if what == "address" else ("127.0.0.1", 0))
                s.sendto(to_wire(bad), ask.source)
        return usual_reply(ask)

    for what in ("id", "question", "longer question", "no response", "address", "port", "port of ours"):
        with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
            for i in range(20):  # so that there are other ports of ours
                daemon.ask("n%d.example." % i)
            upstream.handler = lambda ask, w=what: forged(ask, w)
            for _ in range(2):
                r = daemon.ask("good.example.")
                equal(addresses(r), [address_of("good.example")], "address after a reply with wrong " + what)
            assert_asked(daemon, upstream, 1, "good.example.")
            upstream.handler = usual_reply
            assert_rcode(daemon.ask("evil.example."), "NOERROR")
            assert_asked(daemon, upstream, 1, "evil.example")


@test
def test_guessed_replies():
    """After three messages that match nothing a reply on that port is not believed; TCP brings the answer"""
    def guessed(ask):
        if ask.transport == "udp":
            bad = reply_to(ask.query, "%s 300 IN A %s" % (ask.name, POISON))
            for i in range(1, 200):
                bad.id = (ask.query.id + i) & 0xffff
                ask.send(bad)
            bad.id = ask.query.id
            return bad
        return usual_reply(ask)

    with FakeUpstream(guessed) as upstream, Quelld([upstream]) as daemon:
        equal(addresses(daemon.ask("good.example.")), [address_of("good.example")], "address")
        assert_asked(daemon, upstream, 1, "good.example.", "udp")
        assert_asked(daemon, upstream, 1, "good.example.", "tcp")


@test
def test_letter_case():
    """Questions go out in letter cases drawn at random; a reply in another case is not believed"""
    def other_case(ask):
        q = ask.query
        if ask.transport == "udp":
            name = dns.name.from_text(str(q.question[0].name).swapcase())
            q.question[0] = dns.rrset.RRset(name, q.question[0].rdclass, q.question[0].rdtype)
            return reply_to(q, "%s 300 IN A %s" % (ask.name, POISON))
        return usual_reply(ask)

    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        for i in range(8):
            daemon.ask("a-long-name-%d.with-many-letters.example." % i)
        cases = {str(a.query.question[0].name).split(".", 1)[1] for a in upstream.asked()}
        if len(cases) < 5:
            raise AssertionError("letter cases: %s" % cases)
        upstream.handler = other_case
        r = daemon.ask("Good.Example.with-many-letters.example.")
        equal(addresses(r), [address_of("good.example.with-many-letters.example")], "address")
        equal(str(r.question[0].name), "Good.Example.with-many-letters.example.", "letter case")


@test
def test_unpredictable():
    """Questions go out from many ports with many IDs"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        for i in range(64):
            daemon.ask("n%d.example." % i)
        ports = {a.source[1] for a in upstream.asked()}
        ids = {a.query.id for a in upstream.asked()}
        # 64 draws out of 1,024 ports: fewer than 40 different ones in less than one run of 10^9.
        assert len(ports) >= 40, "%d ports: %s" % (len(ports), sorted(ports))
        assert len(ids) >= 60, "%d IDs" % len(ids)
        assert min(ports) >= 1024


@test
def test_tcp_pipelined():
    """Many queries on one connection, in one segment and in every split, are all answered"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        queries = {i: query("n%d.example." % i, id=i) for i in range(40)}
        stream = b"".join(frame(to_wire(q)) for q in queries.values())

        def answers(s):
            left = dict(queries)
            while left:
                wire = read_frame(s)
                assert wire is not None, "closed with %d unanswered" % len(left)
                q = left.pop(struct.unpack("!H", wire[:2])[0])
                name = str(q.question[0].name)
                equal(addresses(check_answer(q, wire)), [address_of(name)], "address of " + name)

        with daemon.tcp_socket() as s:
            s.sendall(stream)
            answers(s)
        with daemon.tcp_socket() as s:
            for i in range(len(stream)):
                s.send(stream[i:i + 1])
            answers(s)
        with daemon.tcp_socket() as s:
            at = 0
            while at < len(stream):
                step = random.randrange(1, 100)
                s.send(stream[at:at + step])
                at += step
            answers(s)
        assert_asked(daemon, upstream, 40)


@test
def test_tcp_out_of_order():
    """On one connection a cached answer does not wait for one that is held up"""
    release = threading.Event()

    def handler(ask):
        return Later(release, usual_reply(ask)) if "slow" in ask.name else usual_reply(ask)

    with FakeUpstream(handler) as upstream, Quelld([upstream], conf=PATIENT) as daemon, \
            daemon.tcp_socket() as s:
        daemon.ask("fast.example.")
        slow, fast = query("slow.example.", id=1), query("fast.example.", id=2)
        s.sendall(frame(to_wire(slow)) + frame(to_wire(fast)))
        check_answer(fast, read_frame(s))
        release.set()
        check_answer(slow, read_frame(s))
        del upstream


@test
def test_tcp_half_closed():
    """A client that shuts down its side gets what it asked for, then the end"""
    release = threading.Event()

    def handler(ask):
        return Later(release, usual_reply(ask))

    with FakeUpstream(handler) as upstream, Quelld([upstream], conf=PATIENT) as daemon, \
            daemon.tcp_socket() as s:
        queries = {i: query("n%d.example." % i, id=i) for i in range(3)}
        s.sendall(b"".join(frame(to_wire(q)) for q in queries.values()))
        s.shutdown(socket.SHUT_WR)
        for i in queries:
            upstream.wait_asked("n%d.example" % i)
        release.set()
        for _ in range(3):
            wire = read_frame(s)
            assert wire is not None, "closed before it was answered"
            check_answer(queries.pop(struct.unpack("!H", wire[:2])[0]), wire)
        equal(read_frame(s), None, "what comes last")


@test
def test_tcp_gone():
    """A client that goes away while it waits takes nothing with it"""
    release = threading.Event()

    def handler(ask):
        return Later(release, usual_reply(ask)) if "slow" in ask.name else usual_reply(ask)

    with FakeUpstream(handler) as upstream, Quelld([upstream], conf=PATIENT) as daemon:
        waiting = daemon.udp_socket()
        q = query("slow.example.")
        for _ in range(20):
            with daemon.tcp_socket() as s:
                s.sendall(frame(to_wire(query("slow.example."))))
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                upstream.wait_asked("slow.example")
        waiting.send(to_wire(q))
        daemon.ask("fast.example.")  # now the other is being waited for, too
        release.set()
        check_answer(q, waiting.recv(65535))
        waiting.close()


@test
def test_many_tcp_clients():
    """300 TCP connections at once are all answered; silent ones are in nobody's way"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon, contextlib.ExitStack() as stack:
        clients = [(stack.enter_context(daemon.tcp_socket()), query("n%d.example." % (i % 50), id=i))
                   for i in range(300)]
        for s, q in clients[::2]:
            s.sendall(frame(to_wire(q)))
        for s, q in clients[::2]:
            check_answer(q, read_frame(s))
        daemon.ask("other.example.")
        for s, q in clients[1::2]:
            s.sendall(frame(to_wire(q)))
            check_answer(q, read_frame(s))
        assert daemon.stats()["tcp_clients"] >= 300
        del upstream


@test
def test_ipv6():
    """IPv6 clients and upstreams, over UDP and TCP"""
    if not has_ipv6():
        raise Skip("this machine has no IPv6")
    with FakeUpstream(big_reply, host="::1") as upstream, Quelld([upstream], listen=("::1", "127.0.0.1")) as daemon:
        for host in ("::1", "127.0.0.1"):
            equal(len(records(daemon.ask("big.example.", "TXT", tcp=True, host=host))), 52, "records")
            assert daemon.ask("big.example.", "TXT", host=host).flags & dns.flags.TC
        equal({a.transport for a in upstream.asked()}, {"udp", "tcp"}, "transports")
        assert_asked(daemon, upstream, 2)


@test
def test_many_types():
    """Types that nobody here knows pass unharmed"""
    wanted = {
        "TYPE65400": "TYPE65400 \\# 4 deadbeef", "MX": "MX 10 mail.example.", "SRV": "SRV 1 2 443 host.example.",
        "CAA": 'CAA 0 issue "ca.example"', "NAPTR": 'NAPTR 1 1 "u" "sip" "!a!b!" .', "LOC": None,
        "HTTPS": 'HTTPS 1 . alpn="h2"', "TLSA": "TLSA 3 1 1 " + "ab" * 32, "DS": "DS 1 13 2 " + "cd" * 32,
        "SOA": "SOA ns.example. admin.example. 1 2 3 4 5", "PTR": "PTR host.example.",
    }

    def handler(ask):
        rdtype = dns.rdatatype.to_text(ask.query.question[0].rdtype)
        if wanted[rdtype] is None:
            return reply_to(ask.query, authority=[SOA % (60, 60)])
        return reply_to(ask.query, "t.example. 300 IN " + wanted[rdtype])

    with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
        for rdtype, text in wanted.items():
            fresh, cached = daemon.ask("t.example.", rdtype), daemon.ask("t.example.", rdtype)
            equal(records(fresh), records(cached), "records of " + rdtype)
            if text is not None:
                want = reply_to(query("t.example.", rdtype), "t.example. 300 IN " + text)
                equal(records(fresh), records(want), "records of " + rdtype)
        assert_asked(daemon, upstream, len(wanted))


if __name__ == "__main__":
    main()
