#!/usr/bin/env python3
"""Does TensorFlow read the text that we write, and do we read the text that it writes?

    VENV/bin/python tests/interop/text_tf.py TOOL ROOT...

  every saved_model.pb below the roots   our text has the lines of TensorFlow's str() of the message, and TensorFlow reads
                                         it as that message; we read its text, of both its printers, likewise
  every .pbtxt of a SavedModel           we read it as TensorFlow does
  CASES                                  texts that are read or refused, at the same place, as text_format.Parse does
  numbers                                random floats and doubles, both ways

Needs TensorFlow.  Prints what differs and exits 1.
"""
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from google.protobuf import message, text_format  # noqa: E402
from tensorflow.core.framework import graph_pb2  # noqa: E402
from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402

# Inside of an AttrValue.
ATTR_CASES = r"""
f: 1
f: -0
f: 1f
f: 1.5F
f: 1ff
f: inff
f: InFiNiTy
f: -infinity
f: - 1
f: -inf
f: +1
f: nan
f: -nan
f: NaNf
f: 1e400
f: 1e39
f: 3.4028235677973366e38
f: 3.4028235677973362e38
f: 1.00000017881393421514957253748434595763683319091796875001
f: .5
f: -.5
f: 5.
f: .
f: true
f: 00
f: 010
f: 0x10
f: 0
f: 00.5
f: 1e
f: 1e+5
f: 1e-400
f: 1-5
f: 1.0.0
f: 0x1.8p1
f: "a"
f: [1]
f:: 1
f: 1: 2
f 1
f:
f
f: 1 i: 2
f: 1,i: 2
f: 1}
f: 0 f: 1
f: +inf
f: infinityf
f: --1
f: _1
i: 0x7fffffffffffffff
i: 0X1f
i: 0x8000000000000000
i: 9223372036854775807
i: 9223372036854775808
i: -9223372036854775808
i: -9223372036854775809
i: 99999999999999999999999999999999
i: 017
i: 0o17
i: 0b11
i: 08
i: -0
i: +5
i: +017
i: - 5
i: 1.0
i: 00
i: -010
i: -0x10
i: 0x
i: 1a
i: 1 i: 2
b: true
b: t
b: True
b: TRUE
b: 1
b: 2
b: false
b: f
b: False
b: 0 b: 1
type: DT_FLOAT
type: 1
type: 0x1
type: 999
type: -1
type: 01
type: 00
type: DT_NOPE
type: DT
type: DT_FLOATX
type: 99999999999
type: "DT_FLOAT"
s: "a" 'b' "c"
s: "\x4\x41\101\7\u00e9\U0001F600\n\t\r\a\b\f\v\\\'\""
s: 'it"s' "it's"
s: "\x411\1011"
s: "\400"
s: "\777"
s: "\xzz"
s: "\u12"
s: "\ud800"
s: "\U00110000"
s: "abc
s: "
s: "\"
s: ""
s: a
s: 1
s: "a"b
S: "a"
placeholder: "" i: 1
placeholder: "x" placeholder: "y"
placeholder: "\303\251"
placeholder: "\xff"
placeholder: "\xc3" "\xa9"
func { name: "\377" }
list {}
list: {}
list <>
list < i: 1 >
list <}
list {>
list { i: [1, 2, 3] }
list { i: [] }
list { i: [1,] }
list { i: [1; 2] }
list { i: [1 2] }
list { i: 1 f: 2 i: 3 }
list { f: 1 i: 2 s: "a" }
list { i: 1, i: 2; i: 3 }
list { i: 1,; }
list { i: 1,, }
list { s: ["a" "b", "c"] }
list { b: [true, false] b: t }
list { type: [DT_FLOAT, 2] }
list { shape: [{}, { dim: [{ size: 1 }, <size: -1 name: "x">] }] }
list { shape [{}] }
list { shape: [{} {}] }
list { shape: [{},] }
list { shape: [] }
list {} list {}
list {
list 1
list [{}]
list: [{}]
{f: 1}
}
@
[a.b]: 1
[a]
5: 1
unknown: 1
unknown { }
# comment
shape { dim { size: 1 size: 2 } }
shape { dim { size: 0 size: 2 } }
shape { dim { size: 2 size: 0 } }
shape { unknown_rank: false unknown_rank: true }
shape { unknown_rank: true dim { name: "b" size: 3 } }
tensor { version_number: 2147483647 }
tensor { version_number: 2147483648 }
tensor { uint32_val: -1 }
tensor { uint32_val: -0 }
tensor { uint32_val: 4294967296 }
tensor { uint64_val: 18446744073709551615 }
tensor { uint64_val: 18446744073709551616 }
tensor { float_val: 1 dtype: DT_FLOAT float_val: [2, 3] int_val: 4 float_val: 5 }
tensor { tensor_content: "\000\001\377" string_val: "" string_val: "a" }
tensor {} func {}
func { attr { key: "b" value { i: 1 } } attr { key: "a" } attr { key: "b" value { i: 2 } } attr { value { i: 3 } } attr {} }
func { attr: [{ key: "b" }, { key: "a" }] }
func { attr { value { i: 3 } key: "k" } }
func { attr { key: "a" key: "b" } }
func { attr { key: "" key: "b" } }
func { attr { key: "k" value {} value {} } }
func { name: "f" attr { key: "x" value { tensor { int_val: 1 dtype: DT_INT32 } } } }
""".strip("\n").split("\n")

