"""The option `memory`: what it divides, what it refuses, and that a control group of that size is enough.

QUELL_MEMORY_SECONDS: how long the load of the last test goes on (5).  QUELL_MEMORY_LISTS: a file that names the lists of
it, one a line; without it a million names are made up.
"""

import contextlib
import json
import os
import random
import re
import socket
import subprocess
import threading
import time

import harness
from harness import (
    BUILD, WORKERS, FakeUpstream, Quelld, Skip, addresses, assert_blocked, equal, frame, main, plain_query, quelld_once,
    temporary_folder, test, usual_reply)

MIB = 1 << 20
CONF = "memory = 96M\n"


def checked(conf):
    """`quelld --check` of this configuration: (exit status, {part: KiB}, all that was said)."""
    with temporary_folder() as folder:
        path = os.path.join(folder, "quell.conf")
        with open(path, "w") as f:
            f.write('listen = {"127.0.0.1:5399"}\nupstream = {"127.0.0.1:9"}\n' + conf)
        status, out, err = quelld_once("-c", path, "--check")
    parts = {m[1]: int(m[2]) for m in re.finditer(r"^#   (\w+) +(\d+) KiB", out, re.MULTILINE)}
    return status, parts, out + err


def names_text(n):
    """A list of n names, the same each time."""
    draw = random.Random(n)
    return "".join("%s.%s.test\n" % ("%x" % draw.getrandbits(40), draw.choice(["ads", "track", "cdn", "x"]))
                   for _ in range(n))


def not_sanitized():
    """A sanitizer ends a process that gets no memory."""
    with open(os.path.join(BUILD, "quelld"), "rb") as f:
        if b"__asan_init" in f.read():
            raise Skip("it is about memory as it is without a sanitizer")
    if harness.WRAPPER:
        raise Skip("it is about memory as it is without " + harness.WRAPPER[0])


