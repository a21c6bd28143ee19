#!/usr/bin/env python3
"""Are the names in savedmodel/model.h those of TensorFlow?

    VENV/bin/python tests/interop/constants_tf.py [INCLUDE_DIR]

Compares every SM_TAG_, SM_KEY_, SM_METHOD_, SM_FILE_ and SM_DIR_ constant, and the schema version, with the constant of
TensorFlow's Python that means the same.  A constant without a partner in the table below is a failure.  Needs TensorFlow.
"""
import os
import re
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from tensorflow.python.saved_model import constants, signature_constants, tag_constants  # noqa: E402
from tensorflow.python.saved_model.model_utils.mode_keys import EstimatorModeKeys  # noqa: E402
from tensorflow.python.saved_model.pywrap_saved_model import constants as cc_constants  # noqa: E402

# Known by TensorFlow Serving only: tensorflow_serving/servables/tensorflow/saved_model_warmup_util.h
WARMUP_REQUESTS = "tf_serving_warmup_requests"

TENSORFLOW = {
    "SM_TAG_SERVE": tag_constants.SERVING,
    "SM_TAG_TRAIN": tag_constants.TRAINING,
    "SM_TAG_EVAL": tag_constants.EVAL,
    "SM_TAG_GPU": tag_constants.GPU,
    "SM_TAG_TPU": tag_constants.TPU,
    "SM_KEY_SERVING_DEFAULT": signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY,
    "SM_KEY_TRAIN": EstimatorModeKeys.TRAIN,
    "SM_KEY_EVAL": EstimatorModeKeys.EVAL,
    "SM_KEY_INIT_OP": constants.INIT_OP_SIGNATURE_KEY,
    "SM_KEY_TRAIN_OP": constants.TRAIN_OP_SIGNATURE_KEY,
    "SM_METHOD_PREDICT": signature_constants.PREDICT_METHOD_NAME,
    "SM_METHOD_CLASSIFY": signature_constants.CLASSIFY_METHOD_NAME,
    "SM_METHOD_REGRESS": signature_constants.REGRESS_METHOD_NAME,
    "SM_METHOD_TRAIN": signature_constants.SUPERVISED_TRAIN_METHOD_NAME,
    "SM_METHOD_EVAL": signature_constants.SUPERVISED_EVAL_METHOD_NAME,
    "SM_KEY_PREDICT_INPUTS": signature_constants.PREDICT_INPUTS,
    "SM_KEY_PREDICT_OUTPUTS": signature_constants.PREDICT_OUTPUTS,
    "SM_KEY_CLASSIFY_INPUTS": signature_constants.CLASSIFY_INPUTS,
    "SM_KEY_CLASSIFY_OUTPUT_CLASSES": signature_constants.CLASSIFY_OUTPUT_CLASSES,
    "SM_KEY_CLASSIFY_OUTPUT_SCORES": signature_constants.CLASSIFY_OUTPUT_SCORES,
    "SM_KEY_REGRESS_INPUTS": signature_constants.REGRESS_INPUTS,
    "SM_KEY_REGRESS_OUTPUTS": signature_constants.REGRESS_OUTPUTS,
    "SM_KEY_ASSETS": constants.ASSETS_KEY,
    "SM_KEY_MAIN_OP": constants.MAIN_OP_KEY,
    "SM_KEY_LEGACY_INIT_OP": constants.LEGACY_INIT_OP_KEY,
    "SM_KEY_TRAIN_OP_COLLECTION": constants.TRAIN_OP_KEY,
    "SM_FILE_SAVED_MODEL_PB": constants.SAVED_MODEL_FILENAME_PB,
    "SM_FILE_SAVED_MODEL_PBTXT": constants.SAVED_MODEL_FILENAME_PBTXT,
    "SM_FILE_SAVED_MODEL_CPB": constants.SAVED_MODEL_FILENAME_CPB,
    "SM_FILE_FINGERPRINT": cc_constants.FINGERPRINT_FILENAME,
    "SM_FILE_DEBUG_INFO": constants.DEBUG_DIRECTORY + "/" + constants.DEBUG_INFO_FILENAME_PB,
    "SM_DIR_VARIABLES": constants.VARIABLES_DIRECTORY,
    "SM_FILE_VARIABLES_PREFIX": constants.VARIABLES_FILENAME,
    "SM_DIR_ASSETS": constants.ASSETS_DIRECTORY,
    "SM_DIR_ASSETS_EXTRA": constants.EXTRA_ASSETS_DIRECTORY,
    "SM_FILE_WARMUP_REQUESTS": constants.EXTRA_ASSETS_DIRECTORY + "/" + WARMUP_REQUESTS,
    "SM_FILE_METADATA": constants.EXTRA_ASSETS_DIRECTORY + "/metadata.json",  # our own, in the directory for such files
    "SM_SCHEMA_VERSION": constants.SAVED_MODEL_SCHEMA_VERSION,
}


def read_header(path):
    """The constants of the header, name -> text or number."""
    with open(path, encoding="utf-8") as f:
        found = re.findall(r'^#define (SM_(?:TAG|KEY|METHOD|FILE|DIR|SCHEMA)_\w+) (?:"(.*)"|(\d+))$', f.read(), re.M)
    return {name: int(number) if number else text for name, text, number in found}


def main(include_dir):
    ours = read_header(os.path.join(include_dir, "savedmodel", "model.h"))
    failed = 0
    for name in sorted(set(ours) | set(TENSORFLOW)):
        if ours.get(name) != TENSORFLOW.get(name):
            failed += 1
            print("FAIL %s: ours is %r, TensorFlow's %r" % (name, ours.get(name), TENSORFLOW.get(name)))
    print("%d passed, %d failed" % (len(set(ours) | set(TENSORFLOW)) - failed, failed))
    return 1 if failed or not ours else 0


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..", "include")))
