"""SIGHUP: other lists and another configuration are taken over without losing a query; bad ones are not."""

import os
import re
import signal
import socket
import struct
import threading
import time

import dns.rcode

from harness import (
    FakeUpstream, Quelld, address_of, addresses, assert_asked, assert_blocked, bind_pair, check_answer,
    equal, free_port, main, query, reply_to, test, to_wire)


def assert_free(daemon, name):
    equal(addresses(daemon.ask(name)), [address_of(name)], "address of " + name)


def reloaded(daemon):
    line = daemon.reload()
    assert line.startswith("notice reloaded "), line + "\n" + "\n".join(daemon.log.all())


def reload_failed(daemon, *words):
    line = daemon.reload()
    assert line.startswith("error reload-failed "), line
    for word in words:
        assert word in line, "%r is not in: %s" % (word, line)
    return line


@test
def test_lists_are_swapped():
    """SIGHUP takes other lists over: what they say counts at once, for cached answers too"""
    with FakeUpstream() as upstream, Quelld([upstream], ["one.test\ncached.test\n"]) as daemon:
        assert_blocked(daemon.ask("one.test."))
        assert_free(daemon, "two.test.")
        daemon.write("list0.txt", "0.0.0.0 two.test\n")
        reloaded(daemon)
        assert_free(daemon, "one.test.")
        assert_blocked(daemon.ask("two.test."))
        assert_free(daemon, "www.two.test.")
        daemon.write("list0.txt", "one.test\n")
        reloaded(daemon)
        assert_blocked(daemon.ask("one.test."))
        assert_free(daemon, "two.test.")
        assert_asked(daemon, upstream, 1, "two.test")


@test
def test_targets_are_judged_anew():
    """A cached answer is judged anew by each new list, with no packet upstream"""
    def handler(ask):
        return reply_to(ask.query, ask.name + " 300 IN CNAME target.test.", "target.test. 300 IN A 192.0.2.1")

    with FakeUpstream(handler) as upstream, Quelld([upstream], ["other.test\n"]) as daemon:
        equal(addresses(daemon.ask("alias.example.")), ["192.0.2.1"], "address")
        for _ in range(3):
            daemon.write("list0.txt", "target.test\n")
            reloaded(daemon)
            assert_blocked(daemon.ask("alias.example."))
            daemon.write("list0.txt", "other.test\n")
            reloaded(daemon)
            equal(addresses(daemon.ask("alias.example.")), ["192.0.2.1"], "address")
        assert_asked(daemon, upstream, 1)


@test
def test_bad_lists():
    """A list that is none leaves the old ones in force, and the log names the file and the line"""
    with FakeUpstream() as upstream, Quelld([upstream], ["one.test\n", "two.test\n"]) as daemon:
        for bad in ("<!DOCTYPE html>\n<html><body>404</body></html>\n", "!!! ???\n%%% &&&\n", b"\x1f\x8b\x08\0junk" * 50):
            daemon.write("list1.txt", bad)
            reload_failed(daemon, "list1.txt")
            assert_blocked(daemon.ask("one.test."))
            assert_blocked(daemon.ask("two.test."))
            assert_free(daemon, "three.test.")
        os.remove(daemon.lists[1])
        reload_failed(daemon, "list1.txt", os.strerror(2))
        assert_blocked(daemon.ask("two.test."))
        daemon.write("list1.txt", "three.test\n")
        reloaded(daemon)
        assert_blocked(daemon.ask("three.test."))
        assert_free(daemon, "two.test.")
        assert_asked(daemon, upstream, 1, "three.test")


@test
def test_line_of_a_bad_list():
    """Where no line of a list is understood, the log says which one comes first"""
    with FakeUpstream() as upstream, Quelld([upstream], ["one.test\n"]) as daemon:
        daemon.write("list0.txt", "# a comment\n\nnot a rule at all\n")
        line = reload_failed(daemon)
        assert re.search(r"list0\.txt:(\sline\s)?3\b", line), line
        assert_blocked(daemon.ask("one.test."))
        del upstream


CONF = """listen = {%s}
upstream = {"%s"}
%s
"""


