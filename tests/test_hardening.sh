#!/bin/sh
# The programs have what compiler and linker know against an intruder, as configure asks for it: read off the files
# that were built, for a flag is easily lost on the way.

cd "${top_builddir:-.}" || exit 1

# The flags of this build, as configure or the builder set them.
flags=$(sed -En 's/^(CFLAGS|CPPFLAGS|QUELL_CFLAGS|QUELL_CPPFLAGS) = //p' Makefile | tr '\n' ' ')
case " $flags" in
*-fsanitize=*)
	echo "1..0 # SKIP a build with sanitizers is not one to use"
	exit 0
	;;
*--coverage*)
	echo "1..0 # SKIP a build that counts coverage is not one to use"
	exit 0
	;;
esac

programs="quelld quell-update quellctl"
archives="lib/libquell.a blocklists/libblocklists.a resolver/core/libcore.a resolver/io/libio.a resolver/libquelld.a"
n=0

# result TITLE WRONG: a case, which failed if anything is wrong.
result() {
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# with OPTION PATTERN: a program in whose readelf OPTION no line matches is wrong; without: one where one does.
with() {
	for program in $programs; do
		readelf -W "$1" "$program" | grep -Eq "$2" || echo "$program: readelf $1 has no $2"
	done
}
without() {
	for program in $programs; do
		readelf -W "$1" "$program" | grep -E "$2" | sed "s/^/$program: /"
	done
}

# marked PATTERN: an object without that note is wrong.  Not the programs: the linker gives them the note only where the
# C library's start files have it too, and Debian's have not.
marked() {
	for archive in $archives; do
		readelf -nW "$archive" 2>/dev/null | awk -v pattern="$1" '
			/^File: / { if (file != "" && !found) print file; file = $2; found = 0 }
			$0 ~ pattern { found = 1 }
			END { if (file != "" && !found) print file; if (file == "") print "no objects" }' | sed "s|^|$archive: |"
	done
}

echo 1..8
result "programs lie at any address" "$(with -h '^ *Type: *DYN')"
result "what is relocated is read-only then" "$(with -l '^ *GNU_RELRO ')"
result "all of it is, for all is relocated at the start" "$(with -d '\(FLAGS\).* BIND_NOW|\(FLAGS_1\).* NOW')"
# Without a GNU_STACK the kernel may make the stack executable.
result "nothing that can be written can be run, nor the stack" \
	"$(with -l '^ *GNU_STACK ' && without -l '^ *[A-Z_]+ +0x.* (RWE| WE) ')"
result "code is not relocated, and libraries come from the system's folders" "$(without -d 'TEXTREL|RPATH|RUNPATH')"
result "returns are guarded on the stack" "$(with --dyn-syms ' __stack_chk_(fail|guard)')"

title="calls of the C library know the sizes of their buffers"
case " $flags" in
*" -O0 "*) skip "$title" "-O0 has none of those" ;;
*" -O"*) result "$title" "$(with --dyn-syms ' __(memcpy|snprintf|vsnprintf|printf)_chk')" ;;
*) skip "$title" "a build without -O has none of those" ;;
esac

title="the processor can see that jumps and returns go where the compiler meant"
case $(readelf -h quelld | sed -n 's/^ *Machine: *//p') in
*X86-64*) result "$title" "$(marked 'x86 feature:.*IBT.*SHSTK')" ;;
AArch64) result "$title" "$(marked 'AArch64 feature:.*BTI.*PAC')" ;;
*) skip "$title" "those of this kind do not look" ;;
esac
