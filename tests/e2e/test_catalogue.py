#!/usr/bin/python3
"""quell-update catalogue, add and remove, end to end: a configuration whose other bytes never change.
Prints TAP."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

BUILD = os.environ.get("top_builddir", ".")
SOURCE = os.environ.get("top_srcdir", ".")
WRAPPER = os.environ.get("QUELL_WRAPPER", "").split()  # valgrind and its options
UPDATE = WRAPPER + [os.path.join(BUILD, "quell-update")]
WAIT_S = 120

HAND_MADE = b"""# My network.  \t
workers=2   // enough
/* list "no" { file = "x" } */
list 'ads' { # mine
    file = "own.txt"   ;
}
udp_size = 1232 list b { file = '}{' } # behind
""".replace(b"   ;", b"")


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def update(*args, **kwargs):
    return subprocess.run(UPDATE + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=WAIT_S, **kwargs)


def expect(code, *args, **kwargs):
    done = update(*args, **kwargs)
    check(done.returncode == code, "%s: exit %d\n%s%s" % (
        " ".join(args), done.returncode, done.stdout.decode(), done.stderr.decode()))
    return done


class Folder:
    def __init__(self, text=None):
        self.path = tempfile.mkdtemp(prefix="quell-test-")
        self.conf = os.path.join(self.path, "quell.conf")
        if text is not None:
            self.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        shutil.rmtree(self.path)

    def write(self, text):
        with open(self.conf, "wb") as f:
            f.write(text)

    def read(self):
        with open(self.conf, "rb") as f:
            return f.read()


def test_catalogue():
    done = expect(0, "catalogue")
    lines = done.stdout.decode().splitlines()
    lists = json.loads(expect(0, "catalogue", "--json").stdout)["lists"]
    check([line.split()[0] for line in lines] == [entry["name"] for entry in lists], "the same lists")
    check(b"quell-update add NAME" in done.stderr, "what to do next")
    for entry in lists:
        check(set(entry) == {"name", "title", "url", "syntax", "licence", "homepage", "for", "names",
                             "as_of"}, str(entry))
        check(isinstance(entry["for"], list) and all(entry["for"]), str(entry))
        check((entry["names"] is None) == (entry["as_of"] is None), str(entry))
    known = {entry["name"] for entry in lists}
    check({"stevenblack", "oisd-small", "hagezi-light", "adguard-dns"} <= known, "the best known")


def test_add_and_remove():
    for text in (HAND_MADE, b"", b"workers = 2", HAND_MADE.replace(b"\n", b"\r\n")):
        with Folder(text) as f:
            done = expect(0, "add", "-c", f.conf, "hagezi-light", "https://example.net/hosts.txt")
            after = f.read()
            check(after.startswith(text), "what was there stays")
            check(b'list "hagezi-light" {' in after and b'list "example.net-hosts" {' in after, "added")
            check(b'quell-update -c %s' % f.conf.encode() in done.stdout, "what to do next")
            line = after[:after.index(b'list "hagezi-light"')].count(b"\n") + 1
            check(b"%s:%d: added list" % (f.conf.encode(), line) in done.stdout, "where")
            expect(0, "remove", "-c", f.conf, "example.net-hosts", "hagezi-light")
            check(f.read() == text, "the bytes from before: %r" % f.read())


def test_remove_by_hand():
    with Folder(HAND_MADE) as f:
        done = expect(0, "remove", "-c", f.conf, "b")
        check(f.read() == HAND_MADE.replace(b" list b { file = '}{' } # behind", b"  # behind")
              .replace(b"1232  #", b"1232  #"), "%r" % f.read())
        check(b"removed list \"b\"" in done.stdout, "what")
        expect(0, "remove", "-c", f.conf, "ads")
        check(b"ads" not in f.read() and b"# My network." in f.read(), "%r" % f.read())


def test_options():
    with Folder() as f:
        expect(0, "add", "-c", f.conf, "--name", "mine", "--syntax", "hosts", "https://example.net/x")
        check(f.read() == b'list "mine" {\n\turl = "https://example.net/x"\n\tsyntax = hosts\n}\n',
              "%r" % f.read())
        expect(0, "add", "-c", f.conf, "--name", "other", "hagezi-light")
        check(b'list "other"' in f.read(), "a name of one's own")
        before = f.read()
        for args in (["--syntax", "none", "https://a/b"], ["--name", "a", "https://a/b", "https://a/c"],
                     ["--name", "a b", "https://a/b"], [], ["no-such-list"], ["ftp://a/b"],
                     ["--bad", "https://a/b"]):
            expect(2, "add", "-c", f.conf, *args)
        check(f.read() == before, "nothing was written")


def test_all_or_nothing():
    with Folder(HAND_MADE) as f:
        expect(2, "add", "-c", f.conf, "hagezi-light", "no-such-list")
        done = expect(1, "add", "-c", f.conf, "hagezi-light", "--name", "ads")
        check(b"%s:4: there is a list \"ads\" already" % f.conf.encode() in done.stderr,
              done.stderr.decode())
        expect(1, "add", "-c", f.conf, "hagezi-light", "hagezi-light")
        done = expect(2, "remove", "-c", f.conf, "ads", "c")
        check(b"there is no list \"c\"" in done.stderr, done.stderr.decode())
        expect(2, "remove", "-c", f.conf, "ads", "ads")
        expect(2, "remove", "-c", f.conf)
        check(f.read() == HAND_MADE, "nothing was written")
        check(os.listdir(f.path) == ["quell.conf"], "nothing was left")


def test_json():
    with Folder(HAND_MADE) as f:
        added = json.loads(expect(0, "add", "-c", f.conf, "--json", "oisd-small", "stevenblack").stdout)
        check(added["file"] == f.conf, str(added))
        check([entry["name"] for entry in added["added"]] == ["oisd-small", "stevenblack"], str(added))
        lines = f.read().split(b"\n")
        for entry in added["added"]:
            check(entry["name"].encode() in lines[entry["line"] - 1], str(entry))
        removed = json.loads(expect(0, "remove", "-c", f.conf, "--json", "ads", "oisd-small").stdout)
        check([(entry["name"], entry["line"]) for entry in removed["removed"]] ==
              [("ads", 4), ("oisd-small", added["added"][0]["line"])], str(removed))


def test_a_bad_configuration_is_not_touched():
    for text, line in ((b"workers = 2\nworker = 3\n", 2), (b"\n\nlist a {\n file = x\n", None),
                       (b"/* open", 1), (b"x\0y", 1)):
        with Folder(text) as f:
            for command in (["add", "-c", f.conf, "hagezi-light"], ["remove", "-c", f.conf, "a"]):
                done = expect(2, *command)
                where = f.conf + (":%d: " % line if line else ":")
                check(where.encode() in done.stderr, done.stderr.decode())
            check(f.read() == text, "not touched")


def test_a_file_that_is_not_there():
    with Folder() as f:
        expect(2, "remove", "-c", f.conf, "a")
        check(not os.path.exists(f.conf), "remove makes no file")
        expect(0, "add", "-c", f.conf, "hagezi-light")
        check(f.read().startswith(b'list "hagezi-light" {\n\turl = "https://'), "%r" % f.read())
        check(os.stat(f.conf).st_mode & 0o7777 == 0o644, "readable for quelld")
        done = expect(0, "remove", "-c", f.conf, "hagezi-light")
        check(f.read() == b"" and b"No list is left" in done.stdout, done.stdout.decode())
        expect(1, "add", "-c", os.path.join(f.path, "none", "quell.conf"), "hagezi-light")


def test_without_the_right():
    if os.geteuid() != 0:
        return "not run by root"
    nobody = pwd.getpwnam("nobody")
    with Folder(HAND_MADE) as f:
        def become():
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
        os.chmod(f.path, 0o777)
        os.chmod(f.conf, 0o644)
        try:
            expect(0, "--version", preexec_fn=become, cwd="/")
        except PermissionError:
            return "the folder of the build is closed to other users"
        done = expect(1, "add", "-c", f.conf, "hagezi-light", preexec_fn=become, cwd="/")
        check(b"Permission denied" in done.stderr, done.stderr.decode())
        os.chmod(f.conf, 0o666)
        done = expect(1, "add", "-c", f.conf, "hagezi-light", preexec_fn=become, cwd="/")
        check(b"owner" in done.stderr, done.stderr.decode())
        os.chmod(f.conf, 0o600)
        expect(1, "add", "-c", f.conf, "hagezi-light", preexec_fn=become, cwd="/")
        check(f.read() == HAND_MADE and os.listdir(f.path) == ["quell.conf"], "nothing was written")
    return None


def test_what_is_added_is_updated():
    with Folder(b"") as f:
        state = os.path.join(f.path, "state")
        with open(os.path.join(f.path, "ads.txt"), "w") as out:
            out.write("0.0.0.0 ads.example.com\n")
        f.write(b'state_dir = "%s"\n' % state.encode())
        expect(0, "add", "-c", f.conf, "file://" + os.path.join(f.path, "ads.txt"))
        expect(0, "-c", f.conf, "--control", os.path.join(f.path, "none"))
        done = expect(0, "dump", os.path.join(state, "image"))
        check(done.stdout == b"0 exact ads.example.com\n", done.stdout.decode())


def test_the_example():
    with open(os.path.join(SOURCE, "etc", "quell.conf.example"), "rb") as f:
        text = f.read()
    with Folder(text) as f:
        expect(0, "add", "-c", f.conf, "stevenblack")
        check(f.read().startswith(text), "only the end is new")
        expect(0, "remove", "-c", f.conf, "stevenblack")
        check(f.read() == text, "as it was")


def main():
    tests = [value for name, value in sorted(globals().items()) if name.startswith("test_")]
    failed = 0
    print("1..%d" % len(tests))
    for i, test in enumerate(tests, 1):
        name = test.__name__[5:].replace("_", " ")
        try:
            reason = test()
            print("ok %d - %s%s" % (i, name, " # SKIP " + reason if reason else ""))
        except (Failure, OSError, ValueError, subprocess.SubprocessError) as e:
            failed += 1
            print("not ok %d - %s" % (i, name))
            for line in str(e).splitlines():
                print("# " + line)
        sys.stdout.flush()
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
