#!/bin/sh
# Run every scene of this folder.
cd "${top_srcdir:-.}" || exit 1
# shellcheck disable=SC2086 # a list of words
exec ${QUELL_WRAPPER:-} "${top_builddir:-.}/tests/scene/scene" -n 2 tests/scene/*.scene
