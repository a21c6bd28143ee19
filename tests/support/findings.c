#include "support/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void add(findings *f, const char *format, ...) {
  size_t used = strlen(f->text);
  va_list args;
  va_start(args, format);
  vsnprintf(f->text + used, sizeof f->text - used, format, args);
  va_end(args);
}

sm_status add_finding(void *ctx, const sm_scan_finding *finding, sm_error *err) {
  static const char *const ways[] = {"signature", "init", "train", "object", "save", "restore"};
  findings *f = ctx;
  (void)err;
  f->n++;
  const char *comma = "";
  if (finding->effects == 0) add(f, "pure");
  for (uint32_t bit = 1; sm_effect_name(bit) != NULL; bit <<= 1) {
    if ((finding->effects & bit) == 0) continue;
    add(f, "%s%s", comma, sm_effect_name(bit));
    comma = ",";
  }
  add(f, " %.*s %s:", (int)finding->op.size, finding->op.data, finding->file);
  if (finding->graph != NULL) add(f, "%zu", finding->meta_graph);
  add(f, ":%.*s:%.*s", (int)finding->function.size, finding->function.data, (int)finding->node.size,
      finding->node.data);
  comma = " ";
  for (unsigned i = 0; i < 6; i++) {
    if ((finding->reached_by & 1u << i) == 0) continue;
    add(f, "%s%s", comma, ways[i]);
    comma = ",";
  }
  add(f, "%s%s\n", finding->is_checkpointing ? " (saver)" : "", finding->is_asset_read ? " (asset)" : "");
  return SM_OK;
}
