"""Lists of every syntax over the wire: what they block, let through and answer, for whom, and what is said of it."""

import os
import re
import subprocess

import dns.rdatatype

from harness import (
    BUILD, FakeUpstream, Quelld, address_of, addresses, assert_blocked, assert_rcode, check_answer, equal, main, query,
    records, temporary_folder, test, to_wire)

# The same four verdicts in each syntax: blocked with all below, blocked alone, let through below a block, free.
SAME = {
    "domains": "zone.test\n",
    "wildcards": "*.zone.test\n",
    "adblock": "[Adblock Plus]\n! a comment\n||zone.test^\n@@||good.zone.test^\nzone.test##.ad\n||zone.test/path^\n",
    "dnsmasq": "# a comment\naddress=/zone.test/\nserver=/good.zone.test/#\nserver=/com/192.0.2.1\n",
    "unbound": 'server:\n\tlocal-zone: "zone.test." refuse\n\tlocal-zone: "good.zone.test." transparent\n',
    "smartdns": "address /zone.test/#\naddress /good.zone.test/-\n",
    "rpz": "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\nzone.test CNAME .\n*.zone.test CNAME .\n"
           "good.zone.test CNAME rpz-passthru.\n*.good.zone.test CNAME rpz-passthru.\n",
    "pihole-regex": "(^|\\.)zone\\.test$\n^only[0-9]+\\.test$\n",
}
EXCEPTS = ("adblock", "dnsmasq", "unbound", "smartdns", "rpz")


