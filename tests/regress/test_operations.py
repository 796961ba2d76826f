"""Mended bugs of running the daemon: mistakes on the command line, scarce resources, things that come and go."""

import contextlib
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "e2e"))

from harness import (  # noqa: E402
    BUILD, WAIT_SECONDS, WRAPPER, FakeUpstream, Namespace, Quelld, Skip, assert_blocked, assert_rcode,
    check_answer, equal, free_port, main, query, quelld_once, temporary_folder, test, to_wire)


def write(folder, name, text, mode=0o644):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    os.chmod(path, mode)
    return path


def complaint(*args):
    """What `quelld ARGS` says, which must be a mistake of the user's."""
    status, out, err = quelld_once(*args)
    equal((status, out), (2, ""), "exit status and output of %r; it says: %s" % (args, err))
    return "\n".join(line for line in err.splitlines() if not re.match("warning no-user |info user ", line))


# --- the command line and the configuration ---

@test
def test_flags_are_checked():
    """A flag's value is checked as the option of the file is, and is printed so that it reads back"""
    with temporary_folder() as folder:
        conf = write(folder, "quell.conf", 'listen = {"127.0.0.1:5300"}\nupstream = {"192.0.2.1"}\n')
        for args in (["--listen", "127.0.0.1:53", "--listen", "127.0.0.1"], ["--upstream", "0.0.0.0:53"],
                     ["--upstream", "192.0.2.1", "--upstream", "192.0.2.1:53"], ["--control", ""]):
            text = complaint("--check", "-c", conf, *args)
            assert args[0] in text, text
        status, out, err = quelld_once("--check", "-c", conf, "--control", "run/control", cwd=folder)
        equal(status, 0, err)
        assert '"%s/run/control"' % folder in out, out
        status, again, err = quelld_once("--check", "-c", write(folder, "again.conf", out))
        equal((status, again), (0, out), "the same once more")


@test
def test_upstream_twice():
    """An upstream that stands there twice is a mistake, as an address to listen on is"""
    with temporary_folder() as folder:
        text = complaint("--check", "-c", write(folder, "quell.conf", '\nupstream = {"192.0.2.1:53", "192.0.2.1"}\n'))
        assert "quell.conf:2: upstream" in text and "twice" in text, text


@test
def test_unknown_syntax():
    """A list's syntax that there is not: --check finds it, before quell-update does, and says what there is"""
    with temporary_folder() as folder:
        conf = write(folder, "quell.conf", 'list "ads" {\nfile = "x"\nsyntax = nonsense\n}\n')
        text = complaint("--check", "-c", conf)
        for word in (conf, "ads", "nonsense", "hosts", "domains"):
            assert word in text, text


@test
def test_unknown_user_is_usage():
    """--user with a name that is not there: exit 2, which no service manager tries again"""
    assert "no-such-user-here" in complaint("--check", "--user", "no-such-user-here")


@test
def test_check_reads_blocklists():
    """--check looks into the files of --blocklist"""
    with temporary_folder() as folder:
        conf = write(folder, "quell.conf", "")
        for path, word in ((os.path.join(folder, "missing"), "No such file"),
                           (write(folder, "page", "<!DOCTYPE html>\n<html>\n"), "web page")):
            text = complaint("--check", "-c", conf, "--blocklist", path)
            assert path in text and word in text, text
        status, out, err = quelld_once("--check", "-c", conf, "--blocklist", write(folder, "good", "listed.test\n"))
        equal(status, 0, err)


@test
def test_unreadable():
    """A file that only another user may read is told with the user who may not"""
    if os.geteuid() != 0:
        raise Skip("needs a user that is not its own")
    with temporary_folder() as folder:
        secret = write(folder, "secret", "listed.test\n", 0o600)
        for args in (["-c", secret], ["-c", write(folder, "quell.conf", ""), "--blocklist", secret]):
            text = complaint("--user", "nobody", "--check", *args)
            assert secret in text and "the user nobody may not read it" in text, text


@test
def test_pipe_as_configuration():
    """A pipe in the place of the configuration hangs neither the start nor, at a reload, the parent"""
    with temporary_folder() as folder:
        pipe = os.path.join(folder, "pipe")
        os.mkfifo(pipe, 0o644)
        assert pipe in complaint("-c", pipe)
    with Quelld([], ["listed.test\n"]) as daemon:
        os.remove(daemon.conf)
        os.mkfifo(daemon.conf, 0o644)
        line = daemon.reload()
        assert line.startswith("error reload-failed ") and daemon.conf in line, line
        assert_blocked(daemon.ask("listed.test."))


@test
def test_two_images():
    """An image among several files is called that, not a bad text"""
    update = os.path.join(BUILD, "quell-update")
    if not os.path.exists(update):
        raise Skip("quell-update is not built")
    with temporary_folder() as folder:
        image = os.path.join(folder, "image")
        subprocess.run([update, "compile", "-o", image, write(folder, "list", "listed.test\n")], check=True,
                       stdout=subprocess.DEVNULL)
        text = complaint("-c", write(folder, "quell.conf", ""), "--check", "--blocklist", image, "--blocklist", image)
        assert image in text and "only file" in text, text


