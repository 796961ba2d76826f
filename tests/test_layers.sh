#!/bin/sh
# The layers of docs/architecture.md: an include never points up.
#
#	lib -> blocklists -> resolver/core -> resolver/io -> resolver
#	tools use lib and blocklists; nothing includes from tools or tests
#
# Libraries have their layer too: sockets and loops belong to io and above, downloads to the tools,
# and ldns, which reads zones and records on lists, to the syntaxes, and to quellctl, which shows what is
# cached: it stays out of everything of quelld that sees a packet of the network.

cd "${top_srcdir:-.}" || exit 1

# Includes of the files of one folder (not of those below it), as "FILE:LINE:WHAT".
includes() {
	for file in "$1"/*.[ch]; do
		[ -f "$file" ] || continue
		sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\([<"][^>"]*\)[>"].*/\1/p' "$file" |
			sed "s|^|$file: |"
	done
}

n=0

# layer FOLDER LAYERS LIBRARIES: its own includes may come from LAYERS, and <...> ones that are in no
# standard place from LIBRARIES (both extended regular expressions).
layer() {
	n=$((n + 1))
	found=$(includes "$1")
	wrong=$(printf '%s\n' "$found" | grep ': "' |
		grep -Ev ": \"($2)/[a-z0-9_]+\.h\$|: \"config\.h\$")
	wrong=$wrong$(printf '%s\n' "$found" |
		grep -E ': <(event2/|ldns/|curl/|confuse|cmocka|uthash|utlist)' | grep -Ev ": <($3)")
	if [ -z "$found" ]; then
		echo "not ok $n - $1 has sources"
	elif [ -n "$wrong" ]; then
		echo "not ok $n - $1 includes from its own layer or below"
		printf '%s\n' "$wrong" | sed 's/^/# /'
	else
		echo "ok $n - $1 includes from its own layer or below"
	fi
}

none='[^ -~]'
echo 1..8
layer lib 'lib|lib/dns' 'confuse|uthash|utlist'
layer lib/dns 'lib|lib/dns' "$none"
layer blocklists 'lib|lib/dns|blocklists' 'ldns/|uthash|utlist'
layer resolver/core 'lib|lib/dns|blocklists|resolver/core' 'uthash|utlist'
layer resolver/io 'lib|lib/dns|blocklists|resolver/core|resolver/io' 'event2/|uthash|utlist'
layer resolver 'lib|lib/dns|blocklists|resolver|resolver/core|resolver/io' 'event2/|ldns/|uthash|utlist'
layer tools 'lib|lib/dns|blocklists|tools' 'curl/|ldns/|uthash|utlist'

with_ldns=$({ includes blocklists; includes resolver; includes tools; } | grep '<ldns/' |
	grep -Ev '^(blocklists/(feed|adblock|zonefile)[a-z_]*|resolver/house_read|tools/ctl_cache)\.[ch]:')
if [ -z "$with_ldns" ]; then
	echo "ok 8 - only what reads or writes texts includes ldns"
else
	echo "not ok 8 - only what reads or writes texts includes ldns"
	printf '%s\n' "$with_ldns" | sed 's/^/# /'
fi
