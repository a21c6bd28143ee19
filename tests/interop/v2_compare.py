"""What the tables of models are made of, and how they are compared, for v2_tf.py."""

import numpy


class Fails(str):
    """Of a call: its message has this text."""


def differs(found, wanted):
    """What is wrong; "": nothing. Lists and numbers are compared by value, arrays by type, shape and bytes."""
    if isinstance(found, bytes):
        return equals(found, wanted)
    if isinstance(wanted, tuple):  # the tensors that a composite one is made of
        return equals(len(found), len(wanted)) or first_wrong(*map(differs, found, wanted))
    array = numpy.asarray(found)
    if array.dtype.names:  # as some ways give quantized numbers
        array = array.view(array.dtype[0])
    if isinstance(wanted, numpy.ndarray) and wanted.dtype != object:
        same = array.dtype == wanted.dtype and array.shape == wanted.shape and array.tobytes() == wanted.tobytes()
    else:
        same = array.tolist() == (wanted.tolist() if isinstance(wanted, numpy.ndarray) else wanted)
    return "" if same else f"{found!r}, not {wanted!r}"


def equals(found, expected):
    return "" if found == expected else f"{found}, not {expected}"


def first_wrong(*answers):
    return next((answer for answer in answers if answer), "")