@test
def test_list_without_rules():
    """A file that comes to have no rule, and so blocks nothing, is not passed over in silence"""
    with Quelld([], ["listed.test\n"]) as daemon:
        daemon.write("list0.txt", "")
        since = len(daemon.log.all())
        assert daemon.reload().startswith("notice reloaded "), daemon.log.all()
        daemon.log.wait("^warning lists .*list0.txt.* no rule", since)


# --- what is scarce ---

@test
def test_log_that_nobody_reads():
    """A full pipe behind the log holds up neither the answers nor the end"""
    with temporary_folder() as folder, contextlib.ExitStack() as stack:
        os.chmod(folder, 0o777)  # for the control socket
        reader, writer = os.pipe()
        fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
        log = stack.enter_context(os.fdopen(reader, "rb"))
        port = free_port()
        daemon = subprocess.Popen(
            WRAPPER + [os.path.join(BUILD, "quelld"), "--listen", "127.0.0.1:%d" % port, "--upstream", "127.0.0.1:9",
                       "-c", write(folder, "quell.conf", "log_queries = yes\n"),
                       "--control", os.path.join(folder, "control"),
                       "--blocklist", write(folder, "list", "listed.example\n")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer)
        stack.callback(daemon.wait)
        stack.callback(daemon.kill)
        os.close(writer)
        for line in log:
            if line.startswith(b"notice ready "):
                break
        else:
            raise AssertionError("it did not start")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(WAIT_SECONDS)
            s.connect(("127.0.0.1", port))
            for _ in range(500):
                q = query("listed.example.")
                s.send(to_wire(q))
                assert_blocked(check_answer(q, s.recv(4096)))
        daemon.send_signal(signal.SIGTERM)
        equal(daemon.wait(WAIT_SECONDS), 0, "exit status")


@contextlib.contextmanager
def few_descriptors(n):
    """Daemons that are started here may have `n` descriptors."""
    if WRAPPER:
        raise Skip("the wrapper has descriptors of its own")
    WRAPPER.extend(["sh", "-c", 'ulimit -n %d && exec "$@"' % n, "sh"])
    try:
        yield
    finally:
        WRAPPER.clear()


@test
def test_control_without_descriptors():
    """A control client that there is no descriptor for is reported, waits, and gets its answer later"""
    with few_descriptors(20), Quelld([]) as daemon:
        with contextlib.ExitStack() as stack:
            for _ in range(14):
                stack.enter_context(socket.socket(socket.AF_UNIX)).connect(daemon.control)
            daemon.log.wait("^warning control-busy cannot take a connection")
        equal(daemon.ctl("stats")[0], 0, "exit status of quellctl")


@test
def test_clients_leave_descriptors():
    """TCP clients never take the descriptor that a new list needs"""
    with few_descriptors(64), Quelld([], ["listed.test\n"]) as daemon, contextlib.ExitStack() as stack:
        daemon.log.wait("^warning tcp-clients .* 64 descriptors")
        for _ in range(100):
            stack.enter_context(daemon.tcp_socket())
        assert_blocked(daemon.ask("listed.test."))
        daemon.write("list0.txt", "other.test\n")
        assert daemon.reload().startswith("notice reloaded "), daemon.log.all()
        assert_blocked(daemon.ask("other.test."))


@test
def test_control_is_full():
    """A control client too many is told so, instead of being cut off"""
    with Quelld([]) as daemon, contextlib.ExitStack() as stack:
        places = int(re.search("control clients ([0-9]+)", daemon.log.wait("^notice ready ")).group(1))
        for _ in range(places + 1):
            s = stack.enter_context(socket.socket(socket.AF_UNIX))
            s.settimeout(WAIT_SECONDS)
            s.connect(daemon.control)
        equal(s.recv(100), b"error too many clients at once\n", "answer to one too many")


# --- what goes and comes back ---

@test
def test_interface_comes_back():
    """A link-local address is answered on again after its interface went and came back with another number"""
    with contextlib.closing(Namespace()) as namespace, namespace:
        def plug():
            namespace.ip("link add v1 type veth peer name v2")
            namespace.ip("link set v1 up")
            namespace.ip("link set v2 up")
            namespace.ip("addr add fe80::77/64 dev v1 nodad")

        def ask(name):
            q = query(name)
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
                s.settimeout(WAIT_SECONDS)
                s.connect(("fe80::77", port, 0, socket.if_nametoindex("v1")))
                s.send(to_wire(q))
                assert_rcode(check_answer(q, s.recv(4096)), "NOERROR")

        with FakeUpstream() as upstream:
            plug()
            port = free_port()
            with Quelld([upstream], listen=("127.0.0.1", "[fe80::77%%v1]:%d" % port), port=port,
                        namespace=namespace) as daemon:
                ask("first.example.")
                since = len(daemon.log.all())
                namespace.ip("link del v1")
                daemon.log.wait("^warning listen-waiting .*fe80::77%v1", since)
                equal(daemon.ctl("status")[0], 1, "status while it is gone")
                since = len(daemon.log.all())
                plug()
                daemon.log.wait("^notice listening .*fe80::77%v1", since)
                ask("second.example.")


if __name__ == "__main__":
    main()
