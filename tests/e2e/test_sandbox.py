"""The sandbox of the running processes: what /proc and quellctl say of it, and that nothing is missed."""

import json
import os
import re
import signal
import subprocess
import tempfile

import dns.flags

import harness
from harness import (
    WRAPPER, FakeUpstream, Quelld, Skip, addresses, assert_blocked, equal, main, reply_to, test)

CAP_NET_BIND_SERVICE = 1 << 10


def proc(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def layers(daemon, key="sandbox"):
    """{kind: [layer, ...]}, as quellctl says."""
    status, text = daemon.ctl("--json", "status")
    assert status in (0, 1), text
    return {kind: re.split(", (?![^(]*[)])", rest)
            for kind, rest in (line.split(": ", 1) for line in json.loads(text)[key])}


def not_under(program):
    if any(program in word for word in WRAPPER):
        raise Skip("the kernel's part is missing under " + program)


@test
def test_proc():
    """Parent and workers run with a filter of system calls, no new privileges and (but for one of the parent's) no capability"""
    not_under("valgrind")
    with FakeUpstream() as upstream, Quelld([upstream], ["one.test\n"], args=["--workers", "2"]) as daemon:
        workers = daemon.children()
        equal(len(workers), 2, "workers")
        held = layers(daemon)
        for kind, pid in [("parent", daemon.process.pid)] + [("worker", pid) for pid in workers]:
            status = proc(pid)
            equal(status["NoNewPrivs"], "1", "NoNewPrivs of the " + kind)
            allowed = CAP_NET_BIND_SERVICE if kind == "parent" else 0
            for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
                equal(int(status[name], 16) & ~allowed, 0, "%s of the %s" % (name, kind))
            if "seccomp" in held[kind]:
                equal(status["Seccomp"], "2", "Seccomp of the " + kind)
            assert "no-dump" in held[kind] and "no-new-privs" in held[kind] and "capabilities" in held[kind], held


@test
def test_status():
    """quellctl status names the layers of each kind of process, and those that lack with the reason"""
    with FakeUpstream() as upstream, Quelld([upstream], ["one.test\n"]) as daemon:
        held, lacking = layers(daemon), layers(daemon, "sandbox_lacks")
        all_of = {
            "parent": {"no-new-privs", "no-dump", "capabilities", "landlock-files", "landlock-scope", "seccomp"},
            "worker": {"no-new-privs", "no-dump", "capabilities", "landlock-files", "landlock-tcp", "landlock-scope",
                       "seccomp"},
        }
        all_of["loader"] = all_of["worker"]
        equal(sorted(held), sorted(all_of), "kinds of processes")
        for kind, wanted in all_of.items():
            missing = [text.split(" (")[0] for text in lacking.get(kind, [])]
            equal(set(held[kind]) | set(missing), wanted, "layers of the " + kind)
            equal(set(held[kind]) & set(missing), set(), "layers that hold and lack")
            if missing:
                said = [line for line in daemon.log.all() if line.startswith("notice sandbox %s: " % kind)]
                equal(len(said), 1, "lines about the " + kind)


@test
def test_another_port():
    """TCP reaches an upstream whose port came with a reload"""
    def cut(ask):
        if ask.transport == "udp":
            return reply_to(ask.query, flags=dns.flags.TC)
        return reply_to(ask.query, ask.name + " 300 IN A 192.0.2.7")

    text = 'listen = {"127.0.0.1:@PORT@"}\nupstream = {"%s"}\n'
    with FakeUpstream(cut) as one, FakeUpstream(cut) as other:
        with Quelld(None, listen=None, conf=text % one.address) as daemon:
            equal(addresses(daemon.ask("one.example.")), ["192.0.2.7"], "over TCP, from the first")
            before, since = daemon.children(), len(daemon.log.all())
            daemon.write_conf(text % other.address)
            assert daemon.reload().startswith("notice reloaded ")
            if "landlock-tcp" in layers(daemon)["worker"]:
                daemon.log.wait("^notice worker it may not connect to the port of a new upstream", since)
                daemon.log.wait("^info worker-ended worker 0, pid %d: the next takes over$" % before[0], since)
                daemon.log.wait("^info worker-started ", since)
                assert daemon.children() != before, "the same worker"
                # It was meant to be: nothing that looks like a mishap.
                equal([line for line in daemon.log.all()[since:] if line.startswith(("warning", "error"))], [], "lines")
                assert "restarts" not in daemon.ctl("status")[1], daemon.ctl("status")[1]
            equal(addresses(daemon.ask("two.example.")), ["192.0.2.7"], "over TCP, from the second")
            equal([a.transport for a in other.asked("two.example")][-1], "tcp", "transport")


@test
def test_new_worker():
    """A worker that was killed is replaced by one with the same layers"""
    with FakeUpstream() as upstream, Quelld([upstream], ["one.test\n"]) as daemon:
        before = layers(daemon)
        since = len(daemon.log.all())
        for pid in daemon.children():
            os.kill(pid, signal.SIGKILL)
        daemon.log.wait("^info worker-started ", since=since)
        assert_blocked(daemon.ask("one.test."))
        equal(layers(daemon), before, "layers")


@test
def test_offline():
    """A command of quell-update that works on files alone is in its sandbox before it opens the first; a pipe is one, too"""
    not_under("valgrind")
    program = os.path.join(os.environ["top_builddir"], "quell-update")
    with tempfile.TemporaryDirectory() as folder:
        pipe, image = os.path.join(folder, "list"), os.path.join(folder, "image")
        os.mkfifo(pipe)
        with subprocess.Popen(WRAPPER + [program, "compile", "-o", image, pipe, "/dev/stdin"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            with open(pipe, "w") as f:  # when it has opened the other end
                status = proc(process.pid)
                f.write("one.test\n")
            said, complaint = process.communicate(b"two.test\n", timeout=60)
        equal(process.returncode, 0, "exit status")
        equal(said.count(b"1 rules"), 2, "lists")
        assert os.path.exists(image)
        equal(status["NoNewPrivs"], "1", "NoNewPrivs")
        if b"seccomp" not in complaint:
            equal(status["Seccomp"], "2", "Seccomp")
        plain = subprocess.run(WRAPPER + [program, "compile", "-o", image, "/dev/null"], check=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        equal(complaint, plain.stderr, "what the system lacks")


# A container, or a unit, that forbids the calls by which a process confines itself.
FORBID = """
import ctypes, os, sys
lib = ctypes.CDLL("libseccomp.so.2")
lib.seccomp_init.restype = ctypes.c_void_p
f = ctypes.c_void_p(lib.seccomp_init(0x7fff0000))
for name in (b"seccomp", b"landlock_create_ruleset", b"landlock_add_rule", b"landlock_restrict_self"):
    if lib.seccomp_rule_add(f, 0x50001, lib.seccomp_syscall_resolve_name(name), 0) != 0:
        sys.exit("no rule")
if lib.seccomp_load(f) != 0:
    sys.exit("no filter")
os.execv(sys.argv[1], sys.argv[1:])
"""


@test
def test_forbidden():
    """Where the system forbids Landlock and seccomp quelld runs all the same, and says so in one line for each kind"""
    not_under("valgrind")
    saved = harness.WRAPPER[:]
    harness.WRAPPER[:] = ["/usr/bin/python3", "-c", FORBID]
    try:
        with FakeUpstream() as upstream, Quelld([upstream], ["one.test\n"], args=["--workers", "2"]) as daemon:
            assert_blocked(daemon.ask("one.test."))
            for kind in ("parent", "worker", "loader"):
                said = [line for line in daemon.log.all() if line.startswith("notice sandbox %s: " % kind)]
                equal(len(said), 1, "lines about the " + kind)
                assert "landlock-scope (Operation not permitted)" in said[0] and "seccomp" in said[0], said
            equal(set(layers(daemon)["worker"]), {"no-new-privs", "no-dump", "capabilities"}, "layers of the worker")
            daemon.reload()
            assert_blocked(daemon.ask("one.test."))
    finally:
        harness.WRAPPER[:] = saved


@test
def test_units():
    """The units of systemd allow the calls by which the programs confine themselves"""
    for name in ("quelld", "quell-update"):
        with open(os.path.join(os.environ["top_srcdir"], "etc/systemd/%s.service.in" % name)) as f:
            allowed = " ".join(re.findall("^SystemCallFilter=(.*)", f.read(), re.MULTILINE)).split()
        for call in ("seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"):
            assert call in allowed, "%s is not allowed by %s.service" % (call, name)


if __name__ == "__main__":
    main()
