#!/usr/bin/env python3
"""savedmodel checkpoint and savedmodel diff, as a user runs them.

    check_surgery.py TOOL ROOT...

Every checkpoint below the roots is renamed, taken apart, put together and averaged with itself; values are compared by the
checksums in truth.json where there are any, else by those of `tensors --sha256`.  Then averages and differences of numbers
that are computed here, differences of models in which something is changed, what has to be refused, and damaged checkpoints, of which nothing may be left behind.  Needs neither
TensorFlow nor numpy; surgery_tf.py restores results with TensorFlow.
"""
import glob
import json
import math
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


class Checker:
    def __init__(self, tool, work):
        self.tool, self.work = tool, work
        self.passed = self.failed = 0

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, *args):
        return subprocess.run([self.tool, *args], capture_output=True, timeout=60, text=True, errors="replace")

    def result(self, name, good, message=""):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print("FAIL %s: %s" % (name, message))
        return good

    def does(self, name, *args):
        """checkpoint ARGS --json, which has to work.  The report."""
        run = self.run("checkpoint", *args, "--json")
        good = self.result(name, run.returncode == 0 and not run.stderr, "%s: exit %d: %s" %
                           (args[0], run.returncode, run.stderr))
        return json.loads(run.stdout) if good else None

    def refuses(self, name, args, exit_code, message):
        run = self.run(*args)
        self.result(name, run.returncode == exit_code and not run.stdout and run.stderr.count("\n") == 1 and
                    message in run.stderr, "exit %d, expected %d: %s" % (run.returncode, exit_code, run.stderr.strip()))

    def tensors(self, path):
        """By key, where it is text: dtype, shape, checksum.  None: it cannot be read."""
        run = self.run("tensors", path, "--sha256", "--json")
        if run.returncode != 0:
            return None
        return {t["key"] if isinstance(t["key"], str) else "hex:" + t["key"]["hex"]: (t["dtype"], t["shape"], t["sha256"])
                for t in json.loads(run.stdout)["tensors"]}

    def clear(self):
        for path in glob.glob(self.path("*")):
            os.remove(path)


# ---- Every checkpoint ----

def checkpoints(root):
    """Path, and what truth.json says of its tensors."""
    for parent, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - {"broken"})
        known = {}
        if "truth.json" in files:
            with open(os.path.join(parent, "truth.json"), encoding="utf-8") as f:
                known = json.load(f).get("checkpoints") or {}
        for name in sorted(set(known) | {n[:-len(".index")] for n in files if n.endswith(".index")}):
            yield os.path.join(parent, name), known.get(name, {}).get("tensors", {})


def without_graph(tensors):
    return {key: value for key, value in tensors.items() if key != OBJECT_GRAPH}


def map_file(checker, keys, new_key):
    """A line for each key that a file of lines can have."""
    path = checker.path("map.txt")
    mapped = [k for k in keys if not set(k) & set("\n\r\t\0") and not k.endswith("/") and not k.startswith("hex:")]
    with open(path, "w", encoding="utf-8") as f:
        f.writelines("%s\t%s\n" % (k, new_key(k)) for k in mapped)
    return path, mapped


def check_rename(checker, name, path, old):
    file, mapped = map_file(checker, without_graph(old), lambda k: "new/" + k)
    if not mapped:
        return
    report = checker.does(name, "rename", path, checker.path("renamed"), "--map-file", file)
    got = checker.tensors(checker.path("renamed"))
    wanted = {"new/" + k if k in set(mapped) else k: v for k, v in without_graph(old).items()}
    checker.result(name, report and got is not None and without_graph(got) == wanted, "renamed: other tensors")
    checker.result(name, report and len(report["renamed"]) == len(mapped), "renamed: report")
    if os.path.exists(path + ".index"):  # its data files are those of the source, not copies
        sources = {os.stat(f).st_ino for f in glob.glob(glob.escape(path) + ".data-*")}
        linked = [f for f in glob.glob(checker.path("renamed.data-*")) if os.stat(f).st_ino in sources]
        checker.result(name, linked or not any(v[1] and 0 not in v[1] for v in old.values()) or
                       os.stat(path + ".index").st_dev != os.stat(checker.work).st_dev, "renamed: data files were copied")
    checker.result(name, checker.run("verify", checker.path("renamed")).returncode == 0, "renamed: verify")


