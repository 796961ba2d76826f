"""A disk that is full, and one that can only be read: what was there stays, what is said holds, and it is written once there is room."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess

import harness
from harness import (
    BUILD, WAIT_SECONDS, FakeUpstream, Quelld, Skip, address_of, addresses, assert_blocked, equal, main, one_worker, temporary_folder,
    test)

CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_REC, MS_PRIVATE = 1, 32, 0x4000, 0x40000
SIZE = 1 << 20
NAMES = ["n%d.example." % i for i in range(20)]


class Disk:
    """A small one of its own at `path`, which nobody but this program and what it starts sees."""

    def __init__(self, path):
        self.path = path
        self.libc = ctypes.CDLL(None, use_errno=True)
        if os.geteuid() != 0 or self.libc.unshare(CLONE_NEWNS) != 0:
            raise Skip("a disk of its own needs root")
        self.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
        self.mount(b"none", path.encode(), b"tmpfs", 0, b"size=%d,mode=777" % SIZE)

    def mount(self, *args):
        if self.libc.mount(*args) != 0:
            raise Skip("it cannot be mounted: " + os.strerror(ctypes.get_errno()))

    def fill(self):
        with contextlib.suppress(OSError), open(os.path.join(self.path, "filler"), "wb", buffering=0) as f:
            while True:
                f.write(bytes(4096))

    def bad(self, how):
        if how == "full":
            self.fill()
        else:
            self.mount(None, self.path.encode(), None, MS_REMOUNT | MS_RDONLY, None)

    def good(self, how):
        if how == "full":
            os.unlink(os.path.join(self.path, "filler"))
        else:
            self.mount(None, self.path.encode(), None, MS_REMOUNT, b"size=%d" % SIZE)

    def close(self):
        self.libc.umount2(self.path.encode(), 2)


@contextlib.contextmanager
def disk():
    with temporary_folder() as path:
        d = Disk(path)
        try:
            yield d
        finally:
            d.close()


def files_of(path):
    """What stands in a folder and below it."""
    found = {}
    for folder, _, files in os.walk(path):
        for name in files:
            if name != "filler":
                with open(os.path.join(folder, name), "rb") as f:
                    found[os.path.relpath(os.path.join(folder, name), path)] = f.read()
    return found


class Daemon(Quelld):
    def __init__(self, upstream, state):
        super().__init__([upstream], ["||blocked.example^\n"], wait=False)
        self.process.kill()
        self.process.wait()
        self.upstream = upstream
        self.write_conf('state_dir = "%s"\nrules = "%s/rules"\n' % (state, state))
        self.start()

    def start(self):
        self._start(("127.0.0.1",), [self.upstream], ())
        self.log.wait("^notice ready ")

    def end(self):
        self.signal(signal.SIGTERM)
        equal(self.wait(), 0, "exit status")
        self.check_log()

    def tell(self, *words):
        status, text = self.ctl(*words)
        equal(status, 0, text)
        return text


def check_daemon(how):
    one_worker()
    with FakeUpstream() as upstream, disk() as d:
        daemon = Daemon(upstream, d.path)
        try:
            daemon.tell("block", "kept.example")
            for name in NAMES:
                daemon.ask(name)
            daemon.end()
            before = files_of(d.path)
            assert {"rules", "cache-0"} <= set(before), sorted(before)
            d.bad(how)

            daemon.start()
            assert_blocked(daemon.ask("kept.example."))
            for name in NAMES:
                equal(addresses(daemon.ask(name)), [address_of(name)], name)
            assert "until quelld ends" in daemon.tell("block", "new.example")
            assert_blocked(daemon.ask("new.example."))
            status, text = daemon.ctl("status")
            equal(status, 1, "degraded")
            assert re.search("No space left|Read-only", text), text
            assert daemon.reload().startswith("notice reloaded")
            assert_blocked(daemon.ask("new.example."))
            for name in NAMES + ["more%d.example." % i for i in range(3000 if how == "full" else 10)]:
                equal(addresses(daemon.ask(name)), [address_of(name)], name)
            daemon.end()
            assert any(line.startswith("warning cache-file the cache is not saved: ") for line in daemon.log.all()), \
                "\n".join(daemon.log.all())
            equal(files_of(d.path), before, "files")

            daemon.start()
            assert_blocked(daemon.ask("kept.example."))
            daemon.tell("block", "new.example")
            d.good(how)
            assert "until quelld ends" not in daemon.tell("block", "last.example")
            equal(daemon.ctl("status")[0], 0, "well again")
            daemon.end()
            daemon.start()
            for name in "kept.example.", "new.example.", "last.example.":
                assert_blocked(daemon.ask(name))
            daemon.end()
            assert not any("not saved" in line for line in daemon.log.all()), "\n".join(daemon.log.all())
        finally:
            daemon.kill()
            shutil.rmtree(daemon.dir, ignore_errors=True)


@test
def test_daemon_full():
    """quelld with a full disk: rules hold until it ends and say so, what is saved stays as it was; then there is room"""
    check_daemon("full")


@test
def test_daemon_read_only():
    """quelld with a disk that can only be read: the same"""
    check_daemon("read-only")


def check_update(how):
    from test_power import texts_of, web

    with disk() as d, temporary_folder() as folder, web() as server:
        conf, state = os.path.join(folder, "conf"), os.path.join(d.path, "state")
        with open(conf, "w") as f:
            f.write('state_dir = "%s"\ncontrol = "%s/none"\n' % (state, folder))
            for name in "ab":
                f.write('list "%s" { url = "http://127.0.0.1:%d/%s" }\n' % (name, server.server_address[1], name))

        def update(*args):
            done = subprocess.run([os.path.join(BUILD, "quell-update")] + list(args), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT_SECONDS)
            return done.returncode, done.stdout.decode()

        server.texts = texts_of(0)
        equal(update("run", "-c", conf)[0], 0)
        before = files_of(state)
        d.bad(how)
        server.texts = texts_of(1)
        for _ in range(2):
            status, text = update("run", "-c", conf)
            assert status in (1, 3), "%d: %s" % (status, text)
            assert re.search("No space left|Read-only", text), text
            equal(update("verify", os.path.join(state, "image"))[0], 0)
            equal({k: v for k, v in files_of(state).items() if k in before and k != "update.lock"},
                  {k: v for k, v in before.items() if k != "update.lock"}, "files")
        d.good(how)
        equal(update("run", "-c", conf)[0], 0)
        assert "a1-0.example" in update("dump", os.path.join(state, "image"))[1]
        equal([name for name in files_of(state) if ".tmp" in name or ".new" in name], [], "left over")


@test
def test_update_full():
    """quell-update with a full disk: it says so, and all stays as it was; then there is room"""
    check_update("full")


@test
def test_update_read_only():
    """quell-update with a disk that can only be read: the same"""
    check_update("read-only")


if __name__ == "__main__":
    main()
