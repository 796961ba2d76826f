# build.sh - sourced by quickstart and check: configure and make in a folder of their own under build/.
# Needs $top, the source folder; gives $source, where configure is run from.

# prepare_source: a configure script to run, in $source.
prepare_source() {
	source=$top
	if [ ! -x "$top/configure" ]; then
		say "making configure"
		(cd "$top" && autoreconf -i) >"$top/build/autoreconf.log" 2>&1 ||
			fail_with "$top/build/autoreconf.log" "autoreconf failed"
	fi
	# Where the source folder itself was configured, no other folder can be built from it: take a copy.
	if [ -e "$top/config.status" ]; then
		source=$top/build/source
		make -C "$top" distdir distdir="$source" >"$top/build/source.log" 2>&1 ||
			fail_with "$top/build/source.log" "the source could not be copied to build/source"
	fi
}

# run_build FOLDER LOG CONFIGURE-ARGUMENT...: configure, unless that was done, and make.
run_build() (
	folder=$1
	log=$2
	shift 2
	grep -Fqsx "abs_top_srcdir = $source" "$folder/Makefile" || rm -rf "$folder"
	mkdir -p "$folder" && cd "$folder" || exit 1
	{
		[ -e Makefile ] || "$source/configure" -q "$@" || exit 1
		make -j"$(nproc)" all || exit 1
	} >"$log" 2>&1 </dev/null
)

# build NAME [CONFIGURE-ARGUMENT...]: build/NAME holds the programs afterwards.
build() {
	name=$1
	shift
	log=$top/build/$name.log
	if ! run_build "$top/build/$name" "$log" "$@"; then
		# What an older checkout left there may be in the way: once more from nothing.
		rm -rf "$top/build/$name"
		run_build "$top/build/$name" "$log" "$@" || fail_with "$log" "the build failed"
	fi
}

say() {
	printf '%s\n' "$*"
}

fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# fail_with LOG TEXT: with the end of the log, and where all of it is.
fail_with() {
	tail -n 30 "$1" >&2
	fail "$2; the whole log: $1"
}