def check_parts(checker, name, path, old):
    """One key alone, the others alone, and both together again."""
    keys = [k for k in without_graph(old) if not k.startswith("hex:") and not set(k) & set("*?[]\\\0")]
    if len(keys) < 2 or OBJECT_GRAPH in old:
        return
    patterns = [a for k in keys[1:40] for a in ("--filter", k)]
    first = checker.does(name, "subset", path, checker.path("first"), "--filter", keys[0])
    second = checker.does(name, "subset", path, checker.path("second"), *patterns)
    checker.result(name, checker.tensors(checker.path("first")) == {keys[0]: old[keys[0]]}, "subset: other tensors")
    checker.result(name, first and set(first["dropped"]) | {keys[0]} >= {k for k in old if not k.startswith("hex:")},
                   "subset: report")
    checker.does(name, "merge", checker.path("first"), checker.path("second"), checker.path("merged"))
    wanted = {k: old[k] for k in keys[:40]}
    checker.result(name, second and checker.tensors(checker.path("merged")) == wanted, "merge: other tensors")


def check_average(checker, name, path, old):
    """Of a checkpoint with itself: every value, but for the bits of NaNs."""
    report = checker.does(name, "average", path, path, checker.path("average"))
    if report is None:
        return
    run = checker.run("diff", path, checker.path("average"), "--json")
    changed = json.loads(run.stdout)["tensors"] if run.stdout else None
    good = changed is not None and not changed["added"] and not changed["removed"] and \
        all(c["max_abs_difference"] == 0 for c in changed["changed"])
    checker.result(name, good, "average of itself: %s%s" % (changed, run.stderr))
    checker.result(name, report["tensors"] == len(old) and report["differing"] == [], "average: report")


def check_diff(checker, name, path, old):
    run = checker.run("diff", path, path)
    checker.result(name, run.returncode == 0 and not run.stdout and not run.stderr, "diff with itself: " + run.stdout)
    new = checker.tensors(checker.path("first")) if os.path.exists(checker.path("first.index")) else None
    if new is None:
        return
    run = checker.run("diff", path, checker.path("first"), "--json")
    report = json.loads(run.stdout)["tensors"]
    removed = {k if isinstance(k, str) else "hex:" + k["hex"] for k in report["removed"]}
    checker.result(name, run.returncode == 1 and removed == set(old) - set(new) and not report["added"] and
                   not report["changed"], "diff with a part")


def check_checkpoint(checker, name, path, truth):
    old = checker.tensors(path)
    if old is None:
        return
    for key, facts in truth.items():
        if "sha256" in facts and key in old and facts.get("dtype") != "variant":
            checker.result(name, old[key][2] == facts["sha256"], "%s is not what TensorFlow reads" % key)
    check_rename(checker, name, path, old)
    check_parts(checker, name, path, old)
    check_average(checker, name, path, old)
    check_diff(checker, name, path, old)
    checker.clear()


# ---- Numbers that are computed here ----

CODES = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I8": "b", "U8": "B"}