def image_folder(folder, sections):
    """A configuration with these lists, (name, text, options), compiled by quell-update: its text."""
    conf = 'state_dir = "%s/state"\n' % folder
    for name, text, options in sections:
        path = os.path.join(folder, name)
        with open(path, "w") as f:
            f.write(text)
        conf += 'list "%s" {\n\tfile = "%s"\n%s}\n' % (name, path, "".join("\t%s\n" % o for o in options))
    path = os.path.join(folder, "quell.conf")
    with open(path, "w") as f:
        f.write(conf)
    done = subprocess.run([os.path.join(BUILD, "quell-update"), "run", "-c", path, "--control", folder + "/none"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(done.returncode, 0, done.stdout.decode())
    return conf


def assert_free(daemon, name):
    equal(addresses(daemon.ask(name)), [address_of(name)], "address of " + name)


def check_same(daemon, syntax):
    for name in ("zone.test.", "www.zone.test.", "a.b.c.zone.test."):
        assert_blocked(daemon.ask(name))
        assert_blocked(daemon.ask(name, "HTTPS", tcp=True))
    for name in ("xzone.test.", "zone.test.org.", "test.", "free.test."):
        assert_free(daemon, name)
    for name in ("good.zone.test.", "www.good.zone.test."):
        if syntax in EXCEPTS:
            assert_free(daemon, name)
        else:
            assert_blocked(daemon.ask(name))


@test
def test_each_syntax():
    """Lists of each syntax, found out by their content, block what they name and let through what they except"""
    for syntax, text in SAME.items():
        with FakeUpstream() as upstream, Quelld([upstream], [text]) as daemon:
            print("# " + syntax, flush=True)
            check_same(daemon, syntax)


@test
def test_swaps_between_syntaxes():
    """By SIGHUP a list in one syntax takes the place of one in another"""
    with FakeUpstream() as upstream, Quelld([upstream], ["other.test\n"]) as daemon:
        assert_blocked(daemon.ask("other.test."))
        for syntax, text in SAME.items():
            print("# " + syntax, flush=True)
            daemon.write("list0.txt", text)
            line = daemon.reload()
            assert line.startswith("notice reloaded "), line
            check_same(daemon, syntax)
        assert_free(daemon, "other.test.")


@test
def test_exceptions_of_other_lists():
    """An exception of an Adblock list holds for all lists; $important and $badfilter weigh more"""
    lists = ["0.0.0.0 good.test\n0.0.0.0 bad.test\n", "@@||good.test^\n@@||bad.test^\n||bad.test^$important\n",
             "gone.test\nstays.test\n", "||gone.test^$badfilter\n||any.test^\n"]
    with FakeUpstream() as upstream, Quelld([upstream], lists) as daemon:
        assert_free(daemon, "good.test.")
        assert_free(daemon, "gone.test.")
        for name in ("bad.test.", "stays.test.", "any.test."):
            assert_blocked(daemon.ask(name))


@test
def test_types():
    """A rule for some types of queries blocks these alone"""
    lists = ["||six.test^$dnstype=AAAA\n||not-a.test^$dnstype=~A\n", "^txt[0-9]\\.test$;querytype=TXT\n"]
    with FakeUpstream() as upstream, Quelld([upstream], lists) as daemon:
        for name, blocked, free in (("six.test.", "AAAA", "A"), ("not-a.test.", "TXT", "A"), ("txt7.test.", "TXT", "A")):
            assert_blocked(daemon.ask(name, blocked))
            assert_free(daemon, name)
            assert_rcode(daemon.ask(name, free), "NOERROR")


@test
def test_clients():
    """A rule for a client's address holds for that client, whatever another one has asked before"""
    lists = ["||kids.test^$client=127.0.0.2\n||all.test^$client=~127.0.0.3\n||named.test^$client=laptop\n||x.test^\n"]

    def ask_from(daemon, source, name):
        q = query(name)
        with daemon.udp_socket(source=(source, 0)) as s:
            s.send(to_wire(q))
            return check_answer(q, s.recv(65535))

    with FakeUpstream() as upstream, Quelld([upstream], lists) as daemon:
        for _ in range(2):  # the second time out of the cache
            for source, kids, everybody in (("127.0.0.1", False, True), ("127.0.0.2", True, True),
                                            ("127.0.0.3", False, False)):
                for name, blocked in (("kids.test.", kids), ("all.test.", everybody)):
                    r = ask_from(daemon, source, name)
                    if blocked:
                        assert_blocked(r)
                    else:
                        equal(addresses(r), [address_of(name)], "%s for %s" % (name, source))
        assert_free(daemon, "named.test.")  # a client by its name: not applied


REWRITES = {
    "dnsmasq": "address=/nas.test/192.0.2.99\naddress=/nas.test/2001:db8::99\naddress=/none.test/#\n",
    "adblock": "||cname.test^$dnsrewrite=target.test\n||nx.test^$dnsrewrite=NXDOMAIN;;\n"
               "||rewritten.test^$dnsrewrite=192.0.2.77\n",
    "rpz": "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\nlocal.test A 192.0.2.55\nnodata.test CNAME *.\n"
           "nxdomain.test CNAME .\n32.1.2.0.192.rpz-ip CNAME .\n",
    "hosts": "0.0.0.0 zero.test\n192.0.2.44 hosts.test\n",
}


def sections(trust):
    return [(name, text, ["syntax = " + name, "trust = " + trust]) for name, text in REWRITES.items()]


@test
def test_rewrites_with_trust():
    """With trust = rewrite names get the answers of the lists"""
    with temporary_folder() as folder, FakeUpstream() as upstream:
        conf = image_folder(folder, sections("rewrite"))
        with Quelld([upstream], conf=conf) as daemon:
            for name, address in (("nas.test.", "192.0.2.99"), ("www.nas.test.", "192.0.2.99"),
                                  ("rewritten.test.", "192.0.2.77"), ("local.test.", "192.0.2.55"),
                                  ("hosts.test.", "192.0.2.44")):
                for tcp in (False, True):
                    equal(addresses(daemon.ask(name, tcp=tcp)), [address], "address of " + name)
            equal(addresses(daemon.ask("nas.test.", "AAAA")), ["2001:db8::99"], "IPv6 address of nas.test")
            for name, rcode in (("nx.test.", "NXDOMAIN"), ("nxdomain.test.", "NXDOMAIN"), ("nodata.test.", "NOERROR")):
                r = daemon.ask(name)
                assert_rcode(r, rcode)
                equal(len(r.answer), 0, "answers for " + name)
            equal(upstream.asked(), [], "packets upstream")
            r = daemon.ask("cname.test.")
            assert ("cname.test.", dns.rdatatype.CNAME, "target.test.") in records(r) or \
                ("cname.test.", "CNAME", "target.test.") in records(r), records(r)
            assert address_of("target.test.") in addresses(r), records(r)


@test
def test_rewrites_without_trust():
    """Without it they are left out, and what leads nowhere blocks"""
    with temporary_folder() as folder, FakeUpstream() as upstream:
        conf = image_folder(folder, sections("block"))
        with Quelld([upstream], conf=conf) as daemon:
            for name in ("nas.test.", "rewritten.test.", "cname.test.", "local.test.", "hosts.test."):
                assert_free(daemon, name)
            for name in ("none.test.", "nx.test.", "nodata.test.", "nxdomain.test.", "zero.test."):
                assert_blocked(daemon.ask(name))


@test
def test_answers_that_lead_to_an_address():
    """A rule of an RPZ on addresses blocks the answers that have them"""
    zone = "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n32.%s.2.0.192.rpz-ip CNAME .\nz.test CNAME .\n" % (
        address_of("bad.test.").rsplit(".", 1)[1])
    with FakeUpstream() as upstream, Quelld([upstream], [zone]) as daemon:
        assert_blocked(daemon.ask("bad.test."))
        assert_free(daemon, "other.test.")


def why(daemon, *args):
    status, text = daemon.ctl("why", *args)
    equal(status, 0, text)
    return [line.split(None, 1) for line in text.splitlines()]


@test
def test_why():
    """quellctl why names the rule of each kind, its list and the verdict"""
    lists = ["0.0.0.0 exact.test\n", "suffix.test\n", "*.wild.test\n", "^re[0-9]+\\.test$\n",
             "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n*.rpz.test CNAME .\nok.rpz.test CNAME rpz-passthru.\n",
             "||suffix.test^$dnstype=TXT\n@@||let.suffix.test^\n||me.test^$client=192.0.2.9\n"]
    with FakeUpstream() as upstream, Quelld([upstream], lists) as daemon:
        def expect(args, type_, verdict, *matches, client=None):
            said = why(daemon, *args)
            wanted = [["name", args[0].lower().rstrip(".")], ["type", type_]]
            wanted += [["client", client]] if client else []
            wanted += [["verdict", verdict]]
            equal(said[:len(wanted)], wanted, "head")
            # Where it stands is for test_why.py.
            equal([re.sub(", lines? [0-9].*", "", value) for key, value in said[3:] if key == "match"],
                  list(matches), "matches for " + args[0])

        p = [os.path.basename(path) for path in daemon.lists]
        expect(("exact.test",), "A", "blocked", "%s: exact exact.test" % p[0])
        expect(("www.exact.test",), "A", "not listed")
        expect(("WWW.Suffix.Test.",), "A", "blocked", "%s: suffix suffix.test" % p[1])
        expect(("suffix.test", "TXT"), "TXT", "blocked", "%s: suffix suffix.test" % p[1],
               "%s: suffix suffix.test block types=TXT" % p[5])
        expect(("a.wild.test",), "A", "blocked", "%s: suffix wild.test" % p[2])
        expect(("re42.test", "aaaa"), "AAAA", "blocked", "%s: regex /^re[0-9]+\\.test$/" % p[3])
        expect(("x.rpz.test",), "A", "blocked", "%s: below rpz.test" % p[4])
        expect(("ok.rpz.test",), "A", "let pass", "%s: exact ok.rpz.test pass nearest" % p[4],
               "%s: below rpz.test (void)" % p[4])
        expect(("let.suffix.test",), "A", "allowed", "%s: suffix let.suffix.test allow" % p[5],
               "%s: suffix suffix.test" % p[1])
        assert ["note", "another client may get another verdict"] in why(daemon, "me.test")
        expect(("me.test", "A", "--client", "192.0.2.9"), "A", "blocked",
               "%s: suffix me.test block clients=192.0.2.9" % p[5], client="192.0.2.9")
        expect(("me.test", "--client", "192.0.2.8"), "A", "not listed", client="192.0.2.8")
        status, text = daemon.ctl("why", "exact.test", "FOO")
        equal(status, 1, text)
        assert "query type" in text, text


@test
def test_what_is_left_out_is_said():
    """Lines that are not understood are counted and the first is named; a text that is no list is refused"""
    with FakeUpstream() as upstream, Quelld([upstream], ["||a.test^\n||b.test^\n||c..test^\n||d.test^\n"]) as daemon:
        daemon.log.wait("1 of 4 lines not understood, the first is line 3")
        assert_blocked(daemon.ask("d.test."))
        daemon.write("list0.txt", "<!DOCTYPE html>\n<html><body>Moved</body></html>\n")
        line = daemon.reload()
        assert line.startswith("error reload-failed "), line
        assert_blocked(daemon.ask("d.test."))


if __name__ == "__main__":
    main()