# Inside of a GraphDef.
GRAPH_CASES = [
    "", " \n\t", "\n\n  node {\n  name: 5\n}", "node {\n  name: \"a\"\n  nam: \"b\"\n}", "# c\nnode { } # d", "node{}node{}",
    "node { name: \"a\nb\" }", "node { name: \"a\\\nb\" }", "versions { producer: 1\n  producer: 2 }", "versions {} versions {}",
    "node\u00a0{\u2003name\u3000:\u0085'a' }", "node { name: '\u00e9\u20ac' nome: 1 }", "\u00e9: 1", "node { \u00e9: 1 }",
    "library { function { arg_attr { key: 3 } arg_attr { key: 1 value {} } arg_attr { key: 3 value {} } } }",
    "library { function { resource_arg_unique_id { key: 2 value: 0 } resource_arg_unique_id { key: 1 } } }",
    "library { function { resource_arg_unique_id { key: 4294967295 value: 1 } resource_arg_unique_id { } } }",
    "versions { bad_consumers: 1 producer: 3 bad_consumers: [2, -3] }",
    "node { attr { key: \"a\" value { i: 1 } } name: \"late\" attr { key: \"A\" } device: \"/cpu\" input: \"x\" op: \"o\" }",
    "node { name: \"a\tb\x01c\" }", "node {", "node", "node }", "node { name", "node { name :", "\x1cnode {}\x1f", "node {}\r\n",
    "node { name: \"a\" }\n# last", "version: 1 version: 1", "debug_info { }", "node: { name: 'x' }; node: < op: 'y' >, node { }",
]

ANY = "meta_graphs { collection_def { key: 'k' value { any_list { value { %s } } } } }"
# Inside of an Any.
ANY_CASES = [
    '[type.googleapis.com/tensorflow.AssetFileDef] { filename: "x" }', "[a.b/c/tensorflow.AssetFileDef]: < filename: 'x' >",
    "[type.googleapis.com/tensorflow.Nope] {}", "[tensorflow.AssetFileDef] {}", "[/tensorflow.AssetFileDef] {}",
    "[ type.googleapis.com / tensorflow.AssetFileDef ] { }", "[%2/tensorflow.AssetFileDef] {}",
    "[a%20b/tensorflow.AssetFileDef] {}", "[a/1.2] {}", "[a/tensorflow.VersionDef] { producer: 0 bad_consumers: [1, 2] }",
    "[a/tensorflow.VersionDef] { bad_consumers: 1 producer: 2 }", "[a/tensorflow.VersionDef {}", "[a/tensorflow.VersionDef] 1",
    "[a/tensorflow.AssetFileDef] {} type_url: 'z'", "type_url: 'z' value: 'v' [a/tensorflow.AssetFileDef] {}",
    "[a/tensorflow.AssetFileDef] {} [b/tensorflow.VersionDef] { producer: 1 }", "type_url: 'z' value: '\\001\\377'",
    "[a/google.protobuf.Any] { [b/tensorflow.VersionDef] { min_consumer: 1 producer: 1 } }",
    "[a/tensorflow.NodeDef] { attr { key: 'b' } op: 'x' name: 'y' }",     # one entry: TensorFlow leaves their order to chance
]


