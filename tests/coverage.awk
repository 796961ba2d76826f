# Output of gcov -n to one line a file: lines run, lines in all, per cent.
/^File '/ {
	file = substr($0, 7, length($0) - 7)
	sub(/^(\.\.\/)+/, "", file)
	keep = file ~ /(^|\/)(lib|blocklists|resolver|tools)\/[^']*\.c$/
}
/^Lines executed:/ && keep {
	split($0, part, /[:% ]+/)
	n = part[5]
	ran = int(part[3] * n / 100 + 0.5)
	if (n > lines[file])
		lines[file] = n
	if (ran > best[file])
		best[file] = ran
	keep = 0
}
END {
	for (file in lines)
		printf "%5.1f%% %6d of %6d  %s\n", 100 * best[file] / lines[file], best[file], lines[file], file
}
