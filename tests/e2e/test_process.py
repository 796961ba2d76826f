"""The daemon as a process: start, mistakes, rights, workers, the end."""

import contextlib
import os
import re
import select
import signal
import socket
import stat
import subprocess
import time

import dns.flags

from harness import (
    BUILD, SLOW, WAIT_SECONDS, FakeUpstream, Load, Namespace, Quelld, Skip, address_of, addresses,
    assert_asked, assert_blocked, assert_rcode, bind_pair, check_answer, ede_codes, equal, frame,
    free_port, has_ipv6, main, one_worker, quelld_once, query, read_frame, temporary_folder, test, to_wire,
    two_namespaces, usual_reply)


# --- the command line ---

@test
def test_wrong_usage():
    """Wrong usage: exit 2 and a text that says what is wrong"""
    for args, word in ((["--nonsense"], "nonsense"), (["stray"], "stray"), (["--listen"], "listen"),
                       (["--listen", "nowhere"], "nowhere"), (["--listen", "127.0.0.1:99999"], "99999"),
                       (["--upstream", "1.2.3"], "1.2.3"), (["--workers", "0"], "workers"),
                       (["--workers", "many"], "many"), (["-c"], "c")):
        status, out, err = quelld_once(*args)
        equal(status, 2, "exit status of %r; it says: %s" % (args, err))
        assert word in err, "%r is not in: %s" % (word, err)
        equal(out, "", "standard output")


@test
def test_version_and_help():
    """--version and --help print to standard output and exit 0"""
    status, out, err = quelld_once("--version")
    equal((status, err), (0, ""), "exit status and errors")
    assert re.search(r"\d+\.\d+", out), out
    status, out, err = quelld_once("--help")
    equal((status, err), (0, ""), "exit status and errors")
    for flag in ("-c", "--listen", "--upstream", "--blocklist", "--workers", "--user", "--control", "--check",
                 "--version", "--help"):
        assert flag in out, "%s is not in the help" % flag


@contextlib.contextmanager
def conf_file(text):
    with temporary_folder() as folder:
        path = os.path.join(folder, "quell.conf")
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o644)
        yield path


@test
def test_check():
    """--check prints the effective configuration, which reads back as the same; flags count"""
    def check(*args):
        status, out, err = quelld_once("--check", *args)
        # As root without a user `quell` it says whom it becomes.
        errors = [line for line in err.splitlines() if not re.match("warning no-user |info user ", line)]
        equal((status, errors), (0, []), "exit status and errors")
        return out

    with conf_file('listen = {"127.0.0.1:5300", "[::1]:5301"}\nupstream = {"192.0.2.1:5353"}\n'
                   'query_timeout = 2500ms\ncache_size = 4M\nallow = {"203.0.113.0/24"}\n'
                   'list "a" {\n file = "/nowhere/a.txt"\n}\n') as path:
        out = check("-c", path)
        for word in ("127.0.0.1:5300", "[::1]:5301", "192.0.2.1:5353", "2500ms", "4M", "203.0.113.0/24",
                     "/nowhere/a.txt"):
            assert word in out, "%s is not in:\n%s" % (word, out)
        with conf_file(out) as again:
            equal(check("-c", again), out, "the same once more")
        out = check("-c", path, "--listen", "127.0.0.1:5399")
        assert "127.0.0.1:5399" in out and "127.0.0.1:5300" not in out, out


@test
def test_check_finds_mistakes():
    """--check, and a start, with a mistake in the configuration: exit 2 with file and line"""
    for line, text in ((1, "nonsense = 1\n"), (2, '\nlisten = {"nowhere"}\n'), (3, "# \n# \nquery_timeout = soon\n"),
                       (2, 'upstream = {"192.0.2.1"}\nlog_queries = maybe\n'), (1, 'list "a" {\n'), (2, "listen = 5\n{")):
        with conf_file(text) as path:
            for args in (["--check"], []):
                status, out, err = quelld_once("-c", path, *args)
                equal((status, out), (2, ""), "exit status and output for %r: %s" % (text, err))
                assert "%s:%d" % (path, line) in err, err
    with temporary_folder() as folder:
        status, out, err = quelld_once("--check", "-c", os.path.join(folder, "missing.conf"))
        equal((status, out), (2, ""), "exit status and output for a missing file")
        assert "missing.conf" in err, err


# --- ports ---

