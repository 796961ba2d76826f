"""Rules of the user's own: quellctl allow, block, unset, pause, and the file they are kept in."""

import os
import re
import signal
import socket
import threading
import time

import dns.rcode

from harness import (
    SLOW, FakeUpstream, Quelld, address_of, addresses, assert_blocked, ede, equal, main, plain_query,
    reply_to, temporary_folder, test, wait_until)


def assert_free(daemon, name):
    equal(addresses(daemon.ask(name)), [address_of(name)], "address of " + name)


def ctl(daemon, *words, status=0):
    """Run quellctl; its lines."""
    got, text = daemon.ctl(*words)
    equal(got, status, "exit status of quellctl %s: %s" % (" ".join(words), text))
    return [re.sub(" +", " ", line, count=1) for line in text.splitlines()]


def restart(daemon, upstream):
    """End it and start it anew in the same folder."""
    daemon.signal(signal.SIGTERM)
    equal(daemon.wait(), 0, "exit status")
    daemon.check_log()
    daemon._start(("127.0.0.1",), [upstream], daemon.more)
    daemon.log.wait("^notice ready ", seconds=daemon.patience)


def started(upstream, lists, args=(), **more):
    daemon = Quelld([upstream], lists, args=args, **more)
    daemon.more = args
    return daemon


def reloaded(daemon):
    line = daemon.reload()
    assert line.startswith("notice reloaded "), line + "\n" + "\n".join(daemon.log.all())


def rules_of(daemon):
    with open(os.path.join(daemon.dir, "rules")) as f:
        return [line.rstrip("\n") for line in f if not line.startswith("#")]


@test
def test_allow_and_block():
    """Allow and block hold at once, for what is below too, and over restart, reload and other lists"""
    with FakeUpstream() as upstream, started(upstream, ["ads.test\n"], ("--workers", "2")) as daemon:
        assert_blocked(daemon.ask("www.ads.test."))
        assert_free(daemon, "shop.test.")
        equal(ctl(daemon, "allow", "www.ads.test", "--comment", "the telly needs it"),
              ["rule allow www.ads.test # the telly needs it"])
        equal(ctl(daemon, "block", "=shop.test"), ["rule block =shop.test"])

        def check():
            for _ in range(8):  # of both workers
                assert_free(daemon, "www.ads.test.")
                assert_free(daemon, "a.www.ads.test.")
                assert_blocked(daemon.ask("ads.test."))
                assert_free(daemon, "a.shop.test.")
                r = daemon.ask("shop.test.", "HTTPS")
                assert_blocked(r)
                equal(ede(r), [(15, "blocked by a rule of this network: =shop.test")], "EDE")

        check()
        reloaded(daemon)
        check()
        daemon.write("list0.txt", "ads.test\na.www.ads.test\nother.test\n")
        reloaded(daemon)
        check()
        restart(daemon, upstream)
        check()
        equal(ctl(daemon, "rules"), ["blocking on", "rule allow www.ads.test # the telly needs it",
                                     "rule block =shop.test"])
        equal(ctl(daemon, "unset", "www.ads.test"), ["unset www.ads.test"])
        assert_blocked(daemon.ask("www.ads.test."))
        restart(daemon, upstream)
        assert_blocked(daemon.ask("www.ads.test."))
        assert_blocked(daemon.ask("shop.test."))
        line, = ctl(daemon, "unset", "www.ads.test", status=1)
        assert "no rule for www.ads.test" in line, line


@test
def test_replaced_worker():
    """A worker that is replaced knows rules and pause"""
    with FakeUpstream() as upstream, started(upstream, ["ads.test\n"]) as daemon:
        ctl(daemon, "block", "shop.test")

        def replace():
            since = len(daemon.log.all())
            os.kill(daemon.children()[0], signal.SIGKILL)
            daemon.log.wait("worker-started", since)

        replace()
        assert_blocked(daemon.ask("shop.test."))
        ctl(daemon, "pause")
        replace()
        assert_free(daemon, "shop.test.")
        assert_free(daemon, "ads.test.")


