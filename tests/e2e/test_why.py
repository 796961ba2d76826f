"""Why a name is blocked, or not: by quellctl, by quell-update, in the EDE of the answer, and by any client with dig."""

import contextlib
import json
import os
import re
import shutil
import subprocess

import dns.rcode

from harness import (
    BUILD, WRAPPER, FakeUpstream, Quelld, Skip, address_of, addresses, assert_blocked, assert_rcode, ede, equal, main,
    one_worker, reply_to, temporary_folder, test)

# The rule wanted stands in the line that is named below.
LISTS = {
    "house": ("hosts", "# the house\n0.0.0.0 other.test\n0.0.0.0 exact.test\n"),
    "plain": ("domains", "other.test\nsuffix.test\nshared.test\n"),
    "vital": ("domains", "pool.ntp.org\n"),
    "stars": ("wildcards", "*.other.test\n*.wild.test\n*.shared.test\n"),
    "expressions": ("pihole-regex", "^never$\n\n\n^ads?[0-9]+\\.\n"),
    "zone": ("rpz", "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n*.rpz.test CNAME .\nok.rpz.test CNAME rpz-passthru.\n"),
}


def handler(ask):
    if ask.name == "www.shop.test.":
        return reply_to(ask.query, ask.name + " 300 IN CNAME cdn.shop.test.",
                        "cdn.shop.test. 300 IN CNAME x.suffix.test.", "x.suffix.test. 300 IN A 192.0.2.1")
    return reply_to(ask.query, "%s 300 IN A %s" % (ask.name, address_of(ask.name)))


