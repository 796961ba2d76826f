"""What the lists block, and what they leave alone."""

import os
import subprocess

import dns.message
import dns.name
import dns.rdatatype

from harness import (
    BUILD, FakeUpstream, Quelld, Skip, address_of, addresses, assert_asked, assert_blocked, check_answer,
    equal, main, query, temporary_folder, test, to_wire, wire_name, wire_query)

HOSTS = """# a hosts list
127.0.0.1 localhost
127.0.0.1\tlocalhost.localdomain local
::1 ip6-localhost ip6-loopback
0.0.0.0 host.exact.test
0.0.0.0 one.exact.test two.exact.test # two on a line
127.0.0.1\tUpper.Exact.test
"""

DOMAINS = """# a list of domains
suffix.test
deep.under.other.test
xn--bcher-kva.test
_dmarc.service.test
"""

BLOCKED = (
    "host.exact.test.", "one.exact.test.", "two.exact.test.", "upper.exact.test.", "suffix.test.",
    "www.suffix.test.", "a.b.c.d.suffix.test.", "deep.under.other.test.", "x.deep.under.other.test.",
    "xn--bcher-kva.test.", "_dmarc.service.test.", "*.suffix.test.", "\\000.suffix.test.", "\\046.suffix.test.",
    "SUFFIX.TEST.", "wWw.SuFfIx.tEsT.", "HOST.exact.TEST.",
)

# One letter or one label more or less, a dot that is none, and what stands above.
FREE = (
    "exact.test.", "www.host.exact.test.", "ost.exact.test.", "hosts.exact.test.", "host.exact.test.com.",
    "host.exact.tes.", "three.exact.test.", "test.", "suffix.tes.", "suffix.testt.", "uffix.test.", "suffixx.test.",
    "xsuffix.test.", "-suffix.test.", "suffix.test.org.", "www\\.suffix.test.", "suffix\\.test.",
    "suffix\\.test.test.", "under.other.test.", "other.test.", "www.under.other.test.", "deepunder.other.test.",
    "bcher-kva.test.", "dmarc.service.test.", "service.test.", "localhost.localdomain.test.",
)

TYPES = ("A", "AAAA", "HTTPS", "SVCB", "CNAME", "MX", "TXT", "NS", "SOA", "PTR", "SRV", "DS", "DNSKEY", "CAA",
         "ANY", "TYPE65400")


def check_verdicts(daemon, upstream):
    for name in BLOCKED:
        for edns in (True, False):
            assert_blocked(daemon.ask(name, edns=edns))
            assert_blocked(daemon.ask(name, "HTTPS", edns=edns, tcp=True))
    equal(upstream.asked(), [], "packets upstream for blocked names")
    for name in FREE:
        equal(addresses(daemon.ask(name)), [address_of(dns.name.from_text(name))], "address of " + name)
        assert_asked(daemon, upstream, 1, str(dns.name.from_text(name)))


@test
def test_verdicts():
    """Exact and suffix rules block what they cover and none of its neighbours"""
    with FakeUpstream() as upstream, Quelld([upstream], [HOSTS, DOMAINS]) as daemon:
        check_verdicts(daemon, upstream)


@test
def test_verdicts_of_an_image():
    """A compiled image blocks the same as the lists that it was made of"""
    compiler = os.path.join(BUILD, "quell-update")
    if not os.path.exists(compiler):
        raise Skip("quell-update is not built")
    with temporary_folder() as folder, FakeUpstream() as upstream:
        image = os.path.join(folder, "image")
        for name, text in (("hosts", HOSTS), ("domains", DOMAINS)):
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        subprocess.run([compiler, "compile", "-o", image, os.path.join(folder, "hosts"),
                        os.path.join(folder, "domains")], check=True, stdout=subprocess.DEVNULL)
        os.chmod(image, 0o644)
        with Quelld([upstream], [image]) as daemon:
            check_verdicts(daemon, upstream)


@test
def test_every_type():
    """Every type of a listed name is blocked, in every class that is forwarded, over UDP and TCP"""
    with FakeUpstream() as upstream, Quelld([upstream], [HOSTS, DOMAINS]) as daemon:
        for name in ("host.exact.test.", "www.suffix.test."):
            for rdtype in TYPES:
                for tcp in (False, True):
                    for edns in (False, True):
                        r = daemon.ask(name, rdtype, tcp=tcp, edns=edns)
                        assert_blocked(r)
                        equal(len(r.question), 1, "questions in the answer")
            for rdclass in (1, 4, 255):
                wire = wire_query(wire_name(name), 1, rdclass)
                assert_blocked(check_answer(dns.message.from_wire(wire), daemon.ask_wire(wire)))
        equal(upstream.asked(), [], "packets upstream")


@test
def test_flags_do_not_matter():
    """A listed name is blocked with and without RD, CD and DO"""
    with FakeUpstream() as upstream, Quelld([upstream], [DOMAINS]) as daemon:
        for rd in (False, True):
            for cd in (False, True):
                for do in (False, True):
                    assert_blocked(daemon.ask("www.suffix.test.", rd=rd, cd=cd, do=do))
        equal(upstream.asked(), [], "packets upstream")


@test
def test_small_and_whole():
    """A blocked answer repeats the question and fits into 512 bytes, for the longest name too"""
    longest = ".".join(["x" * 63, "x" * 63, "x" * 63, "x" * 48, "suffix.test."])
    equal(len(dns.name.from_text(longest).to_wire()), 254, "length of the name")
    with FakeUpstream() as upstream, Quelld([upstream], [DOMAINS]) as daemon:
        for edns in (False, True):
            q = query(longest, edns=edns, payload=512)
            wire = daemon.ask_wire(to_wire(q))
            assert len(wire) <= 512, "%d bytes" % len(wire)
            r = check_answer(q, wire)
            equal(r.question, q.question, "question")
            assert_blocked(r)
        equal(upstream.asked(), [], "packets upstream")


@test
def test_own_names_are_no_rules():
    """The machine's own names on a hosts list are not blocked"""
    with FakeUpstream() as upstream, Quelld([upstream], [HOSTS]) as daemon:
        for name in ("localhost.", "localhost.localdomain.", "local.", "ip6-localhost.", "ip6-loopback."):
            r = daemon.ask(name)
            assert r.rcode() != 2, "%s is blocked" % name
        del upstream


@test
def test_no_lists():
    """Without a list nothing is blocked"""
    with FakeUpstream() as upstream, Quelld([upstream]) as daemon:
        for name in ("host.exact.test.", "doubleclick.net."):
            equal(addresses(daemon.ask(name)), [address_of(name)], "address of " + name)
        assert_asked(daemon, upstream, 2)


@test
def test_many_rules():
    """Each of 20,000 rules is found, and none of their neighbours"""
    names = ["n%d.bulk%d.test." % (i, i % 100) for i in range(20000)]
    with FakeUpstream() as upstream, Quelld([upstream], ["".join(n[:-1] + "\n" for n in names)]) as daemon:
        for start in range(0, len(names), 100):
            queries = [query(name, id=i, edns=False) for i, name in enumerate(names[start:start + 100])]
            for r in daemon.ask_many(queries):
                assert_blocked(r)
        equal(upstream.asked(), [], "packets upstream")
        queries = [query("n%d.bulk%d.test." % (i, (i + 1) % 100), id=i) for i in range(0, 200)]
        for q, r in zip(queries, daemon.ask_many(queries)):
            equal(r.rcode(), 0, "rcode of %s" % q.question[0])
        equal({a.name for a in upstream.asked()}, {str(q.question[0].name) for q in queries}, "names asked upstream")


if __name__ == "__main__":
    main()