@test
def test_cached_answer():
    """What is in the cache is judged by a new rule at once, with no packet upstream"""
    def handler(ask):
        return reply_to(ask.query, ask.name + " 300 IN CNAME cdn.test.", "cdn.test. 300 IN A 192.0.2.1")

    with FakeUpstream(handler) as upstream, started(upstream, ["ads.test\n"]) as daemon:
        equal(addresses(daemon.ask("www.test.")), ["192.0.2.1"], "address")
        ctl(daemon, "block", "cdn.test")
        r = daemon.ask("www.test.")
        assert_blocked(r)
        equal(ede(r), [(15, "leads to cdn.test, blocked by a rule of this network: cdn.test")], "EDE")
        ctl(daemon, "allow", "www.test")
        equal(addresses(daemon.ask("www.test.")), ["192.0.2.1"], "address")
        ctl(daemon, "unset", "www.test")
        assert_blocked(daemon.ask("www.test."))
        equal(len(upstream.asked("www.test")), 1, "packets upstream")
        equal(daemon.stats()["blocked_own"], 2, "blocked_own")


@test
def test_by_hand():
    """The file may be edited: a reload reads it, mistakes are named, and nothing in it is lost"""
    text = "# my rules\n\nallow www.ads.test   # telly\nblcok x.test\nblock shop.test\n"
    with FakeUpstream() as upstream, started(upstream, ["ads.test\n"]) as daemon:
        path = daemon.write("rules", text)
        reloaded(daemon)
        assert_free(daemon, "www.ads.test.")
        assert_blocked(daemon.ask("shop.test."))
        daemon.log.wait(r"^warning rules .*/rules:4: 'blcok' is not known")
        assert any("reason %s:4: " % path in line for line in ctl(daemon, "status", status=1))
        ctl(daemon, "block", "more.test")
        with open(path) as f:
            equal(f.read(), text + "block more.test\n", "the file")
        # Edited, and no reload: the next change takes it along.
        daemon.write("rules", text.replace("blcok", "block"))
        ctl(daemon, "block", "more.test")
        assert_blocked(daemon.ask("x.test."))
        os.remove(path)
        reloaded(daemon)
        assert_blocked(daemon.ask("www.ads.test."))
        assert_free(daemon, "shop.test.")
        equal(ctl(daemon, "status")[0], "state well")


@test
def test_read_only_folder():
    """Where the file cannot be written, a rule holds until the end, and quellctl says so"""
    with FakeUpstream() as upstream, started(upstream, ["ads.test\n"]) as daemon:
        daemon.write("rules", "allow www.ads.test\n")
        reloaded(daemon)
        os.chmod(daemon.dir, 0o555)
        try:
            lines = ctl(daemon, "block", "shop.test")
            equal(lines[0], "rule block shop.test")
            assert "rules.new: Permission denied" in lines[1] and "holds until quelld ends" in lines[1], lines
            assert_blocked(daemon.ask("shop.test."))
            ctl(daemon, "unset", "www.ads.test")
            assert_blocked(daemon.ask("www.ads.test."))
            reloaded(daemon)
            assert_blocked(daemon.ask("shop.test."))
            assert_blocked(daemon.ask("www.ads.test."))
            ctl(daemon, "status", status=1)
            equal(rules_of(daemon), ["allow www.ads.test"], "the file")
        finally:
            os.chmod(daemon.dir, 0o777)
        restart(daemon, upstream)
        assert_free(daemon, "shop.test.")
        assert_free(daemon, "www.ads.test.")


def await_blocked(daemon, name):
    """Ask until it is blocked."""
    for _ in range(1000 * SLOW):
        if daemon.ask(name).rcode() == dns.rcode.SERVFAIL:
            return
        time.sleep(0.02)
    raise AssertionError(name + " is never blocked")


@test
def test_expiry():
    """A rule ends by itself, and goes from the file; a restart does not prolong it"""
    with FakeUpstream() as upstream, started(upstream, ["ads.test\n"]) as daemon:
        line, = ctl(daemon, "allow", "ads.test", "for", "1h")
        equal(line, "rule allow ads.test left 1h")
        stamp = rules_of(daemon)[0]
        assert re.fullmatch(r"allow ads\.test for 1h until \S+Z boot [0-9a-f]{8}\+[0-9]+\.[0-9]{3}", stamp), stamp
        restart(daemon, upstream)
        equal(rules_of(daemon), [stamp], "the file")
        assert re.match("rule allow ads.test left (1h|59m)", ctl(daemon, "rules")[1])
        assert_free(daemon, "ads.test.")
        ctl(daemon, "allow", "ads.test", "for", "1500ms")
        assert_free(daemon, "ads.test.")
        await_blocked(daemon, "ads.test.")
        daemon.log.wait("^notice rules .*expired")
        wait_for_rules(daemon, [])


def wait_for_rules(daemon, lines):
    for _ in range(200 * SLOW):
        if rules_of(daemon) == lines:
            return
        time.sleep(0.02)
    equal(rules_of(daemon), lines, "the file")


