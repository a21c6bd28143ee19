/* Expected: PKWARE APPNOTE 6.3.10 and what Python's zipfile makes of the same bytes. */
#include "support/archives.h"
#include "support/check.h"

static sm_error err;

/* b"saved model " * 20 as zlib.compressobj(9, zlib.DEFLATED, -15) of Python makes it. */
static const uint8_t repeated_packed[] = {0x2b, 0x4e, 0x2c, 0x4b, 0x4d, 0x51, 0xc8, 0xcd, 0x4f,
                                          0x49, 0xcd, 0x51, 0x28, 0x1e, 0x01, 0x6c, 0x00};
enum { REPEATED_SIZE = 240 };

static const char *repeated(void) {
  static char text[REPEATED_SIZE + 1];
  for (size_t i = 0; i < REPEATED_SIZE; i++) text[i] = "saved model "[i % 12];
  return text;
}

static void add_deflated(zip_writer *z, const char *name, const char *text) {
  zip_add(z, (zip_member){.name = name, .data = text, .size = strlen(text), .method = 8});
}

static void assert_contents(const archive *a, const char *name, const char *text) {
  w_buffer contents = {0};
  assert_ok(archive_read(a, name, &contents, &err), err);
  assert_bytes(name, contents.data, contents.size, text, strlen(text));
  w_free(&contents);
}

static void assert_deflated(const archive *a, const w_buffer *bytes, const char *name, const char *text) {
  if (!archive_lacks_zlib(bytes, name)) assert_contents(a, name, text);
}

/* ---- What is read ---- */

static void zip__members(void **state) {
  (void)state;
  for (unsigned form = 0; form < 8; form++) { /* mapped or not, zip64 end or not, comment or not */
    char names[1000];
    zip_writer z = {.n = 0};
    w_buffer w = {0};
    archive a;
    zip_add_text(&z, "m/", "");
    zip_add_text(&z, "m/stored", "plain");
    add_deflated(&z, "m/deflated", "not really compressed");
    zip_add(&z, (zip_member){.name = "m/repeated",
                             .data = repeated(),
                             .size = REPEATED_SIZE,
                             .method = 8,
                             .packed = repeated_packed,
                             .packed_size = sizeof repeated_packed});
    zip_add(&z, (zip_member){.name = "z64", .data = "zip64", .size = 5, .zip64 = true});
    zip_add(&z, (zip_member){.name = "streamed", .data = "abc", .size = 3, .flags = ZIP_DESCRIPTOR});
    zip_add(&z, (zip_member){.name = "streamed8", .data = "def", .size = 3, .flags = ZIP_DESCRIPTOR, .method = 8});
    zip_add(&z, (zip_member){.name = "none", .data = "", .size = 0, .method = 8});
    zip_add(&z, (zip_member){.name = "unix", .data = "u", .size = 1, .unix_mode = 0100644});
    zip_add(&z, (zip_member){.name = "link", .data = "/etc/passwd", .size = 11, .unix_mode = 0120777});
    zip_add(&z, (zip_member){.name = "fifo", .data = "", .size = 0, .unix_mode = 0010644});
    zip_add(&z, (zip_member){.name = "dir", .data = "", .size = 0, .unix_mode = 0040755});
    zip_finish(&w, &z, (form & 2) != 0, (form & 4) != 0 ? "a comment" : "");
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = (form & 1) != 0;
    assert_ok(archive_open(&a, &w, &options, &err), err);
    assert_true((a.fs->map == NULL) == options.no_mmap);
    archive_names(&a, names, sizeof names);
    assert_text("names", names,
                "dir:dir other:fifo link:link dir:m none streamed streamed8 unix z64 m/deflated m/repeated m/stored");
    assert_contents(&a, "m/stored", "plain");
    assert_deflated(&a, &w, "m/deflated", "not really compressed");
    assert_deflated(&a, &w, "m/repeated", repeated());
    assert_contents(&a, "z64", "zip64");
    assert_contents(&a, "streamed", "abc");
    assert_deflated(&a, &w, "streamed8", "def");
    assert_deflated(&a, &w, "none", "");
    assert_contents(&a, "unix", "u");
    archive_close(&a);
    w_free(&w);
  }
}

