#!/usr/bin/env python3
"""savedmodel convert, as a user runs it.

    check_convert.py TOOL DATA_DIR [ROOT...]

Every model of DATA_DIR/models from .pb to .pbtxt, back, and to text again; the checkpoints in it, and in the roots, to other
forms and back, values compared by their checksums; then what has to be refused, with which words, exit code and nothing
left behind.  Needs no TensorFlow; text_tf.py compares the text itself, formats_np.py arrays, check_tensors.py the checksums.
"""
import filecmp
import json
import os
import subprocess
import sys
import tempfile


class Checker:
    def __init__(self, tool):
        self.tool = tool
        self.passed = self.failed = 0

    def run(self, *args):
        return subprocess.run([self.tool, *args], capture_output=True, timeout=60, text=True, errors="replace")

    def tensors(self, path):
        """By key: dtype, shape, checksum, slices.  None: this cannot be read, or there are no checksums in this build."""
        run = self.run("tensors", path, "--sha256", "--json")
        if run.returncode != 0:
            return None
        document = json.loads(run.stdout)
        return document["header"], {json.dumps(t["key"]): t for t in document["tensors"]}

    def result(self, name, good, message):
        self.passed += good
        self.failed += not good
        if not good:
            print("FAIL %s: %s" % (name, message))

    def check(self, name, args, exit_code, message=""):
        run = self.run("convert", *args)
        lines = run.stderr.splitlines()
        good = run.returncode == exit_code and not run.stdout and len(lines) == (exit_code != 0) and message in run.stderr
        self.passed += good
        self.failed += not good
        if not good:
            print("FAIL %s: exit %d, expected %d: %s" % (name, run.returncode, exit_code, run.stderr.strip()))
        return good

    def equal(self, name, a, b):
        with open(a, "rb") as f, open(b, "rb") as g:
            same = f.read() == g.read()
        self.passed += same
        self.failed += not same
        if not same:
            print("FAIL %s: not equal" % name)


def round_trips(checker, models, work):
    text, data, again = (os.path.join(work, n) for n in ("saved_model.pbtxt", "saved_model.pb", "again.pbtxt"))
    for parent, folders, files in os.walk(models):
        folders.sort()
        name = os.path.relpath(parent, models)
        if "saved_model.pb" not in files or name.startswith("broken"):
            continue
        if checker.check(name, [parent, text], 0) and checker.check(name, ["--dir", work, data], 0) and \
                checker.check(name, [data, again], 0):
            checker.equal(name, text, again)
    return text, data


# ---- tensors ----

OBJECT_GRAPH = '"_CHECKPOINTABLE_OBJECT_GRAPH"'
SAFETENSORS_HAS_NOT = ("DT_STRING", "DT_VARIANT", "DT_COMPLEX128", "DT_QINT8", "DT_QUINT8", "DT_QINT16", "DT_QUINT16", "DT_QINT32",
                       "DT_FLOAT8_E4M3B11FNUZ", "DT_INT4", "DT_UINT4", "DT_INT2", "DT_UINT2", "DT_FLOAT4_E2M1FN")


def checkpoints(root):
    """Prefixes of the checkpoints below root, of V1 ones as far as a truth.json names them."""
    for parent, folders, files in os.walk(root):
        folders.sort()
        if "broken" in os.path.relpath(parent, root):
            continue
        for name in sorted(files):
            if name.endswith(".index"):
                yield os.path.join(parent, name[:-len(".index")])
        if "truth.json" in files:
            with open(os.path.join(parent, "truth.json"), encoding="utf-8") as f:
                known = json.load(f).get("checkpoints") or {}
            for name, facts in known.items():
                if facts.get("format") == "V1":
                    yield os.path.join(parent, name)


def values(tensors):
    return {key: (t["dtype"], t["shape"], t["sha256"]) for key, t in tensors.items()}


def parts(tensors):
    """Of those in several parts; V1 checkpoints have all others in one."""
    return {key: t["slices"] for key, t in tensors.items() if t["slices"] and len(t["slices"]) > 1}


