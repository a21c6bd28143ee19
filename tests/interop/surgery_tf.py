#!/usr/bin/env python3
"""Does TensorFlow restore what savedmodel checkpoint makes?

    VENV/bin/python tests/interop/surgery_tf.py TOOL

  rename    keys of a tf.train.Checkpoint with a Keras optimizer, restored by the same objects; of a tf.train.Saver's, by
            variables of the new names
  subset    --drop-optimizer of checkpoints by objects and by names; the model alone is restored, and nothing is left over
  merge     two models saved apart, restored as children of one object
  average   of all floating-point types, against numpy in float64; partitioned variables of tf.train.Saver

Needs TensorFlow.  Prints what differs and exits 1.
"""
import json
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

v1 = tf.compat.v1
passed = failed = 0


def check(name, good, detail=""):
    global passed, failed
    passed += bool(good)
    failed += not good
    if not good:
        print("FAIL %s: %s" % (name, detail))


def tool(*args, code=0):
    run = subprocess.run([TOOL, "checkpoint", *args], capture_output=True, text=True, timeout=60)
    check(" ".join(args[:1]), run.returncode == code, "exit %d: %s" % (run.returncode, run.stderr))
    return json.loads(run.stdout) if "--json" in args and run.returncode == 0 else None


class Dense(tf.Module):
    def __init__(self, seed):
        super().__init__()
        self.w = tf.Variable(np.full([3, 2], seed, np.float32))
        self.b = tf.Variable(np.arange(2, dtype=np.float32) + seed)


def same(a, b):
    return all(np.array_equal(x.numpy(), y.numpy()) for x, y in zip(a, b))


def trained(seed):
    """A model and an optimizer that has slot variables, in their tf.train.Checkpoint."""
    model = Dense(seed)
    optimizer = tf.keras.optimizers.Adam(0.1)
    optimizer.apply_gradients([(tf.ones_like(v), v) for v in model.trainable_variables])
    return model, optimizer, tf.train.Checkpoint(model=model, optimizer=optimizer, step=tf.Variable(7, dtype=tf.int64))


# ---- By objects ----

def rename_objects(work):
    model, optimizer, checkpoint = trained(3.0)
    saved = checkpoint.save(os.path.join(work, "objects"))
    new = os.path.join(work, "objects_renamed")
    report = tool("rename", saved, new, "--map", "model/=net/", "--map",
                  "step/.ATTRIBUTES/VARIABLE_VALUE=global/step/.ATTRIBUTES/VARIABLE_VALUE", "--json")
    names = [name for name, _ in tf.train.list_variables(new)]
    check("new names", "net/w/.ATTRIBUTES/VARIABLE_VALUE" in names and not any(n.startswith("model/") for n in names), names)
    check("report", {r["to"] for r in report["renamed"]} <= set(names), report)
    fresh, fresh_optimizer, other = trained(0.0)
    other.restore(new).assert_consumed()
    check("rename: the model", same(model.variables, fresh.variables))
    check("rename: the optimizer", same(optimizer.variables, fresh_optimizer.variables))
    check("rename: the step", int(other.step) == 7)


def drop_from_objects(work):
    model, _, checkpoint = trained(5.0)
    saved = checkpoint.save(os.path.join(work, "trained"))
    new = os.path.join(work, "without")
    report = tool("subset", saved, new, "--drop-optimizer", "--json")
    names = [name for name, _ in tf.train.list_variables(new)]
    check("no optimizer", not any("optimizer" in n for n in names), names)
    check("what was dropped", len(report["dropped"]) + len(names) == len(tf.train.list_variables(saved)), report)
    fresh = Dense(0.0)
    other = tf.train.Checkpoint(model=fresh, step=tf.Variable(0, dtype=tf.int64))
    other.restore(new).assert_consumed()
    check("subset: the model", same(model.variables, fresh.variables))
    other.save(os.path.join(work, "again"))
    _, fresh_optimizer, whole = trained(1.0)
    before = [v.numpy() for v in fresh_optimizer.variables]
    whole.restore(new).expect_partial()
    check("subset: the optimizer stays as it was", all(np.array_equal(v.numpy(), b) for v, b in
                                                       zip(fresh_optimizer.variables, before)))


