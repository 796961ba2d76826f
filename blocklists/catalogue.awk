# The catalogue of public lists as a C table: blocklists/catalogue.c from blocklists/catalogue.txt.
# A line that is no field of a list ends the build.
function text(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	return "\"" s "\""
}
function end_entry() {
	if (open)
		print "    },"
	open = 0
}
BEGIN {
	FS = ": "
	split("name title url syntax licence homepage for", names, " ")
	for (i in names)
		fields[names[i]] = names[i]
	fields["for"] = "purpose"
	print "/* Made from catalogue.txt by catalogue.awk. */"
	print "#include \"blocklists/catalogue.h\""
	print ""
	print "const struct catalogue_entry catalogue[] = {"
}
/^#/ {
	next
}
/^$/ {
	end_entry()
	next
}
{
	value = substr($0, length($1) + 3)
	if (!open)
		print "    {"
	open = 1
	if ($1 in fields)
		print "\t." fields[$1] " = " text(value) ","
	else if ($1 == "names" && value == "not stated")
		print "\t.n_names = 0, .as_of = \"\","
	else if ($1 == "names" && value ~ /^[0-9]+ [0-9]+-[0-9]+$/)
		print "\t.n_names = " substr(value, 1, index(value, " ") - 1) ", .as_of = " \
		    text(substr(value, index(value, " ") + 1)) ","
	else {
		print FILENAME ":" NR ": this is no field of a list: " $0 >"/dev/stderr"
		exit 1
	}
}
END {
	end_entry()
	print "    {.name = NULL},"
	print "};"
}