@test
def test_port_is_taken():
    """A second quelld on the same port exits 1 and names the holder; the first goes on"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        second = Quelld([upstream], port=daemon.port, wait=False)
        equal(second.wait(), 1, "exit status")
        second.cleanup()
        lines = [line for line in second.log.all() if "127.0.0.1:%d" % daemon.port in line]
        assert lines, second.log.all()
        if WAIT_SECONDS == 15:  # behind a wrapper the process has another name
            assert any("quelld" in line and str(daemon.process.pid) in line for line in lines), lines
        assert not any(line.startswith("notice ready") for line in second.log.all())
        daemon.ask("a.example.")


@test
def test_port_is_taken_by_another():
    """A port that another program holds, UDP or TCP alone: exit 1 with its name"""
    for keep in (0, 1):
        pair = bind_pair("127.0.0.1")
        port = pair[0].getsockname()[1]
        pair[1 - keep].close()
        with pair[keep]:
            daemon = Quelld(port=port, wait=False)
            equal(daemon.wait(), 1, "exit status")
            daemon.cleanup()
            assert any("127.0.0.1:%d" % port in line and str(os.getpid()) in line for line in daemon.log.all()), \
                daemon.log.all()


@test
def test_several_addresses():
    """Any number of listening addresses, UDP and TCP each"""
    ports = [free_port() for _ in range(5)]
    listen = ["127.0.0.1:%d" % p for p in ports[:4]] + ["127.0.0.9:%d" % ports[4]]
    if has_ipv6():
        listen.append("[::1]:%d" % ports[0])
    with FakeUpstream() as upstream, Quelld([upstream], listen=listen) as daemon:
        for address in listen:
            host, port = address.rsplit(":", 1)
            daemon.port = int(port)
            for tcp in (False, True):
                daemon.ask("a.example.", tcp=tcp, host=host.strip("[]"))
        assert_asked(daemon, upstream, 1)


@test
def test_wildcard_ipv4():
    """A wildcard address answers from the address that was asked, at once and after waiting"""
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"], listen=("0.0.0.0",)) as daemon:
        # The sockets are connected: an answer from another address would not arrive.
        for i, host in enumerate(("127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254")):
            assert_blocked(daemon.ask("listed.test.", host=host))
            for tcp in (False, True):
                name = "n%d%d.example." % (i, tcp)
                equal(addresses(daemon.ask(name, host=host, tcp=tcp)), [address_of(name)], "address")
        del upstream


@test
def test_wildcard_ipv6():
    """The IPv6 wildcard likewise, with IPv4 beside it on the same port"""
    with contextlib.closing(Namespace()) as namespace:
        for address in ("2001:db8::1/64", "2001:db8::2/64", "fd00::1/64"):
            namespace.ip("addr add %s dev lo nodad" % address)
        namespace.ip("addr add 198.51.100.1/24 dev lo")
        with namespace, FakeUpstream() as upstream, \
                Quelld([upstream], ["listed.test\n"], listen=("::", "0.0.0.0"), namespace=namespace) as daemon:
            for i, host in enumerate(("::1", "2001:db8::1", "2001:db8::2", "fd00::1", "127.0.0.3", "198.51.100.1")):
                assert_blocked(daemon.ask("listed.test.", host=host))
                for tcp in (False, True):
                    name = "n%d%d.example." % (i, tcp)
                    equal(addresses(daemon.ask(name, host=host, tcp=tcp)), [address_of(name)], "address")


@test
def test_wildcard_from_outside():
    """A client on another machine, too, gets its answer from the address it asked"""
    with two_namespaces() as (server, client):
        for i in (1, 2, 3):
            server.ip("addr add 192.168.7.%d/24 dev v0" % i)
            server.ip("addr add fd00:7::%d/64 dev v0 nodad" % i)
        client.ip("addr add 192.168.7.9/24 dev v0")
        client.ip("addr add fd00:7::9/64 dev v0 nodad")
        with server:
            upstream = FakeUpstream()
        with upstream, Quelld([upstream], listen=("0.0.0.0", "::"), namespace=server) as daemon, client:
            for host in ["192.168.7.%d" % i for i in (1, 2, 3)] + ["fd00:7::%d" % i for i in (1, 2, 3)]:
                for tcp in (False, True):
                    equal(addresses(daemon.ask("a.example.", host=host, tcp=tcp)), [address_of("a.example")], "address")


@test
def test_address_comes_later():
    """An address that is not there yet is waited for, and then answered on"""
    with contextlib.closing(Namespace()) as namespace, namespace:
        with FakeUpstream() as upstream:
            port = free_port()
            with Quelld([upstream], listen=("127.0.0.1:%d" % port, "192.168.9.1:%d" % port), port=port,
                        namespace=namespace) as daemon:
                daemon.ask("a.example.")
                since = len(daemon.log.all())
                namespace.ip("addr add 192.168.9.1/24 dev lo")
                daemon.log.wait(r"^notice \S+ .*192\.168\.9\.1", since)
                for tcp in (False, True):
                    daemon.ask("a.example.", host="192.168.9.1", tcp=tcp)


@test
def test_address_changes():
    """When this machine's address changes upstreams are asked from the new one, over UDP and TCP, and at once"""
    def cut_first(ask):
        r = usual_reply(ask)
        if ask.transport == "udp" and ask.name.startswith("cut"):
            r.answer = []
            r.flags |= dns.flags.TC
        return r

    with two_namespaces() as (ours, theirs):
        theirs.ip("addr add 203.0.113.1/24 dev v0")
        ours.ip("addr add 203.0.113.10/24 dev v0")
        with theirs:
            upstream = FakeUpstream(cut_first, host="203.0.113.1")
        with upstream, Quelld([upstream], namespace=ours) as daemon, ours:
            for name in ("before.example.", "cut-before.example."):
                equal(addresses(daemon.ask(name)), [address_of(name)], "address")
            since = len(daemon.log.all())
            ours.ip("addr del 203.0.113.10/24 dev v0")
            ours.ip("addr add 203.0.113.11/24 dev v0")
            daemon.log.wait("^notice network ", since)
            for name in ("after.example.", "cut-after.example."):
                equal(addresses(daemon.ask(name)), [address_of(name)], "address")
                for asked in upstream.asked(name):
                    equal(asked.source[0], "203.0.113.11", "asked from")
            assert daemon.stats()["network_news"] >= 1, "no news is counted"