def is_npz_name(key):
    name = json.loads(key)
    return isinstance(name, str) and len(name) < 4000 and not {"", ".", ".."} & set(name.split("/")) and "\0" not in name


def check_new_checkpoint(checker, name, src, dst, option):
    """What the options ask for shows in the new checkpoint; all else is as it was."""
    header, old = checker.tensors(src)
    if option[:1] == ["--big-endian"] and any(t["dtype"] == "DT_VARIANT" for t in old.values()):
        checker.check(name, [src, dst, "--overwrite", *option], 1, "variants have no big-endian form")
        return
    if not checker.check(name, [src, dst, "--overwrite", *option], 0):
        return
    got_header, got = checker.tensors(dst)
    checker.result(name, values(got) == values(old), "other values")
    checker.result(name, got_header["endianness"] == ("big" if "--big-endian" in option else "little"), "byte order")
    if "--shard-size" in option:
        files = [f for f in os.listdir(os.path.dirname(dst)) if f.startswith("new.data-")]
        checker.result(name, len(files) == got_header["num_shards"], "data files: %r" % files)
        return
    checker.result(name, parts(got) == parts(old), "other parts")
    checker.result(name, got_header["num_shards"] == (3 if "--shards" in option else 1), "data files")
    if "--align" in option:
        odd = [k for k, t in got.items() if t["offset"] is not None and t["offset"] % 256 != 0]
        checker.result(name, not odd, "not aligned: %r" % odd)


def check_same_bytes(checker, name, src, dst):
    """A copy of a checkpoint of TensorFlow, without options, is the same."""
    checker.check(name, [src, dst, "--overwrite"], 0)
    for end in (".index", ".data-00000-of-00001"):
        checker.result(name, filecmp.cmp(src + end, dst + end, shallow=False), "%s differs" % end)


def check_file(checker, name, src, dst, new):
    """To a file and from there to a checkpoint again."""
    old = values(checker.tensors(src)[1])
    is_npz = dst.endswith(".npz")
    if not is_npz:
        old.pop(OBJECT_GRAPH, None)
    types = {t[0] for t in old.values()}
    cannot = types & ({"DT_VARIANT"} if is_npz else set(SAFETENSORS_HAS_NOT))
    if cannot or any(not isinstance(json.loads(k), str) or is_npz and not is_npz_name(k) for k in old):
        checker.check(name, [src, dst], 1, "cannot hold" if cannot else "name")
        checker.result(name, not os.path.exists(dst), "left behind")
        return
    if checker.check(name, [src, dst], 0) and checker.check(name, [dst, new, "--overwrite"], 0):
        checker.result(name, values(checker.tensors(new)[1]) == old, "other values")
    if os.path.exists(dst):
        os.remove(dst)


def convert_tensors(checker, roots, work):
    new, npz = os.path.join(work, "new"), os.path.join(work, "new.npz")
    safe = os.path.join(work, "new.safetensors")
    n = 0
    for src in [c for root in roots for c in checkpoints(root)]:
        known = checker.tensors(src)
        if known is None:
            continue
        n += 1
        for option in ([], ["--align", "256"], ["--shards", "3"], ["--shard-size", "1000"], ["--big-endian"]):
            check_new_checkpoint(checker, " ".join([src, *option]), src, new, option)
            for name in os.listdir(work):
                os.remove(os.path.join(work, name))
        if known[0]["num_shards"] == 1 and src.endswith("variables/variables"):
            check_same_bytes(checker, src + ": bytes", src, new)
        check_file(checker, src + " to safetensors", src, safe, new)
        if "without zlib" not in checker.run("convert", src, npz).stderr:
            if os.path.exists(npz):
                os.remove(npz)
            check_file(checker, src + " to npz", src, npz, new)
        for name in os.listdir(work):
            os.remove(os.path.join(work, name))
    return n


