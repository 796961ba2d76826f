"""Memory that a process does not get, at each place where it asks for some: nobody crashes, and the last good state goes on.

QUELL_NOMEM_ALL=1 has every single call fail in turn, which takes a quarter of an hour; else some do, others each time (QUELL_NOMEM_SEED).
"""

import collections
import contextlib
import mmap
import os
import random
import re
import struct
import subprocess
import tempfile

import harness
from harness import (
    BUILD, FakeUpstream, Quelld, Skip, addresses, assert_blocked, equal, frame, main, plain_query, read_frame,
    temporary_folder, test, wait_until)

LIBRARY = os.path.join(BUILD, "tests", "fault", "nomem.so")


class NoMem:
    """The test's end of tests/fault/nomem.c."""

    ROWS = 512
    FIELDS = ["pid", "n", "from", "to", "failed"]

    def __enter__(self):
        if not os.path.exists(LIBRARY):
            raise Skip("tests/fault/nomem.so is not built here")
        if harness.WRAPPER:
            raise Skip("malloc belongs to " + harness.WRAPPER[0])
        if harness.has_instruments():
            raise Skip("instruments ask for memory of their own")
        fd, self.path = tempfile.mkstemp(prefix="quell-nomem-")
        os.fchmod(fd, 0o666)  # the daemon becomes another user
        os.ftruncate(fd, 8 + self.ROWS * 8 * len(self.FIELDS))
        self.memory = mmap.mmap(fd, 0)
        os.close(fd)
        return self

    def __exit__(self, *exc):
        self.memory.close()
        os.unlink(self.path)

    def environ(self):
        return dict(os.environ, LD_PRELOAD=LIBRARY, QUELL_NOMEM=self.path)

    @contextlib.contextmanager
    def preloaded(self):
        """What is started meanwhile has the library."""
        before = dict(os.environ)
        os.environ.update(self.environ())
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def n_rows(self):
        """Processes so far."""
        return struct.unpack_from("=Q", self.memory, 0)[0]

    def _at(self, row, field):
        return 8 + 8 * (len(self.FIELDS) * row + self.FIELDS.index(field))

    def get(self, row, field):
        return struct.unpack_from("=Q", self.memory, self._at(row, field))[0]

    def fail(self, row, first, last=None):
        """Calls first to last (first alone) of a process fail; 0: none.  Not there yet: of the one that will have that row."""
        for field, value in ("to", 0), ("from", first), ("to", first if last is None else last):
            struct.pack_into("=Q", self.memory, self._at(row, field), value)

    def clear(self):
        """As new, for another program."""
        self.memory[:] = bytes(len(self.memory))


# --- which calls are tried ---

ALL = "QUELL_NOMEM_ALL" in os.environ  # every one; else some of each kind, others each time
SEED = int(os.environ.get("QUELL_NOMEM_SEED", random.randrange(1 << 30)))
EVER = (1 << 64) - 1


