#!/bin/sh
# Run every scene of this folder.
cd "${top_srcdir:-.}" || exit 1
exec "${top_builddir:-.}/tests/scene/scene" tests/scene/*.scene
