"""Names of the house: what may lead into it, and who is asked for them."""

import os
import re
import signal

from harness import (
    FakeUpstream, Quelld, address_of, addresses, assert_blocked, assert_rcode, ede, equal, free_port, main, quelld_once, records,
    reply_to, temporary_folder, test, usual_reply)


def ctl(daemon, *words):
    status, text = daemon.ctl(*words)
    equal(status, 0, text)
    return text


def at(table):
    """A handler: these names have these addresses, all others the usual one."""
    def handle(ask):
        question = ask.query.question[0]
        address = table.get(str(question.name).lower())
        if address is None or question.rdtype != 1:
            return usual_reply(ask)
        return reply_to(ask.query, "%s 300 IN A %s" % (question.name, address))
    return handle


@test
def test_rebinding():
    """Public names lead to no private address, unless the configuration, or a rule of one's own, says so"""
    table = {"evil.example.": "192.168.1.1", "a.plex.direct.": "192.168.1.2", "nas.lan.": "192.168.1.3"}
    with FakeUpstream(at(table)) as upstream, Quelld([upstream], conf='rebind_allow = {"plex.direct"}\n') as daemon:
        r = daemon.ask("evil.example.")
        assert_rcode(r, "SERVFAIL")
        equal(ede(r), [(15, "rebinding: private address for a public name")])
        equal(addresses(daemon.ask("a.plex.direct.")), ["192.168.1.2"])
        equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.3"])
        said = ctl(daemon, "why", "evil.example")
        assert "rebinding: a private address for a public name" in said and "192.168.1.1" in said, said
        ctl(daemon, "allow", "evil.example")
        equal(addresses(daemon.ask("evil.example.")), ["192.168.1.1"])
        ctl(daemon, "unset", "evil.example")
        assert_rcode(daemon.ask("evil.example."), "SERVFAIL")
        equal(daemon.stats()["rebind"], 2)
        # From the cache, until another upstream is trusted.
        equal(len(upstream.asked("evil.example.")), 1)
        daemon.write_conf('rebind_trust = {"%s"}\n' % upstream.address)
        assert daemon.reload().startswith("notice reloaded ")
        equal(addresses(daemon.ask("evil.example.")), ["192.168.1.1"])
        equal(len(upstream.asked("evil.example.")), 2)
        daemon.write_conf("rebind_protection = no\n")
        assert daemon.reload().startswith("notice reloaded ")
        equal(addresses(daemon.ask("evil.example.")), ["192.168.1.1"])


@test
def test_forward():
    """The names of a zone, and the reverse names of a network, are asked of its own upstream"""
    def router(ask):
        question = ask.query.question[0]
        if question.rdtype == 12:
            return reply_to(ask.query, "%s 300 IN PTR nas.lan." % question.name)
        return reply_to(ask.query, "%s 300 IN A 192.168.1.3" % question.name)

    with FakeUpstream() as upstream, FakeUpstream(router) as lan:
        def zone(name):
            return 'forward "%s" {\n upstream = {"%s"}\n}\n' % (name, lan.address)

        with Quelld([upstream], ["ads.lan\n"], conf=zone("lan") + zone("172.16.0.0/12")) as daemon:
            equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.3"])
            equal(addresses(daemon.ask("nas.lan.", tcp=True)), ["192.168.1.3"])
            equal(records(daemon.ask("1.2.31.172.in-addr.arpa.", "PTR")),
                  {("1.2.31.172.in-addr.arpa.", "PTR", "nas.lan.")})
            assert_rcode(daemon.ask("1.2.32.172.in-addr.arpa.", "PTR"), "NOERROR")
            assert_blocked(daemon.ask("x.ads.lan."))
            equal([str(a.name) for a in lan.asked()], ["nas.lan.", "1.2.31.172.in-addr.arpa."])
            equal([str(a.name) for a in upstream.asked()], ["1.2.32.172.in-addr.arpa."])
            assert re.search("upstream +%s up" % lan.address, ctl(daemon, "status")), ctl(daemon, "status")
            # Without the zone, the others are asked, for what is cached too.
            daemon.write_conf("")
            assert daemon.reload().startswith("notice reloaded ")
            equal(addresses(daemon.ask("nas.lan.")), [address_of("nas.lan.")])


