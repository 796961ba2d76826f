"""Completion: bash's functions for a few words, and both shells' words against what --help shows."""

import os
import re
import shutil
import subprocess

from harness import BUILD, SOURCE, WAIT_SECONDS, Skip, equal, main, temporary_folder, test

BASH = os.path.join(SOURCE, "etc/completion/quell.bash")
ZSH = os.path.join(SOURCE, "etc/completion/_quell")
PROGRAMS = ("quellctl", "quell-update", "quelld")

SCRIPT = """. "$1" || exit; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
function=$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/'); "$function"; printf '%s\\n' "${COMPREPLY[@]}" """


def completed(line, path=None, folder=None):
    """What bash offers where `line` ends: a set of words."""
    words = line.split(" ")
    done = subprocess.run(["bash", "--norc", "-c", SCRIPT, "bash", BASH] + words, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT_SECONDS, cwd=folder,
                          env=dict(os.environ, PATH=(path + ":" if path else "") + os.environ["PATH"]))
    equal((done.returncode, done.stderr), (0, b""), "bash on %r" % line)
    return set(done.stdout.decode().split())


def help_of(program):
    done = subprocess.run([os.path.join(BUILD, program), "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=WAIT_SECONDS, check=True)
    return done.stdout.decode()


def options_of(text):
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def quellctl_commands():
    return set(re.findall(r"^  ([a-z]+) ", help_of("quellctl"), re.MULTILINE))


def update_usages():
    """{command: its lines of usage}"""
    text = re.sub(r"\n {12,}", " ", help_of("quell-update"))
    usages = {}
    for command, rest in re.findall(r"quell-update \[?([a-z]+)\b\]?(.*)", text):
        usages[command] = usages.get(command, "") + rest
    return usages


@test
def test_commands():
    """The commands are those of --help"""
    assert {"status", "stats", "pause"} <= quellctl_commands()
    assert {"run", "why", "remove"} <= set(update_usages())
    equal(completed("quellctl "), quellctl_commands(), "commands of quellctl")
    equal(completed("quell-update "), set(update_usages()), "commands of quell-update")


@test
def test_words():
    """What is begun is ended"""
    equal(completed("quellctl st"), {"status", "stats"})
    equal(completed("quellctl --json statu"), {"status"})
    equal(completed("quellctl -c quell.conf re"), {"reload", "resume"})
    equal(completed("quellctl allow a.example "), {"for"})
    equal(completed("quellctl allow a.example for 3"), {"30m"})
    equal(completed("quellctl block a.example "), {"for", "with"})
    equal(completed("quellctl block a.example with nx"), {"nxdomain"})
    equal(completed("quellctl block a.example with nxdomain "), {"for"})
    equal(completed("quellctl block a.example with nxdomain for 8"), {"8h"})
    equal(completed("quellctl pause 2"), {"2h"})
    equal(completed("quellctl why a.example AA"), {"AAAA"})
    equal(completed("quellctl cache a.example AA"), {"AAAA"})
    equal(completed("quellctl up"), {"upstreams"})
    equal(completed("quellctl --client ::1 why a.example HT"), {"HTTPS"})
    equal(completed("quellctl --client "), set())
    equal(completed("quellctl status "), set())
    equal(completed("quell-update re"), {"report", "remove"})
    equal(completed("quell-update run --tr"), {"--tries"})
    equal(completed("quell-update --dry"), {"--dry-run"})
    equal(completed("quelld --ch"), {"--check"})
    equal(completed("quelld --listen "), set())
    assert "root" in completed("quelld --user roo")


@test
def test_options():
    """The options are those of --help"""
    offered = {option for command in quellctl_commands() for option in completed("quellctl %s -" % command)}
    equal(offered, options_of(help_of("quellctl")), "options of quellctl")
    equal(completed("quelld -"), options_of(help_of("quelld")), "options of quelld")
    usages = update_usages()
    fetch = options_of(usages["run"]) & {"--timeout", "--max-size", "--parallel", "--tries"}
    equal(len(fetch), 4, "options of run that preview takes")
    for command, text in usages.items():
        wanted = options_of(text) | (fetch if "[OPTION OF run]" in text else set())
        equal(completed("quell-update %s -" % command) - {"--"}, wanted - {"--"}, "options of " + command)
    equal(completed("quell-update --v") | completed("quell-update --h"), {"--version", "--help"})


@test
def test_options_of_some_commands():
    """An option is offered where it belongs"""
    assert "--all" in completed("quellctl flush -")
    assert "--all" not in completed("quellctl why -")
    assert "--comment" in completed("quellctl block -")
    assert "--client" not in completed("quellctl stats -")


@test
def test_files():
    """Files, also with blanks in their names, where a file is wanted"""
    with temporary_folder() as folder:
        for name in ("one.txt", "two.img"):
            open(os.path.join(folder, name), "w").close()
        equal(completed("quell-update compile -o t", folder=folder), {"two.img"})
        equal(completed("quell-update dump ", folder=folder), {"one.txt", "two.img"})
        equal(completed("quelld --blocklist o", folder=folder), {"one.txt"})
        equal(completed("quellctl -c o", folder=folder), {"one.txt"})


@test
def test_names():
    """Names of rules and of public lists"""
    with temporary_folder() as folder:
        path = os.path.join(folder, "quellctl")
        with open(path, "w") as f:
            f.write("#!/bin/sh\n[ \"$*\" = rules ] && echo 'blocking            on\n"
                    "rule                allow a.example # telly\nrule                block =b.example for 30m'\n")
        os.chmod(path, 0o755)
        equal(completed("quellctl unset ", path=folder), {"a.example", "=b.example"})
    assert "oisd-small" in completed("quell-update add oisd-", path=os.path.abspath(BUILD))


@test
def test_zsh_words():
    """zsh: every command and option of --help is there"""
    with open(ZSH) as f:
        text = f.read()
    equal(text.splitlines()[0], "#compdef " + " ".join(PROGRAMS))
    functions = dict(re.findall(r"^_(quellctl|quell-update|quelld)\(\) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL))
    words = {name: set(re.findall(r"^\t\t'([a-z]+):", body, re.MULTILINE)) for name, body in functions.items()}
    equal(words["quellctl"], quellctl_commands(), "commands of quellctl")
    equal(words["quell-update"], set(update_usages()), "commands of quell-update")
    for program in PROGRAMS:
        missing = options_of(help_of(program)) - options_of(text) - {"--"}
        equal(missing, set(), "options of %s that are missing" % program)


@test
def test_zsh_syntax():
    """zsh: the file can be read"""
    if shutil.which("zsh") is None:
        raise Skip("zsh is not installed")
    done = subprocess.run(["zsh", "-n", ZSH], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT_SECONDS)
    equal((done.returncode, done.stdout), (0, b""), "zsh -n")


if __name__ == "__main__":
    main()
