#!/usr/bin/env python3
"""Are our savers, trees and managers those of TensorFlow?

    VENV/bin/python tests/interop/checkpoint_tf.py CHECKPOINT_DRIVE FIXTURES

  managers     the same random saves by both, with the same clock: the same files and the same state file, byte by byte
  savers       the same
  trees        what we write TensorFlow restores with nothing left over, and the reverse: Checkpoint, Keras 2 and 3
  names        what our Saver writes TensorFlow's restores, and the reverse
  matches      trees that differ: what is missed and what is unused is what TensorFlow's assertions say
  registered   objects with registered savers: the same, and the same graph
  models       variables of the SavedModels of FIXTURES, read as checkpoints by paths and by keys, from archives too
  fixtures     state files below FIXTURES say the same to both

Needs TensorFlow.  Prints what differs and exits 1.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "0")
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.core.protobuf import trackable_object_graph_pb2  # noqa: E402
from tensorflow.python.checkpoint import checkpoint_management  # noqa: E402
from tensorflow.python.saved_model import registration  # noqa: E402
from tensorflow.python.training import saver as saver_lib  # noqa: E402

passed = failed = 0


def check(what, is_right, detail=""):
    global passed, failed
    if is_right:
        passed += 1
    else:
        failed += 1
        print(f"checkpoint_tf: {what}: {detail}")


def same(what, ours, theirs):
    check(what, ours == theirs, f"{ours!r}, TensorFlow: {theirs!r}")


class Drive:
    """checkpoint_drive."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, *words):
        """The words of the answer, without the status."""
        answer = self.ask(*words)
        if answer[0] != "OK":
            raise RuntimeError(f"{words}: {answer}")
        return answer[1:]

    def ask(self, *words):
        self.process.stdin.write("\t".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n").split("\t")

    def close(self):
        self.process.stdin.close()
        check("checkpoint_drive", self.process.wait() == 0, "failed")


def listing(directory):
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def contents(path):
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        return file.read()


# ---- Series ----

class Clock:
    now = 1.7e9

    def time(self):
        return self.now


def on_both(what, ours, theirs, state="checkpoint"):
    same(f"{what}, files", listing(ours), listing(theirs))
    mine, its = contents(os.path.join(ours, state)), contents(os.path.join(theirs, state))
    same(f"{what}, state", mine, its)


def run_manager(drive, scratch, rng, n_saves):
    ours, theirs = os.path.join(scratch, "ours"), os.path.join(scratch, "theirs")
    clock = Clock()
    keep = rng.choice([None, 1, 2, 3, 5])
    hours = rng.choice([None, None, 1, 2.5])
    interval = rng.choice([None, None, 3])
    name = rng.choice(["ckpt", "model", "a.b c"])
    value, steps = tf.Variable([0.0, 0.0]), tf.Variable(0, dtype=tf.int64)
    with mock.patch.object(checkpoint_management, "time", clock):
        checkpoint = tf.train.Checkpoint(v=value)
        drive.do("tree")
        node = drive.do("add", 0, "v")[0]
        drive.do("bind", node, "", "Variable", "float32", "2", 0)

        def open_both():
            drive.do("clock", repr(clock.now))
            drive.do("manager", ours, name, keep or 0, hours or 0, interval or 0)
            return tf.train.CheckpointManager(checkpoint, theirs, keep, hours, name, steps, interval)

        manager = open_both()
        for i in range(n_saves):
            what = f"manager {keep} {hours} {interval}, save {i}"
            clock.now += rng.choice([0.5, 60.25, 1800, 4000, 9000, -100])
            if rng.random() < 0.1:  # as after a crash
                manager = open_both()
            steps.assign_add(rng.choice([0, 1, 2, 3]))
            number, ignores = rng.choice([None, None, None, rng.randrange(50)]), rng.random() < 0.2
            drive.do("clock", repr(clock.now))
            drive.do("step", int(steps))
            drive.do("fill", 0, i)
            value.assign([i, i])
            saved = manager.save(number, check_interval=not ignores)
            answer = drive.do("manage", -1 if number is None else number, int(ignores))
            same(f"{what}, path", answer[0].replace(ours, theirs), saved or "")
            on_both(what, ours, theirs)
            answer = drive.do("checkpoints")
            same(f"{what}, latest", answer[0].replace(ours, theirs), manager.latest_checkpoint or "")
            same(f"{what}, list", [path.replace(ours, theirs) for path in answer[1:]], manager.checkpoints)
    for directory in ours, theirs:
        shutil.rmtree(directory, ignore_errors=True)


def run_saver(drive, scratch, rng, n_saves):
    ours, theirs = os.path.join(scratch, "o"), os.path.join(scratch, "t")
    os.makedirs(ours)
    os.makedirs(theirs)
    clock = Clock()
    keep, hours = rng.choice([1, 2, 5, 0]), rng.choice([10000, 1, 2.5])
    pad, relative = rng.random() < 0.3, rng.random() < 0.5
    state = rng.choice(["checkpoint", "state"])
    with mock.patch.object(checkpoint_management, "time", clock), mock.patch.object(saver_lib, "time", clock), \
            tf.Graph().as_default(), tf.compat.v1.Session() as session:
        number = tf.compat.v1.placeholder(tf.float32, [])
        v = tf.compat.v1.get_variable("v", [2, 3], tf.float32, use_resource=False)
        w = tf.compat.v1.get_variable("w", [], tf.int64, initializer=tf.compat.v1.zeros_initializer(), use_resource=False)
        assign = [v.assign(tf.fill([2, 3], number)), w.assign(tf.cast(number, tf.int64))]
        saver = tf.compat.v1.train.Saver([v, w], max_to_keep=keep, keep_checkpoint_every_n_hours=hours,
                                         pad_step_number=pad, save_relative_paths=relative)
        drive.do("clock", repr(clock.now))
        drive.do("saver", keep or -1, hours, int(pad), int(not relative), state)
        for i in range(n_saves):
            what = f"saver {keep} {hours} {relative}, save {i}"
            clock.now += rng.choice([0.5, 60.25, 1800, 4000, 9000])
            step = rng.choice([None, i, i, i, rng.randrange(30)])
            drive.do("clock", repr(clock.now))
            session.run(assign, {number: i})
            path = saver.save(session, os.path.join(theirs, "m"), step, latest_filename=state, write_meta_graph=False)
            answer = drive.do("save", os.path.join(ours, "m"), -1 if step is None else step, i)
            same(f"{what}, path", answer[0].replace(ours, theirs), path)
            same(f"{what}, files", listing(ours), listing(theirs))
            its = contents(os.path.join(theirs, state)).replace(theirs.encode(), ours.encode())
            same(f"{what}, state", contents(os.path.join(ours, state)), its)
            same(f"{what}, index", contents(answer[0] + ".index"), contents(path + ".index"))
    for directory in ours, theirs:
        shutil.rmtree(directory)


# ---- Trees ----

def graph_of(prefix):
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(tf.train.load_checkpoint(prefix).get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    return graph


def mirror(drive, prefix):
    """Builds the tree of a checkpoint of TensorFlow, with zeros for values. Returns the bindings' keys."""
    graph, reader = graph_of(prefix), tf.train.load_checkpoint(prefix)
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    drive.do("tree")
    nodes, keys, done = {0: "0"}, [], [0]
    for number in done:
        for child in graph.nodes[number].children:
            if number == 0 and child.local_name == "save_counter":
                continue
            if child.node_id in nodes:
                drive.do("link", nodes[number], child.local_name, nodes[child.node_id])
            else:
                nodes[child.node_id] = drive.do("add", nodes[number], child.local_name)[0]
                done.append(child.node_id)
    for number in list(done):
        for slot in graph.nodes[number].slot_variables:
            variable = nodes[slot.original_variable_node_id]
            nodes[slot.slot_variable_node_id] = drive.do("slot", nodes[number], variable, slot.slot_name)[0]
            done.append(slot.slot_variable_node_id)
    for number in done:
        for attribute in graph.nodes[number].attributes:
            key = attribute.checkpoint_key
            if dtypes.get(key) not in (tf.float32, tf.int32, tf.int64):
                continue
            drive.do("bind", nodes[number], attribute.name, attribute.full_name, dtypes[key].name,
                     ",".join(str(n) for n in shapes[key]), 0)
            keys.append(key)
    return keys


def expected(reader, key):
    value = np.asarray(reader.get_tensor(key)).reshape(-1)
    return f"OK {value[0]:g} {value[-1]:g}" if value.size else "OK 0 0"


def there_and_back(drive, what, prefix, copy):
    """Reads a checkpoint of TensorFlow's with everything matched, and writes it again: the same keys, values, graph."""
    keys = mirror(drive, prefix)
    reader = tf.train.load_checkpoint(prefix)
    is_saved = "save_counter/.ATTRIBUTES/VARIABLE_VALUE" in reader.get_variable_to_shape_map()
    answer = drive.ask("restore" if is_saved else "read", prefix, "")
    check(f"{what}, restore", answer[0] == "OK", answer)
    values = drive.do("values")[1:]
    for key, value in zip(keys, values):
        same(f"{what}, {key}", value, expected(reader, key))
    drive.do("write", copy)
    mine = tf.train.load_checkpoint(copy)
    for key in keys:
        check(f"{what}, {key} again", np.array_equal(mine.get_tensor(key), reader.get_tensor(key)), "differs")
    ours, theirs = graph_of(copy), graph_of(prefix)
    if len(keys) + is_saved == sum(len(node.attributes) for node in theirs.nodes):
        same(f"{what}, graph", ours.SerializeToString(deterministic=True), theirs.SerializeToString(deterministic=True))
        same(f"{what}, consumed", drive.ask("check", 0)[0], "OK")
        return True
    return False


def module():
    root = tf.Module()
    root.a = tf.Variable(tf.random.normal([3, 2]), name="first")
    root.list = [tf.Variable(1.5), tf.Variable(tf.range(5, dtype=tf.int64))]
    root.inner = tf.Module()
    root.inner.b = root.a
    setattr(root.inner, "s.t", tf.Variable([1.0, 2.0]))
    root.named = {"a/b": tf.Variable(7), "..": tf.Variable([[1.0]])}
    root.inner.up = root
    root.empty = tf.Module()
    return root


def keras_models():
    import keras
    import tf_keras
    for library in tf_keras, keras:
        layers = library.layers
        model = library.Sequential([layers.Input((4,)), layers.Dense(3, activation="relu"), layers.BatchNormalization(),
                                    layers.Dense(1)])
        yield library.__name__, library, model


def run_trees(drive, scratch):
    path = lambda name: os.path.join(scratch, name)
    theirs = tf.train.Checkpoint(module=module(), step=tf.Variable(3))
    for i, prefix in enumerate([theirs.save(path("tree")), theirs.save(path("tree")), theirs.write(path("written"))]):
        there_and_back(drive, f"tree {i}", prefix, path(f"copy{i}"))
    fresh = tf.train.Checkpoint(module=module(), step=tf.Variable(0))
    fresh.restore(path("copy1")).assert_consumed()
    check("tree, in TensorFlow", np.array_equal(fresh.module.a, theirs.module.a), "differs")
    for name, library, model in keras_models():
        for optimizer in ["adam", "sgd"]:
            options = {"momentum": 0.9} if optimizer == "sgd" else {}
            kinds = [library.optimizers]
            if name == "tf_keras":
                kinds.append(library.optimizers.legacy)
            for kind in kinds:
                made = {"adam": kind.Adam, "sgd": kind.SGD}[optimizer](**options)
                model.compile(optimizer=made, loss="mse")
                model.fit(np.ones((4, 4), "float32"), np.ones((4, 1), "float32"), verbose=0)
                what = f"{kind.__name__} {optimizer}"
                saved = tf.train.Checkpoint(model=model, optimizer=made)
                prefix = saved.save(path("keras"))
                there_and_back(drive, what, prefix, path("keras_copy"))
                before = [np.array(v) for v in model.get_weights()]
                for variable in model.variables:
                    variable.assign(tf.zeros_like(variable))
                saved.restore(path("keras_copy")).assert_consumed()
                check(f"{what}, in TensorFlow", all(map(np.array_equal, before, model.get_weights())), "differs")
        if name == "tf_keras":
            model.save_weights(path("weights"))
            there_and_back(drive, "save_weights", path("weights"), path("weights_copy"))
            before = model.get_weights()
            model.set_weights([np.zeros_like(w) for w in before])
            model.load_weights(path("weights_copy"))
            check("load_weights", all(map(np.array_equal, before, model.get_weights())), "differs")


# ---- Names ----

def run_names(drive, scratch):
    path = lambda name: os.path.join(scratch, name)
    drive.do("saver", 5, 0, 0, 0, "")
    ours = drive.do("save", path("byname"), 7, 42)[0]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        v = tf.compat.v1.get_variable("v", [2, 3])
        w = tf.compat.v1.get_variable("w", [], tf.int64, initializer=tf.compat.v1.zeros_initializer())
        tf.compat.v1.train.Saver().restore(session, ours)
        same("names, v", session.run(v).tolist(), [[42.0] * 3] * 2)
        same("names, w", int(session.run(w)), 42)
        session.run(v.assign(tf.fill([2, 3], 5.0)))
        for version, options in [("v2", {}), ("v1", {"write_version": 1}), ("sharded", {"sharded": True}),
                                 ("sharded v1", {"sharded": True, "write_version": 1})]:
            prefix = tf.compat.v1.train.Saver(**options).save(session, path("theirs " + version))
            same(f"names, {version}", drive.ask("by_name", prefix, "v", "float32", "2,3", ""), ["OK", "1", "0", "0", "1", "5"])
            same(f"names, {version}, reshaped", drive.ask("by_name", prefix, "v", "float32", "6", "r")[:2], ["OK", "1"])
            same(f"names, {version}, mismatched", drive.ask("by_name", prefix, "v", "float32", "6", "")[0].split()[0],
                 "INVALID_ARGUMENT")
            same(f"names, {version}, latest", drive.ask("latest", scratch)[1:], [prefix])
            drive.do("tree")
            node = drive.do("add", 0, "x")[0]
            drive.do("bind", node, "", "v", "float32", "2,3", 0)
            same(f"names, {version}, tree", drive.ask("read", prefix, "")[:2], ["OK", "1"])
            same(f"names, {version}, tree's value", drive.do("values")[1], "OK 5 5")
    theirs = tf.train.Checkpoint(x=tf.Variable(tf.fill([2, 3], 8.0), name="v")).write(path("objects"))
    same("names, of objects", drive.ask("by_name", theirs, "v", "float32", "2,3", "")[-1], "8")


# ---- Matches ----

def assertions(status):
    def holds(assertion):
        try:
            assertion()
            return True
        except AssertionError:
            return False
    return [holds(a) for a in (status.assert_consumed, status.assert_existing_objects_matched, status.assert_nontrivial_match)]


def build(spec, drive):
    """The same tree in TensorFlow and in ours: a dict of names, numbers and dicts."""
    def ours(node, spec):
        for name, child in sorted(spec.items()):
            number = drive.do("add", node, name)[0]
            if isinstance(child, dict):
                ours(number, child)
            else:
                drive.do("bind", number, "", "", "float32", "1", child)

    def theirs(spec):
        made = tf.Module()
        for name, child in sorted(spec.items()):
            setattr(made, name, theirs(child) if isinstance(child, dict) else tf.Variable([float(child)]))
        return made

    drive.do("tree")
    ours(0, spec)
    return tf.train.Checkpoint(**{name: theirs(child) if isinstance(child, dict) else tf.Variable([float(child)])
                                  for name, child in spec.items()})


def random_tree(rng, depth=0):
    return {name: random_tree(rng, depth + 1) if depth < 2 and rng.random() < 0.4 else rng.randrange(1, 99)
            for name in rng.sample("abcd", rng.randrange(1, 4))}


def has_value_of_module(saved_as, restored_into):
    """Is there a variable where a module was saved?  TensorFlow's assertions let that pass, and it has no value."""
    return any(isinstance(saved_as.get(name), dict) and
               (not isinstance(child, dict) or has_value_of_module(saved_as[name], child))
               for name, child in restored_into.items())


def run_matches(drive, scratch, rng):
    for i in range(40):
        saved_as, restored_into = random_tree(rng), random_tree(rng)
        if i % 4 == 0:
            restored_into = saved_as
        theirs = build(saved_as, drive)
        prefix = os.path.join(scratch, f"match{i}")
        prefix = theirs.write(prefix) if i % 3 == 0 else theirs.save(prefix)
        theirs = build(restored_into, drive)
        same(f"match {i}", drive.ask("restore", prefix, "md")[0], "OK")
        status = theirs.restore(prefix)
        wanted = assertions(status)
        if has_value_of_module(saved_as, restored_into):
            wanted[0] = wanted[1] = False
        got = [drive.ask("check", level)[0] == "OK" for level in range(3)]
        same(f"match {i}, {saved_as} into {restored_into}", got, wanted)
        values = drive.do("values")[1:]
        its = [float(v) for v in values_of(theirs, restored_into)]
        same(f"match {i}, values", [float(v.split()[1]) for v in values], its)
        status.expect_partial()


def values_of(made, spec):
    for name, child in sorted(spec.items()):
        if isinstance(child, dict):
            yield from values_of(getattr(made, name), child)
        else:
            yield getattr(made, name).numpy()[0]


def run_deferred(drive, scratch):
    theirs = tf.train.Checkpoint(a=tf.Variable([4.0]), deep=tf.train.Checkpoint(b=tf.Variable([5.0])))
    prefix = theirs.save(os.path.join(scratch, "deferred"))
    drive.do("tree")
    same("deferred, restore", drive.ask("restore", prefix, "")[0], "OK")
    same("deferred, before", [drive.ask("check", level)[0].split()[0] for level in range(3)],
         ["FAILED_PRECONDITION", "OK", "OK"])
    deep = drive.do("add", 0, "deep")[0]
    b, a, c = drive.do("add", deep, "b")[0], drive.do("add", 0, "a")[0], drive.do("add", 0, "c")[0]
    for node in b, a, c:
        drive.do("bind", node, "", "", "float32", "1", 0)
    same("deferred, values", drive.do("values"), ["1", "OK 5 5", "OK 4 4", "NOT_FOUND 0 0"])
    same("deferred, after", [drive.ask("check", level)[0].split()[0] for level in range(3)],
         ["FAILED_PRECONDITION", "FAILED_PRECONDITION", "OK"])
    same("deferred, another shape", drive.ask("bind", deep, "x", "", "float32", "1", 0)[0], "OK")


# ---- Registered savers ----

class Registered(tf.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value


class First(Registered):
    pass


class Second(Registered):
    pass


def register(kind):
    saver = f"Test.{kind.__name__}"

    def save(trackables, file_prefix):
        names = sorted(trackables)
        tf.raw_ops.SaveV2(prefix=file_prefix, tensor_names=[f"{saver}/{name}" for name in names],
                          shape_and_slices=[""] * len(names),
                          tensors=[tf.constant(trackables[name].value) for name in names])
        return file_prefix

    def restore(trackables, merged_prefix):
        for name, thing in trackables.items():
            thing.value = float(tf.raw_ops.RestoreV2(prefix=merged_prefix, tensor_names=[f"{saver}/{name}"],
                                                     shape_and_slices=[""], dtypes=[tf.float32])[0])

    registration.register_checkpoint_saver(package="Test", name=kind.__name__,
                                           predicate=lambda thing: isinstance(thing, kind),
                                           save_fn=save, restore_fn=restore)


def registered_tree(values):
    first, inner, second, v = values
    return tf.train.Checkpoint(first=First(first), q=tf.train.Checkpoint(**{"s.t": First(inner)}), second=Second(second),
                               v=tf.Variable([v], name="v"))


def run_registered(drive, scratch):
    register(First)
    register(Second)
    theirs = registered_tree([1.5, 2.5, 3.5, 4.5])
    prefix, copy = theirs.write(os.path.join(scratch, "theirs")), os.path.join(scratch, "ours")

    def ours(values):
        drive.do("tree")
        first, q, second, v = [drive.do("add", 0, name)[0] for name in ("first", "q", "second", "v")]
        inner = drive.do("add", q, "s.t")[0]
        return [lambda: drive.do("register", first, 0, values[0]), lambda: drive.do("register", inner, 0, values[1]),
                lambda: drive.do("register", second, 1, values[2]),
                lambda: drive.do("bind", v, "", "v", "float32", "1", values[3])]

    for when in "before", "after":
        made = ours([0, 0, 0, 0])
        for make in made if when == "before" else []:
            make()
        same(f"registered, {when}", drive.ask("read", prefix, ""),
             ["OK", "4", "0", "0", "0"] if when == "before" else ["OK", "0", "0", "0", "4"])
        same(f"registered, {when}, check", drive.ask("check", 0)[0] == "OK", when == "before")
        for make in made if when == "after" else []:
            make()
        same(f"registered, {when}, consumed", drive.ask("check", 0)[0], "OK")
        same(f"registered, {when}, values", drive.do("registered") + drive.do("values")[1:],
             ["1.5", "2.5", "3.5", "OK 4.5 4.5"])
    drive.do("write", copy)
    same("registered, keys", tf.train.list_variables(copy), tf.train.list_variables(prefix))
    graphs = graph_of(copy), graph_of(prefix)
    same("registered, graph", *[graph.SerializeToString(deterministic=True) for graph in graphs])
    fresh = registered_tree([0.0] * 4)
    fresh.read(copy).assert_consumed()
    same("registered, in TensorFlow", [fresh.first.value, getattr(fresh.q, "s.t").value, fresh.second.value, *fresh.v.numpy()],
         [1.5, 2.5, 3.5, 4.5])
    # Another saver's, and what was saved with values: as TensorFlow.
    drive.do("tree")
    drive.do("register", drive.do("add", 0, "first")[0], 1, 0)
    same("registered, another saver", drive.ask("read", prefix, "")[0].split()[0], "NOT_FOUND")
    saved = tf.train.Checkpoint(first=tf.Variable(6.0)).write(os.path.join(scratch, "values"))
    moved = tf.train.Checkpoint(first=First(0.0))
    wanted = "Test.First/first/.ATTRIBUTES/VARIABLE_VALUE"
    drive.do("tree")
    drive.do("register", drive.do("add", 0, "first")[0], 0, 0)
    try:
        moved.read(saved)
        check("registered, saved with values", False, "TensorFlow reads it")
    except tf.errors.NotFoundError as error:
        check("registered, saved with values", wanted in str(error), error)
    answer = drive.ask("read", saved, "")
    check("registered, saved with values", answer[0].startswith("NOT_FOUND") and wanted in answer[0], answer)


# ---- SavedModels ----

def read_model(drive, what, directory, prefix):
    reader = tf.train.load_checkpoint(prefix)
    keys = mirror(drive, prefix)
    answer = drive.ask("read", directory, "")
    check(what, answer[0] == "OK" and int(answer[1]) == len(keys), answer)
    for key, value in zip(keys, drive.do("values")[1:]):
        same(f"{what}, {key}", value, expected(reader, key))
        shape, dtype = reader.get_variable_to_shape_map()[key], reader.get_variable_to_dtype_map()[key]
        answer = drive.ask("by_name", directory, key, dtype.name, ",".join(map(str, shape)), "")
        same(f"{what}, {key} by key", ["OK", answer[-1]], [answer[0], value.split()[1]])


def run_models(drive, root, scratch):
    for folder in sorted(os.listdir(os.path.join(root, "v2"))):
        directory = os.path.join(root, "v2", folder)
        prefix = os.path.join(directory, "variables", "variables")
        if not os.path.exists(prefix + ".index"):
            continue
        if "_CHECKPOINTABLE_OBJECT_GRAPH" in tf.train.load_checkpoint(prefix).get_variable_to_shape_map():
            read_model(drive, f"model {folder}", directory, prefix)
            archive = shutil.make_archive(os.path.join(scratch, folder), "tar", os.path.dirname(directory), folder)
            drive.do("archive", archive)
            read_model(drive, f"archive {folder}", folder, prefix)
            drive.do("archive", "")



# ---- Fixtures ----

def run_fixtures(drive, root):
    for folder in sorted(os.listdir(os.path.join(root, "checkpoints"))):
        directory = os.path.join(root, "checkpoints", folder)
        for name in "checkpoint", "state":
            if not os.path.exists(os.path.join(directory, name)):
                continue
            state = checkpoint_management.get_checkpoint_state(directory, name)
            times = list(state.all_model_checkpoint_timestamps) or [-1] * len(state.all_model_checkpoint_paths)
            relative = [os.path.relpath(path, directory) for path in state.all_model_checkpoint_paths]
            answer = drive.do("state", directory, name)
            same(f"{folder}, latest", answer[0], os.path.relpath(state.model_checkpoint_path, directory))
            same(f"{folder}, preserved", float(answer[1]), state.last_preserved_timestamp)
            same(f"{folder}, paths", [word.rsplit(" ", 1)[0] for word in answer[2:]], relative)
            same(f"{folder}, times", [float(word.rsplit(" ", 1)[1]) for word in answer[2:]], times)
        for name in sorted(os.listdir(directory)):
            prefix = os.path.join(directory, name[:-6])
            if not name.endswith(".index"):
                continue
            if "_CHECKPOINTABLE_OBJECT_GRAPH" in tf.train.load_checkpoint(prefix).get_variable_to_shape_map():
                with tempfile.TemporaryDirectory() as scratch:
                    if folder != "odd_objects":
                        there_and_back(drive, f"{folder}/{name}", prefix, os.path.join(scratch, "copy"))


def main():
    drive, root = Drive(sys.argv[1]), sys.argv[2]
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(10):
            run_manager(drive, os.path.join(scratch, f"m{i}"), rng, 20)
        for i in range(10):
            run_saver(drive, os.path.join(scratch, f"s{i}"), rng, 20)
        run_trees(drive, scratch)
        run_names(drive, os.path.join(scratch, "names"))
        run_matches(drive, scratch, rng)
        run_deferred(drive, scratch)
        run_registered(drive, scratch)
        run_models(drive, root, scratch)
        run_fixtures(drive, root)
    drive.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
