#!/usr/bin/env python3
"""Packs models with Python's tarfile and zipfile: the tool has to say of an archive what it says of the directory.

    check_archives.py [--no-memory-limit] [--without-zlib] TOOL ROOT...

Every folder below a root that has a saved_model.* file is packed in all the ways of FORMS; show --all and
show --json have to print the same bytes and end alike.  Then come archives with several models, with none, and damaged ones.
A tool that was built without zlib has to refuse what is compressed, and to say why.
"""
import io
import os
import struct
import sys
import tarfile
import tempfile
import zipfile
import zlib

from compare import Run

COMMANDS = (("show", "--all"), ("show", "--json"))


class Unseekable(io.RawIOBase):
    """What zipfile cannot go back in: it writes data descriptors then."""

    def __init__(self, raw):
        self.raw = raw

    def writable(self):
        return True

    def write(self, data):
        return self.raw.write(data)


def pack_tar(out, model, top, mode, **options):
    with tarfile.open(out, mode, **options) as archive:
        archive.add(model, top)


def pack_zip(out, model, top, method):
    with zipfile.ZipFile(out, "w", method) as archive:
        for folder, folders, files in os.walk(model):
            for name in sorted(folders) + sorted(files):
                path = os.path.join(folder, name)
                archive.write(path, os.path.join(top, os.path.relpath(path, model)))


def pack_stream(out, model, top, method):
    with open(out, "wb") as raw:
        pack_zip(Unseekable(raw), model, top, method)


# File name, the model's directory in the archive, how it is made.
FORMS = (
    ("pax.tar", "m" * 120, lambda *args: pack_tar(*args, "w", format=tarfile.PAX_FORMAT)),
    ("gnu.tar", "m" * 120, lambda *args: pack_tar(*args, "w", format=tarfile.GNU_FORMAT)),
    ("ustar.tar", ".", lambda *args: pack_tar(*args, "w", format=tarfile.USTAR_FORMAT)),
    ("m.tar.gz", "m", lambda *args: pack_tar(*args, "w:gz")),
    ("stored.zip", ".", lambda *args: pack_zip(*args, zipfile.ZIP_STORED)),
    ("deflated.zip", "a/b/c", lambda *args: pack_zip(*args, zipfile.ZIP_DEFLATED)),
    ("stream.zip", "m", lambda *args: pack_stream(*args, zipfile.ZIP_DEFLATED)),
    ("name_says_nothing", "m", lambda *args: pack_stream(*args, zipfile.ZIP_STORED)),
)


COMPRESSED = ("m.tar.gz", "deflated.zip", "stream.zip")


def neutral(text, folder):
    """What is said of assets that climb out names the model's directory."""
    return text.replace('"%s/saved_model.pb: ' % folder, '"saved_model.pb: ').replace("outside of %s/" % folder, "outside of ")