# --- who is answered ---

@test
def test_no_open_resolver():
    """Who is on no network of this host and not allowed is REFUSED, for listed and cached names too"""
    with two_namespaces() as (server, client):
        server.ip("addr add 198.51.100.1/24 dev v0")
        server.ip("addr add 2001:db8:1::1/64 dev v0 nodad")
        client.ip("addr add 198.51.100.2/24 dev v0")
        client.ip("addr add 2001:db8:1::2/64 dev v0 nodad")
        # Others than the server's own networks, by routes: two public ones, and one that is private.
        for address in ("203.0.113.5", "192.0.2.5", "10.9.8.7"):
            client.ip("addr add %s/32 dev lo" % address)
            server.ip("route add %s/32 dev v0" % address)
        client.ip("addr add 2001:db8:2::5/128 dev lo nodad")
        server.ip("-6 route add 2001:db8:2::5/128 via 2001:db8:1::2")
        with server:
            upstream = FakeUpstream()
        with upstream, Quelld([upstream], ["listed.test\n"], listen=("0.0.0.0", "::"), namespace=server) as daemon:
            with server:
                daemon.ask("cached.example.", host="127.0.0.1")

            def ask(source, name, tcp):
                host = "2001:db8:1::1" if ":" in source else "198.51.100.1"
                q = query(name)
                with client:
                    s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET,
                                      socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
                    with s:
                        s.settimeout(WAIT_SECONDS)
                        s.bind((source, 0))
                        s.connect((host, daemon.port))
                        s.sendall(frame(to_wire(q)) if tcp else to_wire(q))
                        return check_answer(q, read_frame(s) if tcp else s.recv(65535))

            for source in ("203.0.113.5", "192.0.2.5", "2001:db8:2::5"):
                for name in ("fresh.example.", "cached.example.", "listed.test."):
                    for tcp in (False, True):
                        r = ask(source, name, tcp)
                        assert_rcode(r, "REFUSED")
                        # Over UDP nobody has more sent to another than they send: there is no room for it.
                        equal(ede_codes(r), [18] if tcp else [], "EDE")
                        equal(r.answer, [], "answer section")
            equal(upstream.asked("fresh.example"), [], "packets upstream for strangers")
            # The networks of the host itself, though public, and private ones.
            for source in ("198.51.100.2", "2001:db8:1::2", "10.9.8.7"):
                for tcp in (False, True):
                    assert_rcode(ask(source, "fresh.example.", tcp), "NOERROR")
            # `allow` takes the place of what is usual.
            daemon.write_conf('allow = {"203.0.113.0/24", "2001:db8:2::/48"}\n')
            assert daemon.reload().startswith("notice reloaded "), daemon.log.all()
            for source, rcode in (("203.0.113.5", "NOERROR"), ("2001:db8:2::5", "NOERROR"), ("192.0.2.5", "REFUSED")):
                assert_rcode(ask(source, "fresh.example.", False), rcode)
            with server:
                assert_rcode(daemon.ask("fresh.example.", host="127.0.0.1"), "NOERROR")


# --- start and end ---

