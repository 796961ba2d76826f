"""A wall clock that jumps by years, or has never been set: nothing is lost, and nothing spins (tests/fault/clock.c)."""

import contextlib
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import time

import harness
from harness import (
    BUILD, WAIT_SECONDS, FakeUpstream, Quelld, Skip, address_of, addresses, assert_blocked, equal, main, one_worker, temporary_folder,
    test)

LIBRARY = os.path.join(BUILD, "tests", "fault", "clock.so")
YEAR_S = 365 * 86400
JUMPS = {"ten years on": 10 * YEAR_S, "ten years back": -10 * YEAR_S, "1970": None, "2106": 80 * YEAR_S, "as it was": 0}
NAMES = ["n%d.example." % i for i in range(20)]


class Clock:
    """The clock of what is started meanwhile."""

    def __init__(self, folder):
        if harness.WRAPPER or not os.path.exists(LIBRARY):
            raise Skip("there is no tests/fault/clock.so, or no use for it")
        with open(os.path.join(BUILD, "quelld"), "rb") as f:
            if b"__asan_init" in f.read():
                raise Skip("the sanitizer wants to be the first library")
        path = os.path.join(folder, "clock")
        with open(path, "w+b") as f:
            f.write(bytes(8))
            f.flush()
            self.memory = mmap.mmap(f.fileno(), 8)
        os.chmod(path, 0o644)
        self.environ = {"LD_PRELOAD": LIBRARY, "QUELL_CLOCK": path}

    def jump(self, ahead_s):
        """None: to a minute after 1970 began."""
        self.memory[:] = struct.pack("=q", 60 - int(time.time()) if ahead_s is None else ahead_s)

    @contextlib.contextmanager
    def preloaded(self):
        before = dict(os.environ)
        os.environ.update(self.environ)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def cpu_s(pids):
    """Seconds of processor time."""
    total = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid) as f:
            words = f.read().rsplit(")", 1)[1].split()
        total += int(words[11]) + int(words[12])
    return total / os.sysconf("SC_CLK_TCK")


def wait_for(what, is_true):
    limit = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < limit, what + ": not in time"
        time.sleep(0.02)


def said(daemon, *words, well=(0,)):
    """What quellctl says, in which no length of time is below zero or absurd."""
    status, text = daemon.ctl(*words)
    assert status in well, "quellctl %s: %d\n%s" % (words, status, text)
    assert not re.search(r"(^|\s)-[0-9]", text), text
    for days in re.findall(r"\b([0-9]+)d\b", text):
        assert int(days) <= 40 * 366, text
    return text


@contextlib.contextmanager
def daemon_with(upstream):
    """A daemon that can be started again in its folder, with the clock."""
    daemon = Quelld([upstream], ["||blocked.example^\n||ads.example^\n||later.example^\n"], wait=False)
    daemon.process.kill()
    daemon.process.wait()
    clock = Clock(daemon.dir)
    daemon.write_conf('state_dir = "%s"\ncache_save = 1s\n' % daemon.dir)

    def start():
        with clock.preloaded():
            daemon._start(("127.0.0.1",), [upstream], ())
        daemon.log.wait("^notice ready ")

    def end():
        daemon.signal(signal.SIGTERM)
        equal(daemon.wait(), 0, "exit status")
        daemon.check_log()

    try:
        yield daemon, clock, start, end
    finally:
        daemon.kill()
        shutil.rmtree(daemon.dir, ignore_errors=True)


def check_answers(daemon, upstream, asked):
    """All is known, and its TTLs go on."""
    for name in NAMES:
        r = daemon.ask(name)
        equal(addresses(r), [address_of(name)], name)
        assert 0 < r.answer[0].ttl <= 300, "TTL %d" % r.answer[0].ttl
    equal(len(upstream.asks), asked, "questions upstream")
    assert_blocked(daemon.ask("blocked.example."))
    equal(addresses(daemon.ask("ads.example.")), [address_of("ads.example.")], "an own rule")


@test
def test_while_running():
    """The clock jumps while quelld runs: TTLs, rules for some time and a pause go on, and no processor time is used up"""
    with FakeUpstream() as upstream, daemon_with(upstream) as (daemon, clock, start, end):
        start()
        equal(daemon.ctl("allow", "ads.example", "for", "30m")[0], 0)
        equal(daemon.ctl("allow", "later.example")[0], 0)
        for name in NAMES + ["ads.example."]:
            daemon.ask(name)
        asked = len(upstream.asks)
        for what, ahead_s in JUMPS.items():
            clock.jump(ahead_s)
            pids = daemon.children() + [daemon.process.pid]
            used = cpu_s(pids)
            check_answers(daemon, upstream, asked)
            assert re.search("ads.example left (30m|29m)", said(daemon, "rules")), what
            said(daemon, "status", well=(0, 1))
            said(daemon, "cache", NAMES[0])
            said(daemon, "why", "ads.example")
            equal(daemon.ctl("pause", "10m")[0], 0, what)
            equal(addresses(daemon.ask("blocked.example.")), [address_of("blocked.example.")], what)
            equal(daemon.ctl("resume")[0], 0, what)
            assert daemon.reload().startswith("notice reloaded"), what
            check_answers(daemon, upstream, len(upstream.asks))
            asked = len(upstream.asks)
            equal(daemon.children(), pids[:-1], "workers after " + what)
            time.sleep(0.3)  # in which nothing is to be done
            assert cpu_s(pids) - used < 2, "processor time"
        end()


