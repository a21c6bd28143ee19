#!/usr/bin/env python3
"""Makes inputs to start fuzzing from: seeds.py MODELS OUT, with MODELS as tests/data/models; OUT/NAME for each target."""

import gzip
import io
import pathlib
import random
import sys
import tarfile
import zipfile

# The place of a type in fuzz_wire.c.
SAVED_MODEL, META_GRAPH, OBJECT_GRAPH, ATTR_VALUE, STRUCTURED, NODE, TENSOR, FINGERPRINT = range(8)

MAX_MODEL = 32 << 10  # larger ones make fuzzing slow


def fields(data):
  """Number and contents of the fields with a length; empty when data is no message."""
  at, found = 0, []

  def varint():
    nonlocal at
    value = shift = 0
    while True:
      value |= (data[at] & 0x7F) << shift
      at, shift = at + 1, shift + 7
      if data[at - 1] < 0x80:
        return value

  try:
    while at < len(data):
      tag = varint()
      if tag & 7 == 0:
        varint()
      elif tag & 7 == 2:
        size = varint()
        if at + size > len(data):
          return []
        found.append((tag >> 3, data[at:at + size]))
        at += size
      elif tag & 7 in (1, 5):
        at += 8 if tag & 7 == 1 else 4
      else:
        return []
  except IndexError:
    return []
  return found


def inside(messages, number):
  return [value for message in messages for field, value in fields(message) if field == number]


def wire_seeds(models, fingerprints):
  """Parts of each type, taken from where the schemas say that they are (proto/)."""
  meta_graphs = inside(models, 2)
  nodes = inside(inside(meta_graphs, 2), 1)
  attributes = inside(inside(nodes, 5), 2)
  objects = inside(meta_graphs, 7)
  functions = [value for entry in inside(objects, 2) for value in inside([entry], 2)]
  parts = {
      SAVED_MODEL: models, META_GRAPH: meta_graphs, OBJECT_GRAPH: objects, ATTR_VALUE: attributes, NODE: nodes,
      STRUCTURED: inside(functions, 3) + inside(functions, 4), TENSOR: inside(attributes, 8), FINGERPRINT: fingerprints
  }
  for kind, messages in parts.items():
    messages = sorted({message for message in messages if len(message) <= 8 << 10})
    for message in random.Random(kind).sample(messages, min(60, len(messages))):
      yield bytes([kind, 128]) + message
      yield bytes([kind, 0]) + message + message  # a message given twice


def tar_of(files, kind):
  out = io.BytesIO()
  with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
    for name, data in files:
      info = tarfile.TarInfo(name)
      info.size = len(data)
      tar.addfile(info, io.BytesIO(data))
    link = tarfile.TarInfo("m/link")
    link.type, link.linkname = tarfile.SYMTYPE, "saved_model.pb"
    tar.addfile(link)
    directory = tarfile.TarInfo("m/assets")
    directory.type = tarfile.DIRTYPE
    tar.addfile(directory)
  data = out.getvalue()
  while data.endswith(bytes(512 * 3)):  # the padding of records
    data = data[:-512]
  return data


def zip_of(files, method, streamed):
  class Pipe(io.RawIOBase):  # zipfile writes data descriptors to what cannot seek
    def __init__(self):
      super().__init__()
      self.data = bytearray()

    def writable(self):
      return True

    def write(self, data):
      self.data += data
      return len(data)

  out = Pipe() if streamed else io.BytesIO()
  with zipfile.ZipFile(out, "w", method) as archive:
    archive.comment = b"comment"
    for name, data in files:
      archive.writestr(name, data)
    archive.writestr("m/variables/", b"")
  return bytes(out.data) if streamed else out.getvalue()


def zip64_of(files):
  out = io.BytesIO()
  with zipfile.ZipFile(out, "w") as archive:
    for name, data in files:
      with archive.open(name, "w", force_zip64=True) as member:
        member.write(data)
  return out.getvalue()


def archive_seeds(small):
  sets = [[("m/saved_model.pb", small), ("m/fingerprint.pb", b"\x08\x01")],
          [("m/" + "long/" * 40 + "name", b"x"), ("n\u00e4me", b"")], [("a", b"1"), ("b/c", b"2" * 600)]]
  for files in sets:
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
      tar = tar_of(files, kind)
      for flags in (0, 1, 3):
        yield bytes([flags]) + tar
      yield b"\0" + gzip.compress(tar, mtime=0)
      yield b"\2" + gzip.compress(tar, mtime=0)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
      for streamed in (False, True):
        for flags in (0, 2, 4):
          yield bytes([flags]) + zip_of(files, method, streamed)
    yield b"\0" + zip64_of(files)


def write(folder, seeds):
  folder.mkdir(parents=True, exist_ok=True)
  for i, seed in enumerate(seeds):
    (folder / f"seed-{i:04}").write_bytes(seed)


def main():
  models_dir, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
  models = sorted({path.read_bytes() for path in models_dir.rglob("saved_model.pb")})
  fingerprints = sorted({path.read_bytes() for path in models_dir.rglob("fingerprint.pb")})
  small = min((model for model in models if len(model) > 1000), key=len)
  write(out / "wire", wire_seeds(models, fingerprints))
  write(out / "open_model", [model for model in models if len(model) <= MAX_MODEL] + fingerprints[:4])
  write(out / "archive", archive_seeds(small[:1500]))


main()
