#!/usr/bin/env python3
"""Does every #include in src/ keep to the order of the modules?

    layers.py SRC_DIR

The order is that of style.md, section 2: a module includes itself and what is on its left.  Checked too: cli uses public
headers and its own; x_internal.h stays inside its folder; file names are unique; README.md, the map, lists each .c file
once.  First the check is tried on a tree with one fault of each kind, so that it is known to find them.  Prints what is
wrong and exits 1.
"""
import os
import re
import sys
import tempfile

# base < { io | codec } < { table | wire < tensor } < { bundle | graph } < model < objects < { builder | checkpoint }
#      < { verify | run | export } < { serve | cli }
BASE = {"base"}
BYTES = BASE | {"io", "codec"}
MESSAGES = BYTES | {"table", "wire", "tensor"}
GRAPHS = MESSAGES | {"bundle", "graph"}
MAY_INCLUDE = {
    "base": set(),
    "io": BASE,
    "codec": BASE,
    "table": BYTES,
    "wire": BYTES,
    "tensor": BYTES | {"wire"},
    "bundle": MESSAGES,
    "graph": MESSAGES - {"io"},
    "model": GRAPHS,
    "objects": GRAPHS | {"model"},
    "builder": GRAPHS | {"model", "objects"},
    "checkpoint": GRAPHS | {"model", "objects"},
    "verify": GRAPHS | {"model", "objects", "checkpoint"},
    "run": GRAPHS | {"model", "objects", "checkpoint"},
    "export": GRAPHS | {"model", "objects", "builder", "checkpoint"},
    "serve": GRAPHS | {"model", "objects", "checkpoint", "run", "export"},
    "cli": set(),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def faults_of_include(src, path, included):
    module = path.split("/")[0]
    if not os.path.isfile(os.path.join(src, included)):
        return ["%s: includes \"%s\", which is not written from src/ on" % (path, included)]
    other = included.split("/")[0]
    if other == module:
        return []
    faults = []
    if other not in MAY_INCLUDE[module]:
        faults.append("%s: %s must not include from %s (\"%s\")" % (path, module, other, included))
    if included.endswith("_internal.h"):
        faults.append("%s: \"%s\" belongs to %s alone" % (path, included, other))
    return faults


def faults_of_map(src, names):
    with open(os.path.join(src, "README.md"), encoding="utf-8") as f:
        rows = [line.split("|")[1] for line in f if line.startswith("|")]
    listed = [name for row in rows for name in re.findall(r"`(\w+\.c)`", row)]
    faults = ["README.md: lists %s more than once" % name for name in sorted(set(listed)) if listed.count(name) > 1]
    faults += ["README.md: lists %s, which is not there" % name for name in sorted(set(listed) - names)]
    return faults + ["README.md: does not list %s" % name for name in sorted(names - set(listed))]


def faults_of(src):
    faults, seen = [], {}
    for folder, _, names in sorted(os.walk(src)):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), src)
            if not name.endswith((".c", ".h")):
                continue
            if name in seen:
                faults.append("%s: there is %s already" % (path, seen[name]))
            seen[name] = path
            if path.split("/")[0] not in MAY_INCLUDE or "/" not in path:
                faults.append("%s: not in a module" % path)
                continue
            with open(os.path.join(folder, name)) as f:
                for included in INCLUDE.findall(f.read()):
                    faults += faults_of_include(src, path, included)
    if not seen:
        faults.append("%s: no sources" % src)
    return faults + faults_of_map(src, {name for name in seen if name.endswith(".c")})


# Files with a fault each, and a part of what is said of it; None: there is none.
PLANTED = {
    "README.md": ("| `arena.c`, `up.c`, `sideways.c` | `not.c` |\n| `check.c`, `peeks.c`, `reads.c` | |\n"
                  "| `inside.c`, `main.c`, `relative.c`, `other.c` | |\n", None),
    "base/alloc.h": ("", None),
    "base/arena.c": ('#include "base/alloc.h"\n#include <savedmodel/status.h>\n', None),
    "base/up.c": ('#include "wire/wire.h"\n', "base must not include from wire"),
    "io/io.h": ('#include "base/alloc.h"\n', None),
    "codec/sideways.c": ('#  include "io/io.h"\n', "codec must not include from io"),
    "wire/wire.h": ('#include "base/alloc.h"\n', None),
    "wire/wire_internal.h": ("", None),
    "wire/check.c": ('#include "wire/wire_internal.h"\n', None),
    "tensor/peeks.c": ('#include "wire/wire_internal.h"\n', "belongs to wire alone"),
    "graph/reads.c": ('#include "io/io.h"\n', "graph must not include from io"),
    "cli/inside.c": ('#include "base/alloc.h"\n', "cli must not include from base"),
    "cli/cli.h": ("", None),
    "cli/main.c": ('#include "cli/cli.h"\n', None),
    "model/alloc.h": ("", "there is base/alloc.h already"),
    "model/relative.c": ('#include "alloc.h"\n', "not written from src/ on"),
    "misc/other.c": ("", "not in a module"),
}


def self_test():
    with tempfile.TemporaryDirectory() as src:
        for path, (text, _) in PLANTED.items():
            os.makedirs(os.path.join(src, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(src, path), "w") as f:
                f.write(text)
        found = faults_of(src)
        wanted = [(path, fault) for path, (_, fault) in PLANTED.items() if fault]
        for path, fault in wanted:
            if not any(f.startswith(path + ":") and fault in f for f in found):
                sys.exit("layers.py does not find the fault planted in %s: %s" % (path, fault))
        if len(found) != len(wanted):
            sys.exit("layers.py finds what was not planted:\n" + "\n".join(found))
        with open(os.path.join(src, "README.md"), "w") as f:
            f.write("| `arena.c`, `arena.c` | twice |\n| `gone.c` | |\n")
        found = faults_of_map(src, {"arena.c", "new.c"})
        if [fault.split()[-1] for fault in found] != ["once", "there", "new.c"]:
            sys.exit("layers.py does not find what is wrong with a map:\n" + "\n".join(found))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    self_test()
    faults = faults_of(sys.argv[1])
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
