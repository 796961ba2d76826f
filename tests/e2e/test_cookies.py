#!/usr/bin/python3
"""DNS cookies, limits of rate and rules of access: rows 2a, 2b, 8a, 9a and 97 to 99 of docs/answers.md."""

import contextlib
import os
import re
import socket
import stat
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "e2e"))

import dns.edns
import dns.flags
import dns.message

from harness import (
    FakeUpstream, Namespace, Quelld, assert_rcode, check_answer, equal, main, one_worker, query, temporary_folder,
    test, to_wire, wire_opt, wire_query)

COOKIE = 10  # RFC 7873, 8
CLIENT = b"my cooky"
SECRET_FILE = "cookie-secret"
WORKERS = 3


# --- RFC 9018, written anew ---

def siphash24(key, data):
    mask = (1 << 64) - 1
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]

    def rotated(x, bits):
        return (x << bits | x >> (64 - bits)) & mask

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & mask
            v[1] = rotated(v[1], 13) ^ v[0]
            v[0] = rotated(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = rotated(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = rotated(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = rotated(v[1], 17) ^ v[2]
            v[2] = rotated(v[2], 32)

    data += bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for i in range(0, len(data), 8):
        word, = struct.unpack("<Q", data[i:i + 8])
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 255
    rounds(4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])


def make_cookie(secret, address, when):
    head = CLIENT + struct.pack("!BxxxI", 1, when)
    return head + siphash24(secret, head + socket.inet_aton(address))


def read_secret(folder):
    """(current, previous or None), as resolver/secret.h has the file."""
    with open(os.path.join(folder, SECRET_FILE), "rb") as f:
        magic, _, rolled, current, previous = struct.unpack("!8sq?16s16s", f.read())
    equal(magic, b"quell-c1", "magic")
    return current, previous if rolled else None


# --- questions ---

def cookie_query(name="a.test", cookie=CLIENT, **kwargs):
    q = query(name, **kwargs)
    q.use_edns(0, payload=1232, options=[dns.edns.GenericOption(COOKIE, cookie)])
    return q


def cookie_of(r):
    """The cookie in an answer; None: there is none."""
    found = [o.to_wire() for o in r.options if int(o.otype) == COOKIE]
    assert len(found) <= 1, "two cookies"
    if not found:
        return None
    equal(len(found[0]), 24, "bytes of the cookie")
    equal(found[0][:8], CLIENT, "client cookie")
    return found[0]


def get_cookie(daemon, cookie=CLIENT, **kwargs):
    return cookie_of(daemon.ask(cookie_query("ads.test", cookie), **kwargs))


def lone_query(cookie=CLIENT):
    """Without a question (RFC 7873, 5.4)."""
    option = struct.pack("!HH", COOKIE, len(cookie)) + cookie
    return struct.pack("!6H", 0x4321, 0x0100, 0, 0, 0, 1) + wire_opt(options=option)


def lone_rcode(daemon, cookie):
    """The RCODE of the answer to such a query: BADCOOKIE says that the cookie is not good."""
    r = dns.message.from_wire(daemon.ask_wire(lone_query(cookie)))
    equal((r.id, len(r.question), len(r.answer)), (0x4321, 0, 0), "ID, questions and answers")
    assert cookie_of(r), "no cookie"
    return int(r.rcode())


GOOD, BAD = 0, 23


@contextlib.contextmanager
def state_folder():
    with temporary_folder() as folder:
        os.chmod(folder, 0o777)  # started as root, the daemon is another user
        yield folder


def started(upstream, folder, conf="", **kwargs):
    return Quelld([upstream], ["ads.test\n"], conf='state_dir = "%s"\n' % folder + conf, **kwargs)


# --- cookies ---

@test
def test_answers():
    """Every kind of answer has a cookie where the query had one, over UDP and TCP; nothing goes upstream."""
    with FakeUpstream() as upstream, state_folder() as folder, started(upstream, folder) as daemon:
        current, previous = read_secret(folder)
        equal(previous, None, "previous secret")
        for name in ("a.test", "a.test", "ads.test", "b.test"):
            for tcp in (False, True):
                before = int(time.time())
                r = daemon.ask(cookie_query(name), tcp=tcp)
                cookie = cookie_of(r)
                assert cookie, "no cookie for " + name
                made, = struct.unpack("!I", cookie[12:16])
                assert before - 2 <= made <= time.time() + 2, "made at %d, not %d" % (made, before)
                equal(cookie, make_cookie(current, "127.0.0.1", made), "the cookie for " + name)
                equal(cookie_of(daemon.ask(cookie_query(name, cookie), tcp=tcp)), cookie, "a fresh one stays")
        equal(cookie_of(daemon.ask("a.test")), None, "cookie without asking for one")
        now = int(time.time())
        for age, good, kept in ((1700, True, True), (1900, True, False), (3500, True, False), (3700, False, False),
                                (-200, True, True), (-400, False, False)):
            sent = make_cookie(current, "127.0.0.1", now - age)
            equal(lone_rcode(daemon, sent), GOOD if good else BAD, "rcode at the age of %d s" % age)
            equal(get_cookie(daemon, sent) == sent, kept, "kept at the age of %d s" % age)
        equal(lone_rcode(daemon, make_cookie(current, "127.0.0.2", now)), BAD, "rcode for another address")
        for asked in upstream.asked():
            for option in asked.query.options:
                equal((int(option.otype), option.data[:8] == CLIENT), (COOKIE, False), "option sent upstream")


@test
def test_without_a_question():
    with FakeUpstream() as upstream, state_folder() as folder, started(upstream, folder) as daemon:
        equal(lone_rcode(daemon, CLIENT), GOOD, "rcode for a client cookie")
        equal(lone_rcode(daemon, CLIENT + b"x" * 16), BAD, "rcode for a wrong one")
        equal(lone_rcode(daemon, CLIENT + b"x" * 32), BAD, "rcode for that of another server")
        equal(lone_rcode(daemon, get_cookie(daemon)), GOOD, "rcode for a good one")
        wire = daemon.ask_wire(lone_query(), tcp=True)
        assert cookie_of(dns.message.from_wire(wire)), "no cookie over TCP"
        # Without the option there is nothing to answer.
        wire = daemon.ask_wire(struct.pack("!6H", 1, 0x0100, 0, 0, 0, 1) + wire_opt())
        equal(wire[3] & 15, 1, "rcode without a COOKIE option")
        equal(len(upstream.asked()), 0, "questions upstream")


@test
def test_malformed():
    with FakeUpstream() as upstream, state_folder() as folder, started(upstream, folder) as daemon:
        for size in range(0, 45):
            option = struct.pack("!HH", COOKIE, size) + b"y" * size
            wire = wire_query(b"\1a\4test\0", counts=(1, 0, 0, 1), rest=wire_opt(options=option))
            r = dns.message.from_wire(daemon.ask_wire(wire))
            valid = size == 8 or 16 <= size <= 40
            assert_rcode(r, "NOERROR" if valid else "FORMERR")
            equal(r.edns, 0, "EDNS version")
            equal(r.payload, 1232, "UDP size")


@test
def test_restart():
    """The secret is kept, and nobody else may read it; one that is a day old is rolled, and still good."""
    with FakeUpstream() as upstream, state_folder() as folder:
        path = os.path.join(folder, SECRET_FILE)
        with started(upstream, folder) as daemon:
            first = get_cookie(daemon)
            equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of the secret")
            kept = read_secret(folder)
        with started(upstream, folder) as daemon:
            equal(read_secret(folder), kept, "the secret")
            equal(lone_rcode(daemon, first), GOOD, "rcode for a cookie from before the restart")
            equal(get_cookie(daemon, first), first, "the cookie")
        with open(path, "r+b") as f:
            f.seek(8)
            f.write(struct.pack("!q", int(time.time()) - 86400))
        with started(upstream, folder) as daemon:
            current, previous = read_secret(folder)
            equal(previous, kept[0], "the previous secret")
            assert current != kept[0], "it is not rolled"
            equal(lone_rcode(daemon, first), GOOD, "rcode for a cookie of the secret before")
            second = get_cookie(daemon, first)
            assert second != first, "the cookie is not renewed"
            equal(lone_rcode(daemon, second), GOOD, "rcode for the new one")
            equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of the secret")
            equal([name for name in os.listdir(folder) if not name.startswith("cache-")], [SECRET_FILE], "files")
        os.unlink(path)
        with started(upstream, folder) as daemon:
            equal(lone_rcode(daemon, second), BAD, "rcode for a cookie of a secret that is lost")


@test
def test_workers():
    """One secret for all, and for a worker that takes the place of one that died."""
    with FakeUpstream() as upstream, state_folder() as folder, \
            started(upstream, folder, args=["--workers", str(WORKERS)]) as daemon:
        current, _ = read_secret(folder)

        def check():
            # Which worker answers is by the sender's port.
            for _ in range(8 * WORKERS):
                cookie = get_cookie(daemon)
                made, = struct.unpack("!I", cookie[12:16])
                equal(cookie, make_cookie(current, "127.0.0.1", made), "cookie")
                equal(lone_rcode(daemon, cookie), GOOD, "rcode")

        check()
        since = len(daemon.log.all())
        os.kill(daemon.children()[0], 9)
        daemon.log.wait("^info worker-started ", since)
        check()


@test
def test_unwritable():
    """Where the secret cannot be kept there are cookies all the same."""
    with FakeUpstream() as upstream:
        with Quelld([upstream], conf='state_dir = "/nowhere/at/all"\nrules = "/nowhere/rules"\n') as daemon:
            daemon.log.wait("^warning cookies the secret is only in memory")
            equal(lone_rcode(daemon, get_cookie(daemon)), GOOD, "rcode")


# --- clients that are not this machine ---

ROUTER, GUEST, QUELL = "192.168.53.2", "192.168.77.2", "192.168.53.1"
STRANGER, ROBBER = "198.51.100.2", "203.0.113.2"


@contextlib.contextmanager
def house(conf):
    """A daemon at QUELL, in a namespace that has all the addresses above."""
    namespace = Namespace()
    try:
        for address in (ROUTER, GUEST, QUELL, STRANGER, ROBBER):
            namespace.ip("addr add %s/32 dev lo" % address)
        with state_folder() as folder, namespace:
            with FakeUpstream() as upstream, started(
                    upstream, folder, conf, listen=(QUELL, "127.0.0.1"), namespace=namespace) as daemon:
                yield daemon
    finally:
        namespace.close()


def sent_from(daemon, source, wires, host=QUELL):
    """Send the packets, and then one that is surely answered: the answers to the others."""
    with daemon.udp_socket(host, (source, 0)) as s:
        for wire in wires:
            s.send(wire)
        with daemon.udp_socket("127.0.0.1") as end:
            # The worker reads both sockets in turn: twice around, and all of the first is answered.
            for _ in range(3):
                end.send(to_wire(query("ads.test")))
                end.recv(4096)
        s.setblocking(False)
        answers = []
        with contextlib.suppress(BlockingIOError):
            while True:
                answers.append(s.recv(4096))
        return answers


@test
def test_access():
    conf = ('allow = {"192.168.0.0/16"}\nrefuse = {"192.168.77.0/24"}\n'
            'drop = {"203.0.113.0/24"}\n')
    with house(conf) as daemon:
        daemon.ask("a.test")
        wire = to_wire(query("a.test"))
        rcodes = {source: [answer[3] & 15 for answer in sent_from(daemon, source, [wire])]
                  for source in (ROUTER, GUEST, STRANGER, ROBBER)}
        equal(rcodes, {ROUTER: [0], GUEST: [5], STRANGER: [5], ROBBER: []}, "rcodes")
        # Whatever it sends.
        malformed = struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0)
        status = struct.pack("!6H", 1, 0x1000, 0, 0, 0, 0)
        equal(sent_from(daemon, ROBBER, [malformed, status, lone_query()]), [], "answers")
        equal(len(sent_from(daemon, STRANGER, [malformed, status, lone_query()])), 3, "answers")
        # Nobody has more sent to somebody else than they send.
        for wire in (to_wire(query("a.test")), to_wire(cookie_query()), lone_query(), malformed, status,
                     to_wire(query("a.test", edns=False))):
            for answer in sent_from(daemon, STRANGER, [wire]):
                assert len(answer) <= len(wire), "%d bytes for %d" % (len(answer), len(wire))
        equal(daemon.stats()["client_dropped"], 4, "client_dropped")


@test
def test_rate():
    """Over the limit some are sent to TCP; who has a cookie, or is this machine, has no limit."""
    one_worker()
    with house("rate_limit = 20\nrate_limit_network = 1000\nrate_slip = 4\n") as daemon:
        daemon.ask("a.test")
        wires = [to_wire(cookie_query(id=i)) for i in range(60)]
        answers = sent_from(daemon, ROUTER, wires)
        whole = [a for a in answers if not a[2] & 2]
        slipped = [a for a in answers if a[2] & 2]
        # A slow machine takes longer than an instant for all of them, and there is room for some more.
        assert 20 <= len(whole) <= 50, "%d whole answers" % len(whole)
        equal(len(slipped), (60 - len(whole)) // 4, "answers that send to TCP")
        for wire in slipped:
            r = dns.message.from_wire(wire)
            equal((r.rcode(), len(r.answer), r.question[0].name.to_text()), (0, 0, "a.test."), "what is slipped")
        stats = daemon.stats()
        equal((stats["rate_slipped"], stats["rate_limited"]), (len(slipped), 60 - len(answers)), "counters")
        daemon.log.wait("^warning rate-limit %s/32 asks more than 20 times a second .*: soon" % re.escape(ROUTER))
        daemon.log.wait("^warning rate-limit %s/32 asks more than 20 times a second .*: some" % re.escape(ROUTER))
        cookie = cookie_of(dns.message.from_wire(answers[-1]))
        wires = [to_wire(cookie_query(cookie=cookie, id=i)) for i in range(60)]
        equal(len(sent_from(daemon, ROUTER, wires)), 60, "answers to a good cookie")
        wires = [to_wire(query("a.test", id=i)) for i in range(60)]
        equal(len(sent_from(daemon, "127.0.0.1", wires, "127.0.0.1")), 60, "answers to this machine")
        with daemon.namespace, socket.create_connection((QUELL, daemon.port), source_address=(ROUTER, 0)) as s:
            for i in range(60):
                wire = to_wire(query("a.test", id=i))
                s.sendall(struct.pack("!H", len(wire)) + wire)
                size, = struct.unpack("!H", s.recv(2, socket.MSG_WAITALL))
                q = dns.message.from_wire(wire)
                assert not check_answer(q, s.recv(size, socket.MSG_WAITALL)).flags & dns.flags.TC, "TC over TCP"


if __name__ == "__main__":
    main()