class Checker:
    def __init__(self, tool, limit_memory, has_zlib):
        self.tool, self.limit_memory, self.has_zlib = tool, limit_memory, has_zlib
        self.passed = self.failed = 0

    def run(self, command, model):
        return Run([self.tool, command[0], model, *command[1:]], self.limit_memory)

    def result(self, what, problem):
        if problem:
            print("FAIL %s: %s" % (what, problem))
        self.failed, self.passed = self.failed + bool(problem), self.passed + (not problem)

    def check_model(self, name, model, scratch):
        want = [self.run(command, model) for command in COMMANDS]
        for form, top, pack in FORMS:
            path = os.path.join(scratch, form)
            pack(path, model, top)
            if form in COMPRESSED and not self.has_zlib:
                self.check_says("%s in %s" % (name, form), path, 1, "built without zlib")
                os.remove(path)
                continue
            problem = None
            for command, run in zip(COMMANDS, want):
                got = self.run(command, path)
                same_text = neutral(got.stdout, top) == neutral(run.stdout, model)
                if not same_text or (got.exit, len(got.stderr)) != (run.exit, len(run.stderr)):
                    problem = "%s: exit %s, %r; of the directory exit %s, %r" % (
                        " ".join(command), got.exit, got.stderr, run.exit, run.stderr)
            os.remove(path)
            self.result("%s in %s" % (name, form), problem)

    def check_says(self, what, path, exit_code, text):
        run = self.run(("show",), path)
        said = run.stdout + "".join(run.stderr)
        fine = run.exit == exit_code and text in said and (exit_code == 0 or len(run.stderr) == 1)
        self.result(what, None if fine else "exit %s, %r" % (run.exit, said))

    def check_others(self, model, scratch):
        def made(name, *tops):
            path = os.path.join(scratch, name)
            with tarfile.open(path, "w") as archive:
                for top in tops:
                    archive.add(model, top)
            return path

        serve = "'serve'"
        none = "SavedModel file does not exist at: "
        self.check_says("one above others", made("1.tar", "m", "m/assets.extra/x", "n/o/p"), 0, serve)
        several = made("2.tar", "x/one", "x/two")
        self.check_says("several", several, 1, "holds several models: x/one, x/two; name one of them")
        self.check_says("one of several", several + "/x/one", 0, serve)
        self.check_says("one of several, with a slash", several + "//x/two/", 0, serve)
        self.check_says("none of several", several + "/x/three", 1, none)
        self.check_says("many", made("9.tar", *("m%d" % i for i in range(20))), 1, "m15, ...; name one")
        self.check_says("none", made("0.tar"), 1, none)
        self.check_says("too deep", made("5.tar", "a/b/c/d/e"), 1, none)
        self.check_says("too deep, but named", made("5.tar", "a/b/c/d/e") + "/a/b/c/d/e", 0, serve)
        self.check_says("no archive", os.path.join(model, "saved_model.pb"), 1, none)
        self.check_says("no such file", several + "x", 1, none)
        garbage = os.path.join(scratch, "garbage.zip")
        pack_zip(garbage, os.path.join(model, "..", "..", "broken", "pb_garbage"), "a", zipfile.ZIP_STORED)
        self.check_says("damaged model", garbage, 1, "Cannot parse proto file b'%s/a/saved_model.pb'" % garbage)
        with open(several, "rb+") as archive:
            archive.truncate(1000)
        self.check_says("truncated", several, 1, "(DATA_LOSS)")

    def check_bomb(self, scratch):
        """A gigabyte of zeros and more in a megabyte: refused for its size, not unpacked until memory is gone."""
        path = os.path.join(scratch, "bomb.zip")
        size, packer = 1100 << 20, zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * 1100 + b"\3\0"
        name, fields = b"saved_model.pb", struct.pack("<HHHHHIII", 20, 0, 8, 0, 0, 0, len(packed), size)
        local = b"PK\3\4" + fields + struct.pack("<HH", len(name), 0) + name + packed
        entry = b"PK\1\2\x14\0" + fields + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
        with open(path, "wb") as archive:
            archive.write(local + entry + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(local), 0))
        self.check_says("bomb", path, 1, "(RESOURCE_EXHAUSTED)")

    def check_bomb_of_tar(self, scratch):
        """The same of a tar.gz, where only unpacking shows how large it is."""
        path = os.path.join(scratch, "bomb.tar.gz")
        zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
        one = zeros.compress(bytes(1 << 22)) + zeros.flush()
        with open(path, "wb") as archive:
            archive.write(one * 300)
        self.check_says("bomb of a tar", path, 1, "(RESOURCE_EXHAUSTED)" if self.has_zlib else "(UNIMPLEMENTED)")


def main(args):
    limit_memory = "--no-memory-limit" not in args
    has_zlib = "--without-zlib" not in args
    args = [a for a in args if a not in ("--no-memory-limit", "--without-zlib")]
    if len(args) < 2:
        sys.exit(__doc__)
    checker = Checker(os.path.abspath(args[0]), limit_memory, has_zlib)
    with tempfile.TemporaryDirectory() as scratch:
        for root in args[1:]:
            for folder, folders, files in os.walk(root):
                folders.sort()
                if any(f.startswith("saved_model.") for f in files):
                    checker.check_model(os.path.relpath(folder, root), folder, scratch)
        checker.check_others(os.path.join(args[1], "v2", "one_signature"), scratch)
        checker.check_bomb(scratch)
        checker.check_bomb_of_tar(scratch)
    print("%d passed, %d failed, 0 skipped" % (checker.passed, checker.failed))
    return 1 if checker.failed or not checker.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