static void zip__forms_of_descriptors(void **state) {
  (void)state;
  static const struct {
    bool has_signature;
    unsigned width;
  } rows[] = {{true, 4}, {false, 4}, {true, 8}, {false, 8}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    zip_writer z = {.n = 0};
    w_buffer w = {0};
    archive a;
    uint8_t descriptor[24] = "PK\7\10";
    size_t start = rows[i].has_signature ? 0 : 4, end = 8 + 2 * rows[i].width;
    zip_add(&z, (zip_member){.name = "f", .data = "abc", .size = 3, .flags = ZIP_DESCRIPTOR});
    put32(descriptor + 4, crc32_of("abc", 3));
    descriptor[8] = descriptor[8 + rows[i].width] = 3;
    z.local.size -= 16;
    w_raw(&z.local, descriptor + start, end - start);
    zip_add_text(&z, "next", "x"); /* which begins just behind it */
    zip_finish(&w, &z, false, "");
    assert_ok(archive_open(&a, &w, NULL, &err), err);
    assert_contents(&a, "f", "abc");
    archive_close(&a);
    w_free(&w);
  }
}

static void zip__empty(void **state) {
  (void)state;
  char names[100];
  zip_writer z = {.n = 0};
  w_buffer w = {0};
  archive a;
  zip_finish(&w, &z, false, "");
  assert_ok(archive_open(&a, &w, NULL, &err), err);
  archive_names(&a, names, sizeof names);
  assert_text("names", names, "");
  archive_close(&a);
  w_free(&w);
}

/* ---- What is refused ---- */

/* One stored file f and one deflated file g, to be damaged. */
static zip_writer two_files(void) {
  zip_writer z = {.n = 0};
  zip_add_text(&z, "f", "stored contents");
  add_deflated(&z, "g", "deflated contents");
  return z;
}

/* Offsets in the headers: 4.3.7, 4.3.12. */
enum { L_FLAGS = 6, L_METHOD = 8, L_CRC = 14, L_PACKED = 18, L_SIZE = 22, L_NAME_SIZE = 26, L_NAME = 30 };
enum {
  C_FLAGS = 8,
  C_METHOD = 10,
  C_CRC = 16,
  C_PACKED = 20,
  C_SIZE = 24,
  C_NAME_SIZE = 28,
  C_EXTRA_SIZE = 30,
  C_DISK = 34,
  C_OFFSET = 42,
  C_NAME = 46
};

static uint8_t *local(zip_writer *z, size_t i) { return z->local.data + z->local_at[i]; }
static uint8_t *central(zip_writer *z, size_t i) { return z->central.data + z->central_at[i]; }

static void with_names(w_buffer *w, const char *first, const char *second) {
  zip_writer z = {.n = 0};
  zip_add_text(&z, first, "1");
  if (second != NULL) zip_add_text(&z, second, "2");
  zip_finish(w, &z, false, "");
}

static void absolute(w_buffer *w) { with_names(w, "/etc/passwd", NULL); }
static void climbs(w_buffer *w) { with_names(w, "m/../../x", NULL); }
static void twice(w_buffer *w) { with_names(w, "m/f", "m//f"); }
static void file_and_directory(w_buffer *w) { with_names(w, "m/f/g", "m/f"); }

static void nul(w_buffer *w) {
  zip_writer z = {.n = 0};
  zip_add_text(&z, "m/f.txt", "1");
  local(&z, 0)[L_NAME + 3] = central(&z, 0)[C_NAME + 3] = '\0';
  zip_finish(w, &z, false, "");
}

/* A change of the two files; z is the writer. */
#define CHANGED(name, change)     \
  static void name(w_buffer *w) { \
    zip_writer z = two_files();   \
    change;                       \
    zip_finish(w, &z, false, ""); \
  }