@test
def test_starts_with_nothing():
    """With no list, no upstream and no network it starts and answers"""
    with contextlib.closing(Namespace()) as namespace, namespace:
        with Quelld(None, namespace=namespace) as daemon:
            assert_rcode(daemon.ask("a.example."), "SERVFAIL")


@test
def test_ends_in_time():
    """SIGTERM and SIGINT end it at once with 0, whatever is open"""
    for number in (signal.SIGTERM, signal.SIGINT):
        with FakeUpstream(lambda ask: None) as upstream, contextlib.ExitStack() as stack:
            daemon = Quelld([upstream], conf="query_timeout = 30s\n")
            stack.callback(daemon.kill)
            waiting = stack.enter_context(daemon.udp_socket())
            waiting.send(to_wire(query("held.example.")))
            streams = [stack.enter_context(daemon.tcp_socket()) for _ in range(20)]
            for s in streams[:10]:
                s.sendall(frame(to_wire(query("other.example."))))
            streams[10].sendall(b"\0")
            upstream.wait_asked("held.example")
            upstream.wait_asked("other.example")
            begin = time.monotonic()
            children = daemon.children()
            daemon.signal(number)
            equal(daemon.wait(), 0, "exit status")
            # The contract says a second; three tell a prompt end from one that waits for anything here.
            assert time.monotonic() - begin < 3 * SLOW, "%f s" % (time.monotonic() - begin)
            daemon.check_log()
            for pid in children:
                assert not os.path.exists("/proc/%d" % pid), "process %d is left over" % pid
            assert not os.path.exists(daemon.control), "the control socket is left over"


@test
def test_parent_dies():
    """When the parent is killed its worker ends, so that the port is free for the next"""
    with FakeUpstream() as upstream, contextlib.ExitStack() as stack:
        daemon = Quelld([upstream])
        stack.callback(daemon.kill)
        children = daemon.children()
        assert children
        daemon.signal(signal.SIGKILL)
        daemon.wait()  # the log ends when the last that writes to it has ended
        with Quelld([upstream], port=daemon.port) as next_one:
            next_one.ask("a.example.")


# --- workers ---

def worker_of(daemon):
    """The one child that is there when nothing is being loaded."""
    one_worker()
    end = time.monotonic() + WAIT_SECONDS
    while len(daemon.children()) != 1 and time.monotonic() < end:
        time.sleep(0.01)
    equal(len(daemon.children()), 1, "children")
    return daemon.children()[0]


@test
def test_worker_is_replaced():
    """A killed worker is replaced; what is asked meanwhile waits in the sockets and is answered"""
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"]) as daemon:
        for round in range(3):
            pid = worker_of(daemon)
            since = len(daemon.log.all())
            os.kill(pid, signal.SIGKILL)
            with daemon.tcp_socket() as s:
                q = query("listed.test.")
                s.sendall(frame(to_wire(q)))
                answers = daemon.ask_many([query("listed.test." if i % 2 else "n%d.example." % i, id=i)
                                           for i in range(100)])
                for i, r in enumerate(answers):
                    equal(r.rcode(), 2 if i % 2 else 0, "rcode of question %d" % i)
                assert_blocked(check_answer(q, read_frame(s)))
            daemon.log.wait("^warning worker-died ", since)
            assert worker_of(daemon) != pid, "the same process"
        # The new one has all that the old one had.
        daemon.write("list0.txt", "other.test\n")
        assert daemon.reload().startswith("notice reloaded ")
        os.kill(worker_of(daemon), signal.SIGKILL)
        assert_blocked(daemon.ask("other.test."))
        assert_rcode(daemon.ask("listed.test."), "NOERROR")
        del upstream


@test
def test_killed_while_loading():
    """A loader that is killed fails the reload, and the old lists stay"""
    rules = "".join("n%d.bulk.test\n" % i for i in range(300000))
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"]) as daemon:
        worker = worker_of(daemon)
        daemon.write("list0.txt", rules)
        since = len(daemon.log.all())
        daemon.signal(signal.SIGHUP)
        loader = []
        while not loader and not any("reload" in line for line in daemon.log.all()[since:]):
            loader = [pid for pid in daemon.children() if pid != worker]
        with contextlib.suppress(ProcessLookupError):
            for pid in loader:
                os.kill(pid, signal.SIGKILL)
        line = daemon.log.wait("^(notice reloaded|error reload-failed) ", since)
        if line.startswith("notice"):
            raise Skip("the loader was faster than the test")
        assert_blocked(daemon.ask("listed.test."))
        assert_rcode(daemon.ask("n1.bulk.test."), "NOERROR")
        del upstream


