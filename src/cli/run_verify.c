/* savedmodel verify: everything that can be checked. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"

typedef struct report {
  json *out; /* NULL: text */
  size_t n_errors;
} report;

static const char *severity_name(sm_severity severity) {
  switch (severity) {
    case SM_SEVERITY_NOTE: return "note";
    case SM_SEVERITY_WARNING: return "warning";
    default: return "error";
  }
}

static void print_defect(void *ctx, const sm_finding *defect) {
  report *to = ctx;
  if (defect->severity == SM_SEVERITY_ERROR) to->n_errors++;
  if (to->out == NULL) {
    printf("%s: ", severity_name(defect->severity));
    cli_put(defect->file, strlen(defect->file));
    if (*defect->place != '\0') fputs(": ", stdout);
    cli_put(defect->place, strlen(defect->place));
    fputs(": ", stdout);
    cli_put(defect->what, strlen(defect->what));
    putchar('\n');
    return;
  }
  json_begin_object(to->out, NULL);
  json_bytes(to->out, "file", defect->file, strlen(defect->file));
  json_bytes(to->out, "message", defect->what, strlen(defect->what));
  json_bytes(to->out, "place", defect->place, strlen(defect->place));
  json_string(to->out, "severity", severity_name(defect->severity));
  json_end_object(to->out);
}

/* What cannot even be opened is a finding, too; a path that leads nowhere is none. */
static sm_status report_failure(report *to, const char *file, sm_status status, const sm_error *err) {
  if (status == SM_OK || status == SM_NOT_FOUND || to->n_errors != 0) return status;
  print_defect(to, &(sm_finding){SM_SEVERITY_ERROR, file, "", err->message});
  return status;
}

static sm_status verify_model(report *to, const char *dir, const sm_open_options *options, sm_error *err) {
  sm_model *model;
  sm_status status = sm_model_open(&model, dir, options, err);
  if (status != SM_OK) return report_failure(to, SM_FILE_SAVED_MODEL_PB, status, err);
  status = sm_model_verify(model, print_defect, to, err);
  sm_model_close(model);
  return status;
}

static sm_status verify_checkpoint(report *to, const char *prefix, const sm_open_options *options, sm_error *err) {
  sm_bundle_reader *reader;
  sm_restore_options threads = SM_RESTORE_OPTIONS_INIT;
  const char *slash = strrchr(prefix, '/');
  sm_status status = sm_bundle_reader_open(&reader, prefix, options, err);
  if (status != SM_OK) return report_failure(to, slash != NULL ? slash + 1 : prefix, status, err);
  threads.n_threads = cli_n_threads();
  status = sm_bundle_reader_verify(reader, print_defect, to, &threads, err);
  sm_bundle_reader_close(reader);
  return status;
}

/* A directory that has variables is one of a model, though the model be gone. */
static bool was_model(const sm_fs *fs, const char *dir) {
  sm_dir_entry entry;
  if (fs == NULL) fs = sm_fs_local();
  return fs->stat(&entry, fs, dir, SM_DIR_VARIABLES "/" SM_FILE_VARIABLES_PREFIX ".index", 0, NULL) == SM_OK;
}

static sm_status verify(report *to, const char *path, const sm_open_options *options, sm_error *err) {
  bool is_model = cli_is_model(options->fs, path) || was_model(options->fs, path);
  return is_model ? verify_model(to, path, options, err) : verify_checkpoint(to, path, options, err);
}

int cli_verify(const cli_args *args) {
  char path[4096];
  sm_error err;
  json out = {.depth = 0};
  report to = {.out = args->values[CLI_json] != NULL ? &out : NULL};
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  int code = cli_checkpoint_try(path, &options, &err, args, cli_dir(args));
  if (code != CLI_OK) return code;
  options.no_mmap = true; /* a file that shrinks meanwhile is an error, not the end of the process */
  if (to.out != NULL) {
    json_begin_object(to.out, NULL);
    json_begin_list(to.out, "findings");
  }
  sm_status status = err.code;
  if (status != SM_OK)
    (void)report_failure(&to, SM_FILE_CHECKPOINT_STATE, status, &err);
  else
    status = verify(&to, path, &options, &err);
  if (to.out != NULL) {
    json_end_list(to.out);
    json_string(to.out, "format", "savedmodel/1");
    json_bool(to.out, "sound", status == SM_OK && to.n_errors == 0);
    json_end_object(to.out);
    json_finish(to.out);
  }
  const char *what = *path != '\0' ? path : cli_dir(args); /* no checkpoint was found */
  if (to.n_errors != 0) return cli_fail("%s: %zu %s", what, to.n_errors, to.n_errors == 1 ? "error" : "errors");
  return status == SM_OK ? CLI_OK : cli_fail_status(&err);
}
