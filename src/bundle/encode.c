/*
 * Tensors as bytes of a data file. Source: core/util/tensor_bundle/tensor_bundle.cc (WriteTensor, WriteStringTensor,
 * WriteVariantTensor).
 *
 *   numbers    elements, row-major, in the byte order of the header
 *   strings    length:varint64 * n   crc:u32 of the lengths   bytes of all
 *   variants   (length:varint64   VariantTensorDataProto   crc:u32 so far) * n
 *
 * The checksum of strings and variants is taken of numbers of fixed size where varints are stored: lengths count as u32,
 * from 2^32 on as u64, and of variants always as u64. A stored checksum is itself summed up.
 */
#include "bundle/writer_internal.h"
#include "codec/crc32c.h"
#include "codec/varint.h"

static bool machine_is_big_endian(void) {
  const uint16_t one = 1;
  uint8_t first;
  memcpy(&first, &one, 1);
  return first == 0;
}

sm_status sm_encoder_check(const sm_encoder *encoder, const sm_tensor_view *tensor, sm_error *err) {
  size_t size;
  const char *name = sm_dtype_name(tensor->dtype);
  if (sm_element_size(tensor->dtype) == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "dtype %d (%s) cannot be stored", (int)tensor->dtype,
                   name != NULL ? name : "unknown");
  if (tensor->dtype == SM_DT_VARIANT && encoder->big_endian)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "variants have no big-endian form");
  if (tensor->rank < 0 || tensor->rank > SM_MAX_RANK)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%d dimensions", (int)tensor->rank);
  if (!sm_shape_bytes(&size, tensor->dtype, tensor->dims, (size_t)tensor->rank))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a dimension is negative, or there are more elements than fit");
  if (tensor->size != size)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%zu bytes, the shape makes it %zu", tensor->size, size);
  if (tensor->data == NULL && size != 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "no data");
  return SM_OK;
}

/* ---- Pieces ---- */

/* Contiguous parts of a tensor, in the order of its elements. */
typedef struct pieces {
  const uint8_t *data;
  sm_box_rows rows;
  size_t row;
} pieces;

static void pieces_begin(pieces *p, const sm_tensor_view *tensor, const sm_extent *box) {
  sm_extent whole[SM_MAX_RANK];
  for (int32_t i = 0; i < tensor->rank; i++) whole[i] = (sm_extent){0, tensor->dims[i]};
  p->data = tensor->data;
  p->row = 0;
  sm_box_rows_begin(&p->rows, box != NULL ? box : whole, whole, (size_t)tensor->rank, sm_element_size(tensor->dtype));
}

static bool pieces_next(pieces *p, sm_span *out) {
  if (p->row == p->rows.n_rows) {
    if (p->rows.n_rows == 0 || !sm_box_rows_next(&p->rows)) return false;
    p->row = 0;
  }
  *out = (sm_span){p->data + p->rows.src_at + p->row++ * p->rows.src_step, p->rows.row_size};
  return true;
}

/* ---- Numbers ---- */

/* Worth a call and a checksum of their own. */
enum { LONG_ROW = 4096 };

void sm_gatherer_begin(sm_gatherer *gatherer, const sm_encoder *encoder, sm_shard_out *shard, sm_dtype dtype) {
  bool swaps = encoder->big_endian != machine_is_big_endian();
  *gatherer = (sm_gatherer){encoder, shard, swaps ? sm_dtype_order_size(dtype) : 1, 0};
}

sm_status sm_gatherer_finish(sm_gatherer *gatherer, sm_error *err) {
  size_t used = gatherer->used;
  uint8_t *scratch = gatherer->encoder->scratch;
  gatherer->used = 0;
  if (gatherer->order_size > 1) sm_copy_reordered(scratch, scratch, used, gatherer->order_size);
  return sm_shard_out_put(gatherer->shard, scratch, used, err);
}

sm_status sm_gatherer_put(sm_gatherer *gatherer, sm_span piece, sm_error *err) {
  if (gatherer->order_size == 1 && piece.size >= LONG_ROW) {
    SM_TRY(sm_gatherer_finish(gatherer, err));
    return sm_shard_out_put(gatherer->shard, piece.data, piece.size, err);
  }
  while (piece.size != 0) { /* rows of a few bytes are common: a column of a matrix */
    if (gatherer->used == SM_SCRATCH_SIZE) SM_TRY(sm_gatherer_finish(gatherer, err));
    size_t room = SM_SCRATCH_SIZE - gatherer->used, n = piece.size < room ? piece.size : room;
    memcpy(gatherer->encoder->scratch + gatherer->used, piece.data, n);
    gatherer->used += n;
    piece.data += n;
    piece.size -= n;
  }
  return SM_OK;
}

