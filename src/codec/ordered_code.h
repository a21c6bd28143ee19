/*
 * Ordered code: numbers and strings as bytes that compare as they do. The keys of slices are made of it. Source:
 * tensorflow/core/lib/strings/ordered_code.cc.
 *
 *   string     its bytes, 00 as 00 FF and FF as FF 00, then 00 01
 *   number     how many bytes, then these, most significant first and none of them superfluous; 0 is 00
 *   signed     1 to 10 bytes: as many ones in front as there are bytes, a zero, the number; of a negative one all
 *              bits are inverted
 */
#ifndef SM_CODEC_ORDERED_CODE_H
#define SM_CODEC_ORDERED_CODE_H

#include "base/base.h"

/* Append to dst. RESOURCE_EXHAUSTED is their only error. */
sm_status sm_ordered_put_string(sm_buffer *dst, sm_string value, sm_error *err);
sm_status sm_ordered_put_number(sm_buffer *dst, uint64_t value, sm_error *err);
sm_status sm_ordered_put_signed(sm_buffer *dst, int64_t value, sm_error *err);

/* Take one off the front of src. False, and src stays, when there is none. Only what is written above is taken, though
 * TensorFlow lets numbers pass that have superfluous bytes. */
bool sm_ordered_take_number(uint64_t *value, sm_string *src);
bool sm_ordered_take_signed(int64_t *value, sm_string *src);

/* Appends the string to dst. DATA_LOSS: there is none; dst may then have a part of it. */
sm_status sm_ordered_take_string(sm_buffer *dst, sm_string *src, sm_error *err);

#endif