CHANGED(name_differs, local(&z, 0)[L_NAME] = 'h')
CHANGED(name_size_differs, local(&z, 0)[L_NAME_SIZE] = 2)
CHANGED(method_differs, local(&z, 1)[L_METHOD] = 0)
CHANGED(flags_differ, local(&z, 1)[L_FLAGS] = ZIP_ENCRYPTED)
CHANGED(crc_differs, local(&z, 1)[L_CRC] ^= 1)
CHANGED(size_differs, local(&z, 1)[L_SIZE] ^= 1)
CHANGED(packed_differs, local(&z, 1)[L_PACKED] ^= 1)
CHANGED(no_local, local(&z, 1)[0] = 'X')
CHANGED(offset_wrong, central(&z, 1)[C_OFFSET]++)
CHANGED(offset_large, put32(central(&z, 1) + C_OFFSET, 0x7FFFFFFF))
CHANGED(offset_zip64, put32(central(&z, 1) + C_OFFSET, UINT32_MAX))
CHANGED(same_offset, memcpy(central(&z, 1), central(&z, 0), C_NAME); central(&z, 1)[C_NAME] = 'f')
CHANGED(central_damaged, central(&z, 1)[0] = 'X')
CHANGED(central_too_long, central(&z, 1)[C_NAME_SIZE + 1] = 1)
CHANGED(central_short, z.central.size -= 3)
CHANGED(central_rest, w_raw(&z.central, "rest", 4))
CHANGED(count_large, z.n = 3)
CHANGED(count_small, z.n = 1)
CHANGED(split, central(&z, 1)[C_DISK] = 1)
CHANGED(stored_sizes, central(&z, 0)[C_SIZE]++; local(&z, 0)[L_SIZE]++)
CHANGED(ratio, put32(central(&z, 1) + C_SIZE, 500000000); put32(local(&z, 1) + L_SIZE, 500000000))
CHANGED(encrypted, central(&z, 1)[C_FLAGS] = 1; local(&z, 1)[L_FLAGS] = 1)
CHANGED(other_method, central(&z, 1)[C_METHOD] = 12; local(&z, 1)[L_METHOD] = 12)
CHANGED(crc_wrong, central(&z, 1)[C_CRC] ^= 1; local(&z, 1)[L_CRC] ^= 1)
CHANGED(crc_wrong_stored, central(&z, 0)[C_CRC] ^= 1; local(&z, 0)[L_CRC] ^= 1)
CHANGED(unpacks_to_more, central(&z, 1)[C_SIZE]--; local(&z, 1)[L_SIZE]--)
CHANGED(unpacks_to_less, central(&z, 1)[C_SIZE]++; local(&z, 1)[L_SIZE]++)
CHANGED(unpacks_to_nothing, central(&z, 1)[C_SIZE] = 0; local(&z, 1)[L_SIZE] = 0)
CHANGED(deflate_damaged, local(&z, 1)[L_NAME + 1] = 7)

/* f as long as reaches over g, which lies inside of it. */
static void overlap(w_buffer *w) {
  zip_writer z = two_files();
  size_t more = z.local_at[1] + 10 - (L_NAME + 1);
  put32(central(&z, 0) + C_SIZE, (uint32_t)more);
  put32(central(&z, 0) + C_PACKED, (uint32_t)more);
  put32(local(&z, 0) + L_SIZE, (uint32_t)more);
  put32(local(&z, 0) + L_PACKED, (uint32_t)more);
  zip_finish(w, &z, false, "");
}

static void reaches_into_directory(w_buffer *w) {
  zip_writer z = two_files();
  put32(central(&z, 1) + C_PACKED, 1000);
  put32(local(&z, 1) + L_PACKED, 1000);
  zip_finish(w, &z, false, "");
}