def kill_first_loader(daemon):
    """Kill what is started before the first worker.  Returns false where that was faster."""
    while not any(re.match("(info worker-started|notice ready|error)", line) for line in daemon.log.all()):
        with contextlib.suppress(OSError):
            for pid in daemon.children():
                fds = os.listdir("/proc/%d/fd" % pid)
                if any("memfd:" in os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in fds):
                    os.kill(pid, signal.SIGKILL)
                    return True
    return False


@test
def test_killed_at_the_start():
    """A loader that is killed at the start costs the names of the house, for a while, or a start that can be tried again"""
    if SLOW > 1:
        raise Skip("not behind a wrapper")
    with FakeUpstream() as upstream, temporary_folder() as folder:
        hosts = os.path.join(folder, "hosts")
        with open(hosts, "w") as f:
            f.writelines("192.168.%d.%d h%d.lan\n" % (i >> 8 & 255, i & 255, i) for i in range(60000))
        with Quelld([upstream], conf='hosts = {"%s"}\n' % hosts, wait=False) as daemon:
            if not kill_first_loader(daemon):
                raise Skip("the loader was faster than the test")
            daemon.log.wait("^notice ready ")
            status, text = daemon.ctl("status")
            equal(status, 1, text)
            assert "there are none: the loader ended with signal 9" in text, text
            daemon.log.wait("^info names changed: ")  # by itself
            equal(addresses(daemon.ask("h1.lan.")), ["192.168.0.1"], "a name of the house")
        lists = "".join("n%d.bulk.test\n" % i for i in range(300000))
        daemon = Quelld([upstream], [lists], wait=False)
        killed = kill_first_loader(daemon)
        status = daemon.wait() if killed else 1
        daemon.kill()
        if not killed:
            raise Skip("the loader was faster than the test")
        equal(status, 1, "exit status: 2 would be a mistake of the user's, after which systemd does not try again")


@test
def test_several_workers():
    """With several workers each answers by the same lists, and counters are sums"""
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"], args=("--workers", "3")) as daemon:
        equal(len(daemon.children()), 3, "children")
        for i in range(60):
            with daemon.udp_socket() as s:
                q = query("listed.test." if i % 2 else "n%d.example." % i)
                s.send(to_wire(q))
                equal(check_answer(q, s.recv(65535)).rcode(), 2 if i % 2 else 0, "rcode")
        stats = daemon.stats()
        equal((stats["queries_udp"], stats["blocked"], stats["forwarded"]), (60, 30, 30), "counters")
        daemon.write("list0.txt", "other.test\n")
        assert daemon.reload().startswith("notice reloaded ")
        for i in range(30):
            assert_blocked(daemon.ask("other.test."))
        del upstream


# --- rights ---

def status_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


@test
def test_rights():
    """Started as root, parent and worker are another user; the worker has no right, the parent one"""
    if os.geteuid() != 0:
        raise Skip("needs root")
    if SLOW > 1:
        raise Skip("not behind a wrapper")
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"]) as daemon:
        worker = worker_of(daemon)
        for pid, rights in ((daemon.process.pid, 1 << 10), (worker, 0)):  # CAP_NET_BIND_SERVICE
            status = status_of(pid)
            for ids in (status["Uid"], status["Gid"]):
                assert "0" not in ids.split(), "IDs of %d: %s" % (pid, ids)
            equal(int(status["CapEff"], 16), rights, "effective capabilities")
            equal(int(status["CapPrm"], 16), rights, "permitted capabilities")
            equal(int(status["CapInh"], 16), 0, "inheritable capabilities")
            equal(status["NoNewPrivs"], "1", "no_new_privs")
        # The worker has no files open but sockets, its channel, the image and the log.
        for fd in os.listdir("/proc/%d/fd" % worker):
            target = os.readlink("/proc/%d/fd/%s" % (worker, fd))
            assert int(fd) < 3 or re.match(r"socket:|pipe:|anon_inode:|/memfd:|/dev/null", target), "it holds " + target
        del upstream


@test
def test_low_port_as_another_user():
    """Started as root it binds port 53 and reloads its addresses as another user"""
    with contextlib.closing(Namespace()) as namespace, namespace, FakeUpstream() as upstream:
        conf = 'listen = {%s}\nupstream = {"' + upstream.address + '"}\n'
        with Quelld(None, listen=None, conf=conf % '"127.0.0.1:53"', port=53, namespace=namespace) as daemon:
            daemon.ask("a.example.")
            daemon.write_conf(conf % '"127.0.0.1:53", "127.0.0.2:53"')
            assert daemon.reload().startswith("notice reloaded "), daemon.log.all()
            daemon.ask("a.example.", host="127.0.0.2")


