"""What names get that are not looked up: special names, and the block answers of the configuration."""

import os
import subprocess

import dns.message
import dns.rcode

from harness import (
    BUILD, WRAPPER, FakeUpstream, Quelld, address_of, addresses, assert_asked, assert_blocked, assert_rcode, ede_codes,
    equal, main, quelld_once, temporary_folder, test, wire_name, wire_query)


def assert_no(r, rcode, zone, ttl, rdclass="IN"):
    """A "no" with the SOA by which it can be kept."""
    assert_rcode(r, rcode)
    equal(r.answer, [], "answer")
    equal([rrset.to_text() for rrset in r.authority],
          ["%s %d %s SOA %s nobody.invalid. 1 3600 1200 604800 %d" % (zone, ttl, rdclass, zone, ttl)], "authority")


def ctl(daemon, *words):
    status, text = daemon.ctl(*words)
    equal(status, 0, text)
    return text


@test
def test_special_names():
    """Special names are answered without the upstream, each until it is switched off"""
    with FakeUpstream() as upstream, Quelld([upstream], conf="special_off = {}\n") as daemon:
        equal(addresses(daemon.ask("db.localhost.")), ["127.0.0.1"])
        equal(addresses(daemon.ask("localhost.", "AAAA")), ["::1"])
        for name, zone in (("x.test.", "."), ("onion.", "."), ("nas.local.", "."),
                           ("nas.home.arpa.", "home.arpa."), ("mask.icloud.com.", "icloud.com."),
                           ("use-application-dns.net.", "net."),
                           ("1.0.168.192.in-addr.arpa.", "168.192.in-addr.arpa.")):
            assert_no(daemon.ask(name), "NXDOMAIN", zone, 10800)
        assert_no(daemon.ask("_dns.resolver.arpa.", "SVCB", tcp=True), "NOERROR", "resolver.arpa.", 10800)
        equal(sorted(addresses(daemon.ask("ipv4only.arpa."))), ["192.0.0.170", "192.0.0.171"])
        equal(upstream.asked(), [], "asked")
        equal((daemon.stats()["special"], daemon.stats()["special_nxdomain"]), (11, 7), "special")
        assert "special name (mask.icloud.com): NXDOMAIN" in ctl(daemon, "why", "mask.icloud.com")
        ctl(daemon, "allow", "mask.icloud.com")
        equal(addresses(daemon.ask("mask.icloud.com.")), [address_of("mask.icloud.com.")])
        daemon.write_conf('special_off = {"local", "private-reverse"}\n')
        assert daemon.reload().startswith("notice reloaded ")
        equal(addresses(daemon.ask("nas.local.")), [address_of("nas.local.")])
        daemon.ask("1.0.168.192.in-addr.arpa.", "PTR")
        assert_asked(daemon, upstream, 1, "1.0.168.192.in-addr.arpa.")
        assert_no(daemon.ask("x.test."), "NXDOMAIN", ".", 10800)


@test
def test_unknown_special_name():
    """A word that is no special name ends the program with those that there are"""
    with temporary_folder() as folder:
        path = os.path.join(folder, "quell.conf")
        with open(path, "w") as f:
            f.write("special_off = {local, lan}\n")
        status, _, said = quelld_once("--check", "-c", path)
    equal(status, 2, "exit status")
    assert "there is no special name 'lan'; there are localhost, invalid, test" in said, said


@test
def test_block_answers():
    """block_answer and block_ttl hold after a reload, for lists and own rules, and are counted"""
    with FakeUpstream() as upstream, Quelld([upstream], ["ads.example\n"]) as daemon:
        assert_blocked(daemon.ask("ads.example."))
        ctl(daemon, "block", "own.example", "with", "192.0.2.80", "2001:db8::80", "for", "1h")
        daemon.write_conf("block_answer = nxdomain\nblock_ttl = 42\n")
        assert daemon.reload().startswith("notice reloaded ")
        r = daemon.ask("www.ads.example.", "HTTPS")
        assert_no(r, "NXDOMAIN", "ads.example.", 42)
        equal(ede_codes(r), [15], "EDE")
        equal(addresses(daemon.ask("own.example.")), ["192.0.2.80"])
        equal(addresses(daemon.ask("own.example.", "AAAA")), ["2001:db8::80"])
        assert_no(daemon.ask("own.example.", "TXT"), "NOERROR", "own.example.", 42)
        daemon.write_conf("block_answer = null\n")
        assert daemon.reload().startswith("notice reloaded ")
        r = daemon.ask("ads.example.", edns=False)
        equal([rrset.to_text() for rrset in r.answer], ["ads.example. 10 IN A 0.0.0.0"])
        # In the class HS, addresses are something else.
        assert_no(dns.message.from_wire(daemon.ask_wire(wire_query(wire_name("ads.example."), rdclass=4))), "NOERROR",
                  "ads.example.", 10, "HS")
        equal(upstream.asked(), [], "asked")
        stats = daemon.stats()
        equal([stats["blocked_" + mode] for mode in ("servfail", "nxdomain", "null", "address")], [1, 1, 2, 3])
        # It is kept in the file of own rules.
        assert "block own.example with 192.0.2.80 2001:db8::80 left " in ctl(daemon, "rules"), ctl(daemon, "rules")


@test
def test_block_answers_of_lists():
    """A list has a block answer of its own, from its image and after a change of the configuration"""
    with temporary_folder() as folder, FakeUpstream() as upstream:
        def conf(answer):
            text = 'state_dir = "%s"\nblock_answer = nodata\n' % os.path.join(folder, "state")
            for name, more in (("one", answer), ("two", "")):
                path = os.path.join(folder, name + ".list")
                with open(path, "w") as f:
                    f.write(name + ".example\n")
                text += 'list "%s" {\n file = "%s"\n %s\n}\n' % (name, path, more)
            return text

        path = os.path.join(folder, "first.conf")
        with open(path, "w") as f:
            f.write(conf("block_answer = refused"))
        subprocess.run(WRAPPER + [os.path.join(BUILD, "quell-update"), "-c", path, "--control", "/nowhere"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        with Quelld([upstream], conf=conf("block_answer = refused")) as daemon:
            assert_rcode(daemon.ask("one.example."), "REFUSED")
            assert_no(daemon.ask("two.example."), "NOERROR", "two.example.", 10)
            daemon.write_conf(conf("block_answer = {192.0.2.1}"))
            assert daemon.reload().startswith("notice reloaded ")
            equal(addresses(daemon.ask("one.example.", edns=False)), ["192.0.2.1"])
            assert_no(daemon.ask("two.example."), "NOERROR", "two.example.", 10)


@test
def test_adaptive():
    """Who asks again and again is moved to null, then to nxdomain"""
    conf = "adaptive = yes\nadaptive_threshold = 3\nadaptive_window = 1h\nadaptive_dwell = 0\n"
    with FakeUpstream() as upstream, Quelld([upstream], ["ads.example\n"], conf=conf) as daemon:
        rcodes = [dns.rcode.to_text(daemon.ask("ads.example.").rcode()) for _ in range(6)]
        equal(rcodes, ["SERVFAIL"] * 2 + ["NOERROR"] * 3 + ["NXDOMAIN"])
        assert_blocked(daemon.ask("www.ads.example."))
        equal(daemon.stats()["adaptive_moved"], 2)


if __name__ == "__main__":
    main()
