/* savedmodel checkpoint: what its commands share. */
#ifndef SM_CLI_SURGERY_H
#define SM_CLI_SURGERY_H

#include "cli/cli.h"
#include "cli/surgery_plan.h"

/* The words of a command line: checkpoint WORD SRC... DST. */
typedef struct surgery {
  const cli_args *args;
  const char *dst;
  const char *const *src;
  size_t n_src;
  surgery_plan *plans; /* one for each source, open */
  sm_save_options options;
} surgery;

/* The other end of what was copied: closes the writer, after finishing it when status is SM_OK. */
static inline sm_status surgery_finish(sm_bundle_writer *out, sm_status status, sm_error *err) {
  if (status == SM_OK) status = sm_bundle_writer_finish(out, err);
  sm_bundle_writer_close(out);
  return status;
}

int surgery_average(surgery *the);

#endif