def save(checker, name, tensors):
    """tensors: by key type and numbers.  Through a .safetensors file, which is simple to write."""
    header, data = {}, b""
    for key, (kind, numbers) in tensors.items():
        packed = struct.pack("<%d%s" % (len(numbers), CODES[kind]), *numbers)
        header[key] = {"dtype": kind, "shape": [len(numbers)], "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    with open(checker.path(name + ".safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
    run = checker.run("convert", checker.path(name + ".safetensors"), checker.path(name), "--overwrite")
    checker.result(name, run.returncode == 0, run.stderr)
    return checker.path(name)


def load(checker, path, key, kind):
    """The numbers of a tensor: the bytes of its place in the only data file."""
    run = checker.run("tensors", path, "--json")
    tensor = [t for t in json.loads(run.stdout)["tensors"] if t["key"] == key][0]
    with open(path + ".data-00000-of-00001", "rb") as f:
        f.seek(tensor["offset"])
        return struct.unpack("<%d%s" % (tensor["bytes"] // struct.calcsize(CODES[kind]), CODES[kind]),
                             f.read(tensor["bytes"]))


def rounded(kind, value):
    return struct.unpack("<" + CODES[kind], struct.pack("<" + CODES[kind], value))[0]


def check_numbers(checker):
    rng = random.Random(4)
    n, sources = 70001, []
    values = [{kind: [rounded(kind, rng.gauss(0, 10)) for _ in range(n)] for kind in ("F64", "F32", "F16")} for _ in range(5)]
    for i, numbers in enumerate(values):
        numbers["F64"][0] = 1.7e308
        tensors = {kind: (kind, numbers[kind]) for kind in numbers}
        tensors["steps"] = ("I64", [100 * i, 7])
        sources.append(save(checker, "numbers%d" % i, tensors))
    report = checker.does("average", "average", *sources, checker.path("average"))
    checker.result("average", report["differing"] == ["steps"] and report["averaged"] == 3 and report["taken"] == 1, report)
    for kind in ("F64", "F32", "F16"):
        got = load(checker, checker.path("average"), kind, kind)
        want = [math.fsum(v[kind][i] / 1 for v in values) / 5 if i or kind != "F64" else 1.7e308 for i in range(n)]
        off = [(g, w) for g, w in zip(got, want) if abs(g - w) > (abs(w) + 1) * 1e-14 and g != rounded(kind, w)]
        checker.result("average " + kind, not off, "%d numbers, such as %r" % (len(off), off[:3]))
    checker.result("average steps", load(checker, checker.path("average"), "steps", "I64") == (400, 7))
    checker.clear()


def check_differences(checker):
    nan = float("nan")
    a = save(checker, "a", {"f": ("F32", [1, 2, nan, 0.0, 5]), "i": ("I64", [-2**63, 5]), "u": ("U8", [0, 255]),
                            "same": ("F64", [nan, 1]), "gone": ("I8", [1]), "form": ("F32", [1, 2])})
    b = save(checker, "b", {"f": ("F32", [1, 2.5, nan, -0.0, 4]), "i": ("I64", [2**63 - 1, 5]), "u": ("U8", [255, 255]),
                            "same": ("F64", [nan, 1]), "new": ("I8", [1]), "form": ("F32", [1, 2, 3])})
    run = checker.run("diff", a, b, "--json")
    report = json.loads(run.stdout)
    tensors = report["tensors"]
    changed = {c["key"]: c for c in tensors["changed"]}
    checker.result("diff", run.returncode == 1 and report["equal"] is False and tensors["added"] == ["new"] and
                   tensors["removed"] == ["gone"], tensors)
    numbers = {k: (c.get("different"), c["max_abs_difference"]) for k, c in changed.items()}
    wanted = {"f": (3, 1), "i": (1, float(2**64 - 1)), "u": (1, 255), "form": (None, None)}
    checker.result("diff numbers", numbers == wanted, numbers)
    checker.result("diff form", changed["form"]["shape"] == [[2], [3]], changed["form"])
    checker.result("diff text", "tensor changed: f: 3 of 5 elements differ, by 1 at most\n" in checker.run("diff", a, b).stdout)
    c = save(checker, "c", {"f": ("F32", [1, 2, 3, 0.0, 5])})
    report = json.loads(checker.run("diff", a, c, "--json").stdout)["tensors"]["changed"][0]
    checker.result("diff with a NaN", (report["different"], report["max_abs_difference"]) == (1, None), report)
    checker.clear()


MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "models")


def change_model(checker, name, changes):
    """A copy of a model in text, in which pieces of the text become others."""
    source, copy = os.path.join(MODELS, name), checker.path("changed")
    shutil.copytree(source, copy)
    text = os.path.join(copy, "saved_model.pbtxt")
    checker.run("convert", os.path.join(copy, "saved_model.pb"), text)
    os.remove(os.path.join(copy, "saved_model.pb"))
    with open(text, encoding="utf-8") as file:
        content = file.read()
    for old, new in changes:
        checker.result(name, old in content, "has no %r" % old)
        content = content.replace(old, new, 1)
    with open(text, "w", encoding="utf-8") as file:
        file.write(content)
    return source, copy


def check_model_difference(checker, name, changes, wanted, add_files=False):
    """wanted: what differs, "subject/kind/name"; nothing else does."""
    source, copy = change_model(checker, name, changes)
    if add_files:
        os.remove(os.path.join(copy, "fingerprint.pb"))
        os.makedirs(os.path.join(copy, "assets.extra", "d"))
        with open(os.path.join(copy, "assets.extra", "d", "notes.txt"), "w", encoding="utf-8") as file:
            file.write("notes")
    run = checker.run("diff", source, copy, "--json")
    report = json.loads(run.stdout or "{}")
    checker.result("diff " + name, list(report) == sorted(report), "keys: %s" % list(report))
    found = {"%s/%s/%s" % (subject, kind, item) for subject, lists in report.items() if isinstance(lists, dict)
             for kind, items in lists.items() for item in items}
    checker.result("diff " + name, found == wanted and run.returncode == (1 if wanted else 0),
                   "%s, expected %s %s" % (found, wanted, run.stderr))
    text = checker.run("diff", source, copy).stdout
    checker.result("diff " + name, text.count("\n") == len(wanted), text)
    shutil.rmtree(copy)


def check_model_differences(checker):
    v1, v2 = "v1/classify_regress_predict", "v2/variables"
    check_model_difference(checker, v1, [], set())
    check_model_difference(checker, v1, [("max_to_keep: 5", "max_to_keep: 6")], {"properties/changed/saver"})
    check_model_difference(checker, v1, [('key: "trainable_variables"', 'key: "renamed"')],
                           {"collections/added/renamed", "collections/removed/trainable_variables"})
    check_model_difference(checker, v1, [("initial_value:08\\001", "initial_value:08\\000")],
                           {"collections/changed/trainable_variables"})
    check_model_difference(checker, v2, [], set())
    check_model_difference(checker, v2, [], {"properties/removed/fingerprint", "extra_assets/added/d/notes.txt"}, True)
    check_model_difference(checker, v2, [('name: "my/own_name"\n      }', 'name: "other"\n      }')],
                           {"objects/changed/named"})


# ---- What is refused ----

def check_refusals(checker):
    a = save(checker, "a", {"x": ("F32", [1, 2]), "y": ("F32", [3]), "p/a": ("F32", [1]), "p/b": ("F32", [2])})
    b = save(checker, "b", {"x": ("F32", [1, 3])})
    c = save(checker, "c", {"x": ("F64", [1, 2]), "y": ("F32", [3]), "p/a": ("F32", [1]), "p/b": ("F32", [2])})
    new = checker.path("new")
    cases = [
        (["rename", a, new, "--map", "z=w"], 1, "no key is z"),
        (["rename", a, new, "--map", "z/=w/"], 1, "no key begins with z/"),
        (["rename", a, new, "--map", "x=y"], 1, "there is a tensor of that name already"),
        (["rename", a, new, "--map", "x=v", "--map", "x=w"], 1, "two other keys"),
        (["rename", a, new, "--map", "x"], 2, "is not OLD=NEW"),
        (["rename", a, new, "--map", "=x"], 2, "is not OLD=NEW"),
        (["rename", a, new, "--map", "x="], 2, "is not OLD=NEW"),
        (["rename", a, new], 2, "needs --map"),
        (["rename", a, new, "--map-file", checker.path("none")], 1, "none"),
        (["rename", a, a, "--map", "x=z"], 1, "there is such a checkpoint already"),
        (["rename", a, b, new, "--map", "x=z"], 2, "takes SRC and DST"),
        (["subset", a, new], 2, "needs --filter"),
        (["subset", a, new, "--filter", "nothing*"], 1, "no key fits"),
        (["subset", a, new, "--map", "x=z"], 2, "are for rename"),
        (["merge", a, b, new], 1, "have different values"),
        (["merge", a, new], 2, "two SRC or more"),
        (["average", a, b, new], 1, "is in "),
        (["average", b, a, new], 1, "is in "),
        (["average", a, c, new], 1, "another dtype or shape"),
        (["average", a, a, checker.path("d/")], 2, "ends in a name"),
        (["average", a, checker.path("none"), new], 1, "no checkpoint"),
        (["split", a, new], 2, "rename, subset, merge or average"),
        ([], 2, "rename, subset, merge or average"),
    ]
    for args, code, message in cases:
        checker.refuses("checkpoint " + " ".join(os.path.basename(x) for x in args), ["checkpoint", *args], code, message)
        checker.result("left behind", not glob.glob(checker.path("new*")), glob.glob(checker.path("new*")))
    checker.refuses("diff", ["diff", a], 2, "takes two")
    checker.refuses("diff", ["diff", a, checker.path("none")], 1, "no checkpoint")
    # Names that change places, and one of many below a name.
    checker.does("swap", "rename", a, new, "--map", "x=y", "--map", "y=x", "--map", "p/=q/r/", "--map", "p/b=single")
    checker.result("swap", set(checker.tensors(new)) == {"x", "y", "q/r/a", "single"}, checker.tensors(new))
    checker.result("swap", checker.tensors(new)["x"] == checker.tensors(a)["y"])
    # In place of itself: what is linked is what is replaced.
    checker.does("in place", "rename", a, a, "--map", "x=z", "--overwrite")
    checker.result("in place", set(checker.tensors(a)) == {"z", "y", "p/a", "p/b"}, checker.tensors(a))
    checker.result("in place", checker.run("verify", a).returncode == 0)
    checker.clear()


def check_damaged(checker, root):
    """No signal, one line when it fails, and nothing left of what failed."""
    for index in sorted(glob.glob(os.path.join(glob.escape(root), "broken", "**", "*.index"), recursive=True)):
        path = index[:-len(".index")]
        new = checker.path("new")
        for args in (["checkpoint", "rename", path, new, "--map", "a/=b/"], ["checkpoint", "subset", path, new, "--filter", "*"],
                     ["checkpoint", "subset", path, new, "--drop-optimizer"], ["checkpoint", "average", path, path, new],
                     ["checkpoint", "merge", path, path, new], ["diff", path, path]):
            run = checker.run(*args)
            good = run.returncode in (0, 1) and (run.returncode == 0 or run.stderr.count("\n") == 1)
            left = run.returncode == 1 and glob.glob(checker.path("new*"))
            checker.result(os.path.relpath(path, root), good and not left, "%s: exit %d %s %s" %
                           (" ".join(args[:2]), run.returncode, run.stderr, left))
            checker.clear()


def main(tool, *roots):
    work = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
    try:
        checker = Checker(tool, work)
        if checker.run("tensors", "--sha256", "none").stderr.endswith("lacks nettle\n"):
            print("0 passed, 0 failed")
            return 0
        check_numbers(checker)
        check_differences(checker)
        check_model_differences(checker)
        check_refusals(checker)
        for root in roots:
            for path, truth in checkpoints(root):
                check_checkpoint(checker, os.path.relpath(path, root), path, truth)
            check_damaged(checker, root)
        print("%d passed, %d failed" % (checker.passed, checker.failed))
        return checker.failed != 0 or checker.passed == 0
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 2 else __doc__)