def refuse_tensors(checker, models, work):
    src = os.path.join(models, "v1", "partitioned_variables")
    path = lambda name: os.path.join(work, name)  # noqa: E731
    checker.check("a model's variables", [src, path("c")], 0)
    before = sorted(os.listdir(work))
    checker.check("there already", [src, path("c")], 1, "ALREADY_EXISTS")
    checker.check("onto itself", [path("c"), path("c"), "--overwrite"], 0)
    checker.check("no checkpoint", [path("none"), path("d")], 1, "no checkpoint")
    for name in ("none.npz", "none.safetensors"):
        checker.check(name, [path(name), path("d")], 1, name)
        with open(path(name), "wb") as f:
            f.write(b"nothing of the kind")
        checker.check(name, [path(name), path("d")], 1, name)
        os.remove(path(name))
    for option, what in ((["--align", "3"], "power of two"), (["--align", "0"], "power of two"), (["--align", "x"], "power of two"),
                         (["--shards", "0"], "number of files"), (["--shards", "-1"], "number of files"),
                         (["--shard-size", "1k"], "number of bytes"), (["--shards", "2", "--shard-size", "9"], "exclude each other")):
        checker.check(" ".join(option), [src, path("d"), *option], 2, what)
    for option in (["--align", "8"], ["--shards", "2"], ["--shard-size", "9"], ["--big-endian"]):
        checker.check("%s for a file" % option, [src, path("d.npz"), *option], 2, "are for checkpoints")
    checker.check("an index", [src, path("d.index")], 2, "without .index")
    checker.check("no name", [src, path("")], 2, "ends in a name")
    checker.result("refused", sorted(os.listdir(work)) == before, "left behind: %r" % sorted(os.listdir(work)))


def refusals(checker, text, data, work):
    path = lambda name: os.path.join(work, name)  # noqa: E731
    with open(path("bad.pbtxt"), "w", encoding="utf-8") as f:
        f.write("node {\n  nam: 1\n}")
    with open(path("unknown.pb"), "wb") as f:
        f.write(b"\xc0\x3e\x01")
    with open(path("old.pb"), "w", encoding="utf-8") as f:
        f.write("old")
    before = sorted(os.listdir(work))
    checker.check("bad text", [path("bad.pbtxt"), path("old.pb")], 1,
                  "Cannot parse pbtxt file b'%s': 2:3 : Message type \"tensorflow.NodeDef\" has no field named \"nam\"."
                  % path("bad.pbtxt"))
    checker.check("unknown field", [path("unknown.pb"), path("new.pbtxt")], 1, "text cannot hold it")
    checker.check("no source", [path("none.pb"), path("new.pbtxt")], 1, path("none.pb"))
    checker.check("no folder", [data, path("none/new.pbtxt")], 1, path("none/new.pbtxt"))
    checker.check("same form", [data, path("new.pb")], 2, "SRC has to end in .pbtxt")
    checker.check("same form", [text, path("new.pbtxt")], 2, "SRC has to end in .pb ")
    checker.check("no form", [data, path("new")], 2, "DST has to end in")
    checker.check("no target", [data], 2, "needs SRC and DST")
    if sorted(os.listdir(work)) != before:
        checker.failed += 1
        print("FAIL left behind: %s" % sorted(set(os.listdir(work)) - set(before)))
    with open(path("old.pb"), encoding="utf-8") as f:
        if f.read() != "old":
            checker.failed += 1
            print("FAIL a failure changed what was there")
    with open(path("graph.pbtxt"), "w", encoding="utf-8") as f:
        f.write("node { name: 'n' }")
    checker.check("a GraphDef, over what is there", [path("graph.pbtxt"), path("old.pb")], 0)
    with open(path("old.pb"), "rb") as f:
        if f.read() != b"\x0a\x03\x0a\x01n":
            checker.failed += 1
            print("FAIL GraphDef: wrong bytes")


def main(args):
    if len(args) < 2:
        sys.exit(__doc__)
    checker = Checker(os.path.abspath(args[0]))
    models = os.path.join(args[1], "models")
    with tempfile.TemporaryDirectory() as work:
        text, data = round_trips(checker, models, work)
        refusals(checker, text, data, work)
    with tempfile.TemporaryDirectory() as work:
        n = convert_tensors(checker, [models, *args[2:]], work)
        refuse_tensors(checker, models, work)
    print("%d checkpoints; %d passed, %d failed" % (n, checker.passed, checker.failed))
    return 1 if checker.failed or not checker.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