def conf_text(ports, upstream, more=""):
    return CONF % (", ".join('"127.0.0.1:%s"' % p for p in ports), upstream.address, more)


@test
def test_bad_configuration():
    """A configuration with a mistake leaves the old one in force, and the log says where it is"""
    with FakeUpstream() as upstream:
        good = conf_text(["@PORT@"], upstream)
        with Quelld(None, ["one.test\n"], listen=None, conf=good) as daemon:
            for line, bad in ((4, good + "nonsense = 1\n"), (4, good + 'cache_max_ttl = "soon"\n'),
                              (3, conf_text(["@PORT@"], upstream, "cache_size = 1")),
                              (1, 'listen = {"127.0.0.1:99999"}\n'), (2, "\nlisten = {\"nowhere\"}\n"),
                              (2, 'log_queries = no\nupstream = {"0.0.0.0:53"}\n')):
                daemon.write_conf(bad)
                reload_failed(daemon, "%s:%d" % (daemon.conf, line))
                assert_free(daemon, "two.test.")
                assert_blocked(daemon.ask("one.test."))
            os.remove(daemon.conf)
            reload_failed(daemon, daemon.conf)
            assert_free(daemon, "two.test.")
            daemon.write_conf(good)
            reloaded(daemon)
            assert_free(daemon, "two.test.")
            assert_asked(daemon, upstream, 1, "two.test")


def ask_port(daemon, port, name, tcp):
    old, daemon.port = daemon.port, port
    try:
        return daemon.ask(name, tcp=tcp)
    finally:
        daemon.port = old