@test
def test_unknown_user():
    """--user with a name that is not there: no start"""
    with conf_file("") as path:
        status, out, err = quelld_once("-c", path, "--user", "no-such-user-here", "--listen",
                                       "127.0.0.1:%d" % free_port())
        assert status in (1, 2), "exit status %d" % status
        assert "no-such-user-here" in err, err
        equal(out, "", "output")


# --- the control socket ---

@test
def test_control():
    """quellctl status, stats, reload and why speak with the daemon"""
    one_worker()
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"]) as daemon:
        mode = os.stat(daemon.control)
        assert stat.S_ISSOCK(mode.st_mode)
        assert not mode.st_mode & stat.S_IWOTH, "anybody may control it: %o" % mode.st_mode
        status, text = daemon.ctl("status")
        equal(status, 0, "exit status of: " + text)
        before = daemon.stats()
        daemon.ask("listed.test.")
        daemon.ask("a.example.")
        daemon.ask("a.example.", tcp=True)
        after = daemon.stats()
        for counter, n in (("queries_udp", 2), ("queries_tcp", 1), ("blocked", 1), ("forwarded", 1), ("cache_hits", 1),
                           ("cache_misses", 1), ("cache_entries", 1), ("in_flight", 0)):
            equal(after[counter] - before[counter], n, counter)
        status, text = daemon.ctl("why", "www.listed.test")
        equal(status, 0, "exit status of: " + text)
        assert "listed.test" in text and "suffix" in text, text
        daemon.write("list0.txt", "other.test\n")
        status, text = daemon.ctl("reload")
        equal(status, 0, "exit status of: " + text)
        assert_blocked(daemon.ask("other.test."))
        daemon.write("list0.txt", "<html>\n")
        status, text = daemon.ctl("reload")
        assert status != 0, "a reload that failed gives 0"
        assert "list0.txt" in text, text
        assert_blocked(daemon.ask("other.test."))
        del upstream
    path = os.path.join(BUILD, "quellctl")
    done = subprocess.run([path, "--control", daemon.control, "status"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(done.returncode, 2, "exit status of quellctl when nothing runs")


@test
def test_worker_killed_under_load():
    """A worker killed five times under load is replaced; nothing is lost but what it held itself"""
    with FakeUpstream() as upstream, Quelld([upstream], ["ads.test\n"]) as daemon:
        names = ["n%d.test" % i for i in range(50)] + ["ads.test"]
        for name in names[:-1]:
            daemon.ask(name + ".")
        load = Load(daemon, names)
        load.start()
        for _ in range(5):
            since = len(daemon.log.all())
            os.kill(daemon.children()[0], signal.SIGKILL)
            daemon.log.wait("^info worker-started ", since)
            # The new worker has all in its cache before it, too, is killed.
            for name in names:
                daemon.ask(name + ".")
        lost = load.stop()
        print("# %d queries, %d lost" % (len(load.late_ms) + lost, lost), flush=True)
        # What a worker holds at this rate: the query in its hands, and the few that the fake upstream has.
        assert lost <= 5 * 10, "%d queries lost" % lost


@test
def test_one_of_two_dies():
    """While one of two workers is dead the other answers; what waits for the dead one is answered by the next"""
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"], args=("--workers", "2")) as daemon, \
            contextlib.ExitStack() as stack:
        first, second = daemon.children()
        since = len(daemon.log.all())
        daemon.signal(signal.SIGSTOP)  # the parent starts no other now
        stack.callback(daemon.signal, signal.SIGCONT)
        os.kill(second, signal.SIGKILL)
        waiting = {}
        for i in range(100):
            s = stack.enter_context(daemon.udp_socket())
            s.send(to_wire(query("n%d.listed.test." % i, id=i)))
            waiting[s] = i

        def take(until):
            while len(waiting) > until:
                ready = select.select(waiting, [], [], WAIT_SECONDS)[0]
                assert ready, "%d of 100 have no answer" % len(waiting)
                for s in ready:
                    assert_blocked(check_answer(query("n%d.listed.test." % waiting[s], id=waiting[s]), s.recv(65535)))
                    del waiting[s]

        take(80)  # of the half that is the first one's
        assert waiting, "the dead worker has had nothing to answer"
        daemon.signal(signal.SIGCONT)
        take(0)
        daemon.log.wait("^info worker-started worker 1, ", since)
        equal(daemon.children()[0], first, "the process that lives")


@test
def test_worker_stands_still():
    """A worker that stands still is replaced; what is asked meanwhile is answered by the next, and status says why"""
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"]) as daemon:
        pid = worker_of(daemon)
        daemon.ask("a.example.")
        since = len(daemon.log.all())
        os.kill(pid, signal.SIGSTOP)
        answers = daemon.ask_many([query("listed.test.", id=i) for i in range(100)])
        for r in answers:
            assert_blocked(r)
        daemon.log.wait("^warning worker-stuck worker 0, pid %d: it stands still" % pid, since)
        assert worker_of(daemon) != pid, "the same process"
        status, text = daemon.ctl("status")
        equal(status, 0, text)
        assert re.search(r"^restarts +worker 0: 1, the last \d+ s ago: it stands still: signal 9", text, re.MULTILINE), text
        del upstream


@test
def test_lists_that_kill():
    """Where workers keep dying with new lists, those before come back, and the reload has failed"""
    if SLOW > 1:
        raise Skip("not behind a wrapper")
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"]) as daemon:
        daemon.write("list0.txt", "other.test\n")
        assert daemon.reload().startswith("notice reloaded ")
        since, killed = len(daemon.log.all()), [worker_of(daemon)]
        while not any(line.startswith("error reload-failed ") for line in daemon.log.all()[since:]):
            os.kill(killed[-1], signal.SIGABRT)
            daemon.log.wait("^warning worker-died worker 0, pid %d: " % killed[-1], since)
            others = "|".join(map(str, killed))
            line = daemon.log.wait("^info worker-started worker 0, pid (?!(%s)$)" % others, since)
            killed.append(int(line.split()[-1]))
        assert_blocked(daemon.ask("listed.test."))
        assert_rcode(daemon.ask("other.test."), "NOERROR")
        status, text = daemon.ctl("status")
        equal(status, 1, text)
        assert re.search("^reason +the last reload failed: workers keep dying", text, re.MULTILINE), text
        assert re.search("^reason +worker 0 keeps dying$", text, re.MULTILINE), text
        # The next reload tries again.
        assert daemon.reload().startswith("notice reloaded ")
        assert_blocked(daemon.ask("other.test."))
        del upstream


def die(daemon, killed):
    """Have the worker that is none of `killed` die, and wait for it."""
    others = "|".join(map(str, killed)) or "none"
    pid = int(daemon.log.wait("^info worker-started worker 0, pid (?!(%s)$)" % others).split()[-1])
    os.kill(pid, signal.SIGABRT)
    daemon.log.wait("^warning worker-died worker 0, pid %d: " % pid)
    killed.append(pid)


@test
def test_lists_that_mend():
    """Where workers keep dying already, new lists are not blamed for one that dies before it has them"""
    if SLOW > 1:
        raise Skip("not behind a wrapper")
    one_worker()
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"]) as daemon:
        killed = []
        while not any("it keeps dying" in line for line in daemon.log.all()):
            die(daemon, killed)
        daemon.log.wait("^info worker-started worker 0, pid (?!(%s)$)" % "|".join(map(str, killed)))
        pid = worker_of(daemon)
        os.kill(pid, signal.SIGSTOP)
        daemon.write("list0.txt", "other.test\n")
        since = len(daemon.log.all())
        daemon.signal(signal.SIGHUP)
        # Nothing is logged when they are sent; its end comes with whatever it has not read.
        while "generation          2" not in daemon.ctl("status")[1]:
            time.sleep(0.01)
        os.kill(pid, signal.SIGABRT)
        os.kill(pid, signal.SIGCONT)
        assert daemon.log.wait("^(notice reloaded|error reload-failed) ", since).startswith("notice reloaded ")
        assert_blocked(daemon.ask("other.test."))
        del upstream


# --- the watchdog ---

@contextlib.contextmanager
def service_manager(usec):
    """The socket of one, who has a watchdog of so many microseconds."""
    with temporary_folder() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        path = os.path.join(folder, "notify")
        s.bind(path)
        os.chmod(path, 0o777)
        s.settimeout(WAIT_SECONDS)
        os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC=str(usec))
        try:
            yield s
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]


