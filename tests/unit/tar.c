/* Expected: POSIX.1-2017 pax, GNU tar manual "Basic Tar Format", and what Python's tarfile makes of the same bytes. */
#include "support/archives.h"
#include "support/check.h"

static sm_error err;

static void assert_contents(const archive *a, const char *name, const char *text) {
  w_buffer contents = {0};
  assert_ok(archive_read(a, name, &contents, &err), err);
  assert_bytes(name, contents.data, contents.size, text, strlen(text));
  w_free(&contents);
}

/* ---- What is read ---- */

static void tar__members(void **state) {
  (void)state;
  w_buffer w = {0};
  char names[1000];
  archive a;
  tar_add(&w, (tar_member){.name = "./", .type = '5'});
  tar_add(&w, (tar_member){.name = "./m/", .type = '5'});
  tar_add_text(&w, "./m/saved_model.pb", "bytes");
  tar_add(&w, (tar_member){.name = "m/", .type = '5'}); /* again, which is fine of a directory */
  tar_add(&w, (tar_member){.name = "m/empty", .type = '5'});
  tar_add(&w, (tar_member){.name = "v7dir/", .format = TAR_V7});
  tar_add(&w, (tar_member){.name = "v7dir/f", .data = "v7", .size = 2, .format = TAR_V7});
  tar_add(&w, (tar_member){.name = "contiguous", .type = '7', .data = "seven", .size = 5});
  tar_add(&w, (tar_member){.name = "none", .type = '0', .data = "", .size = 0});
  tar_add(&w, (tar_member){.name = "hard", .type = '1'});
  tar_add(&w, (tar_member){.name = "soft", .type = '2'});
  tar_add(&w, (tar_member){.name = "pipe", .type = '6'});
  tar_add(&w, (tar_member){.name = "label", .type = 'V'});
  tar_add(&w, (tar_member){.name = "own", .type = 'Z', .data = "of some tool", .size = 12});
  tar_add(&w, (tar_member){.name = "f", .type = '0', .data = "prefixed", .size = 8, .prefix = "some/dir"});
  tar_add(&w, (tar_member){.name = "g", .type = '0', .data = "gnu", .size = 3, .prefix = "times", .format = TAR_GNU});
  tar_end(&w);
  for (int no_mmap = 0; no_mmap < 2; no_mmap++) {
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = no_mmap != 0;
    assert_ok(archive_open(&a, &w, &options, &err), err);
    assert_true((a.fs->map == NULL) == options.no_mmap);
    archive_names(&a, names, sizeof names);
    assert_text("names", names,
                "contiguous g link:hard other:label dir:m none other:own other:pipe link:soft dir:some dir:v7dir "
                "dir:m/empty m/saved_model.pb dir:some/dir v7dir/f some/dir/f");
    assert_contents(&a, "m/saved_model.pb", "bytes");
    assert_contents(&a, "v7dir/f", "v7");
    assert_contents(&a, "contiguous", "seven");
    assert_contents(&a, "none", "");
    assert_contents(&a, "some/dir/f", "prefixed");
    assert_contents(&a, "g", "gnu");
    archive_close(&a);
  }
  w_free(&w);
}

static void tar__what_is_no_file(void **state) {
  (void)state;
  static const char *const names[] = {"hard", "soft", "device", "dir", "dir/"};
  w_buffer w = {0};
  archive a;
  sm_file file;
  tar_add(&w, (tar_member){.name = "hard", .type = '1', .size = 5}); /* a size, but no contents */
  tar_add(&w, (tar_member){.name = "soft", .type = '2'});
  tar_add(&w, (tar_member){.name = "device", .type = '4'});
  tar_add(&w, (tar_member){.name = "dir", .type = '5'});
  tar_end(&w);
  assert_ok(archive_open(&a, &w, NULL, &err), err);
  for (size_t i = 0; i < N_OF(names); i++)
    assert_status(a.fs->open(&file, a.fs, "", names[i], 0, &err), SM_FAILED_PRECONDITION, err);
  assert_status(a.fs->open(&file, a.fs, "soft", "x", 0, &err), SM_NOT_FOUND, err);
  assert_status(a.fs->open(&file, a.fs, "", "absent", 0, &err), SM_NOT_FOUND, err);
  assert_mentions(err.message, "dir/test.archive");
  archive_close(&a);
  w_free(&w);
}

