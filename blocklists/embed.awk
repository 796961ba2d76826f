# A text file as a C string, with -v name=starter: blocklists/starter.c from blocklists/starter.txt.
BEGIN {
	print "/* Made from " name ".txt by embed.awk. */"
	print "#include \"blocklists/" name ".h\""
	print ""
	print "const char " name "_text[] ="
}
{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	print "    \"" $0 "\\n\""
}
END {
	print "    \"\";"
	print "const size_t " name "_len = sizeof(" name "_text) - 1;"
}
