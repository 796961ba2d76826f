#!/usr/bin/python3
"""Groups that upstreams fall back on, proxies that they are asked through, and what they are told of clients."""

import contextlib
import re
import socket
import struct
import threading

import dns.edns
import dns.message

from harness import (
    FakeUpstream, Quelld, address_of, addresses, assert_rcode, ede, equal, main, one_worker, read_exactly, reply_to,
    test, usual_reply, wait_until)

FAR = "127.0.0.77:5300"  # nobody is there: only a proxy leads there


def silent(ask):
    return None


def asked_by_why(daemon, name):
    """What quellctl why says of who is asked; None: nothing."""
    status, text = daemon.ctl("why", name)
    equal(status, 0, text)
    said = re.search("^asked +(.*)$", text, re.MULTILINE)
    return said and said.group(1)


@test
def test_fallback():
    """A group is asked where none of the upstreams answers, and left with the first good reply of one of them"""
    one_worker()
    answering = threading.Event()

    def near(ask):
        return usual_reply(ask) if answering.is_set() else None

    with FakeUpstream(near) as upstream, FakeUpstream() as other:
        conf = 'group others {\n upstream = {"%s"}\n}\nfallback = others\n' % other.address
        with Quelld([upstream], conf=conf) as daemon:
            for i in range(3):
                name = "a%d.test." % i
                equal(addresses(daemon.ask(name)), [address_of(name)])
                equal(len(other.asked(name)), 1, "questions for the group")
            assert daemon.stats()["fallbacks"] >= 3
            daemon.log.wait("^warning fallback no upstream answers of those before it: %s is asked" % other.address)
            equal(asked_by_why(daemon, "a0.test"), "group others, for no upstream answers")
            # Each question probes it at most once a second; with the first reply it is back.
            answering.set()
            for i in range(100):
                daemon.ask("b%d.test." % i)
                before = len(other.asked())
                name = "c%d.test." % i
                equal(addresses(daemon.ask(name)), [address_of(name)])
                if len(other.asked()) == before:
                    break
                threading.Event().wait(0.1)
            equal(len(other.asked(name)), 0, "questions for the group")
            equal(asked_by_why(daemon, "a0.test"), None)
            # Who says no has answered.
            upstream.handler = lambda ask: reply_to(ask.query, rcode=2)
            assert_rcode(daemon.ask("d.test."), "SERVFAIL")
            equal(len(other.asked("d.test.")), 0, "questions for the group")


@test
def test_why():
    """quellctl why says who is asked for the names of a zone"""
    one_worker()
    with FakeUpstream() as upstream, FakeUpstream(silent) as lan, FakeUpstream() as other:
        conf = ('group others {\n upstream = {"%s"}\n}\nforward lan {\n upstream = {"%s"}\n fallback = others\n}\n'
                'forward 192.168.0.0/16 {\n upstream = {"%s"}\n}\n' % (other.address, lan.address, other.address))
        with Quelld([upstream], ["ads.lan\n"], conf=conf) as daemon:
            equal(asked_by_why(daemon, "nas.lan"), "upstreams of lan")
            equal(asked_by_why(daemon, "1.1.168.192.in-addr.arpa"), "upstreams of 192.168.0.0/16")
            equal(asked_by_why(daemon, "www.test"), None)
            equal(asked_by_why(daemon, "ads.lan"), None)
            for i in range(2):
                equal(addresses(daemon.ask("nas%d.lan." % i)), [address_of("nas%d.lan." % i)])
            equal(asked_by_why(daemon, "nas.lan"), "group others, for no upstream of lan answers")