def compile_image(path, files):
    subprocess.run([os.path.join(BUILD, "quell-update"), "compile", "-o", path] + files, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    os.chmod(path, 0o644)
    return path


@test
def test_check():
    """quelld --check prints the parts of the memory, which are all of it"""
    status, parts, said = checked(CONF)
    equal(status, 0, said)
    equal(sum(parts.values()) // 1024 in (95, 96), True, "sum of %r" % parts)
    assert "Cut to fit: tcp_clients_max 4096 to 64" in said, said
    status, parts, said = checked("memory = 4G\n")
    equal(status, 0, said)
    equal(parts["cache"], 32768, "cache where there is room")
    assert "Cut to fit" not in said, said


@test
def test_too_little():
    """Too little memory is a wrong configuration, and what would do is said"""
    status, _, said = checked("memory = 8M\n")
    equal(status, 2, said)
    need = re.search(r"memory is too little for .* give it (\d+)M or more", said)
    assert need, said
    status, _, said = checked("memory = %sM\n" % need[1])
    equal(status, 0, said)


@test
def test_status():
    """quellctl status has the memory, and what was cut; fewer connections are in force"""
    with FakeUpstream() as upstream, Quelld([upstream], conf=CONF, args=["--workers", "1"]) as daemon:
        said = json.loads(daemon.ctl("--json", "status")[1])
        equal(said["memory"], 96 * MIB, "memory")
        assert said["memory_lists"] >= 48 * MIB, said
        assert said["memory_cut"].startswith("tcp_clients_max 4096 to 64"), said
        daemon.log.wait("^warning memory .* is cut: tcp_clients_max 4096 to 64, cache_size ")
        with contextlib.ExitStack() as stack:
            for i in range(100):
                stack.enter_context(daemon.tcp_socket()).sendall(frame(plain_query("a.test", 1, i)))
            daemon.log.wait("^warning tcp-clients 64 clients are connected")


@test
def test_restart():
    """Another memory comes with the next start; a configuration that it is too little for is not taken"""
    with FakeUpstream() as upstream, Quelld([upstream], conf=CONF) as daemon:
        daemon.write_conf("memory = 8M\n")
        assert "notice reloaded" in daemon.reload()
        daemon.log.wait("^warning restart-needed .*memory")
        equal(json.loads(daemon.ctl("--json", "status")[1])["memory"], 96 * MIB, "memory in force")
        many = ", ".join('"192.0.2.%d:53"' % (i + 1) for i in range(16))
        daemon.write_conf(CONF + 'forward "a.test" { upstream = {%s} }\n' % many)
        line = daemon.reload()
        assert "reload-failed memory is too little for " in line, line
        equal(len(addresses(daemon.ask("after.test"))), 1, "an answer")


@test
def test_texts():
    """Lists that take too much to be compiled are refused with the way out: those before stay, and their image is taken"""
    not_sanitized()
    text = names_text(1000000)
    with FakeUpstream() as upstream, Quelld([upstream], ["one.test\n"], conf=CONF) as daemon:
        assert_blocked(daemon.ask("one.test"))
        daemon.write("list0.txt", text)
        line = daemon.reload()
        assert "reload-failed" in line and "quell-update compile -o IMAGE" in line, line
        assert_blocked(daemon.ask("one.test"))
        status, said = daemon.ctl("status")
        equal(status, 1, "status: degraded")
        assert "leaves for it" in said, said
        compile_image(daemon.lists[0] + ".image", [daemon.lists[0]])
        os.rename(daemon.lists[0] + ".image", daemon.lists[0])
        assert "notice reloaded" in daemon.reload()
        assert_blocked(daemon.ask(text.splitlines()[7]))
        equal(daemon.ctl("status")[0], 0, "status: well")
        equal(len(addresses(daemon.ask("one.test"))), 1, "not on the list now")
    with temporary_folder() as folder:
        path = os.path.join(folder, "list.txt")
        with open(path, "w") as f:
            f.write(text)
        with open(os.path.join(folder, "quell.conf"), "w") as f:
            f.write(CONF)
        status, _, err = quelld_once("-c", f.name, "--listen", "127.0.0.1:5399", "--blocklist", path, "--check")
        equal(status, 2, "--check: " + err)
        assert "quell-update compile -o IMAGE" in err, err


@test
def test_names():
    """Names of the house that take too much are refused in words, also where there were none before; those before stay"""
    not_sanitized()
    with FakeUpstream() as upstream, Quelld([upstream], conf=CONF) as daemon:
        hosts = daemon.write("hosts", "".join("192.168.%d.%d h%d.lan\n" % (i >> 8 & 255, i & 255, i) for i in range(100000)))
        daemon.write_conf(CONF + 'hosts = {"%s"}\n' % hosts)
        line = daemon.reload()
        assert "reload-failed the names of the house take more than the " in line, line
        daemon.write("hosts", "192.168.1.1 small.lan\n")
        assert "notice reloaded" in daemon.reload()
        equal(addresses(daemon.ask("small.lan")), ["192.168.1.1"], "a name of the house")


@test
def test_names_at_the_start():
    """Names of the house that take too much keep quelld from nothing else, also at its start"""
    not_sanitized()
    with FakeUpstream() as upstream, temporary_folder() as folder:
        hosts = os.path.join(folder, "hosts")
        with open(hosts, "w") as f:
            f.writelines("192.168.%d.%d h%d.lan\n" % (i >> 8 & 255, i & 255, i) for i in range(100000))
        with Quelld([upstream], ["listed.test\n"], conf=CONF + 'hosts = {"%s"}\n' % hosts) as daemon:
            assert_blocked(daemon.ask("listed.test."))
            status, text = daemon.ctl("status")
            equal(status, 1, text)
            assert "reason              names of the house: there are none: the names of the house take more" in text, text
            with open(hosts, "w") as f:
                f.write("192.168.1.1 small.lan\n")
            daemon.log.wait("^info names changed: ")
            equal(addresses(daemon.ask("small.lan")), ["192.168.1.1"], "a name of the house")
            equal(daemon.ctl("status")[0], 0, "status")


@test
def test_image():
    """An image that leaves no room for the next is refused by its size"""
    with FakeUpstream() as upstream, Quelld([upstream], ["one.test\n"], conf=CONF) as daemon:
        compile_image(daemon.lists[0] + ".image", [daemon.lists[0]])
        os.truncate(daemon.lists[0] + ".image", 40 * MIB)
        os.rename(daemon.lists[0] + ".image", daemon.lists[0])
        line = daemon.reload()
        assert re.search("reload-failed .* an image of 40960 KiB, and `memory` leaves room for ", line), line
        assert_blocked(daemon.ask("one.test"))


# --- in a control group ---

GROUPS = "/sys/fs/cgroup"


class Group:
    """A control group of version 2 with so much memory, and no swap."""

    def __init__(self, size):
        self.path = os.path.join(GROUPS, "quell-test-%d" % os.getpid())
        try:
            if "memory" not in open(GROUPS + "/cgroup.controllers").read().split():
                raise Skip("the control groups of version 2 have no memory here")
            with open(GROUPS + "/cgroup.subtree_control", "w") as f:
                f.write("+memory")
            os.mkdir(self.path)
        except OSError as e:
            raise Skip("no control group can be made: %s" % e)
        self.write("memory.max", size)
        with contextlib.suppress(OSError):  # a kernel without swap
            self.write("memory.swap.max", 0)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for _ in range(100):  # its processes may be ending
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
                return
            time.sleep(0.05)

    def write(self, name, value):
        with open(os.path.join(self.path, name), "w") as f:
            f.write(str(value))

    def read(self, name):
        with open(os.path.join(self.path, name)) as f:
            return f.read()

    @contextlib.contextmanager
    def entered(self):
        """What is started meanwhile is in it."""
        wrapper = ["/bin/sh", "-c", 'echo $$ >"$0"/cgroup.procs && exec "$@"', self.path]
        harness.WRAPPER[:0] = wrapper
        try:
            yield
        finally:
            del harness.WRAPPER[:len(wrapper)]

    def events(self):
        return {words[0]: int(words[1]) for words in map(str.split, self.read("memory.events").splitlines())}


def pss(daemon):
    """Bytes of memory in use by all its processes."""
    total = 0
    for pid in [daemon.process.pid] + daemon.children():
        with contextlib.suppress(OSError), open("/proc/%d/smaps_rollup" % pid) as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:")) * 1024
    return total


class Floods:
    """Threads that ask as fast as they can, and look at no answer."""

    def __init__(self, daemon, blocked):
        self.daemon, self.blocked = daemon, blocked
        self.stopping = threading.Event()
        self.sent = 0
        self.threads = [threading.Thread(target=f, daemon=True)
                        for f in (self.cached, self.listed, self.missed, self.connect)]
        for thread in self.threads:
            thread.start()

    def udp(self, name_of):
        with self.daemon.udp_socket() as s:
            s.setblocking(False)
            n = 0
            while not self.stopping.is_set():
                n += 1
                with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                    s.send(plain_query(name_of(n), 1, n % 65536))
                self.sent += 1
                if n % 16 == 0:  # or the upstream, a thread of ours, has no turn
                    time.sleep(0.0005)

    def cached(self):
        self.udp(lambda n: "name%d.cached.test" % (n % 20000))

    def listed(self):
        self.udp(lambda n: self.blocked[n % len(self.blocked)])

    def missed(self):
        self.udp(lambda n: "%x.random.test" % random.getrandbits(64))

    def connect(self):
        """Clients that send and do not read, more than there is room for."""
        open_now = []
        while not self.stopping.is_set():
            try:
                s = self.daemon.tcp_socket()
                s.setblocking(False)
                for n in range(400):
                    s.send(frame(plain_query(self.blocked[n % len(self.blocked)], 16, n)))
            except OSError:
                pass
            open_now.append(s)
            if len(open_now) > 200:
                open_now.pop(0).close()
        for s in open_now:
            s.close()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(10)


def make_lists(folder):
    """An image of real lists, or of made up ones, and some of the names on it."""
    files = [os.path.join(folder, "list.txt")]
    if "QUELL_MEMORY_LISTS" in os.environ:
        with open(os.environ["QUELL_MEMORY_LISTS"]) as f:
            files = f.read().split()
        blocked = ["ads.%d.test" % i for i in range(100)]
    else:
        text = names_text(1000000)
        blocked = text.splitlines()[:1000]
        with open(files[0], "w") as f:
            f.write(text)
    return compile_image(os.path.join(folder, "image"), files), blocked


def load(daemon, blocked, seconds):
    """Floods and reloads; the most memory that was seen in use, reloads, and queries sent."""
    floods = Floods(daemon, blocked)
    most, n_reloads, start = 0, 0, time.monotonic()
    try:
        while time.monotonic() - start < seconds:
            line = daemon.reload()
            assert "notice reloaded" in line, line
            n_reloads += 1
            for _ in range(10):
                most = max(most, pss(daemon))
                time.sleep(0.05)
    finally:
        floods.stop()
    return most, n_reloads, floods.sent


def wait_answered(daemon):
    """What the floods left in the sockets is answered, and then names of the upstream's."""
    for n in range(100):
        with contextlib.suppress(OSError):
            if addresses(daemon.ask("after%d.test" % n)):
                return
    raise AssertionError("no answer after the floods")


def run_loaded(group):
    seconds = int(os.environ.get("QUELL_MEMORY_SECONDS", "5"))
    harness.signal.alarm(seconds + 120)
    with temporary_folder() as folder, FakeUpstream() as upstream:
        image, blocked = make_lists(folder)
        with group.entered() if group else contextlib.nullcontext():
            daemon = Quelld([upstream], [image], conf=CONF, patience=60)
        with daemon:
            most, n_reloads, sent = load(daemon, blocked, seconds)
            wait_answered(daemon)
            # An emulator is too slow for it at times: that is not for want of memory.
            died = [line for line in daemon.log.all() if " worker-died " in line and "it stands still" not in line]
            equal(died, [], "workers that died")
            print("# %d queries, %d reloads, image %d KiB, PSS at most %d KiB" % (
                sent, n_reloads, os.path.getsize(image) / 1024, most / 1024))
            if group:
                events = group.events()
                print("# memory.peak %s, memory.events %r" % (group.read("memory.peak").strip(), events))
                for line in group.read("memory.stat").splitlines():
                    if line.split()[0] in ("anon", "file", "shmem", "kernel", "sock", "slab", "pagetables"):
                        print("#   " + line)
                equal((events["oom"], events["oom_kill"]), (0, 0), "out of memory")
                assert int(group.read("memory.peak")) <= 96 * MIB
    return most


@test
def test_pss():
    """Under all loads and reloads at once, all processes together have less memory than the option says"""
    not_sanitized()
    if os.geteuid() != 0:
        raise Skip("only root sees the memory of processes that cannot be dumped")
    most = run_loaded(None)
    assert 10 * MIB < most < 96 * MIB, most


@test
def test_group():
    """Under the same, none is killed in a control group of that size"""
    not_sanitized()
    with Group(96 * MIB) as group:
        run_loaded(group)


if __name__ == "__main__":
    main()
