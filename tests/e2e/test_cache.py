"""The saved cache: what was known before is known after, whatever ended the daemon, and damage does no harm."""

import os
import re
import signal
import time

from harness import (
    WAIT_SECONDS, FakeUpstream, Load, Quelld, address_of, addresses, assert_rcode, ede_codes, equal, main,
    one_worker, reply_to, test, usual_reply)

NAMES = ["n%d.example." % i for i in range(300)]
HEAD_SIZE, BLOCK_HEAD_SIZE = 48, 12


def start(upstream, conf="", args=()):
    """A daemon whose state is in its own folder, and which saves its cache each second."""
    daemon = Quelld([upstream], conf="cache_save = 1s\n" + conf, args=args, listen=("127.0.0.1",), wait=False)
    daemon.process.kill()
    daemon.process.wait()
    daemon.more = args
    daemon.write_conf('state_dir = "%s"\ncache_save = 1s\n%s' % (daemon.dir, conf))
    again(daemon, upstream)
    return daemon


def again(daemon, upstream):
    """Start it in the same folder."""
    daemon._start(("127.0.0.1",), [upstream], daemon.more)
    daemon.log.wait("^notice ready ", seconds=daemon.patience)


def end(daemon):
    daemon.signal(signal.SIGTERM)
    equal(daemon.wait(), 0, "exit status; the log is:\n" + "\n".join(daemon.log.all()))
    daemon.check_log()