def some(total, count):
    """Numbers of calls from 1 to total: all, or about `count`, one out of each part."""
    if ALL or total <= count:
        return list(range(1, total + 1))
    draw = random.Random(SEED + total)
    return sorted({draw.randint(1 + total * i // count, total * (i + 1) // count) for i in range(count)})


def status_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def usable(nomem):
    """Where malloc belongs to a sanitizer, it cannot be taken."""
    done = subprocess.run([os.path.join(BUILD, "quelld"), "--version"], env=nomem.environ(), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
    if done.returncode != 0 or nomem.n_rows() != 1:
        raise Skip("malloc belongs to a sanitizer")
    nomem.clear()


def begin(nomem, upstream, **kwargs):
    with nomem.preloaded():
        return Quelld([upstream], ["blocked.test\n"], args=["--workers", "1"], **kwargs)


def assert_well(daemon, held=None):
    """It answers what is blocked and what is not, and its processes are confined as they were."""
    assert_blocked(daemon.ask("blocked.test"))
    equal(len(addresses(daemon.ask("x%d.test" % random.getrandbits(40)))), 1, "an answer of the upstream")
    for pid in [daemon.process.pid] + daemon.children():
        if held is not None:
            equal((status_of(pid)["Seccomp"], status_of(pid)["NoNewPrivs"]), held, "filters")


def held_by(daemon):
    return status_of(daemon.process.pid)["Seccomp"], status_of(daemon.process.pid)["NoNewPrivs"]


def no_signal(status, what):
    assert status >= 0 and status < 128, "%s: ended by signal %d" % (what, -status)


def tell(what, tried, outcomes):
    print("# %s: %d of %s; %s; seed %d" % (what, len(tried), tried[-1] if tried else 0, ", ".join(
        "%d %s" % (n, name) for name, n in sorted(outcomes.items())), SEED), flush=True)


# --- the daemon's start ---

def start_once(nomem, upstream, row, n, held):
    """Start with call n of that process failing.  What came of it."""
    nomem.clear()
    nomem.fail(row, n)
    daemon = begin(nomem, upstream, wait=False)
    what = "call %d of process %d" % (n, row)
    try:
        wait_until(daemon.log.changed, lambda: daemon.log.ended or any(
            line.startswith("notice ready ") for line in daemon.log.lines), "it is ready, or says why not")
        if any(line.startswith("notice ready ") for line in daemon.log.all()):
            assert_well(daemon, held)
            died = [line for line in daemon.log.all() if re.search("signal (?!9 )", line)]  # the parent kills what is ending
            equal(died, [], what)
            daemon.stop()
            return "ready" if nomem.get(row, "failed") else "not reached"
        status = daemon.wait()
        no_signal(status, what)
        assert status in (1, 2), "%s: exit status %d" % (what, status)
        assert any(re.match("(error|quelld:) ", line) for line in daemon.log.all()), what + ": without a word"
        return "refused"
    except BaseException:
        print("# %s; the log is:" % what)
        for line in daemon.log.all()[-20:]:
            print("# log: " + line)
        raise
    finally:
        daemon.kill()


def try_starts(kind, row_of, count):
    harness.signal.alarm(36000 if ALL else 120)
    with NoMem() as nomem, FakeUpstream() as upstream:
        usable(nomem)
        with begin(nomem, upstream) as daemon:
            row = row_of(nomem, daemon)
            total = nomem.get(row, "n")
            held = held_by(daemon)
        tried, outcomes = some(total, count), collections.Counter()
        for n in tried:
            try:
                outcomes[start_once(nomem, upstream, row, n, held)] += 1
            except AssertionError as e:
                print("# " + str(e))
                outcomes["wrong"] += 1
        tell(kind, tried, outcomes)
        assert outcomes["wrong"] == 0, "wrong"
        nomem.clear()
        with begin(nomem, upstream) as daemon:
            assert_well(daemon, held)


def worker_row(nomem, daemon):
    return next(i for i in range(nomem.n_rows()) if nomem.get(i, "pid") == daemon.children()[0])


@test
def test_start_parent():
    """Where the parent gets no memory at its start, it does without, or says so and ends"""
    try_starts("start, parent", lambda nomem, daemon: 0, 24)


@test
def test_start_loader():
    """Where the first loader gets none, the lists are refused in words"""
    try_starts("start, loader", lambda nomem, daemon: worker_row(nomem, daemon) - 1, 10)


@test
def test_start_worker():
    """Where the first worker gets none, it does without, or another takes its place"""
    try_starts("start, worker", worker_row, 14)


# --- a daemon that runs ---

COMMANDS = [
    ["status"], ["stats"], ["why", "blocked.test"], ["allow", "free.test"], ["rules"], ["unset", "free.test"],
    ["cache", "www.test"], ["upstreams"], ["pause", "1s"], ["resume"], ["flush", "--all"], ["reload"]]


def calls_of(nomem, daemon, rows, act):
    """How often those processes ask for memory meanwhile."""
    before = [nomem.get(row, "n") for row in rows]
    act()
    return [nomem.get(row, "n") - n for row, n in zip(rows, before)]


def resume(daemon):
    """A pause that was made, or rules, are taken back."""
    daemon.ctl("resume")
    daemon.ctl("unset", "free.test")


def command_once(nomem, daemon, row, n, command, what):
    """A command, call n from now on failing.  What came of it."""
    nomem.fail(row, nomem.get(row, "n") + n)
    try:
        status, said = daemon.ctl(*command)
    except subprocess.TimeoutExpired as e:
        raise AssertionError(what + ": no answer") from e
    nomem.fail(row, 0)
    assert status == 0 or status in (1, 2) and said, "%s: %d %r" % (what, status, said)
    return "fine" if status == 0 else "failed in words"


@test
def test_running():
    """Where the parent or a worker that runs gets none, a command fails in words, and all goes on as before"""
    harness.signal.alarm(36000 if ALL else 120)
    with NoMem() as nomem, FakeUpstream() as upstream:
        usable(nomem)
        with begin(nomem, upstream) as daemon:
            held, pids = held_by(daemon), daemon.children()
            rows = [0, worker_row(nomem, daemon)]
            outcomes, tried = collections.Counter(), []
            for command in COMMANDS:
                for row, total in zip(rows, calls_of(nomem, daemon, rows, lambda: daemon.ctl(*command))):
                    for n in some(total, 6 if command == ["reload"] else 2):
                        what = "%s, call %d of process %d" % (" ".join(command), n, row)
                        outcomes[command_once(nomem, daemon, row, n, command, what)] += 1
                        tried.append(len(tried) + 1)
                        try:
                            resume(daemon)
                            assert_well(daemon, held)
                        except BaseException:
                            print("# after " + what)
                            raise
            tell("commands", tried, outcomes)
            equal(daemon.children(), pids, "the same worker")
            equal(daemon.ctl("reload")[0], 0, "reload afterwards")
            equal(daemon.ctl("status")[0], 0, "status afterwards: well")


@test
def test_reload_loader():
    """Where a loader gets none, the reload fails in words, and the lists before stay"""
    harness.signal.alarm(36000 if ALL else 120)
    with NoMem() as nomem, FakeUpstream() as upstream:
        usable(nomem)
        with begin(nomem, upstream) as daemon:
            held = held_by(daemon)
            loader = nomem.n_rows()
            daemon.reload()
            outcomes, tried = collections.Counter(), some(nomem.get(loader, "n"), 10)
            for n in tried:
                if nomem.n_rows() > nomem.ROWS - 2:
                    break
                nomem.fail(nomem.n_rows(), n)
                line = daemon.reload()
                outcomes[line.split()[1]] += 1
                assert not re.search("signal (?!9 )", line), line
                assert_well(daemon)
            tell("reload, loader", tried, outcomes)
            assert_well(daemon, held)


@test
def test_for_ever():
    """While the parent gets no memory at all workers answer; when it has some again, it does as before"""
    with NoMem() as nomem, FakeUpstream() as upstream:
        usable(nomem)
        with begin(nomem, upstream) as daemon:
            held = held_by(daemon)
            for row in 0, worker_row(nomem, daemon):
                nomem.fail(row, 1, EVER)
                for command in COMMANDS:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        no_signal(daemon.ctl(*command)[0], str(command))
                assert_blocked(daemon.ask("blocked.test"))
                with daemon.tcp_socket() as s:
                    s.sendall(frame(plain_query("blocked.test", 1, 7)))
                    with contextlib.suppress(OSError):
                        read_frame(s)
                equal(len(addresses(daemon.ask("y%d.test" % row))), 1, "an answer of the upstream")
                nomem.fail(row, 0)
                resume(daemon)
                equal(daemon.ctl("reload")[0], 0, "reload afterwards")
                assert_well(daemon, held)


@test
def test_saver():
    """Where the saver of the cache gets none, the daemon ends as it should, and the next one answers"""
    harness.signal.alarm(36000 if ALL else 120)
    with NoMem() as nomem, FakeUpstream() as upstream:
        usable(nomem)
        total, n, tried = None, 0, []
        while total is None or n <= total:
            nomem.clear()
            with begin(nomem, upstream) as daemon:
                daemon.ask("kept.test")
                saver = nomem.n_rows()
                nomem.fail(saver, n)
            # It has ended, with 0.
            died = [line for line in daemon.log.all() if re.search("signal (?!9 )", line)]
            equal(died, [], "savers that crashed, call %d" % n)
            assert nomem.n_rows() > saver, "no saver was there"
            if total is None:
                total = nomem.get(saver, "n")
            else:
                tried.append(n)
            n += 1 if ALL else max(1, total // 4)
        tell("saver", tried, collections.Counter(fine=len(tried)))


# --- the tools ---

def run_tool(nomem, command, what, row=0, n=0):
    """(exit status, what it said); row 0 is the tool."""
    nomem.clear()
    nomem.fail(row, n)
    done = subprocess.run(command, env=nomem.environ(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=harness.WAIT_SECONDS)
    no_signal(done.returncode, "%s, call %d of process %d: %s" % (what, n, row, done.stderr.decode()))
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def try_tool(what, command, count, after=None):
    """Each process of the command gets no memory in turn."""
    harness.signal.alarm(36000 if ALL else 120)
    with NoMem() as nomem:
        usable(nomem)
        status, said = run_tool(nomem, command, what)
        equal(status, 0, "%s: %s" % (what, said))
        totals = [nomem.get(row, "n") for row in range(nomem.n_rows())]
        for row, total in enumerate(totals):
            outcomes, tried = collections.Counter(), some(total, count)
            for n in tried:
                status, said = run_tool(nomem, command, what, row, n)
                assert status == 0 or said.strip(), "%s, call %d of process %d: %d without a word" % (
                    what, n, row, status)
                outcomes["exit %d" % status] += 1
                if after:
                    after(status)
            tell("%s, process %d" % (what, row), tried, outcomes)
        status, said = run_tool(nomem, command, what)
        equal(status, 0, "afterwards: " + said)


LIST = "".join("name%d.test\n" % i for i in range(300)) + "||adblock.test^\n/^ad[0-9]+\\./\n@@||free.test^\n"


@test
def test_compile():
    """quell-update compile says so and leaves no half image"""
    update = os.path.join(BUILD, "quell-update")
    with temporary_folder() as folder:
        text, image = os.path.join(folder, "list.txt"), os.path.join(folder, "image")
        with open(text, "w") as f:
            f.write(LIST)

        def check(status):
            if os.path.exists(image):
                equal(subprocess.run([update, "verify", image], stdout=subprocess.DEVNULL).returncode, 0, "verify")
                os.unlink(image)
            else:
                assert status != 0, "exit 0, and no image"

        try_tool("quell-update compile", [update, "compile", "-o", image, text], 24, check)


@test
def test_update():
    """quell-update run says so, and the image before stays"""
    update = os.path.join(BUILD, "quell-update")
    with temporary_folder() as folder:
        text, conf = os.path.join(folder, "list.txt"), os.path.join(folder, "quell.conf")
        with open(text, "w") as f:
            f.write(LIST)
        with open(conf, "w") as f:
            f.write('state_dir = "%s/state"\ncontrol = "%s/none"\nrules = "%s/rules"\nlist "a" { url = "file://%s" }\n' % (
                folder, folder, folder, text))
        os.mkdir(os.path.join(folder, "state"))
        image = os.path.join(folder, "state", "image")

        def check(status):
            equal(subprocess.run([update, "verify", image], stdout=subprocess.DEVNULL).returncode, 0, "verify")

        try_tool("quell-update run", [update, "-c", conf, "run", "--force"], 12, check)


@test
def test_quellctl():
    """quellctl says so"""
    with FakeUpstream() as upstream, Quelld([upstream], ["blocked.test\n"]) as daemon:
        ctl = [os.path.join(BUILD, "quellctl"), "--control", daemon.control]
        for command in ["status"], ["--json", "stats"], ["why", "blocked.test"], ["cache", "blocked.test"]:
            try_tool("quellctl " + " ".join(command), ctl + command, 6)


if __name__ == "__main__":
    main()