static void tar__long_names(void **state) {
  (void)state;
  static char name[3000];
  w_buffer w = {0}, pax = {0};
  archive a;
  memset(name, 'n', sizeof name - 1);
  name[200] = '/';
  name[0] = 'G';
  tar_add(&w, (tar_member){.name = "././@LongLink", .type = 'L', .data = name, .size = sizeof name, .format = TAR_GNU});
  tar_add(&w, (tar_member){.name = "cut", .type = '0', .data = "gnu", .size = 3, .format = TAR_GNU});
  name[0] = 'P';
  pax_record(&pax, "mtime", "1.5");
  pax_record(&pax, "path", name);
  pax_record(&pax, "size", "3");
  pax_record(&pax, "comment", "a=b\nc");
  tar_add(&w, (tar_member){.name = "PaxHeaders/x", .type = 'x', .data = pax.data, .size = pax.size});
  tar_add(&w, (tar_member){.name = "cut", .type = '0', .data = "pax", .size = 3});
  w_clear(&pax);
  pax_record(&pax, "comment", "of all"); /* what git archive writes */
  tar_add(&w, (tar_member){.name = "pax_global_header", .type = 'g', .data = pax.data, .size = pax.size});
  tar_add(&w, (tar_member){.name = "link", .type = 'K', .data = "/etc/passwd", .size = 12, .format = TAR_GNU});
  tar_add(&w, (tar_member){.name = "l", .type = '2', .format = TAR_GNU});
  tar_add_text(&w, "cut", "own name again");
  tar_end(&w);
  for (int no_mmap = 0; no_mmap < 2; no_mmap++) {
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = no_mmap != 0;
    assert_ok(archive_open(&a, &w, &options, &err), err);
    assert_contents(&a, name, "pax");
    name[0] = 'G';
    assert_contents(&a, name, "gnu");
    name[0] = 'P';
    assert_contents(&a, "cut", "own name again");
    archive_close(&a);
  }
  w_free(&pax);
  w_free(&w);
}

/* The size of the header says nothing when a PAX record says another one; numbers may be binary. */
static void tar__sizes(void **state) {
  (void)state;
  w_buffer w = {0}, pax = {0};
  archive a;
  pax_record(&pax, "size", "513");
  static char text[514];
  memset(text, 't', 513);
  tar_add(&w, (tar_member){.name = "x", .type = 'x', .data = pax.data, .size = pax.size});
  size_t at = tar_add(&w, (tar_member){.name = "pax", .type = '0', .data = text, .size = 513});
  memcpy(w.data + at + 124, "00000000000", 12);
  tar_sign(&w, at);
  at = tar_add_text(&w, "binary", "12345");
  memcpy(w.data + at + 124, "\x80\0\0\0\0\0\0\0\0\0\0\5", 12);
  tar_sign(&w, at);
  at = tar_add_text(&w, "blanks", "123456789");
  memcpy(w.data + at + 124, "        11  ", 12); /* octal */
  tar_sign(&w, at);
  at = tar_add_text(&w, "sign\xC3\xA4", "x"); /* the checksum of a writer that took char for signed */
  unsigned sum = 0;
  memset(w.data + at + 148, ' ', 8);
  for (size_t i = 0; i < 512; i++) sum += (unsigned)(signed char)w.data[at + i];
  snprintf((char *)w.data + at + 148, 8, "%06o", sum);
  tar_end(&w);
  assert_ok(archive_open(&a, &w, NULL, &err), err);
  assert_contents(&a, "pax", text);
  assert_contents(&a, "binary", "12345");
  assert_contents(&a, "blanks", "123456789");
  assert_contents(&a, "sign\xC3\xA4", "x");
  archive_close(&a);
  w_free(&pax);
  w_free(&w);
}

static void tar__ends(void **state) {
  (void)state;
  char names[100];
  w_buffer w = {0};
  archive a;
  tar_end(&w); /* nothing in it */
  assert_ok(archive_open(&a, &w, NULL, &err), err);
  archive_close(&a);
  w_clear(&w);
  tar_add_text(&w, "f", "x");
  tar_end(&w);
  w.size -= 512; /* one block of zeros will do */
  assert_ok(archive_open(&a, &w, NULL, &err), err);
  archive_close(&a);
  w_raw(&w, "what follows is not looked at", 29);
  assert_ok(archive_open(&a, &w, NULL, &err), err);
  archive_names(&a, names, sizeof names);
  assert_text("names", names, "f");
  archive_close(&a);
  w_free(&w);
}

/* ---- What is refused ---- */

static void with_name(w_buffer *w, const char *name) {
  tar_add_text(w, name, "x");
  tar_end(w);
}

static void absolute(w_buffer *w) { with_name(w, "/etc/passwd"); }
static void climbs(w_buffer *w) { with_name(w, "a/../../b"); }
static void climbs_at_end(w_buffer *w) { with_name(w, "a/.."); }
static void no_name(w_buffer *w) { with_name(w, ""); }
static void dot(w_buffer *w) { with_name(w, "./."); }