def refuses(port):
    """Does nobody listen on this port any more?"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(15)
        s.connect(("127.0.0.1", port))
        s.send(to_wire(query("x.test.")))
        try:
            s.recv(65535)
            return False
        except ConnectionRefusedError:
            pass
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        return s.connect_ex(("127.0.0.1", port)) != 0


@test
def test_listen_addresses():
    """Listening addresses are added and removed; those that stay are not touched"""
    with FakeUpstream() as upstream:
        with Quelld(None, ["one.test\n"], listen=None, conf=conf_text(["@PORT@"], upstream)) as daemon:
            other = free_port()
            with daemon.tcp_socket() as kept:
                daemon.write_conf(conf_text(["@PORT@", other], upstream))
                reloaded(daemon)
                for port in (daemon.port, other):
                    for tcp in (False, True):
                        assert_blocked(ask_port(daemon, port, "one.test.", tcp))
                # The connection of before is still served.
                q = query("two.test.")
                kept.sendall(struct.pack("!H", len(to_wire(q))) + to_wire(q))
                check_answer(q, kept.recv(65535)[2:])
            daemon.write_conf(conf_text([other], upstream))
            reloaded(daemon)
            for tcp in (False, True):
                assert_blocked(ask_port(daemon, other, "one.test.", tcp))
            assert refuses(daemon.port), "the old port is still open"
            daemon.write_conf(conf_text(["@PORT@"], upstream))
            reloaded(daemon)
            assert_blocked(daemon.ask("one.test."))
            assert refuses(other), "the other port is still open"


@test
def test_listen_address_that_is_taken():
    """A new address that somebody else holds fails the reload as a whole, and the log says who"""
    udp, tcp = bind_pair("127.0.0.1")
    taken = udp.getsockname()[1]
    with udp, tcp, FakeUpstream() as one, FakeUpstream() as other:
        with Quelld(None, ["one.test\n"], listen=None, conf=conf_text(["@PORT@"], one)) as daemon:
            daemon.write_conf(conf_text([taken, "@PORT@"], other))
            daemon.write("list0.txt", "two.test\n")
            reload_failed(daemon, "127.0.0.1:%d" % taken)
            assert_blocked(daemon.ask("one.test."))
            assert_free(daemon, "two.test.")
            equal((len(one.asked()), len(other.asked())), (1, 0), "packets to the old and the new upstream")


@test
def test_upstream_changes():
    """A new upstream is asked from then on; what was asked of the old one is still answered"""
    release = threading.Event()

    def held(ask):
        release.wait()
        return reply_to(ask.query, ask.name + " 300 IN A 192.0.2.1")

    def new(ask):
        return reply_to(ask.query, ask.name + " 300 IN A 192.0.2.2")

    more = "query_timeout = 30s\n"
    with FakeUpstream(held) as one, FakeUpstream(new) as other:
        with Quelld(None, listen=None, conf=conf_text(["@PORT@"], one, more)) as daemon, daemon.udp_socket() as s:
            q = query("held.example.")
            s.send(to_wire(q))
            one.wait_asked("held.example")
            daemon.write_conf(conf_text(["@PORT@"], other, more))
            reloaded(daemon)
            equal(addresses(daemon.ask("new.example.")), ["192.0.2.2"], "address from the new upstream")
            release.set()
            r = check_answer(q, s.recv(65535))
            equal(r.rcode(), 0, "rcode of what was in flight")
            assert addresses(r) in (["192.0.2.1"], ["192.0.2.2"])
            equal(one.asked("new.example"), [], "packets to the old upstream")
            equal(addresses(daemon.ask("again.example.")), ["192.0.2.2"], "address")


class Load(threading.Thread):
    """Asks 500 questions a second over one socket: listed, cached and fresh ones in turn."""

    RATE = 500

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.socket = daemon.udp_socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.stopping = threading.Event()
        self.sent = 0
        self.answers = {}
        self.receiver = threading.Thread(target=self.receive, daemon=True)

    def run(self):
        names = ["one.test.", "cached.example.", None]
        next_at = time.monotonic()
        while not self.stopping.is_set():
            name = names[self.sent % 3] or "n%d.example." % self.sent
            self.socket.send(to_wire(query(name, id=self.sent & 0xffff, edns=False)))
            self.sent += 1
            next_at += 1 / self.RATE
            self.stopping.wait(max(0, next_at - time.monotonic()))

    def receive(self):
        while True:
            try:
                wire = self.socket.recv(65535)
            except OSError:
                return
            id, flags = struct.unpack("!HH", wire[:4])
            self.answers[id] = flags & 15

    def __enter__(self):
        self.start()
        self.receiver.start()
        return self

    def __exit__(self, *exc):
        self.stopping.set()
        self.join()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def finish(self):
        """Stop; the numbers of questions without an answer.  One asked last is not answered before the
        others, so that it shows when there is nothing more to wait for."""
        self.stopping.set()
        self.join()
        end = time.monotonic() + 15
        while len(self.answers) < self.sent and time.monotonic() < end:
            time.sleep(0.01)
        return [i for i in range(self.sent) if i not in self.answers]


@test
def test_under_load():
    """At 500 questions a second no reload loses one, and each is answered by the old or the new lists"""
    bulk = "".join("n%d.bulk.test\n" % i for i in range(50000))
    with FakeUpstream() as upstream, Quelld([upstream], ["one.test\n"]) as daemon:
        daemon.ask("cached.example.")
        with Load(daemon) as load:
            for i in range(6):
                daemon.write("list0.txt", "one.test\n" + (bulk if i % 2 == 0 else ""))
                reloaded(daemon)
            # and a bad one in between
            daemon.write("list0.txt", "<html>\n")
            reload_failed(daemon)
            while load.sent < 1500:
                load.stopping.wait(0.01)
            equal(load.finish(), [], "questions lost of %d" % load.sent)
            wrong = [i for i in range(load.sent) if load.answers[i] != (2 if i % 3 == 0 else 0)]
            equal(wrong, [], "questions with a wrong answer")
        del upstream


@test
def test_reload_storm():
    """Many SIGHUPs at once end in the last state"""
    with FakeUpstream() as upstream, Quelld([upstream], ["one.test\n"]) as daemon:
        for i in range(100):
            daemon.write("list0.txt", "n%d.test\n" % i)
            daemon.signal(signal.SIGHUP)
        daemon.write("list0.txt", "last.test\n")
        daemon.signal(signal.SIGHUP)
        # The log says so much of it only once in a while; the answers tell when it is over.
        while daemon.ask("last.test.").rcode() != dns.rcode.SERVFAIL:
            pass
        assert_free(daemon, "n99.test.")
        del upstream


if __name__ == "__main__":
    main()