static sm_status encode_numbers(const sm_encoder *encoder, sm_shard_out *shard, const sm_tensor_view *tensor,
                                const sm_extent *box, sm_error *err) {
  sm_gatherer gatherer;
  pieces p;
  sm_gatherer_begin(&gatherer, encoder, shard, tensor->dtype);
  pieces_begin(&p, tensor, box);
  for (sm_span piece; pieces_next(&p, &piece);) SM_TRY(sm_gatherer_put(&gatherer, piece, err));
  return sm_gatherer_finish(&gatherer, err);
}

/* ---- Strings ---- */

static void store(uint8_t *dst, uint64_t value, size_t size, bool big_endian) {
  for (size_t i = 0; i < size; i++) dst[i] = (uint8_t)(value >> (8 * (big_endian ? size - 1 - i : i)));
}

static sm_status put_length(const sm_encoder *encoder, sm_shard_out *shard, uint64_t length, size_t least_size,
                            sm_error *err) {
  uint8_t varint[SM_VARINT_MAX_SIZE], fixed[8];
  size_t size = length > UINT32_MAX ? 8 : least_size;
  store(fixed, length, size, encoder->big_endian);
  shard->crc = sm_crc32c_extend(shard->crc, fixed, size);
  return sm_shard_out_put_known(shard, varint, (size_t)(sm_varint_write(varint, length) - varint), err);
}

static sm_status put_crc(const sm_encoder *encoder, sm_shard_out *shard, sm_error *err) {
  uint8_t bytes[4];
  store(bytes, sm_crc32c_mask(shard->crc), sizeof bytes, encoder->big_endian);
  return sm_shard_out_put(shard, bytes, sizeof bytes, err);
}

/* The strings of a piece. */
static sm_string string_at(sm_span piece, size_t i) {
  sm_string string;
  memcpy(&string, piece.data + i * sizeof string, sizeof string);
  return string;
}

static sm_status encode_strings(const sm_encoder *encoder, sm_shard_out *shard, const sm_tensor_view *tensor,
                                const sm_extent *box, sm_error *err) {
  pieces p;
  sm_span piece;
  for (pieces_begin(&p, tensor, box); pieces_next(&p, &piece);)
    for (size_t i = 0; i < piece.size / sizeof(sm_string); i++)
      SM_TRY(put_length(encoder, shard, string_at(piece, i).size, 4, err));
  SM_TRY(put_crc(encoder, shard, err));
  for (pieces_begin(&p, tensor, box); pieces_next(&p, &piece);)
    for (size_t i = 0; i < piece.size / sizeof(sm_string); i++) {
      sm_string string = string_at(piece, i);
      SM_TRY(sm_shard_out_put(shard, string.data, string.size, err));
    }
  return SM_OK;
}

static sm_status encode_variants(const sm_encoder *encoder, sm_shard_out *shard, const sm_tensor_view *tensor,
                                 const sm_extent *box, sm_error *err) {
  pieces p;
  pieces_begin(&p, tensor, box);
  for (sm_span piece; pieces_next(&p, &piece);)
    for (size_t i = 0; i < piece.size / sizeof(sm_string); i++) {
      sm_string proto = string_at(piece, i);
      SM_TRY(put_length(encoder, shard, proto.size, 8, err));
      SM_TRY(sm_shard_out_put(shard, proto.data, proto.size, err));
      SM_TRY(put_crc(encoder, shard, err));
    }
  return SM_OK;
}

sm_status sm_encode_tensor(const sm_encoder *encoder, sm_shard_out *shard, const sm_tensor_view *tensor,
                           const sm_extent *box, sm_error *err) {
  shard->crc = 0;
  switch ((int)tensor->dtype) {
    case SM_DT_STRING: return encode_strings(encoder, shard, tensor, box, err);
    case SM_DT_VARIANT: return encode_variants(encoder, shard, tensor, box, err);
    default: return encode_numbers(encoder, shard, tensor, box, err);
  }
}