@test
def test_forward_mistakes():
    """Zones that are too many, or lead back to quell, end the program with what is wrong"""
    with temporary_folder() as folder:
        path = os.path.join(folder, "quell.conf")
        for text, part in (
                ('forward "128.0.0.0/1" { upstream = "192.0.2.1" }\nforward "0.0.0.0/2" { upstream = "192.0.2.1" }\n',
                 "too many"),
                ('listen = "127.0.0.1:5399"\nforward lan { upstream = "127.0.0.1:5399" }\n', "quell would ask itself"),
                ("".join('forward a%d { upstream = "192.0.2.%d" }\n' % (i, i) for i in range(1, 18)), "16 servers")):
            with open(path, "w") as f:
                f.write(text)
            status, _, said = quelld_once("--check", "-c", path)
            equal(status, 2, "exit status")
            assert part in said, said


RECORDS = ('record = {"nas.lan. 300 IN A 192.168.1.5", "nas.lan AAAA fd00::5", "www.lan CNAME nas.lan.",\n'
           ' \'nas.lan TXT "a text" "; and more"\', "*.apps.example.com 60 A 192.168.1.8"}\n')


def answers(message):
    return sorted(rrset.to_text() for rrset in message.answer)


@test
def test_records():
    """Records of the configuration are answered, over UDP and TCP, and change with a reload"""
    with FakeUpstream() as upstream, Quelld([upstream], conf=RECORDS) as daemon:
        for tcp in (False, True):
            equal(answers(daemon.ask("www.lan.", tcp=tcp)),
                  ["nas.lan. 300 IN A 192.168.1.5", "www.lan. 300 IN CNAME nas.lan."])
            equal(answers(daemon.ask("nas.lan.", "TXT", tcp=tcp)), ['nas.lan. 300 IN TXT "a text" "; and more"'])
        equal(addresses(daemon.ask("a.apps.example.com.")), ["192.168.1.8"])
        equal(records(daemon.ask("5.1.168.192.in-addr.arpa.", "PTR")),
              {("5.1.168.192.in-addr.arpa.", "PTR", "nas.lan.")})
        equal(upstream.asked(), [], "asked")
        assert "a record of the configuration" in ctl(daemon, "why", "nas.lan")
        assert re.search("local_names +5", ctl(daemon, "status")), ctl(daemon, "status")
        daemon.write_conf('record = {"nas.lan A 192.168.1.6"}\nlocal_domain = lan\n')
        assert daemon.reload().startswith("notice reloaded ")
        equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.6"])
        assert_rcode(daemon.ask("www.lan."), "NXDOMAIN")
        # A mistake leaves all as it is.
        daemon.write_conf('record = {"nas.lan A 192.168.1.700"}\n')
        said = daemon.reload()
        assert said.startswith("error reload-failed ") and "nas.lan A 192.168.1.700" in said, said
        equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.6"])
        daemon.write_conf("")
        assert daemon.reload().startswith("notice reloaded ")
        equal(addresses(daemon.ask("nas.lan.")), [address_of("nas.lan.")])


@test
def test_record_mistakes():
    """A record that is none ends the program, and --check, with the line and what is wrong"""
    with temporary_folder() as folder:
        os.chmod(folder, 0o777)
        path = os.path.join(folder, "quell.conf")
        for text, part in (("nas.lan A", "nas.lan A"), ("nas.lan A 1.2.3", "1.2.3"), ("nas.lan CH TXT x", "class"),
                           ("nas..lan A 192.168.1.1", "nas..lan"), ("nas.lan ANY x", "nas.lan ANY")):
            with open(path, "w") as f:
                f.write('record = {"good.lan A 192.168.1.1",\n"%s"}\n' % text)
            for arguments in (["--check"], ["--listen", "127.0.0.1:%d" % free_port(), "--control", os.path.join(folder, "control")]):
                status, _, said = quelld_once("-c", path, *arguments)
                equal(status, 2, "exit status")
                assert path + ":2: record " in said and part in said, said


