/* What checks tell of what they find. */
#include <stdarg.h>
#include <stdio.h>

#include "verify/verify_internal.h"

/* Names come from files: whatever a terminal would act on goes the way that messages of errors go. */
static void tell(sm_verifier *v, sm_severity severity, const sm_place *place, const char *text) {
  static const sm_place nowhere;
  const sm_place *at = place != NULL ? place : &nowhere;
  sm_error what, where;
  char graph[48] = "";
  bool has_name = at->name.size != 0, is_inside = at->function.size != 0;
  if (v->graph != NULL && sm_model_n_meta_graphs(v->model) > 1)
    snprintf(graph, sizeof graph, "meta graph %zu%s", v->graph_number, at->kind != NULL ? ": " : "");
  (void)SM_FAIL(&where, SM_DATA_LOSS, "%s%s%s%.*s%s%.*s", graph, at->kind != NULL ? at->kind : "", has_name ? " " : "",
                SM_SHOWN(at->name), is_inside ? " of function " : "", SM_SHOWN(at->function));
  (void)SM_FAIL(&what, SM_DATA_LOSS, "%s", text);
  const sm_finding defect = {.severity = severity,
                             .file = at->file != NULL ? at->file : v->file,
                             .place = where.message,
                             .what = what.message};
  if (v->fn != NULL) v->fn(v->ctx, &defect);
  if (severity != SM_SEVERITY_ERROR || v->status != SM_OK) return;
  const char *colon = *defect.place != '\0' ? ": " : "";
  v->status = SM_FAIL(&v->first, SM_DATA_LOSS, "%s%s%s: %s", defect.file, colon, defect.place, defect.what);
}

void sm_verify_tell(sm_verifier *v, sm_severity severity, const sm_place *place, const char *format, ...) {
  char text[sizeof((sm_error *)0)->message];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  tell(v, severity, place, text);
}

static const char *without(const char *text, const char *beginning) {
  size_t size = strlen(beginning);
  bool begins = size != 0 && strncmp(text, beginning, size) == 0 && strncmp(text + size, ": ", 2) == 0;
  return begins ? text + size + 2 : text;
}

void sm_verify_tell_error(sm_verifier *v, sm_severity severity, const sm_place *place, const sm_error *err) {
  const sm_root *root = sm_model_get_root(v->model);
  char path[SM_PATH_MAX];
  const char *file = place != NULL && place->file != NULL ? place->file : v->file;
  if (!sm_path_join(path, sizeof path, root->dir != NULL ? root->dir : "", file)) *path = '\0';
  tell(v, severity, place, without(without(err->message, path), file));
}

bool sm_verify_is_defect(sm_status status) {
  return status == SM_DATA_LOSS || status == SM_NOT_FOUND || status == SM_UNIMPLEMENTED || status == SM_OUT_OF_RANGE ||
         status == SM_FAILED_PRECONDITION;
}
