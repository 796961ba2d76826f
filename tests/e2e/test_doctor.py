"""quellctl doctor: on a machine where all is well, and where one thing after the other is not."""

import json
import os
import shutil
import signal
import socket
import subprocess

import dns.rcode
import dns.rdatatype

from harness import (
    BUILD, TOOL_WRAPPER, WAIT_SECONDS, FakeUpstream, Namespace, Quelld, Skip, equal, free_port, main, reply_to,
    temporary_folder, test, usual_reply)

NOBODY = 65534
SIGNATURE = ". 300 IN RRSIG SOA 8 0 300 20380101000000 20200101000000 1 . AAAA"


def signed_reply(ask):
    """As a resolver does that has the root's SOA."""
    if ask.query.question[0].rdtype != dns.rdatatype.SOA:
        return usual_reply(ask)
    soa = ". 300 IN SOA a.root. b.root. 1 2 3 4 5"
    return reply_to(ask.query, soa, *([SIGNATURE] if ask.query.edns >= 0 else []), edns=ask.query.edns >= 0)


def run(command, **kwargs):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=WAIT_SECONDS, **kwargs)
    equal(done.stderr, b"", "standard error")
    return done.returncode, done.stdout.decode()


def doctor_command(*args):
    return TOOL_WRAPPER + [os.path.join(BUILD, "quellctl")] + list(args) + ["doctor"]


def doctor(*args, before=(), **kwargs):
    """What it finds: {check: [(state, text, fix)]}.  The exit status has to fit."""
    status, text = run(list(before) + doctor_command("--json", *args), **kwargs)
    got = json.loads(text)
    states = {c["state"] for c in got["checks"]}
    worst = 2 if "bad" in states else 1 if "warn" in states else 0
    equal((status, got["state"]), (worst, ("well", "warnings", "bad")[worst]), text)
    found = {}
    for c in got["checks"]:
        assert set(c) == {"check", "state", "text", "fix"}, c
        assert c["fix"] or c["state"] == "ok" or "more than" in c["text"], "no fix in %r" % c
        found.setdefault(c["check"], []).append((c["state"], c["text"], c["fix"]))
    return found


def asked(daemon, **kwargs):
    return doctor("--control", daemon.control, "-c", daemon.conf, **kwargs)


def one(found, check, state, *parts):
    """There is such a finding, with these parts in its text."""
    assert any(s == state and all(part in text for part in parts) for s, text, _ in found.get(check, [])), \
        "no %s %s with %r in %r" % (state, check, parts, found)


def files(folder):
    """{path: (mtime, size)}"""
    found = {}
    for at, _, names in os.walk(folder):
        for name in names + ["."]:
            st = os.lstat(os.path.join(at, name))
            found[os.path.join(at, name)] = (st.st_mtime_ns, st.st_size)
    return found


