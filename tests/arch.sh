#!/bin/sh
# arch.sh - build quell for another machine and run its tests under qemu's user mode emulation.
#
#	arch.sh ARCH FOLDER		ARCH: arm64, armhf or s390x, as Debian calls them
#
# Run by `make check-arch ARCH=...`.  FOLDER (some 350 MB; remove it when you like) gets, and keeps for the next
# time, `root`: Debian's packages for ARCH, downloaded by apt and unpacked, not installed; and `build`, whose
# logs are those of any build.  Needs apt and the network the first time, but no rights.
# $top_builddir is a build for this machine: what is compiled and saved here must be the same there.
#
# Run are the compiled tests, the scenes, seeds and past crashes of the fuzz targets, and tests/e2e/test_arch.py.
# HACKING.md says what that does not prove.
set -eu

say() {
	echo "check-arch: $*"
}

fail() {
	echo "check-arch: $*" >&2
	exit 1
}

arch=${1:-}
[ $# -eq 2 ] || fail "usage: make check-arch ARCH=arm64|armhf|s390x"
case $arch in
arm64) triplet=aarch64-linux-gnu emulator=qemu-aarch64 ;;
armhf) triplet=arm-linux-gnueabihf emulator=qemu-arm ;;
s390x) triplet=s390x-linux-gnu emulator=qemu-s390x ;;
*) fail "$arch is none of arm64, armhf, s390x" ;;
esac
cc=$triplet-gcc
for program in "$cc" "$emulator" apt-get dpkg-deb pkg-config; do
	command -v "$program" >/dev/null ||
		fail "$program was not found: apt install --no-install-recommends gcc-$triplet qemu-user pkg-config"
done

mkdir -p "$2"
folder=$(cd "$2" && pwd)
root=$folder/root
build=$folder/build
source=$(cd "$(dirname "$0")/.." && pwd)
native=$(cd "${top_builddir:-.}" && pwd)

packages='libc6-dev libcmocka-dev libconfuse-dev libcurl4-openssl-dev libevent-dev libidn2-dev libldns-dev
libseccomp-dev libssl-dev uthash-dev'

# apt-get for ARCH, with nothing installed, and with all that it writes in a folder of ours.
foreign_apt() {
	apt-get -qq -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Dir::State="$apt" \
		-o Dir::State::Status="$apt/status" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User= \
		-o Acquire::Languages=none -o APT::Install-Recommends=no "$@"
}

make_root() {
	apt=$folder/apt
	rm -rf "$apt" "$root" "$root.new"
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$root.new"
	: >"$apt/status"
	foreign_apt update || say "not all package lists could be fetched; going on with the others"
	# shellcheck disable=SC2086 # a list of words
	foreign_apt install --download-only -y $packages || fail "the packages could not be downloaded"
	for package in "$apt"/cache/archives/*.deb; do
		dpkg-deb -x "$package" "$root.new"
	done
	# What a link names by its whole path is in here, too.
	find "$root.new" -type l -lname '/*' | while read -r link; do
		ln -snfr "$root.new$(readlink "$link")" "$link"
	done
	rm -rf "$apt"
	mv "$root.new" "$root"
}

if [ ! -d "$root" ]; then
	say "downloading and unpacking Debian's packages for $arch to $root"
	make_root >"$folder/root.log" 2>&1 || {
		tail -n 30 "$folder/root.log" >&2
		fail "the whole log: $folder/root.log"
	}
fi

# logged NAME COMMAND...: its output goes to NAME.log.
logged() {
	log=$folder/$1.log
	shift
	"$@" >"$log" 2>&1 </dev/null || {
		grep -E '(error|warning):|\*\*\*' "$log" >&2 || tail -n 30 "$log" >&2
		fail "the whole log: $log"
	}
}

jobs=$(nproc)
flags="-g -O2 ${CHECK_ARCH_CFLAGS:-}"
PKG_CONFIG_SYSROOT_DIR=$root
PKG_CONFIG_LIBDIR=$root/usr/lib/$triplet/pkgconfig:$root/usr/share/pkgconfig
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR

say "building for $arch in $build, where a warning is an error"
mkdir -p "$build"
cd "$build"
[ -e Makefile ] || logged configure "$source/configure" --host="$triplet" CC="$cc --sysroot=$root" CFLAGS="$flags"
logged build make -k -j"$jobs" CFLAGS="$flags -Werror" all
logged build-tests make -k -j"$jobs" CFLAGS="$flags -Werror" check TESTS=

# All but what would start many daemons; of those, one test.
tests=$(make -s list-tests | tr ' ' '\n' | grep -v '\.py$' | tr '\n' ' ')tests/e2e/test_arch.py
say "running the tests under $emulator"
status=0
QUELL_NATIVE=$native make -j"$jobs" -k check TESTS="$tests" \
	QUELL_WRAPPER="$emulator -L $root" >"$folder/tests.log" 2>&1 </dev/null || status=$?
grep -E '^(FAIL|ERROR|XPASS):' "$folder/tests.log" || true
sed -n "s/^# \([A-Z]*:  *[0-9]*\)$/  \1/p" "$folder/tests.log"
[ "$status" -eq 0 ] || fail "tests failed; $build/test-suite.log"
say "all well on $arch"