@test
def test_fallback_mistakes():
    """A group that is not there, or that leads back to itself, is told of with its line"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        for text, said in (('\nfallback = nobody\n', "quell.conf:2: fallback: there is no group \"nobody\" above"),
                           ('group a {\n upstream = 9.9.9.9\n fallback = a\n}\n', "quell.conf:3: fallback: there is no group"),
                           ('group a {\n upstream = 9.9.9.9\n fallback = b\n}\ngroup b {\n upstream = 9.9.9.8\n fallback = a\n}\n',
                            "quell.conf:3: fallback: there is no group")):
            daemon.write_conf(text)
            line = daemon.reload()
            assert line.startswith("error reload-failed") and said in line, line


class Proxy:
    """A SOCKS 5 proxy, by RFC 1928: whatever it is asked for, it connects to `upstream`.

    behaviour: "good", "split" (a byte at a time), "refuse", "stall", "garbage", "close" or "cut" (in the middle of its
    reply); login: (user, password) that it wants."""

    def __init__(self, upstream, behaviour="good", login=None):
        self.upstream, self.behaviour, self.login = upstream, behaviour, login
        self.asked = []  # (address, port) of each connection
        self.errors = []
        self.changed = threading.Condition()
        self.sockets = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for s in [self.listening] + self.sockets:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()
        if exc[0] is None and self.errors:
            raise AssertionError("in the proxy: " + "\n".join(self.errors))

    def _accept(self):
        while True:
            try:
                client = self.listening.accept()[0]
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _say(self, client, text):
        for piece in [text[i:i + 1] for i in range(len(text))] if self.behaviour == "split" else [text]:
            client.sendall(piece)

    def _expect(self, client, text):
        got = read_exactly(client, len(text))
        if got != text:
            self.errors.append("got %r, not %r" % (got, text))

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            self._expect(client, b"\5\1" + (b"\2" if self.login else b"\0"))
            self._say(client, b"\5" + (b"\2" if self.login else b"\0"))
            if self.login:
                user, password = (word.encode() for word in self.login)
                self._expect(client, b"\1" + bytes([len(user)]) + user + bytes([len(password)]) + password)
                self._say(client, b"\1\0")
            head = read_exactly(client, 4)
            host = read_exactly(client, 4 if head[3] == 1 else 16)
            port = struct.unpack("!H", read_exactly(client, 2))[0]
            family = socket.AF_INET if head[3] == 1 else socket.AF_INET6
            if head[:3] != b"\5\1\0":
                self.errors.append("asked %r" % head)
            with self.changed:
                self.asked.append((socket.inet_ntop(family, host), port))
                self.changed.notify_all()
            self._connect(client)

    def _connect(self, client):
        if self.behaviour == "refuse":
            client.sendall(b"\5\5\0\1\0\0\0\0\0\0")
        elif self.behaviour == "garbage":
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        elif self.behaviour == "cut":
            client.sendall(b"\5\0\0\1\0")
        elif self.behaviour == "stall":
            client.recv(1)
        elif self.behaviour in ("good", "split"):
            self._relay(client)

    def _relay(self, client):
        with socket.create_connection((self.upstream.host, self.upstream.port)) as server:
            self.sockets.append(server)
            self._say(client, b"\5\0\0\3\4name\0\65")

            def copy(source, to):
                with contextlib.suppress(OSError):
                    while True:
                        data = source.recv(65536)
                        if not data:
                            break
                        self._say(to, data)
                    to.shutdown(socket.SHUT_WR)

            back = threading.Thread(target=copy, args=(server, client), daemon=True)
            back.start()
            copy(client, server)
            back.join()


def by(proxy, login=""):
    return 'proxy = "socks5://%s%s"\n' % (login, proxy.address)


@test
def test_proxy():
    """An upstream behind a proxy is asked over TCP, by its address, with the login that is configured"""
    for behaviour in ("good", "split"):
        with FakeUpstream() as upstream, Proxy(upstream, behaviour, ("quell", "secret")) as proxy, \
                Quelld([FAR], conf=by(proxy, "quell:secret@")) as daemon:
            for i in range(5):
                name = "a%d.test." % i
                equal(addresses(daemon.ask(name)), [address_of(name)])
            equal({a.transport for a in upstream.asked()}, {"tcp"})
            equal(set(proxy.asked), {("127.0.0.77", 5300)})
            assert len(proxy.asked) < 5, "each question had a connection of its own"
            stats = daemon.stats()
            equal((stats["proxy_opened"], stats["proxy_failed"], stats["tries_udp"]), (len(proxy.asked), 0, 0))
            # Many at once, and after the upstream has closed the connection.
            queries = [dns.message.make_query("m%d.test." % i, "A", use_edns=0, id=i) for i in range(200)]
            equal(len(daemon.ask_many(queries)), 200)


@test
def test_bad_proxies():
    """A proxy that refuses, stalls, cuts or talks nonsense: SERVFAIL, the log says why, and it is used again when it is well"""
    for behaviour, said in (("refuse", "the upstream refuses the connection"), ("garbage", "it does not speak SOCKS 5"),
                            ("close", "it has closed the connection"), ("cut", "it has closed the connection"),
                            ("stall", "given up after [0-9]+ ms")):
        with FakeUpstream() as upstream, Proxy(upstream, behaviour) as proxy, \
                Quelld([FAR], conf=by(proxy) + "query_timeout = 1s\n") as daemon:
            r = daemon.ask("a.test.")
            assert_rcode(r, "SERVFAIL")
            equal([code for code, _ in ede(r)], [22])
            daemon.log.wait("^warning proxy %s does not connect to the upstream %s: %s" % (proxy.address, FAR, said))
            assert 1 <= len(proxy.asked) <= 3, "tries: %d" % len(proxy.asked)
            assert daemon.stats()["proxy_failed"] >= 1
            proxy.behaviour = "good"
            equal(addresses(daemon.ask("b.test.")), [address_of("b.test.")])
            equal(upstream.asked("a.test."), [])


@test
def test_proxy_changes():
    """With a reload upstreams are asked by the new way, and what was connected by the old one is not used"""
    with FakeUpstream() as upstream, Proxy(upstream) as proxy, Quelld([upstream], conf=by(proxy)) as daemon:
        daemon.ask("a.test.")
        equal([a.transport for a in upstream.asked("a.test.")], ["tcp"])
        daemon.write_conf("")
        assert daemon.reload().startswith("notice reloaded ")
        daemon.ask("b.test.")
        equal([a.transport for a in upstream.asked("b.test.")], ["udp"])
        n = len(proxy.asked)
        daemon.write_conf(by(proxy))
        assert daemon.reload().startswith("notice reloaded ")
        daemon.ask("c.test.")
        equal([a.transport for a in upstream.asked("c.test.")], ["tcp"])
        wait_until(proxy.changed, lambda: len(proxy.asked) == n + 1, "a new connection by the proxy")


def subnets(message):
    return [(option.address, option.srclen) for option in message.options if isinstance(option, dns.edns.ECSOption)]


@test
def test_client_subnet():
    """What a client says of its network is never passed on; what is configured is sent, and no client hears of it"""
    one_worker()
    def says_it(ask):
        r = usual_reply(ask)
        r.use_edns(0, options=[o for o in ask.query.options if isinstance(o, dns.edns.ECSOption)]
                   or [dns.edns.ECSOption("203.0.113.0", 24, 24)])
        return r

    with FakeUpstream(says_it) as upstream, Quelld([upstream]) as daemon:
        for conf, want in (("", []), ("client_subnet = 198.51.100.0/24\n", [("198.51.100.0", 24)]),
                           ("client_subnet = '2001:db8:1:200::/56'\n", [("2001:db8:1:200::", 56)])):
            daemon.write_conf(conf)
            assert daemon.reload().startswith("notice reloaded ")
            q = dns.message.make_query("a.test.", "A", use_edns=0, options=[dns.edns.ECSOption("203.0.113.0", 24)])
            for tcp in (False, True):
                r = daemon.ask(q, tcp=tcp)
                equal(addresses(r), [address_of("a.test.")])
                equal(subnets(r), [], "client subnet in the answer")
            equal(subnets(upstream.asked("a.test.")[-1].query), want, "client subnet upstream")
        # Forgotten with each change, and asked once for both.
        equal(len(upstream.asked("a.test.")), 3)


if __name__ == "__main__":
    main()
