#!/usr/bin/env python3
"""Changes models, and lets TensorFlow load them and run their signatures, which have to give what was recorded.

    edit_tf.py TOOL FIXTURES WILD [--only TEXT]

Each model is changed in several ways.  A changed model is loaded as TensorFlow 1 does it and, unless its publisher's could
not be, with tf.saved_model.load; the signatures that are left are fed with the recorded inputs under their new names.

  rename  all inputs and outputs, so that their order becomes the opposite one; the signatures; tags and methods
  again   the same once more, to the old names
  nodes   devices, defaults and debug info; an extra asset and metadata
  drop    a signature
  keep    a signature
  graphs  with a second meta graph, a copy of the first: without either of them
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

# Small ones, of both kinds and of many versions.
FIXTURES = """v2/one_signature v2/several_signatures v2/input_structures v2/signature_defaults v2/table_asset
    v2/captured_constants v2/composite_arguments v2/control_flow v2/mutable_tables v2/strings v2/parse_example
    v2/keras_functional v2/keras3_export_archive v2/policy_save_devices v2/debug_info v2/custom_gradients_on v2/as_text
    v1/simple_save v1/several_meta_graphs v1/table_main_op v1/table_legacy_init_op v1/as_text
    v1/classify_regress_predict v1/sparse_signature v1/control_flow_v1 v1/ref_and_resource_variables
    v1/partitioned_variables v1/no_variables v1/strip_default_attrs_off""".split()
WILD = """anhosu_multi_sig gearbox_autoencoder tf_asset_module tf_static_hashtable tf_vars_arithmetic tfjs_multi_output
    tfdeploy_multi_2_0_alpha cartpole_policy java_half_plus_two mlnet_mnist_lr mlnet_shape tf2onnx_regression
    serving_half_plus_two_mlmd""".split()

# Each run changes what the next one gives.
STATEFUL = {("several_signatures", "bump"), ("cartpole_policy", "get_train_step")}


def file_name(key):
    return "".join(c if c.isalnum() or c in "_.-" else "_" for c in key)


def read_arrays(np, path, side):
    """The arrays of one side, "in" or "out", by name; None when there are none."""
    arrays = {}
    with np.load(path) as file:
        for key in file.files:
            name = key[len(side) + 1:].replace("|", "/")
            if not key.startswith(side + "_") or name.endswith(("__strlen", "__strshape")):
                continue
            if name.endswith("__strbytes"):
                stem = key[:-len("__strbytes")]
                rows, sizes = file[key], file[stem + "__strlen"].reshape(-1)
                flat = [bytes(r)[:n] for r, n in zip(rows.reshape(len(sizes), -1), sizes)]
                shape = tuple(file[stem + "__strshape"])
                arrays[name[:-len("__strbytes")]] = np.array(flat, dtype=object).reshape(shape)
            else:
                arrays[name] = file[key]
    return arrays


class Model:
    def __init__(self, np, folder):
        self.name = os.path.basename(folder)
        inner = os.path.join(folder, "model")
        self.path = inner if os.path.isdir(inner) else folder
        with open(os.path.join(folder, "truth.json")) as f:
            truth = json.load(f)
        self.runs = {}
        for graph in truth["meta_graphs"]:
            for key in graph["signatures"]:
                path = os.path.join(folder, "run_%s.npz" % file_name(key))
                if os.path.exists(path) and (self.name, key) not in STATEFUL:
                    self.runs[key] = (read_arrays(np, path, "in"), read_arrays(np, path, "out"))


def new_name(names, name):
    """Names in the opposite order."""
    at = sorted(names).index(name)
    return "%c%d_%s" % (ord("z") - at // 10, 9 - at % 10, "".join(c if c.isalnum() else "_" for c in name))


class Checker:
    def __init__(self, tool):
        import numpy as np
        import tensorflow as tf
        tf.get_logger().setLevel("ERROR")
        cpu = tf.config.list_physical_devices("CPU")[0]  # one fixture has its variables on the second one
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        self.tool, self.np, self.tf = tool, np, tf
        self.passed, self.faults, self.counts = 0, [], {}

    def edit(self, src, dst, *flags):
        run = subprocess.run([self.tool, "edit", src, dst, *flags], capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError("savedmodel edit: exit %d: %s" % (run.returncode, run.stderr.strip()))
        return dst

    def graphs(self, path):
        run = subprocess.run([self.tool, "show", path, "--json"], capture_output=True, text=True, check=True)
        return json.loads(run.stdout)["meta_graphs"]

    # ---- Running ----

    def compare(self, what, found, expected):
        np = self.np
        found = np.asarray(found)
        if expected.dtype.kind in "SO":
            same = found.shape == expected.shape and all(
                bytes(a) == bytes(b) for a, b in zip(found.reshape(-1), expected.reshape(-1)))
        elif expected.dtype.kind in "fc":
            same = np.allclose(found, expected, rtol=1e-4, atol=1e-5, equal_nan=True)
        else:
            same = np.array_equal(found, expected)
        if not same:
            raise RuntimeError("%s: %s, recorded is %s" % (what, found.reshape(-1)[:5], expected.reshape(-1)[:5]))

    def check_v1(self, path, tags, runs, renamed):
        """With a session, as servers do."""
        tf1 = self.tf.compat.v1
        with tf1.Graph().as_default(), tf1.Session(config=tf1.ConfigProto(device_count={"CPU": 2})) as session:
            graph = tf1.saved_model.loader.load(session, tags, path)
            keys = {k for k in graph.signature_def if not k.startswith("__")}
            for key, (inputs, outputs) in runs.items():
                signature = graph.signature_def[renamed(key)]
                if any(not i.name for i in list(signature.inputs.values()) + list(signature.outputs.values())):
                    continue  # sparse and the like
                feeds = {signature.inputs[renamed(key, "in", n)].name: v for n, v in inputs.items()}
                fetches = {n: signature.outputs[renamed(key, "out", n)].name for n in outputs}
                for name, found in session.run(fetches, feeds).items():
                    self.compare("V1: %s: %s" % (key, name), found, outputs[name])
        return keys

    def check_v2(self, path, tags, runs, renamed):
        with self.tf.device("/CPU:0"):
            loaded = self.tf.saved_model.load(path, tags=list(tags))
        self.check_loaded_runs(loaded, runs, renamed)
        return set(loaded.signatures)

    def check_loaded_runs(self, loaded, runs, renamed):
        tf = self.tf
        with tf.device("/CPU:0"):
            for key, (inputs, outputs) in runs.items():
                function = loaded.signatures[renamed(key)]
                specs = function.structured_input_signature[1]
                feeds = {}
                for name, value in inputs.items():
                    name = renamed(key, "in", name)
                    dtype = specs[name].dtype if name in specs else None
                    feeds[name] = tf.constant(value.tolist() if value.dtype.kind in "SO" else value, dtype)
                results = function(**feeds)
                for name, expected in outputs.items():
                    found = results[renamed(key, "out", name)]
                    if not isinstance(found, tf.Tensor):
                        continue
                    self.compare("V2: %s: %s" % (key, name), found.numpy(), expected)

    def check(self, what, path, tags, runs, renamed, keys, has_v2):
        found = self.check_v1(path, tags, runs, renamed)
        if found != keys:
            raise RuntimeError("V1: signatures %s, not %s" % (sorted(found), sorted(keys)))
        if has_v2:
            found = {k for k in self.check_v2(path, tags, runs, renamed) if not k.startswith("__")}
            if found != keys:
                raise RuntimeError("V2: signatures %s, not %s" % (sorted(found), sorted(keys)))
        self.passed += 1
        self.counts[what] = self.counts.get(what, 0) + 1

    # ---- The changes ----

    def loads_in_v2(self, model, tags):
        try:
            same = lambda key, side=None, name=None: name if side else key
            self.check_v2(model.path, tags, model.runs, same)
            return True
        except Exception:  # pylint: disable=broad-except
            return False

    def check_renaming(self, model, graph, out, has_v2, select):
        tags, signatures = graph["tags"], graph["signatures"]
        keys = {k for k in signatures if not k.startswith("__")}
        flags, back = [], []
        for key in sorted(keys):
            for side, flag in (("inputs", "--rename-input"), ("outputs", "--rename-output")):
                for name in signatures[key][side]:
                    to = new_name(signatures[key][side], name)
                    flags += [flag, "%s:%s=%s" % (key, name, to)]
                    back += [flag, "%s_new:%s=%s" % (key, to, name)]
            flags += ["--rename-signature", "%s=%s_new" % (key, key), "--set-method", key + "_new=some/method"]
            back += ["--rename-signature", "%s_new=%s" % (key, key)]

        def renamed(key, side=None, name=None):
            return new_name(signatures[key][side + "puts"], name) if side else key + "_new"

        first = self.edit(model.path, os.path.join(out, "rename"), *flags, *select, "--set-tags", "one,two")
        self.check("rename", first, ["two", "one"], self.runs, renamed, {k + "_new" for k in keys}, has_v2)
        second = self.edit(first, os.path.join(out, "again"), *back, "--select-tags", "one,two", "--set-tags",
                           ",".join(tags))
        self.check("again", second, tags, self.runs, self.same, keys, has_v2)

    @staticmethod
    def same(key, side=None, name=None):
        return name if side else key

    def check_nodes(self, model, graph, out, has_v2):
        keys = {k for k in graph["signatures"] if not k.startswith("__")}
        path = self.edit(model.path, os.path.join(out, "nodes"), "--clear-devices", "--strip-default-attrs",
                         "--strip-debug-info", "--strip-debug-ops", "--set-meta", "who=me", "--add-asset-extra",
                         __file__ + "=a/b.py")
        self.check("nodes", path, graph["tags"], self.runs, self.same, keys, has_v2)
        with open(os.path.join(path, "assets.extra/a/b.py")) as f, open(__file__) as g:
            assert f.read() == g.read()
        assert not os.path.exists(os.path.join(path, "debug"))
        assert self.metadata(path) == {"who": "me"}
        back = self.edit(path, os.path.join(out, "back"), "--drop-asset-extra", "a/b.py", "--drop-meta", "who")
        assert not os.path.exists(os.path.join(back, "assets.extra/a/b.py")) and not self.metadata(back)

    @staticmethod
    def metadata(path):
        """What of a model is kept as metadata; savedmodel edit --set-meta."""
        path = os.path.join(path, "assets.extra", "metadata.json")
        if not os.path.exists(path):
            return {}
        with open(path) as f:
            return json.load(f)

    def check_graphs(self, model, graph, out, has_v2):
        from tensorflow.core.protobuf import saved_model_pb2
        name = os.path.join(model.path, "saved_model.pb")
        if not os.path.exists(name):
            return
        with open(name, "rb") as f:
            original = f.read()
        message, added = saved_model_pb2.SavedModel.FromString(original), saved_model_pb2.SavedModel()
        if len(message.meta_graphs) != 1:
            return
        added.meta_graphs.add().CopyFrom(message.meta_graphs[0])
        added.meta_graphs[0].meta_info_def.tags[:] = ["extra"]
        both = os.path.join(out, "both")
        shutil.copytree(model.path, both, ignore=shutil.ignore_patterns("run_*", "truth.json"))
        with open(os.path.join(both, "saved_model.pb"), "wb") as f:
            f.write(original + added.SerializeToString())
        first = self.edit(both, os.path.join(out, "first"), "--select-tags", "extra", "--drop-meta-graph")
        with open(os.path.join(first, "saved_model.pb"), "rb") as f:
            assert f.read() == original
        second = self.edit(both, os.path.join(out, "second"), "--select-tags",
                           ",".join(graph["tags"]), "--drop-meta-graph")
        keys = {k for k in graph["signatures"] if not k.startswith("__")}
        self.check("graphs", second, ["extra"], self.runs, self.same, keys, has_v2)

    def check_fewer(self, model, graph, out, has_v2, select):
        keys = {k for k in graph["signatures"] if not k.startswith("__")}
        dropped = min(keys)
        left = keys - {dropped}
        path = self.edit(model.path, os.path.join(out, "drop"), "--drop-signature", dropped, *select)
        runs = {k: v for k, v in self.runs.items() if k in left}
        self.check("drop", path, graph["tags"], runs, self.same, left, has_v2)
        runs = {k: v for k, v in self.runs.items() if k == dropped}
        path = self.edit(model.path, os.path.join(out, "keep"), "--keep-signatures", dropped, *select)
        self.check("keep", path, graph["tags"], runs, self.same, {dropped}, has_v2)

    def check_model(self, model):
        graphs = self.graphs(model.path)
        graph = graphs[0]
        tags = graph["tags"]
        self.runs = {k: v for k, v in model.runs.items() if k in graph["signatures"]}
        model.runs = self.runs
        has_v2 = self.loads_in_v2(model, tags)
        select = ["--select-tags", ",".join(tags)]
        steps = ((self.check_renaming, (select,)), (self.check_nodes, ()), (self.check_fewer, (select,)),
                 (self.check_graphs, ()))
        for step, args in steps:
            out = tempfile.mkdtemp()
            try:
                step(model, graph, out, has_v2, *args)
            except Exception as fault:  # pylint: disable=broad-except
                self.faults.append("%s: %s: %s: %s" % (model.name, step.__name__, type(fault).__name__,
                                                       str(fault)[:600]))
            finally:
                shutil.rmtree(out)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("tool")
    parser.add_argument("fixtures")
    parser.add_argument("wild")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    checker = Checker(args.tool)
    folders = [os.path.join(args.fixtures, f) for f in FIXTURES] + [os.path.join(args.wild, w) for w in WILD]
    for folder in folders:
        if args.only in folder:
            checker.check_model(Model(checker.np, folder))
    for fault in checker.faults:
        print(fault)
    print("%d models changed, loaded and run as recorded (%s); %d failed" %
          (checker.passed, ", ".join("%s %d" % c for c in sorted(checker.counts.items())), len(checker.faults)))
    sys.exit(1 if checker.faults else 0)


if __name__ == "__main__":
    main()
