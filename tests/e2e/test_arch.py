"""Another machine: it answers, and what it writes is what a machine of another word size or byte order writes and reads.

`make check-arch` runs this under an emulator.  $QUELL_NATIVE is then a build for the machine that emulates."""

import contextlib
import os
import subprocess

import harness
from harness import (
    FakeUpstream, Quelld, Skip, address_of, addresses, assert_blocked, equal, main, temporary_folder, test)

NATIVE = os.environ.get("QUELL_NATIVE")

LISTS = (
    "".join("%s%d.zone%d.example\n" % ("www." * (i % 3), i, i % 701) for i in range(5000)),
    "0.0.0.0 host.example\n192.0.2.7 rewritten.example\n::1 six.example\n",
    "! adblock\n||suffix.example^\n@@||allowed.suffix.example^$important\n||types.example^$dnstype=A|HTTPS\n"
    "||denied.example^$denyallow=free.denied.example\n||clients.example^$client=192.0.2.0/24|2001:db8::/32\n"
    "/^ad[0-9]+[.-]/\n/(track|count)er\\.(com|net)$/\n||wild*card.example^\n",
    "$ORIGIN rpz.example.\n@ 60 IN SOA ns.example. admin.example. 1 60 60 60 60\n@ 60 IN NS ns.example.\n"
    "nx.example CNAME .\n*.nodata.example CNAME *.\nlocal.example A 192.0.2.1\n24.0.2.0.192.rpz-ip CNAME .\n"
    "48.zz.1.db8.2001.rpz-ip CNAME .\n",
)


@contextlib.contextmanager
def native():
    """What is started inside is the build for this machine."""
    if not NATIVE:
        raise Skip("QUELL_NATIVE names no build for this machine")
    emulated = harness.BUILD, harness.WRAPPER, harness.TOOL_WRAPPER
    harness.BUILD, harness.WRAPPER, harness.TOOL_WRAPPER = NATIVE, [], []
    try:
        yield
    finally:
        harness.BUILD, harness.WRAPPER, harness.TOOL_WRAPPER = emulated


def update(*args):
    """quell-update's output."""
    done = subprocess.run(harness.TOOL_WRAPPER + [os.path.join(harness.BUILD, "quell-update")] + list(args),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=harness.WAIT_SECONDS)
    equal(done.returncode, 0, "exit status of quell-update; it says: " + done.stderr.decode())
    return done.stdout


def read(path):
    with open(path, "rb") as f:
        return f.read()


@test
def test_answers():
    """Two workers answer what is blocked and what is forwarded, over UDP and TCP, and quellctl shows it"""
    with FakeUpstream() as upstream:
        with Quelld([upstream], lists=["blocked.test\n"], args=("--workers", "2")) as daemon:
            for i in range(8):
                name = "n%d.example." % i
                for tcp in (False, True):
                    assert_blocked(daemon.ask("www%d.blocked.test." % i, tcp=tcp))
                    equal(addresses(daemon.ask(name, tcp=tcp)), [address_of(name)], "address of " + name)
            equal({ask.name for ask in upstream.asks}, {"n%d.example." % i for i in range(8)}, "names asked upstream")
            equal(daemon.ctl("status")[0], 0, "exit status of quellctl status")
            equal(daemon.stats()["blocked"], 16, "blocked answers")


@test
def test_image():
    """The image of the same lists has the same bytes, whichever machine has compiled it"""
    with temporary_folder() as folder:
        files = []
        for i, text in enumerate(LISTS):
            files.append(os.path.join(folder, "list%d" % i))
            with open(files[-1], "w") as f:
                f.write(text)
        here, there = os.path.join(folder, "here"), os.path.join(folder, "there")
        update("compile", "-o", here, *files)
        rules = update("dump", here)
        with native():
            update("compile", "-o", there, *files)
            equal(update("dump", here), rules, "rules of the image")
        assert len(read(there)) > 10000, "an image of hardly any rules"
        assert read(here) == read(there), "the images differ"
        update("verify", there)


@test
def test_saved_cache():
    """What one machine has saved of its cache another gives: there and back"""
    names = ["n%d.example." % i for i in range(50)]
    asked = []
    with FakeUpstream() as upstream, temporary_folder() as folder:
        os.chmod(folder, 0o777)
        conf = 'state_dir = "%s"\n' % folder
        for n_loaded, machine in ((0, native), (len(names), contextlib.nullcontext), (len(names), native)):
            with machine(), Quelld([upstream], conf=conf, args=("--workers", "1")) as daemon:
                if n_loaded > 0:
                    daemon.log.wait("cache-file %d answers" % n_loaded)
                for name in names:
                    equal(addresses(daemon.ask(name)), [address_of(name)], "address of " + name)
            asked.append(len(upstream.asks))
        assert asked[0] >= len(names), asked  # on a slow machine some twice
        equal(asked[1:], asked[:1] * 2, "packets upstream, when the others are done")


if __name__ == "__main__":
    main()
