# Findings of cppcheck or of gcc -fanalyzer, as "FILE:LINE: ... [CHECK]", but for those that the list says are none.
# Exit status 1: one is left, or an entry of the list fits none any more.  `checks` says whose entries are meant.
function is_none(check, file, entry, part) {
	for (entry in none) {
		split(entry, part, " ")
		if (part[1] == check && (part[2] == file ||
		    (part[2] ~ /\*$/ && index(file, substr(part[2], 1, length(part[2]) - 1)) == 1))) {
			used[entry] = 1
			return 1
		}
	}
	return 0
}
FNR == NR {
	if ($1 !~ /^#/ && $1 ~ checks)
		none[$1 " " $2] = 1
	next
}
/: (error|warning|portability|performance|style): / {
	file = $0
	sub(/:.*/, "", file)
	sub(/^\.\//, "", file)
	check = $0
	sub(/.*\[/, "", check)
	sub(/\].*/, "", check)
	if (!is_none(check, file)) {
		print
		wrong = 1
	}
}
END {
	for (entry in none) {
		if (!(entry in used)) {
			print "tests/lint.txt: nothing is found any more by: " entry
			wrong = 1
		}
	}
	exit wrong
}
