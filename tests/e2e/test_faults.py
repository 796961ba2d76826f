"""System calls that fail: quelld and quell-update, whose every call is made to fail in turn (tests/fault/fault.c).

A case is a call, of the parent or of its children, and how it fares: an error that its manual page names, once or two hundred
times on end, or half of a read or write.  With it, quelld is started, asked, told and reloaded, its cache saved, and it is
stopped; and then once more without.  It may lose a packet, a worker, a reload, or say that it cannot start: but not die of
it, hang, let a blocked name pass, or lose what it said was done.

Run here is a sample (TEST_SEED has it repeated).  QUELL_FAULTS=0/1 runs all, QUELL_FAULTS=1/4 the second quarter.
"""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import time

import harness
from harness import (
    BUILD, WAIT_SECONDS, FakeUpstream, Quelld, Skip, address_of, equal, frame, main, plain_query, read_frame,
    temporary_folder, test)

FAULT = os.path.join(BUILD, "tests", "fault", "fault")
STORM = 200
SHORT_STORM = 10  # where each failure costs a second, or a worker: they start later and later
COSTLY = {"accept4", "clone", "fcntl", "recvmsg", "sendmmsg", "sendmsg"}
DEEP = 24  # of a call, so many of the first are looked at one by one
SAMPLE = 14

# What went wrong once, where it did: who, call, error, from which place, to which.
ONCE_WRONG = [
    ("child", "fcntl", "EINTR", 1, 3),  # a worker that did not get the lists answered without
    ("child", "sendmsg", "EAGAIN", 3, 5),  # nor did one whose word for it was lost; the parent waited
    ("child", "epoll_ctl", "ENOMEM", 2, 4),  # one that could not listen did not answer
    ("parent", "recvmsg", "ENOMEM", 1, 1),  # the status was that of a wrong configuration
    ("child", "newfstatat", "ENOMEM", 3, 3),  # so it was
    ("parent", "epoll_ctl", "ENOMEM", 3, 9),  # quellctl waited for ever; the control socket was freed twice
]

CALLS = {
    "accept4": "EINTR EAGAIN ECONNABORTED EMFILE ENFILE ENOBUFS ENOMEM EPERM",
    "bind": "EADDRINUSE EADDRNOTAVAIL EACCES ENOMEM",
    "mmap": "ENOMEM",
    "capget capset": "EPERM",
    "chmod fchmod": "EIO EPERM EROFS",
    "clone": "EAGAIN ENOMEM",
    "close_range": "ENOSYS ENOMEM",
    "connect": "EAGAIN EINTR ECONNREFUSED ENETUNREACH EADDRNOTAVAIL ENOENT",
    "dup2": "EMFILE EINTR",
    "epoll_create1": "EMFILE ENFILE ENOMEM",
    "epoll_ctl": "ENOMEM ENOSPC",
    "epoll_wait": "EINTR",
    "fcntl": "EINTR EAGAIN EMFILE",
    "fsync": "EINTR EIO ENOSPC EROFS",
    "ftruncate": "EINTR EIO ENOSPC",
    "getrandom": "EINTR",
    "getsockname getsockopt": "ENOBUFS ENOMEM",
    "ioctl": "ENOBUFS ENOMEM",
    "landlock_create_ruleset landlock_add_rule landlock_restrict_self": "EOPNOTSUPP ENOMEM EPERM",
    "listen": "EADDRINUSE",
    "madvise": "EAGAIN ENOMEM EINVAL",
    "memfd_create": "EMFILE ENFILE ENOMEM",
    "munmap": "ENOMEM",
    "newfstatat fstat lstat": "ENOMEM EIO EACCES",
    "openat": "EINTR EMFILE ENFILE ENOMEM ENOSPC EACCES EIO EROFS",
    "pipe2 socketpair timerfd_create": "EMFILE ENFILE ENOMEM",
    "prctl": "EINVAL EPERM",
    "pread64": "EINTR EIO short",
    "prlimit64 setpriority": "EPERM",
    "pwrite64": "EINTR EIO ENOSPC short",
    "read": "EINTR EAGAIN EIO short",
    "readlink readlinkat": "EIO ENOMEM EACCES",
    "readv recvfrom": "EINTR EAGAIN ENOMEM ECONNREFUSED ECONNRESET",
    "recvmmsg": "EINTR EAGAIN ENOMEM ECONNREFUSED",
    "recvmsg": "EINTR EAGAIN ENOMEM ENOBUFS",
    "rename": "EIO ENOSPC EROFS EACCES ENOMEM",
    "seccomp": "EINVAL ENOMEM EACCES",
    "sendmmsg sendto": "EINTR EAGAIN ENOBUFS ENOMEM EPERM ENETUNREACH ECONNREFUSED",
    "sendmsg writev": "EINTR EAGAIN ENOBUFS ENOMEM",
    "setgroups setresgid setresuid": "EAGAIN ENOMEM EPERM",
    "flock": "EINTR ENOMEM",
    "getdents64": "ENOENT EIO",
    "linkat": "EIO ENOSPC EROFS EPERM",
    "mkdirat": "EIO ENOSPC EROFS",
    "poll ppoll": "EINTR ENOMEM",
    "renameat": "EIO ENOSPC EROFS EACCES ENOMEM",
    "setsockopt": "ENOMEM ENOBUFS ENOPROTOOPT EPERM",
    "statfs fstatfs": "EIO ENOSYS ENOMEM",
    "unlinkat": "EIO EROFS EACCES",
    "shutdown": "ENOBUFS",
    "socket": "EACCES EMFILE ENFILE ENOBUFS ENOMEM",
    "timerfd_settime": "EINVAL",
    "unlink": "EIO EROFS EACCES",
    "wait4": "EINTR",
    "write": "EINTR EAGAIN EIO ENOSPC EPIPE short",
}
STORMS = ("EINTR", "EAGAIN", "ENOBUFS", "short")
# What glibc or libevent makes of a failure is theirs: an assertion, or the end.
NOT_OURS = {("timerfd_settime", "EINVAL")}