@test
def test_between_runs():
    """The clock jumps between two runs: the saved cache and own rules are there, and go on by the clock since boot"""
    one_worker()
    with FakeUpstream() as upstream, daemon_with(upstream) as (daemon, clock, start, end):
        start()
        equal(daemon.ctl("allow", "ads.example", "for", "30m")[0], 0)
        for name in NAMES + ["ads.example."]:
            daemon.ask(name)
        asked = len(upstream.asks)
        path = os.path.join(daemon.dir, "cache-0")
        for _ in range(2):  # the second file began with all of it
            before = os.stat(path).st_ino if os.path.exists(path) else 0
            wait_for("the cache is saved", lambda: os.path.exists(path) and os.stat(path).st_ino != before)
        for what, ahead_s in JUMPS.items():
            end()
            clock.jump(ahead_s)
            start()
            wait_for("all is loaded", lambda: daemon.stats()["cache_loaded"] >= len(NAMES) + 1)
            check_answers(daemon, upstream, asked)
            assert "ads.example" in said(daemon, "rules"), what
        end()


@test
def test_after_boot():
    """Another boot, with whatever clock: rules for some time last no longer than they were to, those without end stay, and names are answered"""
    one_worker()
    with FakeUpstream() as upstream, daemon_with(upstream) as (daemon, clock, start, end):
        with open("/proc/sys/kernel/random/boot_id") as f:
            this_boot = f.read().strip()
        for what, ahead_s in JUMPS.items():
            clock.jump(0)
            for name in "rules", "cache-0":
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(daemon.dir, name))
            start()
            equal(daemon.ctl("allow", "ads.example")[0], 0)
            equal(daemon.ctl("allow", "later.example", "for", "30m")[0], 0)
            for name in NAMES:
                daemon.ask(name)
            end()
            for name in "rules", "cache-0":  # as if it had been another boot
                path = os.path.join(daemon.dir, name)
                if name == "cache-0" and not os.path.exists(path):
                    continue  # on a slow machine it does not come to it
                with open(path, "rb") as f:
                    text = f.read()
                other = re.sub(re.escape(this_boot[:8].encode()), b"00000000", text)
                assert other != text, name
                with open(path, "r+b") as f:
                    f.write(other)
            clock.jump(ahead_s)
            start()
            for name in NAMES:
                equal(addresses(daemon.ask(name)), [address_of(name)], name)
            equal(addresses(daemon.ask("ads.example.")), [address_of("ads.example.")], "a rule without an end: " + what)
            text = said(daemon, "rules")
            if "later.example" in text:
                assert re.search("later.example left (30m|29m|[1-5]?[0-9]s)", text), text
            end()


@test
def test_update():
    """quell-update with a clock that jumps, or was never set: the lists are fetched, the image is whole, and no age is below zero"""
    from test_power import texts_of, web

    with temporary_folder() as folder, web() as server:
        clock = Clock(folder)
        conf = os.path.join(folder, "conf")
        with open(conf, "w") as f:
            f.write('state_dir = "%s/state"\ncontrol = "%s/none"\n' % (folder, folder))
            for name in "ab":
                f.write('list "%s" { url = "http://127.0.0.1:%d/%s" }\n' % (name, server.server_address[1], name))

        def update(*args):
            with clock.preloaded():
                done = subprocess.run([os.path.join(BUILD, "quell-update")] + list(args), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT_SECONDS)
            text = done.stdout.decode()
            assert not re.search(r"(^|\s)-[0-9]", text), text
            return done.returncode, text

        server.texts = texts_of(0)
        equal(update("run", "-c", conf)[0], 0)
        for generation, (what, ahead_s) in enumerate(JUMPS.items(), 1):
            clock.jump(ahead_s)
            server.texts = texts_of(generation)
            status, text = update("run", "-c", conf)
            equal(status, 0, what + ": " + text)
            status, text = update("dump", os.path.join(folder, "state", "image"))
            assert "a%d-0.example" % generation in text, what
            equal(update("verify", os.path.join(folder, "state", "image"))[0], 0)
            equal(update("report", "-c", conf)[0], 0, what)


if __name__ == "__main__":
    main()