class Checker:
    def __init__(self, tool, folder):
        self.tool, self.folder = tool, folder
        self.passed = self.failed = 0

    def result(self, name, problem):
        self.passed += not problem
        self.failed += bool(problem)
        if problem:
            print("FAIL %s: %s" % (name, problem))

    def convert(self, data, src, dst):
        """The bytes that the tool makes of data, and what it says: names as of a file in the folder."""
        src, dst = os.path.join(self.folder, src), os.path.join(self.folder, dst)
        with open(src, "wb") as f:
            f.write(data)
        if os.path.exists(dst):
            os.remove(dst)
        run = subprocess.run([self.tool, "convert", src, dst], capture_output=True, timeout=120)
        if run.returncode != 0:
            return None, run.stderr.decode("utf-8", "replace").strip()
        with open(dst, "rb") as f:
            return f.read(), ""

    def to_text(self, data, kind):
        name = kind.__name__ == "SavedModel" and "saved_model" or "graph"
        return self.convert(data, name + ".pb", name + ".pbtxt")

    def from_text(self, data, kind):
        name = kind.__name__ == "SavedModel" and "saved_model" or "graph"
        return self.convert(data, name + ".pbtxt", name + ".pb")

    # ---- whole messages ----

    def check_read(self, name, text, kind, want):
        """We read text as the message want."""
        data, error = self.from_text(text.encode("utf-8"), kind)
        problem = error
        if data is not None and not same(kind.FromString(data), want):
            problem = "read as another message"
        self.result(name, problem)

    def check_message(self, name, data, kind):
        try:
            want = kind.FromString(data)
        except message.DecodeError:
            want = None
        text, error = self.to_text(data, kind)
        if text is None:
            lossy = want is not None and "schema does not have" in error
            deep = want is not None and "nested more than" in error
            return self.result(name, "" if want is None or lossy or deep else error)
        if want is None:
            return self.result(name, "TensorFlow does not read it, we do")
        text = text.decode("utf-8")
        lines, theirs = sorted(text.split("\n")), sorted(str(want).split("\n"))
        self.result(name + ": lines", "" if lines == theirs else "the text is other than TensorFlow's")
        self.result(name + ": read by TensorFlow", "" if same(text_format.Parse(text, kind()), want) else "differs")
        self.check_read(name + ": str()", str(want), kind, want)
        self.check_read(name + ": MessageToString()", text_format.MessageToString(want), kind, want)

    # ---- cases ----

    def check_case(self, text, kind):
        name = "case %r" % text
        try:
            want, place = text_format.Parse(text, kind()), None
        except (text_format.ParseError, ValueError) as e:
            want, place = None, (re.match(r"(\d+:\d+) : ", str(e)) or [None, None])[1]
        data, error = self.from_text(text.encode("utf-8"), kind)
        if want is None:
            ours = (re.search(r": (\d+:\d+) : ", error) or [None, None])[1]
            problem = "TensorFlow refuses it, we do not" if data is not None else ""
            if not problem and (ours is None or (place is not None and ours != place)):
                problem = "refused at %s, by TensorFlow at %s: %s" % (ours, place, error)
            return self.result(name, problem)
        if data is None:
            return self.result(name, error)
        got = kind.FromString(data)
        self.result(name, "" if same(got, want) else "read as %r, by TensorFlow as %r" % (str(got), str(want)))

    # ---- numbers ----

    def check_numbers(self, n):
        rng = random.Random(20)
        floats = [struct.unpack("<f", rng.randbytes(4))[0] for _ in range(n)]
        floats += [rng.randrange(-10**6, 10**6) / 10**rng.randrange(9) for _ in range(n)]
        doubles = [struct.unpack("<d", rng.randbytes(8))[0] for _ in range(n)]
        doubles += [rng.randrange(-10**9, 10**9) / 10**rng.randrange(15) for _ in range(n)]
        graph = graph_pb2.GraphDef()
        tensor = graph.node.add().attr["value"].tensor
        tensor.float_val.extend(x for x in floats if x == x)
        tensor.double_val.extend(x for x in doubles if x == x)
        tensor.int64_val.extend(rng.randrange(-2**63, 2**63) >> rng.randrange(64) for _ in range(n))
        tensor.uint64_val.extend(rng.randrange(2**64) >> rng.randrange(64) for _ in range(n))
        self.check_message("%d random numbers" % (6 * n), graph.SerializeToString(), graph_pb2.GraphDef)
        # Any text of a number: what is the nearest double of it, and that as a float?
        texts = ["%de%d" % (rng.randrange(10**rng.randrange(1, 25)), rng.randrange(-60, 40)) for _ in range(n)]
        texts += ["%.*f" % (rng.randrange(60), rng.random() * 10**rng.randrange(20)) for _ in range(n)]
        text = "node { attr { key: 'v' value { tensor { float_val: [%s] double_val: [%s] } } } }" % ((",".join(texts),) * 2)
        self.check_read("%d texts of numbers" % (2 * n), text, graph_pb2.GraphDef, text_format.Parse(text, graph_pb2.GraphDef()))


def same(a, b):
    """Equal, NaN for NaN: the bytes are compared, of messages that TensorFlow wrote in one order."""
    return a == b or a.SerializeToString(deterministic=True) == b.SerializeToString(deterministic=True)


def main(args):
    if len(args) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(os.path.abspath(args[0]), folder)
        kind = saved_model_pb2.SavedModel
        for root in args[1:]:
            for parent, folders, files in os.walk(root):
                folders.sort()
                name = os.path.relpath(parent, root)
                if "saved_model.pb" in files:
                    with open(os.path.join(parent, "saved_model.pb"), "rb") as f:
                        checker.check_message(name, f.read(), kind)
                if "saved_model.pbtxt" in files:
                    with open(os.path.join(parent, "saved_model.pbtxt"), encoding="utf-8") as f:
                        text = f.read()
                    checker.check_read(name + ": pbtxt", text, kind, text_format.Parse(text, kind()))
        for case in ATTR_CASES:
            checker.check_case("node { attr { key: 'k' value {\n%s\n} } }" % case, graph_pb2.GraphDef)
        for case in GRAPH_CASES:
            checker.check_case(case, graph_pb2.GraphDef)
        for case in ANY_CASES:
            checker.check_case(ANY % case, kind)
        checker.check_numbers(20000)
    print("%d passed, %d failed" % (checker.passed, checker.failed))
    return 1 if checker.failed or not checker.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