NAMES = ["n%d.example." % i for i in range(15)]
LISTED = "||blocked.example^\n||ads.example^\n||pop.example^\n"


class Daemon(Quelld):
    """One that can be started again in its folder, with or without a fault."""

    def __init__(self, upstream):
        super().__init__([upstream], [LISTED], wait=False, patience=4 * WAIT_SECONDS)
        self.kill_all()
        os.makedirs(self.dir, exist_ok=True)
        self.upstream = upstream
        self.fault_log = os.path.join(self.dir, "fault")
        self.write_conf('state_dir = "%s"\n' % self.dir)

    def cleanup(self):
        pass  # the folder is wanted again

    def kill_all(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.kill()

    def start(self, *fault):
        """`fault`: what tests/fault/fault takes between its log and the program."""
        wrapper = harness.WRAPPER[:]
        try:
            if fault:
                harness.WRAPPER[:] = [FAULT, self.fault_log] + [str(word) for word in fault]
            self._start(("127.0.0.1",), [self.upstream], ())
        finally:
            harness.WRAPPER[:] = wrapper

    def ready(self):
        """Whether it is; False: it has ended."""
        try:
            self.log.wait("^notice ready ", seconds=4 * WAIT_SECONDS)  # after a storm workers start slowly
            return True
        except AssertionError:
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                raise AssertionError("it is neither ready nor has it ended")
            return False

    def failed_calls(self):
        """How many calls failed, and how many there were: [(who, call, number)].  All processes have ended."""
        limit = time.monotonic() + WAIT_SECONDS
        lines = []
        while lines[-1:] != ["end"]:
            assert time.monotonic() < limit, "processes are left"
            time.sleep(0.005)
            with open(self.fault_log) as f:
                lines = f.read().split("\n")[:-1]
        totals = [line.split() for line in lines if line.startswith("total ")]
        return len(lines) - len(totals) - 1, [(t[1], t[2], int(t[3])) for t in totals]


def tried(what, attempt):
    """The first result of attempt() that is not None; what fails once may fail a client once."""
    for _ in range(2 * STORM):
        try:
            result = attempt()
        except OSError:
            result = None
        if result is not None:
            return result
        time.sleep(0.02)
    raise AssertionError(what + ": not in %d tries" % (2 * STORM))


def verdict(wire, name):
    """True: blocked; the address; None: some failure."""
    rcode = wire[3] & 15
    n_answers = int.from_bytes(wire[6:8], "big")
    if rcode == 0 and n_answers == 1:
        return socket.inet_ntoa(wire[-4:])
    return None if rcode == 2 and name not in ("blocked.example.", "ads.example.") else rcode == 2


ids = iter(range(1, 1 << 30))


def ask(daemon, name, tcp):
    """Ask until there is an answer."""
    def once():
        id = next(ids) & 0xffff
        packet = plain_query(name[:-1], 1, id)
        if tcp:
            with daemon.tcp_socket() as s:
                s.settimeout(1)
                s.sendall(frame(packet))
                wire = read_frame(s)
        else:
            with daemon.udp_socket() as s:
                s.settimeout(1)
                s.send(packet)
                wire = s.recv(4096)
        assert wire is None or int.from_bytes(wire[:2], "big") == id, "the answer to another question"
        return None if wire is None else verdict(wire, name)

    return tried("an answer for " + name, once)


def ask_all(daemon, allowed=None):
    """`allowed`: whether ads.example. is; None: who knows."""
    for i, name in enumerate(NAMES):
        equal(ask(daemon, name, i % 3 == 0), address_of(name), name)
        equal(ask(daemon, "blocked.example.", i % 3 == 1), True, "blocked.example.")
        equal(ask(daemon, name, i % 3 == 2), address_of(name), name)
    if allowed is not None:
        equal(ask(daemon, "ads.example.", False), address_of("ads.example.") if allowed else True, "ads.example.")


def tell(daemon, *words):
    """quellctl, until it is done."""
    def once():
        try:
            status, text = daemon.ctl(*words)
        except subprocess.TimeoutExpired:
            raise AssertionError("quellctl %s hangs" % words[0])
        done = status == 0 and "has not taken it" not in text and "until quelld ends" not in text
        return text if done or words[0] == "status" and status == 1 else None

    return tried("quellctl " + " ".join(words), once)


def check_deaths(daemon):
    daemon.check_log()
    for line in daemon.log.all():
        died = re.search("signal ([0-9]+)", line)
        assert not died or died.group(1) == "9", line
        assert "did not take the lists" not in line, line  # it took 20 s until that was seen


def use(daemon):
    """All that is done with a daemon."""
    ask_all(daemon)
    tell(daemon, "status")
    tell(daemon, "allow", "ads.example")
    tell(daemon, "flush", NAMES[0])
    tried("reload", lambda: daemon.reload().startswith("notice reloaded") or None)
    ask_all(daemon, allowed=True)


def one_case(daemon, who, call, what, first, count):
    """What came of it: not reached, refused, or ran."""
    for name in ("rules", "cache-0"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(daemon.dir, name))
    daemon.start(who, call, what, first, count)
    ran = daemon.ready()
    if ran:
        use(daemon)
        daemon.signal(signal.SIGTERM)
    status = daemon.wait()
    check_deaths(daemon)
    n_failed, _ = daemon.failed_calls()
    if ran:
        equal(status, 0, "exit status")
    else:
        # 2 would be a mistake of the user's: systemd does not try again.  (The seals of a file in memory are always told.)
        assert status == 1 or (status == 2 and call.startswith("fcntl")), "exit status %d" % status
        assert any(line.startswith("error ") for line in daemon.log.all()), "it does not say why"
        if os.environ.get("QUELL_FAULTS_SAY"):
            print("# %s %s %s %d: %s" % (who, call, what, first, [x for x in daemon.log.all() if x.startswith("error")][-1]))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(daemon.control)
    daemon.start()
    assert daemon.ready(), "without the fault it does not start:\n" + "\n".join(daemon.log.all())
    ask_all(daemon, allowed=ran)
    daemon.signal(signal.SIGTERM)
    equal(daemon.wait(), 0, "exit status after")
    return "not reached" if n_failed == 0 else "ran" if ran else "refused"


def counted(daemon):
    """The calls of a run without faults."""
    daemon.start("any", "all", "ENOMEM", 0, 0)
    assert daemon.ready()
    use(daemon)
    daemon.signal(signal.SIGTERM)
    equal(daemon.wait(), 0, "exit status")
    return daemon.failed_calls()[1]


def all_cases(totals):
    """[(who, call, what, first, count)]"""
    kinds = {call: kinds.split() for calls, kinds in CALLS.items() for call in calls.split()}
    for who, call, number in totals:
        places = [n for n in range(1, number + 1) if n <= DEEP or n % 9 == 0]
        for what in kinds.get(call, ()):
            if (call, what) in NOT_OURS:
                continue
            for n in places:
                yield who, call, what, n, 1
            if what in STORMS:
                for n in places[:2] + places[len(places) // 2:][:1]:
                    yield who, call, what, n, SHORT_STORM if call in COSTLY else STORM


def needs():
    if harness.WRAPPER or harness.WORKERS != 1 or harness.has_instruments():
        raise Skip("it is about one worker; and instruments make calls of their own")
    if subprocess.run([FAULT, "/dev/null", "any", "all", "ENOMEM", "0", "0", "/bin/true"]).returncode != 0:
        raise Skip("there is no seccomp to let calls fail with")


def run_cases(totals, one_case, say, always=()):
    """Run all cases, those of QUELL_FAULTS, or a sample and those of `always`; say() tells what is known of one that went wrong."""
    seed = int(os.environ.get("TEST_SEED") or time.time())
    cases, results, n_wrong = list(all_cases(totals)), {}, 0
    n = len(cases)
    if os.environ.get("QUELL_FAULTS"):
        signal.alarm(0)
        first, step = map(int, os.environ["QUELL_FAULTS"].split("/"))
        cases = cases[first::step]
    else:
        cases = random.Random(seed).sample(cases, min(SAMPLE, n))
        cases += [(who, call, what, place, 1) for who, call, what, first, last in always for place in range(first, last + 1)]
    for case in cases:
        try:
            result = one_case(*case)
        except harness.Hung:
            raise
        except Exception as why:
            result = "wrong"
            n_wrong += 1
            print("# WRONG %s: %s" % (" ".join(map(str, case)), str(why).replace("\n", "\n#   ")), flush=True)
            for line in say():
                print("#     " + line[:200], flush=True)
        results[result] = results.get(result, 0) + 1
    print("# %d of %d cases (seed %d): %s" % (len(cases), n, seed, results))
    equal(n_wrong, 0, "cases that went wrong")


@test
def test_quelld():
    """Each system call of quelld fails in turn: nothing dies or hangs, and the next start is as good as the last"""
    needs()

    def say():
        lines = daemon.log.all()[-12:]
        daemon.kill_all()
        return lines

    with FakeUpstream() as upstream:
        daemon = Daemon(upstream)
        try:
            run_cases(counted(daemon), lambda *case: one_case(daemon, *case), say, ONCE_WRONG)
        finally:
            daemon.kill_all()
            super(Daemon, daemon).cleanup()


def reasons(daemon, *fault):
    """The errors of starts of which the first, second, ... such call fails, and which go no further."""
    found = []
    for n in range(1, 9):
        daemon.start(*fault, n, STORM)
        if not daemon.ready():
            equal(daemon.wait() in (1, 2), True, "exit status")
            found += [line for line in daemon.log.all() if line.startswith("error ")]
        daemon.kill_all()
    return found


@test
def test_reasons():
    """What a start that cannot succeed says is what failed, and not what usually does"""
    needs()
    with FakeUpstream() as upstream:
        daemon = Daemon(upstream)
        try:
            listen = [line for line in reasons(daemon, "parent", "socket", "EACCES") if " listen " in line]
            assert listen and all(line.endswith(" cannot be opened: Permission denied") for line in listen), listen
            if os.geteuid() == 0:
                equal("error rights the users of this machine cannot be read: Input/output error" in
                      reasons(daemon, "parent", "read", "EIO"), True, "whose user is not looked up")
        finally:
            daemon.kill_all()
            super(Daemon, daemon).cleanup()


@test
def test_update():
    """Each system call of quell-update fails in turn: the image stays or is the new one, and the next run does all"""
    from test_power import read_log, texts_of, update, web
    needs()
    generations = iter(range(1, 1 << 30))
    with temporary_folder() as folder, web() as server:
        state, conf, log = (os.path.join(folder, name) for name in ("state", "conf", "fault"))
        with open(conf, "w") as f:
            f.write('state_dir = "%s"\ncontrol = "%s/none"\n' % (state, folder))
            for name in "ab":
                f.write('list "%s" { url = "http://127.0.0.1:%d/%s" }\n' % (name, server.server_address[1], name))
        run = ["run", "-c", conf, "--tries", "1", "--timeout", "1s"]

        def names():
            return update("dump", os.path.join(state, "image"))[1]

        def one_run(who, call, what, first, count):
            generation = next(generations)
            server.texts = texts_of(generation)
            status, text = update(*run, fault=[log, who, call, what, first, count])
            read_log(log)
            os.unlink(log)
            assert status in (0, 1, 2, 3), "exit status %d: %s" % (status, text)
            assert status == 0 or text != "", "exit status %d, and not a word why" % status
            equal(update("verify", os.path.join(state, "image"))[0], 0, text)
            assert status != 0 or "b%d-0.example" % generation in names(), "it says it did it: " + text
            status, after = update(*run)
            equal(status, 0, "the run after %s: %s" % (text, after))
            assert "a%d-0.example" % generation in names(), "the run after did not do it"
            return "ran"

        server.texts = texts_of(0)
        equal(update(*run)[0], 0)
        server.texts = texts_of(next(generations))
        equal(update(*run, fault=[log, "any", "all", "ENOMEM", 0, 0])[0], 0)
        read_log(log)
        with open(log) as f:
            totals = [line.split()[1:] for line in f if line.startswith("total ")]
        run_cases([(who, call, int(n)) for who, call, n in totals], one_run, lambda: [])


if __name__ == "__main__":
    main()