def old_optimizer(work):
    """Slot variables in the object graph, as optimizers of TensorFlow 1 have them."""
    model, optimizer = Dense(2.0), v1.train.AdamOptimizer(0.1)
    optimizer.apply_gradients([(tf.ones_like(v), v) for v in model.trainable_variables])
    saved = tf.train.Checkpoint(model=model, optimizer=optimizer).save(os.path.join(work, "slots"))
    check("there are slots", any(".OPTIMIZER_SLOT" in n for n, _ in tf.train.list_variables(saved)))
    renamed, without = os.path.join(work, "slots_renamed"), os.path.join(work, "slots_without")
    tool("rename", saved, renamed, "--map", "model/=net/")
    fresh, fresh_optimizer = Dense(0.0), v1.train.AdamOptimizer(0.1)
    fresh_optimizer.apply_gradients([(tf.ones_like(v), v) for v in fresh.trainable_variables])
    tf.train.Checkpoint(model=fresh, optimizer=fresh_optimizer).restore(renamed).assert_consumed()
    check("slots: renamed", same(model.variables, fresh.variables) and
          same(optimizer.variables(), fresh_optimizer.variables()))
    tool("subset", saved, without, "--drop-optimizer")
    check("slots: dropped", {n for n, _ in tf.train.list_variables(without)} ==
          {"model/w/.ATTRIBUTES/VARIABLE_VALUE", "model/b/.ATTRIBUTES/VARIABLE_VALUE", "_CHECKPOINTABLE_OBJECT_GRAPH",
           "save_counter/.ATTRIBUTES/VARIABLE_VALUE"}, tf.train.list_variables(without))
    fresh = Dense(0.0)
    tf.train.Checkpoint(model=fresh).restore(without).assert_consumed()
    check("slots: the model", same(model.variables, fresh.variables))
    # Without the values of the slots, but with the optimizer: it is restored as far as it is there.
    kept = os.path.join(work, "slots_kept")
    tool("subset", saved, kept, "--filter", "model/?/.ATTRIBUTES/*", "--filter", "save_counter/*")
    fresh, fresh_optimizer = Dense(0.0), v1.train.AdamOptimizer(0.1)
    tf.train.Checkpoint(model=fresh, optimizer=fresh_optimizer).restore(kept).expect_partial()
    check("filter: the model", same(model.variables, fresh.variables))
    fresh_optimizer.apply_gradients([(tf.ones_like(v), v) for v in fresh.trainable_variables])


def merge_objects(work):
    a, b = Dense(1.0), Dense(2.0)
    first = tf.train.Checkpoint(encoder=a).write(os.path.join(work, "encoder"))
    second = tf.train.Checkpoint(decoder=b).write(os.path.join(work, "decoder"))
    new = os.path.join(work, "both")
    tool("merge", first, second, new)
    x, y = Dense(0.0), Dense(0.0)
    tf.train.Checkpoint(encoder=x, decoder=y).read(new).assert_consumed()
    check("merge", same(a.variables, x.variables) and same(b.variables, y.variables))
    third = tf.train.Checkpoint(encoder=Dense(9.0)).write(os.path.join(work, "third"))
    tool("merge", first, third, os.path.join(work, "never"), code=1)
    check("merge: nothing is left", not os.path.exists(os.path.join(work, "never.index")))


# ---- By names ----