@test
def test_well():
    """On port 53 of an address of the house, with compiled lists: nothing is wrong that is quell's, and nothing changes"""
    namespace = Namespace()
    namespace.ip("addr add 192.168.53.1/32 dev lo")
    with temporary_folder() as folder:
        os.chmod(folder, 0o755)
        with open(folder + "/list.txt", "w") as f:
            f.write("0.0.0.0 ads.example\n")
        conf = 'state_dir = "%s/state"\nlist "l" { file = "%s/list.txt" }\n' % (folder, folder)
        with open(folder + "/conf", "w") as f:
            f.write(conf)
        equal(subprocess.run([os.path.join(BUILD, "quell-update"), "run", "-c", folder + "/conf"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, timeout=WAIT_SECONDS).returncode, 0, "quell-update")
        with namespace:
            upstream = FakeUpstream(signed_reply)
            with upstream, Quelld([upstream], port=53, listen=("127.0.0.1", "192.168.53.1"), conf=conf,
                                  namespace=namespace) as daemon:
                before = files(folder), files(daemon.dir)
                found = asked(daemon)
                equal((files(folder), files(daemon.dir)), before, "files")
    namespace.close()
    one(found, "quelld", "ok", "all is well")
    one(found, "answers", "ok", "127.0.0.1:53")
    one(found, "answers", "ok", "192.168.53.1:53")
    one(found, "blocking", "ok", "ads.example is blocked")
    one(found, "upstream", "ok", upstream.address, "EDNS and DNSSEC")
    one(found, "ipv6", "ok")
    one(found, "disk", "ok", folder + "/state")
    assert "port" not in found and "house" not in found, found
    for check in ("quelld", "answers", "blocking", "upstream"):
        equal([c for c in found[check] if c[0] != "ok"], [], check)


@test
def test_away():
    """quelld does not run: that comes first, and the rest is looked at all the same"""
    port = free_port()
    with temporary_folder() as folder, FakeUpstream(signed_reply) as upstream:
        with open(folder + "/conf", "w") as f:
            f.write('listen = "127.0.0.1:%d"\nupstream = "%s"\nstate_dir = "%s"\nrules = "%s/rules"\n'
                    % (port, upstream.address, folder, folder))
        args = ("-c", folder + "/conf", "--control", folder + "/control")
        found = doctor(*args)
        equal(list(found)[0], "quelld")
        one(found, "quelld", "bad", folder + "/control", "does not run")
        one(found, "port", "ok", "127.0.0.1:%d is free" % port)
        one(found, "upstream", "ok", upstream.address)
        one(found, "disk", "ok", folder)
        assert "answers" not in found, found
        status, text = run(doctor_command(*args))
        equal(status, 2)
        lines = text.splitlines()
        assert lines[0].startswith("bad      quelld     does not run"), text
        assert lines[1].startswith("                    fix: "), text
        # And another program has its place.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", port))
            one(doctor(*args), "port", "bad", "UDP 127.0.0.1:%d is held by pid %d (" % (port, os.getpid()))


@test
def test_wrong_configuration():
    """A configuration that cannot be read is named with its line"""
    with temporary_folder() as folder:
        with open(folder + "/conf", "w") as f:
            f.write('upstream = "127.0.0.1:9"\nlisten = "nowhere"\n')
        found = doctor("-c", folder + "/conf", "--control", folder + "/control", before=isolated())
        one(found, "config", "bad", folder + "/conf:2:")
        found = doctor("-c", folder + "/none", "--control", folder + "/control", before=isolated())
        one(found, "config", "bad", folder + "/none")


def isolated():
    """What runs behind it has no network: nobody is asked."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        raise Skip("a process without network needs root, and unshare")
    return ["unshare", "-n"]


@test
def test_dead_upstream():
    """The only upstream is dead"""
    dead = "127.0.0.1:%d" % free_port()
    with Quelld([dead]) as daemon:
        one(asked(daemon), "upstream", "bad", dead + " does not answer over UDP: Connection refused")


@test
def test_one_of_two():
    """One of two upstreams says nothing: a warning"""
    with FakeUpstream(lambda ask: None) as silent, FakeUpstream(signed_reply) as upstream, \
            Quelld([silent, upstream]) as daemon:
        found = asked(daemon)
        one(found, "upstream", "warn", silent.address + " does not answer over UDP: silence")
        one(found, "upstream", "ok", upstream.address)
        assert not [c for c in found["upstream"] if c[0] == "bad"], found


@test
def test_poor_upstreams():
    """Upstreams without TCP, without EDNS, without signatures, and one that does not resolve"""
    def without_edns(ask):
        if ask.query.edns >= 0:
            reply = reply_to(ask.query, rcode=dns.rcode.FORMERR, edns=False)
            return reply
        return signed_reply(ask)

    def refusing(ask):
        return reply_to(ask.query, rcode=dns.rcode.REFUSED)

    with FakeUpstream(signed_reply) as no_tcp, FakeUpstream(without_edns) as no_edns, \
            FakeUpstream(usual_reply) as no_signature, FakeUpstream(refusing) as refuses:
        no_tcp.tcp.shutdown(socket.SHUT_RDWR)
        no_tcp.tcp.close()
        with Quelld([no_tcp, no_edns, no_signature, refuses]) as daemon:
            found = asked(daemon)
        one(found, "upstream", "warn", no_tcp.address + " does not answer over TCP (Connection refused)")
        one(found, "upstream", "warn", no_edns.address + " does not understand EDNS")
        one(found, "upstream", "warn", no_signature.address + " leaves DNSSEC signatures out")
        one(found, "upstream", "warn", refuses.address + " does not resolve", "RCODE 5")
        equal([text for state, text, _ in found["upstream"] if no_tcp.address in text and "TCP" not in text], [])


@test
def test_hung():
    """quelld is there and says nothing: it is not waited for for long"""
    with FakeUpstream(signed_reply) as upstream, Quelld(
            [upstream], conf='upstream = "%s"\nlisten = "127.0.0.1:@PORT@"\n' % upstream.address) as daemon:
        daemon.signal(signal.SIGSTOP)
        try:
            found = asked(daemon)
        finally:
            daemon.signal(signal.SIGCONT)
        one(found, "quelld", "bad", "no answer within 2 s")
        one(found, "port", "bad", "is held by pid")


@test
def test_paused():
    """Blocking is paused; and nobody in the house can ask 127.0.0.1"""
    with FakeUpstream(signed_reply) as upstream, Quelld([upstream], lists=["ads.example\n"]) as daemon:
        equal(daemon.ctl("pause", "30m")[0], 0)
        found = asked(daemon)
        one(found, "blocking", "warn", "paused left")
        one(found, "house", "warn", "127.0.0.1")
        equal(daemon.ctl("pause")[0], 0)
        one(asked(daemon), "quelld", "warn", "nothing is blocked until")


@test
def test_disk():
    """The state folder is read-only, or full: in a private mount namespace"""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        raise Skip("mounting needs root, and unshare")
    with temporary_folder() as folder, FakeUpstream(signed_reply) as upstream:
        with open(folder + "/conf", "w") as f:
            f.write('listen = "127.0.0.1:9"\nupstream = "%s"\nstate_dir = "%s/state"\nrules = "%s/rules"\n'
                    % (upstream.address, folder, folder))
        os.mkdir(folder + "/state")
        for mount, text in (("mount -t tmpfs -o ro none", "is read-only"), ("mount -t tmpfs -o size=1M none", "are left"),
                            ("mount -t tmpfs -o nr_inodes=1,size=200M none", "inodes")):
            script = '%s "$1"/state || exit 77; shift; exec "$@"' % mount
            before = ["unshare", "-m", "sh", "-c", script, "sh", folder]
            if subprocess.run(before + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
                raise Skip("no file system can be mounted here")
            found = doctor("-c", folder + "/conf", "--control", folder + "/control", before=before)
            one(found, "disk", "bad", folder + "/state", text)


@test
def test_ordinary_user():
    """Without rights: what may not be seen is said, and the rest is checked"""
    if os.geteuid() != 0:
        raise Skip("to become another user needs root")

    def become():
        os.setgroups([])
        os.setgid(NOBODY - 1)
        os.setuid(NOBODY - 1)

    try:
        run(TOOL_WRAPPER + [os.path.join(BUILD, "quellctl"), "--version"], preexec_fn=become, cwd="/")
    except PermissionError:
        raise Skip("the build folder is in one that only root may look into") from None
    with FakeUpstream(signed_reply) as upstream, Quelld(
            [upstream], conf='upstream = "%s"\nlisten = "127.0.0.1:@PORT@"\n' % upstream.address) as daemon:
        # The daemon may have become that very user.
        found = asked(daemon, preexec_fn=become, cwd="/")
        one(found, "rights", "unknown", "not root")
        one(found, "quelld", "unknown", "Permission denied")
        one(found, "answers", "ok", "127.0.0.1:%d" % daemon.port)
        one(found, "upstream", "ok", upstream.address)


if __name__ == "__main__":
    main()