@test
def test_pause():
    """A pause opens all that is blocked, shows in the state, and ends by itself or by resume"""
    with FakeUpstream() as upstream, started(upstream, ["ads.test\n"]) as daemon:
        ctl(daemon, "block", "shop.test")
        equal(ctl(daemon, "pause"), ["blocking paused"])
        assert_free(daemon, "ads.test.")
        assert_free(daemon, "shop.test.")
        lines = ctl(daemon, "status", status=1)
        assert "blocking paused" in lines and "reason nothing is blocked until: quellctl resume" in lines, lines
        restart(daemon, upstream)
        assert_free(daemon, "ads.test.")
        equal(ctl(daemon, "resume"), ["blocking on"])
        assert_blocked(daemon.ask("ads.test."))
        assert_blocked(daemon.ask("shop.test."))
        assert "blocking on" in ctl(daemon, "status")
        # `quellctl pause "$time"` without a time is no pause without an end.
        for words in (("pause", ""), ("pause", "for", " "), ("allow", "a.test", "for", "")):
            line, = ctl(daemon, *words, status=2)
            assert "is empty" in line, line
        equal(ctl(daemon, "rules")[0], "blocking on")
        equal(ctl(daemon, "pause", "30m"), ["blocking paused left 30m"])
        assert any(line.startswith("blocking paused left ") for line in ctl(daemon, "status"))
        ctl(daemon, "pause", "for", "1s")
        assert_free(daemon, "ads.test.")
        await_blocked(daemon, "ads.test.")
        await_blocked(daemon, "shop.test.")


def request(daemon, line):
    """What quellctl does, without starting it: the answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(15 * SLOW)
        s.connect(daemon.control)
        s.sendall(line.encode() + b"\n")
        data = b""
        while True:
            more = s.recv(65536)
            if not more:
                return data.decode()
            data += more


class Asker(threading.Thread):
    """Asks for a name without a break, and notes when the answers change."""

    def __init__(self, daemon, name):
        super().__init__(daemon=True)
        self.daemon_asked, self.name_asked = daemon, name
        self.changed = threading.Condition()
        self.changes = []  # (time, RCODE)
        self.count = 0
        self.stopping = False

    def run(self):
        last = None
        with self.daemon_asked.udp_socket() as s:
            while not self.stopping:
                s.send(plain_query(self.name_asked, 1, self.count & 0xffff))
                rcode = s.recv(4096)[3] & 15
                self.count += 1
                if rcode != last:
                    with self.changed:
                        self.changes.append((time.monotonic(), rcode))
                        self.changed.notify_all()
                    last = rcode

    def wait_for(self, n):
        wait_until(self.changed, lambda: len(self.changes) >= n, "%d changes" % n)
        return self.changes[n - 1]


N_NAMES = int(os.environ.get("QUELL_OWN_NAMES", "300000"))
N_RULES = int(os.environ.get("QUELL_OWN_RULES", "4000"))


@test
def test_at_once():
    """With a long list and many rules, for a name whose blocked answer is asked all the time"""
    with temporary_folder() as folder, FakeUpstream() as upstream:
        path = os.path.join(folder, "list")
        with open(path, "w") as f:
            f.write("popular.test\n")
            f.writelines("n%d.x%d.test\n" % (i, i % 1000) for i in range(N_NAMES))
        with started(upstream, [path], patience=60 * SLOW) as daemon:
            daemon.write("rules", "".join("allow n%d.x%d.example  # %d\n" % (i, i % 100, i) for i in range(N_RULES)))
            reloaded(daemon)
            equal(addresses(daemon.ask("popular.test.example.")), [address_of("popular.test.example.")])
            asker = Asker(daemon, "popular.test")
            asker.start()
            equal(asker.wait_for(1)[1], 2, "RCODE")
            waits = []
            for i in range(20):
                for n, (command, rcode) in enumerate((("allow popular.test", 0), ("unset popular.test", 2))):
                    start = time.monotonic()
                    answer = request(daemon, command)
                    assert answer.startswith("ok\n") and "note" not in answer, answer
                    changed, got = asker.wait_for(2 + 2 * i + n)
                    equal(got, rcode, "RCODE")
                    waits.append(1000 * (changed - start))
            asker.stopping = True
            asker.join()
            print("# %d names, %d rules: from the request to the first answer by the new rule, of %d changes: slowest %.1f ms, "
                  "middle %.2f ms; %d questions" % (N_NAMES, N_RULES, len(waits), max(waits), sorted(waits)[len(waits) // 2],
                                                    asker.count))


if __name__ == "__main__":
    main()