def kill(daemon):
    """All of it at once, as a loss of power does."""
    for pid in daemon.children() + [daemon.process.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    daemon.process.wait()


def ask_all(daemon, names=NAMES):
    """The TTLs, when all addresses are right."""
    ttls = []
    for name in names:
        r = daemon.ask(name)
        equal(addresses(r), [address_of(name)], "address of " + name)
        ttls.append(r.answer[0].ttl)
    return ttls


def path(daemon, worker=0):
    return os.path.join(daemon.dir, "cache-%d" % worker)


def wait_for(what, is_true):
    limit = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < limit, what + ": not in time"
        time.sleep(0.02)


def wait_saved(daemon):
    """A save that began after now: the second file from here on, for the first may have begun before."""
    for _ in range(2):
        before = os.stat(path(daemon)).st_ino if os.path.exists(path(daemon)) else None
        wait_for("the cache is saved", lambda: os.path.exists(path(daemon)) and
                 os.stat(path(daemon)).st_ino != before)


def wait_loaded(daemon):
    return daemon.log.wait("(info|notice|warning) cache-file ")


@test
def test_restart():
    """The cache outlives the daemon: nothing is asked again, and TTLs go on"""
    with FakeUpstream() as upstream:
        daemon = start(upstream)
        with daemon:
            ask_all(daemon)
            end(daemon)
            equal(os.stat(path(daemon)).st_mode & 0o777, 0o600, "rights of the file")
            time.sleep(1.1)  # time is what this is about
            asked = len(upstream.asks)
            again(daemon, upstream)
            wait_for("all is loaded", lambda: daemon.stats()["cache_loaded"] == len(NAMES))
            ttls = ask_all(daemon)
            equal(len(upstream.asks), asked, "questions upstream")
            assert max(ttls) < 300, "a TTL did not go on: %d" % max(ttls)


@test
def test_forward_zones():
    """What is known of a forward zone outlives the daemon, while the same servers are asked for it"""
    def router(number):
        return FakeUpstream(lambda ask: reply_to(ask.query, "%s 300 IN A 192.168.1.%d" % (ask.name, number)))

    def settings(daemon, server):
        return 'state_dir = "%s"\ncache_save = 1s\nforward "lan" {\n upstream = {"%s"}\n}\n' % (daemon.dir, server.address)

    with FakeUpstream() as upstream, router(1) as lan, router(2) as other:
        daemon = start(upstream)
        with daemon:
            end(daemon)
            daemon.write_conf(settings(daemon, lan))
            again(daemon, upstream)
            equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.1"])
            daemon.ask("public.example.")
            end(daemon)
            again(daemon, upstream)
            wait_for("all is loaded", lambda: daemon.stats()["cache_loaded"] == 2)
            equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.1"])
            equal(len(lan.asked("nas.lan.")), 1, "questions for the zone")
            end(daemon)
            daemon.write_conf(settings(daemon, other))
            again(daemon, upstream)
            wait_for("the rest is loaded", lambda: daemon.stats()["cache_loaded"] == 1)
            equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.2"])
            equal(addresses(daemon.ask("public.example.")), [address_of("public.example.")])
            equal(len(upstream.asked("public.example.")), 1, "questions upstream")
            # Without the zone it is a name as others are.
            end(daemon)
            daemon.write_conf('state_dir = "%s"\ncache_save = 1s\nrebind_protection = no\n' % daemon.dir)
            again(daemon, upstream)
            wait_for("the rest is loaded", lambda: daemon.stats()["cache_loaded"] == 1)
            equal(addresses(daemon.ask("nas.lan.")), [address_of("nas.lan.")])


@test
def test_kill():
    """The last saved cache is there after kill -9"""
    with FakeUpstream() as upstream:
        daemon = start(upstream)
        with daemon:
            ask_all(daemon)
            wait_saved(daemon)
            kill(daemon)
            asked = len(upstream.asks)
            again(daemon, upstream)
            wait_for("all is loaded", lambda: daemon.stats()["cache_loaded"] == len(NAMES))
            ask_all(daemon)
            equal(len(upstream.asks), asked, "questions upstream")


@test
def test_kill_under_load():
    """Killed while it is asked, and started again: what it had saved is there at once, and what was new since is asked"""
    old, new = NAMES[:200], NAMES[200:]
    with FakeUpstream() as upstream:
        daemon = start(upstream)
        with daemon:
            ask_all(daemon, old)
            load = Load(daemon, [name.rstrip(".") for name in old])
            load.start()
            wait_saved(daemon)
            # No more is saved from here on: these are lost.
            with open(path(daemon), "rb") as f:
                saved = f.read()
            ask_all(daemon, new)
            kill(daemon)
            with open(path(daemon), "wb") as f:
                f.write(saved)
            killed = len(upstream.asks)
            again(daemon, upstream)
            wait_for("all is there again", lambda: {("cache_entries", len(old)), ("in_flight", 0)} <= daemon.stats().items())
            warm, since = len(upstream.asks), len(load.late_ms)
            wait_for("the load goes on", lambda: len(load.late_ms) >= since + 2 * len(old))
            load.stop()
            # While the file was read a few may have been asked before their turn came; on a slow machine twice.
            early = {ask.name for ask in upstream.asks[killed:warm]}
            assert len(early) <= len(old) // 2, "%d names were asked while loading" % len(early)
            equal({ask.name for ask in upstream.asks[warm:]} - early, set(), "names asked behind that")
            asked = len(upstream.asks)
            ask_all(daemon, new)
            equal({ask.name for ask in upstream.asks[asked:]}, set(new), "names that were not saved")


@test
def test_worker_dies():
    """A worker that is replaced gets it, too"""
    one_worker()
    with FakeUpstream() as upstream:
        daemon = start(upstream)
        with daemon:
            ask_all(daemon)
            wait_saved(daemon)
            old = daemon.children()
            os.kill(old[0], signal.SIGKILL)
            wait_for("the new worker has loaded",
                     lambda: daemon.stats().get("cache_loaded") == len(NAMES))
            asked = len(upstream.asks)
            ask_all(daemon)
            equal(len(upstream.asks), asked, "questions upstream")


@test
def test_damage():
    """Of a damaged file what is damaged is dropped, with a line in the log, and nothing else happens"""
    one_worker()
    with FakeUpstream() as upstream:
        daemon = start(upstream)
        with daemon:
            ask_all(daemon)
            end(daemon)
            with open(path(daemon), "rb") as f:
                whole = f.read()
            first = HEAD_SIZE + BLOCK_HEAD_SIZE
            damaged = {
                "head": whole[:20] + b"\xff" + whole[21:],
                "version": b"quell-k2" + whole[8:],
                "first block": whole[:first + 30] + bytes([whole[first + 30] ^ 1]) + whole[first + 31:],
                "last byte": whole[:-1] + bytes([whole[-1] ^ 1]),
                "cut": whole[:len(whole) // 2],
                "cut in a head": whole[:HEAD_SIZE + 5],
                "empty": b"",
                "length": whole[:HEAD_SIZE] + b"\xff\xff\xff\xff" + whole[HEAD_SIZE + 4:],
            }
            for what, text in damaged.items():
                with open(path(daemon), "wb") as f:
                    f.write(text)
                again(daemon, upstream)
                line = daemon.log.wait("^warning cache-file ")
                assert re.search("damaged", line), what + ": " + line
                loaded = daemon.stats()["cache_loaded"]
                if what in ("head", "version", "first block", "cut in a head", "empty", "length"):
                    equal(loaded, 0, "answers loaded with damage: " + what)
                ask_all(daemon, NAMES[:5])
                end(daemon)
            again(daemon, upstream)
            wait_for("the file is whole again", lambda: daemon.stats()["cache_loaded"] >= 5)


@test
def test_forged():
    """What is in the file is checked as an upstream's reply is: records of other names are no answer"""
    one_worker()
    with FakeUpstream() as upstream:
        daemon = start(upstream)
        with daemon:
            ask_all(daemon, NAMES[:1])
            end(daemon)
            with open(path(daemon), "rb") as f:
                whole = f.read()
            # A name of the same length in the key alone: the message is of another.
            other = whole.replace(b"\x02n0\x07example\x00", b"\x02m0\x07example\x00", 1)
            assert other != whole
            payload = other[HEAD_SIZE + BLOCK_HEAD_SIZE:-BLOCK_HEAD_SIZE]
            with open(path(daemon), "wb") as f:
                f.write(other[:HEAD_SIZE] + seal(payload, 0) + other[-BLOCK_HEAD_SIZE:])
            again(daemon, upstream)
            wait_loaded(daemon)
            assert not any("damaged" in line for line in daemon.log.all()), "the checksum is not the same"
            equal(daemon.stats()["cache_loaded"], 0, "answers loaded")


def rotl(x, n):
    return (x << n | x >> 64 - n) & 0xffffffffffffffff


def siphash13(k0, data):
    """As Aumasson and Bernstein define it, with the key (k0, 0)."""
    mask = 0xffffffffffffffff
    v = [k0 ^ 0x736f6d6570736575, 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, 0x7465646279746573]

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & mask
            v[1] = rotl(v[1], 13) ^ v[0]
            v[0] = rotl(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = rotl(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = rotl(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = rotl(v[1], 17) ^ v[2]
            v[2] = rotl(v[2], 32)

    padded = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) & 0xff])
    for i in range(0, len(padded), 8):
        m = int.from_bytes(padded[i:i + 8], "little")
        v[3] ^= m
        rounds(1)
        v[0] ^= m
    v[2] ^= 0xff
    rounds(3)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def seal(payload, number):
    """A block with its head."""
    return (len(payload).to_bytes(4, "big") + siphash13(number + 1, payload).to_bytes(8, "big") + payload)


@test
def test_off():
    """With cache_save = 0 nothing is written, and nothing read"""
    with FakeUpstream() as upstream:
        daemon = start(upstream)
        with daemon:
            ask_all(daemon, NAMES[:5])
            end(daemon)
            daemon.write_conf('state_dir = "%s"\ncache_save = 0\n' % daemon.dir)
            before = os.stat(path(daemon)).st_ino
            again(daemon, upstream)
            ask_all(daemon, NAMES[:5])
            equal(len(upstream.asked("n0.example")), 2, "questions upstream")
            end(daemon)
            equal(os.stat(path(daemon)).st_ino, before, "the file")
            again(daemon, upstream)


def long_reply(ask):
    """A kilobyte for each name."""
    text = " ".join(['"%s"' % ("x" * 200)] * 5)
    return reply_to(ask.query, "%s 300 IN TXT %s" % (ask.query.question[0].name, text))


@test
def test_budget():
    """No more than the budget is written; what was saved last stays, and a restart does not begin a new day"""
    one_worker()
    with FakeUpstream(long_reply) as upstream:
        daemon = start(upstream, "cache_save_budget = 1M\n")
        with daemon:
            for name in NAMES:
                assert_rcode(daemon.ask(name, "TXT"), "NOERROR")
            sizes, seen = [], set()

            def is_spent():
                if os.path.exists(path(daemon)):
                    st = os.stat(path(daemon))
                    if st.st_mtime_ns not in seen:
                        sizes.append(st.st_size)
                        seen.add(st.st_mtime_ns)
                return any("cache_save_budget is used up" in line for line in daemon.log.all())

            wait_for("the budget is used up", is_spent)
            assert sizes[-1] > 1000 * len(NAMES), "a file of %d bytes has not all" % sizes[-1]
            assert sum(sizes) <= 1 << 20, "%d bytes were written" % sum(sizes)
            before = os.stat(path(daemon)).st_mtime_ns
            end(daemon)
            again(daemon, upstream)
            wait_for("all is loaded", lambda: daemon.stats()["cache_loaded"] == len(NAMES))
            daemon.log.wait("^notice cache-file cache_save_budget is used up")
            equal(os.stat(path(daemon)).st_mtime_ns, before, "the time of the file")
            equal([name for name in os.listdir(daemon.dir) if name.endswith(".new")], [], "half a file")


@test
def test_budget_grows():
    """Where the budget grows by less in an interval than a save takes, saves are put off, not given up half way"""
    names = ["n%d.example." % i for i in range(700)]
    with FakeUpstream(long_reply) as upstream:
        # Half a megabyte a second; all of it is what one save takes, and a bit.
        daemon = start(upstream, "cache_save_budget = 40G\n")
        with daemon:
            for name in names:
                assert_rcode(daemon.ask(name, "TXT"), "NOERROR")
            end(daemon)
            with open(path(daemon), "r+b") as f:
                head = f.read(HEAD_SIZE - 8)[:-8] + bytes(8)  # nothing is left
                f.seek(0)
                f.write(head + siphash13(0, head).to_bytes(8, "big"))
            before = os.stat(path(daemon)).st_ino
            again(daemon, upstream)
            daemon.log.wait("^notice cache-file cache_save_budget is used up")
            wait_for("it is saved again", lambda: os.stat(path(daemon)).st_ino != before)


@test
def test_workers():
    """Each worker has its part of the cache, and its file; one more than before has the file of the first"""
    with FakeUpstream() as upstream:
        daemon = start(upstream, args=("--workers", "2"))
        with daemon:
            ask_all(daemon)
            asked = len(upstream.asks)  # a slow upstream is asked again
            equal(daemon.stats()["cache_entries"], len(NAMES), "entries")
            end(daemon)
            sizes = [os.stat(path(daemon, worker)).st_size for worker in range(2)]
            assert min(sizes) > max(sizes) // 3, "sizes of the files are %r" % sizes
            again(daemon, upstream)
            wait_for("all have loaded", lambda: daemon.stats()["cache_loaded"] == len(NAMES))
            ask_all(daemon)
            equal(len(upstream.asks), asked, "questions upstream")
            end(daemon)
            daemon.more = ("--workers", "3")
            again(daemon, upstream)
            wait_for("all have loaded", lambda: daemon.stats()["cache_loaded"] > len(NAMES))
            ask_all(daemon)


@test
def test_stale():
    """While the upstream is silent what has expired is still answered, after a restart too"""
    silent = []

    def handler(ask):
        if silent:
            return None
        return reply_to(ask.query, "%s 1 IN A 192.0.2.9" % ask.query.question[0].name)

    with FakeUpstream(handler) as upstream:
        daemon = start(upstream, "stale_delay = 100ms\n")
        with daemon:
            equal(addresses(daemon.ask("old.example.")), ["192.0.2.9"])
            silent.append(True)
            end(daemon)
            time.sleep(1.1)
            again(daemon, upstream)
            wait_for("it is loaded", lambda: daemon.stats()["cache_loaded"] == 1)
            r = daemon.ask("old.example.")
            equal(addresses(r), ["192.0.2.9"])
            equal(ede_codes(r), [3], "EDE")
            equal(r.answer[0].ttl, 30, "TTL")
            equal(daemon.stats()["stale"], 1, "stale answers")


main()