@test
def test_hosts_and_leases():
    """Names of hosts files and leases are there, and follow the files"""
    def follow(daemon, change):
        """Make a change, and wait until the workers have taken it: they answer in order."""
        since = len(daemon.log.all())
        change()
        daemon.log.wait("^info names changed: ", since)
        daemon.ctl("status")

    with temporary_folder() as folder, FakeUpstream() as upstream:
        hosts, leases = os.path.join(folder, "hosts"), os.path.join(folder, "leases")

        def write(path, text):
            with open(path + ".new", "w") as f:
                f.write(text)
            os.rename(path + ".new", path)

        os.chmod(folder, 0o755)
        write(hosts, "127.0.0.1 localhost\n127.0.1.1 quell\n192.168.1.5 nas.lan nas # comment\nnonsense\n")
        conf = 'hosts = {"%s"}\nleases = {"%s"}\nlocal_domain = "lan"\nsingle_label = nxdomain\n' % (hosts, leases)
        with Quelld([upstream], conf=conf) as daemon:
            equal(addresses(daemon.ask("nas.")), ["192.168.1.5"])
            equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.5"])
            assert_rcode(daemon.ask("quell."), "NXDOMAIN")
            assert_rcode(daemon.ask("phone.lan."), "NXDOMAIN")
            said = daemon.ctl("status")[1]
            assert "1 not understood, the first in line 4" in said and "leases: No such file" in said, said
            follow(daemon, lambda: write(leases, "0 aa:bb:cc:dd:ee:ff 192.168.1.30 phone *\n"
                                                 "0 aa:bb:cc:dd:ee:00 192.168.1.66 nas *\n"))
            equal(addresses(daemon.ask("phone.lan.")), ["192.168.1.30"])
            equal(addresses(daemon.ask("phone.")), ["192.168.1.30"])
            equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.5"])
            equal(records(daemon.ask("30.1.168.192.in-addr.arpa.", "PTR")),
                  {("30.1.168.192.in-addr.arpa.", "PTR", "phone.lan.")})
            # In place, too.
            def append():
                with open(leases, "a") as f:
                    f.write("0 aa:bb:cc:dd:ee:01 192.168.1.31 tablet *\n")

            follow(daemon, append)
            equal(addresses(daemon.ask("tablet.lan.")), ["192.168.1.31"])
            follow(daemon, lambda: os.unlink(leases))
            assert_rcode(daemon.ask("tablet.lan."), "NXDOMAIN")
            equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.5"])
            equal(upstream.asked(), [], "asked")
            # A worker that is replaced has them too.
            os.kill(daemon.children()[0], signal.SIGKILL)
            daemon.log.wait("^warning worker-died ")
            equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.5"])


@test
def test_too_many_names():
    """Files with more names than there may be end nothing: those that come first count, and it is told of"""
    with temporary_folder() as folder, FakeUpstream() as upstream:
        hosts, leases = os.path.join(folder, "hosts"), os.path.join(folder, "leases")
        os.chmod(folder, 0o755)
        with open(hosts, "w") as f:
            f.writelines("192.168.%d.%d h%d\n" % (i // 250, i % 250 + 1, i) for i in range(40000))
        with open(leases, "w") as f:
            f.writelines("0 aa:bb:cc:dd:ee:ff 10.%d.%d.%d l%d *\n" % (i // 62500, i // 250 % 250, i % 250 + 1, i) for i in range(70000))
        conf = 'hosts = {"%s"}\nleases = {"%s"}\nsingle_label = nxdomain\n' % (hosts, leases)
        with Quelld([upstream], conf=conf) as daemon:
            equal(addresses(daemon.ask("h0.")), ["192.168.0.1"])
            said = daemon.ctl("status")[1]
            assert hosts + ": has too many names" in said and leases + ": has too many names" in said, said
            with open(hosts + ".new", "w") as f:
                f.write("192.168.1.5 nas\n")
            since = len(daemon.log.all())
            os.rename(hosts + ".new", hosts)
            daemon.log.wait("^info names changed: ", since)
            said = daemon.ctl("status")[1]
            assert hosts not in said and leases + ": has too many names" in said, said
            equal(addresses(daemon.ask("nas.")), ["192.168.1.5"])
            equal(addresses(daemon.ask("l0.")), ["10.0.0.1"])


@test
def test_single_label():
    """Names of one label are not forwarded, unless the configuration says so"""
    with FakeUpstream() as upstream, Quelld([upstream], conf="single_label = nxdomain\n") as daemon:
        assert_rcode(daemon.ask("router."), "NXDOMAIN")
        equal(upstream.asked(), [], "asked")
        daemon.ask("com.", "DS")
        equal(len(upstream.asked()), 1, "asked")
        daemon.write_conf("single_label = forward\n")
        assert daemon.reload().startswith("notice reloaded ")
        equal(addresses(daemon.ask("router.")), [address_of("router.")])


if __name__ == "__main__":
    main()
