#!/bin/bash
# Runs a compiled test: cmocka before 1.1.8 writes a skipped case as "not ok N # SKIP", which TAP takes for a
# failure.
set -o pipefail
"$@" | sed -u 's/^not ok \([0-9]* # SKIP\)/ok \1/'
