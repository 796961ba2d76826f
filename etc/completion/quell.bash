# Completion in bash for quellctl, quell-update and quelld.

_quell_words() {
	# shellcheck disable=SC2207 # words have no blanks
	COMPREPLY=($(compgen -W "$1" -- "${COMP_WORDS[COMP_CWORD]}"))
}

_quell_files() {
	compopt -o filenames 2>/dev/null
	local file
	while read -r file; do
		COMPREPLY+=("$file")
	done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
}

# _quell_command OPTION...: the words so far that are neither options nor the values of these options, into
# _quell_said; the first is the command.
_quell_command() {
	local i option
	_quell_said=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*)
			for option; do
				if [[ ${COMP_WORDS[i]} == "$option" ]]; then
					((i++))
					break
				fi
			done
			;;
		*) _quell_said+=("${COMP_WORDS[i]}") ;;
		esac
	done
}

_quell_types="A AAAA CAA CNAME DNSKEY DS HTTPS MX NAPTR NS PTR SOA SRV SVCB TLSA TXT"
_quell_answers="servfail nxdomain nodata refused null"
_quell_times="5m 15m 30m 1h 2h 8h 1d"

_quellctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} options
	local _quell_said
	COMPREPLY=()
	case $prev in
	-c | --config | --control)
		_quell_files
		return
		;;
	--client | --comment) return ;;
	esac
	_quell_command -c --config --control --client --comment
	if [[ $cur == -* ]]; then
		options="-c --config --control --json --version --help"
		case ${_quell_said[0]} in
		why) options+=" --client" ;;
		flush) options+=" --all --below" ;;
		allow | block | pause) options+=" --comment" ;;
		esac
		_quell_words "$options"
		return
	fi
	case ${#_quell_said[@]},${_quell_said[0]} in
	0,) _quell_words "status stats why cache upstreams flush reload doctor allow block unset rules pause resume" ;;
	1,unset) _quell_words "$(quellctl rules 2>/dev/null | sed -n 's/^rule  *\(allow\|block\) \([^ ]*\).*/\2/p')" ;;
	1,pause) _quell_words "$_quell_times" ;;
	2,why | 2,cache) _quell_words "$_quell_types" ;;
	2,allow) _quell_words "for" ;;
	2,block) _quell_words "for with" ;;
	*,allow | *,block)
		case $prev in
		for) _quell_words "$_quell_times" ;;
		with) _quell_words "$_quell_answers" ;;
		*) [[ ${_quell_said[-2]} == with ]] && _quell_words "for" ;;
		esac
		;;
	esac
}

_quell_update() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} options
	local fetch="-c --json --timeout --max-size --parallel --tries"
	local _quell_said
	COMPREPLY=()
	case $prev in
	-c | --control | --names | -o)
		_quell_files
		return
		;;
	--timeout | --max-size | --parallel | --tries | --accept | --name | --syntax) return ;;
	esac
	_quell_command -c -o --control --names --timeout --max-size --parallel --tries --accept --name --syntax
	if [[ $cur == -* ]]; then
		case ${_quell_said[0]} in
		'') options="$fetch --force --dry-run --control --accept --version --help" ;;
		run) options="$fetch --force --dry-run --control --accept" ;;
		preview) options="$fetch --names" ;;
		rollback) options="-c --json --control" ;;
		report | remove | why) options="-c --json" ;;
		compile) options="-o" ;;
		catalogue) options="--json" ;;
		add) options="-c --name --syntax --json" ;;
		*) options= ;;
		esac
		_quell_words "$options"
		return
	fi
	case ${#_quell_said[@]},${_quell_said[0]} in
	0,) _quell_words "run preview rollback report compile dump verify bench why catalogue add remove" ;;
	*,compile | *,dump | *,verify | *,bench | *,why) _quell_files ;;
	*,add) _quell_words "$(quell-update catalogue 2>/dev/null | sed -n 's/^\([^ ]*\)  *[0-9].*/\1/p')" ;;
	esac
}

_quelld() {
	COMPREPLY=()
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-c | --config | --blocklist | --control)
		_quell_files
		return
		;;
	--user)
		_quell_words "$(compgen -u)"
		return
		;;
	--listen | --upstream | --workers) return ;;
	esac
	_quell_words "-c --config --listen --upstream --blocklist --workers --user --control --check --version --help"
}

complete -F _quellctl quellctl
complete -F _quell_update quell-update
complete -F _quelld quelld