def run_tool(tool, *args, status=0):
    done = subprocess.run(WRAPPER + [os.path.join(BUILD, tool)] + list(args), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(done.returncode, status, "exit status of %s %s: %s" % (tool, args, done.stderr.decode()))
    return done.stdout.decode()


class Place:
    """A state folder with the lists in it, and quelld with them in force."""

    def __init__(self, daemon, folder):
        self.daemon, self.folder = daemon, folder

    def kept(self, name):
        return os.path.join(self.folder, "state", "lists", name + ".txt")

    def ctl(self, *args):
        """What quellctl why says: {key: [values]}."""
        status, text = self.daemon.ctl("why", *args)
        equal(status, 0, text)
        said = {}
        for line in text.splitlines():
            key, value = line.split(None, 1)
            said.setdefault(key, []).append(value)
        return said

    def update(self, *args):
        return run_tool("quell-update", "why", "-c", self.daemon.conf, *args).splitlines()

    def txt(self, name, **kwargs):
        """The strings of NAME.why.quell.internal."""
        r = self.daemon.ask(name + ".why.quell.internal.", "TXT", **kwargs)
        assert_rcode(r, "NOERROR")
        rrset, = r.answer
        equal((str(rrset.name), rrset.ttl, len(rrset)), (name + ".why.quell.internal.", 0, 1), "record")
        return [part.decode() for part in rrset[0].strings]

    def ede_text(self, name):
        r = self.daemon.ask(name + ".")
        assert_blocked(r)
        text = ede(r)[0][1]
        assert len(text) <= 96, text
        return text


def conf_of(folder):
    conf = 'state_dir = "%s"\n' % os.path.join(folder, "state")
    for name, (syntax, text) in LISTS.items():
        path = os.path.join(folder, name + ".list")
        with open(path, "w") as f:
            f.write(text)
        conf += 'list "%s" {\n file = "%s"\n syntax = %s\n}\n' % (name, path, syntax)
    return conf


@contextlib.contextmanager
def place():
    with temporary_folder() as folder, FakeUpstream(handler) as upstream:
        conf = conf_of(folder)
        path = os.path.join(folder, "first.conf")
        with open(path, "w") as f:
            f.write(conf)
        run_tool("quell-update", "-c", path, "--control", os.path.join(folder, "nobody"))
        with Quelld([upstream], conf=conf) as daemon:
            yield Place(daemon, folder)


def by_list(there, name, rule, line, list_, verdict="blocked", asked=None, hop=""):
    """A name that one rule decides: what each of the four says."""
    asked = asked or name
    at = there.ctl(asked)
    equal(at["verdict"], [verdict + hop], "verdict by quellctl")
    place_of = "line %d of %s, which is " % (line, re.escape(there.kept(list_)))
    assert re.fullmatch(re.escape("%s: %s%s, " % (list_, rule, hop)) + place_of + r"\d+ \w+ old", at["match"][0]), at
    said = there.update(name)
    assert re.fullmatch(re.escape("%s: %s, " % (list_, rule)) + place_of + r"\d+ \w+ old", said[0]), said
    assert "%s A: %s" % (name, verdict) in said, said
    strings = there.txt(asked)
    equal(strings[:2], ["%s: %s%s" % (asked, verdict, hop), "%s: %s%s" % (list_, rule, hop)], "TXT")
    equal(strings[len(strings) - len(at["change"]):], ["to change it: " + c for c in at["change"]], "TXT: change")
    return at["change"]


def check_blocked(there, name, rule, line, list_):
    changes = by_list(there, name, rule, line, list_)
    equal(changes, ["quellctl allow " + name, "quell-update remove " + list_], "changes")
    equal([c for c in there.update(name) if c.startswith("to change")], ["to change it: " + c for c in changes], "why")
    equal(there.ede_text(name), "blocked by %s: %s" % (list_, rule), "EDE")


@test
def test_exact():
    """An exact rule"""
    with place() as there:
        check_blocked(there, "exact.test", "exact exact.test", 3, "house")


@test
def test_suffix():
    """A suffix rule, of a name below it"""
    with place() as there:
        check_blocked(there, "a.b.suffix.test", "suffix suffix.test", 2, "plain")


@test
def test_wildcard():
    """A wildcard"""
    with place() as there:
        check_blocked(there, "a.wild.test", "suffix wild.test", 2, "stars")


@test
def test_regex():
    """A regular expression"""
    with place() as there:
        check_blocked(there, "ads7.test", "regex /^ads?[0-9]+\\./", 4, "expressions")


@test
def test_rpz():
    """A response policy zone: blocked, and passed"""
    with place() as there:
        check_blocked(there, "a.rpz.test", "below rpz.test", 3, "zone")
        by_list(there, "ok.rpz.test", "exact ok.rpz.test pass nearest", 4, "zone", "let pass")
        equal(len(there.ctl("ok.rpz.test")["match"]), 2, "matches")
        assert re.match("zone: below rpz.test \\(void\\), line 3 of ", there.ctl("ok.rpz.test")["match"][1])


@test
def test_two_lists():
    """A name that two lists block: both are named, and removing one is not offered"""
    with place() as there:
        said = there.ctl("shared.test")
        equal([m.split(",")[0] for m in said["match"]], ["plain: suffix shared.test", "stars: suffix shared.test"])
        equal(said["change"], ["quellctl allow shared.test"], "changes")
        equal(there.ede_text("shared.test"), "blocked by plain: suffix shared.test", "EDE")
        equal(there.txt("shared.test"), [
            "shared.test: blocked", "plain: suffix shared.test", "stars: suffix shared.test",
            "to change it: quellctl allow shared.test"], "TXT")


@test
def test_own():
    """A rule of the user's own, over what lists say"""
    with place() as there:
        rules = os.path.join(there.daemon.dir, "rules")
        equal(there.daemon.ctl("block", "own.test", "--comment", "no more")[0], 0, "block")
        with open(rules) as f:
            line = 1 + [text.startswith("block own.test") for text in f].index(True)
        said = there.ctl("a.own.test")
        equal(said["verdict"], ["blocked"], "verdict")
        equal(said["match"], ["own rule: block own.test # no more, line %d of %s" % (line, rules)], "match")
        equal(said["change"], ["quellctl unset own.test", "quellctl allow a.own.test"], "changes")
        equal(there.update("a.own.test"), [
            "own rule: block own.test # no more, line %d of %s" % (line, rules), "a.own.test A: blocked",
            "to change it: quellctl unset own.test", "to change it: quellctl allow a.own.test"], "quell-update")
        equal(there.ede_text("a.own.test"), "blocked by a rule of this network: own.test", "EDE")
        equal(there.txt("a.own.test"), [
            "a.own.test: blocked", "own rule: block own.test", "to change it: quellctl unset own.test",
            "to change it: quellctl allow a.own.test"], "TXT")
        # The commands do what they say.
        for command, verdict in (("unset", "not listed"), ("allow", "allowed")):
            there.daemon.ctl("block", "own.test")
            change, = [c for c in there.ctl("a.own.test")["change"] if c.startswith("quellctl " + command)]
            equal(there.daemon.ctl(*change.split()[1:])[0], 0, change)
            equal(there.ctl("a.own.test")["verdict"], [verdict], "verdict after " + change)
            equal(addresses(there.daemon.ask("a.own.test.")), [address_of("a.own.test.")], "address")
        # Allowed, though a list has it; and that no longer.
        equal(there.daemon.ctl("allow", "=exact.test", "for", "1h")[0], 0, "allow")
        said = there.ctl("exact.test")
        equal(said["verdict"], ["allowed"], "verdict")
        assert re.match("own rule: allow =exact.test left (1h|59m)", said["match"][0]), said
        assert said["match"][1].startswith("house: exact exact.test, line 3 of "), said
        equal(said["change"], ["quellctl unset =exact.test", "quellctl block exact.test"], "changes")
        assert "exact.test A: allowed" in there.update("exact.test")
        assert "to change it: quellctl unset =exact.test" in there.update("exact.test")
        equal(there.daemon.ctl("unset", "=exact.test")[0], 0, "unset")
        equal(there.ctl("exact.test")["verdict"], ["blocked"], "verdict")


@test
def test_target():
    """A name whose answer leads to what a list blocks: known once the answer is in the cache"""
    with place() as there:
        unknown = "where its answer leads is not known: none is in the cache"
        said = there.ctl("www.shop.test")
        equal((said["verdict"], said["note"]), (["not listed"], [unknown]), "before")
        assert unknown in there.txt("www.shop.test")
        for _ in range(2):  # from upstream, and from the cache
            equal(there.ede_text("www.shop.test"), "leads to x.suffix.test, blocked by plain: suffix suffix.test", "EDE")
        changes = by_list(there, "x.suffix.test", "suffix suffix.test", 2, "plain", asked="www.shop.test",
                          hop=" (its answer leads to x.suffix.test)")
        equal(changes, ["quellctl allow www.shop.test"], "changes")
        assert "where its answer leads is known to quelld: quellctl why 'www.shop.test'" in there.update("www.shop.test")
        # An own rule on the target stands before the list's.
        there.daemon.ctl("block", "suffix.test")
        equal(there.ede_text("www.shop.test"),
              "leads to x.suffix.test, blocked by a rule of this network: suffix.test", "EDE")
        assert there.ctl("www.shop.test")["match"][0].startswith(
            "own rule: block suffix.test, line "), there.ctl("www.shop.test")
        there.daemon.ctl("allow", "www.shop.test")
        equal(addresses(there.daemon.ask("www.shop.test.")), ["192.0.2.1"], "address")
        equal(there.ctl("www.shop.test")["verdict"], ["allowed"], "verdict")


@test
def test_free():
    """A name that nothing matches"""
    one_worker()
    with place() as there:
        equal(addresses(there.daemon.ask("free.test.")), [address_of("free.test.")], "address")
        said = there.ctl("free.test")
        equal(said, {"name": ["free.test"], "type": ["A"], "verdict": ["not listed"],
                     "change": ["quellctl block free.test"]}, "quellctl")
        equal(there.txt("free.test"), ["free.test: not listed", "to change it: quellctl block free.test"], "TXT")
        equal(there.update("free.test", "AAAA"), [
            "free.test AAAA: not listed", "where its answer leads is known to quelld: quellctl why 'free.test'",
            "to change it: quellctl block free.test"], "quell-update")
        equal(there.daemon.ctl("block", "free.test")[0], 0, "block")
        assert_blocked(there.daemon.ask("free.test."))


@test
def test_needed():
    """A name that the network needs, exempted from a list that blocks it"""
    with place() as there:
        said = there.ctl("0.pool.ntp.org")
        equal(said["verdict"], ["exempt: the network needs it"], "verdict")
        equal([m.split(",")[0] for m in said["match"]], [
            "needed by the network: suffix pool.ntp.org allow important needed", "vital: suffix pool.ntp.org"], "match")
        equal(said["change"], ["quellctl block 0.pool.ntp.org"], "changes")
        equal(there.txt("0.pool.ntp.org"), [
            "0.pool.ntp.org: exempt: the network needs it",
            "needed by the network: suffix pool.ntp.org allow important needed", "vital: suffix pool.ntp.org",
            "to change it: quellctl block 0.pool.ntp.org"], "TXT")
        lines = there.update("0.pool.ntp.org")
        equal(lines[0], "needed by the network: suffix pool.ntp.org allow important needed", "quell-update")
        assert "0.pool.ntp.org A: exempt: the network needs it" in lines, lines
        equal(there.daemon.ctl("block", "0.pool.ntp.org")[0], 0, "block")
        equal(there.ede_text("0.pool.ntp.org"), "blocked by a rule of this network: 0.pool.ntp.org", "EDE")
        equal(there.ctl("0.pool.ntp.org")["change"],
              ["quellctl unset 0.pool.ntp.org", "quellctl allow 0.pool.ntp.org"], "changes")


@test
def test_pause():
    """A pause: what would match, and the command that ends it"""
    with place() as there:
        there.daemon.ctl("pause", "1h")
        said = there.ctl("exact.test")
        equal((said["verdict"], said["change"]), (["not blocked: blocking is paused"], ["quellctl resume"]), "quellctl")
        assert re.match("paused left (1h|59m)", said["blocking"][0]), said
        assert said["match"][0].startswith("house: exact exact.test, line 3 of "), said
        equal(there.txt("exact.test"), ["exact.test: not blocked: blocking is paused", "house: exact exact.test",
                                        "to change it: quellctl resume"], "TXT")
        said = there.update("exact.test")
        equal((re.sub(r"left (1h|59m(\d+s)?)$", "left", said[0]), said[2:]), ("blocking is paused left", ["exact.test A: not blocked: blocking is paused",
                                                           "to change it: quellctl resume"]), "quell-update")


@test
def test_text_is_gone():
    """A text that has changed since, cannot be read, or is not there"""
    with place() as there:
        with open(there.kept("house"), "w") as f:
            f.write("0.0.0.0 another.test\n")
        match, = there.ctl("exact.test")["match"]
        assert re.fullmatch("house: exact exact.test, no longer in %s, which is .* old"
                            % re.escape(there.kept("house")), match), match
        os.remove(there.kept("house"))
        match, = there.ctl("exact.test")["match"]
        equal(match, "house: exact exact.test, to be found in %s (%s: No such file or directory)"
              % (there.kept("house"), there.kept("house")), "match")
        assert match in there.update("exact.test")


@test
def test_other_configuration():
    """Lists are called as they were when the image was made, whatever the configuration has by now"""
    with place() as there:
        conf = open(there.daemon.conf).read()
        house, rest = re.search(r'(list "house" \{.*?\n\}\n)(.*)', conf, re.DOTALL).groups()

        def reload(text):
            there.daemon.write_conf(text)
            line = there.daemon.reload()
            assert line.startswith("notice reloaded "), line

        def check_names(house_stays):
            equal(there.ede_text("exact.test"), "blocked by house: exact exact.test", "EDE")
            equal(there.ede_text("suffix.test"), "blocked by plain: suffix suffix.test", "EDE")
            check_blocked(there, "ads7.test", "regex /^ads?[0-9]+\\./", 4, "expressions")
            for lines in (there.ctl("exact.test")["match"], there.update("exact.test")):
                equal(lines[0].split(",")[0], "house: exact exact.test", "match")
                equal(", line 3 of " in lines[0], house_stays, "line")

        # Moved to the end, then taken out, without quell-update.
        reload(conf.replace(house, "") + house)
        check_names(True)
        assert "quell-update remove house" in there.ctl("exact.test")["change"]
        reload(conf.replace(house, ""))
        check_names(False)
        equal(there.ctl("exact.test")["change"], ["quellctl allow exact.test"], "changes")
        # One of the same text by another name is another list: nothing but its name has changed.
        path = os.path.join(there.folder, "second.conf")
        for renamed in (False, True):
            with open(path, "w") as f:
                f.write(conf.replace('list "house"', 'list "home"') if renamed else conf)
            run_tool("quell-update", "-c", path, "--control", there.daemon.control)
            said = there.ctl("exact.test")["match"][0]
            equal(said.split(",")[0], "home: exact exact.test" if renamed else "house: exact exact.test", "match")
        # Without what stands beside the image nothing is known, rather than something wrong.
        os.remove(os.path.join(there.folder, "state", "image.lists"))
        reload(conf)
        equal(there.ctl("exact.test")["match"], ["list 0: exact exact.test"])
        equal(there.update("exact.test")[0], "list 0: exact exact.test")
        assert_blocked(there.daemon.ask("exact.test."))
        run_tool("quell-update", "-c", path, "--control", there.daemon.control)
        equal(there.ctl("exact.test")["match"], ["home: exact exact.test"])


@test
def test_named_image():
    """An image by --blocklist: its lists are called as the files that it was compiled from"""
    with temporary_folder() as folder, FakeUpstream(handler) as upstream:
        paths = [os.path.join(folder, name) for name in ("first list.txt", "second.txt")]
        for path, text in zip(paths, ("ads.test\n", "more.test\n")):
            with open(path, "w") as f:
                f.write(text)
        image = os.path.join(folder, "lists.image")
        run_tool("quell-update", "compile", "-o", image, *paths)
        with Quelld([upstream], [image]) as daemon:
            there = Place(daemon, folder)
            equal(there.ede_text("ads.test"), "blocked by first list.txt: suffix ads.test", "EDE")
            equal(there.ctl("more.test")["match"], ["second.txt: suffix more.test"])
            equal(there.ctl("more.test")["change"], ["quellctl allow more.test"], "changes")


def said_in(text):
    """What is said in JSON, but for how old a text is: between two questions a second can pass."""
    return json.loads(re.sub(r"which is \d+ \w+ old", "which is some seconds old", text))


@test
def test_json():
    """quellctl --json why"""
    with place() as there:
        status, text = there.daemon.ctl("--json", "why", "exact.test")
        equal(status, 0, text)
        said = said_in(text)
        equal((said["name"], said["verdict"], said["note"]), ("exact.test", "blocked", []), "JSON")
        equal(said["change"], ["quellctl allow exact.test", "quell-update remove house"], "JSON: change")
        assert said["match"][0].startswith("house: exact exact.test, line 3 of "), said
        other = said_in("\n".join(there.update("--json", "exact.test")))
        equal(other, said, "JSON of quell-update")
        there.daemon.ctl("pause", "--comment", 'a "party"')
        said = said_in(there.daemon.ctl("--json", "why", "exact.test")[1])
        equal(said_in("\n".join(there.update("--json", "exact.test"))), said, "JSON of quell-update, paused")


@test
def test_internal_names():
    """What is below quell.internal is answered here: for each type, over UDP and TCP, and never asked upstream"""
    conf = 'special_off = {"test"}\n'
    with FakeUpstream(handler) as upstream, Quelld([upstream], ["ads.test\n"], conf=conf) as daemon:
        for tcp in (False, True):
            r = daemon.ask("ads.test.why.quell.internal.", "TXT", tcp=tcp)
            equal([part.decode() for part in r.answer[0][0].strings],
                  ["ads.test: blocked", "list0.txt: suffix ads.test", "to change it: quellctl allow ads.test"], "TXT")
            for name, rdtype, rcode in (
                    ("ads.test.why.quell.internal.", "A", "NOERROR"), ("ads.test.why.quell.internal.", "SVCB", "NOERROR"),
                    ("why.quell.internal.", "TXT", "NOERROR"), ("quell.internal.", "TXT", "NOERROR"),
                    ("QUELL.Internal.", "NS", "NOERROR"), ("what.quell.internal.", "TXT", "NXDOMAIN"),
                    ("why.what.quell.internal.", "A", "NXDOMAIN"), ("xwhy.quell.internal.", "TXT", "NXDOMAIN")):
                r = daemon.ask(name, rdtype, tcp=tcp)
                assert_rcode(r, rcode)
                equal((r.answer, r.authority), ([], []), "records of " + name)
        equal(upstream.asked(), [], "packets upstream")
        # Names that only look like them are anybody's.
        for name in ("quell.internal.test.", "xquell.internal.", "\\005quell.internal."):
            assert_rcode(daemon.ask(name), "NOERROR")
        equal(len(upstream.asked()), 3, "packets upstream")
        equal(daemon.stats()["internal"], 18, "counter")


@test
def test_size():
    """An answer that does not fit a plain datagram comes over TCP"""
    label = "a" * 60
    name = ".".join([label] * 3)
    lists = ["%s\n" % name for _ in range(6)]
    with FakeUpstream(handler) as upstream, Quelld([upstream], lists) as daemon:
        r = daemon.ask(name + ".why.quell.internal.", "TXT", edns=False)
        assert r.flags & 0x0200 and not r.answer, "no TC, or records"
        r = daemon.ask(name + ".why.quell.internal.", "TXT", edns=False, tcp=True)
        equal(len(r.answer[0][0].strings), 8, "strings")


@test
def test_dig():
    """dig, as people use it"""
    if shutil.which("dig") is None:
        raise Skip("there is no dig (bind9-dnsutils)")
    with FakeUpstream(handler) as upstream, Quelld([upstream], ["ads.test\n"]) as daemon:
        def dig(*args):
            return subprocess.run(["dig", "@127.0.0.1", "-p", str(daemon.port)] + list(args), check=True,
                                  stdout=subprocess.PIPE).stdout.decode()

        equal(dig("+short", "www.ads.test.why.quell.internal", "TXT").strip(),
              '"www.ads.test: blocked" "list0.txt: suffix ads.test" "to change it: quellctl allow www.ads.test"')
        assert re.search(r"EDE: 15 \(Blocked\): \(blocked by list0\.txt: suffix ads\.test\)", dig("www.ads.test"))


if __name__ == "__main__":
    main()
