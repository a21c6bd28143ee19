#include "support/defects.h"

#include <stdio.h>
#include <string.h>

void add_defect(void *ctx, const sm_finding *defect) {
  static const char *const names[] = {"note", "warning", "error"};
  defects *found = ctx;
  size_t used = strlen(found->text);
  found->n++;
  found->n_errors += defect->severity == SM_SEVERITY_ERROR;
  snprintf(found->text + used, sizeof found->text - used, "%s %s: %s%s%s\n", names[defect->severity], defect->file,
           defect->place, *defect->place != '\0' ? ": " : "", defect->what);
}
