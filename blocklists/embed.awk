# A text file as a C string: blocklists/starter.c from blocklists/starter.txt.
BEGIN {
	print "/* Made from starter.txt by embed.awk. */"
	print "#include \"blocklists/starter.h\""
	print ""
	print "const char starter_text[] ="
}
{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	print "    \"" $0 "\\n\""
}
END {
	print "    \"\";"
	print "const size_t starter_len = sizeof(starter_text) - 1;"
}
