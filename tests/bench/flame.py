#!/usr/bin/env python3
"""A flame graph as text: what `perf script` prints comes in, a tree goes out, one thread name after the other, each line with its share of all
samples and what it called indented below it. Branches under --least percent are left out.

    perf record -F 499 --call-graph dwarf,16384 -p PID -o perf.data -- sleep 10
    perf script -i perf.data --no-inline | tests/bench/flame.py > docs/bench/NAME.txt
"""
import argparse
import re
import sys


class Node:
    def __init__(self):
        self.count, self.below = 0, {}

    def add(self, path):
        node = self
        node.count += 1
        for name in path:
            node = node.below.setdefault(name, Node())
            node.count += 1


def stacks(lines):
    """Thread name first, then from the outermost call to the innermost."""
    comm, frames = None, []
    for line in lines:
        line = line.rstrip("\n")
        if not line:
            if comm:
                yield [comm] + frames[::-1]
            comm, frames = None, []
        elif not line[0].isspace():
            comm, frames = line.split()[0], []
        else:
            match = re.match(r"\s+[0-9a-f]+ (.*?)(\+0x[0-9a-f]+)? \((.*)\)$", line)
            if match:
                name = match.group(1)
                frames.append(name if name != "[unknown]" else "[%s]" % match.group(3).rsplit("/", 1)[-1].split(".so")[0])
    if comm:
        yield [comm] + frames[::-1]


SKIPPED = {"_start", "__libc_start_main@@GLIBC_2.34", "__libc_start_main", "__libc_start_call_main", "main", "clone3", "__clone3", "start_thread", "entry_SYSCALL_64_after_hwframe", "do_syscall_64"}


def tidy(path):
    """Without what stands in every stack, and what calls itself once."""
    out = path[:1]
    for name in path[1:]:
        if name not in SKIPPED and name != out[-1]:
            out.append(name)
    return out


def show(node, name, whole, least, depth=0):
    share = 100 * node.count / whole
    if share < least:
        return
    path, below = [name], node.below
    while len(below) == 1:  # a chain without branches is one line
        (name, child), = below.items()
        if child.count < 0.98 * node.count or len(path) == 6:
            break
        path.append(name)
        below = child.below
    print("%s%5.1f %%  %s" % ("  " * depth, share, " > ".join(path)))
    for name, child in sorted(below.items(), key=lambda kv: -kv[1].count):
        show(child, name, whole, least, depth + 1)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--least", type=float, default=1.0)
    p.add_argument("--depth", type=int, default=14, help="calls below the thread that are told apart")
    args = p.parse_args()
    root = Node()
    for stack in stacks(sys.stdin):
        root.add(tidy(stack)[:args.depth])
    if not root.count:
        raise SystemExit("no samples")
    print("%d samples" % root.count)
    for name, child in sorted(root.below.items(), key=lambda kv: -kv[1].count):
        show(child, name, root.count, args.least)


main()