static void repacked(w_buffer *w, const void *packed, size_t packed_size) {
  zip_writer z = {.n = 0};
  zip_add(&z, (zip_member){.name = "g",
                           .data = repeated(),
                           .size = REPEATED_SIZE,
                           .method = 8,
                           .packed = packed,
                           .packed_size = packed_size});
  zip_finish(w, &z, false, "");
}

static void packed_cut(w_buffer *w) { repacked(w, repeated_packed, sizeof repeated_packed - 1); }

static void packed_rest(w_buffer *w) {
  uint8_t longer[sizeof repeated_packed + 1] = {0};
  memcpy(longer, repeated_packed, sizeof repeated_packed);
  repacked(w, longer, sizeof longer);
}

static void bad_descriptor(w_buffer *w) {
  zip_writer z = {.n = 0};
  zip_add(&z, (zip_member){.name = "f", .data = "abc", .size = 3, .flags = ZIP_DESCRIPTOR});
  z.local.data[z.local.size - 1]++;
  zip_finish(w, &z, false, "");
}

static void no_descriptor(w_buffer *w) {
  zip_writer z = {.n = 0};
  zip_add(&z, (zip_member){.name = "f", .data = "abc", .size = 3, .flags = ZIP_DESCRIPTOR});
  z.local.size -= 16;
  zip_finish(w, &z, false, "");
}

static void zip64_missing(w_buffer *w) {
  zip_writer z = two_files();
  put32(central(&z, 0) + C_SIZE, UINT32_MAX);
  zip_finish(w, &z, false, "");
}

static void zip64_extra(w_buffer *w, size_t offset, uint8_t value) {
  zip_writer z = {.n = 0};
  zip_add(&z, (zip_member){.name = "f", .data = "abc", .size = 3, .zip64 = true});
  central(&z, 0)[C_NAME + 1 + offset] = value;
  zip_finish(w, &z, false, "");
}

static void zip64_extra_short(w_buffer *w) { zip64_extra(w, 11, 8); }
static void zip64_extra_long(w_buffer *w) { zip64_extra(w, 11, 99); }
static void zip64_size(w_buffer *w) { zip64_extra(w, 20, 0x80); }

/* Byte i of the zip64 end record and its locator, counted from the end of the archive. */
static void zip64_end(w_buffer *w, size_t from_end, uint8_t value) {
  zip_writer z = two_files();
  zip_finish(w, &z, true, "");
  w->data[w->size - 22 - 20 - 56 + from_end] = value;
}

static void end64_damaged(w_buffer *w) { zip64_end(w, 0, 'X'); }
static void end64_size(w_buffer *w) { zip64_end(w, 4, 45); }
static void end64_split(w_buffer *w) { zip64_end(w, 16, 1); }
static void end64_counts(w_buffer *w) { zip64_end(w, 24, 9); }
static void end64_directory(w_buffer *w) { zip64_end(w, 48 + 7, 0xFF); }
static void end64_directory_size(w_buffer *w) { zip64_end(w, 40 + 7, 0xFF); }
static void locator_wrong(w_buffer *w) { zip64_end(w, 56 + 8, 1); }
static void locator_far(w_buffer *w) { zip64_end(w, 56 + 15, 0xFF); }
static void locator_disks(w_buffer *w) { zip64_end(w, 56 + 16, 2); }

static void in_front(w_buffer *w) {
  zip_writer z = two_files();
  w_raw(w, "PK\3\4 in front", 13);
  zip_finish(w, &z, false, "");
}

static void behind(w_buffer *w) {
  zip_writer z = two_files();
  zip_finish(w, &z, false, "");
  w_raw(w, "behind", 6);
}

static void end_split(w_buffer *w) {
  zip_writer z = two_files();
  zip_finish(w, &z, false, "");
  w->data[w->size - 22 + 4] = 1;
}

static void end_counts(w_buffer *w) {
  zip_writer z = two_files();
  zip_finish(w, &z, false, "");
  w->data[w->size - 22 + 8] = 1;
}