static void twice(w_buffer *w) {
  tar_add_text(w, "m/f", "1");
  tar_add_text(w, "m/g", "2");
  tar_add_text(w, "./m//f", "3");
  tar_end(w);
}

static void file_and_directory(w_buffer *w) {
  tar_add_text(w, "m", "1");
  tar_add_text(w, "m/f", "2");
  tar_end(w);
}

static void below_a_link(w_buffer *w) {
  tar_add(w, (tar_member){.name = "m", .type = '2'});
  tar_add_text(w, "m/f", "2");
  tar_end(w);
}

static void bad_checksum(w_buffer *w) {
  tar_add_text(w, "first", "x");
  size_t at = tar_add_text(w, "second", "x");
  w->data[at]++;
  tar_end(w);
}

static void with_size(w_buffer *w, const char *size) {
  size_t at = tar_add_text(w, "f", "x");
  memcpy(w->data + at + 124, size, 12);
  tar_sign(w, at);
  tar_end(w);
}

static void no_number(w_buffer *w) { with_size(w, "0000000008\0"); }
static void too_large(w_buffer *w) { with_size(w, "77777777777"); }
static void negative(w_buffer *w) { with_size(w, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE"); }
static void binary_too_large(w_buffer *w) { with_size(w, "\x80\1\0\0\0\0\0\0\0\0\0\0"); }
static void binary_huge(w_buffer *w) { with_size(w, "\x80\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"); }

static void no_end(w_buffer *w) { tar_add_text(w, "f", "x"); }

static void extended(w_buffer *w, char type, const char *records, size_t size) {
  tar_add(w, (tar_member){.name = "x", .type = type, .data = records, .size = size});
  tar_add_text(w, "f", "x");
  tar_end(w);
}

#define PAX(name, text) \
  static void name(w_buffer *w) { extended(w, 'x', text, sizeof(text) - 1); }
PAX(pax_no_length, "path=a\n")
PAX(pax_no_newline, "9 path=ab")
PAX(pax_too_long, "99 path=a\n")
PAX(pax_too_short, "2 path=a\n")
PAX(pax_zero, "0 path=a\n")
PAX(pax_no_equals, "7 patha\n")
PAX(pax_overflow, "99999999999999999999999 path=a\n")
PAX(pax_size_no_number, "10 size=x\n")
PAX(pax_size_too_large, "25 size=9999999999999999\n")
PAX(pax_size_overflow, "32 size=99999999999999999999999\n")
PAX(pax_climbs, "13 path=../a\n")
PAX(pax_nul, "12 path=a\0b\n")
PAX(pax_sparse, "22 GNU.sparse.major=1\n")

static void pax_for_all(w_buffer *w) { extended(w, 'g', "10 path=a\n", 10); }

static void pax_last(w_buffer *w) {
  tar_add(w, (tar_member){.name = "x", .type = 'x', .data = "10 path=a\n", .size = 10});
  tar_end(w);
}

static void pax_large(w_buffer *w) {
  static char records[(1 << 20) + 1];
  extended(w, 'x', records, sizeof records);
}

static void long_name_too_long(w_buffer *w) {
  static char name[5000];
  memset(name, 'n', sizeof name);
  extended(w, 'L', name, sizeof name);
}

static void sparse(w_buffer *w) {
  tar_add(w, (tar_member){.name = "f", .type = 'S', .data = "x", .size = 1, .format = TAR_GNU});
  tar_end(w);
}

static void continued(w_buffer *w) {
  tar_add(w, (tar_member){.name = "f", .type = 'M', .data = "x", .size = 1, .format = TAR_GNU});
  tar_end(w);
}

static void nothing(w_buffer *w) { (void)w; }
static void text(w_buffer *w) { w_raw(w, "saved_model_schema_version: 1", 29); }

static void looks_like_it(w_buffer *w) {
  tar_add_text(w, "f", "x");
  w->data[0]++;
  tar_end(w);
}

static void tar__refuses(void **state) {
  (void)state;
  static const bad_archive rows[] = {
      {"empty", nothing, NULL, SM_INVALID_ARGUMENT, "neither a tar nor a zip"},
      {"text", text, NULL, SM_INVALID_ARGUMENT, "neither a tar nor a zip"},
      {"first checksum", looks_like_it, NULL, SM_INVALID_ARGUMENT, "neither a tar nor a zip"},
      {"absolute", absolute, NULL, SM_DATA_LOSS, "/etc/passwd"},
      {"climbs", climbs, NULL, SM_DATA_LOSS, "leads out of the archive"},
      {"climbs at the end", climbs_at_end, NULL, SM_DATA_LOSS, "leads out of the archive"},
      {"no name", no_name, NULL, SM_DATA_LOSS, "no name"},
      {"dot", dot, NULL, SM_DATA_LOSS, "no name"},
      {"twice", twice, NULL, SM_DATA_LOSS, "m/f"},
      {"file and directory", file_and_directory, NULL, SM_DATA_LOSS, "m/f"},
      {"below a link", below_a_link, NULL, SM_DATA_LOSS, "m/f"},
      {"checksum", bad_checksum, NULL, SM_DATA_LOSS, "header at byte 1024: the checksum"},
      {"no number", no_number, NULL, SM_DATA_LOSS, "size"},
      {"too large", too_large, NULL, SM_DATA_LOSS, "8589934591 bytes follow, but the archive ends after 1536"},
      {"negative", negative, NULL, SM_DATA_LOSS, "size"},
      {"binary too large", binary_too_large, NULL, SM_DATA_LOSS, "size"},
      {"binary huge", binary_huge, NULL, SM_DATA_LOSS, "9223372036854775807 bytes"},
      {"no end", no_end, NULL, SM_DATA_LOSS, "ends at byte 1024"},
      {"PAX without length", pax_no_length, NULL, SM_DATA_LOSS, "PAX record"},
      {"PAX without newline", pax_no_newline, NULL, SM_DATA_LOSS, "PAX record"},
      {"PAX too long", pax_too_long, NULL, SM_DATA_LOSS, "PAX record"},
      {"PAX too short", pax_too_short, NULL, SM_DATA_LOSS, "PAX record"},
      {"PAX of length 0", pax_zero, NULL, SM_DATA_LOSS, "PAX record"},
      {"PAX without =", pax_no_equals, NULL, SM_DATA_LOSS, "PAX record"},
      {"PAX length overflows", pax_overflow, NULL, SM_DATA_LOSS, "PAX record"},
      {"PAX size no number", pax_size_no_number, NULL, SM_DATA_LOSS, "no number"},
      {"PAX size too large", pax_size_too_large, NULL, SM_DATA_LOSS, "9999999999999999 bytes"},
      {"PAX size overflows", pax_size_overflow, NULL, SM_DATA_LOSS, "no number"},
      {"PAX path climbs", pax_climbs, NULL, SM_DATA_LOSS, "../a"},
      {"PAX path with NUL", pax_nul, NULL, SM_DATA_LOSS, "NUL"},
      {"PAX sparse", pax_sparse, NULL, SM_UNIMPLEMENTED, "sparse"},
      {"PAX for all", pax_for_all, NULL, SM_UNIMPLEMENTED, "all members"},
      {"PAX last", pax_last, NULL, SM_DATA_LOSS, "extended header"},
      {"PAX large", pax_large, NULL, SM_RESOURCE_EXHAUSTED, "1 MiB"},
      {"long name too long", long_name_too_long, NULL, SM_DATA_LOSS, "too long"},
      {"sparse", sparse, NULL, SM_UNIMPLEMENTED, "sparse"},
      {"continued", continued, NULL, SM_UNIMPLEMENTED, "another archive"},
  };
  check_bad_archives(rows, N_OF(rows));
}

static void small_archive(w_buffer *w) {
  w_buffer pax = {0};
  tar_add(w, (tar_member){.name = "m/", .type = '5'});
  tar_add_text(w, "m/f", "contents");
  pax_record(&pax, "path", "m/g");
  tar_add(w, (tar_member){.name = "x", .type = 'x', .data = pax.data, .size = pax.size});
  tar_add_text(w, "g", "more");
  tar_end(w);
  w_free(&pax);
}

static void tar__truncated(void **state) {
  (void)state;
  w_buffer w = {0};
  small_archive(&w);
  check_truncated(&w, w.size - 512);
  w_free(&w);
}

static void tar__changed(void **state) {
  (void)state;
  w_buffer w = {0};
  small_archive(&w);
  check_changed(&w, "m/f", "contents", true); /* a tar has no checksum of contents */
  w_free(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tar__members),    cmocka_unit_test(tar__what_is_no_file),
      cmocka_unit_test(tar__long_names), cmocka_unit_test(tar__sizes),
      cmocka_unit_test(tar__ends),       cmocka_unit_test(tar__refuses),
      cmocka_unit_test(tar__truncated),  cmocka_unit_test(tar__changed),
  };
  return cmocka_run_group_tests_name("tar", tests, NULL, NULL);
}