def wait_fed(manager, times):
    while times != 0:
        times -= manager.recv(1024) == b"WATCHDOG=1"


@test
def test_watchdog():
    """The watchdog is fed by questions to each worker, whoever is refused or limited; they are no client's"""
    with contextlib.closing(Namespace()) as namespace, namespace, service_manager(400000) as manager:
        namespace.ip("addr add 192.168.9.1/24 dev lo")
        listen = ["192.168.9.1", "0.0.0.0:5399"]
        if has_ipv6():
            namespace.ip("addr add fd00:9::1/64 dev lo nodad")
            listen += ["fd00:9::1", "[::]:5399"]
        conf = 'drop = {"192.168.0.0/16", "fd00::/8"}\nrate_limit = 1\nrate_limit_network = 1\n'
        with Quelld(None, ["listed.test\n"], listen, conf, ("--workers", "3"), namespace=namespace) as daemon:
            daemon.log.wait("^info watchdog ")
            wait_fed(manager, 20)
            stats = daemon.stats()
            assert stats["watchdog"] >= 10, stats["watchdog"]
            for counter in ("queries_udp", "internal", "blocked", "rate_limited", "client_dropped"):
                equal(stats[counter], 0, counter)
            # Without an address nobody can be asked, and no restart would bring it back.
            daemon.write_conf('listen = {"192.168.9.1:%d"}\n' % daemon.port + conf)
            namespace.ip("addr del 192.168.9.1/24 dev lo")
            wait_fed(manager, 10)