static void zip__refuses(void **state) {
  (void)state;
  static const bad_archive rows[] = {
      {"absolute", absolute, NULL, SM_DATA_LOSS, "/etc/passwd: the name leads out"},
      {"climbs", climbs, NULL, SM_DATA_LOSS, "m/../../x: the name leads out"},
      {"twice", twice, NULL, SM_DATA_LOSS, "m/f: two members"},
      {"file and directory", file_and_directory, NULL, SM_DATA_LOSS, "m/f/g"},
      {"NUL", nul, NULL, SM_DATA_LOSS, "NUL"},
      {"name differs", name_differs, NULL, SM_DATA_LOSS, "member f: its header gives it another name"},
      {"name size differs", name_size_differs, NULL, SM_DATA_LOSS, "member f: its header gives it another name"},
      {"method differs", method_differs, NULL, SM_DATA_LOSS, "member g"},
      {"flags differ", flags_differ, NULL, SM_DATA_LOSS, "member g"},
      {"crc32 differs", crc_differs, NULL, SM_DATA_LOSS, "member g: the directory and its header"},
      {"size differs", size_differs, NULL, SM_DATA_LOSS, "member g: the directory and its header"},
      {"packed size differs", packed_differs, NULL, SM_DATA_LOSS, "member g: the directory and its header"},
      {"no local header", no_local, NULL, SM_DATA_LOSS, "member g: no header"},
      {"offset wrong", offset_wrong, NULL, SM_DATA_LOSS, "member g: no header"},
      {"offset large", offset_large, NULL, SM_DATA_LOSS, "member g: lies beyond"},
      {"offset in zip64", offset_zip64, NULL, SM_DATA_LOSS, "member g"},
      {"two of one header", same_offset, NULL, SM_DATA_LOSS, "inside member f"},
      {"overlap", overlap, NULL, SM_DATA_LOSS, "member g begins at byte 46, inside member f"},
      {"into the directory", reaches_into_directory, NULL, SM_DATA_LOSS, "member g: reaches into the directory"},
      {"directory damaged", central_damaged, NULL, SM_DATA_LOSS, "no entry of the directory"},
      {"directory entry too long", central_too_long, NULL, SM_DATA_LOSS, "reaches beyond the directory"},
      {"directory cut", central_short, NULL, SM_DATA_LOSS, "cannot name 2 members"},
      {"directory with a rest", central_rest, NULL, SM_DATA_LOSS, "left over"},
      {"more members", count_large, NULL, SM_DATA_LOSS, "cannot name 3 members"},
      {"fewer members", count_small, NULL, SM_DATA_LOSS, "left over"},
      {"split", split, NULL, SM_UNIMPLEMENTED, "split"},
      {"end record split", end_split, NULL, SM_UNIMPLEMENTED, "split"},
      {"end record with two numbers", end_counts, NULL, SM_DATA_LOSS, "two numbers"},
      {"sizes of a stored member", stored_sizes, NULL, SM_DATA_LOSS, "member f: is stored"},
      {"ratio", ratio, NULL, SM_DATA_LOSS, "member g: 22 bytes cannot unpack to 500000000"},
      {"descriptor damaged", bad_descriptor, NULL, SM_DATA_LOSS, "member f: what follows"},
      {"descriptor missing", no_descriptor, NULL, SM_DATA_LOSS, "member f: what follows"},
      {"zip64 size missing", zip64_missing, NULL, SM_DATA_LOSS, "member f: its extra fields"},
      {"zip64 field short", zip64_extra_short, NULL, SM_DATA_LOSS, "member f: its extra fields"},
      {"zip64 field long", zip64_extra_long, NULL, SM_DATA_LOSS, "member f: its extra fields"},
      {"zip64 size", zip64_size, NULL, SM_DATA_LOSS, "member f"},
      {"zip64 end record damaged", end64_damaged, NULL, SM_DATA_LOSS, "no zip64 end record"},
      {"zip64 end record size", end64_size, NULL, SM_DATA_LOSS, "no zip64 end record"},
      {"zip64 end record split", end64_split, NULL, SM_UNIMPLEMENTED, "split"},
      {"zip64 end record counts", end64_counts, NULL, SM_DATA_LOSS, "two numbers"},
      {"zip64 directory", end64_directory, NULL, SM_DATA_LOSS, "does not end at its end record"},
      {"zip64 directory size", end64_directory_size, NULL, SM_DATA_LOSS, "does not end at its end record"},
      {"locator wrong", locator_wrong, NULL, SM_DATA_LOSS, "no zip64 end record"},
      {"locator far", locator_far, NULL, SM_DATA_LOSS, "zip64 end record"},
      {"locator of several disks", locator_disks, NULL, SM_UNIMPLEMENTED, "split"},
      {"bytes in front", in_front, NULL, SM_DATA_LOSS, "does not end at its end record"},
      {"bytes behind", behind, NULL, SM_DATA_LOSS, "no end record"},
      {"encrypted", encrypted, "g", SM_UNIMPLEMENTED, "member g: is encrypted"},
      {"encrypted, the other one", encrypted, "f", SM_OK, ""},
      {"other method", other_method, "g", SM_UNIMPLEMENTED, "member g: compression method 12"},
      {"crc32 wrong, stored", crc_wrong_stored, "f", SM_DATA_LOSS, "member f: crc32 0x"},
  };
  check_bad_archives(rows, N_OF(rows));
}

