# What a real list gives, found out by other means than the product's: a line for each rule, or the
# word for why there is none.  Run it with -v syntax=NAME.  It knows what the lists at hand have, no more.

function is_name(s)
{
	sub(/\.$/, "", s)
	return s ~ /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/ && s !~ /(^|\.)[0-9]+$/ && length(s) <= 253
}

function give(kind, s)
{
	if (is_name(s)) {
		sub(/\.$/, "", s)
		print kind " " tolower(s)
	} else if (s ~ /^(0\.0\.0\.0|127\.[0-9]+\.[0-9]+\.[0-9]+|::1?)$/) {
		print "own"
	} else {
		print "bad"
	}
}

{ sub(/\r$/, "") }

/^[ \t]*$/ { next }

syntax == "hosts" {
	sub(/#.*/, "")
	if (NF == 0)
		next
	if ($1 != "0.0.0.0" && $1 != "127.0.0.1")
		print "rewrite"
	for (i = 2; i <= NF; i++)
		give("exact", $i)
	next
}

/^[#!]/ { next }

syntax == "domains" { give("suffix", $1) }

syntax == "wildcards" { sub(/^\*\./, ""); give("suffix", $1) }

syntax == "adblock" {
	if ($0 !~ /^\|\|[^|^]*\^$/) {
		print "bad"
		next
	}
	give("suffix", substr($0, 3, length($0) - 3))
}

syntax == "dnsmasq" {
	n = split($0, part, "/")
	if (n == 3 && ((part[1] == "address=" && part[3] == "0.0.0.0") || (part[1] == "server=" && part[3] == "")))
		give("suffix", part[2])
	else
		print "bad"
}

syntax == "smartdns" {
	n = split($0, part, "/")
	if (n == 3 && part[1] == "address " && part[3] == "#")
		give("suffix", part[2])
	else
		print "bad"
}

syntax == "unbound" {
	n = split($0, part, "\"")
	if (n == 3 && part[1] == "local-zone: " && part[3] == " always_refuse")
		give("suffix", part[2])
	else
		print "bad"
}

syntax == "rpz" && ! /^(\$TTL|@| |;)/ {
	if ($(NF - 1) != "CNAME" || $NF != ".")
		print "bad"
	else if ($1 ~ /^\*\./)
		give("below", substr($1, 3))
	else
		give("exact", $1)
}
