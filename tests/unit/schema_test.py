#!/usr/bin/env python3
"""Are the messages in proto/ those of TensorFlow?

    schema_test.py PROTO_DIR SCHEMA_TXT

Compiles PROTO_DIR/*.proto and compares every message, field, enum value and reserved number with
SCHEMA_TXT, which lists those of TensorFlow 2.21 and TensorFlow Serving 2.21, one per line.  Prints
the differences and exits 1 if there are any.

Needs protoc or protoc-c, and nothing of Python but its standard library.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

# TensorFlow declares these `optional`, which protoc-c 1.4 does not know.  Ours are the only member
# of a oneof named _FIELD: the same bytes.
PRESENCE = [
    "tensorflow.serving.PerTaskSamplingConfig.task_index",
    "tensorflow.serving.PredictRequest.RequestOptions.client_id",
    "tensorflow.serving.PredictRequest.RequestOptions.deterministic_mode",
    "tensorflow.serving.PredictRequest.RequestOptions.handshake",
    "tensorflow.serving.PredictRequest.RequestOptions.max_cache_length",
    "tensorflow.serving.PredictRequest.RequestOptions.return_additional_arrays_from_prefill",
    "tensorflow.serving.PredictRequest.RequestOptions.return_all_stoptokens",
    "tensorflow.serving.PredictRequest.client_id",
    "tensorflow.serving.PredictRequest.request_options",
]

# Messages and enums of ours that SCHEMA_TXT lacks.
EXTRA = [
    # the rest of wrappers.proto
    "google.protobuf.BytesValue",
    "google.protobuf.DoubleValue",
    "google.protobuf.FloatValue",
    "google.protobuf.Int32Value",
    "google.protobuf.StringValue",
    "google.protobuf.UInt32Value",
    "google.protobuf.UInt64Value",
    # chunk.proto
    "tensorflow.proto_splitter.ChunkInfo",
    "tensorflow.proto_splitter.ChunkInfo.Type",
    "tensorflow.proto_splitter.ChunkMetadata",
    "tensorflow.proto_splitter.ChunkedField",
    "tensorflow.proto_splitter.ChunkedMessage",
    "tensorflow.proto_splitter.FieldIndex",
    "tensorflow.proto_splitter.FieldIndex.MapKey",
    # only the scope of a message that is in SCHEMA_TXT
    "tensorflow.serving.FileSystemStoragePathSourceConfig",
]

# --- reading a FileDescriptorSet -----------------------------------------------------------------

# The part of google/protobuf/descriptor.proto that we need: {number: name} for scalars,
# {number: (name, message)} for messages.
RANGE = {1: "start", 2: "end"}
FIELD = {1: "name", 3: "number", 4: "label", 5: "type", 6: "type_name", 7: "default_value",
         8: ("options", {2: "packed", 3: "deprecated"}), 9: "oneof_index", 17: "proto3_optional"}
ENUM = {1: "name", 2: ("value", {1: "name", 2: "number"}), 4: ("reserved_range", RANGE)}
MESSAGE = {1: "name", 2: ("field", FIELD), 4: ("enum_type", ENUM), 7: ("options", {7: "map_entry"}),
           8: ("oneof_decl", {1: "name"}), 9: ("reserved_range", RANGE)}
MESSAGE[3] = ("nested_type", MESSAGE)
FILE = {2: "package", 4: ("message_type", MESSAGE), 5: ("enum_type", ENUM), 12: "syntax"}
FILE_SET = {1: ("file", FILE)}


class Message:
    """A decoded message: what has been read, in lists by field name."""

    def __init__(self):
        self.fields = {}

    def all(self, name):
        return self.fields.get(name, [])

    def has(self, name):
        return name in self.fields

    def get(self, name, default=None):
        return self.all(name)[-1] if self.has(name) else default

    def option(self, name, default=False):
        options = self.get("options")
        return options.get(name, default) if options else default


def read_varint(data, pos):
    value = shift = 0
    while True:
        byte = data[pos]
        value |= (byte & 0x7F) << shift
        pos, shift = pos + 1, shift + 7
        if byte < 0x80:
            return value, pos


def decode(data, schema):
    message, pos = Message(), 0
    while pos < len(data):
        tag, pos = read_varint(data, pos)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, pos = read_varint(data, pos)
            if value >= 1 << 63:  # a negative number
                value -= 1 << 64
        elif wire_type == 2:
            size, pos = read_varint(data, pos)
            value, pos = data[pos:pos + size], pos + size
        else:
            sys.exit("descriptor set: field %d has wire type %d" % (number, wire_type))
        name = schema.get(number)
        if isinstance(name, tuple):
            name, value = name[0], decode(value, name[1])
        elif isinstance(value, bytes):
            value = value.decode()
        if name:
            message.fields.setdefault(name, []).append(value)
    return message


# --- one line per message, field, enum, value and reserved range, as in SCHEMA_TXT ---------------

TYPES = [None, "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool",
         "string", "group", "message", "bytes", "uint32", "enum", "sfixed32", "sfixed64", "sint32",
         "sint64"]
LABELS = [None, "optional", "required", "repeated"]
NOT_PACKABLE = ("string", "bytes", "message", "group")


def type_text(field):
    """For instance int32, or message:tensorflow.NodeDef."""
    target = field.get("type_name")
    return TYPES[field.get("type")] + (":" + target[1:] if target else "")


def field_line(name, field, message, syntax, map_entries):
    kind, extra = type_text(field), ""
    entry = map_entries.get(field.get("type_name", "")[1:])
    if entry:
        kind = "map<%s,%s>" % tuple(type_text(f) for f in entry.all("field"))
        extra = " map"
    presence = field.get("proto3_optional", False)
    if field.has("oneof_index") and not presence:
        extra += " oneof=" + message.all("oneof_decl")[field.get("oneof_index")].get("name")
    label = LABELS[field.get("label")]
    if label == "repeated" and TYPES[field.get("type")] not in NOT_PACKABLE:
        extra += " packed" if field.option("packed", syntax == "proto3") else ""
    extra += " presence" if presence else ""
    extra += " deprecated" if field.option("deprecated") else ""
    extra += " default=" + field.get("default_value") if field.get("default_value") else ""
    return "field %s.%s number=%d label=%s type=%s%s" % (
        name, field.get("name"), field.get("number"), label, kind, extra)


def message_lines(name, message, syntax):
    nested = {"%s.%s" % (name, m.get("name")): m for m in message.all("nested_type")}
    map_entries = {n: m for n, m in nested.items() if m.option("map_entry")}
    yield name, "message %s syntax=%s" % (name, syntax)
    for r in message.all("reserved_range"):
        yield name, "reserved %s %d-%d" % (name, r.get("start"), r.get("end") - 1)
    for f in message.all("field"):
        yield name, field_line(name, f, message, syntax, map_entries)
    for n, m in nested.items():
        if n not in map_entries:
            yield from message_lines(n, m, syntax)
    for e in message.all("enum_type"):
        yield from enum_lines(name + "." + e.get("name"), e)


def enum_lines(name, enum):
    yield name, "enum " + name
    for v in enum.all("value"):
        yield name, "value %s.%s number=%d" % (name, v.get("name"), v.get("number"))
    for r in enum.all("reserved_range"):  # its end is inclusive, unlike a message's
        yield name, "reserved %s %d-%d" % (name, r.get("start"), r.get("end"))


def file_lines(file):
    prefix, syntax = file.get("package") + ".", file.get("syntax", "proto2")
    for m in file.all("message_type"):
        yield from message_lines(prefix + m.get("name"), m, syntax)
    for e in file.all("enum_type"):
        yield from enum_lines(prefix + e.get("name"), e)


# --- comparing -----------------------------------------------------------------------------------

def compile_protos(proto_dir):
    protoc = shutil.which("protoc") or shutil.which("protoc-c")
    protos = sorted(glob.glob(os.path.join(proto_dir, "*.proto")))
    if not protoc or not protos:
        sys.exit("schema: no " + ("*.proto in " + proto_dir if protoc else "protoc or protoc-c"))
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "set.pb")
        command = [protoc, "-I" + proto_dir, "--include_imports", "--descriptor_set_out=" + out]
        if subprocess.call(command + protos) != 0:
            sys.exit("schema: %s failed" % protoc)
        with open(out, "rb") as f:
            return decode(f.read(), FILE_SET)


def expected_lines(path):
    """SCHEMA_TXT as we write it: the PRESENCE fields as oneofs."""
    with open(path, encoding="utf-8") as f:
        lines = set(f.read().splitlines())
    for name in PRESENCE:
        found = [x for x in lines if x.startswith("field %s " % name) and x.endswith(" presence")]
        if len(found) != 1:
            sys.exit("schema: %s is in PRESENCE, but not so in %s" % (name, path))
        lines.remove(found[0])
        lines.add(found[0][:-len("presence")] + "oneof=_" + name.split(".")[-1])
    return lines


def differences(wanted, ours):
    """Differing lines; the two versions of one field or value next to each other."""
    def key(item):
        words = item[1].split()
        return (words[1] if words[0] == "reserved" else " ".join(words[:2])), item[0]
    return sorted([("- TensorFlow", x) for x in wanted - ours]
                  + [("+ proto/     ", x) for x in ours - wanted], key=key)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tagged = [x for f in compile_protos(sys.argv[1]).all("file") for x in file_lines(f)]
    ours = {line for name, line in tagged if name not in EXTRA}
    wanted = expected_lines(sys.argv[2])
    stale = set(EXTRA) - {name for name, _ in tagged}

    for where, line in differences(wanted, ours):
        print("%s  %s" % (where, line))
    for name in sorted(stale):
        print("in EXTRA, but not in proto/: " + name)
    if wanted != ours or stale:
        print("schema: %d lines differ" % (len(wanted ^ ours) + len(stale)))
        sys.exit(1)
    print("schema: %d lines equal, %d presence fields as oneofs"
          % (len(ours) - len(PRESENCE), len(PRESENCE)))


if __name__ == "__main__":
    main()