static void zip__refuses_deflated(void **state) {
  (void)state;
  static const bad_archive rows[] = {
      {"crc32 wrong", crc_wrong, "g", SM_DATA_LOSS, "member g: crc32 0x"},
      {"unpacks to more", unpacks_to_more, "g", SM_DATA_LOSS, "member g: unpacks to more than the 16"},
      {"unpacks to less", unpacks_to_less, "g", SM_DATA_LOSS, "member g: unpacks to 17 bytes, 18 are due"},
      {"unpacks to something", unpacks_to_nothing, "g", SM_DATA_LOSS, "member g: unpacks to more than the 0"},
      {"deflate damaged", deflate_damaged, "g", SM_DATA_LOSS, "member g: compressed data"},
      {"deflate cut", packed_cut, "g", SM_DATA_LOSS, "member g: compressed data before byte 47: they end"},
      {"deflate with a rest", packed_rest, "g", SM_DATA_LOSS, "member g: compressed data before byte 48: bytes follow"},
  };
  check_bad_compressed(rows, N_OF(rows));
}

static void small_archive(w_buffer *w) {
  zip_writer z = {.n = 0};
  zip_add_text(&z, "m/", "");
  zip_add(&z, (zip_member){.name = "m/f",
                           .data = repeated(),
                           .size = REPEATED_SIZE,
                           .method = 8,
                           .packed = repeated_packed,
                           .packed_size = sizeof repeated_packed});
  zip_add(&z, (zip_member){.name = "d", .data = "abc", .size = 3, .flags = ZIP_DESCRIPTOR, .zip64 = true});
  zip_finish(w, &z, true, "note");
}

static void zip__truncated(void **state) {
  (void)state;
  w_buffer w = {0};
  small_archive(&w);
  check_truncated(&w, w.size);
  w_free(&w);
}

static void zip__changed(void **state) {
  (void)state;
  w_buffer w = {0};
  zip_writer z = {.n = 0};
  small_archive(&w);
  check_changed(&w, "m/f", repeated(), false);
  w_clear(&w);
  zip_add_text(&z, "m/f", "stored");
  zip_finish(&w, &z, false, "");
  check_changed(&w, "m/f", "stored", false);
  w_free(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(zip__members), cmocka_unit_test(zip__forms_of_descriptors), cmocka_unit_test(zip__empty),
      cmocka_unit_test(zip__refuses), cmocka_unit_test(zip__refuses_deflated),     cmocka_unit_test(zip__truncated),
      cmocka_unit_test(zip__changed),
  };
  return cmocka_run_group_tests_name("zip", tests, NULL, NULL);
}
