# Output of gcov -n -b, of the sources below `top`, to two tables: for each file, and summed up for each folder, the
# lines that ran, and the ways out of a branch that were taken.  A file that is built more than once, as where a test
# includes it, is there more than once: its best counts stand.
function out_of(text, part) {
	split(text, part, /[:% ]+/) # ...:PER CENT% of N
	n = part[length(part)]
	ran = int(part[length(part) - 2] * n / 100 + 0.5)
}
function per_cent(ran, n) {
	return n ? 100 * ran / n : 100
}
function row(lines_ran, lines, branches_ran, branches, name) {
	return sprintf("%6.1f%% %6d of %6d   %6.1f%% %6d of %6d   %s", per_cent(lines_ran, lines), lines_ran, lines,
		per_cent(branches_ran, branches), branches_ran, branches, name)
}
/^File '/ {
	file = substr($0, 7, length($0) - 7)
	if (index(file, top "/") == 1)
		file = substr(file, length(top) + 2)
	seen = 0
	keep = file ~ /^(lib|blocklists|resolver|tools)\/.*\.c$/
}
/^Lines executed:/ { # the last, of all files, has no name before it
	if (!keep || seen)
		next
	seen = 1
	out_of($0)
	if (n > lines[file])
		lines[file] = n
	if (ran > lines_ran[file])
		lines_ran[file] = ran
}
/^Taken at least once:/ && keep {
	out_of($0)
	if (n > branches[file])
		branches[file] = n
	if (ran > branches_ran[file])
		branches_ran[file] = ran
}
END {
	sorted = "LC_ALL=C sort -k9"
	print "  lines                     branches                  file"
	fflush()
	for (file in lines) {
		folder = file
		sub(/\/[^\/]*$/, "", folder)
		all[folder] += lines[file]
		all_ran[folder] += lines_ran[file]
		all_branches[folder] += branches[file]
		all_branches_ran[folder] += branches_ran[file]
		print row(lines_ran[file], lines[file], branches_ran[file], branches[file], file) | sorted
	}
	close(sorted)
	print "  lines                     branches                  folder"
	fflush()
	for (folder in all)
		print row(all_ran[folder], all[folder], all_branches_ran[folder], all_branches[folder], folder) | sorted
}