def saver(work):
    with tf.Graph().as_default(), v1.Session() as session:
        w = v1.get_variable("scope/w", initializer=np.arange(6, dtype=np.float32).reshape(2, 3), use_resource=True)
        parts = v1.get_variable("parts", shape=[7, 2], initializer=v1.ones_initializer(),
                                partitioner=v1.fixed_size_partitioner(3), use_resource=True)
        loss = tf.reduce_sum(w * w) + sum(tf.reduce_sum(p) for p in parts)
        train = v1.train.AdamOptimizer(0.1).minimize(loss, v1.train.get_or_create_global_step())
        session.run(v1.global_variables_initializer())
        session.run(train)
        values = session.run([w, tf.concat(list(parts), 0)])
        saved = v1.train.Saver().save(session, os.path.join(work, "model.ckpt"), write_meta_graph=False)
    renamed, without = os.path.join(work, "saver_renamed"), os.path.join(work, "saver_without")
    tool("rename", saved, renamed, "--map", "scope/w=kernel", "--map", "parts=pieces")
    report = tool("subset", saved, without, "--drop-optimizer", "--json")
    names = {n for n, _ in tf.train.list_variables(without)}
    check("saver: no optimizer", names == {"global_step", "parts", "scope/w"}, names)
    check("saver: what was dropped", len(report["dropped"]) == 6, report)
    for prefix, w_name, parts_name in ((renamed, "kernel", "pieces"), (without, "scope/w", "parts")):
        with tf.Graph().as_default(), v1.Session() as session:
            w = v1.get_variable(w_name, shape=[2, 3], use_resource=True)
            parts = v1.get_variable(parts_name, shape=[7, 2], partitioner=v1.fixed_size_partitioner(2), use_resource=True)
            v1.train.Saver({w_name: w, parts_name: parts} if isinstance(parts, tf.Variable) else [w] + list(parts)).restore(
                session, prefix)
            got = session.run([w, tf.concat(list(parts), 0)])
        check("saver: %s" % w_name, all(np.array_equal(x, y) for x, y in zip(values, got)))


# ---- Averages ----

FLOATS = [tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.dtypes.experimental.float8_e5m2,
          tf.dtypes.experimental.float8_e4m3fn, tf.complex64, tf.complex128]


def random_values(dtype, rng, shape):
    values = rng.standard_normal(shape) * 3
    if dtype.is_complex:
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype.as_numpy_dtype)


def average(work):
    rng = np.random.default_rng(3)
    n, sources, arrays = 3, [], []
    for i in range(n):
        values = {dtype.name: random_values(dtype, rng, [300, 400]) for dtype in FLOATS}
        values["float32"][0, :3] = [np.nan, np.inf, -0.0]
        values["steps"] = np.int64(10 * i)
        values["text"] = np.array([b"same", b"\0"], object)
        arrays.append(values)
        sources.append(os.path.join(work, "source%d" % i))
        keys = sorted(values)
        tf.raw_ops.SaveV2(prefix=sources[-1], tensor_names=keys, shape_and_slices=[""] * len(keys),
                          tensors=[tf.constant(values[k]) for k in keys])
    new = os.path.join(work, "average")
    report = tool("average", *sources, new, "--json")
    check("average: report", report["differing"] == ["steps"] and report["averaged"] == len(FLOATS), report)
    reader = tf.train.load_checkpoint(new)
    for dtype in FLOATS:
        wide = np.complex128 if dtype.is_complex else np.float64
        with np.errstate(invalid="ignore"):
            total = sum(a[dtype.name].astype(wide) for a in arrays)
            mean = total.real / n + 1j * (total.imag / n) if dtype.is_complex else total / n
            want = mean.astype(dtype.as_numpy_dtype)
        got = tf.raw_ops.RestoreV2(prefix=new, tensor_names=[dtype.name], shape_and_slices=[""], dtypes=[dtype])[0].numpy()
        bits = "u%d" % (want.itemsize if not dtype.is_complex else want.itemsize // 2)
        nans = np.isnan(want.astype(wide)) & np.isnan(got.astype(wide))
        equal = (want.view(bits).reshape(want.shape + (-1,)) == got.view(bits).reshape(want.shape + (-1,))).all(-1)
        check("average of " + dtype.name, (equal | nans).all(), "%d elements" % np.sum(~(equal | nans)))
    check("average: the last step", reader.get_tensor("steps") == 10 * (n - 1))


def main(program):
    global TOOL
    TOOL = program
    with tempfile.TemporaryDirectory() as work:
        for step in (rename_objects, drop_from_objects, old_optimizer, merge_objects, saver, average):
            try:
                step(work)
            except Exception as e:  # a failure of TensorFlow is one of ours
                check(step.__name__, False, "%s: %.600s" % (type(e).__name__, e))
    print("%d passed, %d failed" % (passed, failed))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