@test
def test_no_watchdog():
    """Where the service manager has none, no question is asked"""
    with contextlib.ExitStack() as stack:
        manager = stack.enter_context(service_manager("none"))
        with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
            while not manager.recv(1024).startswith(b"READY=1"):
                pass
            daemon.ask("a.example.")
            equal(daemon.stats()["watchdog"], 0, "questions")
            del upstream


@test
def test_flush():
    """quellctl flush forgets one name, or all, of every worker"""
    with FakeUpstream() as upstream, Quelld([upstream], args=["--workers", "2"]) as daemon:
        def fill():
            # Which worker takes a question is the kernel's to say: ask until both may have it.
            for name in ("a.test.", "b.test.", "c.test."):
                for _ in range(4):
                    daemon.ask(name)
            return daemon.stats()["cache_entries"]

        assert fill() >= 3
        status, text = daemon.ctl("flush", "A.test")
        equal(status, 0, text)
        assert int(text.split()[1]) >= 1, text
        before = len(upstream.asked("a.test"))
        daemon.ask("a.test.")
        equal(len(upstream.asked("a.test")), before + 1, "packets upstream after the flush")
        count = fill()
        status, text = daemon.ctl("flush", "--all")
        equal((status, text.split()), (0, ["flushed", str(count)]), "flush --all")
        equal(daemon.stats()["cache_entries"], 0, "entries in the cache")
        equal(daemon.ctl("flush")[0], 2, "exit status without a name")
        equal(daemon.ctl("flush", "a..b")[0], 1, "exit status for what is no name")
        equal(daemon.ctl("status", "--all")[0], 2, "exit status of --all where it does not belong")


@test
def test_control_socket_of_before():
    """A control socket that a killed quelld left is replaced; that of a running one is not"""
    with FakeUpstream() as upstream, contextlib.ExitStack() as stack:
        daemon = Quelld([upstream])
        stack.callback(daemon.kill)
        with Quelld([upstream], args=("--control", daemon.control), wait=False) as second:
            # Its own flag comes first, the last one counts.
            pass_or_fail = second.log.wait("^(notice ready|error) ")
            assert pass_or_fail.startswith("error "), pass_or_fail
            equal(second.wait(), 1, "exit status")
            second.stop = second.cleanup
        daemon.ctl("status")
        daemon.signal(signal.SIGKILL)
        daemon.process.wait()
        with Quelld([upstream], args=("--control", daemon.control)) as third:
            third.control = daemon.control
            equal(third.ctl("status")[0], 0, "exit status of quellctl")


# --- the log ---

@test
def test_log_lines():
    """Every line of the log is LEVEL TAG text, and none is written for a query"""
    with FakeUpstream() as upstream, Quelld([upstream], ["listed.test\n"]) as daemon:
        since = len(daemon.log.all())
        for i in range(50):
            daemon.ask("n%d.example." % i)
            daemon.ask("listed.test.")
        equal(daemon.log.all()[since:], [], "lines for queries")
        daemon.reload()
        for line in daemon.log.all():
            assert re.match(r"(error|warning|notice|info|debug) [a-z0-9-]+ \S", line), line
        del upstream


@test
def test_log_queries():
    """With log_queries each query is a line, and no name can forge one"""
    with FakeUpstream() as upstream, Quelld([upstream], conf="log_queries = yes\n") as daemon:
        since = len(daemon.log.all())
        daemon.ask("some\\010error\\032forged.example.")
        daemon.ask("other.example.")
        daemon.log.wait("other.example", since)
        lines = daemon.log.all()[since:]
        for line in lines:
            assert re.match(r"info query ", line), line
        assert sum("other.example" in line for line in lines) == 1, lines
        del upstream


if __name__ == "__main__":
    main()
