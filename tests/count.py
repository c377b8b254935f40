#!/usr/bin/env python3
"""Counts what `meson test` wrote: prints "PASSED FAILED" on stdout and each failure on stderr.

A cmocka program counts once per test inside it; any other program counts once. A program that crashed, hung or was skipped
counts as one failure, because a test that did not run proves nothing.
"""
import json
import re
import sys

OK = re.compile(r"^\[       OK \] ", re.M)
BAD = re.compile(r"^\[  FAILED  \] (\S+)$", re.M)


def count(entry):
    out = entry.get("stdout", "") + "\n" + entry.get("stderr", "")
    good = len(OK.findall(out))
    bad = sorted(set(BAD.findall(out)))
    if entry["result"] in ("OK", "EXPECTEDFAIL"):
        return max(good, 1), []
    if not bad:
        bad = ["%s (%s, exit %s)" % (entry["name"], entry["result"], entry.get("returncode"))]
    return good, bad


def main():
    passed = failed = 0
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            good, bad = count(entry)
            passed += good
            failed += len(bad)
            for name in bad:
                print("FAIL %s: %s: %s" % (sys.argv[2], entry["name"], name), file=sys.stderr)
            if bad:
                tail = (entry.get("stdout", "") + entry.get("stderr", "")).splitlines()[-40:]
                print("\n".join("    " + t for t in tail), file=sys.stderr)
    print(passed, failed)


main()
